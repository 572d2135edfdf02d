//! Signs of severity in what the user says. The names are fixed, so that later phases can weigh them.

use std::sync::LazyLock;

use regex::Regex;

use super::text::Parts;

/// Name and what is said; most severe first.
const SIGNS: [(&str, &str); 14] = [
    (
        "security",
        r"security (?:issue|vulnerabilit\w+|hole|risk|flaw|problem|breach|incident|concern)|vulnerab\w+|\bCVE-\d{4}-\d+|\bXSS\b|\bCSRF\b|SQL injection|remote code execution|privilege escalation|(?:leak|expos)\w*\s(?:\w+\s){0,3}(?:passwords?|credentials?|secrets?|tokens?|personal data|customer data|PII)|(?:passwords?|credentials?|secrets?|tokens?|personal data|customer data)\s(?:\w+\s){0,3}(?:leak|expos)\w*|(?:see|sees|saw|view|access)\w*\s(?:\w+\s){0,3}(?:other|another|someone else'?s?|different) (?:customer|user|tenant|account|compan|organi[sz]ation)\w*|data breach|account takeover|unauthori[sz]ed access",
    ),
    (
        "data loss",
        r"data[ -]?loss|(?:los(?:t|e|es|ing)|wip(?:e|es|ed|ing)|delet(?:es|ed|ing)|eras(?:es|ed)|overw(?:rites|rote|ritten))\s(?:(?:my|our|all|the|your|their|any|some|entire|whole|unsaved|user|customer|client|client's)\s){0,3}(?:data|work|changes|records?|entries|files?|messages?|history|content|drafts?|documents?|invoices?|progress|edits)\b|(?:data|records?|entries|files?|content|drafts?|documents?|changes|history|comments?|attachments?)\s(?:\w+\s){0,2}(?:(?:is|are|was|were|gets?|got|have|has|had|went)\s(?:\w+\s)?(?:lost|gone|wiped|erased|overwritten|deleted|vanished|disappeared|missing|corrupt\w*)|vanished|disappeared)|corrupt(?:s|ed|ion|ing)?\b",
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
        r"\bhangs?\b|\bhung\b|\bhanging\b|\bfreez(?:e|es|ing)\b|\bfroze(?:n)?\b|unresponsive|not respond(?:ing)?|infinite loop|deadlock\w*|stuck (?:on|at|in|for|loading|forever)|(?:spins?|loads?|loading|spinning|spinner) (?:\w+ )?(?:forever|endlessly|indefinitely)|never (?:finishes|completes|returns|loads|ends)",
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
        r"\burgent(?:ly)?\b|\basap\b|as soon as possible|immediately (?:fix|need|resolve)|need (?:this|it|a fix|help) (?:today|now|immediately|by)|\bescalat(?:e|ed|ing|ion)\b|\bdeadline\b|\bcritical\b|\bsevere\b|cancel (?:our|my|the) (?:subscription|contract|account|plan)",
    ),
];

static PATTERNS: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    SIGNS
        .iter()
        .filter_map(|(name, pattern)| Some((*name, Regex::new(&format!("(?i)(?:{pattern})")).ok()?)))
        .collect()
});
static NEGATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\b(?:not?|without|never|neither|nor|avoid|avoids|prevent|prevents|hardly|isn'?t|doesn'?t|didn'?t|don'?t|won'?t|wasn'?t|aren'?t|(?:rather|other) than|instead of|if|could|might|would|may)\b(?:\s+\w+){0,2}\s*)$").ok()
});

/// The names of the signs in a ticket's prose, most severe first. What is negated or only feared ("to avoid data
/// loss", "not a regression", "could crash") is no sign.
pub(super) fn find(parts: &Parts) -> Vec<String> {
    let found = PATTERNS.iter().filter(|(_, pattern)| {
        parts.prose.lines().any(|line| pattern.find_iter(line).any(|hit| !is_negated(&line[..hit.start()])))
    });
    found.map(|(name, _)| (*name).to_owned()).collect()
}

fn is_negated(before: &str) -> bool {
    let sentence = before.rsplit(['.', ';', '!', '?', ',', ':']).next().unwrap_or(before);
    NEGATION.as_ref().is_some_and(|r| r.is_match(sentence))
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
        ] {
            let parts = Parts::of(text, "", &BTreeSet::new());
            assert_eq!(find(&parts), wanted, "{text}");
        }
    }
}
