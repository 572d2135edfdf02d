//! Search: Okapi BM25 over an inverted index, normalised, with a threshold that is calibrated on the data.
//!
//! Relevance of a text to a query is `Σ w(t) idf(t) tf'(t) / Σ w(t) idf(t)` over the query's words, at most 1, with
//! `tf' = f (k + 1) / (f + k (1 - b + b · length / mean length))`, k = 1.2, b = 0.75 (Robertson, Zaragoza 2009, "The
//! Probabilistic Relevance Framework: BM25 and Beyond") and w = 2 for words of a ticket's subject. It is 1 where each word
//! of the query stands once in a text of mean length. Function words and words of more than a tenth of all texts are left
//! out.
//!
//! **Threshold**: queries of words drawn at random from all tickets, as long as real ones, mean nothing; the relevance that
//! only 5 % of them reach by chance is the least that counts (for each length of query of its own, since a short one is
//! easily covered), between [`FLOOR`] and [`CEILING`]. With fewer than
//! [`ENOUGH`] tickets the random words are mostly those of one matter, so that nothing can be calibrated: [`FLOOR`] holds.

use std::collections::{BTreeMap, BTreeSet};

use heddle_kit::text::{is_stop_word, tokens};
use rand::{Rng, RngExt as _};

use crate::{priority::criticality::prose, ticket::Ticket};

const K: f64 = 1.2;
const B: f64 = 0.75;
/// Relevance below this never counts, however easy the data are.
pub(crate) const FLOOR: f64 = 0.2;
/// Relevance from this on always counts: where all tickets are on one matter, chance looks like meaning.
pub(crate) const CEILING: f64 = 0.6;
/// Fewest queries to calibrate with.
pub(crate) const ENOUGH: usize = 50;
/// Meaningless queries with which the threshold of a length is calibrated.
const TRIALS: usize = 200;
/// Most words of a query of each length; longer ones are a length of their own.
const LENGTHS: [usize; 4] = [3, 6, 12, 24];
/// Words of a description that a query takes.
const DESCRIPTION_WORDS: usize = 40;
/// From so many texts on, words of more than a tenth of them are left out.
const ENOUGH_FOR_COMMON: usize = 50;

/// Words of all texts, numbered, with how rare they are.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    numbers: BTreeMap<String, u32>,
    df: Vec<u32>,
    n: usize,
}

/// A text as a query: (word, weight), in the order in which the words occur.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Query {
    pub(crate) words: Vec<(u32, f64)>,
}

/// A text found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hit {
    /// Its place.
    pub(crate) at: usize,
    /// 0 to 1.
    pub(crate) relevance: f64,
    /// The query's words that it has.
    pub(crate) shared: Vec<u32>,
}

/// The singular of an English plural, so that a ticket about snapshots finds the article on the snapshot: Harman's
/// S-stemmer (1991, "How effective is suffixing?", JASIS 42), which leaves "crashe" of "crashes"; here the ending `es` goes
/// whole after a sibilant.
fn singular(mut word: String) -> String {
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if word.len() <= 3 || ends(&["us", "ss", "aes", "ees", "oes"]) || !word.ends_with('s') {
        return word;
    }
    let cut = if ends(&["ies"]) && !ends(&["eies", "aies"]) {
        3
    } else if ends(&["shes", "sses", "xes"]) || (ends(&["ches"]) && !ends(&["aches"])) {
        2
    } else {
        1
    };
    word.truncate(word.len() - cut);
    if cut == 3 {
        word.push('y');
    }
    word
}

/// The words of a text that can tell something, in the singular.
pub(crate) fn content_words(text: &str) -> Vec<String> {
    let mut words = tokens(text);
    words.retain(|word| !is_stop_word(word) && !word.bytes().all(|b| b.is_ascii_digit()) && word.len() <= 40);
    words.into_iter().map(singular).collect()
}

impl Vocabulary {
    /// Count a text; its words as numbers, with repetitions.
    pub(crate) fn add(&mut self, text: &str) -> Vec<u32> {
        self.n += 1;
        let words: Vec<u32> = content_words(text)
            .into_iter()
            .map(|word| {
                let next = self.numbers.len() as u32;
                *self.numbers.entry(word).or_insert(next)
            })
            .collect();
        self.df.resize(self.numbers.len(), 0);
        for word in words.iter().collect::<BTreeSet<_>>() {
            self.df[*word as usize] += 1;
        }
        words
    }

    /// `ln(1 + (n - df + 0.5) / (df + 0.5))`; 0 for words that are too common to tell anything.
    pub(crate) fn idf(&self, word: u32) -> f64 {
        let (n, df) = (self.n as f64, f64::from(self.df[word as usize]));
        if self.n >= ENOUGH_FOR_COMMON && df * 10.0 > n {
            return 0.0;
        }
        (1.0 + (n - df + 0.5) / (df + 0.5)).ln()
    }

    /// All words by number.
    pub(crate) fn words(&self) -> Vec<&str> {
        let mut words = vec![""; self.numbers.len()];
        for (word, number) in &self.numbers {
            words[*number as usize] = word;
        }
        words
    }

    /// The number of a word, if a text has it.
    pub(crate) fn number(&self, word: &str) -> Option<u32> {
        self.numbers.get(word).copied()
    }

    /// A ticket as a query: its subject's words, and the first words of its description's prose.
    pub(crate) fn query(&self, ticket: &Ticket) -> Query {
        let mut seen = BTreeSet::new();
        let mut words = Vec::new();
        let description = content_words(&prose(&ticket.description));
        let subject = content_words(&ticket.subject);
        let texts = [(subject, 2.0, usize::MAX), (description, 1.0, DESCRIPTION_WORDS)];
        for (text, weight, most) in texts {
            let numbers = text.iter().filter_map(|word| self.number(word));
            let new = numbers.filter(|word| self.idf(*word) > 0.0 && seen.insert(*word)).take(most);
            words.extend(new.map(|word| (word, weight)));
        }
        Query { words }
    }
}

/// Texts by word.
#[derive(Debug)]
pub(crate) struct Bm25 {
    /// For each word (text, idf · tf').
    postings: BTreeMap<u32, Vec<(u32, f64)>>,
    n: usize,
    /// For each of [`LENGTHS`], and longer queries; `None` where no query of that length was there to calibrate with.
    thresholds: [Option<f64>; LENGTHS.len() + 1],
}

/// The place of a query's length in [`LENGTHS`].
fn length(query: &Query) -> usize {
    LENGTHS.iter().position(|most| query.words.len() <= *most).unwrap_or(LENGTHS.len())
}

impl Bm25 {
    /// Index texts, given by their words; they are named by their places.
    pub(crate) fn new(vocabulary: &Vocabulary, texts: &[&[u32]]) -> Self {
        let mean = texts.iter().map(|t| t.len()).sum::<usize>() as f64 / texts.len().max(1) as f64;
        let mut postings: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
        for (at, text) in texts.iter().enumerate() {
            let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
            for word in *text {
                *counts.entry(*word).or_default() += 1.0;
            }
            let norm = K * (1.0 - B + B * text.len() as f64 / mean.max(1.0));
            for (word, count) in counts {
                let idf = vocabulary.idf(word);
                if idf > 0.0 {
                    postings
                        .entry(word)
                        .or_default()
                        .push((at as u32, idf * count * (K + 1.0) / (count + norm)));
                }
            }
        }
        Self { postings, n: texts.len(), thresholds: [None; LENGTHS.len() + 1] }
    }

    /// Calibrate the threshold with random words of these queries.
    pub(crate) fn calibrated(
        mut self,
        vocabulary: &Vocabulary,
        queries: &[Query],
        rng: &mut impl Rng,
    ) -> Self {
        let pool: Vec<u32> = queries.iter().flat_map(|q| q.words.iter().map(|(word, _)| *word)).collect();
        if pool.is_empty() || self.n == 0 || queries.len() < ENOUGH {
            return self;
        }
        for place in 0..self.thresholds.len() {
            let models: Vec<&Query> =
                queries.iter().filter(|q| !q.words.is_empty() && length(q) == place).collect();
            if models.is_empty() {
                continue;
            }
            let mut best: Vec<f64> = (0..TRIALS)
                .map(|_| {
                    let model = models[rng.random_range(0..models.len())];
                    let mut seen = BTreeSet::new();
                    let words = model
                        .words
                        .iter()
                        .map(|(_, weight)| (pool[rng.random_range(0..pool.len())], *weight));
                    let query = Query { words: words.filter(|(word, _)| seen.insert(*word)).collect() };
                    self.search(vocabulary, &query, 1, 0.0).first().map_or(0.0, |hit| hit.relevance)
                })
                .collect();
            best.sort_by(f64::total_cmp);
            self.thresholds[place] = Some(best[TRIALS * 95 / 100].clamp(FLOOR, CEILING));
        }
        self
    }

    /// The relevance from which a text fits a query.
    pub(crate) fn threshold(&self, query: &Query) -> f64 {
        self.thresholds[length(query)].unwrap_or(FLOOR)
    }

    /// Calibrated thresholds: (most words of a query, or `None` for longer ones; least relevance).
    pub(crate) fn thresholds(&self) -> Vec<(Option<usize>, f64)> {
        let pairs = self.thresholds.iter().enumerate();
        pairs.filter_map(|(place, threshold)| Some((LENGTHS.get(place).copied(), (*threshold)?))).collect()
    }

    /// What fits a query: up to `k` texts that reach the threshold.
    pub(crate) fn fitting(&self, vocabulary: &Vocabulary, query: &Query, k: usize) -> Vec<Hit> {
        self.search(vocabulary, query, k, self.threshold(query))
    }

    /// Up to `k` texts of at least that relevance which share two words with the query (one, if it has no more), the best
    /// first, of equal ones the first.
    fn search(&self, vocabulary: &Vocabulary, query: &Query, k: usize, least: f64) -> Vec<Hit> {
        let possible: f64 = query.words.iter().map(|(word, weight)| weight * vocabulary.idf(*word)).sum();
        if possible <= 0.0 {
            return Vec::new();
        }
        let mut sums = vec![(0.0, 0_usize); self.n];
        for (word, weight) in &query.words {
            for (at, value) in self.postings.get(word).into_iter().flatten() {
                let sum = &mut sums[*at as usize];
                sum.0 += weight * value;
                sum.1 += 1;
            }
        }
        let needed = query.words.len().min(2);
        let mut found: Vec<(usize, f64)> = sums
            .into_iter()
            .enumerate()
            .filter(|(_, (_, shared))| *shared >= needed)
            .map(|(at, (sum, _))| (at, (sum / possible).min(1.0)))
            .filter(|(_, relevance)| *relevance >= least)
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(k);
        let shared = |at: usize| {
            let has = |word: &u32| {
                self.postings
                    .get(word)
                    .is_some_and(|texts| texts.binary_search_by_key(&(at as u32), |t| t.0).is_ok())
            };
            query.words.iter().map(|(word, _)| *word).filter(has).collect()
        };
        found.into_iter().map(|(at, relevance)| Hit { at, relevance, shared: shared(at) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(subject: &str) -> Ticket {
        Ticket { subject: subject.to_owned(), ..Ticket::default() }
    }

    #[test]
    fn plurals_are_one_word_with_their_singular() {
        let words =
            content_words("Queries, classes, modules, crashes, caches; status glass bus DNS shoes 42");
        assert_eq!(
            words,
            ["query", "class", "module", "crash", "cache", "status", "glass", "bus", "dns", "shoes"]
        );
    }

    #[test]
    fn relevance_is_the_formula() {
        let mut vocabulary = Vocabulary::default();
        let texts: Vec<Vec<u32>> = ["reset password", "export report", "billing address"]
            .iter()
            .map(|t| vocabulary.add(t))
            .collect();
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let index = Bm25::new(&vocabulary, &texts);
        // All texts have the mean length, so tf' of one occurrence is 1.
        let whole = index.fitting(&vocabulary, &vocabulary.query(&ticket("Password reset")), 5);
        assert_eq!(whole.len(), 1);
        assert!((whole[0].relevance - 1.0).abs() < 1e-12 && whole[0].at == 0);
        assert_eq!(whole[0].shared.len(), 2);
        // One of two words is not enough: nothing is shared but that one.
        assert_eq!(index.fitting(&vocabulary, &vocabulary.query(&ticket("reset report")), 5), []);
        // Unknown words are no part of the query.
        let one = index.fitting(&vocabulary, &vocabulary.query(&ticket("password zzz")), 5);
        assert_eq!(one.len(), 1);
        assert_eq!(index.fitting(&vocabulary, &Query::default(), 5), []);
        assert!((vocabulary.idf(0) - (1.0 + 2.5 / 1.5_f64).ln()).abs() < 1e-12);
    }
}
