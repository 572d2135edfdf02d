//! What the user did: steps to reproduce, and sentences that tell an action.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Findings,
    text::{Parts, cut, readable},
};

const MOST: usize = 10;
const LENGTH: usize = 160;

fn regex(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

static STEPS: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"(?i)\bsteps?\b|\brepro(?:duc\w*)?\b|\bwhat (?:did you do|I did|we did)\b"));
static NUMBERED: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r"^\s*(\d{1,2})[.)]\s+(\S.*)$"));
static BULLET: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r"^\s*[-*+•]\s+(\S.*)$"));
/// An item of a list of steps that tells a result or an expectation instead.
static OUTCOME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?i)^\W*(?:expected|actual|result|observe|see (?:the )?errors?\b|notes?:|(?:I|we|you) (?:would |should |might )?(?:expect|see\b|get\b)|:bug:|🐛|bug:)",
    )
});
/// `when I press save`, `after we upgraded to 3.1`, `as soon as a user signs in`.
static CLAUSE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:when(?:ever)?|after|once|every time|each time|as soon as|while)\s+((?:I|we|you|(?:a |the |our |my |some )?(?:users?|customers?|colleagues?|admins?|agents?|clients?))\s+[a-z](?:[^.\n,;:?!()]|\.\w){4,140})",
    )
});
/// `after upgrading to 3.1`, `when saving a draft`.
static GERUND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(r"(?i)\b(?:after|when|while|by|upon)\s+([a-z]{3,}ing\s(?:[^.\n,;:?!()]|\.\w){3,120})")
});
/// `I clicked on export`, `we have upgraded`.
static PAST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"\b(?:I|[Ww]e)(?:'ve| have| had| just| then| also| already| recently| even| first| now)*\s+((?:[a-z]{2,}ed|ran|went|built|chose|sent|wrote|did|began|set up)\s(?:[^.\n;:?!()]|\.\w){3,120})",
    )
});

/// What might be done is not what was done.
static MODAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?i)^(?:\S+ ){0,3}(?:can|could|would|should|might|may|will|want|wants|need|needs|have to|has to)\b",
    )
});

/// Past tenses that tell of a perception or a wish, not of an action.
const NO_ACTION: [&str; 36] = [
    "noticed",
    "expected",
    "wanted",
    "needed",
    "liked",
    "wondered",
    "believed",
    "assumed",
    "encountered",
    "experienced",
    "received",
    "discovered",
    "realised",
    "realized",
    "observed",
    "hoped",
    "loved",
    "stumbled",
    "seemed",
    "learned",
    "agreed",
    "supposed",
    "reported",
    "asked",
    "posted",
    "filed",
    "need",
    "indeed",
    "appeared",
    "proceed",
    "succeed",
    "discussed",
    "considered",
    "appreciated",
    "concluded",
    "faced",
];
const NO_GERUND: [&str; 9] =
    ["being", "having", "seeing", "getting", "something", "anything", "nothing", "everything", "during"];

/// The actions of a ticket: the list of steps if there is one, then sentences.
pub(super) fn find(parts: &Parts) -> Vec<String> {
    let mut actions = Findings::at_most(MOST);
    for step in steps(parts) {
        actions.add(&cut(&step, LENGTH));
    }
    for line in parts.prose.lines() {
        if NUMBERED.as_ref().is_some_and(|r| r.is_match(line)) {
            continue;
        }
        for (regex, refused) in [(&CLAUSE, &[][..]), (&PAST, &NO_ACTION[..]), (&GERUND, &NO_GERUND[..])] {
            let Some(regex) = regex.as_ref() else { continue };
            for found in regex.captures_iter(line) {
                let text = readable(&found[1]);
                let first = text.split(' ').next().unwrap_or_default().to_lowercase();
                let told = MODAL.as_ref().is_none_or(|r| !r.is_match(&text));
                let text = cut(&text, LENGTH);
                let known = actions.list.iter().any(|a| a.contains(text.as_str()));
                if told && !known && !refused.contains(&first.as_str()) && text.split(' ').count() >= 2 {
                    actions.add(&text);
                }
            }
        }
    }
    actions.list
}

/// The items of the first list under a heading that speaks of steps, else of the first numbered list of two or more.
fn steps(parts: &Parts) -> Vec<String> {
    let mut under_steps = false;
    let mut listed: Vec<String> = Vec::new();
    let mut first_run: Vec<String> = Vec::new();
    let mut run: Vec<String> = Vec::new();
    for line in parts.lines.iter().filter(|line| !line.code) {
        let text = line.text.as_str();
        let announces = line.heading || text.trim_end().ends_with(':');
        if announces {
            if under_steps && !listed.is_empty() {
                break;
            }
            under_steps = STEPS.as_ref().is_some_and(|r| r.is_match(text));
            continue;
        }
        let numbered = NUMBERED.as_ref().and_then(|r| r.captures(text));
        let item = numbered.as_ref().map(|found| found[2].to_owned());
        if let Some(found) = &numbered {
            if &found[1] == "1" && run.len() == 1 {
                run.clear();
            }
            run.push(readable(&found[2]));
        } else if run.len() >= 2 && first_run.is_empty() {
            first_run = std::mem::take(&mut run);
        }
        let bullet = || BULLET.as_ref().and_then(|r| r.captures(text)).map(|found| found[1].to_owned());
        if under_steps {
            match item.or_else(bullet) {
                Some(item) => listed.push(readable(&item)),
                None if !listed.is_empty() => under_steps = false,
                None => {}
            }
        }
    }
    if first_run.is_empty() && run.len() >= 2 {
        first_run = run;
    }
    let steps = if listed.is_empty() { first_run } else { listed };
    steps.into_iter().filter(|s| OUTCOME.as_ref().is_none_or(|r| !r.is_match(s))).collect()
}
