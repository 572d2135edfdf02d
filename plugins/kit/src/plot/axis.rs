//! Axes: what they are called, and how the numeric ones are drawn.

use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::figure::PlotError;
use super::palette::{AXIS, GRID, SOFT_INK};
use super::scale::Scale;
use super::text;

/// Title and unit of an axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    pub(super) title: String,
    pub(super) unit: Option<String>,
    pub(super) decimals: Option<usize>,
}

impl Axis {
    /// An axis of this title without a unit (counts, names).
    pub fn new(title: impl Into<String>) -> Axis {
        Axis { title: title.into(), ..Axis::default() }
    }

    /// The unit, written after the title in brackets ("hours").
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Axis {
        self.unit = Some(unit.into());
        self
    }

    /// A fixed number of decimals for value labels on this axis; without it three significant digits.
    #[must_use]
    pub fn decimals(mut self, decimals: usize) -> Axis {
        self.decimals = Some(decimals);
        self
    }

    pub(super) fn heading(&self) -> String {
        match &self.unit {
            Some(unit) if self.title.is_empty() => unit.clone(),
            Some(unit) => format!("{} ({unit})", self.title),
            None => self.title.clone(),
        }
    }
}

/// Refuses what has no place on an axis. Beyond 1e300 differences of values overflow.
pub(super) fn check_finite(value: f64, place: impl FnOnce() -> String) -> Result<(), PlotError> {
    if value.is_finite() && value.abs() <= 1e300 {
        Ok(())
    } else {
        Err(PlotError::NotFinite { place: place(), value })
    }
}

/// Least and greatest of the values; `None` without any.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |seen, v| match seen {
        None => Some((v, v)),
        Some((lo, hi)) => Some((lo.min(v), hi.max(v))),
    })
}

/// Room that an axis title takes, with its gap; nothing for an empty title.
pub(super) fn title_room(axis: &Axis, theme: Theme) -> f64 {
    if axis.heading().is_empty() { 0.0 } else { Theme::line(theme.label) + 8.0 }
}

/// Room for the tick labels of a vertical numeric axis, with its gap.
pub(super) fn label_room(scale: &Scale, theme: Theme) -> f64 {
    scale.ticks().iter().map(|t| text::width(&scale.label(*t), theme.small, false)).fold(0.0, f64::max) + 10.0
}

/// The title of a vertical axis, turned, at the left edge `x`.
pub(super) fn vertical_title(canvas: &mut Canvas, axis: &Axis, x: f64, plot: Rect) {
    let theme = canvas.theme;
    let heading = text::shortened(&text::clean(&axis.heading()), theme.label, false, plot.h.max(40.0));
    let style = Type::new(theme.label, Anchor::Middle).ink(SOFT_INK).turned(-90.0);
    canvas.text(&heading, x + theme.label / 2.0, plot.y + plot.h / 2.0, style);
}

/// The title of a horizontal axis, its middle at height `y`.
pub(super) fn horizontal_title(canvas: &mut Canvas, axis: &Axis, y: f64, plot: Rect) {
    let theme = canvas.theme;
    let heading = text::shortened(&text::clean(&axis.heading()), theme.label, false, plot.w.max(40.0));
    canvas.text(&heading, plot.x + plot.w / 2.0, y, Type::new(theme.label, Anchor::Middle).ink(SOFT_INK));
}

/// Grid lines and labels of a vertical numeric axis along the left of `plot`.
pub(super) fn vertical_numbers(canvas: &mut Canvas, scale: &Scale, plot: Rect) {
    let style = Type::new(canvas.theme.small, Anchor::End).ink(SOFT_INK);
    for tick in scale.ticks() {
        let y = scale.place(tick, plot.bottom(), plot.y);
        let (colour, thickness) = if tick == 0.0 { (AXIS, 1.4) } else { (GRID, 1.0) };
        canvas.line((plot.x, y), (plot.right(), y), colour, thickness, false);
        canvas.text(&scale.label(tick), plot.x - 8.0, y, style);
    }
}

/// Grid lines and labels of a horizontal numeric axis along the bottom of `plot`; labels that would touch the one
/// before are left out.
pub(super) fn horizontal_numbers(canvas: &mut Canvas, scale: &Scale, plot: Rect) {
    let size = canvas.theme.small;
    let mut free_from = f64::NEG_INFINITY;
    for tick in scale.ticks() {
        let x = scale.place(tick, plot.x, plot.right());
        let (colour, thickness) = if tick == 0.0 { (AXIS, 1.4) } else { (GRID, 1.0) };
        canvas.line((x, plot.y), (x, plot.bottom()), colour, thickness, false);
        let label = scale.label(tick);
        let half = text::width(&label, size, false) / 2.0;
        if x - half >= free_from {
            canvas.text(
                &label,
                x,
                plot.bottom() + 8.0 + size / 2.0,
                Type::new(size, Anchor::Middle).ink(SOFT_INK),
            );
            free_from = x + half + size * 0.6;
        }
    }
}
