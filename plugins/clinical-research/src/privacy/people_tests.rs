//! People, ages and places in short texts, and what only looks like them.

use super::Scrubber;

#[test]
fn people_ages_and_places_are_found_in_terms_too() {
    for (text, want) in [
        ("Dr.Smith", "[NAME]"),
        ("Frau Dr. Schmidt meldet", "[NAME] meldet"),
        ("Herr Doktor Weber", "[NAME]"),
        ("M. Dupont signale", "[NAME] signale"),
        ("K. Nowak noted rash", "[NAME] noted rash"),
        ("patient O'Brien complained", "[NAME] complained"),
        ("Patient: Smith, John", "[NAME]"),
        ("wife Elisabeth phoned", "[NAME] phoned"),
        ("wife Torhild phoned", "[NAME] phoned"),
        ("Study nurse Petra said ok", "Study [NAME] said ok"),
        ("Patient Wang Xiaoming complained", "[NAME] complained"),
        ("José Álvarez moved", "[NAME] moved"),
        ("Fatima al-Zahra reported", "[NAME] reported"),
        ("Mary felt dizzy", "[NAME] felt dizzy"),
        ("Zoë refused", "[NAME] refused"),
        ("Mohamed Salah", "[NAME]"),
        ("investigator Kim Jong-su", "[NAME]"),
        ("Björn Åkesson", "[NAME]"),
        ("Łukasz Nowak fell", "[NAME] fell"),
        ("initials J.S.", "initials [NAME]"),
        ("12.3.21", "[DATE]"),
        ("on 2021-W05 / 20210203 taken", "on [DATE] / [DATE] taken"),
        ("Q1 2021", "[DATE]"),
        ("summer 2021", "[DATE]"),
        ("aged 95", "aged [OVER 89]"),
        ("95-year-old", "[OVER 89]-year-old"),
        ("a 102 y/o male", "a [OVER 89] y/o male"),
        ("age 93 years", "age [OVER 89] years"),
        ("lives in Paris, 75008", "lives in [PLACE]"),
        ("moved to Oslo", "moved to [PLACE]"),
        ("address 12 Baker Street, London NW1 6XE", "address [PLACE]"),
        ("vehicle plate B-AB 1234", "vehicle [VEHICLE]"),
        ("Facebook @jdoe", "Facebook [ID]"),
        ("id 14 unblinded", "[ID] unblinded"),
        ("#15 vomited", "[ID] vomited"),
    ] {
        for prose in [true, false] {
            let clean = Scrubber::default().scrub(text, prose).map(|(text, _)| text);
            assert_eq!(clean.as_deref(), Some(want), "{text}");
        }
    }
}

#[test]
fn what_looks_like_people_ages_and_places_stays() {
    for text in [
        "Ms relapse",
        "MS relapse",
        "MS RELAPSE",
        "Ms Relapse",
        "MR ANGIOGRAPHY ABNORMAL",
        "MR angiography abnormal",
        "DR retinopathy grade 2",
        "Dr retinopathy",
        "Mr fracture",
        "Miss Dose",
        "Nurse Call Delayed",
        "Doctor visit",
        "Prof oedema",
        "Sr calcium low",
        "Sister Mary Joseph nodule",
        "E. Coli Infection",
        "E. coli infection",
        "C. Difficile colitis",
        "Vitamin K. Deficiency",
        "Mallory-Weiss syndrome",
        "Christmas disease",
        "Stokes-Adams attack",
        "Martin-Bell syndrome",
        "Adam's apple pain",
        "Victoria blue stain",
        "Frank haematuria",
        "Grace score 140",
        "Barrett's oesophagus",
        "Patient Health Questionnaire positive",
        "Mother deceased",
        "Wife informed",
        "patient Non-compliance",
        "subject Refusal",
        "24/7 pain",
        "140/90",
        "May 5 days later Parkinson and Crohn flare",
        "version 1.5.2",
        "version 12.3.21",
        "section 5.10.12",
        "5.3.1",
        "dose 12.3",
        "Grade 3.2",
        "3/4 episodes of vomiting",
        "HbA1c 7-8-9",
        "aged 65",
        "aged 18-95",
        "age > 90",
        "95 mg",
        "a 12-year-old device",
        "age 89 years",
        "QTc 102 ms",
        "pain @rest",
        "tooth #15 extraction",
        "rib #7 fracture",
        "Week 8 rash",
        "T12 fracture",
        "Q-T 10-12 ms, INR 2.5-3.5",
        "Weber B fracture",
        "London dispersion test",
        "moved to Placebo",
        "IL-6 2021 pg/mL",
        "Platelets 120000-150000",
        "March fracture; April fool",
        "Hodgkin lymphoma, Graves disease, Wilson disease",
    ] {
        for prose in [true, false] {
            assert_eq!(Scrubber::default().scrub(text, prose), None, "{text}");
        }
    }
}
