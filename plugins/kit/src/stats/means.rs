//! Comparisons of means: t tests, standardised differences, analysis of variance.

use super::{
    Computed, NotComputable, Sample, f_upper, normal_critical, student_critical, student_two_sided,
    tails::checked_level,
};

/// A t test of two means and the interval of their difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TTest {
    /// The difference of the means, the first less the second, in the unit of the values.
    pub difference: f64,
    /// Its standard error.
    pub se: f64,
    /// The statistic.
    pub t: f64,
    /// The degrees of freedom; after Welch they are not whole.
    pub df: f64,
    /// Two-sided.
    pub p: f64,
    /// (lower, upper) of the difference.
    pub interval: (f64, f64),
}

/// Welch's test, which does not assume equal variances (Welch 1947, "The generalization of 'Student's' problem when several
/// different population variances are involved"; degrees of freedom by Satterthwaite 1946).
pub fn welch_test(sample: &Sample, other: &Sample, level: f64) -> Computed<TTest> {
    let (a, b) = (sample.variance()? / sample.n() as f64, other.variance()? / other.n() as f64);
    let total = a + b;
    if total.sqrt() <= rounding(sample, other) {
        return Err(NotComputable::NoVariation);
    }
    // Shares of the whole, as the squares of very small variances would vanish.
    let (a, b) = (a / total, b / total);
    let df = 1.0 / (a * a / (sample.n() - 1) as f64 + b * b / (other.n() - 1) as f64);
    t_test(sample.mean() - other.mean(), total.sqrt(), df, level)
}

/// Student's test with the pooled variance (Student 1908, "The probable error of a mean").
pub fn student_test(sample: &Sample, other: &Sample, level: f64) -> Computed<TTest> {
    let df = (sample.n() + other.n()).saturating_sub(2) as f64;
    let se = pooled_sd(sample, other)? * (1.0 / sample.n() as f64 + 1.0 / other.n() as f64).sqrt();
    t_test(sample.mean() - other.mean(), se, df, level)
}

/// The t statistic of an estimate, its p-value and interval.
pub(crate) fn t_test(difference: f64, se: f64, df: f64, level: f64) -> Computed<TTest> {
    if se <= 0.0 {
        return Err(NotComputable::NoVariation);
    }
    let t = difference / se;
    let half = student_critical(level, df)? * se;
    let interval = (difference - half, difference + half);
    Ok(TTest { difference, se, t, df, p: student_two_sided(t, df)?, interval })
}

fn pooled_sd(sample: &Sample, other: &Sample) -> Computed<f64> {
    sample.variance()?;
    other.variance()?;
    let pooled = (sample.squares() + other.squares()) / (sample.n() + other.n() - 2) as f64;
    if pooled.sqrt() > rounding(sample, other) { Ok(pooled.sqrt()) } else { Err(NotComputable::NoVariation) }
}

/// A spread of no more than this is what rounding makes of equal values.
const NEGLIGIBLE: f64 = 10.0 * f64::EPSILON;

fn rounding(sample: &Sample, other: &Sample) -> f64 {
    NEGLIGIBLE * sample.mean().abs().max(other.mean().abs())
}

/// The standardised mean difference for balance, (m₁ − m₂) / √((s₁² + s₂²) / 2): it does not depend on the sample sizes
/// (Austin 2009, "Balance diagnostics for comparing the distribution of baseline covariates", Statistics in Medicine 28).
pub fn standardised_difference(sample: &Sample, other: &Sample) -> Computed<f64> {
    standardised((sample.mean(), sample.variance()?), (other.mean(), other.variance()?))
}

/// The same from each group's mean and variance.
pub(crate) fn standardised(group: (f64, f64), other: (f64, f64)) -> Computed<f64> {
    let spread = ((group.1 + other.1) / 2.0).sqrt();
    let difference = group.0 - other.0;
    if spread > 0.0 {
        Ok(difference / spread)
    } else if difference == 0.0 {
        Ok(0.0)
    } else {
        Err(NotComputable::NoVariation)
    }
}

/// A standardised effect and its interval, without a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// The estimate.
    pub value: f64,
    /// (lower, upper).
    pub interval: (f64, f64),
}

/// Cohen's d: the difference of the means over the pooled standard deviation, with the large-sample interval from
/// var(d) = (n₁ + n₂)/(n₁n₂) + d²/(2(n₁ + n₂)) (Hedges and Olkin 1985, "Statistical Methods for Meta-Analysis", chapter 5).
pub fn cohens_d(sample: &Sample, other: &Sample, level: f64) -> Computed<Effect> {
    standardised_effect(sample, other, level, 1.0)
}

/// Hedges' g: d with the small-sample factor J = 1 − 3/(4N − 9) of N values in all, and its interval scaled likewise (Hedges
/// 1981, "Distribution theory for Glass's estimator of effect size and related estimators").
pub fn hedges_g(sample: &Sample, other: &Sample, level: f64) -> Computed<Effect> {
    let n = (sample.n() + other.n()) as f64;
    standardised_effect(sample, other, level, 1.0 - 3.0 / (4.0 * n - 9.0))
}

fn standardised_effect(sample: &Sample, other: &Sample, level: f64, factor: f64) -> Computed<Effect> {
    let d = (sample.mean() - other.mean()) / pooled_sd(sample, other)?;
    let (n, m) = (sample.n() as f64, other.n() as f64);
    let half = normal_critical(level)? * ((n + m) / (n * m) + d * d / (2.0 * (n + m))).sqrt();
    Ok(Effect { value: factor * d, interval: (factor * (d - half), factor * (d + half)) })
}

/// An F test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FTest {
    /// The statistic.
    pub f: f64,
    /// Degrees of freedom of the numerator.
    pub df: f64,
    /// Degrees of freedom of the denominator.
    pub residual_df: f64,
    /// P of at least this F under the null hypothesis.
    pub p: f64,
}

/// One-way analysis of variance of two or more groups (Fisher 1925, "Statistical Methods for Research Workers").
pub fn anova(groups: &[&Sample]) -> Computed<FTest> {
    let moments: Vec<_> = groups.iter().map(|g| (g.n() as f64, g.mean(), g.squares())).collect();
    one_way(&moments, moments.iter().fold(0.0, |most, m| m.1.abs().max(most)))
}

/// Brown and Forsythe's test of equal variances: the analysis of variance of the distances from each group's median
/// (Brown and Forsythe 1974, "Robust tests for the equality of variances", JASA 69; Levene's test about the median).
pub fn brown_forsythe(groups: &[&Sample]) -> Computed<FTest> {
    let distances = |group: &&Sample| {
        let centre = group.quantile(0.5);
        Sample::new(group.sorted().iter().map(|v| (v - centre).abs()).collect())
    };
    let distances = groups.iter().map(distances).collect::<Computed<Vec<_>>>()?;
    let moments: Vec<_> = distances.iter().map(|g| (g.n() as f64, g.mean(), g.squares())).collect();
    // The distances carry the rounding errors of the values that they are between.
    let ends = groups.iter().flat_map(|g| g.sorted().first().into_iter().chain(g.sorted().last()));
    one_way(&moments, ends.fold(0.0, |most, v| v.abs().max(most)))
}

/// From (n, mean, sum of squares within) of each group, of values up to this size.
fn one_way(groups: &[(f64, f64, f64)], size: f64) -> Computed<FTest> {
    if groups.len() < 2 {
        return Err(NotComputable::BadGroups);
    }
    let n: f64 = groups.iter().map(|g| g.0).sum();
    let grand = groups.iter().map(|g| g.0 * g.1).sum::<f64>() / n;
    let between: f64 = groups.iter().map(|g| g.0 * (g.1 - grand).powi(2)).sum();
    let within: f64 = groups.iter().map(|g| g.2).sum();
    let (df, residual_df) = (groups.len() as f64 - 1.0, n - groups.len() as f64);
    if residual_df <= 0.0 {
        return Err(NotComputable::NoResidualDegrees);
    }
    if within <= n * (NEGLIGIBLE * size).powi(2) {
        return Err(NotComputable::NoVariation);
    }
    let f = (between / df) / (within / residual_df);
    Ok(FTest { f, df, residual_df, p: f_upper(f, df, residual_df)? })
}

/// Student's t interval of one mean (Student 1908, "The probable error of a mean", Biometrika 6), (lower, upper), at a
/// confidence `level`. Needs two values.
pub fn sample_mean_interval(sample: &Sample, level: f64) -> Computed<(f64, f64)> {
    let se = (sample.variance()? / sample.n() as f64).sqrt();
    let half = student_critical(checked_level(level)?, (sample.n() - 1) as f64)? * se;
    Ok((sample.mean() - half, sample.mean() + half))
}
