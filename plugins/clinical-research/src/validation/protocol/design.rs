//! What a design's words say of randomisation.

/// Words before which the next ones are denied.
const DENIALS: [&str; 9] = ["no", "not", "non", "never", "without", "neither", "nor", "lacking", "un"];
/// How many words a denial reaches.
const REACH: usize = 3;
/// Beginnings of words beside which "randomised" is not what it says, or not of all.
const QUALIFIERS: [&str; 9] = [
    "quasi",
    "pseudo",
    "emulat",
    "histor",
    "external",
    "cohort",
    "observational",
    "registry",
    "retrospective",
];
/// Beginnings of words of designs that assign nobody.
const OBSERVED: [&str; 5] = ["observational", "cohort", "registry", "retrospective", "histor"];

/// Whether subjects were assigned at random, as far as the words tell it: `None` where they do not, or where they can be taken either way.
/// Who is wrongly taken for randomised is told effects that are none, so every doubt is one.
pub(super) fn randomised(design: &str) -> Option<bool> {
    let design = design.to_lowercase();
    let (mut said, mut denied, mut qualified, mut observed) = (false, false, false, false);
    // A denial does not reach over a stop: "not blinded, randomised".
    for clause in design.split([',', ';', '.', ':', '(', ')', '\n']) {
        let words: Vec<&str> =
            clause.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
        let assigns = words.iter().any(|w| w.starts_with("assign") || w.starts_with("allocat"));
        for (at, word) in words.iter().enumerate() {
            qualified |= QUALIFIERS.iter().any(|begin| word.starts_with(begin));
            observed |= OBSERVED.iter().any(|begin| word.starts_with(begin));
            let stem = ["randomis", "randomiz"].iter().find_map(|stem| word.find(stem));
            let Some(begin) = stem.or((assigns && *word == "randomly").then_some(0)) else { continue };
            said = true;
            let before = words.get(at.saturating_sub(REACH)..at).unwrap_or_default();
            denied |= before.iter().any(|word| DENIALS.contains(word));
            match word.get(..begin).unwrap_or_default() {
                "" => {}
                "un" | "non" => denied = true,
                // "quasirandomised"
                _ => qualified = true,
            }
        }
    }
    match (said, denied) {
        (_, true) => Some(false),
        (true, false) => (!qualified).then_some(true),
        (false, false) => observed.then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::randomised;

    #[test]
    fn only_what_is_said_without_a_doubt_is_randomised() {
        for design in [
            "randomised, double-blind, placebo-controlled, parallel-group, 26 weeks",
            "Randomized controlled trial",
            "not blinded, randomised",
            "open-label study; subjects were randomly assigned 1:1",
            "no placebo: randomised against usual care",
        ] {
            assert_eq!(randomised(design), Some(true), "{design}");
        }
        for design in [
            "unrandomised cohort, two arms",
            "cohort; no randomised allocation; historical controls",
            "non-randomised trial",
            "nonrandomized trial",
            "open-label study without randomisation",
            "patients were not assigned randomly",
            "not a randomised trial",
            "observational study",
            "prospective cohort",
            "registry",
        ] {
            assert_eq!(randomised(design), Some(false), "{design}");
        }
        for design in [
            "quasi-randomised",
            "quasirandomised by day of admission",
            "randomised arm beside historical controls",
            "emulation of a randomised trial",
            "open-label, two arms",
            "randomly chosen sites",
            "",
        ] {
            assert_eq!(randomised(design), None, "{design}");
        }
    }
}
