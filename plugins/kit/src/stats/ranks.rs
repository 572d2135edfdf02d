//! Comparisons of ranks: Mann and Whitney, Kruskal and Wallis, and the shift between two samples.

use super::{
    Computed, NotComputable, Sample, chi_squared_upper, normal_critical, normal_two_sided, sample::merge,
};

/// The largest product of sample sizes that the exact test counts arrangements for.
const EXACT_PRODUCT: usize = 2_500;

/// Wilcoxon's rank-sum test in the form of Mann and Whitney.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// How many pairs have the first sample's value above the other's; ties count one half.
    pub u: f64,
    /// Two-sided.
    pub p: f64,
    /// Cliff's delta, P(above) − P(below): −1 to 1 (Cliff 1993, "Dominance statistics", Psychological Bulletin 114).
    pub cliffs_delta: f64,
}

/// Rank sums of each sample over all of them, with mean ranks in ties, and the sum of t³ − t over the ties' sizes t.
fn rank_sums(samples: &[&Sample]) -> (Vec<f64>, f64) {
    let (mut sums, mut ties) = (vec![0.0; samples.len()], 0.0);
    let mut run = vec![0usize; samples.len()];
    let (mut before, mut current) = (0usize, None);
    let mut close = |run: &mut Vec<usize>, before: &mut usize| {
        let size: usize = run.iter().sum();
        let rank = *before as f64 + (size as f64 + 1.0) / 2.0;
        for (sum, count) in sums.iter_mut().zip(run.iter_mut()) {
            *sum += rank * *count as f64;
            *count = 0;
        }
        ties += (size as f64).powi(3) - size as f64;
        *before += size;
    };
    merge(samples, |value, sample| {
        if current.is_some_and(|c| c != value) {
            close(&mut run, &mut before);
        }
        current = Some(value);
        run[sample] += 1;
    });
    close(&mut run, &mut before);
    (sums, ties)
}

/// The asymptotic test with the variance corrected for ties and with the continuity correction of one half (Mann and Whitney
/// 1947, "On a test of whether one of two random variables is stochastically larger than the other"). Where all values are equal
/// every arrangement is as likely as the one found: p is 1.
pub fn mann_whitney(sample: &Sample, other: &Sample) -> Computed<MannWhitney> {
    let (sums, ties) = rank_sums(&[sample, other]);
    let (n, m) = (sample.n() as f64, other.n() as f64);
    let all = n + m;
    let u = sums[0] - n * (n + 1.0) / 2.0;
    let variance = n * m / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)));
    // No variance but rounding: all values are tied.
    let is_constant = ties >= all.powi(3) - all;
    let z = (u.max(n * m - u) - n * m / 2.0 - 0.5) / variance.sqrt();
    let p = if is_constant || z <= 0.0 { 1.0 } else { normal_two_sided(z)? };
    Ok(MannWhitney { u, p, cliffs_delta: 2.0 * u / (n * m) - 1.0 })
}

/// The exact test for small samples without ties, by counting the arrangements that are no likelier (the recursion of Mann
/// and Whitney 1947).
pub fn mann_whitney_exact(sample: &Sample, other: &Sample) -> Computed<MannWhitney> {
    let (n, m) = (sample.n(), other.n());
    if n * m > EXACT_PRODUCT {
        return Err(NotComputable::TooMany { most: EXACT_PRODUCT, found: n * m });
    }
    let (sums, ties) = rank_sums(&[sample, other]);
    if ties > 0.0 {
        return Err(NotComputable::Ties);
    }
    let u = sums[0] - (n * (n + 1)) as f64 / 2.0;
    let counts = arrangements(n, m);
    let extreme = u.min((n * m) as f64 - u) as usize;
    let total: f64 = counts.iter().sum();
    let p = (2.0 * counts.iter().take(extreme + 1).sum::<f64>() / total).min(1.0);
    Ok(MannWhitney { u, p, cliffs_delta: 2.0 * u / (n * m) as f64 - 1.0 })
}

/// How many of the arrangements of n and m values have each U: the coefficients of the Gaussian binomial.
fn arrangements(n: usize, m: usize) -> Vec<f64> {
    let mut counts = vec![0.0; n * m + 1];
    counts[0] = 1.0;
    for i in 1..=n {
        // Times 1 − q^(m+i), over 1 − q^i.
        for u in (m + i..=n * m).rev() {
            counts[u] -= counts[u - m - i];
        }
        for u in i..=n * m {
            counts[u] += counts[u - i];
        }
    }
    counts
}

/// Kruskal and Wallis' test of several samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KruskalWallis {
    /// The statistic, corrected for ties.
    pub h: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// By the χ² approximation.
    pub p: f64,
}

/// Whether samples come from one distribution, by ranks with the correction for ties (Kruskal and Wallis 1952, "Use of ranks
/// in one-criterion variance analysis", JASA 47).
pub fn kruskal_wallis(samples: &[&Sample]) -> Computed<KruskalWallis> {
    if samples.len() < 2 {
        return Err(NotComputable::BadGroups);
    }
    let (sums, ties) = rank_sums(samples);
    let n = samples.iter().map(|s| s.n()).sum::<usize>() as f64;
    let cube = n.powi(3) - n;
    if ties >= cube {
        return Err(NotComputable::NoVariation);
    }
    // About the mean rank, as the textbook's difference of two large numbers loses digits.
    let spread: f64 = sums
        .iter()
        .zip(samples)
        .map(|(sum, s)| s.n() as f64 * (sum / s.n() as f64 - (n + 1.0) / 2.0).powi(2))
        .sum();
    let h = 12.0 / (n * (n + 1.0)) * spread / (1.0 - ties / cube);
    let df = samples.len() as f64 - 1.0;
    Ok(KruskalWallis { h, df, p: chi_squared_upper(h, df)? })
}

/// The shift between two samples and its interval, in the unit of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The median of all differences, the first sample's value less the other's.
    pub value: f64,
    /// (lower, upper).
    pub interval: (f64, f64),
}

/// Hodges and Lehmann's estimate of the shift, the median of all pairs' differences (Hodges and Lehmann 1963, "Estimates of
/// location based on rank tests"), with Moses' interval of order statistics in the normal approximation (Hollander and Wolfe
/// 1999, "Nonparametric Statistical Methods", section 4.3). The pairs are counted, not listed: memory and time grow with the
/// sum of the sample sizes, not with their product.
pub fn hodges_lehmann(sample: &Sample, other: &Sample, level: f64) -> Computed<Shift> {
    let (n, m) = (sample.n() as u64, other.n() as u64);
    let pairs = n * m;
    let value = if pairs % 2 == 1 {
        nth_difference(sample, other, pairs / 2)
    } else {
        let (low, high) =
            (nth_difference(sample, other, pairs / 2 - 1), nth_difference(sample, other, pairs / 2));
        low + (high - low) / 2.0
    };
    let half = normal_critical(level)? * (pairs as f64 * (n + m + 1) as f64 / 12.0).sqrt();
    // Float to integer saturates at zero: the whole range, for samples too small for the level.
    let cut = ((pairs as f64 / 2.0 - half).round().max(1.0) as u64).min(pairs.div_ceil(2));
    let interval = (nth_difference(sample, other, cut - 1), nth_difference(sample, other, pairs - cut));
    if value.is_finite() && interval.0.is_finite() && interval.1.is_finite() {
        Ok(Shift { value, interval })
    } else {
        Err(NotComputable::TooLarge)
    }
}

/// The n-th smallest difference, from 0. The bracket around it shrinks by turns through interpolating the counts and through
/// bisecting all floating point numbers in their order, which is sure to end at the exact one; the last few are listed.
fn nth_difference(sample: &Sample, other: &Sample, n: u64) -> f64 {
    let (xs, ys) = (sample.sorted(), other.sorted());
    let few = 2 * (xs.len() + ys.len()) as u64;
    let (mut low, mut high) = (order_of(xs[0] - ys[ys.len() - 1]), order_of(xs[xs.len() - 1] - ys[0]));
    let (mut below, mut up_to) = (0, xs.len() as u64 * ys.len() as u64);
    let mut interpolate = true;
    while low < high && up_to - below > few {
        // Without overflow between numbers of different signs.
        let mut middle = low + ((i128::from(high) - i128::from(low)) / 2) as i64;
        if interpolate {
            let share = ((n - below) as f64 + 0.5) / (up_to - below) as f64;
            let (from, to) = (value_of(low), value_of(high));
            middle = order_of(from + (to - from) * share).clamp(low, high - 1);
        }
        interpolate = !interpolate;
        let count = at_most(xs, ys, value_of(middle));
        if count > n {
            (high, up_to) = (middle, count);
        } else {
            (low, below) = (middle + 1, count);
        }
    }
    if low == high {
        // Negative zero orders before zero but equals it.
        return value_of(low) + 0.0;
    }
    let mut left = Vec::with_capacity((up_to - below) as usize);
    let mut from = 0;
    for x in xs {
        while ys.get(from).is_some_and(|y| order_of(x - y) > high) {
            from += 1;
        }
        left.extend(ys[from..].iter().map(|y| x - y).take_while(|d| order_of(*d) >= low));
    }
    let (_, found, _) = left.select_nth_unstable_by((n - below) as usize, f64::total_cmp);
    *found + 0.0
}

/// How many differences x − y are at most `limit`; rounding keeps the order of the differences, so two pointers suffice.
fn at_most(xs: &[f64], ys: &[f64], limit: f64) -> u64 {
    let (mut count, mut above) = (0u64, 0usize);
    // As x grows, so does the first y that is large enough.
    for x in xs {
        while ys.get(above).is_some_and(|y| (x - y).total_cmp(&limit).is_gt()) {
            above += 1;
        }
        count += (ys.len() - above) as u64;
    }
    count
}

/// Integers in the order of `f64::total_cmp`, and back.
fn order_of(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn value_of(order: i64) -> f64 {
    f64::from_bits((order ^ (((order >> 63) as u64) >> 1) as i64) as u64)
}
