//! Where somebody lives, in running text: what is written with a capital behind words for it.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    name_words::CLINICAL,
    vocabulary::{is_eponym, is_word},
};

/// The first group is the place: a house number, words with capitals, and postal codes.
static LIVING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let part = r"\p{Lu}[\p{L}'’-]+";
    let post = r"\d{4,6}(?:-\d{4})?\b|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b";
    Regex::new(&format!(
        r"\b(?i:lives? in|lived in|living in|moved (?:back )?to|moves to|moving to|relocated to|resident of|resid(?:es|ed|ing) in|comes? from|came from|born in|(?:home )?address(?: is)?:?) ((?:\d{{1,5}}[a-z]? |(?:{post}) )?{part}(?:,? (?:{post}|{part})| (?:de|la|am|an der|upon|sur|of) {part})*)"
    ))
    .ok()
});
/// Words with a capital that are where somebody is and not a place of the map, or that a trial moves to.
const ELSEWHERE: [&str; 26] = [
    "nursing",
    "assisted",
    "hospice",
    "home",
    "ward",
    "icu",
    "intensive",
    "rehabilitation",
    "placebo",
    "open-label",
    "maintenance",
    "period",
    "extension",
    "cycle",
    "grade",
    "january",
    "february",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "another",
];

/// Spans of places.
pub(super) fn spans(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for hit in LIVING.iter().flat_map(|regex| regex.captures_iter(text)) {
        let (Some(whole), Some(place)) = (hit.get(0), hit.get(1)) else { continue };
        let before = text.get(..whole.start()).unwrap_or_default().trim_end().to_lowercase();
        // "to address Safety concerns" is no address.
        let is_verb = whole.as_str().to_lowercase().starts_with("address") && before.ends_with("to");
        let first = place.as_str().split([' ', ',']).find(|word| word.starts_with(char::is_uppercase));
        let is_elsewhere = first.is_none_or(|word| {
            let small = word.to_lowercase();
            let is_of_trials = CLINICAL.contains(&word) || ELSEWHERE.contains(&small.as_str());
            is_of_trials || is_word(&small) || is_eponym(&small)
        });
        if !is_verb && !is_elsewhere {
            found.push((place.start(), place.end()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_from_wards_and_arms() {
        for (text, want) in [
            ("lives in Paris, 75008", "Paris, 75008"),
            ("moved to Oslo", "Oslo"),
            ("resident of Stratford upon Avon now", "Stratford upon Avon"),
            ("comes from Rio de Janeiro", "Rio de Janeiro"),
            ("born in Kraków", "Kraków"),
            ("address: 4 Elm Walk, York YO1 7HH", "4 Elm Walk, York YO1 7HH"),
        ] {
            let found: Vec<&str> = spans(text).iter().map(|(start, end)| &text[*start..*end]).collect();
            assert_eq!(found, [want], "{text}");
        }
        for text in [
            "moved to Arm B",
            "moved to Placebo",
            "Moved To Nursing Home",
            "lives in assisted living",
            "to address Crohn flares",
            "pain moved to Right Leg",
            "moved to Week 12",
            "bleeding from Barrett's oesophagus",
        ] {
            assert!(spans(text).is_empty(), "{text}");
        }
    }
}
