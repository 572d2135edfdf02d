//! Whether a text says something or denies it, and what it says word for word. Shared by the phases that look for
//! signs: what they quote stands in the ticket, and what a ticket denies ("this is not urgent") is no sign.

use std::sync::LazyLock;

use regex::Regex;

/// A pattern, without regard to case; an apostrophe in it stands for a typographic one as well.
pub(crate) fn pattern(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("(?i)(?:{})", pattern.replace('\'', "['\u{2019}]"))).ok()
}

/// How far what denies may stand before what is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// With any two words between: "does not seem to crash". For words that hold no denial of their own.
    Wide,
    /// With articles and words of degree between: "not that urgent". For complaints, of which denials are a part ("cannot
    /// save, and fails").
    Near,
}

static WIDE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?:\b(?:no|not|never|without|avoids?|avoiding|prevents?|preventing|cannot|nor|hardly|neither)|n't)(?:\s+\w+){0,2}\s+$",
    )
});
static NEAR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?:\b(?:no|not|never|without|nor|hardly|neither|nothing|isnt|less)|n't)\s+(?:(?:a|an|any|the|so|that|this|too|very|really|particularly|especially|terribly|exactly|quite|necessarily|at all|yet|be|been|being|is|are|was|consider(?:ed)?|longer)\s+){0,3}$",
    )
});
/// A denial within the words themselves: "data was never lost". What "not working" says is no denial of a fault.
static INSIDE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"\w\s+(?:not|never|no)\s+(?:\w+\s+)?(?:\w+)$"));
static COMPLAINT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?:not|never|no)\s+(?:work|working|go|going|processed|responding|possible|loading)$")
});
/// An answer to a form's question: "Data loss: none".
static ANSWERED: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"^\s*[:?]+\s*(?:no|none|nope|not|n/a)\b"));

fn is_match(regex: &LazyLock<Option<Regex>>, text: &str) -> bool {
    regex.as_ref().is_some_and(|regex| regex.is_match(text))
}

/// Whether what stands around the words from `start` to `end` (bytes) takes them back. A sentence's end ends a denial's
/// reach.
pub(crate) fn denied(text: &str, start: usize, end: usize, reach: Reach) -> bool {
    let (before, words, after) = (&text[..start], &text[start..end], &text[end..]);
    let from = before.char_indices().rev().nth(60).map_or(0, |(i, _)| i);
    let near = before[from..].rsplit(['.', '!', '?', ';', '\n']).next().unwrap_or_default();
    let regex = if reach == Reach::Wide { &WIDE } else { &NEAR };
    is_match(regex, near)
        || (reach == Reach::Wide && is_match(&INSIDE, words) && !is_match(&COMPLAINT, words))
        || is_match(&ANSWERED, &after[..after.floor_char_boundary(12)])
}

/// Words as they stand in a text. Where marks or line ends stand between them there ("data **loss**"), those are part of
/// what is quoted. `None` if the text does not have them.
pub(crate) fn verbatim<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    let words = words.trim_matches(|c: char| !c.is_alphanumeric());
    if words.is_empty() {
        return None;
    }
    if let Some(at) = text.find(words) {
        return Some(&text[at..at + words.len()]);
    }
    let parts: Vec<String> = words.split_whitespace().map(regex::escape).collect();
    Regex::new(&parts.join(r"[\s*_~`]{1,12}")).ok()?.find(text).map(|found| found.as_str())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_denied(text: &str, words: &str, reach: Reach) -> bool {
        let start = text.find(words).unwrap();
        denied(text, start, start + words.len(), reach)
    }

    #[test]
    fn denials_are_read() {
        for (text, words, reach) in [
            ("This is not urgent.", "urgent", Reach::Near),
            ("It isn't that urgent", "urgent", Reach::Near),
            ("It isn\u{2019}t blocking us", "blocking us", Reach::Near),
            ("Not a blocker for us", "blocker", Reach::Near),
            ("Nothing urgent", "urgent", Reach::Near),
            ("There was no data loss", "data loss", Reach::Wide),
            ("the data was not lost", "data was not lost", Reach::Wide),
            ("It never crashes", "crashes", Reach::Wide),
            ("without any errors", "errors", Reach::Near),
            ("Regression: no", "Regression", Reach::Near),
            ("Data loss? None.", "Data loss", Reach::Wide),
        ] {
            assert!(is_denied(text, words, reach), "{text}");
        }
        for (text, words, reach) in [
            ("I can not. It is urgent", "urgent", Reach::Near),
            ("It cannot save and fails", "fails", Reach::Near),
            ("It is not only urgent", "urgent", Reach::Near),
            ("payments are not processed", "payments are not processed", Reach::Wide),
            ("Data loss: noticed today", "Data loss", Reach::Wide),
        ] {
            assert!(!is_denied(text, words, reach), "{text}");
        }
    }

    #[test]
    fn quotations_keep_what_stands_between() {
        assert_eq!(verbatim("We had data **loss** today", "data loss"), Some("data **loss"));
        assert_eq!(verbatim("It crashes.", " crashes."), Some("crashes"));
        assert_eq!(verbatim("It hangs", "hang up"), None);
        assert_eq!(verbatim("x", " ."), None);
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_there(text in "\\PC{0,60}", words in "\\PC{0,12}") {
            if let Some(quoted) = verbatim(&text, &words) {
                prop_assert!(!quoted.is_empty() && text.contains(quoted));
            }
            for (at, _) in text.char_indices() {
                denied(&text, at, text.len(), Reach::Wide);
                denied(&text, at, text.len(), Reach::Near);
            }
        }
    }
}
