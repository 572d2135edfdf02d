//! Names of people in running text: by title, by role, by a common given name.

use std::sync::LazyLock;

use regex::Regex;

/// Given names that are common in English-language records and hardly ever a word of them.
const GIVEN: &[&str] = &[
    "James",
    "Robert",
    "John",
    "Michael",
    "David",
    "William",
    "Richard",
    "Joseph",
    "Thomas",
    "Christopher",
    "Charles",
    "Daniel",
    "Matthew",
    "Anthony",
    "Steven",
    "Paul",
    "Andrew",
    "Joshua",
    "Kenneth",
    "Kevin",
    "Brian",
    "George",
    "Timothy",
    "Ronald",
    "Edward",
    "Jason",
    "Jeffrey",
    "Ryan",
    "Jacob",
    "Gary",
    "Nicholas",
    "Eric",
    "Jonathan",
    "Stephen",
    "Larry",
    "Justin",
    "Scott",
    "Brandon",
    "Benjamin",
    "Samuel",
    "Gregory",
    "Alexander",
    "Patrick",
    "Raymond",
    "Dennis",
    "Jerry",
    "Tyler",
    "Aaron",
    "Jose",
    "Adam",
    "Nathan",
    "Henry",
    "Zachary",
    "Douglas",
    "Peter",
    "Kyle",
    "Noah",
    "Ethan",
    "Jeremy",
    "Walter",
    "Keith",
    "Carlos",
    "Juan",
    "Luis",
    "Pedro",
    "Ahmed",
    "Mohammed",
    "Muhammad",
    "Ali",
    "Omar",
    "Wei",
    "Hans",
    "Klaus",
    "Jan",
    "Pierre",
    "Jean",
    "Giovanni",
    "Ivan",
    "Sergei",
    "Lars",
    "Sven",
    "Mary",
    "Patricia",
    "Jennifer",
    "Linda",
    "Elizabeth",
    "Barbara",
    "Susan",
    "Jessica",
    "Sarah",
    "Karen",
    "Lisa",
    "Nancy",
    "Betty",
    "Margaret",
    "Sandra",
    "Ashley",
    "Kimberly",
    "Emily",
    "Donna",
    "Michelle",
    "Carol",
    "Amanda",
    "Dorothy",
    "Melissa",
    "Deborah",
    "Stephanie",
    "Rebecca",
    "Sharon",
    "Laura",
    "Cynthia",
    "Kathleen",
    "Amy",
    "Angela",
    "Shirley",
    "Anna",
    "Brenda",
    "Pamela",
    "Emma",
    "Nicole",
    "Helen",
    "Samantha",
    "Katherine",
    "Christine",
    "Debra",
    "Rachel",
    "Carolyn",
    "Janet",
    "Catherine",
    "Maria",
    "Heather",
    "Diane",
    "Ruth",
    "Julie",
    "Olivia",
    "Joyce",
    "Virginia",
    "Victoria",
    "Kelly",
    "Lauren",
    "Christina",
    "Joan",
    "Evelyn",
    "Judith",
    "Megan",
    "Andrea",
    "Cheryl",
    "Hannah",
    "Jacqueline",
    "Martha",
    "Gloria",
    "Teresa",
    "Ann",
    "Anne",
    "Sara",
    "Madison",
    "Frances",
    "Kathryn",
    "Janice",
    "Jane",
    "Alice",
    "Julia",
    "Sophia",
    "Grace",
    "Denise",
    "Amber",
    "Doris",
    "Marilyn",
    "Danielle",
    "Beverly",
    "Isabella",
    "Theresa",
    "Diana",
    "Natalie",
    "Brittany",
    "Charlotte",
    "Marie",
    "Kayla",
    "Alexis",
    "Lori",
    "Fatima",
    "Aisha",
    "Priya",
    "Mei",
    "Yuki",
    "Ingrid",
    "Ursula",
    "Sofia",
    "Carmen",
    "Lucia",
    "Elena",
    "Olga",
    "Svetlana",
    "Chloe",
];

/// A word of a name: a capital and small letters, with inner hyphen or apostrophe, or an initial.
const WORD: &str = r"(?:\p{Lu}\.|(?:O'|D'|Mc|Mac|de |van |von |la )?\p{Lu}[\p{Ll}]+(?:-\p{Lu}\p{Ll}+)?)";

static TITLED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Doctor|Nurse|Sister|Herr|Frau|MR|MRS|DR|PROF)\b\.? {WORD}(?: {WORD})*"
    ))
    .ok()
});
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"\b(?i:name is|named|called|name:|name =|contact|wife|husband|son|daughter|mother|father|brother|sister|neighbour|neighbor|partner|investigator|physician|carer|caregiver|signed|by)[:,]? {WORD} {WORD}(?: {WORD})*"
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

/// Words that make a phrase of capitals one of trials and not of people.
const CLINICAL: &[&str] = &[
    "Subject",
    "Patient",
    "Investigator",
    "Sponsor",
    "Physician",
    "Parent",
    "Guardian",
    "Adverse",
    "Event",
    "Protocol",
    "Lost",
    "Follow",
    "Death",
    "Study",
    "Lack",
    "Efficacy",
    "Withdrawal",
    "Consent",
    "Decision",
    "Progressive",
    "Disease",
    "Site",
    "Data",
    "Monitoring",
    "Committee",
    "Ethics",
    "Board",
    "Review",
    "Medical",
    "Monitor",
    "Health",
    "Care",
    "Steering",
    "Arm",
    "Visit",
    "Week",
    "Day",
    "Month",
    "Safety",
    "Other",
    "Treatment",
    "Drug",
    "Syndrome",
    "Week",
    "Phase",
];

/// Spans of names in a text.
pub(super) fn spans(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (regex, skip_words) in [(&*TITLED, false), (&*NAMED, true), (&*COMMON, false)] {
        for hit in regex.iter().flat_map(|regex| regex.find_iter(text)) {
            let is_clinical =
                || hit.as_str().split_whitespace().skip(1).any(|w| CLINICAL.contains(&w.trim_matches(',')));
            let after = text.get(hit.end()..).unwrap_or_default().trim_start().to_lowercase();
            let is_illness = ["syndrome", "disease", "sign"].iter().any(|word| after.starts_with(word));
            if !(is_illness || skip_words && is_clinical()) {
                found.push((hit.start(), hit.end()));
            }
        }
    }
    found
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
        ] {
            assert!(!spans(text).is_empty(), "{text}");
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
        ] {
            assert!(spans(text).is_empty(), "{text}");
        }
    }
}
