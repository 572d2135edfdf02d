//! Whether hazards are proportional: Schoenfeld's residuals against time.

use super::{
    CoxFit, FollowUp, KaplanMeier, Ties,
    cox::design,
    partial_likelihood::{RiskSet, predictors},
};
use crate::{
    model::ChiTest,
    stats::{Computed, NotComputable},
};

/// The scale of time on which a coefficient might change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeTransform {
    /// The rank of the event among the events; tied events share their mean rank.
    Rank,
    /// The position of the event among the events; tied events are in the order of their rows. As lifelines' rank; the result
    /// depends on the rows' order where events are tied.
    Position,
    /// Time itself.
    Identity,
    /// The logarithm of time; events at time zero are not computable.
    Log,
    /// One less the Kaplan–Meier estimate.
    KaplanMeier,
}

/// A test of proportional hazards, and what a plot of it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ProportionalHazards {
    /// For each column, with one degree of freedom.
    pub columns: Vec<Computed<ChiTest>>,
    /// For all columns together.
    pub global: Computed<ChiTest>,
    /// The times of the events, ascending.
    pub times: Vec<f64>,
    /// For each column, at each of the times: the scaled residual plus the coefficient, which is about the coefficient at that
    /// time. Empty for a column without an estimate.
    pub residuals: Vec<Vec<f64>>,
}

/// Tests whether the coefficients of a fit change with transformed time, by the scaled Schoenfeld residuals (Schoenfeld 1982,
/// "Partial residuals for the proportional hazards regression model", Biometrika 69; Grambsch and Therneau 1994, "Proportional
/// hazards tests and diagnostics based on weighted residuals", Biometrika 81, with the average information for that at each
/// time). `follow_up` and `columns` are those of the fit. Needs two different times of events.
pub fn proportional_hazards(
    fit: &CoxFit,
    follow_up: &FollowUp,
    columns: &[&[f64]],
    transform: TimeTransform,
) -> Computed<ProportionalHazards> {
    if columns.len() != fit.coefficients.len()
        || follow_up.n() != fit.n
        || follow_up.event_count() != fit.events
    {
        return Err(NotComputable::LengthsDiffer);
    }
    let design = design(follow_up, columns)?;
    let usable: Vec<usize> = (0..fit.internal.kept.len())
        .filter(|place| !fit.internal.infinite.contains(&fit.internal.kept[*place]))
        .collect();
    let raw = raw_residuals(fit, follow_up, &design.rows, &predictors(&design, &fit.internal.at));
    let times: Vec<f64> =
        follow_up.times().iter().zip(follow_up.events()).filter(|(_, e)| **e).map(|(t, _)| *t).collect();
    let clock = transformed(follow_up, &times, transform)?;
    let events = times.len() as f64;
    let centre = clock.iter().sum::<f64>() / events;
    let spread: f64 = clock.iter().map(|g| (g - centre).powi(2)).sum();
    if spread <= 1e-24 * centre * centre * events {
        return Err(NotComputable::NoVariation);
    }
    let covariance = &fit.internal.covariance;
    let kept = &fit.internal.kept;
    let width = columns.len();
    let score: Vec<f64> = usable
        .iter()
        .map(|j| raw.chunks_exact(width).zip(&clock).map(|(r, g)| (g - centre) * r[kept[*j]]).sum())
        .collect();
    let scaled = |place: usize, residual: &dyn Fn(usize) -> f64| -> f64 {
        usable.iter().enumerate().map(|(at, j)| covariance[(place, *j)] * residual(at)).sum::<f64>() * events
    };
    let of = |column: usize| -> Computed<(usize, f64)> {
        let estimate = fit.coefficients[column]?.estimate;
        let place = kept.iter().position(|k| *k == column).ok_or(NotComputable::Collinear { column })?;
        Ok((place, estimate))
    };
    let tests = (0..width)
        .map(|column| {
            let (place, _) = of(column)?;
            let slope = scaled(place, &|at| score[at]);
            ChiTest::new(slope * slope / (events * covariance[(place, place)] * spread), 1.0)
        })
        .collect();
    let residuals = (0..width)
        .map(|column| {
            let Ok((place, estimate)) = of(column) else { return Vec::new() };
            let scale = design.scales[column];
            raw.chunks_exact(width)
                .map(|r| estimate + scaled(place, &|at| r[kept[usable[at]]]) / scale)
                .collect()
        })
        .collect();
    let whole: f64 =
        usable.iter().enumerate().map(|(at, j)| score[at] * scaled(*j, &|at| score[at])).sum::<f64>()
            / spread;
    let global = if usable.is_empty() {
        Err(NotComputable::NoVariation)
    } else {
        ChiTest::new(whole, usable.len() as f64)
    };
    Ok(ProportionalHazards { columns: tests, global, times, residuals })
}

/// Row-major, one row for each event by ascending time: the column less its mean over the risk set, as Efron's average over
/// tied events has it.
fn raw_residuals(fit: &CoxFit, follow_up: &FollowUp, rows: &[f64], eta: &[f64]) -> Vec<f64> {
    let p = fit.coefficients.len();
    let mut residuals = Vec::with_capacity(fit.events * p);
    let (mut whole, mut part) = (RiskSet::new(p), RiskSet::new(p));
    let mut means = Vec::new();
    for (start, died, end) in follow_up.ties().rev() {
        part.clear();
        let offset = whole.raise(&eta[start..end]);
        for (i, predictor) in eta.iter().enumerate().take(end).skip(start) {
            let (weight, x) = ((predictor - offset).exp(), &rows[i * p..(i + 1) * p]);
            whole.add(weight, x);
            if i < died {
                part.add(weight, x);
            }
        }
        let events = died - start;
        let mut mean = vec![0.0; p];
        for event in 0..events {
            let share = event as f64 / events as f64;
            let gone = if fit.internal.ties == Ties::Efron { share } else { 0.0 };
            let total = (whole.weight - gone * part.weight) * events as f64;
            for (sum, (all, tied)) in mean.iter_mut().zip(whole.columns.iter().zip(&part.columns)) {
                *sum += (all - gone * tied) / total;
            }
        }
        means.push((start, died, mean));
    }
    for (start, died, mean) in means.into_iter().rev() {
        for i in start..died {
            residuals.extend((0..p).map(|j| rows[i * p + j] - mean[j]));
        }
    }
    residuals
}

/// The events' times, which ascend, on the scale.
fn transformed(follow_up: &FollowUp, times: &[f64], transform: TimeTransform) -> Computed<Vec<f64>> {
    match transform {
        TimeTransform::Identity => Ok(times.to_vec()),
        TimeTransform::Log if times.first().is_some_and(|t| *t <= 0.0) => Err(NotComputable::NegativeTime),
        TimeTransform::Log => Ok(times.iter().map(|t| t.ln()).collect()),
        TimeTransform::Position => Ok((1..=times.len()).map(|rank| rank as f64).collect()),
        TimeTransform::Rank => {
            let mut ranks = Vec::with_capacity(times.len());
            for run in times.chunk_by(|a, b| a == b) {
                let rank = ranks.len() as f64 + (run.len() as f64 + 1.0) / 2.0;
                ranks.extend(run.iter().map(|_| rank));
            }
            Ok(ranks)
        }
        TimeTransform::KaplanMeier => {
            let curve = KaplanMeier::new(follow_up, 0.95)?;
            Ok(times.iter().map(|t| 1.0 - curve.survival(*t).0).collect())
        }
    }
}
