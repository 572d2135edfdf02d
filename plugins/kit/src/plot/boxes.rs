//! Box plots: the distribution of a measurement by group.

use super::axis::{self, Axis};
use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::chart::{Chart, Titles};
use super::figure::PlotError;
use super::names::Names;
use super::palette::{Colour, INK, PAPER, SOFT_INK};
use super::scale::Scale;
use super::text;
use crate::report::thousands;
use crate::stats::quantile;

/// More outliers than this are one smear of ink, and a large file.
const MOST_OUTLIERS: usize = 400;

/// What a box shows. All in the unit of the measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxStats {
    /// The group's name.
    pub name: String,
    /// How many values.
    pub count: u64,
    /// The end of the lower whisker.
    pub low: f64,
    /// The lower quartile.
    pub q1: f64,
    /// The median.
    pub median: f64,
    /// The upper quartile.
    pub q3: f64,
    /// The end of the upper whisker.
    pub high: f64,
    /// The mean, marked by a diamond.
    pub mean: Option<f64>,
    /// The values beyond the whiskers.
    pub outliers: Vec<f64>,
}

impl BoxStats {
    /// The box of Tukey, "Exploratory Data Analysis" (1977): quartiles (type 7 of Hyndman and Fan), whiskers to the
    /// last values within 1.5 interquartile ranges of the box, the rest as outliers. Values that are not finite are
    /// left out; `None` if none is left.
    pub fn of(name: impl Into<String>, values: &[f64]) -> Option<BoxStats> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (q1, median, q3) = (quantile(&sorted, 0.25)?, quantile(&sorted, 0.5)?, quantile(&sorted, 0.75)?);
        let reach = (q3 - q1) * 1.5;
        let inside = |v: &&f64| **v >= q1 - reach && **v <= q3 + reach;
        let low = sorted.iter().find(inside).copied().unwrap_or(q1).min(q1);
        let high = sorted.iter().rev().find(inside).copied().unwrap_or(q3).max(q3);
        Some(BoxStats {
            name: name.into(),
            count: sorted.len() as u64,
            low,
            q1,
            median,
            q3,
            high,
            mean: crate::stats::mean(&sorted),
            outliers: sorted.into_iter().filter(|v| *v < low || *v > high).collect(),
        })
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        [self.low, self.q1, self.median, self.q3, self.high]
            .into_iter()
            .chain(self.mean)
            .chain(self.outliers.iter().copied())
    }
}

/// A box plot with the number of values under each group.
///
/// ```
/// use heddle_kit::plot::{Axis, BoxChart, BoxStats, Chart as _, Size};
/// let boxes = BoxStats::of("Drug", &[51.0, 60.0, 62.0, 70.0, 99.0]).into_iter();
/// let figure = BoxChart::new("Age").boxes(boxes).value_axis(Axis::new("Age").unit("years")).render(Size::default())?;
/// assert!(figure.svg.contains("n = 5"));
/// # Ok::<(), heddle_kit::plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BoxChart {
    titles: Titles,
    boxes: Vec<BoxStats>,
    value_axis: Axis,
}

impl BoxChart {
    /// A chart without boxes; `title` names the measurement.
    pub fn new(title: impl Into<String>) -> BoxChart {
        BoxChart { titles: Titles::new(title), boxes: Vec::new(), value_axis: Axis::default() }
    }

    /// Adds boxes, from left to right.
    #[must_use]
    pub fn boxes(mut self, boxes: impl IntoIterator<Item = BoxStats>) -> BoxChart {
        self.boxes.extend(boxes);
        self
    }

    /// The axis of the values.
    #[must_use]
    pub fn value_axis(mut self, axis: Axis) -> BoxChart {
        self.value_axis = axis;
        self
    }

    fn draw_box(
        canvas: &mut Canvas,
        at: usize,
        stats: &BoxStats,
        x: f64,
        half: f64,
        place: &impl Fn(f64) -> f64,
    ) {
        let colour = Colour::series(at);
        for (from, to) in [(stats.q1, stats.low), (stats.q3, stats.high)] {
            canvas.line((x, place(from)), (x, place(to)), INK, 1.5, false);
            canvas.line((x - half * 0.5, place(to)), (x + half * 0.5, place(to)), INK, 1.5, false);
        }
        let area =
            Rect { x: x - half, y: place(stats.q3), w: half * 2.0, h: place(stats.q1) - place(stats.q3) };
        canvas.boxed(area, colour.mixed(PAPER, 0.55), INK, 1.5, 0.0);
        canvas.line((x - half, place(stats.median)), (x + half, place(stats.median)), INK, 3.0, false);
        if let Some(mean) = stats.mean {
            canvas.mark(super::canvas::Mark::Diamond, (x, place(mean)), 5.0, INK, true);
        }
        // Every so-manieth, so that the furthest on both sides stay.
        let every = stats.outliers.len().div_ceil(MOST_OUTLIERS).max(1);
        let last = stats.outliers.len().saturating_sub(1);
        for (rank, value) in stats.outliers.iter().enumerate() {
            if rank % every == 0 || rank == last {
                canvas.disc((x, place(*value)), 3.6, colour, 0.8);
            }
        }
    }
}

impl Chart for BoxChart {
    fn titles(&self) -> &Titles {
        &self.titles
    }

    fn titles_mut(&mut self) -> &mut Titles {
        &mut self.titles
    }

    fn check(&self) -> Result<(), PlotError> {
        let title = &self.titles.title;
        for stats in &self.boxes {
            for value in stats.values() {
                axis::check_finite(value, || format!("a value of \"{}\" in \"{title}\"", stats.name))?;
            }
            let ordered = [stats.low, stats.q1, stats.median, stats.q3, stats.high];
            if !ordered.is_sorted() {
                return Err(PlotError::Inconsistent(format!(
                    "whiskers, quartiles and median of \"{}\" in \"{title}\" are not in order",
                    stats.name
                )));
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.boxes.iter().all(|b| b.count == 0)
    }

    fn least_body(&self, theme: Theme) -> (f64, f64) {
        ((theme.small * 3.2 * self.boxes.len() as f64 + 90.0).max(220.0), 240.0)
    }

    fn draw_body(&self, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let size = theme.small;
        let (lo, hi) = axis::extent(self.boxes.iter().flat_map(BoxStats::values)).unwrap_or((0.0, 1.0));
        let scale = Scale::covering(lo, hi, false, ((area.h / 70.0) as usize).clamp(3, 8), false);
        let left = axis::title_room(&self.value_axis, theme) + axis::label_room(&scale, theme);
        let slot = (area.w - left) / self.boxes.len() as f64;
        let labels: Vec<String> = self.boxes.iter().map(|b| b.name.clone()).collect();
        let names = Names::choose(&labels, theme, slot, (area.h * 0.3).min(160.0));
        let counts = Theme::line(size);
        let plot = area.without(left, size * 0.6, 0.0, names.height(size) + counts + 6.0);
        axis::vertical_numbers(canvas, &scale, plot);
        axis::vertical_title(canvas, &self.value_axis, area.x, plot);
        let place = |v: f64| scale.place(v, plot.bottom(), plot.y);
        for (at, stats) in self.boxes.iter().enumerate() {
            let x = plot.x + slot * (at as f64 + 0.5);
            Self::draw_box(canvas, at, stats, x, (slot * 0.28).min(46.0), &place);
            let n = format!("n = {}", thousands(stats.count as f64, 0));
            let n = if text::width(&n, size, false) > slot { thousands(stats.count as f64, 0) } else { n };
            canvas.text(&n, x, plot.bottom() + size, Type::new(size, Anchor::Middle).ink(SOFT_INK));
        }
        names.draw(canvas, Rect { h: plot.h + counts, ..plot }, slot);
    }
}
