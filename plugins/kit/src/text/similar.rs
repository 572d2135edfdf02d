//! Similar pairs and nearest neighbours by cosine, without comparing everything with everything.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use super::SparseVec;

/// What [`similar_pairs`] found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SimilarPairs {
    /// How many pairs reach the threshold.
    pub n_pairs: u64,
    /// Up to the limit, those of the highest cosine first, then by place: (first, second, cosine) with first < second.
    pub pairs: Vec<(usize, usize, f64)>,
}

/// Rounding may take a cosine below a threshold that it reaches exactly.
const SLACK: f64 = 1e-12;

/// All pairs of vectors whose cosine is at least `threshold` (above 0), of which at most `limit` are listed. The vectors
/// must have length 1 or be zero; a zero vector is similar to nothing.
///
/// Prefix filtering (Bayardo, Ma, Srikant 2007, "Scaling up all pairs similarity search"): order all terms by how rare
/// they are and index of each vector only its rarest terms, until what is left is shorter than the threshold. The
/// rarest common term of a pair that reaches the threshold is indexed for both, since by Cauchy–Schwarz what is not
/// indexed cannot reach the threshold alone. Equal vectors are treated as one, so that a thousand equal texts cost
/// nothing.
pub fn similar_pairs(vectors: &[SparseVec], threshold: f64, limit: usize) -> SimilarPairs {
    let groups = groups_of_equals(vectors);
    let unique: Vec<&SparseVec> = groups.iter().map(|group| &vectors[group[0]]).collect();

    let mut df: BTreeMap<u32, u32> = BTreeMap::new();
    for index in unique.iter().flat_map(|vector| vector.indices()) {
        *df.entry(*index).or_default() += 1;
    }
    let mut best = Best { n: 0, limit, heap: BinaryHeap::new() };
    let mut indexed: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let mut seen = vec![usize::MAX; unique.len()];
    for (at, vector) in unique.iter().enumerate() {
        let own = &groups[at];
        let m = own.len() as u64;
        if m > 1 && 1.0 + SLACK >= threshold {
            best.count(m * (m - 1) / 2);
            best.offer_pairs(own, None, 1.0);
        }
        let mut rare_first: Vec<(u32, f64)> = vector.iter().collect();
        rare_first.sort_by_key(|(index, _)| (df[index], *index));
        let mut rest: f64 = rare_first.iter().map(|(_, value)| value * value).sum();
        for (index, value) in rare_first {
            if rest.max(0.0).sqrt() < threshold - SLACK {
                break;
            }
            rest -= value * value;
            let others = indexed.entry(index).or_default();
            for &other in others.iter() {
                if seen[other] == at {
                    continue;
                }
                seen[other] = at;
                let cosine = unique[other].dot(vector).min(1.0);
                if cosine >= threshold - SLACK {
                    best.count(m * groups[other].len() as u64);
                    best.offer_pairs(own, Some(&groups[other]), cosine);
                }
            }
            others.push(at);
        }
    }
    best.into_pairs()
}

/// The places of equal vectors, by first place; zero vectors are left out.
fn groups_of_equals(vectors: &[SparseVec]) -> Vec<Vec<usize>> {
    let mut by_content: BTreeMap<Vec<(u32, u64)>, Vec<usize>> = BTreeMap::new();
    for (at, vector) in vectors.iter().enumerate().filter(|(_, vector)| !vector.is_zero()) {
        let content = vector.iter().map(|(index, value)| (index, value.to_bits())).collect();
        by_content.entry(content).or_default().push(at);
    }
    let mut groups: Vec<Vec<usize>> = by_content.into_values().collect();
    groups.sort();
    groups
}

/// Keeps the pairs of the highest cosine, of equal ones those that come first, in bounded memory.
struct Best {
    n: u64,
    limit: usize,
    /// The worst kept is on top. Cosines are positive, so that their bits are ordered as they are.
    heap: BinaryHeap<(Reverse<u64>, usize, usize)>,
}

impl Best {
    fn count(&mut self, pairs: u64) {
        self.n += pairs;
    }

    /// Offer every pair within a group, or between two.
    fn offer_pairs(&mut self, group: &[usize], other: Option<&[usize]>, cosine: f64) {
        for (place, &a) in group.iter().enumerate() {
            for &b in other.unwrap_or(&group[place + 1..]) {
                let pair = (Reverse(cosine.to_bits()), a.min(b), a.max(b));
                if self.heap.len() < self.limit {
                    self.heap.push(pair);
                } else if self.heap.peek().is_some_and(|worst| pair < *worst) {
                    self.heap.pop();
                    self.heap.push(pair);
                } else if other.is_none() {
                    // Within a group of equals the later pairs are worse still.
                    break;
                }
            }
        }
    }

    fn into_pairs(self) -> SimilarPairs {
        let pairs = self.heap.into_sorted_vec();
        let pairs = pairs.into_iter().map(|(Reverse(bits), a, b)| (a, b, f64::from_bits(bits))).collect();
        SimilarPairs { n_pairs: self.n, pairs }
    }
}

/// An inverted index: for each term the vectors that have it.
#[derive(Debug, Clone, Default)]
pub struct Index {
    postings: BTreeMap<u32, Vec<(u32, f64)>>,
    norms: Vec<f64>,
}

impl Index {
    /// Index vectors; they are named by their places.
    pub fn new(vectors: &[SparseVec]) -> Self {
        let mut postings: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
        for (at, vector) in vectors.iter().enumerate() {
            for (index, value) in vector.iter() {
                postings.entry(index).or_default().push((at as u32, value));
            }
        }
        Self { postings, norms: vectors.iter().map(SparseVec::norm).collect() }
    }

    /// Up to `k` vectors with the highest cosine of at least `min` (above 0), the best first, of equal ones the first.
    pub fn nearest(&self, query: &SparseVec, k: usize, min: f64) -> Vec<(usize, f64)> {
        let length = query.norm();
        if length == 0.0 {
            return Vec::new();
        }
        let mut dots: BTreeMap<u32, f64> = BTreeMap::new();
        for (index, weight) in query.iter() {
            for &(at, value) in self.postings.get(&index).into_iter().flatten() {
                *dots.entry(at).or_default() += weight * value;
            }
        }
        let mut found: Vec<(usize, f64)> = dots
            .into_iter()
            .map(|(at, dot)| (at as usize, (dot / (length * self.norms[at as usize])).min(1.0)))
            .filter(|&(_, cosine)| cosine > 0.0 && cosine >= min - SLACK)
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(k);
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::{Tfidf, TfidfOptions};

    fn naive(vectors: &[SparseVec], threshold: f64) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        for a in 0..vectors.len() {
            for b in a + 1..vectors.len() {
                if vectors[a].dot(&vectors[b]) >= threshold - SLACK {
                    pairs.push((a, b));
                }
            }
        }
        pairs
    }

    proptest! {
        #[test]
        fn no_pair_is_missed_and_none_invented(
            corpus in prop::collection::vec("([a-c][xy] ){0,5}", 1..25),
            threshold in 0.05f64..0.99,
        ) {
            let (_, vectors) = Tfidf::fit(&corpus, &TfidfOptions::default());
            let found = similar_pairs(&vectors, threshold, usize::MAX);
            let mut places: Vec<_> = found.pairs.iter().map(|p| (p.0, p.1)).collect();
            places.sort_unstable();
            prop_assert_eq!(places, naive(&vectors, threshold));
            prop_assert_eq!(found.n_pairs, found.pairs.len() as u64);
            prop_assert!(found.pairs.is_sorted_by(|a, b| a.2 >= b.2));
            let few = similar_pairs(&vectors, threshold, 3);
            prop_assert_eq!(few.n_pairs, found.n_pairs);
            prop_assert_eq!(&few.pairs[..], &found.pairs[..found.pairs.len().min(3)]);
        }

        #[test]
        fn the_nearest_are_those_of_a_full_search(corpus in prop::collection::vec("([a-c][xy] ){0,5}", 1..15)) {
            let (_, vectors) = Tfidf::fit(&corpus, &TfidfOptions::default());
            let index = Index::new(&vectors);
            for query in &vectors {
                let mut expected: Vec<f64> = vectors.iter().map(|v| v.cosine(query)).filter(|c| *c >= 0.3).collect();
                expected.sort_by(|a, b| b.total_cmp(a));
                let found = index.nearest(query, usize::MAX, 0.3);
                prop_assert_eq!(found.len(), expected.len());
                prop_assert!(found.iter().zip(&expected).all(|(f, e)| (f.1 - e).abs() < 1e-9));
            }
        }
    }

    #[test]
    fn many_equal_texts_are_counted_without_being_listed() {
        let corpus = vec!["the very same text"; 20_000];
        let (_, vectors) = Tfidf::fit(&corpus, &TfidfOptions::default());
        let found = similar_pairs(&vectors, 0.8, 5);
        assert_eq!(found.n_pairs, 20_000 * 19_999 / 2);
        assert_eq!(
            found.pairs.iter().map(|p| (p.0, p.1)).collect::<Vec<_>>(),
            [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5)]
        );
    }
}
