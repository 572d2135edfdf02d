//! Estimates with confidence intervals on a linear or a logarithmic axis: what forest and dot plots share.

use super::axis;
use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::figure::PlotError;
use super::palette::{AXIS, Colour, GRID, INK, SOFT_INK};
use super::scale::{Scale, value_label};
use super::text;

/// A row's effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// An estimate with its confidence limits. A limit may be infinite, or 0 for a ratio: an arrow shows it.
    Estimate {
        /// The estimate, finite; above 0 for a ratio.
        value: f64,
        /// The lower confidence limit.
        lower: f64,
        /// The upper confidence limit.
        upper: f64,
        /// What the area of the square stands for (events, inverse variance); equal squares without it.
        weight: Option<f64>,
    },
    /// Why there is none ("not estimable: no events"); written in the place of the interval.
    NotComputable(String),
}

impl Effect {
    /// An estimate whose square has the common size.
    pub fn new(value: f64, lower: f64, upper: f64) -> Effect {
        Effect::Estimate { value, lower, upper, weight: None }
    }

    /// An estimate whose square has an area in proportion to `weight`.
    pub fn weighted(value: f64, lower: f64, upper: f64, weight: f64) -> Effect {
        Effect::Estimate { value, lower, upper, weight: Some(weight) }
    }
}

/// What the effects measure, and the axis they are drawn on.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    pub(super) name: String,
    pub(super) ratio: bool,
    pub(super) reference: f64,
    pub(super) decimals: usize,
    pub(super) range: Option<(f64, f64)>,
    pub(super) favours: Option<(String, String)>,
}

impl Measure {
    /// A ratio (hazard, risk, odds) on a logarithmic axis with its reference at 1. `name` heads the column of
    /// estimates ("Hazard ratio (95 % CI)").
    pub fn ratio(name: impl Into<String>) -> Measure {
        Measure { name: name.into(), ratio: true, reference: 1.0, decimals: 2, range: None, favours: None }
    }

    /// A difference on a linear axis with its reference at 0.
    pub fn difference(name: impl Into<String>) -> Measure {
        Measure { ratio: false, reference: 0.0, ..Measure::ratio(name) }
    }

    /// The number of decimals of estimates and limits; 2 without it.
    #[must_use]
    pub fn decimals(mut self, decimals: usize) -> Measure {
        self.decimals = decimals;
        self
    }

    /// The range of the axis; without it one that holds the estimates, and of their intervals what does not
    /// squeeze them.
    #[must_use]
    pub fn range(mut self, from: f64, to: f64) -> Measure {
        self.range = Some((from, to));
        self
    }

    /// What estimates below and above the reference speak for ("Favours drug", "Favours placebo").
    #[must_use]
    pub fn favours(mut self, below: impl Into<String>, above: impl Into<String>) -> Measure {
        self.favours = Some((below.into(), above.into()));
        self
    }

    /// An effect as it is written: "0.75 (0.61–0.93)"; negative limits are joined by "to".
    pub(super) fn written(&self, effect: &Effect) -> String {
        let Effect::Estimate { value, lower, upper, .. } = effect else { return "–".to_owned() };
        let number = |v: f64| number(v, self.decimals);
        let join = if *lower < 0.0 || *upper < 0.0 { " to " } else { "–" };
        format!("{} ({}{join}{})", number(*value), number(*lower), number(*upper))
    }

    pub(super) fn check(&self, effects: &[(&str, &Effect)], title: &str) -> Result<(), PlotError> {
        let wrong = |what: String| Err(PlotError::Inconsistent(format!("{what} in \"{title}\"")));
        if let Some((from, to)) = self.range {
            for bound in [from, to] {
                axis::check_finite(bound, || format!("a bound of the axis of \"{title}\""))?;
            }
            if from >= to || (self.ratio && from <= 0.0) {
                return wrong(format!("the axis cannot go from {from} to {to}"));
            }
        }
        for (row, effect) in effects {
            let Effect::Estimate { value, lower, upper, weight } = effect else { continue };
            axis::check_finite(*value, || format!("the estimate of \"{row}\" in \"{title}\""))?;
            if let Some(weight) = weight {
                axis::check_finite(*weight, || format!("the weight of \"{row}\" in \"{title}\""))?;
            }
            if self.ratio && *value <= 0.0 {
                return wrong(format!(
                    "the ratio of \"{row}\" is {value}: give one above 0, or why there is none"
                ));
            }
            if !(*lower <= *value && *value <= *upper) || (self.ratio && *lower < 0.0) {
                return wrong(format!(
                    "the interval {lower} to {upper} of \"{row}\" does not hold its estimate {value}"
                ));
            }
        }
        Ok(())
    }

    /// The axis for these effects.
    pub(super) fn scale<'e>(
        &self,
        effects: impl Iterator<Item = &'e Effect> + Clone,
        width: f64,
    ) -> EffectScale {
        let estimates = effects.filter_map(|e| match e {
            Effect::Estimate { value, lower, upper, .. } => {
                Some((self.along(*value), self.along(*lower), self.along(*upper)))
            }
            Effect::NotComputable(_) => None,
        });
        let reference = self.along(self.reference);
        let (lo, hi) = match self.range {
            Some((from, to)) => (self.along(from), self.along(to)),
            None => {
                let (lo, hi) = axis::extent(estimates.clone().map(|(v, _, _)| v).chain([reference]))
                    .unwrap_or((0.0, 0.0));
                // Limits are held up to as far again as the middle half of the intervals reach; the rest are arrows.
                let mut arms: Vec<f64> = estimates
                    .clone()
                    .flat_map(|(v, l, u)| [v - l, u - v])
                    .filter(|a| a.is_finite())
                    .collect();
                arms.sort_by(f64::total_cmp);
                let typical = arms.get(arms.len().saturating_sub(1) * 3 / 4).copied().unwrap_or(0.0);
                let most = (typical * 1.6).max((hi - lo) * 0.35);
                let reach = |limit: f64, from: f64| (limit - from).clamp(-most, most) + from;
                let low = estimates.clone().map(|(_, l, _)| reach(l, lo)).fold(lo, f64::min);
                let high = estimates.map(|(_, _, u)| reach(u, hi)).fold(hi, f64::max);
                let pad = (high - low) * 0.04;
                if high > low { (low - pad, high + pad) } else { (low - 0.7, high + 0.7) }
            }
        };
        let most = ((width / 62.0) as usize).clamp(3, 9);
        let ticks =
            if self.ratio { ratio_ticks(lo.exp(), hi.exp(), most) } else { plain_ticks(lo, hi, most) };
        EffectScale { lo, hi, ratio: self.ratio, ticks }
    }

    /// A value on the scale it is drawn on: the natural logarithm of a ratio.
    fn along(&self, value: f64) -> f64 {
        if self.ratio { value.max(0.0).ln() } else { value }
    }

    /// Height of the axis below the rows: ticks, and the words on either side of the reference.
    pub(super) fn axis_room(&self, theme: Theme) -> f64 {
        let favours = if self.favours.is_some() { Theme::line(theme.small) * 2.0 + 4.0 } else { 0.0 };
        theme.small * 2.0 + favours
    }

    /// Ticks, the reference line and what either side favours, below and behind the rows in `plot`; the words below may
    /// go on beyond it, from `left` to `right`.
    pub(super) fn draw_axis(
        &self,
        canvas: &mut Canvas,
        scale: &EffectScale,
        plot: Rect,
        left: f64,
        right: f64,
    ) {
        let size = canvas.theme.small;
        let mut free_from = f64::NEG_INFINITY;
        for tick in &scale.ticks {
            let x = scale.place(*tick, plot);
            canvas.line((x, plot.y), (x, plot.bottom()), GRID, 1.0, false);
            canvas.line((x, plot.bottom()), (x, plot.bottom() + 5.0), AXIS, 1.2, false);
            let label = value_label(*tick, None);
            let half = text::width(&label, size, false) / 2.0;
            if x - half >= free_from {
                let style = Type::new(size, Anchor::Middle).ink(SOFT_INK);
                canvas.text(&label, x, plot.bottom() + 9.0 + size / 2.0, style);
                free_from = x + half + size * 0.5;
            }
        }
        canvas.line((plot.x, plot.bottom()), (plot.right(), plot.bottom()), AXIS, 1.4, false);
        let x = scale.place(self.reference, plot);
        if x < plot.x - 0.5 || x > plot.right() + 0.5 {
            return;
        }
        canvas.line((x, plot.y), (x, plot.bottom()), INK, 1.4, false);
        let Some((below, above)) = &self.favours else { return };
        let y = plot.bottom() + size * 2.0 + Theme::line(size) * 0.5;
        for (words, from, to, anchor) in [
            (below, x - 10.0, (x - 74.0).max(plot.x), Anchor::End),
            (above, x + 10.0, (x + 74.0).min(plot.right()), Anchor::Start),
        ] {
            if (to - from).abs() > 12.0 {
                canvas.arrow((from, y), (to, y), SOFT_INK, 1.6);
            }
            let (at, room) =
                if anchor == Anchor::End { (x - 8.0, x - 8.0 - left) } else { (x + 8.0, right - x - 8.0) };
            let words = text::shortened(&text::clean(words), size, false, room.max(size * 2.0));
            canvas.text(&words, at, y + Theme::line(size), Type::new(size, anchor).ink(SOFT_INK));
        }
    }
}

/// A number with a real minus sign; infinite limits as "∞", those too large for fixed decimals in powers of ten.
fn number(value: f64, decimals: usize) -> String {
    if value.abs() >= 1e5 && value.is_finite() {
        return value_label(value, None);
    }
    crate::report::thousands(value, decimals)
}

/// A scale for effects; `lo` and `hi` are logarithms for ratios.
pub(super) struct EffectScale {
    lo: f64,
    hi: f64,
    ratio: bool,
    ticks: Vec<f64>,
}

impl EffectScale {
    /// Where a value lies, which may be outside `plot`.
    pub(super) fn place(&self, value: f64, plot: Rect) -> f64 {
        let along = if self.ratio { value.max(0.0).ln() } else { value };
        plot.x + (along - self.lo) / (self.hi - self.lo) * plot.w
    }

    /// The interval as a line that ends in caps, or in arrows where it leaves the plot; then the square (`half` pixels
    /// from its middle to its side), which is left out where the estimate itself lies outside.
    pub(super) fn draw(
        &self,
        canvas: &mut Canvas,
        effect: (f64, f64, f64),
        y: f64,
        half: f64,
        ink: Colour,
        plot: Rect,
    ) {
        let (value, lower, upper) = effect;
        let x = self.place(value, plot);
        let (from, to) = (self.place(lower, plot), self.place(upper, plot));
        let (inside_from, inside_to) = (from.clamp(plot.x, plot.right()), to.clamp(plot.x, plot.right()));
        canvas.line((inside_from, y), (inside_to, y), ink, 2.0, false);
        for (end, inside, away) in [(from, inside_from, -1.0), (to, inside_to, 1.0)] {
            if end < plot.x - 0.01 || end > plot.right() + 0.01 {
                let back = if end < plot.x { 1.0 } else { -1.0 };
                let arrow = [(inside, y), (inside + back * 9.0, y - 5.5), (inside + back * 9.0, y + 5.5)];
                // An interval that lies outside as a whole has its arrow on the side it lies on, once.
                if (back > 0.0) == (away < 0.0) {
                    canvas.polygon(&arrow, ink, 1.0);
                }
            } else {
                canvas.line((inside, y - 4.5), (inside, y + 4.5), ink, 1.6, false);
            }
        }
        if x >= plot.x && x <= plot.right() {
            canvas.rect(Rect { x: x - half, y: y - half, w: half * 2.0, h: half * 2.0 }, ink, 1.0);
        }
    }
}

/// Ticks of a logarithmic axis: 1, 2 and 5 in each decade, or powers of ten where those are too many, or values
/// around 1 where the axis is shorter than a decade.
fn ratio_ticks(from: f64, to: f64, most: usize) -> Vec<f64> {
    let inside = |values: Vec<f64>| -> Vec<f64> {
        values.into_iter().filter(|v| *v >= from * 0.999 && *v <= to * 1.001).collect()
    };
    let (first, last) = (from.max(1e-300).log10().floor() as i32, to.min(1e300).log10().ceil() as i32);
    let decades = |marks: &[f64], every: i32| -> Vec<f64> {
        let powers = (first..=last).filter(|p| p % every == 0);
        // Written and read back, so that a tick is 0.2 and not 0.2 with an error in its last place.
        powers
            .flat_map(|p| marks.iter().map(move |m| format!("{m}e{p}").parse::<f64>().unwrap_or(1.0)))
            .collect()
    };
    let candidates = [
        vec![0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25],
        vec![0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0],
        vec![0.25, 0.33, 0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0],
        decades(&[1.0, 2.0, 5.0], 1),
        decades(&[1.0, 3.0], 1),
        decades(&[1.0], 1),
        decades(&[1.0], 2),
        decades(&[1.0], 5),
        decades(&[1.0], 20),
    ];
    let fitting = candidates.into_iter().map(inside).filter(|t| t.len() <= most).max_by_key(Vec::len);
    fitting.filter(|t| t.len() >= 2).unwrap_or_else(|| vec![from, to])
}

fn plain_ticks(from: f64, to: f64, most: usize) -> Vec<f64> {
    let scale = Scale::covering(from, to, false, most, false);
    scale.ticks().into_iter().filter(|t| *t >= from && *t <= to).collect()
}

/// Why an effect has no interval, in the middle of its row.
pub(super) fn draw_reason(canvas: &mut Canvas, why: &str, plot: Rect, y: f64, ground: Colour) {
    let size = canvas.theme.small;
    let why = text::shortened(&text::clean(why), size, false, plot.w - 8.0);
    let w = text::width(&why, size, false) + 8.0;
    // The grid must not run through the words.
    canvas.rect(Rect { x: plot.x + (plot.w - w) / 2.0, y: y - size * 0.75, w, h: size * 1.5 }, ground, 1.0);
    canvas.text(&why, plot.x + plot.w / 2.0, y, Type::new(size, Anchor::Middle).ink(SOFT_INK));
}

/// A heading above a panel, shortened to it.
pub(super) fn panel_heading(canvas: &mut Canvas, heading: &str, plot: Rect, y: f64) {
    let size = canvas.theme.small;
    let words = text::shortened(&text::clean(heading), size, true, plot.w + 20.0);
    canvas.text(&words, plot.x + plot.w / 2.0, y, Type::new(size, Anchor::Middle).bold());
}
