//! The categories to choose from, what their names mean, and the built-in classifier over them.

use heddle_kit::text::{Index, Tfidf, TfidfOptions, is_stop_word, tokens};

use super::{
    author::AuthorText,
    evidence::{Evidence, Kind},
    given::GivenCategory,
    topics::{TOPICS, mentions, strength},
};

/// What a category's name means to the built-in classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A kind.
    Kind(Kind),
    /// A topic, by its place in [`TOPICS`].
    Topic(usize),
    /// Nothing that is known: only its words and examples say what belongs to it.
    Words,
    /// What is left over.
    Rest,
}

impl Meaning {
    /// For the output.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Kind(Kind::Bug) => "bug",
            Self::Kind(Kind::Feature) => "feature request",
            Self::Kind(Kind::Question) => "question",
            Self::Topic(topic) => TOPICS.get(topic).map_or("topic", |topic| topic.name),
            Self::Words => "by its words and examples",
            Self::Rest => "what fits no other",
        }
    }
}

const BUG: &[&str] = &[
    "bug",
    "defect",
    "error",
    "fault",
    "problem",
    "issue",
    "malfunction",
    "regression",
    "crash",
    "technical",
    "broken",
    "failure",
];
const FEATURE: &[&str] = &[
    "feature",
    "enhancement",
    "improvement",
    "suggestion",
    "idea",
    "wish",
    "proposal",
    "rfe",
    "rfc",
    "change",
];
const QUESTION: &[&str] = &[
    "question",
    "support",
    "help",
    "howto",
    "how",
    "usage",
    "inquiry",
    "enquiry",
    "query",
    "discussion",
    "consultation",
    "advice",
];
const REST: &[&str] = &[
    "other",
    "misc",
    "miscellaneous",
    "general",
    "uncategorized",
    "uncategorised",
    "none",
    "unknown",
    "rest",
];

/// What a name means: a topic before a kind ("performance issue" is about performance), the more telling kind first
/// ("feature request", "support issue").
pub(crate) fn meaning(name: &str) -> Meaning {
    let words: Vec<String> =
        tokens(&name.replace(['_', '-'], " ")).into_iter().map(|word| singular(&word)).collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if let Some(topic) = TOPICS.iter().position(|topic| has(topic.means)) {
        Meaning::Topic(topic)
    } else if has(FEATURE) {
        Meaning::Kind(Kind::Feature)
    } else if has(QUESTION) {
        Meaning::Kind(Kind::Question)
    } else if has(BUG) {
        Meaning::Kind(Kind::Bug)
    } else if has(REST) {
        Meaning::Rest
    } else {
        Meaning::Words
    }
}

fn singular(word: &str) -> String {
    match word {
        _ if word.len() > 4 && word.ends_with("ies") => format!("{}y", &word[..word.len() - 3]),
        _ if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") => {
            word[..word.len() - 1].to_owned()
        }
        _ => word.to_owned(),
    }
}

/// A category to choose.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Category {
    /// As the input or the labels name it.
    pub(crate) name: String,
    pub(crate) meaning: Meaning,
    /// Singular words that speak for it, beside its meaning.
    words: Vec<String>,
    examples: Vec<String>,
}

/// The categories to choose from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scheme {
    pub(crate) categories: Vec<Category>,
    /// Whether the input names them.
    pub(crate) given: bool,
}

/// Evidence that a topic needs before it counts: more where nobody asked for the topic.
const TOPIC_ASKED: f64 = -1.0;
const TOPIC_NOT_ASKED: f64 = -2.0;

impl Scheme {
    /// The categories as given; or else those of the labels, if they are `enough` to be all; or else the built-in ones,
    /// under the labels' names where these mean the same, and with what else the labels name.
    pub(crate) fn new(given: &[GivenCategory], labels: &[String], enough: bool) -> Self {
        let of = |name: &str, words: &[String], examples: &[String], meaning: Meaning| {
            let own = tokens(&name.replace(['_', '-'], " "));
            let words = own.iter().chain(words).map(|word| singular(word)).filter(|word| !is_stop_word(word));
            let words = if meaning == Meaning::Words { words.collect() } else { Vec::new() };
            Category { name: name.to_owned(), meaning, words, examples: examples.to_vec() }
        };
        let categories = if !given.is_empty() {
            given.iter().map(|c| of(&c.name, &c.words, &c.examples, meaning(&c.name))).collect()
        } else if enough {
            labels.iter().map(|name| of(name, &[], &[], meaning(name))).collect()
        } else {
            let kinds =
                [("bug", Kind::Bug), ("feature_request", Kind::Feature), ("question", Kind::Question)];
            let kinds = kinds.map(|(name, kind)| of(name, &[], &[], Meaning::Kind(kind)));
            let topics =
                TOPICS.iter().enumerate().map(|(at, topic)| of(topic.name, &[], &[], Meaning::Topic(at)));
            let mut all: Vec<Category> = kinds.into_iter().chain(topics).collect();
            for label in labels {
                let label = of(label, &[], &[], meaning(label));
                match all.iter_mut().find(|c| c.meaning == label.meaning && label.meaning != Meaning::Words) {
                    Some(same) => same.name = label.name,
                    None => all.push(label),
                }
            }
            all
        };
        Self { categories, given: !given.is_empty() || enough }
    }

    /// The place of the category that a label names: by its name, else by its meaning if only one has that.
    pub(crate) fn place(&self, label: &str) -> Option<usize> {
        if let Some(at) = self.categories.iter().position(|c| super::given::same_name(&c.name, label)) {
            return Some(at);
        }
        let meant = meaning(label);
        let mut same = (0..self.categories.len()).filter(|at| self.categories[*at].meaning == meant);
        same.next().filter(|_| meant != Meaning::Words && same.next().is_none())
    }

    /// The probability of each category for each ticket.
    pub(crate) fn classify(&self, texts: &[AuthorText], evidence: &[Evidence]) -> Vec<Vec<f64>> {
        let closeness = self.closeness(texts);
        texts
            .iter()
            .zip(evidence)
            .enumerate()
            .map(|(ticket, (text, evidence))| {
                let words = Words::of(text);
                let scores = self.categories.iter().enumerate().map(|(at, category)| {
                    let near = closeness.get(ticket).map_or(0.0, |row| row[at]);
                    4.0 * near + self.score(category, text, evidence, &words)
                });
                softmax(scores.collect())
            })
            .collect()
    }

    fn score(&self, category: &Category, text: &AuthorText, evidence: &Evidence, words: &Words) -> f64 {
        match category.meaning {
            Meaning::Kind(kind) => evidence.scores[kind as usize],
            Meaning::Topic(topic) => {
                strength(topic, text) + if self.given { TOPIC_ASKED } else { TOPIC_NOT_ASKED }
            }
            Meaning::Words => {
                let named =
                    |list: &[String]| list.iter().filter(|word| category.words.contains(word)).count();
                mentions(named(&words.subject) > 0, named(&words.own)) + TOPIC_ASKED
            }
            Meaning::Rest => 0.0,
        }
    }

    /// The highest cosine of each ticket with an example of each category; empty if there is no example.
    fn closeness(&self, texts: &[AuthorText]) -> Vec<Vec<f64>> {
        let owners: Vec<usize> = self
            .categories
            .iter()
            .enumerate()
            .flat_map(|(at, c)| c.examples.iter().map(move |_| at))
            .collect();
        if owners.is_empty() {
            return Vec::new();
        }
        let documents: Vec<String> =
            texts.iter().map(|text| format!("{}\n{}", text.subject, text.own)).collect();
        let options =
            TfidfOptions { sublinear_tf: true, max_features: Some(20_000), ..TfidfOptions::default() };
        let examples = self.categories.iter().flat_map(|c| c.examples.iter().cloned());
        let all: Vec<String> = examples.chain(documents).collect();
        let (_, vectors) = Tfidf::fit(&all, &options);
        let (examples, documents) = vectors.split_at(owners.len());
        let index = Index::new(examples);
        let nearest = |vector| {
            let mut row = vec![0.0; self.categories.len()];
            for (example, cosine) in index.nearest(vector, usize::MAX, 0.0) {
                row[owners[example]] = cosine.max(row[owners[example]]);
            }
            row
        };
        documents.iter().map(nearest).collect()
    }
}

/// The singular words of a ticket.
struct Words {
    subject: Vec<String>,
    own: Vec<String>,
}

impl Words {
    fn of(text: &AuthorText) -> Self {
        let words = |text: &str| tokens(text).iter().map(|word| singular(word)).collect();
        Self { subject: words(&text.subject), own: words(&text.own) }
    }
}

fn softmax(scores: Vec<f64>) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut shares: Vec<f64> = scores.into_iter().map(|score| (score - highest).exp()).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        categorization::{author::author_texts, evidence::evidence},
        ticket::Ticket,
    };

    fn given(names: &[&str]) -> Vec<GivenCategory> {
        names
            .iter()
            .map(|name| GivenCategory { name: (*name).to_owned(), ..GivenCategory::default() })
            .collect()
    }

    fn choose(scheme: &Scheme, subject: &str, description: &str) -> String {
        let ticket =
            Ticket { subject: subject.to_owned(), description: description.to_owned(), ..Ticket::default() };
        let texts = author_texts(&[ticket]);
        let p = scheme.classify(&texts, &evidence(&texts, &[""])).remove(0);
        let best = (0..p.len()).max_by(|a, b| p[*a].total_cmp(&p[*b]));
        best.map(|at| scheme.categories[at].name.clone()).unwrap_or_default()
    }

    #[test]
    fn names_are_understood_by_meaning() {
        assert_eq!(meaning("Defects"), Meaning::Kind(Kind::Bug));
        assert_eq!(meaning("feature_request"), Meaning::Kind(Kind::Feature));
        assert_eq!(meaning("Support request"), Meaning::Kind(Kind::Question));
        assert_eq!(meaning("How-to"), Meaning::Kind(Kind::Question));
        assert_eq!(meaning("Performance issue").describe(), "performance");
        assert_eq!(meaning("Docs").describe(), "documentation");
        assert_eq!(meaning("Misc"), Meaning::Rest);
        assert_eq!(meaning("Hardware"), Meaning::Words);
    }

    #[test]
    fn exactly_the_given_names_are_used() {
        let scheme = Scheme::new(&given(&["Defect", "Wish list idea", "Payments", "Hardware"]), &[], false);
        assert_eq!(
            choose(&scheme, "App crashes when I rotate the screen", "Steps: rotate. Error shown."),
            "Defect"
        );
        assert_eq!(
            choose(&scheme, "Add an export to PDF", "It would be useful for audits."),
            "Wish list idea"
        );
        assert_eq!(choose(&scheme, "I was charged twice for my invoice", ""), "Payments");
        assert_eq!(choose(&scheme, "New hardware for room 7", "The hardware is old."), "Hardware");
        assert_eq!(scheme.place("bug"), Some(0));
        assert_eq!(scheme.place("billing"), Some(2));
        assert_eq!(scheme.place("question"), None);
    }

    #[test]
    fn examples_teach_a_category_whose_name_says_nothing() {
        let mut categories = given(&["Team A", "Team B"]);
        categories[0].examples = vec!["printer paper jam on the third floor".to_owned()];
        categories[1].examples = vec!["holiday request was not approved".to_owned()];
        let scheme = Scheme::new(&categories, &[], false);
        assert_eq!(choose(&scheme, "Paper jam again", "the printer by the lift"), "Team A");
        assert_eq!(choose(&scheme, "My holiday", "request still not approved"), "Team B");
    }

    #[test]
    fn a_few_labels_rename_and_extend_the_built_in_categories() {
        let labels = ["Defect".to_owned(), "Hardware".to_owned()];
        let few = Scheme::new(&[], &labels, false);
        let names: Vec<&str> = few.categories.iter().map(|c| c.name.as_str()).collect();
        assert_eq!((names[0], names[1], names.last()), ("Defect", "feature_request", Some(&"Hardware")));
        let all = Scheme::new(&[], &labels, true);
        assert_eq!(all.categories.len(), 2);
    }

    #[test]
    fn topics_nobody_asked_for_need_more_than_a_mention() {
        let scheme = Scheme::new(&[], &[], false);
        assert_eq!(
            choose(&scheme, "I was charged twice", "My credit card shows two payments. Please refund one."),
            "billing"
        );
        assert_eq!(
            choose(&scheme, "Crash when saving a file", "It throws an error. The docs say nothing."),
            "bug"
        );
    }
}
