//! Dates in the forms that trials write them in.

use jiff::civil::{Date, date};

/// What a text says of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// The day, counted from 1970-01-01, in the form `2014-03-05`.
    Iso(i32),
    /// The day in another form.
    Other(i32),
    /// A year, or a year and month.
    Partial,
    /// Nothing that is a date.
    No,
}

/// Read `2014-03-05`, `2014-03-05T10:00`, `20140305`, `2014/03/05`, `05MAR2014`, `5-Mar-2014`, `5 March 2014`, `25.03.2014` and
/// `25/03/2014` (the latter only where the first number is more than 12 or both are equal: otherwise day and month cannot be told
/// apart; with points the day is first).
pub(super) fn read(text: &str) -> Written {
    let text = text.trim();
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 4 || bytes.len() > 35 {
        return Written::No;
    }
    let parts: Vec<&str> = text.split(['-', '/', '.', ' ', ',', 'T']).filter(|p| !p.is_empty()).collect();
    let number = |part: &str| (part.len() <= 4).then(|| part.parse::<i16>().ok()).flatten();
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let is_year = |part: &str| part.len() == 4 && all_digits(part);
    if bytes.len() >= 10 && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-') {
        let whole = text.get(..10).unwrap_or_default();
        let rest = text.get(10..).unwrap_or_default();
        let is_time = |rest: &str| {
            rest.starts_with(['T', ' '])
                && rest.bytes().skip(1).all(|b| b.is_ascii_digit() || b":.+-Z".contains(&b))
        };
        let mut of = whole.split('-').map(number);
        if let (Some(Some(y)), Some(Some(m)), Some(Some(d))) = (of.next(), of.next(), of.next()) {
            return match (day(y, m, d), rest) {
                (Some(day), "") => Written::Iso(day),
                (Some(day), rest) if is_time(rest) => Written::Other(day),
                _ => Written::No,
            };
        }
    }
    let found = match parts.as_slice() {
        [whole] if whole.len() == 8 && all_digits(whole) => {
            let part = |from: usize, to: usize| whole.get(from..to).and_then(number);
            part(0, 4).zip(part(4, 6)).zip(part(6, 8)).and_then(|((y, m), d)| day(y, m, d))
        }
        [whole] if whole.len() == 9 || whole.len() == 8 => {
            let split = whole.len() - 7;
            let (d, rest) = (whole.get(..split), whole.get(split..));
            rest.and_then(|rest| {
                let m = month(rest.get(..3)?)?;
                day(number(rest.get(3..)?)?, m, number(d?)?)
            })
        }
        [y] if is_year(y) => return Written::Partial,
        [y, m] if is_year(y) && (month(m).is_some() || number(m).is_some_and(|m| (1..=12).contains(&m))) => {
            return Written::Partial;
        }
        [m, y] if is_year(y) && month(m).is_some() => return Written::Partial,
        [y, m, d] if is_year(y) => {
            number(y).zip(month(m).or(number(m))).zip(number(d)).and_then(|((y, m), d)| day(y, m, d))
        }
        [d, m, y] if is_year(y) && month(m).is_some() => {
            number(d).zip(month(m)).zip(number(y)).and_then(|((d, m), y)| day(y, m, d))
        }
        [m, d, y] if is_year(y) && month(m).is_some() => {
            number(d).zip(month(m)).zip(number(y)).and_then(|((d, m), y)| day(y, m, d))
        }
        [d, m, y] if is_year(y) => number(d)
            .zip(number(m))
            .zip(number(y))
            .and_then(|((d, m), y)| (text.contains('.') || d > 12 || d == m).then(|| day(y, m, d)).flatten()),
        _ => None,
    };
    found.map_or(Written::No, Written::Other)
}

fn month(text: &str) -> Option<i16> {
    const NAMES: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = text.get(..3)?.to_ascii_lowercase();
    let is_word = text.bytes().all(|b| b.is_ascii_alphabetic());
    (1..).zip(NAMES).find(|(_, name)| is_word && *name == start).map(|(at, _)| at)
}

fn day(y: i16, m: i16, d: i16) -> Option<i32> {
    if !(1800..=2200).contains(&y) {
        return None;
    }
    let given = Date::new(y, i8::try_from(m).ok()?, i8::try_from(d).ok()?).ok()?;
    (given - date(1970, 1, 1)).get_days().into()
}

/// The date of a day counted from 1970-01-01, as ISO 8601.
pub(super) fn iso(day: i32) -> String {
    let date = jiff::Span::new().try_days(day).ok().and_then(|span| date(1970, 1, 1).checked_add(span).ok());
    date.map_or_else(String::new, |date| date.to_string())
}

/// The study day (CDISC SDTM implementation guide 3.4, 4.4.4): the reference date is day 1, the day before it day -1.
pub(super) fn study_day(date: i32, reference: i32) -> f64 {
    let days = f64::from(date) - f64::from(reference);
    if days >= 0.0 { days + 1.0 } else { days }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_their_forms() {
        assert_eq!(read("1970-01-02"), Written::Iso(1));
        for text in [
            "1970-01-02T10:00:00Z",
            "19700102",
            "1970/01/02",
            "02JAN1970",
            "2Jan1970",
            "2-Jan-1970",
            "2 January 1970",
            "January 2, 1970",
            "02.01.1970",
            "1970-Jan-02",
        ] {
            assert_eq!(read(text), Written::Other(1), "{text}");
        }
        assert_eq!(read("25/01/1970"), Written::Other(24));
        for text in ["1970", "1970-01", "Jan 1970"] {
            assert_eq!(read(text), Written::Partial, "{text}");
        }
        for text in [
            "02/01/1970",
            "1970-02-30",
            "soon",
            "WHITE",
            "1970-13-01",
            "12345678",
            "2014-01-02 or so",
            "é970-01-01",
            "",
        ] {
            assert_eq!(read(text), Written::No, "{text}");
        }
        assert_eq!(iso(1), "1970-01-02");
        assert_eq!((study_day(10, 10), study_day(9, 10)), (1.0, -1.0));
    }
}
