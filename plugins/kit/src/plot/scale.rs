//! Numbers to positions, round ticks, and how their labels are written.

use crate::report::thousands;

/// A linear axis from `lo` to `hi` with ticks at round numbers.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    pub(super) lo: f64,
    pub(super) hi: f64,
    pub(super) step: f64,
}

impl Scale {
    /// A scale that holds `min` and `max` and ends on ticks. Steps are 1, 2 or 5 times a power of ten (Heckbert,
    /// "Nice numbers for graph labels", Graphics Gems, 1990); whole numbers get whole steps.
    pub(super) fn covering(min: f64, max: f64, zero: bool, ticks: usize, whole: bool) -> Scale {
        let (mut lo, mut hi) = if zero { (min.min(0.0), max.max(0.0)) } else { (min, max) };
        let magnitude = lo.abs().max(hi.abs());
        if hi - lo <= magnitude * 1e-9 {
            // One value, or values that no axis could tell apart.
            let pad = if magnitude > 0.0 { magnitude * 0.5 } else { 1.0 };
            if zero && magnitude == 0.0 {
                hi = 1.0;
            } else {
                (lo, hi) = (lo - pad, hi + pad);
            }
        }
        let raw = (hi - lo) / ticks.max(2) as f64;
        let power = 10f64.powf(raw.log10().floor());
        let fraction = raw / power;
        let nice = [1.0, 2.0, 5.0].into_iter().find(|n| fraction <= n * 1.0000001).unwrap_or(10.0);
        let mut step = nice * power;
        if whole {
            step = step.max(1.0);
        }
        Scale { lo: (lo / step + 1e-9).floor() * step, hi: (hi / step - 1e-9).ceil() * step, step }
    }

    /// The ticks from the lowest up.
    pub(super) fn ticks(&self) -> Vec<f64> {
        // The axis may end between two ticks.
        let count = ((self.hi - self.lo) / self.step + 1e-6).floor().clamp(0.0, 60.0) as usize;
        let first = (self.lo / self.step).round();
        (0..=count).map(|i| (first + i as f64) * self.step).collect()
    }

    /// Where `value` lies between the pixel positions `from` (at `lo`) and `to` (at `hi`).
    pub(super) fn place(&self, value: f64, from: f64, to: f64) -> f64 {
        from + (value - self.lo) / (self.hi - self.lo) * (to - from)
    }

    /// A tick's label, with the same number of decimals and the same magnitude word on every tick.
    pub(super) fn label(&self, tick: f64) -> String {
        let largest = self.lo.abs().max(self.hi.abs());
        let (divisor, suffix) = magnitude(largest);
        if suffix == SCIENTIFIC {
            return scientific(tick);
        }
        let decimals = (-(self.step / divisor).log10() - 1e-9).ceil().clamp(0.0, 6.0) as usize;
        format!("{}{suffix}", thousands(tick / divisor, decimals))
    }
}

const SCIENTIFIC: &str = "e";

/// The power of a thousand in which numbers up to `largest` are written.
fn magnitude(largest: f64) -> (f64, &'static str) {
    match largest {
        l if l >= 1e15 || (l > 0.0 && l < 1e-4) => (1.0, SCIENTIFIC),
        l if l >= 1e12 => (1e12, "tn"),
        l if l >= 1e9 => (1e9, "bn"),
        l if l >= 1e6 => (1e6, "M"),
        l if l >= 1e5 => (1e3, "k"),
        _ => (1.0, ""),
    }
}

/// A value as it is written beside its mark: whole numbers whole, others with three significant digits.
pub(super) fn value_label(value: f64, decimals: Option<usize>) -> String {
    let (divisor, suffix) = magnitude(value.abs());
    if suffix == SCIENTIFIC {
        return scientific(value);
    }
    let scaled = value / divisor;
    let text = match decimals {
        Some(fixed) if suffix.is_empty() => thousands(scaled, fixed),
        _ if scaled.fract() == 0.0 => thousands(scaled, 0),
        _ => {
            let decimals = (2 - scaled.abs().log10().floor() as i32).clamp(0, 6) as usize;
            let text = thousands(scaled, decimals);
            if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
    };
    format!("{text}{suffix}")
}

fn scientific(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{value:.2e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.').replace('-', "−");
    let exponent: String = exponent
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '0' => '⁰',
            // ⁴ to ⁹ are consecutive.
            digit => char::from_u32('⁴' as u32 + (digit as u32 - '4' as u32)).unwrap_or(digit),
        })
        .collect();
    format!("{mantissa}×10{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_data() {
        let s = Scale::covering(0.0, 47.0, true, 6, true);
        assert_eq!((s.lo, s.hi, s.step), (0.0, 50.0, 10.0));
        let s = Scale::covering(-3.2, 8.1, false, 6, false);
        assert!(s.lo <= -3.2 && s.hi >= 8.1 && s.step == 2.0);
        assert_eq!(Scale::covering(0.0, 1.0, true, 6, true).ticks(), [0.0, 1.0]);
        assert_eq!(Scale::covering(0.0, 0.0, true, 6, true).ticks(), [0.0, 1.0]);
    }

    #[test]
    fn labels_share_decimals_and_magnitude() {
        let s = Scale::covering(0.0, 0.5, true, 5, false);
        assert_eq!(
            s.ticks().iter().map(|t| s.label(*t)).collect::<Vec<_>>(),
            ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]
        );
        let s = Scale::covering(0.0, 2_500_000.0, true, 5, true);
        assert_eq!(s.label(1_500_000.0), "1.5M");
        let s = Scale::covering(0.0, 1e300, true, 5, false);
        assert_eq!(s.label(2e299), "2×10²⁹⁹");
        assert_eq!(value_label(12_345.0, None), "12,345");
        assert_eq!(value_label(-0.125, None), "−0.125");
        assert_eq!(value_label(0.5, None), "0.5");
        assert_eq!(value_label(100.4, None), "100");
        assert_eq!(value_label(7.0, Some(1)), "7.0");
        assert_eq!(value_label(4.567e-8, None), "4.57×10⁻⁸");
    }
}
