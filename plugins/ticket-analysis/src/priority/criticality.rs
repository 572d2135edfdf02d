//! Signs of criticality in a ticket's words: outage, data loss, security, payment, crash, regression and lesser ones.
//!
//! A sign in the subject counts in full; one in the description counts [`ELSEWHERE`] of that, since long texts mention
//! crashes in passing. What `ticket_ingestion` quotes counts like what is found here. The strongest sign counts whole and
//! each further one [`FURTHER`] of its points, up to [`MOST`]. Code, tables, folded sections and template comments are not
//! read, nor parts of hyphenated words (`--crash-reporter`). A denied sign ("does not crash", "not urgent") is none. The
//! words of a sign stand in the ticket, letter by letter.

use std::sync::LazyLock;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    said::{Reach, denied, pattern},
    ticket::{Entities, Quote, Ticket},
};

/// Most points that criticality can give.
pub const MOST: f64 = 45.0;
/// Share of a sign's points if it is not in the subject.
pub const ELSEWHERE: f64 = 0.6;
/// Share of a further sign's points.
pub const FURTHER: f64 = 0.25;

/// What a sign speaks of, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// A service is down.
    Outage,
    /// Data are lost or damaged.
    DataLoss,
    /// A vulnerability or leak.
    Security,
    /// Money is taken wrongly or cannot be paid.
    Payment,
    /// The program ends, or runs out of memory.
    Crash,
    /// The program hangs.
    Hang,
    /// It worked in an earlier version.
    Regression,
    /// The user cannot go on.
    Blocked,
    /// The user says that it is urgent.
    Urgent,
    /// Something does not work.
    Malfunction,
}

impl Sign {
    /// Points in the subject.
    pub fn points(self) -> f64 {
        match self {
            Self::Outage => 45.0,
            Self::DataLoss => 42.0,
            Self::Security => 40.0,
            Self::Payment => 32.0,
            Self::Crash => 28.0,
            Self::Hang => 20.0,
            Self::Regression => 18.0,
            Self::Blocked | Self::Urgent => 14.0,
            Self::Malfunction => 7.0,
        }
    }

    /// Whether it can make a ticket P0, whomever it concerns.
    pub fn is_grave(self) -> bool {
        self <= Self::Payment
    }

    /// The sign of a name that `ticket_ingestion` gives in [`Entities::severity_signs`].
    fn extracted(name: &str) -> Option<Self> {
        Some(match name {
            "production down" => Self::Outage,
            "data loss" => Self::DataLoss,
            "security" => Self::Security,
            "payment" => Self::Payment,
            "crash" => Self::Crash,
            "hang" => Self::Hang,
            "regression" => Self::Regression,
            "blocked" => Self::Blocked,
            "urgent" => Self::Urgent,
            "wrong data" => Self::Malfunction,
            _ => return None,
        })
    }

    /// The sign in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::DataLoss => "data loss",
            Self::Security => "security",
            Self::Payment => "payment",
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::Regression => "regression",
            Self::Blocked => "blocked user",
            Self::Urgent => "stated urgency",
            Self::Malfunction => "malfunction",
        }
    }
}

/// A sign found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// Of what.
    pub sign: Sign,
    /// The words, as they stand in the ticket.
    pub words: String,
    /// Whether they are in the subject.
    pub in_subject: bool,
    /// Its points, as far as they count.
    pub points: f64,
}

/// The name under which `ticket_ingestion` says that a ticket speaks of many who are concerned.
const MANY_AFFECTED: &str = "many affected";

/// Whether the ticket says that many are concerned.
pub(crate) fn concerns_many(entities: Option<&Entities>) -> Option<bool> {
    entities.map(|e| e.severity_signs.iter().any(|sign| sign == MANY_AFFECTED))
}

const PATTERNS: &[(Sign, &str)] = &[
    (
        Sign::Outage,
        r"outages?\b|(?:site|website|service|server|cluster|production|prod|system|platform|api|portal|login|app|everything)s? (?:is|are|went|has gone|was|goes|keeps? going) (?:\w+ )?(?:down|offline|unavailable|unreachable)\b|production (?:is )?(?:down|outage)|down for (?:all|every|our|us\b|most)|(?:completely|totally|entirely) (?:down|unavailable|offline)",
    ),
    (
        Sign::DataLoss,
        r"data[ -]?(?:loss|corruption)\b|(?:los(?:es?|ing|t)|wip(?:es?|ed|ing)|eras(?:es?|ed|ing)) (?:\w+ ){0,2}(?:data|files?|changes|work|edits|records|documents?|history|content|settings|code|orders|messages|backups?)\b|(?:data|files?|changes|work|edits|records|documents?|orders|messages|backups?) (?:\w+ ){0,2}(?:lost|wiped|erased|disappeared|vanished|gone missing)\b|corrupt(?:s|ed|ing)? (?:\w+ ){0,2}(?:data|files?|database|records|documents?|backups?|repository)\b|(?:data|files?|database|records|documents?|backups?|repository) (?:\w+ ){0,2}corrupt(?:s|ed|ion)?\b|delet(?:es|ed|ing) (?:my|all|our|user|customer|the user's) (?:\w+ )?(?:data|files?|folders?|records|work)\b",
    ),
    (
        Sign::Security,
        r"vulnerabilit(?:y|ies)\b|vulnerable to|\bcve-\d{4}-\d+|\bghsa-[0-9a-z-]+|\bxss\b|cross[ -]site scripting|\bcsrf\b|sql injection|command injection|remote code execution|\brce\b|privilege escalation|prototype pollution|\bredos\b|path traversal|security (?:issue|hole|flaw|bug|problem|risk|breach|incident|hazard)s?\b|data breach|(?:leak(?:s|ed|ing)?|expos(?:es|ed|ing)) (?:\w+ ){0,2}(?:passwords?|credentials?|tokens?|secrets?|api keys?|private keys?|personal data)\b|(?:passwords?|credentials?|tokens?|secrets?|api keys?|personal data) (?:\w+ ){0,2}(?:leaked|exposed|stolen)\b|(?:account|server|system)s? (?:was |were |has been |have been )?(?:hacked|compromised)\b|unauthori[sz]ed access",
    ),
    (
        Sign::Payment,
        r"(?:charged|billed) (?:me |us |them )?(?:twice|double|again|the wrong)|double[ -](?:charged?|billed|billing)|overcharged|duplicate (?:charge|payment|invoice)s?\b|payments? (?:\w+ ){0,2}(?:fail(?:s|ed|ing|ure)?|declined|rejected|stuck|pending|not (?:working|processed|going))\b|payment failures?\b|charged (?:but|although)\b|(?:but|although) (?:\w+ ){0,3}(?:was|were|been|got) charged\b|(?:cannot|can't|can not|unable to|could not|couldn't) (?:pay|check ?out|complete (?:\w+ )?(?:payment|purchase|order|checkout))\b|checkout (?:\w+ ){0,2}(?:fails|failing|broken|failed)\b",
    ),
    (
        Sign::Crash,
        r"\bcrash(?:es|ed|ing)?\b|segfaults?\b|segmentation fault|\bsig(?:segv|abrt|bus|ill)\b|core dumped|kernel panic|\bpanicked at|out[ -]of[ -]memory|heap limit|\boom(?:[ -]?kill(?:ed|er)?)?\b|blue screen|access violation",
    ),
    (
        Sign::Hang,
        r"\bhangs?\b|\bhung\b|\bhanging\b|\bfreez(?:es?|ing)\b|\bfroze(?:n up)?\b|deadlocks?\b|infinite(?:ly)? (?:loops?|recursion|looping)|(?:not|stops?|stopped) responding|unresponsive|memory leaks?\b|leaks memory|100 ?% (?:of )?cpu",
    ),
    (
        Sign::Regression,
        r"\bregress(?:ion|ions|ed)\b|(?:used to|previously|before) work(?:ed|ing)?\b|worked (?:fine |well |correctly |perfectly )?(?:in|with|before|until|on) |no longer (?:works?|working|possible|compiles?|builds?|runs?|starts?)\b|(?:stopped|stops) working|(?:broken|broke|breaks|fails|failing|breaking) (?:\w+ ){0,2}(?:since|after|in|with|as of) (?:the )?(?:latest|last|new|newest|recent|upgrad\w*|updat\w*|version|release|v?\d+\.)|(?:since|after) (?:\w+ ){0,3}(?:upgrad(?:e|ing)|updat(?:e|ing)|migrat(?:ion|ing)) ",
    ),
    (
        Sign::Blocked,
        r"\bblocker\b|blocking (?:us|me|our|my|the|a) |\bshowstopper\b|\bunusable\b|(?:cannot|can't|can not|unable to|could not|couldn't) (?:log ?in|sign ?in|start|launch|boot|install|open|access|build|compile|run|connect|save)\b|(?:fail(?:s|ed|ing|ure)?|refuses?) to (?:start|launch|boot|install|open|build|compile|run|connect|load|save)\b|(?:won't|will not|doesn't|does not) (?:start|launch|boot|install|open|load|save)\b|locked out",
    ),
    (Sign::Urgent, r"\burgent(?:ly)?\b|\basap\b"),
    (
        Sign::Malfunction,
        r"\berrors?\b|\w+error\b|\bexceptions?\b|\bfail(?:s|ed|ing|ure|ures)?\b|\bbroken\b|(?:doesn't|does not|don't|do not|isn't|is not|not|didn't|did not) work(?:ing)?\b|\bincorrect(?:ly)?\b|\bwrong(?:ly)?\b|\bunexpected(?:ly)?\b",
    ),
];

static SIGNS: LazyLock<Vec<(Sign, Option<Regex>)>> =
    LazyLock::new(|| PATTERNS.iter().map(|(sign, words)| (*sign, pattern(words))).collect());

static NOT_PROSE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?s)```.*?(?:```|$)|<!--.*?(?:-->|$)|<details>.*?(?:</details>|$)|(?m:^\s*\|.*\|\s*$)|`[^`\n]*`|https?://\S+").ok()
});

/// The prose of a text: without code, comments of templates, folded sections, tables and addresses.
pub(crate) fn prose(text: &str) -> String {
    without(text, " ")
}

/// A text with something else for what is not prose.
fn without(text: &str, instead: &str) -> String {
    match NOT_PROSE.as_ref() {
        Some(pattern) => pattern.replace_all(text, instead).into_owned(),
        None => text.to_owned(),
    }
}

/// The signs in a ticket, the strongest first, one of each kind, with the points that each gives.
pub fn signs(ticket: &Ticket, entities: Option<&Entities>) -> Vec<Found> {
    // A line end, over which no pattern reaches: words on both sides of code do not belong together.
    let description = without(&ticket.description, "\n");
    let quotes = entities.map(|e| e.severity_quotes.as_slice()).unwrap_or_default();
    let mut found: Vec<Found> = SIGNS
        .iter()
        .filter_map(|(sign, pattern)| {
            let pattern = pattern.as_ref()?;
            let quoted = |in_subject: bool| {
                let of_sign =
                    |q: &&Quote| q.in_subject == in_subject && Sign::extracted(&q.sign) == Some(*sign);
                quotes.iter().find(of_sign).map(|q| q.words.as_str())
            };
            let subject = first(*sign, pattern, &ticket.subject).or_else(|| quoted(true));
            let words = subject.or_else(|| first(*sign, pattern, &description)).or_else(|| quoted(false))?;
            let share = if subject.is_some() { 1.0 } else { ELSEWHERE };
            Some(Found {
                sign: *sign,
                words: words.to_owned(),
                in_subject: subject.is_some(),
                points: sign.points() * share,
            })
        })
        .collect();
    found.sort_by(|a, b| b.points.total_cmp(&a.points).then(a.sign.cmp(&b.sign)));
    let mut total = 0.0;
    for (i, sign) in found.iter_mut().enumerate() {
        let counted = if i == 0 { sign.points } else { sign.points * FURTHER };
        sign.points = counted.min(MOST - total);
        total += sign.points;
    }
    found.retain(|sign| sign.points > 0.0);
    found
}

/// The first words of the text that say so and do not deny it. Lesser signs have denials in themselves ("not working").
fn first<'t>(sign: Sign, pattern: &Regex, text: &'t str) -> Option<&'t str> {
    let reach = if sign <= Sign::Hang { Reach::Wide } else { Reach::Near };
    let counts = |m: &regex::Match<'_>| {
        let (before, after) = (&text[..m.start()], &text[m.end()..]);
        !before.ends_with(['-', '_'])
            && !after.starts_with(['-', '_'])
            && !denied(text, m.start(), m.end(), reach)
    };
    pattern.find_iter(text).find(counts).map(|m| m.as_str().trim())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(subject: &str, description: &str) -> Vec<(Sign, bool)> {
        let ticket =
            Ticket { subject: subject.to_owned(), description: description.to_owned(), ..Ticket::default() };
        signs(&ticket, None).into_iter().map(|f| (f.sign, f.in_subject)).collect()
    }

    #[test]
    fn every_pattern_compiles() {
        assert!(SIGNS.iter().all(|(_, pattern)| pattern.is_some()));
        assert!(NOT_PROSE.is_some());
    }

    #[test]
    fn signs_are_found_where_they_are() {
        for (subject, sign) in [
            ("Production is down for all customers", Sign::Outage),
            ("The API went offline at noon", Sign::Outage),
            ("Editor loses unsaved changes on restart", Sign::DataLoss),
            ("Database files are corrupted after sync", Sign::DataLoss),
            ("Stored XSS in the comment field", Sign::Security),
            ("CVE-2024-12345 in a dependency", Sign::Security),
            ("Access tokens were leaked into the log", Sign::Security),
            ("Customer was charged twice", Sign::Payment),
            ("Checkout always fails with my card", Sign::Payment),
            ("Order is unpaid although the client was charged", Sign::Payment),
            ("App crashes when opening a file", Sign::Crash),
            ("JavaScript heap out of memory", Sign::Crash),
            ("Watcher hangs on exit", Sign::Hang),
            ("Sorting no longer works", Sign::Regression),
            ("Imports broken since v2.1.0", Sign::Regression),
            ("Unable to log in", Sign::Blocked),
            ("I can\u{2019}t log in", Sign::Blocked),
            ("Urgent: layout", Sign::Urgent),
            ("TypeError: x is undefined", Sign::Malfunction),
        ] {
            assert_eq!(of(subject, "").first(), Some(&(sign, true)), "{subject}");
        }
        assert_eq!(of("Editor", "It crashes at start."), [(Sign::Crash, false)]);
    }

    #[test]
    fn what_is_no_sign_is_not_taken_for_one() {
        for (subject, description) in [
            ("Add dark mode", ""),
            ("Scroll down is slow", ""),
            ("Support dependency injection", "Nothing more."),
            ("Question about data binding", "```\nthe process crashed\n```"),
            ("Layout", "<!-- Is it a security issue? Then write to us -->"),
            ("The app does not crash any more", ""),
            ("Avoid a crash", ""),
            ("Let me drop down files", ""),
            ("[Bug]: Layout", "It runs with --crash-reporter-id."),
            ("Invoice numbers", "This is not urgent."),
            ("Layout", "It isn't blocking us."),
            ("Not urgent: layout", "No data loss. The data was never lost. It never crashes."),
            ("Layout", "Regression: no"),
            ("Layout", "<details>Processes: crash handler</details>\n|a|crash|\n"),
        ] {
            assert_eq!(of(subject, description), [], "{subject}");
        }
        // The negation reaches no further than its sentence.
        assert_eq!(of("I can not. It crashes", "")[0].0, Sign::Crash);
    }

    #[test]
    fn points_add_up_and_are_bounded() {
        let ticket = Ticket {
            subject: "Outage: crash and data loss after upgrading it".to_owned(),
            ..Ticket::default()
        };
        let found = signs(&ticket, None);
        assert_eq!(found.iter().map(|f| f.points).sum::<f64>(), MOST);
        let ticket =
            Ticket { subject: "Crash".to_owned(), description: "It hangs too.".to_owned(), ..ticket };
        let points: Vec<f64> = signs(&ticket, None).iter().map(|f| f.points).collect();
        assert_eq!(points, [28.0, 20.0 * 0.6 * 0.25]);
    }

    #[test]
    fn what_ingestion_quotes_counts_where_it_stands_and_what_it_only_names_does_not() {
        let ticket = Ticket { subject: "App closes itself".to_owned(), ..Ticket::default() };
        let quote =
            Quote { sign: "crash".to_owned(), words: "App closes itself".to_owned(), in_subject: true };
        let quoted = Entities { severity_quotes: vec![quote], ..Entities::default() };
        let found = signs(&ticket, Some(&quoted));
        assert_eq!(
            (found[0].sign, found[0].words.as_str(), found[0].points),
            (Sign::Crash, "App closes itself", 28.0)
        );
        let named = Entities { severity_signs: vec!["hang".to_owned()], ..Entities::default() };
        assert!(signs(&ticket, Some(&named)).is_empty());
    }
}
