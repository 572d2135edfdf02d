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

/// So many decimals and a true minus sign, which no spreadsheet takes for a formula.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
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
        Some(sd) if sd > 0.0 => 4,
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
        assert_eq!(p_value(&Figure::missing("no events")), "n/a");
        assert_eq!(
            [decimals(Some(250.0)), decimals(Some(12.0)), decimals(Some(0.3)), decimals(None)],
            [0, 1, 2, 1]
        );
    }
}
