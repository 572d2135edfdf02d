//! The exact test of tables larger than 2 × 2.

use rand::Rng;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// Tables that may be listed.
const MOST_TABLES: f64 = 1_000_000.0;
/// Tables that are drawn where they cannot be listed.
const DRAWN: u32 = 10_000;
/// Cells that may be drawn in all.
const MOST_CELLS: usize = 10_000_000;
/// Subjects above which no exact test is tried: at such sizes only cells that hold next to nobody are doubtful.
const MOST_SUBJECTS: u64 = 1_000_000;
/// The same tables are drawn in every run.
const SEED: u64 = 0x1951_0141;
/// Tables as likely as the observed one up to this factor count as equally likely, as rounding may part them.
const SLACK: f64 = 1e-7;

/// A p-value and how it was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ExactP {
    /// Every table was weighed.
    Exact(f64),
    /// Some were drawn.
    Simulated {
        /// (1 + those no likelier than the observed one) / (1 + all drawn), which is never zero.
        p: f64,
        /// Its standard error.
        se: f64,
        /// How many were drawn.
        tables: u32,
    },
    /// Neither is feasible.
    TooLarge,
}

/// A table without empty rows and columns: rarer categories first, the most frequent one last.
struct Margins {
    /// Totals of the categories.
    categories: Vec<u64>,
    /// Totals of the arms.
    arms: Vec<u64>,
    /// ln 0!, ln 1!, … ln n!.
    ln_factorial: Vec<f64>,
}

impl Margins {
    fn ln_factorial(&self, n: u64) -> f64 {
        self.ln_factorial.get(n as usize).copied().unwrap_or(0.0)
    }
}

/// The test of independence by the probability, given the margins, of all tables that are no likelier than the observed one
/// (Freeman and Halton 1951, "Note on an exact treatment of contingency, goodness of fit and other problems of significance",
/// Biometrika 38). `by_arm` has a row of counts for each arm, all of one length. All tables are listed where there are at most a
/// million; else 10,000 are drawn from their distribution (Agresti 1992, "A survey of exact inference for contingency
/// tables", section 5).
pub(crate) fn exact_test(by_arm: &[Vec<u64>]) -> ExactP {
    let arms: Vec<u64> = by_arm.iter().map(|c| c.iter().sum::<u64>()).filter(|n| *n > 0).collect();
    let width = by_arm.first().map_or(0, Vec::len);
    let mut categories: Vec<u64> = (0..width)
        .map(|level| by_arm.iter().filter_map(|c| c.get(level)).sum::<u64>())
        .filter(|n| *n > 0)
        .collect();
    categories.sort_unstable();
    let total: u64 = arms.iter().sum();
    if total > MOST_SUBJECTS || arms.len() < 2 || categories.len() < 2 {
        return ExactP::TooLarge;
    }
    let mut ln_factorial = Vec::with_capacity(total as usize + 1);
    let mut sum = 0.0;
    ln_factorial.push(sum);
    for n in 1..=total {
        sum += (n as f64).ln();
        ln_factorial.push(sum);
    }
    let margins = Margins { categories, arms, ln_factorial };
    // Of a table's probability only −Σ ln nᵢⱼ! depends on the cells.
    let observed: f64 = by_arm.iter().flatten().map(|n| -margins.ln_factorial(*n)).sum();
    let limit = observed + SLACK;
    if tables_at_most(&margins) <= MOST_TABLES {
        ExactP::Exact(list(&margins, limit))
    } else if margins.categories.len() * margins.arms.len() * DRAWN as usize <= MOST_CELLS {
        draw(&margins, limit)
    } else {
        ExactP::TooLarge
    }
}

/// An upper bound of the number of tables: the ways to share out each category but the last.
fn tables_at_most(margins: &Margins) -> f64 {
    let k = margins.arms.len() as u64;
    let ways = |n: u64| (1..k).map(|i| (n + i) as f64 / i as f64).product::<f64>();
    margins.categories.iter().rev().skip(1).map(|n| ways(*n)).product()
}

fn list(margins: &Margins, limit: f64) -> f64 {
    let constant =
        margins.categories.iter().chain(&margins.arms).map(|n| margins.ln_factorial(*n)).sum::<f64>()
            - margins.ln_factorial(margins.arms.iter().sum());
    let mut p = 0.0;
    let left = margins.categories.first().copied().unwrap_or(0);
    share_out(margins, 0, 0, left, &mut margins.arms.clone(), 0.0, &mut |weight| {
        if weight <= limit {
            p += (weight + constant).exp();
        }
    });
    p.min(1.0)
}

/// Goes through all tables: `left` of a category are still to be shared out among `arm` and the arms after it, which have
/// `room`.
fn share_out(
    margins: &Margins,
    category: usize,
    arm: usize,
    left: u64,
    room: &mut [u64],
    weight: f64,
    found: &mut dyn FnMut(f64),
) {
    let next = category + 1;
    if next == margins.categories.len() {
        // The last category takes what room there is.
        found(weight - room.iter().map(|n| margins.ln_factorial(*n)).sum::<f64>());
        return;
    }
    let Some(here) = room.get(arm).copied() else { return };
    let after: u64 = room.iter().skip(arm + 1).sum();
    for n in left.saturating_sub(after)..=left.min(here) {
        if let Some(slot) = room.get_mut(arm) {
            *slot = here - n;
        }
        let weight = weight - margins.ln_factorial(n);
        if arm + 1 == margins.arms.len() {
            let total = margins.categories.get(next).copied().unwrap_or(0);
            share_out(margins, next, 0, total, room, weight, found);
        } else {
            share_out(margins, category, arm + 1, left - n, room, weight, found);
        }
    }
    if let Some(slot) = room.get_mut(arm) {
        *slot = here;
    }
}

fn draw(margins: &Margins, limit: f64) -> ExactP {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut unlikely = 0_u32;
    for _ in 0..DRAWN {
        let mut room = margins.arms.clone();
        let mut rest: u64 = room.iter().sum();
        let mut weight = 0.0;
        for category in &margins.categories {
            // Cell after cell: of those who are left, how many are of this arm.
            let (mut left, mut pool) = (*category, rest);
            for slot in &mut room {
                let n = hypergeometric(margins, *slot, pool - *slot, left, uniform(&mut rng));
                pool -= *slot;
                *slot -= n;
                left -= n;
                weight -= margins.ln_factorial(n);
            }
            rest -= category;
        }
        unlikely += u32::from(weight <= limit);
    }
    let p = (f64::from(unlikely) + 1.0) / (f64::from(DRAWN) + 1.0);
    ExactP::Simulated { p, se: (p * (1.0 - p) / f64::from(DRAWN)).sqrt(), tables: DRAWN }
}

/// In 0 to 1, with 53 random bits.
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// How many of `drawn` are of the first kind, of which there are `first` beside `others`: inversion from the mode outwards, so
/// that the number of steps is that of the standard deviation.
fn hypergeometric(margins: &Margins, first: u64, others: u64, drawn: u64, uniform: f64) -> u64 {
    let (least, most) = (drawn.saturating_sub(others), drawn.min(first));
    if least >= most {
        return least;
    }
    let mode = ((drawn as f64 + 1.0) * (first as f64 + 1.0) / ((first + others) as f64 + 2.0)) as u64;
    let mode = mode.clamp(least, most);
    let ln_choose =
        |n: u64, k: u64| margins.ln_factorial(n) - margins.ln_factorial(k) - margins.ln_factorial(n - k);
    let peak =
        (ln_choose(first, mode) + ln_choose(others, drawn - mode) - ln_choose(first + others, drawn)).exp();
    // P(k + 1) / P(k).
    let up =
        |k: u64| (first - k) as f64 * (drawn - k) as f64 / ((k + 1) as f64 * (others + k + 1 - drawn) as f64);
    let mut left = uniform - peak;
    let (mut low, mut high) = ((mode, peak), (mode, peak));
    while left > 0.0 && (low.0 > least || high.0 < most) {
        if high.0 < most {
            high = (high.0 + 1, high.1 * up(high.0));
            left -= high.1;
            if left <= 0.0 {
                return high.0;
            }
        }
        if low.0 > least {
            low = (low.0 - 1, low.1 / up(low.0 - 1));
            left -= low.1;
            if left <= 0.0 {
                return low.0;
            }
        }
    }
    mode
}

#[cfg(test)]
mod tests {
    use heddle_kit::stats::fisher_exact;

    use super::*;

    #[test]
    fn of_two_by_two_it_is_fishers() {
        for table in [[3, 1, 1, 3], [8, 2, 1, 5], [0, 7, 4, 2]] {
            let [a, b, c, d] = table;
            let exact = exact_test(&[vec![a, b], vec![c, d]]);
            let fisher = fisher_exact((a, b), (c, d)).unwrap_or(f64::NAN);
            assert!(
                matches!(exact, ExactP::Exact(p) if (p - fisher).abs() < 1e-12),
                "{table:?} {exact:?} {fisher}"
            );
        }
    }

    #[test]
    fn three_by_three_by_hand() {
        // Margins (2, 1, 1) twice. P = (2!·2!)/(4!·Π cells!): 1/12 for the two tables with a cell of 2, and 1/6 for the five others.
        let observed = [vec![2, 0, 0], vec![0, 1, 0], vec![0, 0, 1]];
        let exact = exact_test(&observed);
        assert!(matches!(exact, ExactP::Exact(p) if (p - 1.0 / 6.0).abs() < 1e-12), "{exact:?}");
    }

    #[test]
    fn drawing_agrees_with_listing() {
        let table = [vec![10_u64, 6, 3, 1], vec![4, 9, 5, 2]];
        let ExactP::Exact(exact) = exact_test(&table) else { panic!("it is small") };
        let arms = vec![20, 20];
        let mut categories = vec![14, 15, 8, 3];
        categories.sort_unstable();
        let ln_factorial: Vec<f64> =
            (0..=40).map(|n| (1..=n).map(|i| f64::from(i).ln()).sum::<f64>()).collect();
        let margins = Margins { categories, arms, ln_factorial };
        let observed: f64 = table.iter().flatten().map(|n| -margins.ln_factorial(*n)).sum();
        let ExactP::Simulated { p, se, .. } = draw(&margins, observed + SLACK) else { panic!("it draws") };
        assert!((p - exact).abs() < 4.0 * se, "{p} ± {se}, exact {exact}");
    }

    #[test]
    fn large_tables_are_drawn_and_huge_ones_refused() {
        let many: Vec<Vec<u64>> =
            (0..3).map(|arm| (0..10).map(|site| 4 + (arm + site) % 3).collect()).collect();
        assert!(matches!(exact_test(&many), ExactP::Simulated { p, .. } if p > 0.5));
        let huge: Vec<Vec<u64>> = (0..3).map(|_| vec![1; 2_000]).collect();
        assert_eq!(exact_test(&huge), ExactP::TooLarge);
    }
}
