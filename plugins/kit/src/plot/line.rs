//! Line charts: several series, an interval band, a date axis, marked points and a marked moment.

use jiff::civil::Date;

use super::axis::{self, Axis};
use super::canvas::{Anchor, Canvas, Dash, Rect, Theme, Type};
use super::chart::{Chart, LegendItem, LegendKey, Titles};
use super::figure::PlotError;
use super::palette::{AXIS, Colour, SERIES_COLOURS, SOFT_INK};
use super::scale::Scale;
use super::{text, time_axis};

/// Opacity of interval bands.
pub(super) const BAND_OPACITY: f64 = 0.22;

/// How a series is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stroke {
    /// A line: what was observed.
    #[default]
    Solid,
    /// A broken line: what was forecast or computed.
    Dashed,
    /// Discs without a line: single events, outliers.
    Points,
}

/// One series: points in order of x, and what lies around them.
#[derive(Clone, Debug)]
pub struct LineSeries {
    name: String,
    points: Vec<(f64, f64)>,
    band: Vec<(f64, f64, f64)>,
    band_name: String,
    stroke: Stroke,
}

impl LineSeries {
    /// A series over numbers; points in ascending order of x.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> LineSeries {
        LineSeries {
            name: name.into(),
            points: points.into_iter().collect(),
            band: Vec::new(),
            band_name: String::new(),
            stroke: Stroke::default(),
        }
    }

    /// A series over dates, for a chart with [`LineChart::dates`].
    pub fn dated(name: impl Into<String>, points: impl IntoIterator<Item = (Date, f64)>) -> LineSeries {
        LineSeries::new(name, points.into_iter().map(|(day, y)| (time_axis::day_number(day), y)))
    }

    /// How the series is drawn.
    #[must_use]
    pub fn stroke(mut self, stroke: Stroke) -> LineSeries {
        self.stroke = stroke;
        self
    }

    /// An interval around the series: x, lower and upper bound, in ascending order of x. `name` says in the legend
    /// what it is ("95 % prediction interval").
    #[must_use]
    pub fn band(
        mut self,
        name: impl Into<String>,
        bounds: impl IntoIterator<Item = (f64, f64, f64)>,
    ) -> LineSeries {
        self.band_name = name.into();
        self.band = bounds.into_iter().collect();
        self
    }

    fn values(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.points.iter().copied().chain(self.band.iter().flat_map(|(x, lo, hi)| [(*x, *lo), (*x, *hi)]))
    }
}

/// A line chart.
#[derive(Clone, Debug)]
pub struct LineChart {
    titles: Titles,
    series: Vec<LineSeries>,
    x_axis: Axis,
    y_axis: Axis,
    dates: bool,
    from_zero: bool,
    marks: Vec<(f64, String)>,
}

impl LineChart {
    /// A chart without lines; `title` says what is shown. The y axis starts at zero.
    pub fn new(title: impl Into<String>) -> LineChart {
        LineChart {
            titles: Titles::new(title),
            series: Vec::new(),
            x_axis: Axis::default(),
            y_axis: Axis::default(),
            dates: false,
            from_zero: true,
            marks: Vec::new(),
        }
    }

    /// Adds a series; at most 16.
    #[must_use]
    pub fn series(mut self, series: LineSeries) -> LineChart {
        self.series.push(series);
        self
    }

    /// x values are dates, given as [`super::day_number`]s.
    #[must_use]
    pub fn dates(mut self) -> LineChart {
        self.dates = true;
        self
    }

    /// The y axis holds the data only, and need not start at zero: for quantities without a natural zero.
    #[must_use]
    pub fn free_y(mut self) -> LineChart {
        self.from_zero = false;
        self
    }

    /// The horizontal axis.
    #[must_use]
    pub fn x_axis(mut self, axis: Axis) -> LineChart {
        self.x_axis = axis;
        self
    }

    /// The vertical axis.
    #[must_use]
    pub fn y_axis(mut self, axis: Axis) -> LineChart {
        self.y_axis = axis;
        self
    }

    /// A vertical line at `x` with a word at its top ("forecast").
    #[must_use]
    pub fn mark(mut self, x: f64, label: impl Into<String>) -> LineChart {
        self.marks.push((x, label.into()));
        self
    }

    fn draw_series(
        &self,
        canvas: &mut Canvas,
        at: usize,
        series: &LineSeries,
        place: &impl Fn(f64, f64) -> (f64, f64),
    ) {
        let colour = Colour::series(at);
        let points: Vec<(f64, f64)> = series.points.iter().map(|(x, y)| place(*x, *y)).collect();
        if series.stroke != Stroke::Points && points.len() > 1 {
            let dash = if series.stroke == Stroke::Dashed { Dash::Dashed } else { Dash::Solid };
            canvas.polyline(&points, colour, 2.6, dash);
        }
        // Few points are marked: a line alone would hide where the data are.
        if series.stroke == Stroke::Points || points.len() <= 40 {
            let radius = if series.stroke == Stroke::Points || points.len() == 1 { 6.5 } else { 4.0 };
            for point in points {
                canvas.disc(point, radius, colour, 1.0);
            }
        }
    }

    fn draw_marks(&self, canvas: &mut Canvas, plot: Rect, place_x: impl Fn(f64) -> f64) {
        let size = canvas.theme.small;
        let mut taken: Vec<Rect> = Vec::new();
        for (x, label) in &self.marks {
            let x = place_x(*x);
            if x < plot.x - 0.5 || x > plot.right() + 0.5 {
                continue;
            }
            canvas.line((x, plot.y), (x, plot.bottom()), AXIS, 1.6, true);
            let label = text::shortened(&text::clean(label), size, false, plot.w * 0.45);
            let w = text::width(&label, size, false);
            let (anchor, left) = if x + w + 8.0 > plot.right() {
                (Anchor::End, x - 6.0 - w)
            } else {
                (Anchor::Start, x + 6.0)
            };
            let mut slot = Rect { x: left, y: plot.y, w, h: Theme::line(size) };
            while taken.iter().any(|t| t.overlaps(&slot)) {
                slot.y += slot.h;
            }
            taken.push(slot);
            let at = if anchor == Anchor::End { x - 6.0 } else { x + 6.0 };
            canvas.text(&label, at, slot.y + slot.h / 2.0, Type::new(size, anchor).ink(SOFT_INK));
        }
    }
}

impl Chart for LineChart {
    fn titles(&self) -> &Titles {
        &self.titles
    }

    fn titles_mut(&mut self) -> &mut Titles {
        &mut self.titles
    }

    fn check(&self) -> Result<(), PlotError> {
        let title = &self.titles.title;
        if self.series.len() > SERIES_COLOURS {
            return Err(PlotError::Inconsistent(format!(
                "\"{title}\" has {} series and {SERIES_COLOURS} can be told apart: merge the smallest",
                self.series.len()
            )));
        }
        for series in &self.series {
            let name = &series.name;
            for (at, (x, y)) in series.values().enumerate() {
                axis::check_finite(x, || format!("x of point {at} of \"{name}\" in \"{title}\""))?;
                axis::check_finite(y, || format!("y of point {at} of \"{name}\" in \"{title}\""))?;
                if self.dates && !time_axis::is_date(x) {
                    return Err(PlotError::Inconsistent(format!(
                        "x of point {at} of \"{name}\" in \"{title}\" is {x}, which is no day number of a date"
                    )));
                }
            }
            if series.points.windows(2).any(|w| w[0].0 > w[1].0)
                || series.band.windows(2).any(|w| w[0].0 > w[1].0)
            {
                return Err(PlotError::Inconsistent(format!(
                    "\"{name}\" in \"{title}\" is not in ascending order of x: sort it"
                )));
            }
            if let Some((x, lo, hi)) = series.band.iter().find(|(_, lo, hi)| lo > hi) {
                return Err(PlotError::Inconsistent(format!(
                    "the band of \"{name}\" in \"{title}\" has its lower bound {lo} above its upper bound {hi} at x = {x}"
                )));
            }
        }
        self.marks
            .iter()
            .try_for_each(|(x, label)| axis::check_finite(*x, || format!("mark \"{label}\" in \"{title}\"")))
    }

    fn is_empty(&self) -> bool {
        self.series.iter().all(|s| s.values().next().is_none())
    }

    fn legend(&self) -> Vec<LegendItem> {
        let mut items = Vec::new();
        for (at, series) in self.series.iter().enumerate() {
            let colour = Colour::series(at);
            if !series.name.is_empty() && !series.points.is_empty() {
                let key = match series.stroke {
                    Stroke::Solid => LegendKey::Line,
                    Stroke::Dashed => LegendKey::Dashes,
                    Stroke::Points => LegendKey::Dot,
                };
                items.push(LegendItem { name: series.name.clone(), colour, key });
            }
            if !series.band.is_empty() && !series.band_name.is_empty() {
                items.push(LegendItem { name: series.band_name.clone(), colour, key: LegendKey::Band });
            }
        }
        items
    }

    fn least_body(&self, _: Theme) -> (f64, f64) {
        (360.0, 220.0)
    }

    fn draw_body(&self, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let values = || self.series.iter().flat_map(LineSeries::values);
        let (low, high) = axis::extent(values().map(|(_, y)| y)).unwrap_or((0.0, 1.0));
        let whole = self.series.iter().flat_map(|s| &s.points).all(|(_, y)| y.fract() == 0.0);
        let y_scale =
            Scale::covering(low, high, self.from_zero, ((area.h / 70.0) as usize).clamp(3, 8), whole);
        let (first, last) = axis::extent(values().map(|(x, _)| x)).unwrap_or((0.0, 1.0));
        let x_scale = if self.dates {
            // A single day still needs a width.
            let pad = if last > first { (last - first) * 0.01 } else { 3.0 };
            Scale { lo: first - pad, hi: last + pad, step: 1.0 }
        } else {
            let whole = values().all(|(x, _)| x.fract() == 0.0);
            Scale::covering(first, last, false, ((area.w / 110.0) as usize).clamp(3, 10), whole)
        };

        let left = axis::title_room(&self.y_axis, theme) + axis::label_room(&y_scale, theme);
        let ticks = if self.dates { time_axis::room(theme) } else { theme.small * 2.0 };
        let bottom = ticks + axis::title_room(&self.x_axis, theme);
        let plot = area.without(left, theme.small * 0.6, theme.small, bottom);
        axis::vertical_numbers(canvas, &y_scale, plot);
        let place_x = |x: f64| x_scale.place(x, plot.x, plot.right());
        if self.dates {
            time_axis::draw(canvas, x_scale.lo, x_scale.hi, plot, place_x);
        } else {
            axis::horizontal_numbers(canvas, &x_scale, plot);
        }
        axis::vertical_title(canvas, &self.y_axis, area.x, plot);
        axis::horizontal_title(canvas, &self.x_axis, area.bottom() - theme.label / 2.0, plot);

        let place = |x: f64, y: f64| (place_x(x), y_scale.place(y, plot.bottom(), plot.y));
        // Bands first, so that no line is hidden.
        for (at, series) in self.series.iter().enumerate() {
            let upper = series.band.iter().map(|(x, _, hi)| place(*x, *hi));
            let lower = series.band.iter().rev().map(|(x, lo, _)| place(*x, *lo));
            let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
            match series.band.as_slice() {
                [] => {}
                [(x, lo, hi)] => canvas.line(place(*x, *lo), place(*x, *hi), Colour::series(at), 3.0, false),
                _ => canvas.polygon(&outline, Colour::series(at), BAND_OPACITY),
            }
        }
        self.draw_marks(canvas, plot, place_x);
        for (at, series) in self.series.iter().enumerate() {
            self.draw_series(canvas, at, series, &place);
        }
        canvas.line((plot.x, plot.bottom()), (plot.right(), plot.bottom()), AXIS, 1.4, false);
    }
}
