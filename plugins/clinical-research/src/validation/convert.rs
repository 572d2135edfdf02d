//! From cells to values of one kind. A text is read once, however many records have it.

use crate::raw::{Kind, RawColumn};

use super::dates::{self, Written};

/// What a cell is, read as a kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reading<T> {
    /// No value.
    Missing,
    /// A word that says that there is none (`NA`).
    SaidMissing,
    /// As the kind wants it.
    Is(T),
    /// Written otherwise.
    Standardised(T),
    /// Not of the kind.
    Bad,
}

impl<T: Copy> Reading<T> {
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Is(value) | Self::Standardised(value) => Some(value),
            _ => None,
        }
    }
}

/// Reads a column as one kind.
pub(super) struct Reader<'c, T> {
    column: &'c RawColumn,
    texts: Vec<Reading<T>>,
    number: fn(f64) -> Reading<T>,
    boolean: fn(bool) -> Reading<T>,
}

impl<T: Copy> Reader<'_, T> {
    pub(super) fn at(&self, row: usize) -> Reading<T> {
        match self.column.cell(row) {
            Kind::Absent | Kind::Null => Reading::Missing,
            Kind::Number(value) => (self.number)(value),
            Kind::Boolean(value) => (self.boolean)(value),
            Kind::Text(place) => self.texts.get(place as usize).copied().unwrap_or(Reading::Bad),
            Kind::List(_) => Reading::Bad,
        }
    }
}

/// Whether a text says that there is no value.
pub(super) fn says_missing(text: &str) -> bool {
    const WORDS: [&str; 13] =
        ["na", "n/a", "nan", "null", "none", "nd", ".", "-", "missing", "unk", "unknown", "not done", "?"];
    let text = text.trim();
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Numbers. `12,5` is 12.5; `1,234` is not read, because it may be 1.234 or 1234.
pub(super) fn numbers(column: &RawColumn) -> Reader<'_, f64> {
    let texts = column.texts.iter().map(number_of).collect();
    Reader { column, texts, number: Reading::Is, boolean: |_| Reading::Bad }
}

fn number_of(text: &str) -> Reading<f64> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Reading::Missing;
    }
    if says_missing(trimmed) {
        return Reading::SaidMissing;
    }
    let is_decimal = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let comma = trimmed.split_once(',').filter(|(whole, part)| {
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        digits(whole.trim_start_matches(['-', '+'])) && digits(part) && part.len() != 3
    });
    let parsed = match comma {
        Some((whole, part)) => format!("{whole}.{part}").parse::<f64>(),
        None if is_decimal(trimmed) => trimmed.parse::<f64>(),
        None => return Reading::Bad,
    };
    parsed.ok().filter(|v| v.is_finite()).map_or(Reading::Bad, Reading::Standardised)
}

/// Grades: numbers, and texts such as `Grade 3` or `III`.
pub(super) fn grades(column: &RawColumn) -> Reader<'_, f64> {
    let texts = column.texts.iter().map(grade_of).collect();
    Reader { column, texts, number: Reading::Is, boolean: |_| Reading::Bad }
}

fn grade_of(text: &str) -> Reading<f64> {
    let small = text.trim().to_lowercase();
    let bare = small.trim_start_matches("ctcae").trim_start();
    let bare = bare.strip_prefix("grade-").or_else(|| bare.strip_prefix("grade")).unwrap_or(bare);
    let bare = bare.trim_start_matches([' ', ':']);
    match bare {
        "i" => Reading::Standardised(1.0),
        "ii" => Reading::Standardised(2.0),
        "iii" => Reading::Standardised(3.0),
        "iv" => Reading::Standardised(4.0),
        "v" => Reading::Standardised(5.0),
        bare if bare.len() < small.len() && !bare.is_empty() => number_of(bare),
        _ => number_of(text),
    }
}

/// Yes and no.
pub(super) fn booleans(column: &RawColumn) -> Reader<'_, bool> {
    let texts = column.texts.iter().map(boolean_of).collect();
    let number = |value: f64| match value {
        1.0 => Reading::Standardised(true),
        0.0 => Reading::Standardised(false),
        _ => Reading::Bad,
    };
    Reader { column, texts, number, boolean: Reading::Is }
}

fn boolean_of(text: &str) -> Reading<bool> {
    let text = text.trim().to_ascii_lowercase();
    match text.as_str() {
        "" => Reading::Missing,
        "y" | "yes" | "true" | "t" | "1" => Reading::Standardised(true),
        "n" | "no" | "false" | "f" | "0" => Reading::Standardised(false),
        text if says_missing(text) => Reading::SaidMissing,
        _ => Reading::Bad,
    }
}

/// Days since 1970-01-01.
pub(super) fn days(column: &RawColumn) -> Reader<'_, i32> {
    let day_of = |text: &str| match dates::read(text) {
        _ if text.trim().is_empty() => Reading::Missing,
        Written::Iso(day) => Reading::Is(day),
        Written::Other(day) => Reading::Standardised(day),
        _ if says_missing(text) => Reading::SaidMissing,
        Written::Partial | Written::No => Reading::Bad,
    };
    let texts = column.texts.iter().map(day_of).collect();
    Reader { column, texts, number: |_| Reading::Bad, boolean: |_| Reading::Bad }
}

/// The text of a number that is an id or a category: `7`, not `7.0`.
pub(super) fn number_text(value: f64) -> String {
    value.to_string()
}

/// The text of an id: trimmed, numbers as their digits; None where there is none, or where the text says that there is none: all who
/// are "N/A" are not one person.
pub(super) fn id_at(column: &RawColumn, row: usize) -> Option<String> {
    match column.cell(row) {
        Kind::Text(place) => {
            let id = column.texts.get(place).trim();
            (!id.is_empty() && !says_missing(id)).then(|| id.to_owned())
        }
        Kind::Number(value) => Some(number_text(value)),
        Kind::Boolean(value) => Some(value.to_string()),
        Kind::Absent | Kind::Null | Kind::List(_) => None,
    }
}

/// Whether a record has something there, readable or not.
pub(super) fn is_present(column: &RawColumn, row: usize) -> bool {
    match column.cell(row) {
        Kind::Absent | Kind::Null => false,
        Kind::Text(place) => {
            let text = column.texts.get(place).trim();
            !text.is_empty()
                && !["na", "n/a", "nan", "null", "."].iter().any(|w| text.eq_ignore_ascii_case(w))
        }
        Kind::Number(_) | Kind::Boolean(_) | Kind::List(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_answers_are_read_in_their_spellings() {
        for (text, value) in [("63", 63.0), (" -2.5 ", -2.5), ("12,5", 12.5), ("1e3", 1000.0)] {
            assert_eq!(number_of(text), Reading::Standardised(value), "{text}");
        }
        for text in ["abc", "1,234", "<5", "63 y", "1e999", "inf", "0x10", "1,2,3"] {
            assert_eq!(number_of(text), Reading::Bad, "{text}");
        }
        for (text, grade) in [
            ("Grade 3", 3.0),
            ("CTCAE grade: 2", 2.0),
            ("Grade-3", 3.0),
            ("iv", 4.0),
            ("-1", -1.0),
            ("9", 9.0),
        ] {
            assert_eq!(grade_of(text), Reading::Standardised(grade), "{text}");
        }
        assert_eq!(
            (grade_of("grade"), grade_of("severe"), grade_of("")),
            (Reading::Bad, Reading::Bad, Reading::Missing)
        );
        assert_eq!((number_of(" "), number_of("NaN")), (Reading::Missing, Reading::SaidMissing));
        assert_eq!(
            (boolean_of("Y"), boolean_of("no")),
            (Reading::Standardised(true), Reading::Standardised(false))
        );
        assert_eq!((boolean_of("perhaps"), boolean_of("unknown")), (Reading::Bad, Reading::SaidMissing));
    }
}
