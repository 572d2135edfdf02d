//! Names of people in running text: by title, by role, by a common given name.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    name_words::{CLINICAL, GIVEN},
    vocabulary::is_eponym,
};

/// A word of a name: a capital and small letters, with inner hyphen or apostrophe, or an initial.
const WORD: &str = r"(?:\p{Lu}\.|(?:O'|D'|Mc|Mac|de |van |von |la )?\p{Lu}[\p{Ll}]+(?:-\p{Lu}\p{Ll}+)?)";

static TITLED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Doctor|Nurse|Sister|Herr|Herrn|Frau|Fräulein|Mme|Madame|Monsieur|Señora?|Signora?|Sra|MR|MRS|MS|DR|PROF|HERR|FRAU)\b\.? (?:{WORD}(?: {WORD})*|\p{{Lu}}[\p{{Lu}}'-]{{2,}}(?: \p{{Lu}}[\p{{Lu}}'-]{{2,}})?)"
    ))
    .ok()
});
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"\b(?i:name is|named|called|name:|name =|contact|wife|husband|spouse|son|daughter|mother|father|parents?|brother|sister|uncle|aunt|grandson|granddaughter|grandmother|grandfather|neighbour|neighbor|partner|friend|investigator|physician|carer|caregiver|guardian|signed|by|patient|subject|pt|participant|volunteer|proband|patientin|paciente|пациент|пациентка)[:,]? {WORD} {WORD}(?: {WORD})*"
    ))
    .ok()
});
/// A single common name behind the word for a person.
static ALONE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = GIVEN.join("|");
    Regex::new(&format!(
        r"\b(?:name is|named|called|wife|husband|spouse|son|daughter|mother|father|brother|sister|patient|subject|pt|participant|volunteer) (?:{names})\b"
    ))
    .ok()
});
static COMMON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = GIVEN.join("|");
    let capitals = names.to_uppercase();
    Regex::new(&format!(
        r"\b(?:(?:{names})(?: {WORD})+|(?:{capitals})(?: \p{{Lu}}\.?)? \p{{Lu}}[\p{{Lu}}'-]{{2,}})"
    ))
    .ok()
});
/// Japanese names with their title, and Chinese and Japanese ones behind "patient".
static EASTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"[\p{Han}\p{Hiragana}\p{Katakana}ー]{1,8}(?:さん|様|氏|先生|医生)|(?:患者|姓名|氏名)[:：]?\s?[\p{Han}\p{Katakana}ー]{2,6}").ok()
});

/// Spans of names in a text. In `prose` a role may be written with a capital; in a coded term, where all words may have one
/// (`Injury By Blunt Trauma`), it may not.
pub(super) fn spans(text: &str, prose: bool) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    // Names of several words have a blank or are not Latin.
    if !text.contains(' ') && text.is_ascii() {
        return found;
    }
    for (regex, has_role) in
        [(&*TITLED, false), (&*NAMED, true), (&*ALONE, false), (&*COMMON, false), (&*EASTERN, false)]
    {
        for hit in regex.iter().flat_map(|regex| regex.find_iter(text)) {
            let after = text.get(hit.end()..).unwrap_or_default();
            let is_name = match has_role {
                true => is_named(hit.as_str(), prose),
                false => !hit.as_str().split_whitespace().skip(1).any(|word| is_eponym(&folded(word))),
            };
            let next = after.split_whitespace().next().map(folded).unwrap_or_default();
            let ends = after.starts_with([',', ';', '.']);
            if is_name && (ends || !is_eponym(&next)) {
                found.push((hit.start(), hit.end()));
            }
        }
    }
    found
}

fn folded(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
}

/// Whether a role and two words with capitals are a person.
fn is_named(hit: &str, prose: bool) -> bool {
    let is_small = hit.starts_with(char::is_lowercase);
    let is_clinical = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        CLINICAL.contains(&word) || is_eponym(&word.to_lowercase()) || !is_small && word.ends_with("ed")
    };
    (is_small || prose || hit.contains(':')) && !hit.split_whitespace().skip(1).any(is_clinical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_from_phrases() {
        for text in [
            "Dr. Miller called",
            "seen by Zorblax Quimby",
            "moved in with John Smith",
            "JANE DOE ASKED TO STOP",
            "Mary-Ann is out; contact: Tove Lindqvist",
            "Maria O'Neil",
            "patient Zorblax Quimby fell",
            "patient John Smith",
            "subject: Tove Lindqvist",
            "pt Maria",
            "HERR MUELLER FELL",
            "пациент Иван Петров упал",
            "患者：山田太郎",
            "山田さん",
        ] {
            assert!(!spans(text, true).is_empty(), "{text}");
        }
        for text in [
            "Withdrawal by Subject",
            "Lost to Follow-up",
            "Physician Decision",
            "Decision by Data Monitoring Committee",
            "Adverse Event",
            "NOT RECOVERED/NOT RESOLVED",
            "WHITE",
            "Xanomeline High Dose",
            "CHARLES BONNET SYNDROME",
            "Charles Bonnet syndrome",
            "MACHADO JOSEPH DISEASE",
            "POUCH OF DOUGLAS ABSCESS",
            "Ann Arbor stage II",
            "GRACE SCORE",
            "Patient Global Impression of Change",
            "Patient Reported Outcome",
            "Subject Refused Treatment",
            "Injury by Blunt Trauma",
            "Patient Health Questionnaire",
            "JOHN CUNNINGHAM VIRUS TEST POSITIVE",
        ] {
            assert!(spans(text, false).is_empty() && spans(text, true).is_empty(), "{text}");
        }
    }
}
