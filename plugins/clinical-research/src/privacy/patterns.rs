//! Identifiers by their form.

use std::sync::LazyLock;

use regex::{Match, Regex};

use super::{
    Identifier,
    vocabulary::{begins_with_unit, is_word},
};

/// A form, and what is asked of a match besides.
pub(super) struct Pattern {
    pub(super) kind: Identifier,
    pub(super) regex: Regex,
    pub(super) holds: Holds,
}

impl Pattern {
    /// Where it is found: of a form with a group, the group.
    pub(super) fn hits<'t>(&'t self, text: &'t str) -> Box<dyn Iterator<Item = Match<'t>> + 't> {
        match self.regex.captures_len() {
            1 => Box::new(self.regex.find_iter(text)),
            _ => Box::new(self.regex.captures_iter(text).filter_map(|hit| hit.get(1))),
        }
    }
}

/// What is asked of a match besides its form: of the match, of the text before it and of the text behind it.
type Holds = fn(&str, &str, &str) -> bool;
/// Kind, regular expression, and what is asked of a match besides.
type Form = (Identifier, String, Holds);

/// What may stand between the words that introduce a number and the number.
const INTRODUCED: &str = r"(?:\s*(?:no\b|nr\b|number|num\b|id\b|#)?\s*\.?\s*[:=#]?\s*)";
/// A number of a kind that is introduced by words, of two signs at least.
const NUMBER: &str = r"[A-Z0-9][A-Z0-9/-]*\d[A-Z0-9/-]*";
/// The same of one sign at least.
const ANY_NUMBER: &str = r"(?:[A-Z0-9][A-Z0-9/_-]*)?\d[A-Z0-9/_-]*";
const DAY: &str = r"(?:0?[1-9]|[12]\d|3[01])";
const YEAR: &str = r"(?:18|19|20)\d{2}";
/// Months in English, German, French, Spanish, Portuguese and Italian.
const MONTH: &str = concat!(
    r"(?:jan(?:uar[yi]?|vier)?|ene(?:ro)?|janeiro|gennaio|feb(?:ruar[yi]?|rero|braio)?|f[ée]vr(?:ier)?\.?|fevereiro|mar(?:ch|s|zo|ço)?|märz|mrz|",
    r"apr(?:il|ile)?|abr(?:il)?|avr(?:il)?|ma[yi]o?|maggio|june?|juni|juin|junio|junho|giugno|july?|juli|juil(?:let)?|julio|julho|luglio|",
    r"aug(?:ust)?|août|ago(?:sto)?|sept?(?:ember|embre|iembre|tembre)?|set(?:embro|tembre)?|o[ck]t(?:ober|obre|ubre)?|ottobre|outubro|",
    r"nov(?:ember|embre|iembre|embro)?|de[cz](?:ember|embre|embro)?|dic(?:iembre|embre)?|d[ée]c(?:embre)?)\b\.?"
);
/// Months written out, which a day without a year may stand beside. May is a word of its own.
const LONG_MONTH: &str = r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?|JAN(?:UARY)?|FEB(?:RUARY)?|MARCH|APR(?:IL)?|JUNE?|JULY?|AUG(?:UST)?|SEPT?(?:EMBER)?|OCT(?:OBER)?|NOV(?:EMBER)?|DEC(?:EMBER)?)\b";

/// In the order in which they are tried; an earlier one wins where two begin at the same place and are as long.
pub(super) static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let made = forms()
        .into_iter()
        .filter_map(|(kind, form, holds)| Some(Pattern { kind, regex: Regex::new(&form).ok()?, holds }));
    made.collect()
});

fn forms() -> Vec<Form> {
    let mut forms = numbers();
    forms.extend(dates());
    forms.extend(ages());
    forms.extend(places());
    forms
}

#[rustfmt::skip]
fn numbers() -> Vec<Form> {
    let after = |words: &str| format!(r"(?i)\b(?:{words})\b{INTRODUCED}{NUMBER}");
    let after_any = |words: &str| format!(r"(?i)\b(?:{words})\b{INTRODUCED}{ANY_NUMBER}");
    vec![
        (Identifier::Photo, r"(?i)data:image/[a-z+.-]+;base64,[A-Za-z0-9+/=]*".into(), any),
        (Identifier::Photo, r"(?i)[\w./\\-]+\.(?:jpe?g|png|heic|tiff?|bmp)\b".into(), any),
        (Identifier::Email, r"(?i)[\p{L}\p{M}0-9._%+'-]+\s?@\s?[\p{L}\p{M}0-9-]+(?:\.[\p{L}\p{M}0-9-]+)*\.\p{L}{2,}".into(), any),
        (Identifier::Email, r"(?i)[a-z0-9._%+-]+\s*[\[({]\s*(?:at|@)\s*[\])}]\s*[a-z0-9-]+(?:\s*(?:\.|[\[({]\s*(?:dot|\.)\s*[\])}]|\sdot\s)\s*[a-z0-9-]+)+".into(), any),
        (Identifier::Url, r#"(?i)\b(?:https?://|ftp://|www\.)[^\s"'<>]+"#.into(), any),
        (Identifier::Device, r"(?i)\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b".into(), any),
        (Identifier::IpAddress, r"\b\d{1,3}(?:\.\d{1,3}){3}\b".into(), octets),
        (Identifier::IpAddress, r"(?i)\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b".into(), any),
        (Identifier::IpAddress, r"(?i)\b(?:[0-9a-f]{1,4}:){1,6}:[0-9a-f:]*[0-9a-f]\b".into(), any),
        (Identifier::NationalId, r"\b\d{3}-\d{2}-\d{4}\b".into(), any),
        (Identifier::NationalId, after(r"ssn|social security|nhs|national id|national insurance|nino|aadhaar|tax id|npi|kennitala|personnummer"), any),
        (Identifier::NationalId, r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b".into(), any),
        (Identifier::NationalId, r"\b\d{3} \d{3} \d{4}\b".into(), any),
        (Identifier::NationalId, r"\b\d{6}[-+]\d{4}\b".into(), any),
        (Identifier::MedicalRecord, after_any(r"mrn|medical record|chart|case file"), no_quantity),
        (Identifier::MedicalRecord, after(r"hospital"), any),
        (Identifier::HealthPlan, after(r"insurance|policy|health plan|member|beneficiary|medicare|medicaid"), any),
        (Identifier::Account, after(r"account|acct|a/c"), any),
        (Identifier::Account, r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b".into(), any),
        (Identifier::Account, r"\b\d(?:[ -]?\d){12,18}\b".into(), luhn),
        (Identifier::Licence, after(r"licen[cs]e|passport|certificate|dl"), any),
        (Identifier::Vehicle, after(r"plate|registration|vin|vehicle"), any),
        (Identifier::Vehicle, format!(r"(?i)\b(?:plate|vehicle|car)\b{INTRODUCED}[A-Z]{{1,3}}[- ][A-Z]{{1,3}}[- ]?\d{{1,4}}[A-Z]?\b"), any),
        (Identifier::Vehicle, r"\b[A-HJ-NPR-Z0-9]{17}\b".into(), mixed),
        (Identifier::Device, after(r"serial|device|imei|udi|s/n|pacemaker|implant"), any),
        (Identifier::Fax, r"(?i)\b(?:tele)?fax\b\W{0,3}(?:no\.?|number)?\W{0,3}\+?[\d(][\d\s()./-]{5,}\d".into(), any),
        (Identifier::Phone, r"\+\d[\d\s().-]{6,17}\d\b".into(), any),
        (Identifier::Phone, r"(?i)\b(?:tel|phone|telephone|mobile|cell|call|handy|telefon|teléfono|téléphone)\b\W{0,3}(?:no\.?|number|at|on)?\W{0,3}[\d(][\d\s()./-]{4,}\d".into(), any),
        (Identifier::Phone, r"(?:\(\d{3}\) ?|\b\d{3}[-. ])\d{3}[-. ]\d{4}\b".into(), any),
        (Identifier::Phone, r"\b0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,5}\b".into(), any),
        (Identifier::Phone, r"\b00\d{2}[ \d]{7,14}\d\b".into(), any),
        (Identifier::Phone, r"\b0\d(?:[ .-]\d{2}){4}\b".into(), any),
        (Identifier::Phone, r"\b0\d{4,5} \d{5,6}\b".into(), any),
        (Identifier::Other, format!(r"(?i)\b(?:subject|patient|participant|volunteer|proband)(?:s|s'|'s)?\b{INTRODUCED}{ANY_NUMBER}"), of_person),
        (Identifier::Other, r"(?i)\b(?:screening|randomi[sz]ation|enrol?lment)\b\s*(?:no\b\.?|nr\b\.?|number|id\b|#)\s*[:#]?\s*(?:[A-Z0-9][A-Z0-9/_-]*)?\d[A-Z0-9/_-]*".into(), any),
        (Identifier::Other, r"(?i)\b(?:screening|randomi[sz]ation)\b\s*[:#]?\s*[A-Z]{0,4}-?\d[A-Z0-9/_-]{2,}".into(), any),
        (Identifier::Other, format!(r"(?i)\b(?:id|identifier)\b{INTRODUCED}{ANY_NUMBER}"), of_person),
        (Identifier::Other, r"^\s*(#\s?\d{1,8})\b".into(), of_person),
        (Identifier::Other, r"(?:^|[\s(,;:])(@[A-Za-z_][\w.]*\w)".into(), handle),
        (Identifier::Name, r"(?i:\binitials)\b(?: are| is)?[:=]? ?((?:\p{Lu}\.[ -]?){1,4}|\p{Lu}{2,4}\b)".into(), any),
        (Identifier::Other, r"\b\d{9,}\b".into(), no_decimals),
    ]
}

/// All elements of a date but the year: the day and the month go, and the year with them, because it stands among them. A year alone stays.
#[rustfmt::skip]
fn dates() -> Vec<Form> {
    vec![
        (Identifier::Date, format!(r"\b{YEAR}[-/.](?:0?[1-9]|1[0-2])[-/.]{DAY}(?:T[\d:.]+Z?)?\b"), any),
        (Identifier::Date, format!(r"\b{DAY}[-/.]{DAY}[-/.]{YEAR}\b"), any),
        (Identifier::Date, format!(r"\b{DAY}\. ?(?:0?[1-9]|1[0-2])\. ?{YEAR}\b"), any),
        (Identifier::Date, format!(r"(?i)\b{DAY}(?:st|nd|rd|th)?[ .-]*(?:of |de |di )?{MONTH}(?: de)?[ ,/'’-]*{YEAR}\b"), any),
        (Identifier::Date, format!(r"(?i)\b{MONTH}[ -]?{DAY}(?:st|nd|rd|th)?[ ,-]+{YEAR}\b"), any),
        (Identifier::Date, format!(r"(?i)\b{YEAR}[ /-]?{MONTH}[ /-]?{DAY}\b"), any),
        // Behind a day a month may be written without a blank, and then no word ends there.
        (Identifier::Date, format!(r"(?i)\b{DAY}[ ./-]?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[ ./-]?{YEAR}\b"), any),
        (Identifier::Date, r"(?i)\b(?:0?[1-9]|[12]\d|3[01])[-/.]?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[-/.']?\d{2}\b".into(), no_quantity),
        (Identifier::Date, r"\b(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[a-z]*,? '?\d{2}\b".into(), no_quantity),
        (Identifier::Date, r"\b(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|[12]\d|3[01])/\d{2}\b".into(), short_date),
        (Identifier::Date, r"\b(?:0[1-9]|[12]\d|3[01])[-.](?:0[1-9]|[12]\d|3[01])[-.]\d{2}\b".into(), short_date),
        (Identifier::Date, r"\b(?:(?:[12]\d|3[01])\.[1-9]|[1-9]\.(?:0[1-9]|1[0-2]))\.\d{2}\b".into(), dotted_date),
        (Identifier::Date, format!(r"\b{YEAR}-?W(?:0[1-9]|[1-4]\d|5[0-3])(?:-?[1-7])?\b"), any),
        (Identifier::Date, format!(r"(?i)\b(?:q[1-4]|spring|summer|autumn|fall|winter)(?: of)?[ /-]?{YEAR}\b"), no_quantity),
        (Identifier::Date, r"\b\d{2}[-/](?:0[1-9]|1[0-2])[-/](?:0[1-9]|[12]\d|3[01])\b".into(), short_date),
        (Identifier::Date, format!(r"\b{YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:T?\d{{4,6}})?\b"), no_quantity),
        (Identifier::Date, format!(r"(?i)\b{MONTH}(?: de| of)?[ ,/'’-]*{YEAR}\b"), any),
        (Identifier::Date, format!(r"(?i)\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec){YEAR}\b"), any),
        (Identifier::Date, format!(r"\b(?:0[1-9]|1[0-2])[/-]{YEAR}\b"), no_quantity),
        (Identifier::Date, r"\b[1-9]/(?:19|20)\d{2}\b".into(), no_quantity),
        (Identifier::Date, format!(r"\b(?:0[1-9]|1[0-2])\.{YEAR}\b"), no_quantity),
        (Identifier::Date, format!(r"\b{YEAR}[-/](?:0[1-9]|1[0-2])\b"), no_quantity),
        (Identifier::Date, format!(r"\b{DAY}(?:st|nd|rd|th)?[ -](?:of )?{LONG_MONTH}"), any),
        (Identifier::Date, format!(r"\b{LONG_MONTH} {DAY}(?:st|nd|rd|th)?\b"), no_quantity),
        (Identifier::Date, r"(?i)\b(?:[12]?\d|3[01])(?:st|nd|rd|th)(?: of)? may\b".into(), any),
        (Identifier::Date, r"(?:18|19|20)\d{2}\s?[年년]\s?\d{1,2}\s?[月월](?:\s?\d{1,2}\s?[日일])?".into(), any),
    ]
}

/// Ages over 89, of which the number goes and the words stay.
fn ages() -> Vec<Form> {
    let old = r"(9\d|1[01]\d|12[0-5])";
    vec![
        (
            Identifier::Age,
            format!(r"(?i)\b(?:aged?(?: of| is| was)?|years of age|alter|âge)\s*[:=,]?\s*{old}\b"),
            no_bound,
        ),
        (
            Identifier::Age,
            format!(
                r"(?i)\b{old}[- ]?(?:(?:years?|yrs?\.?|y)[- ]?(?:olds?|of age)\b|y\.?/?o\b|jahre alt|jährig|-jährig|ans\b|años)"
            ),
            no_bound,
        ),
    ]
}

#[rustfmt::skip]
fn places() -> Vec<Form> {
    vec![
        (Identifier::Place, r"(?i)\b\d{1,5}[a-z]? (?:[\p{L}.'-]+ ){1,4}(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|way|square|terrace|place|close|crescent)\b\.?".into(), any),
        (Identifier::Place, r"(?i)\b[\p{L}-]+(?:stra(?:ss|ß)e|str\.|gasse|weg|platz) \d{1,4}[a-z]?\b".into(), any),
        (Identifier::Place, r"(?i)\b(?:rue|via|calle|avenida|rua) (?:[\p{L}.'-]+ ){1,4}\d{1,4}\b".into(), any),
        (Identifier::Place, r"(?i)\b\d{1,4},? (?:rue|avenue|boulevard|place|allée|chemin) (?:[\p{L}.'-]+ ?){1,4}".into(), any),
        (Identifier::Place, r"(?i)\bp\.? ?o\.? box \d+\b".into(), any),
        (Identifier::Place, r"\b\d{5}-\d{4}\b".into(), any),
        (Identifier::Place, r"\b[A-Z]{2} \d{5}\b".into(), any),
        (Identifier::Place, r"(?i)\b(?:zip|postcode|postal code|plz)\b\W{0,3}(?:code)?\W{0,3}[A-Z0-9 -]*\d[A-Z0-9-]*".into(), any),
        (Identifier::Place, r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b".into(), any),
        (Identifier::Place, r"-?\b\d{1,2}\.\d{4,}\s*,\s*-?\d{1,3}\.\d{4,}\b".into(), any),
    ]
}

fn any(_: &str, _: &str, _: &str) -> bool {
    true
}

fn no_quantity(_: &str, before: &str, after: &str) -> bool {
    let is_compared = before.trim_end().ends_with(['<', '>', '=', '≤', '≥', '±']);
    !is_compared && !begins_with_unit(after)
}

/// A number without a unit; of words such as `COVID-19` the digits are no number of a person.
fn of_person(text: &str, before: &str, after: &str) -> bool {
    let last = text.rsplit([' ', ':', '#']).next().unwrap_or_default().to_lowercase();
    let is_illness =
        ["covid", "sars", "h1n1", "hiv", "hpv", "ca-", "cd"].iter().any(|word| last.starts_with(word));
    !is_illness && no_quantity(text, before, after)
}

/// Day and month in either order, neither a quantity nor part of a longer row of numbers (`10/20/30/40`).
fn short_date(text: &str, before: &str, after: &str) -> bool {
    let parts: Vec<u32> = text.split(['-', '/', '.']).filter_map(|part| part.parse().ok()).collect();
    let is_month = |at: usize| parts.get(at).is_some_and(|part| (1..=12).contains(part));
    let goes_on = |c: Option<char>, next: Option<char>| {
        c.is_some_and(|c| "-/.".contains(c)) && next.is_some_and(|c| c.is_ascii_digit())
    };
    let (mut ahead, mut behind) = (after.chars(), before.chars().rev());
    (is_month(0) || is_month(1))
        && !goes_on(ahead.next(), ahead.next())
        && !goes_on(behind.next(), behind.next())
        && no_quantity(text, before, after)
}

/// A date of one-digit day or month, and no section or version of that number.
fn dotted_date(text: &str, before: &str, after: &str) -> bool {
    let last = before.trim_end_matches([' ', '.', ':']).rsplit([' ', '(']).next().unwrap_or_default();
    let is_numbered = ["v", "version", "section", "chapter", "appendix", "release", "build", "table", "§"]
        .contains(&last.to_lowercase().as_str());
    !is_numbered && short_date(text, before, after)
}

/// An age of somebody, and neither the end of a range nor a bound or a part of a number.
fn no_bound(_: &str, before: &str, after: &str) -> bool {
    let is_bound = before.trim_end().ends_with(['<', '>', '=', '≤', '≥', '±', '-', '–', '.', ',']);
    let is_part = |sign: char| {
        after.strip_prefix(sign).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    !is_bound && !['-', '–', '.', ','].into_iter().any(is_part)
}

/// A name on the web, and no "at" of a time or place ("pain @rest").
fn handle(text: &str, _: &str, _: &str) -> bool {
    const TIMES: [&str; 14] = [
        "rest",
        "home",
        "work",
        "site",
        "baseline",
        "screening",
        "bedtime",
        "noon",
        "midnight",
        "onset",
        "school",
        "least",
        "about",
        "exertion",
    ];
    let word = text.trim_start_matches('@').to_lowercase();
    word.len() > 2
        && !TIMES.contains(&word.as_str())
        && !is_word(word.trim_end_matches(|c: char| c.is_ascii_digit()))
}

/// Not the decimals of a number.
fn no_decimals(_: &str, before: &str, _: &str) -> bool {
    let mut behind = before.chars().rev();
    !(behind.next() == Some('.') && behind.next().is_some_and(|c| c.is_ascii_digit()))
}

fn octets(text: &str, _: &str, _: &str) -> bool {
    text.split('.').all(|part| part.parse::<u8>().is_ok())
}

fn mixed(text: &str, _: &str, _: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().filter(u8::is_ascii_alphabetic).count() >= 3
}

/// The check digit of payment cards (ISO/IEC 7812-1, annex B).
fn luhn(text: &str, _: &str, _: &str) -> bool {
    let digits = text.bytes().rev().filter(u8::is_ascii_digit).map(|b| u32::from(b - b'0'));
    let sum: u32 = digits
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(PATTERNS.len(), forms().len());
    }
}
