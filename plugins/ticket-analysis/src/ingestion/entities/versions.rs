//! Versions that a ticket mentions, with the name before them where there is one: `Node 18.12.1`.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Findings,
    text::{Parts, without_links},
};

const MOST: usize = 8;

/// A name of one or two capitalised words, the word "version", and the number; each but the number may be absent.
static VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?:\b(?P<name>[A-Z][A-Za-z.#+]*[A-Za-z#+](?: [A-Z][A-Za-z]+| OS)?|[a-z][a-z0-9]+(?:-[a-z0-9]+)+|npm|yarn|pnpm|node|macOS|iOS|iPadOS)",
        r"(?:\s*\([a-z]+\))?)?(?P<between>[ \t]*@|[ \t]*[:=\-*]*[ \t]*)?(?P<word>(?i:\bversions?\b|\bver\.?|\brelease\b|\bbuild\b)[ \t]*[:=\-*`]*[ \t]*)?",
        r"(?:\b(?P<v>[vV])|\b)(?P<number>\d{1,4}(?:\.\d{1,6}){1,2}(?P<fourth>\.\d+)*(?P<pre>-[A-Za-z0-9]+(?:[.\-][A-Za-z0-9]+)*)?|\d{1,3})\b"
    ))
    .ok()
});

/// Words that stand before a number without naming a product.
const NO_NAME: [&str; 34] = [
    "The", "In", "On", "At", "From", "Since", "Version", "Versions", "After", "Before", "And", "Or", "To",
    "For", "With", "Issue", "Step", "Line", "Test", "Case", "Error", "Code", "About", "Until", "Using",
    "When", "Only", "Release", "Build", "Updated", "Upgraded", "Chapter", "Section", "OS",
];

/// The versions of a ticket. A whole number alone counts only with the word "version" or a leading v; two parts need one
/// of these or a name; three parts are enough by themselves. Four parts may be an IP address, and need the word or a name and
/// a part above 255.
pub(super) fn find(parts: &Parts) -> Vec<String> {
    let mut versions = Findings::at_most(MOST);
    let lines = std::iter::once(parts.subject.as_str())
        .chain(parts.lines.iter().filter(|line| !line.code).map(|line| line.text.as_str()));
    for line in lines {
        // The rows of a table list what is installed, not what the ticket is about.
        if line.matches('|').count() >= 2 {
            continue;
        }
        let line = without_links(line).replace(['`', '*'], "");
        let Some(regex) = VERSION.as_ref() else { break };
        for found in regex.captures_iter(&line) {
            let number = &found["number"];
            let (start, end) = found.get(0).map_or((0, 0), |hit| (hit.start(), hit.end()));
            // Part of a path: a file of some library, not what the ticket is about.
            if line[..start].ends_with(['/', '\\']) || line[end..].starts_with(['/', '\\', '_']) {
                continue;
            }
            let follows = line[end..].trim_start();
            let told = found.name("word").is_some() || found.name("v").is_some();
            let name = found.name("name").map(|n| n.as_str()).filter(|n| !NO_NAME.contains(n));
            let parts = number.split('-').next().unwrap_or(number).split('.').count();
            let is_version = match parts {
                1 => told && number.len() <= 3 && !number.starts_with('0'),
                2 => (told || name.is_some()) && !is_quantity(follows) && !is_date(number),
                3 => !is_date(number),
                _ => told || (name.is_some() && !is_address(number)),
            };
            if !is_version || follows.starts_with(['%', '€', '$']) {
                continue;
            }
            match name {
                Some(name) => versions.add(&format!("{name} {number}")),
                None => versions.add(number),
            }
        }
    }
    let named: Vec<String> = versions.list.clone();
    versions.list.retain(|v| v.contains(' ') || !named.iter().any(|n| n.ends_with(&format!(" {v}"))));
    versions.list
}

fn is_quantity(follows: &str) -> bool {
    let unit: String = follows.chars().take_while(|c| c.is_alphabetic() || *c == '%').collect();
    matches!(
        unit.to_lowercase().as_str(),
        "ms" | "s"
            | "sec"
            | "seconds"
            | "min"
            | "minutes"
            | "h"
            | "hours"
            | "kb"
            | "mb"
            | "gb"
            | "px"
            | "em"
            | "rem"
            | "ghz"
            | "mhz"
            | "x"
            | "times"
            | "fps"
            | "cm"
            | "mm"
            | "usd"
            | "eur"
            | "gib"
            | "mib"
            | "percent"
            | "gh"
    )
}

fn is_address(number: &str) -> bool {
    number.split('.').all(|part| part.parse::<u8>().is_ok())
}

/// `2024.03.12`, `12.03.2024`, `24.12`.
fn is_date(number: &str) -> bool {
    let parts: Vec<u32> = number.split('.').filter_map(|p| p.parse().ok()).collect();
    match parts[..] {
        [year, month, day] | [day, month, year] if (1990..2100).contains(&year) => {
            (1..=12).contains(&month) && (1..=31).contains(&day)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn versions_and_what_only_looks_like_one() {
        for (text, wanted) in [
            ("VS Code Version: 1.80.1", &["VS Code 1.80.1"][..]),
            ("React version: 18.0.0 (congrats)", &["React 18.0.0"]),
            ("Since v3 and Node 18.12.1 it fails", &["3", "Node 18.12.1"]),
            ("fails in 2.0.0-beta.3", &["2.0.0-beta.3"]),
            ("It takes 1.5 seconds on 192.168.0.1", &[]),
            ("On 12.03.2024 we paid 49.90 EUR", &[]),
            ("eslint-plugin-react@7.33.2 is installed", &["eslint-plugin-react 7.33.2"]),
            ("Python 3.9 and Chrome 118.0.5993.70", &["Python 3.9", "Chrome 118.0.5993.70"]),
        ] {
            let parts = Parts::of(text, "", &BTreeSet::new());
            assert_eq!(find(&parts), wanted, "{text}");
        }
    }
}
