//! Words of medicine and of trials that may stand where an identifier is looked for, and are none.

/// Codes of letters and digits that an id may happen to be the same as.
const CODES: &[&str] = &[
    "a1c", "b1", "b2", "b3", "b6", "b9", "b12", "d2", "d3", "e2", "k1", "k2", "t1", "t2", "t3", "t4", "q10",
    "c3", "c4", "cd3", "cd4", "cd8", "cd19", "cd20", "cd34", "cd38", "h1", "h2", "h1n1", "h3n2", "h5n1",
    "p53", "ca125", "ca153", "ca199", "g6pd", "hba1c", "5ht3", "5ht", "n95", "il1", "il2", "il6", "il17",
    "il23", "fev1", "covid19", "her2", "pd1", "pdl1", "factor8", "grade1", "grade2", "grade3", "grade4",
    "grade5", "week1", "week2", "week4", "week8", "week12", "week16", "week24", "week26", "week48", "week52",
    "day1", "ft3", "ft4", "po2", "pco2", "spo2", "o2", "co2", "h2o", "l1", "l2", "l3", "l4", "l5", "s1",
    "s2", "c5", "c6", "c7",
];

/// Words and abbreviations that an id of letters may happen to be the same as.
const WORDS: &[&str] = &[
    "adverse", "alt", "anaemia", "and", "anemia", "arm", "ast", "bid", "black", "blood", "bmi", "bone",
    "brown", "bun", "burn", "burns", "central", "chest", "cns", "cold", "copd", "cough", "crp", "ct", "cva",
    "day", "days", "death", "dose", "drug", "dvt", "ear", "ecg", "eeg", "eent", "ekg", "emg", "event", "eye",
    "eyes", "fall", "female", "fever", "foot", "for", "gerd", "ggt", "grade", "gray", "green", "grey",
    "hair", "hand", "hbv", "hcv", "hdl", "head", "heart", "heavy", "high", "hip", "hiv", "hot", "hpv", "ibs",
    "inr", "itching", "jaw", "joint", "kidney", "knee", "lab", "ldh", "ldl", "left", "leg", "lip", "liver",
    "long", "loss", "low", "lung", "lungs", "major", "male", "march", "may", "mild", "minor", "month",
    "months", "mouth", "mri", "mrsa", "nail", "nausea", "neck", "nerve", "night", "none", "nose", "not",
    "null", "other", "pain", "partial", "pe", "pet", "placebo", "plasma", "pulse", "rash", "red", "right",
    "rose", "rsv", "saline", "sars", "serious", "severe", "sex", "sharp", "short", "skin", "sle", "small",
    "sob", "sore", "spleen", "spring", "stage", "stone", "stones", "strong", "summer", "swelling", "test",
    "the", "thyroid", "tia", "toe", "tongue", "tooth", "tsh", "ulcer", "unit", "unknown", "uri", "urine",
    "uti", "vein", "visit", "vomiting", "was", "wbc", "weak", "week", "weeks", "weight", "white", "winter",
    "with", "wood", "wound", "wrist", "yes", "young",
];

/// Words behind a person's name that make it the name of an illness, a test, a place of the body …
const EPONYMS: &[&str] = &[
    "abscess",
    "angina",
    "anomaly",
    "aphasia",
    "arbor",
    "bundle",
    "cancer",
    "cell",
    "cells",
    "class",
    "classification",
    "contracture",
    "criteria",
    "cyst",
    "deformity",
    "disease",
    "diverticulum",
    "duct",
    "dystrophy",
    "effect",
    "equation",
    "fascia",
    "formula",
    "fracture",
    "gland",
    "grade",
    "granuloma",
    "hernia",
    "index",
    "infarct",
    "law",
    "lesion",
    "ligament",
    "line",
    "lymphoma",
    "maneuver",
    "manoeuvre",
    "method",
    "neuroma",
    "node",
    "nodes",
    "nodule",
    "nodules",
    "operation",
    "palsy",
    "phenomenon",
    "point",
    "pouch",
    "procedure",
    "purpura",
    "reaction",
    "reflex",
    "response",
    "ring",
    "sarcoma",
    "scale",
    "score",
    "sign",
    "spasm",
    "spot",
    "spots",
    "stage",
    "staging",
    "stain",
    "syndrome",
    "test",
    "tetralogy",
    "tooth",
    "triad",
    "tube",
    "tumor",
    "tumour",
    "type",
    "ulcer",
    "virus",
    "wort",
    "zone",
];

/// Endings of names of illnesses.
const ENDINGS: &[&str] = &[
    "itis", "osis", "emia", "aemia", "oma", "pathy", "algia", "uria", "plegia", "paresis", "trophy",
    "rrhoea", "rrhea",
];

/// Units behind which a number is a quantity and no id.
const UNITS: &[&str] = &[
    "%", "‰", "°", "a", "am", "beats", "bpm", "c", "capsule", "capsules", "cells", "cm", "cycle", "cycles",
    "d", "day", "days", "degrees", "dl", "dose", "doses", "drops", "episodes", "f", "fl", "fold", "g", "h",
    "hour", "hours", "hr", "hrs", "hz", "iu", "jahre", "k", "kcal", "kg", "kpa", "l", "litre", "litres", "m",
    "mcg", "meq", "mg", "microg", "min", "minute", "minutes", "mins", "ml", "mm", "mmhg", "mmol", "mol",
    "month", "months", "ms", "msec", "ng", "nmol", "of", "patients", "per", "percent", "pg", "pmol", "pm",
    "points", "puffs", "s", "sec", "secs", "second", "seconds", "subjects", "tablet", "tablets", "tage",
    "times", "u", "ug", "ui", "umol", "units", "vials", "week", "weeks", "wk", "wks", "wochen", "x", "y",
    "year", "years", "yo", "yr", "yrs", "µg", "μg", "µl", "μl", "µmol", "μmol",
];

/// Whether an id of letters and digits, folded, is a code of medicine.
pub(super) fn is_code(folded: &str) -> bool {
    CODES.contains(&folded)
}

/// Whether a word, folded, is one of medicine or of trials, although it may be a name.
pub(super) fn is_word(folded: &str) -> bool {
    WORDS.binary_search(&folded).is_ok() || is_illness(folded)
}

/// Whether a word, folded, makes the one before it an eponym.
pub(super) fn is_eponym(folded: &str) -> bool {
    EPONYMS.binary_search(&folded).is_ok() || is_illness(folded)
}

fn is_illness(folded: &str) -> bool {
    folded.len() > 6 && ENDINGS.iter().any(|ending| folded.ends_with(ending))
}

/// Whether a text begins with a unit, as behind a number.
pub(super) fn begins_with_unit(after: &str) -> bool {
    let after = after.trim_start_matches([' ', '\u{a0}', '-', '/']);
    if after.starts_with(['%', '‰', '°']) {
        return true;
    }
    let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
    let word = after.get(..end).unwrap_or_default().to_lowercase();
    !word.is_empty() && UNITS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found() {
        assert!(WORDS.is_sorted() && EPONYMS.is_sorted(), "they are searched by halves");
        assert!(is_word("white") && is_word("bronchitis") && !is_word("quimby"));
        assert!(is_eponym("syndrome") && !is_eponym("lindqvist"));
        for after in [" mg daily", "%", " weeks", "-day course", "°C", "mL"] {
            assert!(begins_with_unit(after), "{after}");
        }
        for after in ["", " withdrew", ", mg", " died"] {
            assert!(!begins_with_unit(after), "{after}");
        }
    }
}
