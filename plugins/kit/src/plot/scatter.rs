//! Scatter and bubble charts with labels that avoid each other.

use super::axis::{self, Axis};
use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::chart::{Chart, LegendItem, LegendKey, Titles};
use super::figure::PlotError;
use super::palette::{AXIS, Colour, INK, SERIES_COLOURS, SOFT_INK};
use super::scale::Scale;
use super::text;

/// One point.
#[derive(Clone, Debug, Default)]
pub struct ScatterPoint {
    /// Horizontal position.
    pub x: f64,
    /// Vertical position.
    pub y: f64,
    /// What the disc's area stands for, not negative; `None` draws all discs the same.
    pub weight: Option<f64>,
    /// Index into the chart's groups, which have a colour each; 0 without groups.
    pub group: usize,
    /// Written beside the point where there is room.
    pub label: String,
}

/// A scatter chart, or a bubble chart where points have weights.
#[derive(Clone, Debug)]
pub struct ScatterChart {
    titles: Titles,
    points: Vec<ScatterPoint>,
    groups: Vec<String>,
    x_axis: Axis,
    y_axis: Axis,
    from_zero: (bool, bool),
    guides: (Option<f64>, Option<f64>),
}

/// Radius of a point without weight, and of the heaviest.
const RADIUS: f64 = 6.0;
const HEAVIEST: f64 = 30.0;
const LIGHTEST: f64 = 4.0;

impl ScatterChart {
    /// A chart without points; `title` says what is shown.
    pub fn new(title: impl Into<String>) -> ScatterChart {
        ScatterChart {
            titles: Titles::new(title),
            points: Vec::new(),
            groups: Vec::new(),
            x_axis: Axis::default(),
            y_axis: Axis::default(),
            from_zero: (false, false),
            guides: (None, None),
        }
    }

    /// Adds points. Earlier ones get their labels first.
    #[must_use]
    pub fn points(mut self, points: impl IntoIterator<Item = ScatterPoint>) -> ScatterChart {
        self.points.extend(points);
        self
    }

    /// Names of the groups, for the legend; at most 16.
    #[must_use]
    pub fn groups<L: Into<String>>(mut self, groups: impl IntoIterator<Item = L>) -> ScatterChart {
        self.groups = groups.into_iter().map(Into::into).collect();
        self
    }

    /// The horizontal axis.
    #[must_use]
    pub fn x_axis(mut self, axis: Axis) -> ScatterChart {
        self.x_axis = axis;
        self
    }

    /// The vertical axis.
    #[must_use]
    pub fn y_axis(mut self, axis: Axis) -> ScatterChart {
        self.y_axis = axis;
        self
    }

    /// Whether the horizontal and the vertical axis hold zero.
    #[must_use]
    pub fn from_zero(mut self, x: bool, y: bool) -> ScatterChart {
        self.from_zero = (x, y);
        self
    }

    /// Broken lines at an x and a y, which part the plane into fields.
    #[must_use]
    pub fn guides(mut self, x: Option<f64>, y: Option<f64>) -> ScatterChart {
        self.guides = (x, y);
        self
    }

    fn radius(&self, point: &ScatterPoint) -> f64 {
        let heaviest = self.points.iter().filter_map(|p| p.weight).fold(0.0, f64::max);
        match point.weight {
            // The area, not the radius, is what readers compare.
            Some(weight) if heaviest > 0.0 => (HEAVIEST * (weight / heaviest).sqrt()).max(LIGHTEST),
            Some(_) => LIGHTEST,
            None => RADIUS,
        }
    }

    /// Writes each label at the first of four sides where it touches neither a disc nor a label.
    fn draw_labels(&self, canvas: &mut Canvas, plot: Rect, discs: &[(f64, f64, f64)]) {
        let size = canvas.theme.small;
        let mut taken: Vec<Rect> =
            discs.iter().map(|(x, y, r)| Rect { x: x - r, y: y - r, w: 2.0 * r, h: 2.0 * r }).collect();
        for (point, (x, y, r)) in self.points.iter().zip(discs) {
            let label = text::shortened(&text::clean(&point.label), size, false, plot.w * 0.3);
            if point.label.is_empty() {
                continue;
            }
            let (w, h) = (text::width(&label, size, false), Theme::line(size));
            let sides = [
                (x + r + 4.0, y - h / 2.0),
                (x - r - 4.0 - w, y - h / 2.0),
                (x - w / 2.0, y - r - h - 1.0),
                (x - w / 2.0, y + r + 1.0),
            ];
            let free = sides.into_iter().map(|(left, top)| Rect { x: left, y: top, w, h }).find(|slot| {
                slot.x >= plot.x
                    && slot.right() <= plot.right()
                    && slot.y >= plot.y
                    && slot.bottom() <= plot.bottom()
                    && !taken.iter().any(|t| t.overlaps(slot))
            });
            if let Some(slot) = free {
                canvas.text(&label, slot.x, slot.y + h / 2.0, Type::new(size, Anchor::Start).ink(INK));
                taken.push(slot);
            }
        }
    }
}

impl Chart for ScatterChart {
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
                "\"{title}\" has {} groups and {SERIES_COLOURS} can be told apart: merge the smallest",
                self.groups.len()
            )));
        }
        for (at, point) in self.points.iter().enumerate() {
            axis::check_finite(point.x, || format!("x of point {at} in \"{title}\""))?;
            axis::check_finite(point.y, || format!("y of point {at} in \"{title}\""))?;
            if let Some(weight) = point.weight {
                axis::check_finite(weight, || format!("the weight of point {at} in \"{title}\""))?;
                if weight < 0.0 {
                    return Err(PlotError::Inconsistent(format!(
                        "the weight of point {at} in \"{title}\" is {weight}: an area cannot be negative"
                    )));
                }
            }
            if point.group >= self.groups.len().max(1) {
                return Err(PlotError::Inconsistent(format!(
                    "point {at} in \"{title}\" is of group {} and the chart has {}: name every group",
                    point.group,
                    self.groups.len()
                )));
            }
        }
        for (guide, name) in [(self.guides.0, "x"), (self.guides.1, "y")] {
            if let Some(value) = guide {
                axis::check_finite(value, || format!("the {name} guide of \"{title}\""))?;
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    fn legend(&self) -> Vec<LegendItem> {
        self.groups
            .iter()
            .enumerate()
            .map(|(at, name)| LegendItem {
                name: name.clone(),
                colour: Colour::series(at),
                key: LegendKey::Dot,
            })
            .collect()
    }

    fn least_body(&self, _: Theme) -> (f64, f64) {
        (360.0, 260.0)
    }

    fn draw_body(&self, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let scale_of = |value: fn(&ScatterPoint) -> f64, guide: Option<f64>, zero: bool, room: f64| {
            let (lo, hi) = axis::extent(self.points.iter().map(value).chain(guide)).unwrap_or((0.0, 1.0));
            let whole = self.points.iter().map(value).all(|v| v.fract() == 0.0);
            // A little air, so that no disc sits on the frame.
            let air = (hi - lo) * 0.06;
            let (low, high) = (if zero && lo >= 0.0 { 0.0 } else { lo - air }, hi + air);
            Scale::covering(low, high, zero, ((room / 85.0) as usize).clamp(3, 8), whole)
        };
        let x_scale = scale_of(|p| p.x, self.guides.0, self.from_zero.0, area.w);
        let y_scale = scale_of(|p| p.y, self.guides.1, self.from_zero.1, area.h);
        let left = axis::title_room(&self.y_axis, theme) + axis::label_room(&y_scale, theme);
        let bottom = theme.small * 2.0 + axis::title_room(&self.x_axis, theme);
        let plot = area.without(left, theme.small * 0.6, theme.small, bottom);
        axis::vertical_numbers(canvas, &y_scale, plot);
        axis::horizontal_numbers(canvas, &x_scale, plot);
        axis::vertical_title(canvas, &self.y_axis, area.x, plot);
        axis::horizontal_title(canvas, &self.x_axis, area.bottom() - theme.label / 2.0, plot);
        if let Some(x) = self.guides.0.map(|x| x_scale.place(x, plot.x, plot.right())) {
            canvas.line((x, plot.y), (x, plot.bottom()), SOFT_INK, 1.4, true);
        }
        if let Some(y) = self.guides.1.map(|y| y_scale.place(y, plot.bottom(), plot.y)) {
            canvas.line((plot.x, y), (plot.right(), y), SOFT_INK, 1.4, true);
        }
        canvas.line((plot.x, plot.bottom()), (plot.right(), plot.bottom()), AXIS, 1.4, false);
        canvas.line((plot.x, plot.y), (plot.x, plot.bottom()), AXIS, 1.4, false);

        let discs: Vec<(f64, f64, f64)> = self
            .points
            .iter()
            .map(|p| {
                (
                    x_scale.place(p.x, plot.x, plot.right()),
                    y_scale.place(p.y, plot.bottom(), plot.y),
                    self.radius(p),
                )
            })
            .collect();
        // Large discs first, so that small ones stay in sight; equal ones in the order given.
        let mut order: Vec<usize> = (0..discs.len()).collect();
        order.sort_by(|a, b| discs[*b].2.total_cmp(&discs[*a].2));
        for at in order {
            let (x, y, r) = discs[at];
            canvas.disc((x, y), r, Colour::series(self.points[at].group), 0.75);
        }
        self.draw_labels(canvas, plot, &discs);
    }
}
