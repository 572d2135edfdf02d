//! Takes identifiers out of texts.

use std::{borrow::Cow, collections::HashMap};

use super::{
    Identifier,
    known::{Known, prepared},
    names,
    patterns::PATTERNS,
    tokens::{Token, Tokens, composed},
    vocabulary::{begins_with_unit, is_eponym, is_word},
};

/// The longest identifier that is compared, in runs of letters or digits.
const MOST_WORDS: usize = 16;
/// From so many digits on, a number in a key is one of a person.
const LONG_NUMBER: usize = 6;

/// What is known to identify, and what looks as if it did.
#[derive(Debug, Default)]
pub struct Scrubber {
    known: Known,
    /// Names of one word, in small letters: only in running text, where they begin with a capital.
    single: HashMap<String, Identifier>,
}

impl Scrubber {
    /// Remember a value that identifies. Single words of names and places are searched for in running text only; short numbers
    /// that are no ids are not: they occur everywhere.
    pub fn learn(&mut self, value: &str, kind: Identifier) {
        let (value, tokens) = prepared(value);
        let bare = tokens.whole();
        if bare.is_empty() || tokens.all.len() > MOST_WORDS {
            return;
        }
        let length = bare.chars().count();
        let has_digit = tokens.all.iter().any(|token| token.is_digits);
        if kind == Identifier::Other {
            self.known.learn(&value, &tokens, kind);
            return;
        }
        let words: Vec<&str> = (0..tokens.all.len()).map(|at| tokens.folded(at, at)).collect();
        if words.len() == 1 && !has_digit {
            if length >= 4 && matches!(kind, Identifier::Name | Identifier::Place) {
                self.single.insert(bare.to_owned(), kind);
            }
            return;
        }
        let has_letter = tokens.all.iter().any(|token| !token.is_digits);
        if length < 4 || words.len() == 1 && !has_letter && length < 5 {
            return;
        }
        if kind == Identifier::Name {
            for word in words.iter().filter(|w| w.chars().count() >= 4) {
                self.single.insert((*word).to_owned(), kind);
            }
        }
        self.known.learn(&value, &tokens, kind);
    }

    /// The text without identifiers, and what they were; None where there is none. `prose`: running text, in which a role before a name
    /// may have a capital ("Patient Zelda Quimby"); in a coded term all words may have one.
    pub fn scrub(&self, text: &str, prose: bool) -> Option<(String, Vec<Identifier>)> {
        let text = composed(text);
        let mut found = self.known_spans(&text);
        let suspicious = |b: u8| b.is_ascii_digit() || matches!(b, b'@' | b':' | b'.' | b'[' | 0x80..);
        if text.bytes().any(suspicious) {
            for pattern in PATTERNS.iter() {
                let hits = pattern.regex.find_iter(&text).filter(|hit| {
                    let around = (text.get(..hit.start()), text.get(hit.end()..));
                    (pattern.holds)(hit.as_str(), around.0.unwrap_or_default(), around.1.unwrap_or_default())
                });
                found.extend(hits.map(|hit| (hit.start(), hit.end(), pattern.kind)));
            }
        }
        found.extend(
            names::spans(&text, prose).into_iter().map(|(start, end)| (start, end, Identifier::Name)),
        );
        if found.is_empty() {
            return None;
        }
        found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        let mut out = String::with_capacity(text.len());
        let mut kinds = Vec::new();
        let mut done = 0;
        let mut after = None;
        for (start, end, kind) in found {
            if start >= done || after.is_none() {
                out.push_str(text.get(done..start).unwrap_or_default());
                out.push_str(kind.mask());
                kinds.push(kind);
            }
            // Overlapping finds are one: nothing between them is told.
            done = done.max(end);
            after = Some(end);
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Some((out, kinds))
    }

    /// The text of a key without identifiers; None where there is none. In keys long numbers are identifiers too, and two or three words with
    /// capitals that are no terms are a person's name.
    pub fn scrub_key(&self, key: &str) -> Option<String> {
        let clean = self.scrub(key, true).map_or(Cow::Borrowed(key), |(clean, _)| Cow::Owned(clean));
        let mut parts = Vec::new();
        for part in clean.split('.') {
            let is_masked = part.contains('[') && part != "[]";
            parts.push(match !is_masked && is_person(part) {
                true => Cow::Borrowed(Identifier::Name.mask()),
                false => without_long_numbers(part),
            });
        }
        let joined = parts.join(".");
        (joined != key).then_some(joined)
    }

    /// Ids that differ in capitals, separators and forms of Unicode only, each group in order.
    pub fn ids_alike(&self) -> Vec<Vec<&str>> {
        self.known.alike()
    }

    fn known_spans(&self, text: &str) -> Vec<(usize, usize, Identifier)> {
        if self.known.is_empty() && self.single.is_empty() {
            return Vec::new();
        }
        let tokens = Tokens::of(text);
        let mut found = self.known.spans(text, &tokens);
        if tokens.all.len() > 1 && !self.single.is_empty() {
            for (at, token) in tokens.all.iter().enumerate() {
                let word = tokens.folded(at, at);
                let is_capital =
                    text.get(token.start..).and_then(|t| t.chars().next()).is_some_and(|c| !c.is_lowercase());
                if let Some(kind) = self.single.get(word).filter(|_| is_capital && !is_word(word)) {
                    found.push((token.start, token.end, *kind));
                }
            }
        }
        found
    }
}

/// Two or three words of which each has a capital and small letters and none is a term.
fn is_person(key: &str) -> bool {
    let is_name = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && word.chars().count() > 1
            && letters.all(|c| c.is_lowercase() || matches!(c, '-' | '\'' | '’'))
    };
    let words: Vec<&str> = key.split_whitespace().collect();
    let is_term = |word: &&str| is_word(&word.to_lowercase()) || is_eponym(&word.to_lowercase());
    (2..=3).contains(&words.len()) && words.iter().all(|word| is_name(word)) && !words.iter().any(is_term)
}

fn without_long_numbers(text: &str) -> Cow<'_, str> {
    let is_long = |token: &&Token| token.is_digits && token.end - token.start >= LONG_NUMBER;
    let tokens = Tokens::of(text);
    let mut out = String::new();
    let mut done = 0;
    for token in tokens.all.iter().filter(is_long) {
        out.push_str(text.get(done..token.start).unwrap_or_default());
        out.push_str("[NUMBER]");
        done = token.end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// Words that stand where a value should be and tell nothing of anybody.
const SAID: [&str; 12] = [
    "about", "absent", "above", "below", "maybe", "pending", "perhaps", "possible", "possibly", "probably",
    "refused", "varies",
];

/// An unreadable value as it may be shown: figures and short words as they are, anything else by its length only.
pub fn shown(text: &str) -> String {
    let trimmed = text.trim();
    let is_figure = trimmed.len() <= 12
        && trimmed.bytes().filter(u8::is_ascii_digit).count() <= 4
        && trimmed
            .bytes()
            .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b" <>=.,%/+-".contains(&b));
    let is_small = trimmed.bytes().all(|b| b.is_ascii_lowercase());
    let is_short = is_small && (trimmed.len() <= 3 || SAID.contains(&trimmed) || is_word(trimmed));
    let letters = |c: char| !c.is_ascii_lowercase();
    let is_figure = is_figure && trimmed.split(letters).all(|word| word.len() < 3 || begins_with_unit(word));
    match is_figure || is_short {
        true => format!("{trimmed:?}"),
        false => format!("a text of {} characters", text.chars().count()),
    }
}
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn scrubbed(text: &str) -> String {
        Scrubber::default().scrub(text, true).map_or_else(|| text.to_owned(), |(text, _)| text)
    }

    #[test]
    fn identifiers_are_replaced() {
        for (text, want) in [
            ("write to a.b@example.org now", "write to [EMAIL] now"),
            ("ring +49 30 1234567", "ring [PHONE]"),
            ("(555) 123-4567", "[PHONE]"),
            ("SSN 123-45-6789", "[NATIONAL-ID]"),
            ("MRN: A12345, stable", "[RECORD-NUMBER], stable"),
            ("from 10.0.0.17", "from [IP]"),
            ("see https://example.org/x?y=1", "see [URL]"),
            ("lives at 12 Old Mill Road", "lives at [PLACE]"),
            ("died on 2014-03-05", "died on [DATE]"),
            ("died on 5 March 2014", "died on [DATE]"),
            ("card 4111 1111 1111 1111", "card [ACCOUNT]"),
            ("Dr. Miller saw him", "[NAME] saw him"),
            ("same as subject 01-222", "same as [ID]"),
            ("scan.jpg", "[PHOTO]"),
        ] {
            assert_eq!(scrubbed(text), want);
        }
    }

    #[test]
    fn clinical_texts_stay_as_they_are() {
        for text in [
            "3_100-100.9F/37.8-38.2C",
            "2_11-20",
            "1_<=98.9F/37.2C",
            "BLOOD CREATINE PHOSPHOKINASE INCREASED",
            "Week 24",
            "Lost to Follow-up",
            "CHARLES BONNET SYNDROME",
            "Xanomeline High Dose 54 mg",
            "NOT RECOVERED/NOT RESOLVED",
            "Grade 3.5",
            "ECOG 0-1",
        ] {
            assert_eq!(scrubbed(text), text);
        }
    }

    #[test]
    fn what_is_known_is_found_in_other_writing() {
        let mut scrubber = Scrubber::default();
        scrubber.learn("01-701-1015", Identifier::Other);
        scrubber.learn("Tove Lindqvist", Identifier::Name);
        scrubber.learn("17", Identifier::Other);
        let (text, kinds) =
            scrubber.scrub("as 01/701/1015 (TOVE LINDQVIST) at 17, says Lindqvist", true).unwrap();
        assert_eq!(text, "as [ID] ([NAME]) at 17, says [NAME]");
        assert_eq!(kinds.len(), 3);
        assert_eq!(scrubber.scrub("Lindqvist", true), None, "one word alone is a term");
    }

    fn knows(ids: &[&str]) -> Scrubber {
        let mut scrubber = Scrubber::default();
        ids.iter().for_each(|id| scrubber.learn(id, Identifier::Other));
        scrubber
    }

    #[test]
    fn keys_hold_no_people_and_no_long_numbers() {
        let scrubber = knows(&["01-701-1015"]);
        for (key, want) in [
            ("Zelda Quimby", "[NAME]"),
            ("contacts.Zelda Quimby.age", "contacts.[NAME].age"),
            ("x_84739201", "x_[NUMBER]"),
            ("note_017011015", "note_[ID]"),
        ] {
            assert_eq!(scrubber.scrub_key(key).as_deref(), Some(want), "{key}");
        }
        for key in [
            "baseline.bmi",
            "baseline.Body Mass Index",
            "endpoints.adas_cog_11_change_w24",
            "remarks[].text",
            "Heart Rate",
        ] {
            assert_eq!(scrubber.scrub_key(key), None, "{key}");
        }
    }

    #[test]
    fn ids_alike_are_those_that_differ_in_writing_only() {
        let scrubber = knows(&["S-001", "s001", "S-002", "1-11", "11-1", "x-7", "X-7"]);
        assert_eq!(scrubber.ids_alike(), [vec!["S-001", "s001"], vec!["X-7", "x-7"]]);
    }

    #[test]
    fn known_ids_are_found_in_any_writing() {
        for (id, text) in [
            ("01-701-1015", "as in 017011015 before"),
            ("01-701-1015", "as in 01 701 1015 before"),
            ("01-701-1015", "as in 01_701/1015 before"),
            ("01-701-1015", "pt01-701-1015 fell"),
            ("01-701-1015", "０１－７０１－１０１５"),
            ("01-701-1015", "01\u{200b}-701-1015"),
            ("LUM-01-1001", "see lum011001"),
            ("S-001", "like s001 did"),
            ("S001", "like S-001 did"),
            ("S001", "like s 001 did"),
            ("ZO\u{cb}-4711", "like ZOE\u{308}-4711 did"),
            ("Zoe\u{308}4711", "like ZO\u{cb} 4711 did"),
            ("X7Q", "same as X7Q again"),
            ("KJHM", "same as KJHM again"),
            ("10234", "the same as 10234 had"),
            ("4711", "the same as 4711 had"),
            ("007", "the same as 007 had"),
            ("123456", "123456"),
        ] {
            let (clean, _) = knows(&[id]).scrub(text, true).unwrap_or_else(|| panic!("{id} in {text}"));
            assert!(clean.contains("[ID]") && !clean.contains(id), "{id} in {text}: {clean}");
        }
    }

    #[test]
    fn behind_a_word_for_a_person_any_id_is_found() {
        for (id, text, want) in [
            ("7", "subject 7 fell", "[ID] fell"),
            ("7", "chart 7", "[RECORD-NUMBER]"),
            ("7", "MRN: 7", "[RECORD-NUMBER]"),
            ("12", "pt 12 fell", "pt [ID] fell"),
            ("12", "Volunteer no. 12 fell", "[ID] fell"),
            ("B12", "patient B12 fell", "[ID] fell"),
            ("AB", "participant AB fell", "participant [ID] fell"),
            ("Q", "patient Q fell", "patient [ID] fell"),
            ("KJH", "patient kjh fell", "patient [ID] fell"),
            ("3", "subjects 12, 3 and 4 fell", "[ID], [ID] and [ID] fell"),
            ("12", "screening no 12", "[ID]"),
            ("5-1", "pt 5/1 fell", "pt [ID] fell"),
        ] {
            let scrubber = knows(&[id, "12", "4"]);
            assert_eq!(scrubber.scrub(text, false).map(|(text, _)| text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn ids_do_not_eat_what_is_clinical() {
        let ids: Vec<String> = (1..=200).map(|k| k.to_string()).collect();
        let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        ids.extend([
            "B12", "T4", "001", "010", "2014", "12500", "A100", "RASH", "Anna", "10-20", "S-1", "AST",
            "100100",
        ]);
        let scrubber = knows(&ids);
        for text in [
            "12 mg",
            "54 mg twice daily for 12 weeks",
            "VITAMIN B12 DEFICIENCY",
            "T4 DECREASED",
            "TERM 001",
            "VISIT 010",
            "Grade 3 of 4",
            "Week 24",
            "Screening 1",
            "Cycle 2 Day 15",
            "3_100-100.9F/37.8-38.2C",
            "2_11-20",
            "since the year 2014 or so",
            "white cells at 12500 /µl",
            "RASH",
            "MILD RASH ON HEAD",
            "AST INCREASED",
            "10-20 mg per day",
            "for patients 12 years and older",
            "patient 12 weeks after",
            "PT 12 sec",
            "vitamin A 100 units",
            "100-100.5",
            "patient COVID-19 positive",
            "in subjects with B12 deficiency",
        ] {
            assert_eq!(scrubber.scrub(text, true), None, "{text}");
        }
    }

    #[test]
    fn terms_of_medicine_stay() {
        let mut scrubber =
            knows(&["1", "2", "3", "4", "5", "10", "12", "24", "S-001", "01-701-1015", "P000123"]);
        ["Anna White", "Mark Young", "Rose Hand"]
            .iter()
            .for_each(|name| scrubber.learn(name, Identifier::Name));
        ["General Hospital", "Central", "Heart"]
            .iter()
            .for_each(|site| scrubber.learn(site, Identifier::Place));
        for text in [
            "STEVENS-JOHNSON SYNDROME",
            "Guillain-Barre syndrome",
            "Non-Hodgkin's lymphoma stage IV",
            "Charcot-Marie-Tooth disease",
            "CHARCOT MARIE TOOTH DISEASE",
            "Wolff-Parkinson-White syndrome",
            "Bell's palsy",
            "Henoch-Schonlein purpura",
            "Epstein-Barr virus infection",
            "Helicobacter pylori test positive",
            "St. John's Wort",
            "GENERAL DISORDERS AND ADMINISTRATION SITE CONDITIONS",
            "HEART RATE INCREASED",
            "ELECTROCARDIOGRAM T WAVE INVERSION",
            "HAND-FOOT SYNDROME",
            "Type 2 diabetes mellitus",
            "Hepatitis B surface antigen positive",
            "COVID-19",
            "COVID-19 vaccination dose 2 of 3",
            "Hemoglobin A1c 7.5%",
            "FEV1/FVC ratio 0.70",
            "CA 19-9 increased",
            "QTcF > 500 msec",
            "Blood pressure 120/80 mmHg",
            "Gleason 3+4",
            "T2N1M0",
            "BRCA1 mutation",
            "factor V Leiden",
            "Patient Global Impression of Change (PGI-C) at Week 24",
            "Investigator's Global Assessment 0/1",
            "Subject withdrew consent",
            "Physician Decision",
            "patient's decision",
            "Lost to follow-up after 3 months",
            "Death due to Progressive Disease",
            "Child-Pugh class A",
            "Karnofsky 70-80",
            "NYHA Class II",
            "ECOG 0-1, stage IIIB-IV",
            "Alzheimer's disease (NINCDS-ADRDA), MMSE 10-23",
            "randomised, double-blind, placebo-controlled, 26 weeks, 2:1",
            "Safety and efficacy in patients with 3 or more episodes",
            "Streptomycin 2 g daily for 4 months",
            "Alanine Aminotransferase (U/L)",
            "Creatinine (umol/L)",
            "10^9/L",
            "1.73 m2",
            "Visit 12",
            "Day -14 to Day -1",
            "Cycle 1 Day 1",
            "Screening 2",
            "Unscheduled 3.01",
            "End of treatment / early termination",
            "Baseline (Week 0)",
            "Cohort 3 - 10 mg/kg Q2W",
            "Arm A: 5 mg b.i.d.",
            "NCT01234567",
            "ICH E9(R1)",
            "MedDRA 26.1",
            "CTCAE v5.0 grade 3-4",
            "Phase 2b/3",
            "AMERICAN INDIAN OR ALASKA NATIVE",
            "Black or African American",
            "1-<2 years",
            "65-74",
            ">=75",
            "12-17 years",
        ] {
            for prose in [true, false] {
                assert_eq!(scrubber.scrub(text, prose), None, "{text}");
            }
        }
    }

    #[test]
    fn dates_are_found_in_their_forms() {
        for text in [
            "12/03/56",
            "12.03.56",
            "12-03-56",
            "56-03-12",
            "Mar 1956",
            "March, 1956",
            "03/1956",
            "1956-03",
            "03.1956",
            "19560312",
            "12MAR1956",
            "12MAR56",
            "12-Mar-56",
            "12 Mar 56",
            "12. März 1956",
            "12 mars 1956",
            "12 de marzo de 1956",
            "MAR1956",
            "12 March",
            "March 12th",
            "1956年3月12日",
            "1956/Mar/12",
            "12. 3. 1956",
        ] {
            assert_eq!(scrubbed(&format!("born {text}, well")), "born [DATE], well", "{text}");
        }
        for text in [
            "since 1956",
            "10/20/30 mg",
            "ratio 1/2000 mg",
            "12 decreased 20 times",
            "5 may 10",
            "BP 120/80/60",
            "1.2.14",
            "10-20-30 mg",
            "dose 10 MAY CAUSE",
            "score of 12 march 4",
            "99-99.9F",
        ] {
            assert_eq!(scrubbed(text), text);
        }
    }

    #[test]
    fn names_in_coded_terms_are_found_and_illnesses_kept() {
        let mut scrubber = Scrubber::default();
        scrubber.learn("Anna White", Identifier::Name);
        scrubber.learn("Tove Lindqvist", Identifier::Name);
        scrubber.learn("Central", Identifier::Place);
        for (text, want) in [
            ("FALL (JOHN SMITH)", "FALL ([NAME])"),
            ("HEADACHE OF LINDQVIST", "HEADACHE OF [NAME]"),
            ("headache, patient John Smith", "headache, [NAME]"),
            ("Rash seen by Dr. Miller", "Rash seen by [NAME]"),
        ] {
            assert_eq!(scrubber.scrub(text, false).map(|(text, _)| text).as_deref(), Some(want), "{text}");
        }
        for text in [
            "WHITE BLOOD CELL COUNT DECREASED",
            "Central nervous system disorder",
            "CHARLES BONNET SYNDROME",
            "POUCH OF DOUGLAS ABSCESS",
            "GRAVES DISEASE",
            "BELLS PALSY",
        ] {
            assert_eq!(scrubber.scrub(text, false), None, "{text}");
        }
    }

    #[test]
    fn unreadable_values_are_shown_only_where_they_tell_nothing() {
        assert_eq!(shown("abc"), "\"abc\"");
        assert_eq!(shown("63 years"), "\"63 years\"");
        assert_eq!(shown("<5"), "\"<5\"");
        assert_eq!(shown("Smith"), "a text of 5 characters");
        assert_eq!(shown("smith"), "a text of 5 characters");
        assert_eq!(shown("zelda 1"), "a text of 7 characters");
        assert_eq!(shown("perhaps"), "\"perhaps\"");
        assert_eq!(shown("84739201x"), "a text of 9 characters");
    }
}
