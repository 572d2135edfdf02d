//! Propensity scores: groups that were not randomised, made comparable.

use std::collections::BTreeMap;

use super::{LogisticOptions, logistic};
use crate::stats::{Computed, NotComputable, Sample, mean, sd, standardised};

/// The log-odds of being treated given the covariates (Rosenbaum and Rubin 1983, "The central role of the propensity score in
/// observational studies for causal effects", Biometrika 70). Where covariates separate the groups there is nothing to match.
pub fn propensity_logits(covariates: &[&[f64]], treated: &[bool]) -> Computed<Vec<f64>> {
    let fit = logistic(covariates, treated, &LogisticOptions::default())?;
    let separated = fit.coefficients.iter().find_map(|c| match c {
        Err(reason @ NotComputable::Separation { .. }) => Some(*reason),
        _ => None,
    });
    separated.map_or(Ok(fit.logits), Err)
}

/// Pairs of a treated and an untreated subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// Positions of (treated, untreated), in the order of the treated's positions.
    pub pairs: Vec<(usize, usize)>,
    /// Positions of the treated without a partner within the caliper.
    pub unmatched: Vec<usize>,
    /// The caliper, in log-odds.
    pub caliper: f64,
}

/// Greedy nearest-neighbour matching 1:1 without replacement on the logit, within `caliper` pooled standard deviations of it;
/// 0.2 is Austin's choice (Austin 2011, "Optimal caliper widths for propensity-score matching", Pharmaceutical Statistics 10).
/// The treated choose from the highest logit down, as they have the fewest candidates; ties go to the lower position. No
/// randomness; time O(n log n).
pub fn match_nearest(logits: &[f64], treated: &[bool], caliper: f64) -> Computed<Matching> {
    if logits.len() != treated.len() {
        return Err(NotComputable::LengthsDiffer);
    }
    let of = |side: bool| -> Vec<usize> { (0..logits.len()).filter(|i| treated[*i] == side).collect() };
    let (mut choosers, candidates) = (of(true), of(false));
    let sample = |of: &[usize]| Sample::new(of.iter().map(|i| logits[*i]).collect());
    let (a, b) = (sample(&choosers)?.variance()?, sample(&candidates)?.variance()?);
    let caliper = caliper * ((a + b) / 2.0).sqrt();
    choosers.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
    let mut free: BTreeMap<(u64, usize), f64> =
        candidates.iter().map(|i| ((ordered(logits[*i]), *i), logits[*i])).collect();
    let (mut pairs, mut unmatched) = (Vec::new(), Vec::new());
    for at in choosers {
        let wanted = logits[at];
        let above = free.range((ordered(wanted), 0)..).next();
        // The first of the equals, not the last, so that ties go to the lower position.
        let below = free.range(..(ordered(wanted), 0)).next_back();
        let below = below.and_then(|((key, _), _)| free.range((*key, 0)..).next());
        let distance = |candidate: &(&(u64, usize), &f64)| (candidate.1 - wanted).abs();
        let nearest = [above, below]
            .into_iter()
            .flatten()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.0.1.cmp(&b.0.1)))
            .filter(|candidate| distance(candidate) <= caliper)
            .map(|(key, _)| *key);
        match nearest {
            Some(key) => {
                free.remove(&key);
                pairs.push((at, key.1));
            }
            None => unmatched.push(at),
        }
    }
    pairs.sort_unstable();
    unmatched.sort_unstable();
    Ok(Matching { pairs, unmatched, caliper })
}

/// Integers in the order of the numbers, with one for both zeros.
fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

/// A covariate's standardised mean difference, treated less untreated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// Over all subjects.
    pub before: Computed<f64>,
    /// Over the matched ones.
    pub after: Computed<f64>,
}

/// How matching changed the balance of a covariate: below 0.1 counts as balanced (Austin 2009).
pub fn balance(covariate: &[f64], treated: &[bool], matching: &Matching) -> Computed<Balance> {
    if covariate.len() != treated.len() {
        return Err(NotComputable::LengthsDiffer);
    }
    if covariate.iter().any(|v| !v.is_finite()) {
        return Err(NotComputable::NotFinite);
    }
    let all = |side: bool| (0..covariate.len()).filter(|i| treated[*i] == side).collect::<Vec<_>>();
    let difference = |ours: Vec<usize>, theirs: Vec<usize>| {
        let moments = |of: Vec<usize>| {
            let found = of.len();
            let values =
                of.into_iter().map(|i| covariate.get(i).copied().ok_or(NotComputable::LengthsDiffer));
            let values = values.collect::<Computed<Vec<f64>>>()?;
            let both = mean(&values).zip(sd(&values)).ok_or(NotComputable::TooFew { needed: 2, found })?;
            if both.1.is_finite() { Ok((both.0, both.1.powi(2))) } else { Err(NotComputable::TooLarge) }
        };
        standardised(moments(ours)?, moments(theirs)?)
    };
    let (ours, theirs) = matching.pairs.iter().copied().unzip();
    Ok(Balance { before: difference(all(true), all(false)), after: difference(ours, theirs) })
}
