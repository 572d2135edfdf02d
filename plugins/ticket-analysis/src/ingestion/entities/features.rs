//! Product and feature words of a ticket: `[Area]` prefixes, labels, code identifiers, menu paths, names of buttons,
//! and terms that recur in the subjects of the tickets at hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

use super::{Findings, errors, text::Parts};
use crate::{ingestion::words, ticket::Ticket};

const MOST: usize = 12;

fn regex(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

static BRACKETS: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r"^\W{0,3}[\[【]([^\]】]{2,40})[\]】]"));
static AREA: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"^(?:\[[^\]]*\]\s*)?([\w@./+-]+(?:[ /]\w+){0,2})(?:\(([\w./ -]+)\))?\s*:\s+\S"));
/// `CamelCase`, `snake_case`, `--option`, `@scope/package`, `call()`.
static IDENTIFIER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?:^|[\s(`'\x22])(--[a-z][a-z-]+|@[a-z0-9-]+/[a-z0-9.-]+|[A-Za-z]+(?:_[A-Za-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]*)+|(?:[A-Z][a-z0-9]+){2,}|[A-Za-z_][\w.]*\(\))",
    )
});
static CODE_NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"^<?/?[@.#$-]{0,2}[A-Za-z_][\w.$:@/-]*(?:\(\))?/?>?$"));
static MENU: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(r"\b[A-Z]\w+(?: [A-Za-z]\w+){0,2}(?:\s*(?:>|->|→|»|›)\s*[A-Z][\w&]+(?: [A-Za-z&]\w*){0,2})+")
});
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r#"(?:["“]|\*\*)([A-Z][\w&/-]+(?: [\w&/-]+){0,3})(?:["”]|\*\*)|(?i:\b(?:the|a) )([A-Z][\w-]+(?: [A-Z][\w-]+){0,2}) (?:page|button|menu|tab|dialog|panel|screen|view|form|widget|field|setting|report|dashboard|module|integration|plugin|endpoint|API|app)\b"#,
    )
});

/// Words for the kind or the state of a ticket; they name no feature.
const KINDS: [&str; 58] = [
    "bug",
    "bugs",
    "bug report",
    "feature",
    "feature request",
    "features",
    "request",
    "question",
    "questions",
    "help",
    "help wanted",
    "good first issue",
    "rfc",
    "enhancement",
    "improvement",
    "proposal",
    "idea",
    "suggestion",
    "regression",
    "issue",
    "issues",
    "problem",
    "error",
    "errors",
    "warning",
    "fix",
    "feat",
    "chore",
    "discussion",
    "support",
    "urgent",
    "duplicate",
    "invalid",
    "wontfix",
    "stale",
    "triage",
    "needs triage",
    "needs repro",
    "needs info",
    "confirmed",
    "unconfirmed",
    "blocked",
    "in progress",
    "todo",
    "done",
    "wip",
    "task",
    "story",
    "epic",
    "incident",
    "note",
    "update",
    "re",
    "fwd",
    "fw",
    "hi",
    "status",
    "type",
];

/// Function words, and words that tickets on any subject have.
const COMMON: &str = "a about above across actual actually add added adding after again against all allow allows almost along already also \
    always am an and another any anyone anything anyway appear appears are aren't around as ask at automatically available avoid away back \
    bad be because been before behavior behaviour being below best better between both break breaks broken bug but by call called calling can \
    cannot can't case cases cause causes causing change changed changes changing check clear click clicking close come completely confusing \
    consider correct correctly could couldn't create created creates creating current currently custom default did didn't different do \
    does doesn't doing don't done down during each easier either else empty enable end enough error errors etc even ever every everything \
    everywhere example exist existing exists expected extra fail failed failing fails failure far feature few find first fix fixed for found \
    from full further get gets getting give given gives giving go goes going gone good got great had handle happen happening happens has have \
    having help here hi hide how however i if i'm implement improve in inconsistent incorrect incorrectly inside instead into invalid is \
    isn't issue issues it its it's just keep keeps know last later latest least leave less let like likely long longer look looking looks lot \
    made make makes making many may maybe me mean might mine missing more most much multiple must my need needed needs never new next no non \
    none not nothing now null number occurs of off old on once one ones only open opened opening opens option optional or other others our out \
    outside over own part particular perform please point possible previous problem problems proper properly provide provided question \
    quite random randomly rather re really receive recently related remain remove removed removing render report request require required \
    return returned returning returns run running runs said same save say says second see seeing seem seems seen send sent set sets \
    several shall she should shouldn't show showing shown shows similar simple since single slow so some someone something sometimes \
    somewhere start started starting starts stay still stop stopped stops strange stuck such suddenly suggestion support supported \
    supporting sure take takes than that that's the their them then there these they thing things this those though three through throw throwing thrown \
    throws time times to together too tried try trying turn two under undefined unable unexpected unexpectedly until up update updated \
    updates updating upgrade upon us use used useful user users uses using value values various very want wants was wasn't way we well were what when where \
    whether which while who whole why will with within without won't wont work working works would wrong yes yet you your become becomes became poor late later hours hour minutes days day weeks week plans ahead double respect ignore ignores \
    connect version versions today yesterday morning";

static STOP: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| COMMON.split_whitespace().collect());

/// The terms that recur in the subjects of the tickets at hand.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    terms: BTreeSet<String>,
}

fn tokens(subject: &str) -> Vec<String> {
    let words = subject.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '\'' | '’' | '_')));
    words.map(|word| word.trim_matches(['-', '\'', '’', '_']).to_lowercase().replace('’', "'")).collect()
}

fn is_term(word: &str) -> bool {
    word.chars().count() >= 3
        && !STOP.contains(word)
        && !KINDS.contains(&word)
        && word.chars().any(char::is_alphabetic)
        && !is_past_tense(word)
        && !word.starts_with(|c: char| c.is_ascii_digit())
}

/// Words in -ed are nearly always verbs: `ignored`, `delivered`.
fn is_past_tense(word: &str) -> bool {
    word.len() > 4
        && word.ends_with("ed")
        && !matches!(word, "embed" | "speed" | "breed" | "proxied" | "typed")
}

/// Single words and pairs of neighbours of a subject that may be terms.
fn candidates(subject: &str) -> Vec<String> {
    // What stands in brackets at the end says where or when, not what.
    let subject = match subject.trim_end().strip_suffix(')').and_then(|s| s.rsplit_once('(')) {
        Some((before, _)) if !before.trim().is_empty() => before,
        _ => subject,
    };
    let words = tokens(subject);
    let pairs =
        words.windows(2).filter(|p| is_term(&p[0]) && is_term(&p[1])).map(|p| format!("{} {}", p[0], p[1]));
    let pairs: Vec<String> = pairs.collect();
    pairs.into_iter().chain(words.iter().filter(|w| is_term(w)).cloned()).collect()
}

impl Vocabulary {
    /// Terms in at least three subjects and one in two hundred, and in no more than one in five (of more than twenty).
    pub(super) fn of<'a>(subjects: impl Iterator<Item = &'a str>) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut n = 0;
        for subject in subjects {
            n += 1;
            for term in candidates(subject).into_iter().collect::<BTreeSet<_>>() {
                *counts.entry(term).or_default() += 1;
            }
        }
        let (least, most) = (3.max(n / 200), if n > 20 { n / 5 } else { n });
        let terms = counts.into_iter().filter(|&(_, count)| (least..=most).contains(&count));
        Self { terms: terms.map(|(term, _)| term).collect() }
    }

    fn in_subject(&self, subject: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for term in candidates(subject).into_iter().filter(|term| self.terms.contains(term)) {
            let covered = found.iter().any(|pair| pair.split(' ').any(|word| word == term));
            if !covered {
                found.push(term);
            }
        }
        found
    }
}

/// The feature words of a ticket, those that its writer or its labels set apart first.
pub(super) fn find(ticket: &Ticket, parts: &Parts, vocabulary: &Vocabulary) -> Vec<String> {
    let mut features = Findings::at_most(MOST);
    let subject = ticket.subject.as_str();
    if let Some(found) = BRACKETS.as_ref().and_then(|r| r.captures(subject)) {
        add_area(&mut features, &found[1]);
    }
    if let Some(found) = AREA.as_ref().and_then(|r| r.captures(subject)) {
        let name = &found[1];
        let words = name.split([' ', '/']).count();
        // A first word of a sentence with a colon ("After the update: …") is no area; a name does not hold such words.
        let sentence = name.split(' ').any(|word| STOP.contains(word.to_lowercase().as_str()));
        if !is_error(name) && words <= 3 && !sentence {
            add_area(&mut features, name);
        }
        if let Some(scope) = found.get(2) {
            add_area(&mut features, scope.as_str());
        }
    }
    for label in &ticket.labels {
        add_label(&mut features, label);
    }
    for name in &parts.inline_code {
        let call =
            name.split('(').next().filter(|_| name.ends_with(')') && !name.contains(' ')).unwrap_or(name);
        if is_code_name(call) && !is_error(call) {
            features.add(call.trim_matches(['<', '>', '/', '.']));
        }
    }
    if let Some(regex) = IDENTIFIER.as_ref() {
        for found in regex.captures_iter(subject) {
            let name = found[1].trim_end_matches("()");
            if !is_error(name) {
                features.add(name);
            }
        }
    }
    for line in parts.prose.lines() {
        if let Some(regex) = MENU.as_ref() {
            regex.find_iter(line).for_each(|hit| features.add(without_verb(hit.as_str())));
        }
        if let Some(regex) = NAMED.as_ref() {
            for found in regex.captures_iter(line) {
                if let Some(name) = found.get(1).or_else(|| found.get(2)) {
                    let first = name.as_str().split(' ').next().unwrap_or_default().to_lowercase();
                    let one_common = !name.as_str().contains(' ') && STOP.contains(first.as_str());
                    if !one_common
                        && !KINDS.contains(&name.as_str().to_lowercase().as_str())
                        && !has_outcome(name.as_str())
                    {
                        features.add(name.as_str());
                    }
                }
            }
        }
    }
    for term in vocabulary.in_subject(&errors::without_exception(subject)) {
        let covered = features.list.iter().any(|f| tokens(f).contains(&term) || f.to_lowercase() == term);
        if !covered {
            features.add(&term);
        }
    }
    features.list
}

/// A menu path without the verb that leads there: "Open Settings > Import".
fn without_verb(path: &str) -> &str {
    const VERBS: [&str; 14] = [
        "Open ",
        "Go to ",
        "Goto ",
        "Choose ",
        "Select ",
        "Click on ",
        "Click ",
        "Press ",
        "Under ",
        "In ",
        "Navigate to ",
        "Visit ",
        "Use ",
        "From ",
    ];
    VERBS.iter().find_map(|verb| path.strip_prefix(verb)).unwrap_or(path)
}

/// A bold or quoted heading of a report is no feature.
fn has_outcome(name: &str) -> bool {
    let lower = name.to_lowercase();
    [
        "expected",
        "actual",
        "steps",
        "reproduc",
        "version",
        "describe",
        "environment",
        "behavior",
        "behaviour",
        "context",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

/// Whether the name is that of an error class.
fn is_error(name: &str) -> bool {
    ["error", "errors", "exception", "warning"].iter().any(|end| name.to_lowercase().ends_with(end))
}

fn add_area(features: &mut Findings, area: &str) {
    let lower = area.trim().to_lowercase();
    if KINDS.contains(&lower.as_str()) {
        return;
    }
    // "DevTools Bug" is about DevTools.
    let kept: Vec<&str> =
        area.split_whitespace().filter(|word| !KINDS.contains(&word.to_lowercase().as_str())).collect();
    let kept = kept.join(" ");
    let version = kept.trim_start_matches(['v', 'V']).chars().all(|c| c.is_ascii_digit() || c == '.');
    if kept.chars().count() >= 2 && !version {
        features.add(&kept);
    }
}

fn add_label(features: &mut Findings, label: &str) {
    let split = label.split_once([':', '/']).map(|(kind, name)| (kind.trim().to_lowercase(), name.trim()));
    match split {
        Some((kind, name)) => match kind.as_str() {
            "area" | "component" | "feature" | "module" | "package" | "pkg" | "product" | "scope"
            | "topic" | "team" | "c" | "a" => {
                add_area(features, name);
            }
            _ => {}
        },
        None => {
            let name = label.replace(['-', '_'], " ");
            if !KINDS.contains(&name.to_lowercase().as_str())
                && words::priority_label(&[label.to_owned()]).is_none()
            {
                add_area(features, label);
            }
        }
    }
}

/// Whether what stands in backticks names something: `useEffect`, `--watch`, `config.json`; not a whole expression.
fn is_code_name(code: &str) -> bool {
    let length = code.chars().count();
    (2..=40).contains(&length)
        && CODE_NAME.as_ref().is_some_and(|r| r.is_match(code))
        && code.chars().filter(|c| c.is_alphabetic()).count() >= 2
        && !matches!(
            code.to_lowercase().as_str(),
            "true" | "false" | "null" | "undefined" | "none" | "nil" | "yes" | "no" | "nan"
        )
        && code.matches('/').count() <= 1
}
