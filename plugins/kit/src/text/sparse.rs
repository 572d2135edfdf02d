//! Sparse vectors.

/// A vector of which most entries are zero: the others' indices, ascending and distinct, and their values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparseVec {
    indices: Vec<u32>,
    values: Vec<f64>,
}

impl SparseVec {
    /// From (index, value) pairs in any order; values at one index add up, and zeros are left out.
    pub fn from_pairs(mut pairs: Vec<(u32, f64)>) -> Self {
        // A stable sort, so that the order of addition, and with it the last bit, is that of the argument.
        pairs.sort_by_key(|&(index, _)| index);
        let mut vector = Self::default();
        for (index, value) in pairs {
            match vector.values.last_mut() {
                Some(last) if vector.indices.last() == Some(&index) => *last += value,
                _ => {
                    vector.indices.push(index);
                    vector.values.push(value);
                }
            }
        }
        if vector.values.contains(&0.0) {
            let kept: Vec<_> = vector.iter().filter(|&(_, value)| value != 0.0).collect();
            (vector.indices, vector.values) = kept.into_iter().unzip();
        }
        vector
    }

    /// The entries that are not zero, by ascending index.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, f64)> + '_ {
        self.indices.iter().copied().zip(self.values.iter().copied())
    }

    /// The indices of the entries that are not zero, ascending.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// The values at [`SparseVec::indices`].
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many entries are not zero.
    pub fn nnz(&self) -> usize {
        self.indices.len()
    }

    /// Whether every entry is zero.
    pub fn is_zero(&self) -> bool {
        self.indices.is_empty()
    }

    /// The value at an index.
    pub fn get(&self, index: u32) -> f64 {
        self.indices.binary_search(&index).map_or(0.0, |at| self.values[at])
    }

    /// Dot product.
    pub fn dot(&self, other: &Self) -> f64 {
        let (mut a, mut b, mut sum) = (0, 0, 0.0);
        while a < self.indices.len() && b < other.indices.len() {
            match self.indices[a].cmp(&other.indices[b]) {
                std::cmp::Ordering::Less => a += 1,
                std::cmp::Ordering::Greater => b += 1,
                std::cmp::Ordering::Equal => {
                    sum += self.values[a] * other.values[b];
                    a += 1;
                    b += 1;
                }
            }
        }
        sum
    }

    /// Euclidean length.
    pub fn norm(&self) -> f64 {
        self.values.iter().map(|v| v * v).sum::<f64>().sqrt()
    }

    /// The same direction with length 1; the zero vector stays.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        let norm = self.norm();
        if norm > 0.0 {
            for value in &mut self.values {
                *value /= norm;
            }
        }
        self
    }

    /// The cosine of the angle between two vectors; 0 if one of them is zero.
    pub fn cosine(&self, other: &Self) -> f64 {
        let lengths = self.norm() * other.norm();
        if lengths > 0.0 { self.dot(other) / lengths } else { 0.0 }
    }

    /// This vector followed by `other`, whose indices begin at `offset`, which must be above every index of this one.
    #[must_use]
    pub fn followed_by(mut self, other: &Self, offset: u32) -> Self {
        debug_assert!(self.indices.last().is_none_or(|&last| last < offset));
        self.indices.extend(other.indices.iter().map(|index| index + offset));
        self.values.extend_from_slice(&other.values);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vector() -> impl Strategy<Value = SparseVec> {
        prop::collection::vec((0u32..30, -5.0f64..5.0), 0..20).prop_map(SparseVec::from_pairs)
    }

    fn dense(vector: &SparseVec) -> Vec<f64> {
        (0..30).map(|index| vector.get(index)).collect()
    }

    #[test]
    fn pairs_at_one_index_add_up() {
        let vector = SparseVec::from_pairs(vec![(3, 1.0), (1, 2.0), (3, 0.5), (7, 1.0), (7, -1.0)]);
        assert_eq!(vector.iter().collect::<Vec<_>>(), [(1, 2.0), (3, 1.5)]);
        assert_eq!(vector.norm(), 2.5);
    }

    proptest! {
        #[test]
        fn the_dot_product_is_that_of_the_dense_vectors(a in vector(), b in vector()) {
            let expected: f64 = dense(&a).iter().zip(dense(&b)).map(|(x, y)| x * y).sum();
            prop_assert!((a.dot(&b) - expected).abs() < 1e-9);
            prop_assert!(a.cosine(&b).abs() <= 1.0 + 1e-12);
        }

        #[test]
        fn a_normalised_vector_has_length_one(a in vector()) {
            let n = a.clone().normalised();
            prop_assert!(n.is_zero() || (n.norm() - 1.0).abs() < 1e-12);
            prop_assert_eq!(n.indices(), a.indices());
        }

        #[test]
        fn vectors_can_be_joined(a in vector(), b in vector()) {
            let joined = a.clone().followed_by(&b, 30);
            prop_assert_eq!(joined.nnz(), a.nnz() + b.nnz());
            prop_assert!((0..30).all(|i| joined.get(i) == a.get(i) && joined.get(30 + i) == b.get(i)));
        }
    }
}
