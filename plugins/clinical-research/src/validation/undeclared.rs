//! Fields below `baseline` and `endpoints` that nobody declared: whether they are what they should be, or tell of people.

use std::collections::BTreeSet;

use crate::study::Coded;

use super::ledger::Ledger;

/// Why numbers are withheld.
pub(super) const LONG_NUMBERS: &str = "whole numbers of nine or more digits, different in nearly every subject: they identify, and nobody declared them";
/// Fewer different texts may all be different.
const FEWEST: usize = 4;
/// More different texts are no categories.
const MOST: usize = 200;
/// A text of so few subjects may be a remark.
const RARE: usize = 3;
/// What stands for a text that is withheld.
const WITHHELD: &str = "[TEXT]";
/// What is known of sexes besides male and female.
const SEXES: [&str; 24] = [
    "m",
    "male",
    "man",
    "boy",
    "f",
    "female",
    "woman",
    "girl",
    "w",
    "u",
    "unknown",
    "undifferentiated",
    "unspecified",
    "other",
    "o",
    "intersex",
    "x",
    "d",
    "diverse",
    "nonbinary",
    "non-binary",
    "not reported",
    "not specified",
    "prefer not to say",
];

/// Why a field's texts are no categories; None where they may be.
pub(super) fn identifies(coded: &Coded) -> Option<&'static str> {
    let values = coded.codes.iter().flatten().count();
    let levels = coded.levels.len();
    let is_each_ones_own = levels >= FEWEST && 4 * levels >= 3 * values;
    if is_each_ones_own {
        Some("a text that is different in nearly every subject: it may identify, and nobody declared it")
    } else if levels > MOST {
        Some("more than 200 different texts that nobody declared")
    } else {
        None
    }
}

/// Mask the rare texts that look like remarks or names; how many values had them.
pub(super) fn withhold_remarks(coded: &mut Coded) -> usize {
    let mut counts = vec![0usize; coded.levels.len()];
    for code in coded.codes.iter().flatten() {
        if let Some(count) = counts.get_mut(*code as usize) {
            *count += 1;
        }
    }
    let is_withheld: Vec<bool> =
        coded.levels.iter().zip(&counts).map(|(level, count)| *count < RARE && is_remark(level)).collect();
    let n = counts.iter().zip(&is_withheld).filter(|(_, is)| **is).map(|(count, _)| count).sum();
    if n > 0 {
        let text = |code: &Option<u32>| {
            let code = (*code)? as usize;
            match is_withheld.get(code) {
                Some(true) => Some(WITHHELD),
                _ => coded.levels.get(code).map(String::as_str),
            }
        };
        *coded = Coded::of(coded.codes.iter().map(text));
    }
    n
}

/// Whether a text is a remark of several words, a name, or a number of many digits.
pub(super) fn is_remark(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_name = |word: &&str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase)
    };
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    words.len() >= 4 || words.len() >= 2 && words.iter().all(is_name) || digits >= 5
}

/// Whether numbers are long, whole, and different in nearly every record.
pub(super) fn are_long_numbers(values: impl Iterator<Item = f64>) -> bool {
    let (mut n, mut long) = (0usize, BTreeSet::new());
    for value in values {
        n += 1;
        if value.fract() == 0.0 && (1e8..1e16).contains(&value.abs()) {
            long.insert(value.to_bits());
        } else if n > 10 && long.is_empty() {
            return false;
        }
    }
    n > 1 && 4 * long.len() >= 3 * n
}

/// Note the codes of sex that nobody can read, such as 1 and 2.
pub(super) fn unknown_sexes(coded: &Coded, at: &str, ledger: &mut Ledger) {
    for (code, level) in (0u32..).zip(&coded.levels) {
        let folded = level.trim().to_lowercase();
        if SEXES.contains(&folded.as_str()) || super::convert::says_missing(&folded) {
            continue;
        }
        let n = coded.codes.iter().flatten().filter(|c| **c == code).count();
        let told = format!(
            "{}, of {}, is no known word for a sex: give M and F",
            crate::privacy::shown(level),
            heddle_kit::report::counted(n, "subject", "subjects")
        );
        ledger.rule("sex_not_understood", None, at, told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_told_from_what_identifies() {
        let of = |texts: &[&str]| Coded::of(texts.iter().map(|text| Some(*text)));
        assert!(identifies(&of(&["a", "b", "c", "d", "e"])).is_some());
        assert!(identifies(&of(&["a", "b", "c"])).is_none());
        assert!(identifies(&of(&["I", "II", "III", "IV", "I", "II", "III", "IV"])).is_none());
        let mut remarks = of(&["none", "none", "none", "Zelda Quimby", "moved in with her old aunt"]);
        assert_eq!(withhold_remarks(&mut remarks), 2);
        assert_eq!(remarks.levels, ["[TEXT]", "none"]);
        assert!(are_long_numbers((0..50).map(|k| f64::from(k) + 4e8)));
        assert!(!are_long_numbers((0..50).map(|k| f64::from(k % 3) + 4e8)));
        assert!(!are_long_numbers((0..50).map(|k| f64::from(k) * 1e4 + 0.5)));
    }
}
