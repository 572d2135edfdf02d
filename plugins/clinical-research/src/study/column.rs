//! Columns of a study: one value for each row, or none.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq};

/// Texts by their place in a sorted list of distinct levels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coded {
    /// The distinct texts, sorted.
    pub levels: Vec<String>,
    /// For each row the place of its text in `levels`; None is missing.
    pub codes: Vec<Option<u32>>,
}

impl Coded {
    /// From a text for each row.
    pub fn of<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) -> Self {
        let texts: Vec<Option<&str>> = texts.into_iter().collect();
        let mut places: BTreeMap<&str, u32> = texts.iter().flatten().map(|text| (*text, 0)).collect();
        for (place, code) in (0..).zip(places.values_mut()) {
            *code = place;
        }
        let codes = texts.iter().map(|text| text.and_then(|text| places.get(text).copied())).collect();
        Self { levels: places.keys().map(|level| (*level).to_owned()).collect(), codes }
    }

    /// So many rows, all missing.
    pub fn missing(rows: usize) -> Self {
        Self { levels: Vec::new(), codes: vec![None; rows] }
    }

    /// The text of a row; None where it is missing or there is no such row.
    pub fn get(&self, row: usize) -> Option<&str> {
        let code = (*self.codes.get(row)?)?;
        self.levels.get(code as usize).map(String::as_str)
    }

    /// The code of a level.
    pub fn code(&self, level: &str) -> Option<u32> {
        let place = self.levels.binary_search_by(|l| l.as_str().cmp(level)).ok()?;
        u32::try_from(place).ok()
    }

    /// The texts of all rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.codes.len()).map(|row| self.get(row))
    }
}

/// One field of all subjects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// Numbers, in the unit of the source. Always finite.
    #[serde(with = "numbers")]
    Numeric(Vec<Option<f64>>),
    /// Yes or no.
    Boolean(Vec<Option<bool>>),
    /// Categories.
    Categorical(Coded),
    /// What was a date: the study day, relative to the subject's reference date (day 1; the day before is day -1, and there
    /// is no day 0, as CDISC SDTM has it). Calendar dates are not passed on.
    #[serde(with = "numbers")]
    Day(Vec<Option<f64>>),
}

impl Column {
    /// Rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Numeric(values) | Self::Day(values) => values.len(),
            Self::Boolean(values) => values.len(),
            Self::Categorical(coded) => coded.codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows without a value.
    pub fn n_missing(&self) -> usize {
        match self {
            Self::Numeric(values) | Self::Day(values) => values.iter().filter(|v| v.is_none()).count(),
            Self::Boolean(values) => values.iter().filter(|v| v.is_none()).count(),
            Self::Categorical(coded) => coded.codes.iter().filter(|v| v.is_none()).count(),
        }
    }

    /// Whether a row has a value.
    pub fn is_known(&self, row: usize) -> bool {
        match self {
            Self::Numeric(values) | Self::Day(values) => values.get(row).is_some_and(Option::is_some),
            Self::Boolean(values) => values.get(row).is_some_and(Option::is_some),
            Self::Categorical(coded) => coded.codes.get(row).is_some_and(Option::is_some),
        }
    }

    /// As numbers: numbers and study days as they are, booleans as 0 and 1. None for categories.
    pub fn numbers(&self) -> Option<Cow<'_, [Option<f64>]>> {
        match self {
            Self::Numeric(values) | Self::Day(values) => Some(Cow::Borrowed(values)),
            Self::Boolean(values) => {
                Some(values.iter().map(|v| v.map(|v| f64::from(u8::from(v)))).collect::<Vec<_>>().into())
            }
            Self::Categorical(_) => None,
        }
    }

    /// As categories: booleans are `false` and `true`; the levels of numbers are in the order of the numbers.
    pub fn categories(&self) -> Cow<'_, Coded> {
        match self {
            Self::Categorical(coded) => Cow::Borrowed(coded),
            Self::Boolean(values) => Cow::Owned(Coded {
                levels: vec!["false".to_owned(), "true".to_owned()],
                codes: values.iter().map(|v| v.map(u32::from)).collect(),
            }),
            Self::Numeric(values) | Self::Day(values) => {
                let mut levels: Vec<f64> = values.iter().flatten().copied().collect();
                levels.sort_by(f64::total_cmp);
                levels.dedup();
                let code = |v: f64| u32::try_from(levels.partition_point(|l| *l < v)).ok();
                let codes = values.iter().map(|v| v.and_then(code)).collect();
                Cow::Owned(Coded { levels: levels.iter().map(f64::to_string).collect(), codes })
            }
        }
    }

    /// As yes and no: booleans, and numbers that are all 0 or 1. None for anything else.
    pub fn booleans(&self) -> Option<Cow<'_, [Option<bool>]>> {
        match self {
            Self::Boolean(values) => Some(Cow::Borrowed(values)),
            Self::Numeric(values) if values.iter().flatten().all(|v| *v == 0.0 || *v == 1.0) => {
                Some(values.iter().map(|v| v.map(|v| v == 1.0)).collect::<Vec<_>>().into())
            }
            _ => None,
        }
    }
}

/// Numbers as JSON: whole ones without a point, which halves the file.
pub(crate) mod numbers {
    use super::*;

    /// What a 64-bit float holds exactly.
    const EXACT: f64 = 9_007_199_254_740_992.0;

    struct Number(Option<f64>);

    impl Serialize for Number {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                Some(v) if v.fract() == 0.0 && v.abs() < EXACT => to.serialize_i64(v as i64),
                Some(v) if v.is_finite() => to.serialize_f64(v),
                _ => to.serialize_none(),
            }
        }
    }

    pub(crate) fn serialize<S: Serializer>(values: &[Option<f64>], to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(values.len()))?;
        for value in values {
            list.serialize_element(&Number(*value))?;
        }
        list.end()
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Option<f64>>, D::Error> {
        Vec::deserialize(from)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_read_as_it_was_written() {
        for column in [
            Column::Numeric(vec![Some(63.0), None, Some(-0.25), Some(1e300)]),
            Column::Boolean(vec![Some(true), None]),
            Column::Categorical(Coded::of([Some("b"), None, Some("a"), Some("b")])),
            Column::Day(vec![Some(-1.0)]),
        ] {
            let text = serde_json::to_string(&column).unwrap();
            assert_eq!(serde_json::from_str::<Column>(&text).unwrap(), column, "{text}");
        }
        let text = serde_json::to_string(&Column::Numeric(vec![Some(63.0), None, Some(25.1)])).unwrap();
        assert_eq!(text, r#"{"numeric":[63,null,25.1]}"#);
    }

    #[test]
    fn levels_are_sorted_and_found() {
        let coded = Coded::of([Some("b"), None, Some("a"), Some("b")]);
        assert_eq!((coded.levels.len(), coded.code("b"), coded.code("c")), (2, Some(1), None));
        assert_eq!(coded.iter().collect::<Vec<_>>(), [Some("b"), None, Some("a"), Some("b")]);
        let numbers = Column::Numeric(vec![Some(10.0), Some(9.0), None, Some(10.0)]);
        let categories = numbers.categories();
        assert_eq!(categories.levels, ["9", "10"], "in the order of the numbers");
        assert_eq!(categories.codes, [Some(1), Some(0), None, Some(1)]);
    }
}
