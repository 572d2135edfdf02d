//! What is found in texts, and what is left alone.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::{Identifier, Scrubber, shown};

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
        ("X101-001", "as in X101--001 before"),
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
        "B12", "T4", "001", "010", "2014", "12500", "A100", "RASH", "Anna", "10-20", "S-1", "AST", "100100",
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
    let mut scrubber = knows(&["1", "2", "3", "4", "5", "10", "12", "24", "S-001", "01-701-1015", "P000123"]);
    ["Anna White", "Mark Young", "Rose Hand"].iter().for_each(|name| scrubber.learn(name, Identifier::Name));
    ["General Hospital", "Central", "Heart"].iter().for_each(|site| scrubber.learn(site, Identifier::Place));
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
