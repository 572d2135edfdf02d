//! Signs of what a ticket is, in words and shapes that reports in any field share, with their weights.
//!
//! The weights are evidence in log-odds for bug, feature and question, set by reasoning on what each sign says (an
//! error's name speaks for a bug; an imperative such as "add …" for a wish; "how do I" for a question) and rounded to
//! tenths. None was fitted, but they were collected, and a few were adjusted, with tickets of two public projects, the
//! subjects of a third and the plugin's own sample in view. The vocabulary is that of reports, never that of a product.
//! `tests/categorization.rs` measures what they are worth.

/// Where a sign is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// The subject without its prefix.
    Headline,
    /// The author's words of the description.
    Own,
}

/// A pattern and what it is evidence for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sign {
    /// What it is called in the output.
    pub(crate) name: &'static str,
    /// Where it is looked for.
    pub(crate) field: Field,
    /// So many matches have the full weight, fewer a part of it.
    pub(crate) full: u8,
    /// Evidence for bug, feature, question.
    pub(crate) weights: [f64; 3],
    /// A regular expression on ASCII bytes, without regard to case.
    pub(crate) pattern: &'static str,
}

impl Sign {
    /// Whether the author asks for something, an answer or a change, by it.
    pub(crate) fn asks_or_wishes(&self) -> bool {
        const ASKING: [&str; 10] = [
            "subject is an imperative (add, allow, support)",
            "subject ends in a question mark",
            "subject begins as a question",
            "subject asks how or why",
            "subject asks for help or explanation",
            "asks for help",
            "asks how, why or whether",
            "has question marks",
            "wishes (would be nice, please add)",
            "names a lack or an alternative",
        ];
        ASKING.contains(&self.name)
    }
}

macro_rules! faults {
    () => {
        r"\b(?:errors?|exceptions?|crash\w*|seg(?:mentation )?fault\w*|assert\w*|panic\w*|traceback|leak\w*|hang(?:s|ing)?|freez\w*|deadlock\w*|regress?ions?|broken|breaks?|corrupt\w*|fail(?:s|ed|ure|ures|ing)?|abort\w*|infinite loop|overflow\w*|timeout|timed out|warnings?)\b"
    };
}
macro_rules! negation {
    () => {
        r"(?:does|do|did|is|are|was|were|can|could|has|have|should|would|wo)(?:n't| not)\b|\bcannot\b|\bcan ?not\b|\bnever\b|\bno longer\b|\bunable to\b|\bnot (?:\w+ly )?\w+(?:ing|ed)\b|\bwont\b|\bdoesnt\b|\bcant\b|\bdont\b"
    };
}
macro_rules! wrong {
    () => {
        r"\b(?:wrong\w*|incorrect\w*|invalid|unexpected\w*|inconsisten\w*|missing|mismatch\w*|undefined|unresponsive|flicker\w*|overlap\w*|duplicate[sd]?|disappear\w*|stuck|lost|loses?|ignor(?:es|ed)|weird|false positive|memory|nan|null|stale|glitch\w*)\b"
    };
}

const fn sign(name: &'static str, field: Field, full: u8, weights: [f64; 3], pattern: &'static str) -> Sign {
    Sign { name, field, full, weights, pattern }
}

use Field::{Headline, Own};

/// Signs in words.
pub(crate) const SIGNS: &[Sign] = &[
    // The subject.
    sign("subject names a fault", Headline, 1, [0.9, -0.3, 0.1], faults!()),
    sign(
        "subject names a crash or loss",
        Headline,
        1,
        [0.6, -0.3, -0.2],
        r"\b(?:crash\w*|seg(?:mentation )?fault\w*|exception|panic\w*|traceback|leak\w*|hang(?:s|ing)?|freez\w*|deadlock\w*|regress?ions?|corrupt\w*|infinite loop|data loss|throws?)\b",
    ),
    sign("subject denies (does not, cannot)", Headline, 1, [0.8, -0.3, 0.0], negation!()),
    sign("subject calls something wrong", Headline, 1, [0.7, -0.3, 0.0], wrong!()),
    sign(
        "subject tells of delay, loss or repetition",
        Headline,
        1,
        [0.7, -0.3, -0.2],
        r"\b(?:twice|again|late|too (?:late|early|long|many|few)|delayed?|duplicat\w*|shifted|garbled|loops?|stays?|remains?|although|instead of|still|any ?more|skipped|shows? up|(?:not|n't) match\w*|double[sd]?|stops?|stopped|rejected|refused|declined|blocked|locked|blank|empty|stuck|disappears?|disappeared|reset(?:s|ting)?|misaligned|cut off|truncated|jumps?|loses?|lost|drops?|dropped)\b",
    ),
    sign("subject says bug", Headline, 1, [0.8, -0.5, 0.0], r"\bbugs?\b"),
    sign(
        "subject names a circumstance (when, after, in)",
        Headline,
        1,
        [0.3, 0.0, -0.2],
        r"\b(?:when|after|if|while|during|since|with|on|in)\b",
    ),
    sign(
        "subject is a statement",
        Headline,
        1,
        [0.2, 0.0, -0.1],
        r"\b(?:is|are|gets?|shows?|causes?|throws?|returns?|keeps?|triggers?|opens?|makes?|takes?|leads? to|results? in|should)\b",
    ),
    sign(
        "subject is an imperative (add, allow, support)",
        Headline,
        1,
        [-0.7, 1.5, -0.7],
        r"^\W*(?:please |we should |you should )?(?:add|allow|support|provide|enable|make|improve|expose|implement|consider|introduce|extend|warn|have|show|adopt|render|surface|let|offer|include|create|use|set|move|remove|drop|replace|rename|document|update|upgrade|migrate|port|publish|release|accept|export|integrate|enhance|simplify|refactor|clean ?up|customi[sz]e|configure|disable|hide|display|explore|pass|attach|identify|loosen|deprecate|reduce|speed up|optimi[sz]e|default|automatically|auto|switch|split|convert|generate|store|save|print|log|return|report|give|keep|turn|open|build|bump|pull|fall ?back)\b",
    ),
    sign(
        "subject says feature or proposal",
        Headline,
        1,
        [-0.5, 1.5, -0.4],
        r"\b(?:feature|feat|request|proposal|rfc|suggestion|idea|enhancement|improvement|wish(?:list)?|fr|propose|todo)\b",
    ),
    sign(
        "subject asks for an ability or option",
        Headline,
        1,
        [-0.5, 0.8, -0.2],
        r"\b(?:ability|option|options|support for|support|a way to|way to|better|easier|more|custom\w*|configur\w+|instead of|shortcut|settings? (?:for|to)|allow\w*|opt[- ](?:in|out)|alternative|new|additional|extra|should (?:be|have|allow|use)|could (?:be|have)|would be|api|nicer|like in)\b",
    ),
    sign("subject ends in a question mark", Headline, 1, [-0.5, 0.1, 0.8], r"\?\s*$"),
    sign(
        "subject begins as a question",
        Headline,
        1,
        [-0.5, 0.0, 0.8],
        r"^\W*(?:how|what|whats|why|where|when|which|who|whether|can (?:i|we|you|someone|anyone)|could (?:i|we|you)|is (?:there|it|this|that)|are (?:there|these)|does|do (?:i|we|you)|did|should (?:i|we)|any(?:one|body| way)?)\b",
    ),
    sign(
        "subject asks how or why",
        Headline,
        1,
        [-0.6, -0.2, 1.4],
        r"\bhow (?:to|do|does|can|should|could|would|is|are|i|map)\b|\bwhy\b|\bwhat (?:is|are|does|do)\b",
    ),
    sign(
        "subject asks for help or explanation",
        Headline,
        1,
        [-0.4, -0.2, 0.8],
        r"\b(?:questions?|help|doubt|confus\w+|clarif\w+|understand\w*|difference between|explain|explanation|discuss\w*|guidance|advice|best (?:way|practice)|possible to|need to|want to|trying to|tried|tutorial|example|meaning|possible)\b",
    ),
    sign("subject speaks of I or my", Headline, 1, [-0.4, -0.2, 0.7], r"\b(?:i|i'm|im|my|me|we|our)\b"),
    sign(
        "subject is unspecific (problem, issue)",
        Headline,
        1,
        [0.0, -0.5, 0.6],
        r"^\W*(?:an? |the |some |my )?(?:problems?|issues?|errors?|bugs?|help|question|not working|trouble\w*)\b",
    ),
    sign(
        "subject says not working",
        Headline,
        1,
        [0.1, -0.6, 0.4],
        r"\b(?:(?:not|n't|no|isn't) (?:work|run|load|start|open|show|connect|install|compil|respond|display)\w*|stopped working|ne fonctionne|no funciona|funktioniert nicht)\b",
    ),
    sign(
        "subject speaks of installing or building",
        Headline,
        1,
        [0.0, -0.3, 0.3],
        r"\b(?:install\w*|setup|set up|compil\w+|build(?:ing)?|link(?:er|ing)|import|connect\w*|download\w*|configur\w+)\b",
    ),
    // The description.
    sign(
        "asks for help",
        Own,
        1,
        [-0.2, -0.4, 0.9],
        r"\b(?:(?:please|pls|plz|kindly) (?:help|advi[sc]e|suggest|let me|guide|explain|tell|assist|give|resolve|fix|clarify|check|provide|share)|any (?:help|ideas?|suggestions?|advice|pointers?|insights?|guidance|thoughts)|in advance|help me|need (?:some )?(?:help|support)|be appreciated|appreciate|can (?:any|some)(?:one|body)|could (?:you|any\w+|some\w+)|can you (?:please |pls )?(?:help|tell|explain)|does any(?:one|body)|(?:any|some)(?:one|body) (?:know|tell|help|explain)|solve (?:this|it|my)|what should i|what (?:can|do) i|what to do|(?:some|for|with|to get|your) help)\b",
    ),
    sign(
        "asks how, why or whether",
        Own,
        3,
        [-0.7, 0.0, 1.0],
        r"\b(?:how (?:do|can|should|would|could|to|does|did)|what (?:am|did) i|am i|is (?:this|it|that|there) (?:a bug|expected|intended|correct|possible|normal|any|a way|an?)|is there (?:any|a|some)|why (?:is|does|do|are|did|it|this|the|can)|what(?:'s| is| are| does)|which (?:one|is|way)|should i|can i|do i|best (?:way|practice|approach)|correct way|right way|wondering|wonder|curious|question|not sure|i (?:don't|do not|didn't|can't|cannot|couldn't) (?:\w+ )?(?:know|understand|find|figure|get|see)|confus\w+|clarif\w+|what i(?:'m| am)|i(?:'m| am) (?:new|trying|learning|confused|not sure|looking|facing|getting|using|having|working|a beginner|unable)|i (?:want|need|tried|have tried|am trying|wanted|would like) to)\b",
    ),
    sign("speaks of I and my", Own, 6, [-0.4, -0.2, 0.7], r"\b(?:my (?:own )?\w+|me|i)\b"),
    sign(
        "speaks of the author's own program or machine",
        Own,
        1,
        [-0.2, -0.2, 0.5],
        r"\b(?:my|our) (?:code|program|project|app|application|teacher|homework|assignment|laptop|computer|pc|system|file|files|script|website|page|output|terminal|machine|data|dataset|model|function|component|server)\b",
    ),
    sign(
        "has read the documentation",
        Own,
        1,
        [-0.2, 0.0, 0.2],
        r"\b(?:documentation|docs|read(?:ing)? the)\b",
    ),
    sign(
        "speaks of learning or searching",
        Own,
        1,
        [-0.4, 0.0, 0.5],
        r"\b(?:tutorial|course|beginner|newbie|noob|learn(?:ing)?|homework|assignment|stack ?overflow|forum|googl\w+|searched|youtube|video|book|exercise|practice)\b",
    ),
    sign(
        "greets",
        Own,
        1,
        [-0.3, 0.0, 0.5],
        r"^\W*(?:hi|hello|hey|dear|good (?:morning|day|evening|afternoon)|greetings|sir|hii)\b",
    ),
    sign("thanks", Own, 1, [-0.2, 0.0, 0.3], r"\b(?:thanks|thank you|thx|regards|cheers)\b"),
    sign("has question marks", Own, 2, [-0.5, 0.0, 0.8], r"\?(?:\s|$)"),
    sign(
        "wishes (would be nice, please add)",
        Own,
        2,
        [-1.0, 1.8, -0.6],
        r"\b(?:would be (?:\w+ )?(?:nice|great|good|useful|helpful|cool|better|awesome|amazing|ideal|handy|possible|very|really|able)|(?:it|that)'?d be|could be (?:nice|useful|helpful|great|improved)|be (?:nice|great|useful|helpful|handy|cool) (?:to|if)|nice to have|(?:should|to) be able to|i wish|i'd (?:like|love)|(?:would|'d) (?:like|love) (?:to|it|if)|please add|can (?:you|we) (?:\w+ )?(?:add|have|make|support)|suggest\w*|propos\w*|feature|enhancement|use ?cases?|motivation|would (?:allow|help|make|enable|let|improve|also)|it would|we (?:should|could|can)|improve\w*)\b",
    ),
    sign(
        "names a lack or an alternative",
        Own,
        3,
        [-0.7, 0.9, -0.1],
        r"\b(?:currently|at the moment|right now|there(?:'s| is| are)n?(?:'t)? (?:currently )?no(?:t)?|no way|lacks?|ability|option|allow\w*|support(?:s|ing|ed)?|configur\w+|customi\w+|instead of|alternativ\w+|similar to|ideally|rather than|provide|introduce|implement\w*|useful|easier|easily)\b",
    ),
    sign("says what should be", Own, 1, [0.1, 0.1, -0.1], r"\bshould(?:n't| not)?\b"),
    sign(
        "tells how to reproduce it",
        Own,
        3,
        [0.9, -0.3, -0.4],
        r"\b(?:repro(?:duce\w*|duction|s)?|expected|actual(?:ly)?|observe[sd]?|steps?)\b|^\s*(?:\d[.)]|-) \w",
    ),
    sign(
        "says that it worked before",
        Own,
        1,
        [0.8, -0.2, -0.4],
        r"\b(?:regress\w*|since (?:the )?(?:last|latest|recent|updat\w+|upgrad\w+|version)|work(?:ed|s) (?:fine |correctly |well )?(?:in|before|with|on|previously)|used to|(?:after|when) (?:the |an? |i )?(?:last |latest )?(?:updat|upgrad)\w+|bisect\w*|no longer|previous(?:ly)? version|latest version|nightly|master|main branch)\b",
    ),
    sign(
        "tells since when or how often it happens",
        Own,
        1,
        [0.6, -0.2, -0.3],
        r"\b(?:since (?:mon|tues|wednes|thurs|fri|satur|sun)day|since (?:yesterday|today|this|last|the|then|version|about)|suddenly|all of a sudden|(?:started|began|happened) (?:on|at|this|yesterday|last|in|happening|after)|(?:this|yesterday) morning|happens? (?:every|only|sporadically|each|always|when|again|with|on|if)|every time|each time|sporadic\w*|intermittent\w*|randomly|occasionally|restarting|cleared? the cache|same (?:result|problem|issue|error))\b",
    ),
    sign(
        "tells of a contradiction or loss",
        Own,
        2,
        [0.3, -0.1, -0.1],
        r"\b(?:although|even though|despite|nevertheless|instead|nothing happens|(?:but|and) (?:it|the|they|there|nothing|still|no|only|nobody|is|are)|twice|too late|never (?:arrives?|comes?|came|arrived|ends?)|disappear\w*|comes? back|(?:is|are) gone|empty|blank|garbled|spins?|stays?|stuck|keeps?|loads? forever|(?:only|just) (?:shows?|a white|an empty)|no (?:response|answer|effect|result|message)|nobody can|none of|again and again|sent back|for no reason|by hand|workaround)\b",
    ),
    sign("names faults", Own, 3, [0.3, -0.3, 0.1], faults!()),
    sign("calls something wrong", Own, 2, [0.4, -0.3, -0.1], wrong!()),
    sign("denies", Own, 3, [0.2, 0.0, 0.0], negation!()),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_sign_has_a_name_of_its_own_and_a_valid_pattern() {
        let names: BTreeSet<&str> = SIGNS.iter().map(|sign| sign.name).collect();
        assert_eq!(names.len(), SIGNS.len());
        assert_eq!(SIGNS.iter().filter(|sign| sign.asks_or_wishes()).count(), 10);
        for sign in SIGNS {
            let built = regex::bytes::RegexBuilder::new(sign.pattern).unicode(false).build();
            assert!(built.is_ok(), "{}: {built:?}", sign.name);
            assert!(sign.full > 0);
        }
    }
}
