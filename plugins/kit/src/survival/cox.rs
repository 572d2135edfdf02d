//! Cox's proportional hazards model.

use nalgebra::DMatrix;

use super::{Concordance, FollowUp, Ties, concordance, partial_likelihood::derivatives};
use crate::{
    model::{
        ChiTest, Coefficient, Convergence, Likelihood, NewtonOptions, Standardised, likelihood_ratio_test,
        maximise, standardise,
    },
    stats::{Computed, NotComputable},
};

/// How to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoxOptions {
    /// How tied events are handled.
    pub ties: Ties,
    /// Of the intervals.
    pub level: f64,
    /// How far the iterations go.
    pub convergence: Convergence,
    /// Most iterations.
    pub iterations: usize,
}

impl Default for CoxOptions {
    fn default() -> Self {
        Self { ties: Ties::Efron, level: 0.95, convergence: Convergence::Full, iterations: 100 }
    }
}

/// A fitted model: the hazard is that of the baseline times e to Σ bⱼ xⱼ.
#[derive(Debug, Clone)]
pub struct CoxFit {
    /// Of each column: log hazard ratios per unit, with Wald's test.
    pub coefficients: Vec<Computed<Coefficient>>,
    /// How many subjects.
    pub n: usize,
    /// How many events.
    pub events: usize,
    /// The fit's partial likelihood; where it is monotone, its bound to some six digits.
    pub likelihood: Likelihood,
    /// The partial likelihood without any column.
    pub null: Likelihood,
    /// The likelihood-ratio test of all coefficients being zero.
    pub likelihood_ratio: Computed<ChiTest>,
    /// The score test of the same (Rao 1948); for two groups without ties it is the log-rank test.
    pub score: Computed<ChiTest>,
    /// Wald's test of the same; not computable where a coefficient is infinite.
    pub wald: Computed<ChiTest>,
    /// How well the linear predictor orders the events.
    pub concordance: Computed<Concordance>,
    /// Iterations made.
    pub iterations: usize,
    pub(super) internal: Internal,
}

/// What the residuals need: everything in units of the standardised columns.
#[derive(Debug, Clone)]
pub(super) struct Internal {
    pub(super) at: Vec<f64>,
    pub(super) kept: Vec<usize>,
    pub(super) infinite: Vec<usize>,
    pub(super) covariance: DMatrix<f64>,
    pub(super) ties: Ties,
}

/// Columns by row, standardised and in the order of time.
pub(super) fn design(follow_up: &FollowUp, columns: &[&[f64]]) -> Computed<Standardised> {
    let ordered = columns
        .iter()
        .map(|column| {
            let values = follow_up.rows().iter().map(|row| column.get(*row).copied());
            values.collect::<Option<Vec<f64>>>().ok_or(NotComputable::LengthsDiffer)
        })
        .collect::<Computed<Vec<_>>>()?;
    standardise(&ordered.iter().map(Vec::as_slice).collect::<Vec<_>>(), follow_up.n(), |row| row)
}

/// Fits by Newton and Raphson's method with step halving (Cox 1972, "Regression models and life-tables", JRSS B 34; Therneau and
/// Grambsch 2000, "Modeling Survival Data", chapter 3). `columns` hold a value for each row of the follow-up. Needs an event and
/// a column. A column that follows from others, or whose coefficient is infinite as a group has no events, says so in its
/// place; the other coefficients and the likelihood stand.
pub fn cox(follow_up: &FollowUp, columns: &[&[f64]], options: &CoxOptions) -> Computed<CoxFit> {
    let (n, events) = (follow_up.n(), follow_up.event_count());
    if events == 0 {
        return Err(NotComputable::NoEvents);
    }
    if columns.is_empty() {
        return Err(NotComputable::TooFew { needed: 1, found: 0 });
    }
    let design = design(follow_up, columns)?;
    let runs: Vec<_> = follow_up.ties().collect();
    let newton = NewtonOptions { convergence: options.convergence, iterations: options.iterations };
    let ascent =
        maximise(columns.len(), events, |at| derivatives(&runs, &design, options.ties, at), &newton)?;
    let coefficients: Vec<Computed<Coefficient>> = (0..columns.len())
        .map(|column| {
            let place = ascent.place(column)?;
            let scale = design.scales[column];
            let se = ascent.covariance[(place, place)].sqrt() / scale;
            Coefficient::wald(ascent.at[column] / scale, se, options.level)
        })
        .collect();
    let df = ascent.kept.len() as f64;
    let likelihood = Likelihood { log: ascent.value, parameters: ascent.kept.len(), n };
    let null = Likelihood { log: ascent.start.value, parameters: 0, n };
    let none = coefficients.iter().find_map(|c| c.err()).unwrap_or(NotComputable::NoVariation);
    let score = ascent.score_statistic().filter(|_| df > 0.0).ok_or(none).and_then(|s| ChiTest::new(s, df));
    let wald = match (ascent.infinite.first(), ascent.covariance.clone().try_inverse()) {
        (Some(column), _) => Err(NotComputable::Separation { column: *column }),
        (None, Some(information)) if df > 0.0 => {
            let at = nalgebra::DVector::from_iterator(
                ascent.kept.len(),
                ascent.kept.iter().map(|k| ascent.at[*k]),
            );
            ChiTest::new(at.dot(&(information * &at)), df)
        }
        _ => Err(none),
    };
    let mut scores = vec![0.0; follow_up.rows().iter().max().map_or(0, |most| most + 1)];
    for (at, row) in follow_up.rows().iter().enumerate() {
        let x = &design.rows[at * design.width..(at + 1) * design.width];
        scores[*row] = x.iter().zip(&ascent.at).map(|(x, b)| x * b).sum();
    }
    Ok(CoxFit {
        coefficients,
        n,
        events,
        likelihood,
        null,
        likelihood_ratio: if df > 0.0 { likelihood_ratio_test(null, likelihood) } else { Err(none) },
        score,
        wald,
        concordance: concordance(follow_up, &scores),
        iterations: ascent.iterations,
        internal: Internal {
            at: ascent.at,
            kept: ascent.kept,
            infinite: ascent.infinite,
            covariance: ascent.covariance,
            ties: options.ties,
        },
    })
}
