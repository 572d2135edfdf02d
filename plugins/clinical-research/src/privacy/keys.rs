//! Identifiers by the name of the key that they stand under.

use super::{
    Identifier,
    key_words::{NAMED, NUMBER_WORDS, NUMBERED, PHRASES, STEMS, THINGS, WHOLE, WORDS},
};

/// The identifier that a dotted path names by one of its keys. A key is split at capitals, digits stay with their word.
pub fn kind_of_path(path: &str) -> Option<Identifier> {
    path.split('.').find_map(kind_of_key)
}

fn kind_of_key(key: &str) -> Option<Identifier> {
    let words = words(key);
    let whole = words.join(" ");
    let padded = format!(" {whole} ");
    if let Some((kind, _)) = WHOLE.iter().find(|(_, name)| *name == whole) {
        return Some(*kind);
    }
    let phrase = |phrases: &[&str]| phrases.iter().any(|p| padded.contains(&format!(" {p} ")));
    if let Some((kind, _)) = PHRASES.iter().find(|(_, phrases)| phrase(phrases)) {
        return Some(*kind);
    }
    if let Some((kind, _)) = WORDS.iter().find(|(_, list)| words.iter().any(|w| list.contains(&w.as_str()))) {
        return Some(*kind);
    }
    if let Some(kind) = words.iter().find_map(|word| kind_in_word(word)) {
        return Some(kind);
    }
    let at = words.iter().position(|w| w == "name" || w == "names")?;
    let owner = at.checked_sub(1).and_then(|before| words.get(before));
    (!owner.is_some_and(|owner| THINGS.contains(&owner.as_str()))).then_some(Identifier::Name)
}

/// The identifier that a word of a key tells by a part of it.
fn kind_in_word(word: &str) -> Option<Identifier> {
    let stem = STEMS
        .iter()
        .find(|(_, stem, not)| word.split_once(stem).is_some_and(|(_, rest)| !rest.starts_with(*not)));
    if let Some((kind, _, _)) = stem {
        return Some(*kind);
    }
    let numbered = NUMBERED
        .iter()
        .find(|(_, begin)| word.strip_prefix(begin).is_some_and(|rest| NUMBER_WORDS.contains(&rest)));
    if let Some((kind, _)) = numbered {
        return Some(*kind);
    }
    let owner = word.strip_suffix("name").or_else(|| word.strip_suffix("names"))?;
    NAMED.contains(&owner).then_some(Identifier::Name)
}

fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in key.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    // `phone2` is a phone; what is a number only stays one.
    for word in &mut words {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        if letters > 2 {
            word.truncate(letters);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_people_are_told_from_keys_of_things() {
        for (key, kind) in [
            ("patient_name", Identifier::Name),
            ("firstName", Identifier::Name),
            ("Name", Identifier::Name),
            ("contact.phone", Identifier::Name),
            ("home_phone", Identifier::Phone),
            ("E-Mail", Identifier::Email),
            ("DOB", Identifier::Date),
            ("dateOfBirth", Identifier::Date),
            ("baseline.zip_code", Identifier::Place),
            ("ssn", Identifier::NationalId),
            ("MRN", Identifier::MedicalRecord),
            ("hospital_number", Identifier::MedicalRecord),
            ("ip_address", Identifier::IpAddress),
            ("insurance_id", Identifier::HealthPlan),
            ("bank_account", Identifier::Account),
            ("licence_plate", Identifier::Vehicle),
            ("device_serial", Identifier::Device),
            ("photo", Identifier::Photo),
            ("fingerprint_hash", Identifier::Biometric),
            ("nhsnumber", Identifier::NationalId),
            ("emailaddr", Identifier::Email),
            ("phoneno", Identifier::Phone),
            ("phone2", Identifier::Phone),
            ("homeaddress", Identifier::Place),
            ("mrnno", Identifier::MedicalRecord),
            ("PATIENTNAME", Identifier::Name),
            ("mothersname", Identifier::Name),
            ("mother", Identifier::Name),
            ("spouse", Identifier::Name),
            ("nickname", Identifier::Name),
            ("hometown", Identifier::Place),
            ("workplace", Identifier::Place),
            ("npi", Identifier::NationalId),
            ("kennitala", Identifier::NationalId),
            ("Geburtsdatum", Identifier::Date),
        ] {
            assert_eq!(kind_of_path(key), Some(kind), "{key}");
        }
        for key in [
            "subject_id",
            "site",
            "arm",
            "age",
            "baseline.cell_type",
            "test_name",
            "visit",
            "end_of_study",
            "site_name",
            "baseline.height_cm",
            "endpoints.death",
            "treatment_start",
            "baseline.platelets",
            "relationship",
            "capacity",
            "baseline.phonetic_fluency",
            "baseline.phonemic_fluency",
            "baseline.telangiectasia",
            "baseline.dobutamine",
            "baseline.mother_smoked",
            "baseline.zipper_injury",
            "baseline.adas_cog_11",
            "baseline.faxitron",
            "baseline.licensed_use",
            "baseline.ca125",
        ] {
            assert_eq!(kind_of_path(key), None, "{key}");
        }
    }
}
