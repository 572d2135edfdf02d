//! Identifiers by their form.

use std::sync::LazyLock;

use regex::Regex;

use super::Identifier;

/// A form, and what is asked of a match besides.
pub(super) struct Pattern {
    pub(super) kind: Identifier,
    pub(super) regex: Regex,
    pub(super) holds: fn(&str) -> bool,
}

/// Kind, regular expression, and what is asked of a match besides.
type Form = (Identifier, String, fn(&str) -> bool);

/// A number of a kind that is introduced by words.
const NUMBER: &str =
    r"(?:\s*(?:no\b|nr\b|number|num\b|id\b|#)?\s*\.?\s*[:=#]?\s*)[A-Z0-9][A-Z0-9/-]*\d[A-Z0-9/-]*";
const MONTH: &str = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*\.?";

/// In the order in which they are tried; an earlier one wins where two begin at the same place and are as long.
pub(super) static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let after = |words: &str| format!(r"(?i)\b(?:{words})\b{NUMBER}");
    let forms: Vec<Form> = vec![
        (Identifier::Photo, r"(?i)data:image/[a-z+.-]+;base64,[A-Za-z0-9+/=]*".into(), any),
        (Identifier::Photo, r"(?i)[\w./\\-]+\.(?:jpe?g|png|heic|tiff?|bmp)\b".into(), any),
        (Identifier::Email, r"(?i)[\p{L}0-9._%+'-]+@[\p{L}0-9.-]+\.\p{L}{2,}".into(), any),
        (Identifier::Url, r#"(?i)\b(?:https?://|ftp://|www\.)[^\s"'<>]+"#.into(), any),
        (Identifier::Device, r"(?i)\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b".into(), any),
        (Identifier::IpAddress, r"\b\d{1,3}(?:\.\d{1,3}){3}\b".into(), octets),
        (Identifier::IpAddress, r"(?i)\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b".into(), any),
        (Identifier::IpAddress, r"(?i)\b(?:[0-9a-f]{1,4}:){1,6}:[0-9a-f:]*[0-9a-f]\b".into(), any),
        (Identifier::NationalId, r"\b\d{3}-\d{2}-\d{4}\b".into(), any),
        (Identifier::NationalId, after(r"ssn|social security|nhs|national id|national insurance|nino|aadhaar|tax id"), any),
        (Identifier::NationalId, r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b".into(), any),
        (Identifier::MedicalRecord, after(r"mrn|medical record|hospital|chart|case file"), any),
        (Identifier::HealthPlan, after(r"insurance|policy|health plan|member|beneficiary|medicare|medicaid"), any),
        (Identifier::Account, after(r"account|acct|a/c"), any),
        (Identifier::Account, r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b".into(), any),
        (Identifier::Account, r"\b\d(?:[ -]?\d){12,18}\b".into(), luhn),
        (Identifier::Licence, after(r"licen[cs]e|passport|certificate|dl"), any),
        (Identifier::Vehicle, after(r"plate|registration|vin|vehicle"), any),
        (Identifier::Vehicle, r"\b[A-HJ-NPR-Z0-9]{17}\b".into(), mixed),
        (Identifier::Device, after(r"serial|device|imei|udi|s/n|pacemaker|implant"), any),
        (Identifier::Fax, r"(?i)\b(?:tele)?fax\b\W{0,3}(?:no\.?|number)?\W{0,3}\+?[\d(][\d\s()./-]{5,}\d".into(), any),
        (Identifier::Phone, r"\+\d[\d\s().-]{6,17}\d\b".into(), any),
        (Identifier::Phone, r"(?i)\b(?:tel|phone|mobile|cell|call)\b\W{0,3}(?:no\.?|number|at|on)?\W{0,3}[\d(][\d\s()./-]{4,}\d".into(), any),
        (Identifier::Phone, r"(?:\(\d{3}\) ?|\b\d{3}[-. ])\d{3}[-. ]\d{4}\b".into(), any),
        (Identifier::Phone, r"\b0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,5}\b".into(), any),
        (Identifier::Date, r"\b(?:18|19|20)\d{2}[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])(?:T[\d:.]+Z?)?\b".into(), any),
        (Identifier::Date, r"\b(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:(?:18|19|20)\d{2})\b".into(), any),
        (Identifier::Date, format!(r"(?i)\b(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?[ -]?{MONTH}[ ,-]*(?:18|19|20)\d{{2}}\b"), any),
        (Identifier::Date, format!(r"(?i)\b{MONTH} (?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?,? (?:18|19|20)\d{{2}}\b"), any),
        (Identifier::Place, r"(?i)\b\d{1,5}[a-z]? (?:[\p{L}.'-]+ ){1,4}(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|way|square|terrace|place|close|crescent)\b\.?".into(), any),
        (Identifier::Place, r"(?i)\b[\p{L}-]+(?:stra(?:ss|ß)e|str\.|gasse|weg|platz) \d{1,4}[a-z]?\b".into(), any),
        (Identifier::Place, r"(?i)\b(?:rue|via|calle|avenida|rua) (?:[\p{L}.'-]+ ){1,4}\d{1,4}\b".into(), any),
        (Identifier::Place, r"(?i)\bp\.? ?o\.? box \d+\b".into(), any),
        (Identifier::Place, r"\b\d{5}-\d{4}\b".into(), any),
        (Identifier::Place, r"\b[A-Z]{2} \d{5}\b".into(), any),
        (Identifier::Place, r"(?i)\b(?:zip|postcode|postal code|plz)\b\W{0,3}(?:code)?\W{0,3}[A-Z0-9 -]*\d[A-Z0-9-]*".into(), any),
        (Identifier::Place, r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b".into(), any),
        (Identifier::Place, r"-?\b\d{1,2}\.\d{4,}\s*,\s*-?\d{1,3}\.\d{4,}\b".into(), any),
        (Identifier::Other, r"(?i)\b(?:subject|patient|participant|screening|randomi[sz]ation)\b\s*(?:no\b|nr\b|number|id\b)?\s*\.?\s*[:#]?\s*[A-Z0-9][A-Z0-9/_-]*\d[A-Z0-9/_-]*".into(), any),
    ];
    let made = forms
        .into_iter()
        .filter_map(|(kind, form, holds)| Some(Pattern { kind, regex: Regex::new(&form).ok()?, holds }));
    made.collect()
});

fn any(_: &str) -> bool {
    true
}

fn octets(text: &str) -> bool {
    text.split('.').all(|part| part.parse::<u8>().is_ok())
}

fn mixed(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().filter(u8::is_ascii_alphabetic).count() >= 3
}

/// The check digit of payment cards (ISO/IEC 7812-1, annex B).
fn luhn(text: &str) -> bool {
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
        assert_eq!(PATTERNS.len(), 39);
    }
}
