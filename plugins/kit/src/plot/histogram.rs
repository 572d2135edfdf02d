//! Histograms of a measurement, one outline for each group.

use super::axis::{self, Axis};
use super::canvas::{Canvas, Dash, Rect, Theme};
use super::chart::{Chart, LegendItem, LegendKey, Titles};
use super::figure::PlotError;
use super::palette::{Colour, SERIES_COLOURS, SOFT_INK};
use super::scale::Scale;
use crate::stats::quantile;

/// Most bins of a histogram.
const MOST_BINS: f64 = 40.0;

/// A histogram. Groups share the bins, and are drawn as shares of their own size, so that arms of different size can be
/// compared.
///
/// ```
/// use heddle_kit::plot::{Axis, Chart as _, Histogram, Size};
/// let figure = Histogram::new("Age")
///     .group("Drug", [51.0, 60.0, 62.0, 70.0])
///     .group("Placebo", [49.0, 58.0, 66.0])
///     .value_axis(Axis::new("Age").unit("years"))
///     .render(Size::default())?;
/// assert!(figure.svg.contains("Placebo"));
/// # Ok::<(), heddle_kit::plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Histogram {
    titles: Titles,
    groups: Vec<(String, Vec<f64>)>,
    value_axis: Axis,
}

impl Histogram {
    /// A histogram without groups; `title` names the measurement.
    pub fn new(title: impl Into<String>) -> Histogram {
        Histogram { titles: Titles::new(title), groups: Vec::new(), value_axis: Axis::default() }
    }

    /// Adds a group: its name for the legend and its values.
    #[must_use]
    pub fn group(mut self, name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Histogram {
        self.groups.push((name.into(), values.into_iter().collect()));
        self
    }

    /// The axis of the values.
    #[must_use]
    pub fn value_axis(mut self, axis: Axis) -> Histogram {
        self.value_axis = axis;
        self
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.groups.iter().flat_map(|(_, v)| v.iter().copied())
    }

    /// Bins of round width, about as wide as Freedman and Diaconis, "On the histogram as a density estimator" (1981),
    /// have them: twice the interquartile range over the cube root of the count.
    fn bins(&self) -> Scale {
        let mut all: Vec<f64> = self.values().collect();
        all.sort_by(f64::total_cmp);
        let (lo, hi) = axis::extent(all.iter().copied()).unwrap_or((0.0, 1.0));
        let spread = quantile(&all, 0.75).zip(quantile(&all, 0.25)).map_or(0.0, |(high, low)| high - low);
        let width = 2.0 * spread / (all.len() as f64).cbrt().max(1.0);
        let wanted = if width > 0.0 { ((hi - lo) / width).clamp(4.0, MOST_BINS) } else { 10.0 };
        let whole = all.iter().all(|v| v.fract() == 0.0);
        Scale::covering(lo, hi, false, wanted as usize, whole)
    }
}

/// How many of the values fall into each bin; the last bin holds its upper end too.
fn counted(values: &[f64], bins: &Scale, count: usize) -> Vec<f64> {
    let mut counts = vec![0.0; count];
    for value in values {
        let bin = ((value - bins.lo) / bins.step + 1e-9).floor().max(0.0) as usize;
        if let Some(count) = counts.get_mut(bin.min(count.saturating_sub(1))) {
            *count += 1.0;
        }
    }
    counts
}

impl Chart for Histogram {
    fn titles(&self) -> &Titles {
        &self.titles
    }

    fn titles_mut(&mut self) -> &mut Titles {
        &mut self.titles
    }

    fn check(&self) -> Result<(), PlotError> {
        let title = &self.titles.title;
        if self.groups.len() > SERIES_COLOURS {
            return Err(PlotError::Inconsistent(format!(
                "\"{title}\" has {} groups and {SERIES_COLOURS} can be told apart: draw fewer",
                self.groups.len()
            )));
        }
        for (name, values) in &self.groups {
            for value in values {
                axis::check_finite(*value, || format!("a value of \"{name}\" in \"{title}\""))?;
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.values().next().is_none()
    }

    fn legend(&self) -> Vec<LegendItem> {
        let item = |(at, (name, _)): (usize, &(String, Vec<f64>))| LegendItem {
            name: name.clone(),
            colour: Colour::series(at),
            key: LegendKey::Stroke(Dash::series(at)),
        };
        if self.groups.iter().all(|(name, _)| name.is_empty()) {
            return Vec::new();
        }
        self.groups.iter().enumerate().map(item).collect()
    }

    fn least_body(&self, _: Theme) -> (f64, f64) {
        (260.0, 200.0)
    }

    fn draw_body(&self, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let bins = self.bins();
        let count = ((bins.hi - bins.lo) / bins.step).round().clamp(1.0, 200.0) as usize;
        let shares: Vec<Vec<f64>> = self
            .groups
            .iter()
            .map(|(_, values)| {
                let total = (values.len() as f64).max(1.0);
                counted(values, &bins, count).into_iter().map(|n| n / total * 100.0).collect()
            })
            .collect();
        let highest = shares.iter().flatten().copied().fold(0.0, f64::max);
        let y_scale = Scale::covering(0.0, highest, true, ((area.h / 60.0) as usize).clamp(3, 7), false);
        let share_axis = Axis::new("Share").unit("%");
        let left = axis::title_room(&share_axis, theme) + axis::label_room(&y_scale, theme);
        let bottom = theme.small * 2.0 + axis::title_room(&self.value_axis, theme);
        let plot = area.without(left, theme.small * 0.6, theme.small, bottom);
        axis::vertical_numbers(canvas, &y_scale, plot);
        axis::horizontal_numbers(canvas, &bins, plot);
        axis::vertical_title(canvas, &share_axis, area.x, plot);
        axis::horizontal_title(canvas, &self.value_axis, area.bottom() - theme.label / 2.0, plot);
        let x_of = |bin: usize| bins.place(bins.lo + bin as f64 * bins.step, plot.x, plot.right());
        for (at, group) in shares.iter().enumerate() {
            let mut outline = vec![(x_of(0), plot.bottom())];
            for (bin, share) in group.iter().enumerate() {
                let y = y_scale.place(*share, plot.bottom(), plot.y);
                outline.extend([(x_of(bin), y), (x_of(bin + 1), y)]);
            }
            outline.push((x_of(group.len()), plot.bottom()));
            canvas.polygon(&outline, Colour::series(at), 0.14);
            canvas.polyline(&outline, Colour::series(at), 2.2, Dash::series(at));
        }
        canvas.line((plot.x, plot.bottom()), (plot.right(), plot.bottom()), SOFT_INK, 1.4, false);
    }
}
