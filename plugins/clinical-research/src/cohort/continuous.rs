//! A continuous variable by arm: location, spread, differences.

use std::collections::BTreeMap;

use heddle_kit::{
    report::counted,
    stats::{
        Computed, NotComputable, Sample, anova, f_upper, kruskal_wallis, mann_whitney,
        standardised_difference, welch_test,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    figure::{ChosenTest, Figure},
    groups::Groups,
};
use crate::privacy::told_age;

/// From this skewness on, a mean says little of the middle and tests of ranks are used (Bulmer 1979, "Principles of
/// Statistics", calls distributions beyond 1 highly skewed).
const SKEWED: f64 = 1.0;
/// From this ratio of the largest to the smallest standard deviation on, equal variances are not assumed.
const UNEQUAL: f64 = 2.0;

/// Location and spread of the values of a group, in the unit of the variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// Values.
    pub n: usize,
    /// The arithmetic mean.
    pub mean: Figure,
    /// The standard deviation with divisor n − 1.
    pub sd: Figure,
    /// The median.
    pub median: Figure,
    /// The lower quartile (type 7 of Hyndman and Fan).
    pub q1: Figure,
    /// The upper quartile.
    pub q3: Figure,
    /// The smallest value.
    pub min: Figure,
    /// How people are to be told the smallest value where it is a single person's great age: "over 89".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_told: Option<String>,
    /// The largest value.
    pub max: Figure,
    /// How people are to be told the largest value where it is a single person's great age: "over 89" (45 CFR 164.514(b)(2)(i)(C)). The
    /// figure stays, as ages do in the validated data: it is to be left out before the file is given away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_told: Option<String>,
}

/// Where a picture shows a single age over 89.
pub(crate) const OVER_89: f64 = 90.0;

impl Spread {
    /// With the words for ages of single persons over 89.
    fn with_old(mut self, path: &str) -> Self {
        let ends = [(&self.min, &mut self.min_told), (&self.max, &mut self.max_told)];
        for (figure, told) in ends {
            if let Some(words) = figure.value().and_then(|value| told_age(path, value)) {
                *told = Some(words.to_owned());
            }
        }
        self
    }
}

/// A continuous variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Continuous {
    /// Its name for people.
    pub label: String,
    /// All arms together.
    pub overall: Spread,
    /// Each arm.
    pub by_arm: BTreeMap<String, Spread>,
    /// Members of the population without a value.
    pub missing: usize,
    /// The same by arm.
    pub missing_by_arm: BTreeMap<String, usize>,
    /// One-way analysis of variance of the arms that have values; for two arms this is Student's t test.
    pub anova_p: Figure,
    /// Welch's test, which does not assume equal variances: the t test for two arms, Welch's analysis of variance for more.
    pub welch_p: Figure,
    /// Kruskal and Wallis' test of the arms that have values.
    pub kruskal_p: Figure,
    /// Skewness within arms: Σ(x − x̄ₐ)³/N over (Σ(x − x̄ₐ)²/N)^1.5 with each arm's own mean.
    pub skewness: Figure,
    /// The test for Table 1.
    pub test: ChosenTest,
    /// Standardised mean difference of each arm to the reference, (m₁ − m₂) / √((s₁² + s₂²) / 2).
    pub smd_vs_reference: BTreeMap<String, Figure>,
}

impl Continuous {
    /// With the words for ages of single persons over 89, of a field of ages.
    pub(crate) fn with_old(mut self, path: &str) -> Self {
        self.overall = self.overall.with_old(path);
        self.by_arm = self.by_arm.into_iter().map(|(arm, spread)| (arm, spread.with_old(path))).collect();
        self
    }
}

/// Describes a variable over the members of the population.
pub(crate) fn describe(groups: &Groups<'_>, label: String, values: &[Option<f64>]) -> Continuous {
    let samples = groups.samples(values);
    let found: Vec<&Sample> = samples.iter().flatten().collect();
    // Values that are too large to compute with are there all the same.
    let n_of = |arm: usize| {
        let has = |row: &&u32| values.get(**row as usize).copied().flatten().is_some();
        groups.rows.get(arm).map_or(0, |rows| rows.iter().filter(has).count())
    };
    let n_all: usize = (0..samples.len()).map(n_of).sum();
    let overall = match samples.iter().find_map(|s| s.as_ref().err().filter(|e| !is_absent(e))) {
        Some(reason) => spread(&Err(*reason), n_all),
        None => spread(&Sample::merged(&found), n_all),
    };
    let skewness = skewness(&found);
    Continuous {
        label,
        missing: groups.total() - overall.n.min(groups.total()),
        overall,
        by_arm: groups.by_arm(|arm| spread(samples.get(arm).unwrap_or(&empty()), n_of(arm))),
        missing_by_arm: groups.by_arm(|arm| groups.n(arm) - n_of(arm).min(groups.n(arm))),
        anova_p: anova(&found).map(|t| t.p).into(),
        welch_p: welch(&found).into(),
        kruskal_p: kruskal_wallis(&found).map(|t| t.p).into(),
        test: choose(&found, &samples, skewness),
        skewness: skewness.into(),
        smd_vs_reference: groups.by_other(|arm| smd(&samples, arm, groups.reference)),
    }
}

fn empty() -> Computed<Sample> {
    Err(NotComputable::TooFew { needed: 1, found: 0 })
}

/// Whether nothing can be computed because there are no values.
fn is_absent(reason: &NotComputable) -> bool {
    matches!(reason, NotComputable::TooFew { .. })
}

/// `n` values, of which nothing else may be computable.
fn spread(sample: &Computed<Sample>, n: usize) -> Spread {
    let sample = match sample {
        Ok(sample) => sample.summary(),
        Err(reason) => {
            let none = || Figure::missing(reason.to_string());
            return Spread {
                n,
                mean: none(),
                sd: none(),
                median: none(),
                q1: none(),
                q3: none(),
                min: none(),
                min_told: None,
                max: none(),
                max_told: None,
            };
        }
    };
    Spread {
        n: sample.n,
        mean: sample.mean.into(),
        sd: sample.sd.ok_or(NotComputable::TooFew { needed: 2, found: sample.n }).into(),
        median: sample.median.into(),
        q1: sample.q1.into(),
        q3: sample.q3.into(),
        min: sample.min.into(),
        min_told: None,
        max: sample.max.into(),
        max_told: None,
    }
}

fn smd(samples: &[Computed<Sample>], arm: usize, reference: usize) -> Figure {
    match (samples.get(arm), samples.get(reference)) {
        (Some(Ok(sample)), Some(Ok(other))) => standardised_difference(sample, other).into(),
        (Some(Err(reason)), _) | (_, Some(Err(reason))) if !is_absent(reason) => {
            Figure::missing(reason.to_string())
        }
        _ => Figure::missing("the arm or the reference arm has no values"),
    }
}

fn skewness(samples: &[&Sample]) -> Computed<f64> {
    let n: usize = samples.iter().map(|s| s.n()).sum();
    let scale = (samples.iter().map(|s| s.squares()).sum::<f64>() / n.max(1) as f64).sqrt();
    if scale <= 0.0 {
        return Err(NotComputable::NoVariation);
    }
    let cubes = samples.iter().flat_map(|s| s.sorted().iter().map(|v| ((v - s.mean()) / scale).powi(3)));
    Ok(cubes.sum::<f64>() / n as f64)
}

/// Welch's t test of two samples; of more, his analysis of variance with F on k − 1 and fractional degrees of freedom (Welch
/// 1951, "On the comparison of several mean values: an alternative approach", Biometrika 38).
fn welch(samples: &[&Sample]) -> Computed<f64> {
    if let [sample, other] = samples {
        return welch_test(sample, other, 0.95).map(|t| t.p);
    }
    if samples.len() < 2 {
        return Err(NotComputable::BadGroups);
    }
    let mut moments = Vec::with_capacity(samples.len());
    for sample in samples {
        let variance = sample.variance()?;
        if variance <= 0.0 {
            return Err(NotComputable::NoVariation);
        }
        moments.push((sample.n() as f64 / variance, sample.mean(), sample.n() as f64 - 1.0));
    }
    let k = samples.len() as f64;
    let total: f64 = moments.iter().map(|m| m.0).sum();
    let centre = moments.iter().map(|m| m.0 / total * m.1).sum::<f64>();
    let between = moments.iter().map(|m| m.0 * (m.1 - centre).powi(2)).sum::<f64>() / (k - 1.0);
    let loss: f64 = moments.iter().map(|m| (1.0 - m.0 / total).powi(2) / m.2).sum();
    let f = between / (1.0 + 2.0 * (k - 2.0) / (k * k - 1.0) * loss);
    if !f.is_finite() {
        return Err(NotComputable::TooLarge);
    }
    f_upper(f, k - 1.0, (k * k - 1.0) / (3.0 * loss))
}

/// The rule that is stated in the report: ranks for skewed variables; else means, with Welch's test for two arms and for arms
/// whose standard deviations differ much.
fn choose(samples: &[&Sample], arms: &[Computed<Sample>], skewness: Computed<f64>) -> ChosenTest {
    let n_arms = arms.len();
    let failed = |absent: bool| {
        arms.iter().filter_map(|arm| arm.as_ref().err()).filter(move |e| is_absent(e) == absent).count()
    };
    let told = |n: usize, one: &str, many: &str| match n {
        0 => String::new(),
        _ => format!("; {n} of {} {}", counted(n_arms, "arm", "arms"), if n == 1 { one } else { many }),
    };
    let left_out = told(failed(true), "has no values and is left out", "have no values and are left out")
        + &told(
            failed(false),
            "has values too large to compute with and is left out",
            "have values too large to compute with and are left out",
        );
    let chosen = |name: &str, p: Computed<f64>, why: String| ChosenTest {
        name: name.to_owned(),
        p: p.into(),
        why: why + &left_out,
    };
    let sds: Vec<f64> = samples.iter().filter_map(|s| s.variance().ok()).map(f64::sqrt).collect();
    let (least, most) = sds.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), sd| (a.min(*sd), b.max(*sd)));
    match (samples, skewness) {
        ([] | [_], _) => chosen(
            "none",
            Err(NotComputable::BadGroups),
            format!(
                "{} of {} values to compute with",
                samples.len(),
                counted(n_arms, "arm has", "arms have")
            ),
        ),
        ([sample, other], Ok(skew)) if skew.abs() > SKEWED => chosen(
            "Mann–Whitney U test",
            mann_whitney(sample, other).map(|t| t.p),
            format!("continuous, skewed within arms (skewness {skew:.2}, beyond ±1), two arms"),
        ),
        (_, Ok(skew)) if skew.abs() > SKEWED => chosen(
            "Kruskal–Wallis test",
            kruskal_wallis(samples).map(|t| t.p),
            format!("continuous, skewed within arms (skewness {skew:.2}, beyond ±1), {} arms", samples.len()),
        ),
        ([_, _], _) => chosen(
            "Welch's t test",
            welch(samples),
            "continuous, not highly skewed, two arms, equal variances not assumed".to_owned(),
        ),
        _ if most > UNEQUAL * least => chosen(
            "Welch's analysis of variance",
            welch(samples),
            format!(
                "continuous, not highly skewed, {} arms whose standard deviations differ more than twofold",
                samples.len()
            ),
        ),
        _ => chosen(
            "one-way analysis of variance",
            anova(samples).map(|t| t.p),
            format!("continuous, not highly skewed, {} arms of similar standard deviation", samples.len()),
        ),
    }
}
