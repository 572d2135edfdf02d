//! Names of sheets that Excel accepts.

use std::collections::BTreeSet;

/// Most UTF-16 units of a name.
const LONGEST: usize = 31;

/// Valid names, each unlike the others but for the case of letters, in the order given.
pub(super) fn unique<'n>(wanted: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    wanted
        .map(|name| {
            let valid = valid(name);
            let mut candidate = valid.clone();
            let mut number = 2;
            while !taken.insert(candidate.to_lowercase()) {
                let suffix = format!(" ({number})");
                candidate = format!("{}{suffix}", cut(&valid, LONGEST - suffix.len()).trim_end());
                number += 1;
            }
            candidate
        })
        .collect()
}

/// A name without `[ ] : * ? / \` and control characters, not in quotation marks, not empty and not "History", which
/// Excel keeps for itself.
fn valid(name: &str) -> String {
    let allowed = |c: char| {
        let forbidden =
            c.is_control() || matches!(c, '[' | ']' | ':' | '*' | '?' | '/' | '\\' | '\u{fffe}' | '\u{ffff}');
        if forbidden { ' ' } else { c }
    };
    let plain: String = name.chars().map(allowed).collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let trimmed = cut(plain.trim_matches('\''), LONGEST);
    let trimmed = trimmed.trim_matches(|c: char| c == '\'' || c.is_whitespace());
    match trimmed {
        "" => "Sheet".to_owned(),
        history if history.eq_ignore_ascii_case("history") => "History table".to_owned(),
        name => name.to_owned(),
    }
}

/// The longest beginning of so many UTF-16 units.
fn cut(name: &str, units: usize) -> String {
    let mut used = 0;
    name.chars()
        .take_while(|c| {
            used += c.len_utf16();
            used <= units
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_made_valid_and_unique() {
        let long = "Adverse events by system organ class and preferred term";
        let got = unique(["Table 1", "table 1", "a/b:c", "", "'quoted'", "History", long, long].into_iter());
        let want = [
            "Table 1",
            "table 1 (2)",
            "a b c",
            "Sheet",
            "quoted",
            "History table",
            "Adverse events by system organ",
            "Adverse events by system or (2)",
        ];
        assert_eq!(got, want);
    }

    proptest! {
        #[test]
        fn every_name_is_accepted(names in prop::collection::vec("\\PC{0,40}|[\\[\\]:*?/'\\\\ \u{0}]{0,9}|[aA]{0,2}", 1..30)) {
            let got = unique(names.iter().map(String::as_str));
            let distinct: BTreeSet<String> = got.iter().map(|n| n.to_lowercase()).collect();
            prop_assert_eq!(distinct.len(), names.len());
            for name in got {
                prop_assert!(!name.is_empty() && name.encode_utf16().count() <= LONGEST, "{:?}", name);
                prop_assert!(!name.contains(['[', ']', ':', '*', '?', '/', '\\']) && !name.chars().any(char::is_control));
                prop_assert!(!name.starts_with('\'') && !name.ends_with('\''), "{:?}", name);
            }
        }
    }
}
