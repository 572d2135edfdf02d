//! How well a risk score orders the events.

use super::FollowUp;
use crate::stats::{Computed, NotComputable};

/// Harrell's C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concordance {
    /// The share of comparable pairs in which the subject with the earlier event has the higher score; equal scores count one
    /// half. 0.5 is chance.
    pub value: f64,
    /// Pairs in which it is higher.
    pub concordant: u64,
    /// Pairs with equal scores.
    pub tied: u64,
    /// All comparable pairs: one had the event, and the other was followed longer or was censored at that time.
    pub pairs: u64,
}

/// The concordance of scores, by row, with the times (Harrell et al. 1982, "Evaluating the yield of medical tests", JAMA 247;
/// two events at one time are not comparable). Time O(n log n) by a binary indexed tree (Fenwick 1994).
pub fn concordance(follow_up: &FollowUp, scores: &[f64]) -> Computed<Concordance> {
    let of: Vec<f64> = follow_up
        .rows()
        .iter()
        .map(|row| scores.get(*row).copied().ok_or(NotComputable::LengthsDiffer))
        .collect::<Computed<_>>()?;
    if of.iter().any(|s| !s.is_finite()) {
        return Err(NotComputable::NotFinite);
    }
    let mut order: Vec<usize> = (0..of.len()).collect();
    order.sort_unstable_by(|a, b| of[*a].total_cmp(&of[*b]));
    let mut ranks = vec![0usize; of.len()];
    let mut rank = 0;
    for equal in order.chunk_by(|a, b| of[*a] == of[*b]) {
        rank += 1;
        for at in equal {
            ranks[*at] = rank;
        }
    }
    let mut earlier = Tree(vec![0; rank + 1]);
    let (mut concordant, mut tied, mut pairs, mut size) = (0u64, 0u64, 0u64, 0u64);
    let mut compare = |positions: std::ops::Range<usize>, earlier: &Tree, size: u64| {
        for at in positions {
            let (up_to, below) = (earlier.up_to(ranks[at]), earlier.up_to(ranks[at] - 1));
            concordant += size - up_to;
            tied += up_to - below;
            pairs += size;
        }
    };
    for (start, died, end) in follow_up.ties() {
        compare(start..died, &earlier, size);
        for rank in &ranks[start..died] {
            earlier.add(*rank);
        }
        size += (died - start) as u64;
        compare(died..end, &earlier, size);
    }
    if follow_up.event_count() == 0 {
        return Err(NotComputable::NoEvents);
    }
    if pairs == 0 {
        return Err(NotComputable::NoVariation);
    }
    let value = (concordant as f64 + tied as f64 / 2.0) / pairs as f64;
    Ok(Concordance { value, concordant, tied, pairs })
}

/// Counts by rank, from 1, with their running sums.
struct Tree(Vec<u64>);

impl Tree {
    fn add(&mut self, mut rank: usize) {
        while let Some(count) = self.0.get_mut(rank) {
            *count += 1;
            rank += rank & rank.wrapping_neg();
        }
    }

    fn up_to(&self, mut rank: usize) -> u64 {
        let mut sum = 0;
        while rank > 0 {
            sum += self.0[rank];
            rank &= rank - 1;
        }
        sum
    }
}
