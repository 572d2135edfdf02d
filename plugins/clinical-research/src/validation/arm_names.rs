//! Names of arms that the protocol does not list: they may be anything, a person's name too.

use std::collections::BTreeSet;

use crate::study::{Coded, Protocol};

/// What stands for a name that is withheld.
pub(super) const WITHHELD: &str = "[ARM NOT IN THE PROTOCOL]";
/// Words of arms.
const WORDS: &[&str] = &[
    "active",
    "and",
    "arm",
    "assigned",
    "best",
    "care",
    "cohort",
    "combination",
    "comparator",
    "control",
    "daily",
    "dose",
    "drug",
    "early",
    "experimental",
    "extension",
    "failure",
    "group",
    "high",
    "highest",
    "iii",
    "intermediate",
    "label",
    "late",
    "low",
    "lowest",
    "mcg",
    "medium",
    "mid",
    "middle",
    "monotherapy",
    "none",
    "not",
    "observation",
    "once",
    "only",
    "open",
    "per",
    "placebo",
    "plus",
    "pooled",
    "randomised",
    "randomized",
    "reference",
    "run",
    "screen",
    "screening",
    "sham",
    "standard",
    "supportive",
    "test",
    "therapy",
    "treated",
    "treatment",
    "twice",
    "unassigned",
    "unknown",
    "untreated",
    "usual",
    "vehicle",
    "weekly",
    "with",
    "without",
];

/// Whether a name may be told: each of its words is one of the protocol's, one of arms, or too short to be a person's.
pub(super) fn is_tellable(name: &str, protocol: &Protocol) -> bool {
    let texts = [&protocol.title, &protocol.design, &protocol.indication, &protocol.study_id];
    let all = protocol.arms.iter().chain(texts.into_iter().flatten());
    let known: BTreeSet<String> = all.flat_map(|text| words(text)).collect();
    words(name).iter().all(|word| {
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        letters <= 2 || known.contains(word) || WORDS.contains(&word.as_str())
    })
}

/// Take the names that may not be told out of the treatments that subjects had; how many values had one.
pub(super) fn withhold(coded: &mut Coded, protocol: &Protocol) -> usize {
    let is_told: Vec<bool> =
        coded.levels.iter().map(|name| protocol.arms.contains(name) || is_tellable(name, protocol)).collect();
    let is_withheld = |code: u32| is_told.get(code as usize) == Some(&false);
    let n = coded.codes.iter().flatten().filter(|code| is_withheld(**code)).count();
    if n > 0 {
        let text = |code: &Option<u32>| match (*code)? {
            code if is_withheld(code) => Some(WITHHELD),
            code => coded.levels.get(code as usize).map(String::as_str),
        };
        *coded = Coded::of(coded.codes.iter().map(text));
    }
    n
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_arms_are_told_from_those_of_people() {
        let protocol = Protocol {
            arms: vec!["Placebo".to_owned(), "Xanomeline High Dose".to_owned()],
            ..Protocol::default()
        };
        for name in ["Xanomeline Medium Dose", "C", "placebo + standard of care", "Screen Failure", "54 mg"] {
            assert!(is_tellable(name, &protocol), "{name}");
        }
        for name in ["Zelda Quimby", "Xanomeline (Quimby)", "山田太郎"] {
            assert!(!is_tellable(name, &protocol), "{name}");
        }
    }
}
