//! Term frequency × inverse document frequency.

use std::collections::BTreeMap;

use super::{SparseVec, ngrams, tokens};

/// How texts become vectors. The default is that of scikit-learn's `TfidfVectorizer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TfidfOptions {
    /// Shortest and longest n-gram, in words.
    pub ngrams: (usize, usize),
    /// Terms in fewer documents are left out.
    pub min_df: usize,
    /// At most so many terms: those most frequent in the corpus (of equal ones the first in code-point order).
    pub max_features: Option<usize>,
    /// 1 + ln(count) in place of the count.
    pub sublinear_tf: bool,
}

impl Default for TfidfOptions {
    fn default() -> Self {
        Self { ngrams: (1, 1), min_df: 1, max_features: None, sublinear_tf: false }
    }
}

/// A vocabulary with weights, learnt from a corpus.
///
/// The weight of a term in a document is its count there × (ln((1 + n) / (1 + df)) + 1), for n documents of which df
/// have the term; each document's vector is then brought to length 1 (scikit-learn's `smooth_idf=True`, `norm="l2"`).
#[derive(Debug, Clone)]
pub struct Tfidf {
    options: TfidfOptions,
    vocabulary: BTreeMap<String, u32>,
    idf: Vec<f64>,
}

impl Tfidf {
    /// Learn the vocabulary of a corpus; also its documents' vectors, in their order.
    pub fn fit(documents: &[impl AsRef<str>], options: &TfidfOptions) -> (Self, Vec<SparseVec>) {
        // Terms are numbered as they are met; the numbers of the final vocabulary are given afterwards.
        let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
        let (mut df, mut total): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut counted = Vec::with_capacity(documents.len());
        for document in documents {
            let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
            for term in terms(document.as_ref(), options) {
                let next = numbers.len() as u32;
                let number = *numbers.entry(term).or_insert(next);
                if number == next {
                    df.push(0);
                    total.push(0);
                }
                total[number as usize] += 1;
                *counts.entry(number).or_default() += 1;
            }
            for &number in counts.keys() {
                df[number as usize] += 1;
            }
            counted.push(counts);
        }

        numbers.retain(|_, number| df[*number as usize] >= options.min_df);
        if let Some(most) = options.max_features.filter(|&most| most < numbers.len()) {
            let mut by_frequency: Vec<(usize, &String)> =
                numbers.iter().map(|(term, number)| (total[*number as usize], term)).collect();
            by_frequency.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            let kept: std::collections::BTreeSet<String> =
                by_frequency.into_iter().take(most).map(|(_, term)| term.clone()).collect();
            numbers.retain(|term, _| kept.contains(term));
        }

        let n = documents.len() as f64;
        let mut renumbered = vec![None; df.len()];
        let mut idf = Vec::with_capacity(numbers.len());
        for (index, number) in numbers.values_mut().enumerate() {
            renumbered[*number as usize] = Some(index as u32);
            idf.push(((1.0 + n) / (1.0 + df[*number as usize] as f64)).ln() + 1.0);
            *number = index as u32;
        }
        let tfidf = Self { options: options.clone(), vocabulary: numbers, idf };
        let vectors =
            counted
                .into_iter()
                .map(|counts| {
                    tfidf.weigh(counts.into_iter().filter_map(|(number, count)| {
                        renumbered[number as usize].map(|index| (index, count))
                    }))
                })
                .collect();
        (tfidf, vectors)
    }

    /// The vector of a text; terms outside the vocabulary do not count.
    pub fn transform(&self, document: &str) -> SparseVec {
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for term in terms(document, &self.options) {
            if let Some(&index) = self.vocabulary.get(&term) {
                *counts.entry(index).or_default() += 1;
            }
        }
        self.weigh(counts.into_iter())
    }

    fn weigh(&self, counts: impl Iterator<Item = (u32, u32)>) -> SparseVec {
        let pairs = counts.map(|(index, count)| {
            let count = f64::from(count);
            let tf = if self.options.sublinear_tf { 1.0 + count.ln() } else { count };
            (index, tf * self.idf[index as usize])
        });
        SparseVec::from_pairs(pairs.collect()).normalised()
    }

    /// How many terms the vocabulary has: the dimension of the vectors.
    pub fn n_features(&self) -> usize {
        self.idf.len()
    }

    /// The terms in code-point order: the term at place i has index i in the vectors.
    pub fn terms(&self) -> impl Iterator<Item = &str> {
        self.vocabulary.keys().map(String::as_str)
    }

    /// The inverse document frequency of a term of the vocabulary.
    pub fn idf(&self, term: &str) -> Option<f64> {
        self.vocabulary.get(term).map(|&index| self.idf[index as usize])
    }
}

fn terms(document: &str, options: &TfidfOptions) -> Vec<String> {
    let words = tokens(document);
    let (min, max) = options.ngrams;
    if (min, max) == (1, 1) { words } else { ngrams(&words, min, max) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_are_those_of_the_formula() {
        let (tfidf, vectors) = Tfidf::fit(&["red red blue", "red green"], &TfidfOptions::default());
        assert_eq!(tfidf.terms().collect::<Vec<_>>(), ["blue", "green", "red"]);
        // blue: 1 × (ln(3/2) + 1); red: 2 × (ln(3/3) + 1).
        let (blue, red) = (1.5f64.ln() + 1.0, 2.0);
        let length = blue.hypot(red);
        assert!((vectors[0].get(0) - blue / length).abs() < 1e-15);
        assert!((vectors[0].get(2) - red / length).abs() < 1e-15);
        assert_eq!(tfidf.idf("green"), Some(blue));
        assert_eq!(tfidf.transform("red red blue unknown"), vectors[0]);
    }

    #[test]
    fn rare_terms_and_those_beyond_the_bound_are_left_out() {
        let corpus = ["aa bb cc", "aa bb dd", "aa ee ee"];
        let options = TfidfOptions { min_df: 2, ..TfidfOptions::default() };
        assert_eq!(Tfidf::fit(&corpus, &options).0.terms().collect::<Vec<_>>(), ["aa", "bb"]);
        let options = TfidfOptions { max_features: Some(2), ..TfidfOptions::default() };
        assert_eq!(Tfidf::fit(&corpus, &options).0.terms().collect::<Vec<_>>(), ["aa", "bb"]);
        let options = TfidfOptions { ngrams: (1, 2), sublinear_tf: true, ..TfidfOptions::default() };
        let (tfidf, vectors) = Tfidf::fit(&corpus, &options);
        assert_eq!(tfidf.n_features(), 10);
        let (ee, ee_ee) = (vectors[2].get(8), vectors[2].get(9));
        assert!((ee / ee_ee - (1.0 + 2f64.ln())).abs() < 1e-12, "{ee} {ee_ee}");
    }

    #[test]
    fn an_empty_corpus_has_an_empty_vocabulary() {
        let (tfidf, vectors) = Tfidf::fit(&[] as &[&str], &TfidfOptions::default());
        assert_eq!((tfidf.n_features(), vectors.len()), (0, 0));
        assert!(tfidf.transform("anything").is_zero());
    }

    proptest! {
        #[test]
        fn vectors_have_length_one_and_are_reproduced(corpus in prop::collection::vec("([a-d]{2,3} ){0,8}", 1..8)) {
            let (tfidf, vectors) = Tfidf::fit(&corpus, &TfidfOptions { ngrams: (1, 2), ..TfidfOptions::default() });
            for (text, vector) in corpus.iter().zip(&vectors) {
                prop_assert!(vector.is_zero() || (vector.norm() - 1.0).abs() < 1e-12);
                prop_assert_eq!(&tfidf.transform(text), vector);
                prop_assert!(vector.values().iter().all(|v| *v > 0.0));
            }
        }
    }
}
