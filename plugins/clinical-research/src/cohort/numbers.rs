//! Numbers as people read them.

use super::figure::Figure;

/// Three decimals, with bounds at both ends: "<0.001", ">0.999".
pub(crate) fn p_value(p: &Figure) -> String {
    match p.value() {
        None => "n/a".to_owned(),
        Some(p) if p < 0.001 => "<0.001".to_owned(),
        Some(p) if p > 0.999 => ">0.999".to_owned(),
        Some(p) => format!("{p:.3}"),
    }
}

/// From here on a number is written with a power of ten.
const HUGE: f64 = 1e15;
/// The most decimals of a table; a number of which they would show nothing is written with a power of ten.
pub(crate) const MOST_DECIMALS: usize = 4;

/// Whether of a number that is not nought the most decimals of a table are all nought.
pub(crate) fn is_tiny(value: f64, decimals: usize) -> bool {
    decimals >= MOST_DECIMALS && value != 0.0 && value.abs() < 0.5 * 0.1_f64.powi(MOST_DECIMALS as i32)
}

/// Three digits and a power of ten, with true minus signs.
pub(crate) fn scientific(value: f64) -> String {
    format!("{value:.2e}").replace('-', "−")
}

/// So many decimals and a true minus sign, which no spreadsheet takes for a formula; with a power of ten from 10¹⁵ on, and where
/// four decimals would show nothing.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if value.is_finite() && (value.abs() >= HUGE || is_tiny(value, decimals)) {
        return scientific(value);
    }
    let text = format!("{:.decimals$}", value.abs());
    let negative = value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if negative { format!("−{text}") } else { text }
}

/// The same of a figure, "n/a" without one.
pub(crate) fn figure(figure: &Figure, decimals: usize) -> String {
    figure.value().map_or_else(|| "n/a".to_owned(), |value| fixed(value, decimals))
}

/// Decimals for the statistics of a variable of this standard deviation: two digits of it, at most four decimals.
pub(crate) fn decimals(sd: Option<f64>) -> usize {
    match sd {
        Some(sd) if sd >= 100.0 => 0,
        Some(sd) if sd >= 1.0 => 1,
        Some(sd) if sd >= 0.1 => 2,
        Some(sd) if sd >= 0.01 => 3,
        Some(sd) if sd > 0.0 => MOST_DECIMALS,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let p = |p: f64| p_value(&p.into());
        assert_eq!([p(0.0004), p(0.0421), p(0.99999), p(1.0)], ["<0.001", "0.042", ">0.999", ">0.999"]);
        assert_eq!([fixed(-5.04, 1), fixed(-0.01, 1), fixed(12.0, 0)], ["−5.0", "0.0", "12"]);
        assert_eq!(
            [fixed(2e-7, 4), fixed(-2e-7, 4), fixed(0.0, 4), fixed(2e-7, 1), fixed(6e-5, 4)],
            ["2.00e−7", "−2.00e−7", "0.0000", "0.0", "0.0001"]
        );
        assert_eq!([fixed(1e300, 1), fixed(-2.5e15, 0)], ["1.00e300", "−2.50e15"]);
        assert_eq!(p_value(&Figure::missing("no events")), "n/a");
        assert_eq!(
            [decimals(Some(250.0)), decimals(Some(12.0)), decimals(Some(0.3)), decimals(None)],
            [0, 1, 2, 1]
        );
    }
}
