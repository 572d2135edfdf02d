//! Names of people in running text: by title, by role, by a common given name.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::{
    name_words::{CLINICAL, GIVEN, LETTERED, PARTICIPLES, SPECIES, THINGS},
    vocabulary::{is_eponym, is_word},
};

/// A word of a name: a capital and small letters, with particles before it and inner hyphens or an apostrophe, or an initial.
const WORD: &str = r"(?:\p{Lu}\.|(?:(?:al|el|bin|bint|ibn|abu|de|del|della|da|di|dos|du|la|le|van|von|der|den|ten|ter|zu)[ -])*(?:O['’]|D['’]|Mc|Mac)?\p{Lu}\p{Ll}+(?:[-'’]\p{L}\p{Ll}+)*)";
/// Titles, of which several may stand in a row ("Frau Dr."). "M." is one with its dot only.
const TITLES: &str = r"(?:(?:(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Doctor|Doktor|Nurse|Sister|Herr|Herrn|Frau|Fräulein|Mme|Mlle|Madame|Monsieur|Señora?|Signora?|Sra|MR|MRS|MS|DR|PROF|HERR|FRAU)(?:\. ?| ))+|M\. )";
/// Who a name may stand behind.
const PEOPLE: &str = r"(?:wife|husband|spouse|son|daughter|mother|father|brother|sister|uncle|aunt|nephew|niece|cousin|grandson|granddaughter|grandmother|grandfather|neighbou?r|nurse|carer|caregiver|patient|subject|pt\.?|participant|volunteer)";

static TITLED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"\b{TITLES}(?:{WORD}(?: {WORD})*|\p{{Lu}}[\p{{Lu}}'-]{{2,}}(?: \p{{Lu}}[\p{{Lu}}'-]{{2,}})?)"
    ))
    .ok()
});
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"\b(?i:name is|named|called|name:|name =|contact|wife|husband|spouse|son|daughter|mother|father|parents?|brother|sister|uncle|aunt|grandson|granddaughter|grandmother|grandfather|neighbour|neighbor|partner|friend|investigator|physician|carer|caregiver|guardian|signed|by|patient|subject|pt|participant|volunteer|proband|patientin|paciente|пациент|пациентка)(?:[:,]? {WORD} {WORD}(?: {WORD})*|: ?{WORD}, ?{WORD})"
    ))
    .ok()
});
/// A single name behind the word for a person in small letters.
static ALONE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!(r"\b(?:name is|named|called|{PEOPLE}) {WORD}")).ok());
/// An initial and a surname.
static INITIAL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!(r"\b(?:\p{{Lu}}\. ?){{1,2}}{WORD}")).ok());
static COMMON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = GIVEN.join("|");
    let capitals = names.to_uppercase();
    Regex::new(&format!(
        r"\b(?:(?:{names})(?:-\p{{Lu}}\p{{Ll}}+)?(?: {WORD})+|(?:{capitals})(?: \p{{Lu}}\.?)? \p{{Lu}}[\p{{Lu}}'-]{{2,}})"
    ))
    .ok()
});
/// A text that is nothing but a surname and a common given name, or a surname and an initial.
static REVERSED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"^(?:\p{{Lu}}[\p{{Lu}}'-]{{2,}},? (?:{})|\p{{Lu}}\p{{Ll}}+,? \p{{Lu}}\.)$",
        GIVEN.join("|").to_uppercase()
    ))
    .ok()
});
/// A common given name before what people do.
static ACTING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"\b({})(?:,? (?:who|also|then|now|has|had|is|was|felt|feels|said|says|fell|told|came|went|took|left|withdrew|wants|thinks|got|gave|began|did|\p{{Ll}}{{3,}}ed)\b)",
        GIVEN.join("|")
    ))
    .ok()
});
/// Japanese names with their title, and Chinese and Japanese ones behind "patient".
static EASTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"[\p{Han}\p{Hiragana}\p{Katakana}ー]{1,8}(?:さん|様|氏|先生|医生)|(?:患者|姓名|氏名)[:：]?\s?[\p{Han}\p{Katakana}ー]{2,6}").ok()
});

/// Spans of names in a text. In `prose` a role may be written with a capital; in a coded term, where all words may have one
/// (`Injury By Blunt Trauma`), it may only where the words behind the name have none.
pub(super) fn spans(text: &str, prose: bool) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    // Names of several words have a blank, names with a title a blank or a dot, or they are not Latin.
    if !text.contains([' ', '.']) && text.is_ascii() {
        return found;
    }
    let mut add = |start: usize, end: usize| {
        let after = text.get(end..).unwrap_or_default();
        let next = after.split_whitespace().next().map(folded).unwrap_or_default();
        if after.starts_with([',', ';', '.']) || !is_eponym(&next) {
            found.push((start, end));
        }
    };
    let hits = |regex: &'static LazyLock<Option<Regex>>| {
        regex.iter().flat_map(|regex| regex.find_iter(text)).map(|hit| (hit.start(), hit.end(), hit.as_str()))
    };
    let is_of_people = |hit: &str| !hit.split_whitespace().skip(1).any(|word| is_eponym(&folded(word)));
    for (start, end, hit) in hits(&TITLED) {
        let named = hit.trim_start_matches(|c: char| c.is_uppercase()).split([' ', '.']).skip(1);
        if is_of_people(hit) && !named.filter(|word| !word.is_empty()).any(is_thing) {
            add(start, end);
        }
    }
    for (start, end, hit) in hits(&NAMED) {
        let after = text.get(end..).unwrap_or_default().trim_start();
        let in_sentence = start == 0 && after.starts_with(char::is_lowercase);
        if is_named(hit, prose || in_sentence && is_subject(hit)) {
            add(start, end);
        }
    }
    for (start, end, hit) in hits(&ALONE) {
        let name = hit.rsplit(' ').next().unwrap_or_default();
        let is_known = GIVEN.contains(&name);
        if is_of_people(hit) && (is_known || !is_thing(name) && !is_word(&folded(name))) {
            add(start, end);
        }
    }
    for (start, end, hit) in hits(&INITIAL) {
        let name = hit.rsplit(['.', ' ']).next().unwrap_or_default();
        let before = text.get(..start).unwrap_or_default().split_whitespace().next_back();
        let is_counted = before.is_some_and(|word| LETTERED.contains(&folded(word).as_str()));
        if is_of_people(hit)
            && !is_counted
            && !is_thing(name)
            && !is_word(&folded(name))
            && !SPECIES.contains(&folded(name).as_str())
        {
            add(start, end);
        }
    }
    let (plain, places) = unaccented(text);
    let place = |at: usize| places.as_ref().map_or(Some(at), |places| places.get(at).copied());
    for hit in COMMON.iter().flat_map(|regex| regex.find_iter(&plain)) {
        if let Some((start, end)) = place(hit.start()).zip(place(hit.end()))
            && is_of_people(hit.as_str())
        {
            add(start, end);
        }
    }
    for name in ACTING.iter().flat_map(|regex| regex.captures_iter(&plain)).filter_map(|hit| hit.get(1)) {
        let after = plain.get(name.end()..).unwrap_or_default();
        let next = after.split([' ', ',']).find(|word| !word.is_empty()).unwrap_or_default();
        if let Some((start, end)) = place(name.start()).zip(place(name.end()))
            && !PARTICIPLES.contains(&next)
        {
            add(start, end);
        }
    }
    for (start, end, hit) in hits(&REVERSED) {
        let surname = folded(hit.split([' ', ',']).next().unwrap_or_default());
        if !is_thing(&surname)
            && !is_word(&surname)
            && !is_eponym(&surname)
            && !LETTERED.contains(&surname.as_str())
        {
            add(start, end);
        }
    }
    for (start, end, _) in hits(&EASTERN) {
        add(start, end);
    }
    found
}

/// The text with Latin letters without their accents, and where each of its bytes comes from; None where nothing is changed.
fn unaccented(text: &str) -> (Cow<'_, str>, Option<Vec<usize>>) {
    if text.is_ascii() {
        return (Cow::Borrowed(text), None);
    }
    let mut plain = String::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len() + 1);
    for (at, letter) in text.char_indices() {
        let base = match letter {
            'ł' => 'l',
            'Ł' => 'L',
            'ø' => 'o',
            'Ø' => 'O',
            'đ' => 'd',
            'Đ' => 'D',
            _ => std::iter::once(letter).nfd().next().filter(char::is_ascii_alphabetic).unwrap_or(letter),
        };
        plain.push(base);
        places.resize(plain.len(), at);
    }
    places.push(text.len());
    (Cow::Owned(plain), Some(places))
}

fn folded(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
}

/// Whether the role of a hit is that of who takes part.
fn is_subject(hit: &str) -> bool {
    ["Patient ", "Subject ", "Pt ", "Participant ", "Volunteer "].iter().any(|role| hit.starts_with(role))
}

/// Whether a word with a capital is a thing of medicine and nobody's name, although it may stand behind a title ("MS Relapse").
fn is_thing(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let small = word.to_lowercase();
    let ends = |endings: &[&str]| small.chars().count() > 6 && endings.iter().any(|end| small.ends_with(end));
    CLINICAL.iter().any(|known| known.eq_ignore_ascii_case(word))
        || THINGS.contains(&small.as_str())
        || small.starts_with("non-")
        || ends(&[
            "graphy", "gram", "scopy", "ation", "ition", "ction", "sion", "ness", "ance", "ence", "ing",
            "ity", "pathy", "ology", "ectomy",
        ])
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
