//! Identifiers by the name of the key that they stand under.

use super::Identifier;

/// Words of which one in a key is enough.
const WORDS: &[(Identifier, &[&str])] = &[
    (
        Identifier::Name,
        &[
            "surname",
            "forename",
            "firstname",
            "lastname",
            "fullname",
            "initials",
            "kin",
            "guardian",
            "nickname",
            "spouse",
            "maiden",
            "alias",
            "vorname",
            "nachname",
            "apellido",
            "apellidos",
            "nombre",
            "prenom",
            "prénom",
            "cognome",
            "imie",
            "nazwisko",
        ],
    ),
    (
        Identifier::Place,
        &[
            "address",
            "street",
            "city",
            "town",
            "zip",
            "zipcode",
            "postcode",
            "postal",
            "plz",
            "latitude",
            "longitude",
            "geolocation",
            "gps",
            "hometown",
            "birthplace",
            "workplace",
            "adresse",
            "direccion",
            "indirizzo",
            "strasse",
            "straße",
            "wohnort",
            "ciudad",
            "ville",
        ],
    ),
    (Identifier::Date, &["dob", "birthdate", "birthday", "brthdtc", "brthdt", "geburtsdatum", "geburtstag"]),
    (
        Identifier::Phone,
        &["phone", "telephone", "mobile", "cellphone", "telefon", "telefono", "teléfono", "handynummer"],
    ),
    (Identifier::Fax, &["fax", "telefax"]),
    (Identifier::Email, &["email", "correo", "courriel"]),
    (
        Identifier::NationalId,
        &[
            "ssn",
            "nino",
            "nhs",
            "aadhaar",
            "personnummer",
            "bsn",
            "cpr",
            "npi",
            "kennitala",
            "dni",
            "nif",
            "pesel",
            "steuernummer",
        ],
    ),
    (Identifier::MedicalRecord, &["mrn"]),
    (Identifier::HealthPlan, &["insurance", "beneficiary", "medicare", "medicaid"]),
    (Identifier::Account, &["iban"]),
    (Identifier::Licence, &["passport"]),
    (Identifier::Device, &["imei", "udi"]),
    (Identifier::Url, &["url", "website", "homepage"]),
    (Identifier::IpAddress, &["ipaddr", "ipaddress"]),
    (Identifier::Biometric, &["biometric", "biometrics", "fingerprint", "fingerprints", "voiceprint"]),
    (Identifier::Photo, &["photo", "photos", "photograph", "portrait", "avatar", "selfie"]),
];

/// Words that must stand one after the other.
const PHRASES: &[(Identifier, &[&str])] = &[
    (Identifier::Name, &["next of", "emergency contact", "patient contact"]),
    (Identifier::Date, &["birth date", "date of birth", "birth day", "day of birth"]),
    (Identifier::Phone, &["cell phone", "tel no", "tel nr"]),
    (Identifier::Email, &["e mail", "mail address"]),
    (
        Identifier::NationalId,
        &[
            "social security",
            "national id",
            "national number",
            "national insurance",
            "tax id",
            "tax number",
            "identity card",
            "id card",
        ],
    ),
    (
        Identifier::MedicalRecord,
        &[
            "medical record",
            "hospital number",
            "hospital no",
            "hospital id",
            "chart number",
            "chart no",
            "chart id",
            "record number",
            "record no",
        ],
    ),
    (Identifier::HealthPlan, &["health plan", "policy number", "policy no", "member id", "member number"]),
    (
        Identifier::Account,
        &["account number", "account no", "account id", "bank account", "credit card", "card number"],
    ),
    (
        Identifier::Licence,
        &[
            "driving licence",
            "driving license",
            "drivers license",
            "driver license",
            "driver licence",
            "licence number",
            "license number",
            "licence no",
            "license no",
            "certificate number",
            "certificate no",
        ],
    ),
    (
        Identifier::Vehicle,
        &[
            "licence plate",
            "license plate",
            "number plate",
            "vehicle id",
            "vehicle number",
            "vehicle identifier",
            "vehicle registration",
        ],
    ),
    (
        Identifier::Device,
        &["device id", "device identifier", "device serial", "serial number", "serial no", "mac address"],
    ),
    (Identifier::Url, &["web address", "web page"]),
    (Identifier::IpAddress, &["ip address", "ip addr"]),
    (Identifier::Biometric, &["retina scan", "iris scan", "voice print", "finger print", "face scan"]),
    (Identifier::Photo, &["face image", "facial image", "patient image"]),
    (
        Identifier::Other,
        &[
            "patient id",
            "patient number",
            "patient no",
            "screening number",
            "screening no",
            "screening id",
            "enrolment number",
            "enrollment number",
            "randomisation number",
            "randomization number",
            "unique id",
            "person id",
        ],
    ),
];

/// Keys that are meant only as a whole.
const WHOLE: &[(Identifier, &str)] = &[
    (Identifier::Phone, "tel"),
    (Identifier::Phone, "cell"),
    (Identifier::Email, "mail"),
    (Identifier::Place, "county"),
    (Identifier::Place, "lat"),
    (Identifier::Place, "lon"),
    (Identifier::Place, "lng"),
    (Identifier::Name, "contact"),
    (Identifier::Name, "physician"),
    (Identifier::Name, "doctor"),
    (Identifier::Name, "nurse"),
    (Identifier::Name, "investigator"),
    (Identifier::Name, "relative"),
    (Identifier::Name, "employer"),
    (Identifier::Name, "mother"),
    (Identifier::Name, "father"),
    (Identifier::Name, "mothers"),
    (Identifier::Name, "fathers"),
    (Identifier::Name, "husband"),
    (Identifier::Name, "wife"),
    (Identifier::Name, "caregiver"),
    (Identifier::Name, "carer"),
    (Identifier::Name, "nom"),
    (Identifier::Photo, "face"),
    (Identifier::Account, "account"),
    (Identifier::Licence, "licence"),
    (Identifier::Licence, "license"),
    (Identifier::Vehicle, "vin"),
    (Identifier::Vehicle, "plate"),
    (Identifier::Photo, "image"),
    (Identifier::Photo, "picture"),
    (Identifier::IpAddress, "ip"),
    (Identifier::Other, "usubjid"),
    (Identifier::Other, "subjid"),
];

/// Stems that tell it in any word that has them, and what must not follow, because another word begins there (`phonetic`).
const STEMS: &[(Identifier, &str, &[char])] = &[
    (Identifier::Email, "email", &[]),
    (Identifier::Phone, "phone", &['m', 't']),
    (Identifier::Phone, "telefon", &[]),
    (Identifier::Place, "addr", &[]),
    (Identifier::Place, "postcode", &[]),
    (Identifier::Place, "zipcode", &[]),
    (Identifier::NationalId, "passport", &[]),
    (Identifier::NationalId, "socialsec", &[]),
    (Identifier::NationalId, "nationalid", &[]),
    (Identifier::Date, "birthdat", &[]),
    (Identifier::Date, "dateofbirth", &[]),
    (Identifier::HealthPlan, "insurance", &[]),
    (Identifier::MedicalRecord, "medicalrecord", &[]),
    (Identifier::MedicalRecord, "chartn", &[]),
    (Identifier::MedicalRecord, "hospitaln", &[]),
];

/// Beginnings of words that go on with a word for a number.
const NUMBERED: &[(Identifier, &str)] = &[
    (Identifier::NationalId, "nhs"),
    (Identifier::NationalId, "ssn"),
    (Identifier::NationalId, "nino"),
    (Identifier::NationalId, "npi"),
    (Identifier::MedicalRecord, "mrn"),
    (Identifier::Fax, "fax"),
    (Identifier::Phone, "tel"),
    (Identifier::Phone, "mobile"),
    (Identifier::Account, "iban"),
    (Identifier::Account, "account"),
    (Identifier::Date, "dob"),
    (Identifier::Place, "zip"),
    (Identifier::Licence, "licence"),
    (Identifier::Licence, "license"),
    (Identifier::HealthPlan, "policy"),
    (Identifier::Other, "patient"),
    (Identifier::Other, "person"),
];
const NUMBER_WORDS: &[&str] = &["no", "nr", "num", "number", "nummer", "code", "id", "date"];

/// Words before `name` that make it a person's, written as one with it.
const NAMED: &[&str] = &[
    "patient",
    "subject",
    "participant",
    "first",
    "last",
    "given",
    "family",
    "full",
    "middle",
    "user",
    "maiden",
    "contact",
    "mother",
    "mothers",
    "father",
    "fathers",
    "doctor",
    "physician",
    "investigator",
    "spouse",
    "person",
    "real",
    "legal",
];

/// What may have a name without being a person.
const THINGS: &[&str] = &[
    "test",
    "visit",
    "site",
    "arm",
    "drug",
    "study",
    "country",
    "lab",
    "assessment",
    "event",
    "treatment",
    "medication",
    "product",
    "generic",
    "trade",
    "brand",
    "field",
    "variable",
    "param",
    "parameter",
    "scale",
    "group",
    "class",
    "term",
    "cohort",
    "centre",
    "center",
    "file",
    "unit",
    "region",
    "device",
    "category",
    "condition",
    "procedure",
    "disease",
    "analyte",
    "protocol",
];

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
