//! Kaplan–Meier curves with confidence bands, censor marks, medians and the numbers at risk below the axis.

use super::axis::{self, Axis};
use super::canvas::{Anchor, Canvas, Dash, Rect, Theme, Type};
use super::chart::{Chart, LegendItem, LegendKey, Titles};
use super::figure::PlotError;
use super::km_curve::KmCurve;
use super::line::BAND_OPACITY;
use super::palette::{AXIS, Colour, SOFT_INK};
use super::risk_table::{self, RiskTable};
use super::scale::Scale;
use super::text;

/// How many arms can be told apart by colour and by the pattern of their line.
const MOST_ARMS: usize = 6;

/// A Kaplan–Meier chart of one to six arms.
///
/// ```
/// use heddle_kit::plot::{Axis, Chart as _, KaplanMeier, KmCurve, KmStep, Size};
/// let step = |time, survival| KmStep { time, survival, limits: None };
/// let arm = KmCurve::new("Drug")
///     .summary("n = 3, 2 events")
///     .steps([step(2.0, 0.67), step(5.0, 0.33)])
///     .censored([6.0])
///     .at_risk([(2.0, 3), (5.0, 2), (6.0, 1)])
///     .median(Some(5.0));
/// let figure = KaplanMeier::new("Overall survival")
///     .curve(arm)
///     .time_axis(Axis::new("Time since randomisation").unit("months"))
///     .render(Size::default())?;
/// assert!(figure.svg.contains("Number at risk"));
/// # Ok::<(), heddle_kit::plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KaplanMeier {
    titles: Titles,
    curves: Vec<KmCurve>,
    time_axis: Axis,
    survival_axis: Axis,
    annotation: Vec<String>,
    tick_step: Option<f64>,
}

impl KaplanMeier {
    /// A chart without curves; `title` names the endpoint.
    pub fn new(title: impl Into<String>) -> KaplanMeier {
        KaplanMeier {
            titles: Titles::new(title),
            curves: Vec::new(),
            time_axis: Axis::new("Time"),
            survival_axis: Axis::new("Probability without event"),
            annotation: Vec::new(),
            tick_step: None,
        }
    }

    /// Adds an arm; at most six.
    #[must_use]
    pub fn curve(mut self, curve: KmCurve) -> KaplanMeier {
        self.curves.push(curve);
        self
    }

    /// The axis of time, with its unit.
    #[must_use]
    pub fn time_axis(mut self, axis: Axis) -> KaplanMeier {
        self.time_axis = axis;
        self
    }

    /// The axis of the probability.
    #[must_use]
    pub fn survival_axis(mut self, axis: Axis) -> KaplanMeier {
        self.survival_axis = axis;
        self
    }

    /// A line above the plot, where it hides no curve and no band ("Log-rank p = 0.012"). May be called again.
    #[must_use]
    pub fn annotation(mut self, line: impl Into<String>) -> KaplanMeier {
        self.annotation.push(line.into());
        self
    }

    /// The distance of the ticks and so of the numbers at risk (6 for months); without it a round number is chosen.
    #[must_use]
    pub fn ticks_every(mut self, step: f64) -> KaplanMeier {
        self.tick_step = Some(step);
        self
    }

    fn time_scale(&self, width: f64) -> Scale {
        let end = self.curves.iter().map(KmCurve::end).fold(0.0, f64::max);
        // A tick carries a number at risk, which needs more room than a tick alone.
        let most = ((width / 84.0) as usize).clamp(3, 12);
        let scale = match self.tick_step {
            Some(step) if step > 0.0 && end / step <= 3.0 * most as f64 => {
                // Too many of the caller's ticks to read are made fewer, whole multiples apart.
                let step = step * (end / step / most as f64).ceil().max(1.0);
                Scale { lo: 0.0, hi: step, step }
            }
            _ => Scale::covering(0.0, end, true, most, false),
        };
        // The axis ends with the data: curves that stop short of the edge look as if follow-up did.
        if end > 0.0 { Scale { hi: end.max(scale.step), ..scale } } else { scale }
    }

    fn draw_curve(
        &self,
        canvas: &mut Canvas,
        at: usize,
        curve: &KmCurve,
        place: &impl Fn(f64, f64) -> (f64, f64),
    ) {
        let (colour, dash) = (Colour::series(at), Dash::series(at));
        let end = curve.end();
        let path = stairs(curve.steps.iter().map(|s| (s.time, s.survival)), end, place);
        canvas.polyline(&path, colour, 2.6, dash);
        let mut last: Option<(f64, f64)> = None;
        for time in &curve.censored {
            let point = place(*time, curve.survival_at(*time));
            // Marks closer than this are one mark to the eye, and a hundred thousand of them would be a large file.
            if last.is_none_or(|(x, y)| point.0 - x >= 1.5 || (point.1 - y).abs() >= 1.5) {
                canvas.line((point.0, point.1 - 5.5), (point.0, point.1 + 5.5), colour, 1.7, false);
                last = Some(point);
            }
        }
    }

    fn draw_band(canvas: &mut Canvas, at: usize, curve: &KmCurve, place: &impl Fn(f64, f64) -> (f64, f64)) {
        // The band ends where limits cannot be computed (no variance at survival 0).
        let known: Vec<(f64, f64, f64)> =
            curve.steps.iter().map_while(|s| s.limits.map(|(lo, hi)| (s.time, lo, hi))).collect();
        if known.is_empty() {
            return;
        }
        let end = curve.steps.get(known.len()).map_or_else(|| curve.end(), |s| s.time);
        let mut outline = stairs(known.iter().map(|(t, _, hi)| (*t, *hi)), end, place);
        let lower = stairs(known.iter().map(|(t, lo, _)| (*t, *lo)), end, place);
        outline.extend(lower.into_iter().rev());
        canvas.polygon(&outline, Colour::series(at), BAND_OPACITY * 0.8);
    }

    fn draw_medians(&self, canvas: &mut Canvas, plot: Rect, place: &impl Fn(f64, f64) -> (f64, f64)) {
        let furthest = self.curves.iter().filter_map(|c| c.median).fold(f64::NEG_INFINITY, f64::max);
        if furthest < 0.0 {
            return;
        }
        canvas.line(place(0.0, 0.5), place(furthest, 0.5), AXIS, 1.3, true);
        for (at, curve) in self.curves.iter().enumerate() {
            if let Some(median) = curve.median {
                let (x, y) = place(median, 0.5);
                canvas.line((x, y), (x, plot.bottom()), Colour::series(at), 1.3, true);
            }
        }
    }

    /// What is said above the plot, in lines of that width.
    fn said(&self, theme: Theme, width: f64) -> Vec<String> {
        self.annotation.iter().flat_map(|line| text::wrapped(line, theme.small, false, width, 2)).collect()
    }
}

/// The room that lines above the plot take.
fn said_height(lines: usize, theme: Theme) -> f64 {
    if lines == 0 { 0.0 } else { lines as f64 * Theme::line(theme.small) + theme.small * 0.6 }
}

/// The corners of a step function that starts at (0, 1), in pixels; corners that no eye can tell from the one before
/// are left out.
fn stairs(
    steps: impl Iterator<Item = (f64, f64)>,
    end: f64,
    place: &impl Fn(f64, f64) -> (f64, f64),
) -> Vec<(f64, f64)> {
    let mut path = vec![place(0.0, 1.0)];
    let mut level = 1.0;
    for (time, next) in steps {
        let (from, to) = (place(time, level), place(time, next));
        let close = path.last().is_some_and(|(x, y)| (from.0 - x).abs() < 0.4 && (to.1 - y).abs() < 0.4);
        if !close {
            path.push((from.0, path.last().map_or(from.1, |p| p.1)));
            path.push(to);
        }
        level = next;
    }
    let last = place(end, level);
    if let Some((_, y)) = path.last().copied() {
        path.push((last.0, y));
        path.push(last);
    }
    path
}

impl Chart for KaplanMeier {
    fn titles(&self) -> &Titles {
        &self.titles
    }

    fn titles_mut(&mut self) -> &mut Titles {
        &mut self.titles
    }

    fn check(&self) -> Result<(), PlotError> {
        let title = &self.titles.title;
        if self.curves.len() > MOST_ARMS {
            return Err(PlotError::Inconsistent(format!(
                "\"{title}\" has {} arms and {MOST_ARMS} can be told apart: draw fewer on one chart",
                self.curves.len()
            )));
        }
        let wrong = |name: &str, what: String| {
            Err(PlotError::Inconsistent(format!("the curve of \"{name}\" in \"{title}\" {what}")))
        };
        if let Some(step) = self.tick_step {
            axis::check_finite(step, || format!("the distance of ticks in \"{title}\""))?;
        }
        for curve in &self.curves {
            let name = &curve.name;
            let place = |what: &str| format!("{what} of \"{name}\" in \"{title}\"");
            let times = curve.steps.iter().map(|s| s.time).chain(curve.censored.iter().copied());
            let times = times.chain(curve.at_risk.iter().map(|(t, _)| *t)).chain(curve.median);
            for time in times.chain([curve.followed]) {
                axis::check_finite(time, || place("a time"))?;
                if time < 0.0 {
                    return wrong(
                        name,
                        format!("has a time of {time}: times count from the start of follow-up"),
                    );
                }
            }
            for step in &curve.steps {
                let (lower, upper) = step.limits.unwrap_or((step.survival, step.survival));
                for value in [step.survival, lower, upper] {
                    axis::check_finite(value, || place("a probability"))?;
                    if !(0.0..=1.0).contains(&value) {
                        return wrong(
                            name,
                            format!("has a probability of {value} at {}: give 0 to 1", step.time),
                        );
                    }
                }
            }
            let falls = curve.steps.windows(2).all(|w| matches!(w, [a, b] if a.time <= b.time));
            let in_order = curve.at_risk.windows(2).all(|w| matches!(w, [a, b] if a.0 <= b.0));
            if !falls || !in_order {
                return wrong(name, "is not in ascending order of time: sort it".to_owned());
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.curves.iter().all(KmCurve::is_empty)
    }

    fn legend(&self) -> Vec<LegendItem> {
        let item = |(at, curve): (usize, &KmCurve)| {
            let name = match (curve.name.is_empty(), curve.summary.is_empty()) {
                (false, false) => format!("{}: {}", curve.name, curve.summary),
                (true, _) => curve.summary.clone(),
                (_, true) => curve.name.clone(),
            };
            LegendItem { name, colour: Colour::series(at), key: LegendKey::Stroke(Dash::series(at)) }
        };
        self.curves.iter().enumerate().map(item).collect()
    }

    fn least_body(&self, theme: Theme) -> (f64, f64) {
        // The body's width is not known yet: each line may take two.
        let said = said_height(2 * self.annotation.len(), theme);
        (560.0, 300.0 + risk_table::height(self.curves.len(), theme) + said)
    }

    fn draw_body(&self, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let size = theme.small;
        let survival = Scale { lo: 0.0, hi: 1.0, step: 0.2 };
        let table = RiskTable::new(&self.curves, theme, area.w * 0.34);
        let numbers = axis::title_room(&self.survival_axis, theme) + axis::label_room(&survival, theme);
        let left = numbers.max(table.names_room());
        let right = size * 1.6;
        let time = self.time_scale(area.w - left - right);
        let table_height = risk_table::height(self.curves.len(), theme);
        let bottom = size * 2.0 + axis::title_room(&self.time_axis, theme);
        let said = self.said(theme, area.w - left - right);
        let above = said_height(said.len(), theme);
        let plot = area.without(left, size * 0.6 + above, right, bottom + table_height);
        let first = area.y + Theme::line(size) / 2.0;
        canvas.lines(&said, plot.x, first, Type::new(size, Anchor::Start));
        axis::vertical_numbers(canvas, &survival, plot);
        axis::horizontal_numbers(canvas, &time, plot);
        axis::vertical_title(canvas, &self.survival_axis, plot.x - numbers, plot);
        axis::horizontal_title(canvas, &self.time_axis, plot.bottom() + bottom - theme.label * 0.8, plot);

        let place =
            |t: f64, s: f64| (time.place(t, plot.x, plot.right()), survival.place(s, plot.bottom(), plot.y));
        for (at, curve) in self.curves.iter().enumerate() {
            Self::draw_band(canvas, at, curve, &place);
        }
        self.draw_medians(canvas, plot, &place);
        for (at, curve) in self.curves.iter().enumerate().filter(|(_, c)| !c.is_empty()) {
            self.draw_curve(canvas, at, curve, &place);
        }
        canvas.line((plot.x, plot.bottom()), (plot.right(), plot.bottom()), SOFT_INK, 1.4, false);
        let top = plot.bottom() + bottom;
        table.draw(canvas, &self.curves, &time, Rect { y: top, h: table_height, ..plot });
    }
}
