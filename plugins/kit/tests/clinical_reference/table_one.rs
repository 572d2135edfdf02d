//! Baseline characteristics.

use heddle_kit::stats::{
    Computed, Sample, anova, categorical_difference, chi_squared, fisher_exact, kruskal_wallis,
    standardised_difference,
};
use serde_json::{Value, json};

use crate::{
    object,
    study::{Study, Subject},
};

pub(crate) fn table_one(study: &Study) -> Value {
    let subjects = study.population("baseline");
    let n = object((0..study.arms.len()).map(|a| (&study.arms[a], json!(of_arm(&subjects, a).count()))));
    let fields = |kind: &str| study.list(&format!("/table1/{kind}"));
    let name = |field: &Value| field.as_str().unwrap().to_owned();
    json!({
        "n": n,
        "continuous": object(fields("continuous").iter().map(|f| (name(f), continuous(study, &subjects, &name(f))))),
        "categorical": object(fields("categorical").iter().map(|f| (name(f), categorical(study, &subjects, &name(f))))),
    })
}

pub(crate) fn of_arm(subjects: &[Subject], arm: usize) -> impl Iterator<Item = &Subject> {
    subjects.iter().filter(move |s| s.arm == arm)
}

pub(crate) fn summary(sample: &Sample) -> Value {
    let s = sample.summary();
    json!({"n": s.n, "mean": s.mean, "sd": s.sd, "median": s.median, "q1": s.q1, "q3": s.q3, "min": s.min, "max": s.max})
}

/// The values of each arm.
pub(crate) fn samples(study: &Study, subjects: &[Subject], field: &str) -> Computed<Vec<Sample>> {
    let of = |arm| Sample::new(of_arm(subjects, arm).filter_map(|s| s.number(field)).collect());
    (0..study.arms.len()).map(of).collect()
}

fn continuous(study: &Study, subjects: &[Subject], field: &str) -> Value {
    let samples = samples(study, subjects, field).unwrap();
    let all: Vec<&Sample> = samples.iter().collect();
    let reference = &samples[study.reference];
    let overall = Sample::merged(&all).unwrap();
    let differences = study
        .compared()
        .map(|arm| (&study.arms[arm], json!(standardised_difference(&samples[arm], reference).unwrap())));
    json!({
        "overall": summary(&overall),
        "by_arm": object(study.arms.iter().zip(&samples).map(|(arm, sample)| (arm, summary(sample)))),
        "missing": subjects.len() - overall.n(),
        "anova_p": anova(&all).unwrap().p,
        "kruskal_p": kruskal_wallis(&all).unwrap().p,
        "smd_vs_reference": object(differences),
    })
}

fn categorical(study: &Study, subjects: &[Subject], field: &str) -> Value {
    let mut categories: Vec<String> = subjects.iter().filter_map(|s| s.category(field)).collect();
    let missing = subjects.len() - categories.len();
    categories.sort();
    categories.dedup();
    let count = |category: &String, arm| {
        of_arm(subjects, arm).filter(|s| s.category(field).as_ref() == Some(category)).count() as u64
    };
    let counts: Vec<Vec<u64>> =
        categories.iter().map(|c| (0..study.arms.len()).map(|arm| count(c, arm)).collect()).collect();
    let column = |arm: usize| counts.iter().map(|row| row[arm]).collect::<Vec<_>>();
    let cells = |of: &dyn Fn(u64, usize) -> Value| {
        object(categories.iter().zip(&counts).map(|(category, row)| {
            (category, object(row.iter().enumerate().map(|(arm, n)| (&study.arms[arm], of(*n, arm)))))
        }))
    };
    let test = chi_squared(&counts).unwrap();
    let fisher = match counts.as_slice() {
        [a, b] if a.len() == 2 => json!(fisher_exact((a[0], b[0]), (a[1], b[1])).unwrap()),
        _ => Value::Null,
    };
    let reference = column(study.reference);
    let differences = study
        .compared()
        .map(|arm| (&study.arms[arm], json!(categorical_difference(&column(arm), &reference).unwrap())));
    json!({
        "missing": missing,
        "counts": cells(&|n, _| json!(n)),
        "pct": cells(&|n, arm| json!(100.0 * n as f64 / column(arm).iter().sum::<u64>() as f64)),
        "chi2": test.statistic,
        "chi2_df": test.df as u64,
        "chi2_p": test.p,
        "min_expected": test.min_expected,
        "fisher_p": fisher,
        "smd_vs_reference": object(differences),
    })
}
