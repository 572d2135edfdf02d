//! Evidence on what kind of matter a ticket is: signs in words, shapes of the text, and what its form declares.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::bytes::{Regex, RegexBuilder};

use super::{
    author::AuthorText,
    signs::{Field, SIGNS, Sign},
};

/// The kinds, in the order of all weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Something does not work as it should.
    Bug,
    /// Something new or different is wished for.
    Feature,
    /// Somebody needs an answer or help.
    Question,
}

/// Where nothing is said: a plea for help is the least marked of the three, a complaint the most. Set with the results
/// on two projects in view, like no other weight.
const PRIOR: [f64; 3] = [-0.3, 0.0, 0.3];

/// Log-odds are sums of evidence that is not independent; so much of them is left.
const TEMPER: f64 = 0.8;

type Shape = (&'static str, [f64; 3], fn(&Facts<'_>) -> bool);

/// Shapes of the text, and what the form declares.
const SHAPES: &[Shape] = &[
    ("neither asks nor wishes", [0.3, 0.0, -0.3], |f| !f.asks_or_wishes),
    ("subject of one or two words", [-0.3, -0.3, 0.7], |f| f.headline_words <= 2),
    ("subject of three or four words", [-0.1, 0.1, 0.1], |f| (3..=4).contains(&f.headline_words)),
    ("long subject", [0.3, -0.1, -0.2], |f| f.headline_words >= 12),
    ("subject begins in lower case", [-0.1, -0.1, 0.3], |f| f.text.headline.starts_with(char::is_lowercase)),
    ("subject names an identifier", [0.2, 0.1, -0.3], |f| f.has(&IDENTIFIER, &f.text.headline)),
    ("not in English", [-0.2, -0.3, 0.5], |f| f.foreign()),
    ("stack trace or error line", [0.6, -0.6, 0.0], |f| f.has(&TRACE, &f.text.whole)),
    ("refers to other tickets or commits", [0.3, 0.2, -0.6], |f| f.has(&REFERENCE, &f.text.whole)),
    ("calls colleagues by name", [0.2, 0.2, -0.4], |f| f.has(&MENTION, &f.text.own)),
    ("has code", [0.1, -0.1, 0.1], |f| f.text.has_code),
    ("has a picture", [0.3, -0.2, -0.1], |f| f.has(&PICTURE, &f.text.whole)),
    ("names identifiers", [0.2, 0.2, -0.4], |f| f.text.own.matches(" CODE ").count() >= 2),
    ("hardly any description", [0.1, -0.1, 0.1], |f| f.own_words < 12),
    ("short description", [0.1, 0.0, 0.0], |f| (12..40).contains(&f.own_words)),
    ("long description", [-0.1, 0.1, 0.1], |f| f.own_words >= 120),
    ("prefix declares a bug", [1.8, -0.8, -0.6], |f| f.has(&SAYS_BUG, &f.text.prefix)),
    ("prefix declares a feature", [-0.8, 1.8, -0.8], |f| f.has(&SAYS_FEATURE, &f.text.prefix)),
    ("prefix declares a question", [-0.8, -0.5, 1.8], |f| f.has(&SAYS_QUESTION, &f.text.prefix)),
    ("form's answer: bug", [0.5, -0.4, 0.0], |f| f.answers(&SAYS_BUG) && !f.answers(&SAYS_FEATURE)),
    ("form's answer: feature", [-0.8, 1.2, -0.4], |f| f.answers(&SAYS_FEATURE) && !f.answers(&SAYS_BUG)),
    ("form's answer: question", [-0.5, -0.3, 1.5], |f| f.answers(&SAYS_QUESTION)),
    ("label says bug", [2.5, -0.8, -0.8], |f| f.labelled(&LABEL_BUG)),
    ("label says feature", [-0.8, 2.5, -0.8], |f| f.labelled(&LABEL_FEATURE)),
    ("label says question", [-0.8, -0.8, 2.5], |f| f.labelled(&LABEL_QUESTION)),
];

/// What the form is: weakened by how many of the product's tickets use the same, since a form that all use says nothing.
const FORMS: &[Shape] = &[
    ("a form for features", [-0.7, 0.7, 0.0], |f| f.form(&FEATURE_FORM)),
    ("a form for bugs", [0.4, -0.3, 0.0], |f| f.form(&BUG_FORM)),
    ("a form for questions", [-0.2, -0.2, 0.4], |f| f.has(&QUESTION_FORM, &f.text.form)),
    ("written by a reporting tool", [0.0, -0.4, 0.3], |f| {
        f.has(&TOOL, &f.text.whole) || f.has(&TOOL, &f.text.comments)
    }),
];

macro_rules! pattern {
    ($name:ident, $regex:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| build($regex, true));
    };
    ($name:ident, case, $regex:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| build($regex, false));
    };
}

/// On bytes and without Unicode tables, so that the fast automaton can always be used.
pub(super) fn build(pattern: &str, ignore_case: bool) -> Option<Regex> {
    RegexBuilder::new(pattern).unicode(false).multi_line(true).case_insensitive(ignore_case).build().ok()
}

pattern!(IDENTIFIER, case, r"`|\w\.\w+\(?|\w\(\)|[a-z][A-Z]|_|::|--\w");
pattern!(
    TRACE,
    case,
    r#"^\s*at .+[:(]\d+|Traceback \(most recent|File ".+", line \d+|^#\d+\s+0x|Exception in thread|panicked at|^\s*at \S+ \(|^\w*(?:Error|Exception): "#
);
pattern!(REFERENCE, case, r"(?:^|\s|\()#\d{2,}\b|/(?:pull|commit|blob|issues)/");
pattern!(MENTION, case, r"(?:^|\s)@\w+");
pattern!(PICTURE, r"!\[[^\]]*\]\(|<img|\.png\b|\.gif\b|\.jpe?g\b");
pattern!(SAYS_BUG, r"\b(?:bugs?|defect|regression|crash)\b");
pattern!(
    SAYS_FEATURE,
    r"\b(?:feature|feat|rfc|proposal|request|fr|enhancement|idea|suggestion|improvement)\b"
);
pattern!(SAYS_QUESTION, r"\b(?:questions?|help|support|discussion|q|neither)\b");
pattern!(LABEL_BUG, r"\b(?:bugs?|defect|regression|crash)\b");
pattern!(LABEL_FEATURE, r"\b(?:feature|rfc|proposal|enhancement|idea|suggestion|improvement)\b");
// Not "help": "help wanted" is put on bugs and wishes.
pattern!(LABEL_QUESTION, r"\b(?:questions?|support|discussion|usage|how-?to)\b");
pattern!(
    FEATURE_FORM,
    r"feature[_ -]?(?:request|template)|describe the feature|feature you|feature (?:request )?(?:is )?related to|proposed|motivation|(?:describe the |the )solution|who will benefit|alternatives"
);
pattern!(
    BUG_FORM,
    r"bug[_ -]?(?:report|template)|repro|(?:expected|actual|current) (?:behaviou?r|result|output)|what the bug|error message|call stack|log output|often does"
);
pattern!(QUESTION_FORM, r"^\W*(?:your |general )?(?:questions?|support request)(?: and help)?\W*$");
pattern!(TOOL, r"automated|generated by|system info");
pattern!(ASKED, r"(?:request a|report a)[^\n]*\?[*_ ]*\s*([^\n]*)");
pattern!(
    DECLARED,
    r"^\W*(?:issue |report |ticket |request )?(?:type|kind|category)(?:\W*:\W*|\W*\n\W*)([^\n]{2,60})"
);
pattern!(
    FOREIGN,
    r"\b(?:que|el|los|las|una|para|con|por|como|uma|der|die|das|und|nicht|ich|ist|le|les|des|est|pas|une|avec|estou|mi|quando|cuando|je|di|che|il|non|per)\b"
);

static PATTERNS: LazyLock<Vec<Option<Regex>>> =
    LazyLock::new(|| SIGNS.iter().map(|sign| build(sign.pattern, true)).collect());

/// What the shapes look at.
struct Facts<'t> {
    text: &'t AuthorText,
    headline_words: usize,
    own_words: usize,
    answer: String,
    asks_or_wishes: bool,
}

impl<'t> Facts<'t> {
    fn new(text: &'t AuthorText, signs: &[f64]) -> Self {
        let words =
            |text: &str| text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).count();
        let capture = |pattern: &Option<Regex>| {
            let found = pattern.as_ref()?.captures(text.whole.as_bytes())?.get(1)?;
            Some(String::from_utf8_lossy(found.as_bytes()).into_owned())
        };
        Self {
            text,
            headline_words: words(&text.headline),
            own_words: words(&text.own),
            answer: capture(&ASKED).or_else(|| capture(&DECLARED)).unwrap_or_default(),
            asks_or_wishes: SIGNS
                .iter()
                .zip(signs)
                .any(|(sign, strength)| sign.asks_or_wishes() && *strength > 0.0),
        }
    }

    fn has(&self, pattern: &Option<Regex>, text: &str) -> bool {
        pattern.as_ref().is_some_and(|pattern| pattern.is_match(text.as_bytes()))
    }

    fn answers(&self, pattern: &Option<Regex>) -> bool {
        self.has(pattern, &self.answer)
    }

    fn labelled(&self, pattern: &Option<Regex>) -> bool {
        self.text.labels.iter().any(|label| self.has(pattern, label))
    }

    fn form(&self, pattern: &Option<Regex>) -> bool {
        self.has(pattern, &self.text.form) || self.has(pattern, &self.text.comments)
    }

    /// Letters of another script, or several of the commonest words of other European languages.
    fn foreign(&self) -> bool {
        let other_script = |c: char| c.is_alphabetic() && c > '\u{24f}';
        self.text.subject.chars().chain(self.text.own.chars()).any(other_script)
            || FOREIGN.as_ref().is_some_and(|pattern| {
                let count = |text: &str| pattern.find_iter(text.as_bytes()).take(3).count();
                count(&self.text.subject) + count(&self.text.own) >= 3
            })
    }
}

/// The evidence on one ticket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evidence {
    /// The strength, 0..=1, of each of [`Evidence::names`], in that order.
    pub(crate) strengths: Vec<f64>,
    /// Tempered log-odds of the kinds.
    pub(crate) scores: [f64; 3],
}

impl Evidence {
    /// What the strengths are called.
    pub(crate) fn names() -> Vec<&'static str> {
        let shapes = SHAPES.iter().chain(FORMS).map(|shape| shape.0);
        SIGNS.iter().map(|sign| sign.name).chain(shapes).collect()
    }

    fn weights() -> impl Iterator<Item = [f64; 3]> {
        SIGNS.iter().map(|sign| sign.weights).chain(SHAPES.iter().chain(FORMS).map(|shape| shape.1))
    }

    /// Up to `most` signs that speak most for a kind and against the others, the strongest first.
    pub(crate) fn reasons(&self, kind: Kind, most: usize) -> Vec<String> {
        let mut all: Vec<(f64, &str)> = Self::names()
            .into_iter()
            .zip(Self::weights())
            .zip(&self.strengths)
            .map(|((name, weights), strength)| {
                let others = weights.iter().sum::<f64>() - weights[kind as usize];
                (strength * (weights[kind as usize] - 0.5 * others), name)
            })
            .filter(|(weight, _)| *weight >= 0.3)
            .collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.into_iter().take(most).map(|(_, name)| name.to_owned()).collect()
    }
}

/// The evidence on each ticket; `products` names each one's product.
pub(crate) fn evidence(texts: &[AuthorText], products: &[&str]) -> Vec<Evidence> {
    let mut strengths: Vec<Vec<f64>> = texts.iter().map(strengths).collect();
    let mut by_product: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, product) in products.iter().enumerate() {
        by_product.entry(product).or_default().push(at);
    }
    for members in by_product.values() {
        for form in 0..FORMS.len() {
            let at_form = SIGNS.len() + SHAPES.len() + form;
            let using: f64 = members.iter().map(|&at| strengths[at][at_form]).sum();
            // As if there were twenty more tickets without the form: of a few, the share is not known.
            let share = using / (members.len() as f64 + 20.0);
            for &at in members {
                strengths[at][at_form] *= 1.0 - share;
            }
        }
    }
    strengths
        .into_iter()
        .map(|strengths| {
            let mut scores = PRIOR;
            for (strength, weights) in strengths.iter().zip(Evidence::weights()) {
                scores.iter_mut().zip(weights).for_each(|(score, weight)| *score += strength * weight);
            }
            Evidence { strengths, scores: scores.map(|score| TEMPER * score) }
        })
        .collect()
}

fn strengths(text: &AuthorText) -> Vec<f64> {
    let pattern = SIGNS.iter().zip(PATTERNS.iter());
    let signs: Vec<f64> = pattern.map(|(sign, pattern)| strength(sign, pattern.as_ref(), text)).collect();
    let facts = Facts::new(text, &signs);
    let shapes = SHAPES.iter().chain(FORMS).map(|(_, _, holds)| f64::from(u8::from(holds(&facts))));
    signs.iter().copied().chain(shapes).collect()
}

fn strength(sign: &Sign, pattern: Option<&Regex>, text: &AuthorText) -> f64 {
    let text = match sign.field {
        Field::Headline => &text.headline,
        Field::Own => &text.own,
    };
    let full = usize::from(sign.full);
    let found = pattern.map_or(0, |pattern| {
        if full == 1 {
            usize::from(pattern.is_match(text.as_bytes()))
        } else {
            pattern.find_iter(text.as_bytes()).take(full).count()
        }
    });
    found as f64 / full as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{categorization::author::author_texts, ticket::Ticket};

    fn of(subject: &str, description: &str) -> Evidence {
        let ticket =
            Ticket { subject: subject.to_owned(), description: description.to_owned(), ..Ticket::default() };
        evidence(&author_texts(&[ticket]), &[""]).remove(0)
    }

    fn best(evidence: &Evidence) -> Kind {
        let score = |kind: &Kind| evidence.scores[*kind as usize];
        let kinds = [Kind::Bug, Kind::Feature, Kind::Question];
        kinds.into_iter().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap_or(Kind::Bug)
    }

    #[test]
    fn all_patterns_are_valid() {
        let fixed = [
            &IDENTIFIER,
            &TRACE,
            &REFERENCE,
            &MENTION,
            &PICTURE,
            &SAYS_BUG,
            &SAYS_FEATURE,
            &SAYS_QUESTION,
            &LABEL_BUG,
            &LABEL_FEATURE,
            &LABEL_QUESTION,
            &FEATURE_FORM,
            &BUG_FORM,
            &QUESTION_FORM,
            &TOOL,
            &ASKED,
            &DECLARED,
            &FOREIGN,
        ];
        assert!(fixed.iter().all(|pattern| pattern.is_some()));
        assert!(PATTERNS.iter().all(Option::is_some));
    }

    #[test]
    fn the_evidence_is_named() {
        let wish = of("Add a dark theme", "It would be nice to have one at night.");
        assert_eq!(best(&wish), Kind::Feature);
        let reasons = wish.reasons(Kind::Feature, 2);
        assert_eq!(
            reasons,
            ["wishes (would be nice, please add)", "subject is an imperative (add, allow, support)"]
        );
        assert_eq!(Evidence::names().len(), wish.strengths.len());
    }

    #[test]
    fn a_forms_answer_counts() {
        let text = "Issue type:\n\nSupport\n\nThe printer has no paper tray number four.";
        assert_eq!(best(&of("Tray four", text)), Kind::Question);
    }

    #[test]
    fn a_label_counts_and_help_wanted_is_no_question() {
        let labelled = |label: &str| {
            let labels = vec![label.to_owned()];
            let ticket = Ticket { subject: "Blue lamp in room 7".to_owned(), labels, ..Ticket::default() };
            evidence(&author_texts(&[ticket]), &[""]).remove(0)
        };
        assert_eq!(best(&labelled("type: bug")), Kind::Bug);
        assert_eq!(best(&labelled("enhancement")), Kind::Feature);
        assert_eq!(best(&labelled("kind/support")), Kind::Question);
        assert_eq!(labelled("help wanted"), labelled("good first issue"));
    }

    #[test]
    fn a_form_that_everybody_uses_says_nothing() {
        let ticket = Ticket {
            subject: "x".to_owned(),
            description: "### Expected behaviour\nblue".to_owned(),
            ..Ticket::default()
        };
        let at = Evidence::names().iter().position(|name| *name == "a form for bugs");
        let strength = |tickets: &[Ticket]| {
            let products = vec![""; tickets.len()];
            at.map(|at| evidence(&author_texts(tickets), &products)[0].strengths[at])
        };
        assert!(strength(std::slice::from_ref(&ticket)).is_some_and(|s| s > 0.9));
        assert!(strength(&vec![ticket; 200]).is_some_and(|s| s < 0.1));
    }
}
