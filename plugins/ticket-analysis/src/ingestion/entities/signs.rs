//! Signs of severity in what the user says. The names are fixed, so that later phases can weigh them.

use std::sync::LazyLock;

use regex::Regex;

use super::text::Parts;
use crate::{
    said::{Reach, denied, pattern, verbatim},
    ticket::{Quote, Ticket},
};

/// Name and what is said; most severe first.
const SIGNS: [(&str, &str); 14] = [
    (
        "security",
        r"security (?:issue|vulnerabilit\w+|hole|risk|flaw|problem|breach|incident|concern)|vulnerab\w+|\bCVE-\d{4}-\d+|\bXSS\b|\bCSRF\b|SQL injection|remote code execution|privilege escalation|(?:leak|expos)\w*\s(?:\w+\s){0,3}(?:passwords?|credentials?|secrets?|tokens?|personal data|customer data|PII)|(?:passwords?|credentials?|secrets?|tokens?|personal data|customer data)\s(?:\w+\s){0,3}(?:leak|expos)\w*|(?:see|sees|saw|view|access)\w*\s(?:\w+\s){0,3}(?:other|another|someone else'?s?|different) (?:customer|user|tenant|account|compan|organi[sz]ation)\w*|data breach|account takeover|unauthori[sz]ed access",
    ),
    (
        "data loss",
        r"data[ -]?loss|(?:(?:los(?:t|e|es|ing)|wip(?:e|es|ed|ing)|eras(?:es|ed)|overw(?:rites|rote|ritten))\s(?:(?:my|our|all|the|your|their|any|some|entire|whole|unsaved|user|customer|client|client's)\s){0,3}|delet(?:es|ed|ing)\s(?:(?:my|our|all|the|your|their|any|some|entire|whole|unsaved|user|customer|client|client's)\s){1,3})(?:data|work|changes|records?|entries|files?|messages?|history|content|drafts?|documents?|invoices?|progress|edits)\b|(?:data|records?|entries|files?|content|drafts?|documents?|changes|history|comments?|attachments?)\s(?:\w+\s){0,2}(?:(?:is|are|was|were|gets?|got|have|has|had|went)\s(?:\w+\s)?(?:lost|gone|wiped|erased|overwritten|deleted|vanished|disappeared|missing|corrupt\w*)|vanished|disappeared)|corrupt(?:s|ed|ion|ing)?\b",
    ),
    (
        "production down",
        r"(?:production|prod|live (?:site|system)|site|service|system|app|api|server|platform|everything|website|portal|shop|store|online booking|checkout|intranet|cluster|database)\s(?:\w+\s){0,3}(?:is|are|was|were|went|goes|has been|been)\s(?:\w+\s)?(?:down|offline|unavailable|unreachable|inaccessible)\b|\boutages?\b|\bdowntime\b|production (?:is )?(?:down|outage|incident|broken)|down for (?:all|every)\w*|complete(?:ly)? (?:down|outage)",
    ),
    (
        "crash",
        r"(?:^|[^\w-])crash(?:es|ed|ing)?(?:[^\w-]|$)|segmentation fault|\bsegfault\w*|core dump\w*|\bSIG(?:SEGV|ABRT|BUS)\b|kernel panic|(?:white|blank|blue|black) screen(?: of death)?|(?:app|application|process|server|program|browser|tab|window|editor|worker|it) (?:suddenly |just |unexpectedly )?(?:quits|dies|died|closes itself|terminates)|unexpectedly (?:quit|closed?|terminated|exit\w*)",
    ),
    (
        "hang",
        r"\bhangs?\b|\bhung\b|\bhanging\b|\bfreez(?:e|es|ing)\b|\bfroze(?:n)?\b|unresponsive|not respond(?:ing)?|infinite loop|deadlock\w*|(?:app|application|page|screen|window|process|program|sync|upload|download|import|export|build|job|worker|editor|browser|tab|it) (?:\w+ ){0,2}stuck\b|stuck (?:loading|forever|(?:on|at) (?:the |a )?(?:\w+ )?(?:screen|splash|spinner|page|logo|\d+ ?%)|in an? (?:\w+ )?loop)|(?:spins?|loads?|loading|spinning|spinner) (?:\w+ )?(?:forever|endlessly|indefinitely)|never (?:finishes|completes|returns|loads|ends)",
    ),
    (
        "regression",
        r"\bregress(?:ion|ed|es|ions)\b|(?:used to|previously|before that it) work\w*|work(?:ed|s|ing) (?:fine |well |correctly |perfectly |properly |as expected )?(?:before|until|in (?:v|version )?\d|previously|yesterday|last (?:week|month|release|version))|no longer work\w*|stopped working|(?:broke|broken|started|fails?|failing|happening|happens) (?:\w+ ){0,4}(?:after|since) (?:\w+ ){0,3}(?:upgrad\w+|updat\w+|release|deploy\w*|version|v?\d+\.)|(?:after|since) (?:the |an? |my |our )?(?:last |latest |recent |yesterday'?s |today'?s )?(?:upgrad\w+|updat(?:e|ing)) (?:\w+ ){0,5}(?:broke\w*|fail\w*|stop\w*|no longer|can'?t|cannot|gone|missing)",
    ),
    (
        "blocked",
        r"\bblock(?:er|s|ing) (?:us|me|our|my|the team|the release|work|everyone|release)\b|\bblocker\b|(?:completely|totally|entirely) (?:blocked|unusable|broken|stuck)|\bunusable\b|(?:can'?t|cannot|can not|unable to|not able to|impossible to) (?:\w+ )?(?:log ?in|sign ?in|login|access (?:the |my |our )?(?:account|app|application|site|website|system|portal|workspace|server|dashboard|data|calendar)|use (?:the|it|our|this)|deploy|start|open the (?:app|application)|boot|launch|continue)|locked out|no workaround",
    ),
    (
        "many affected",
        r"(?:all|every|most|many|several|multiple|hundreds of|thousands of|dozens of) (?:of )?(?:our |the |my )?(?:users?|customers?|clients?|employees|colleagues|accounts|tenants|branches|staff|offices?)\b|everyone\b|everybody\b|(?:whole|entire) (?:company|team|office|organi[sz]ation|department|site)|company[- ]wide",
    ),
    (
        "payment",
        r"(?:double|twice|wrongly|incorrectly|over)[ -]?(?:charg|bill)\w*|(?:charged|billed) (?:\w+ ){0,3}(?:twice|double|two times|again|too much|wrong\w*)|payments? (?:\w+ ){0,3}(?:fail\w*|declin\w*|reject\w*|lost|not go)|(?:can'?t|cannot|unable to) (?:pay|check ?out|process payments?)|losing (?:money|revenue|sales|orders)|lost (?:revenue|sales|orders)",
    ),
    (
        "wrong data",
        r"(?:wrong|incorrect|inaccurate|inconsistent|stale|duplicated?) (?:\w+ )?(?:data|results?|totals?|amounts?|values?|figures|numbers|balances?|counts?|sums?|invoices?|calculations?)\b|(?:totals?|amounts?|balances?|figures|numbers|counts?|sums?) (?:\w+ ){0,2}(?:is|are|was|were) (?:\w+ )?(?:wrong|incorrect|off)\b|(?:totals?|amounts?|numbers?|figures|sums?|balances?|reports?|dashboards?)\s(?:\w+ ){0,2}(?:do(?:es)? not|do(?:es)?n'?t) (?:add up|match)",
    ),
    (
        "memory or load",
        r"memory leak\w*|leaks? memory|out of memory|\bOOM\b|heap (?:limit|out of memory)|(?:high|100 ?%|excessive|huge) (?:cpu|memory|ram)|(?:cpu|memory|ram) (?:usage|consumption|use)\b|stack overflow (?:error|exception)|overflows? the stack|maximum call stack",
    ),
    (
        "slow",
        r"\b(?:very|extremely|really|too|so|super|painfully|incredibly|terribly|unbearably|significantly|noticeably|much)\s+slow(?:er|ly)?\b|\bslow(?:s|ed|ness|down)\b|\bslow(?:er)? than\b|performance (?:issue|problem|regression|degradation|drop)s?|\btim(?:es?|ed|ing) out\b|\btime-?outs? (?:errors?|exceeded|expired|after)\b|(?:requests?|connections?|gateway|response|query|sessions?) time-?outs?\b|\blag(?:s|gy|ging)\b|takes (?:\w+ ){0,3}(?:minutes|hours|forever|ages|too long)",
    ),
    (
        "intermittent",
        r"\bintermittent(?:ly)?\b|\bsporadic(?:ally)?\b|\bflak(?:y|ey|iness)\b|race condition|\brandomly\b|(?:at|seemingly) random\b|non-?deterministic\w*|every now and then",
    ),
    (
        "urgent",
        r"\burgent(?:ly)?\b|\basap\b|as soon as possible|immediately (?:fix|need|resolve)|need (?:this|it|a fix|help) (?:today|now|immediately|by)|\bescalat(?:e|ed|ing|ion)\b|\bdeadline\b|\bcritical\b|\bsevere\b|(?:or|otherwise|else) (?:\w+ ){0,4}cancel (?:our|my|the) (?:subscription|contract|account|plan)",
    ),
];

/// Signs whose words hold no denial of their own, so that one in them takes the sign back: "the site was not down".
const WHOLE: [&str; 6] = ["security", "data loss", "production down", "crash", "hang", "payment"];

static PATTERNS: LazyLock<Vec<(&'static str, Regex)>> =
    LazyLock::new(|| SIGNS.iter().filter_map(|(name, words)| Some((*name, pattern(words)?))).collect());
static NEGATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?:\b(?:not?|without|never|neither|nor|avoid|avoids|prevent|prevents|hardly|nothing|isn'?t|doesn'?t|didn'?t|don'?t|won'?t|wasn'?t|aren'?t|can'?t|(?:rather|other) than|instead of|if|could|might|would|may)\b(?:\s+\w+){0,2}\s*)$",
    )
});

/// The signs in a ticket's prose, most severe first: their names, and the words of those that can be quoted. What is
/// denied or only feared ("to avoid data loss", "not a regression", "could crash") is no sign.
pub(super) fn find(parts: &Parts, ticket: &Ticket) -> (Vec<String>, Vec<Quote>) {
    let (mut names, mut quotes) = (Vec::new(), Vec::new());
    for (name, pattern) in PATTERNS.iter() {
        // The first line of the prose is the subject.
        let hit = parts.prose.lines().enumerate().find_map(|(at, line)| {
            let hit = pattern.find_iter(line).find(|hit| !is_denied(name, line, hit.start(), hit.end()))?;
            Some((at == 0, hit.as_str()))
        });
        let Some((in_subject, words)) = hit else { continue };
        names.push((*name).to_owned());
        let text = if in_subject { &ticket.subject } else { &ticket.description };
        if let Some(words) = verbatim(text, words) {
            quotes.push(Quote { sign: (*name).to_owned(), words: words.to_owned(), in_subject });
        }
    }
    (names, quotes)
}

fn is_denied(name: &str, line: &str, start: usize, end: usize) -> bool {
    let sentence = line[..start].rsplit(['.', ';', '!', '?', ',', ':']).next().unwrap_or_default();
    NEGATION.as_ref().is_some_and(|r| r.is_match(sentence))
        || denied(line, start, end, if WHOLE.contains(&name) { Reach::Wide } else { Reach::Near })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(PATTERNS.len(), SIGNS.len());
    }

    #[test]
    fn signs_are_what_is_said_and_not_denied() {
        for (text, wanted) in [
            ("The app crashes on start", &["crash"][..]),
            ("This is not a regression.", &[]),
            ("Please add a setting to avoid data loss", &[]),
            ("After saving, all my drafts were gone and we lost our work", &["data loss"]),
            ("It worked fine before 3.2 and now hangs for ever", &["hang", "regression"]),
            ("None of our customers can sign in: every user is locked out", &["blocked", "many affected"]),
            ("I can see another customer's invoices", &["security"]),
            ("We were charged twice this month", &["payment"]),
            ("How do I change the colour of a button?", &[]),
            ("It does not crash, but the totals are wrong", &["wrong data"]),
            ("The --crash-reporter-id option is not documented", &[]),
            ("Totals do not add up on the invoice", &["wrong data"]),
            ("I asked on Stack Overflow", &[]),
            ("Uploads are timing out", &["slow"]),
            ("This is not urgent", &[]),
            ("It isn\u{2019}t blocking us, and there is no data loss", &[]),
            ("Online payments stuck in status pending", &[]),
            ("The import gets stuck at 90 %", &["hang"]),
            ("Deleted drafts consume a number", &[]),
            ("It deleted all our drafts", &["data loss"]),
            ("Please cancel our subscription", &[]),
            ("Solve it or we will have to cancel our subscription", &["urgent"]),
        ] {
            let ticket = Ticket { subject: text.to_owned(), ..Ticket::default() };
            let (names, quotes) = find(&Parts::of(text, "", &BTreeSet::new()), &ticket);
            assert_eq!(names, wanted, "{text}");
            assert_eq!(quotes.len(), wanted.len());
            assert!(quotes.iter().all(|q| q.in_subject && text.contains(&q.words)), "{quotes:?}");
        }
    }
}
