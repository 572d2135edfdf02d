//! Endpoints at a visit, and the subgroups of the primary one.

use heddle_kit::{
    model::{
        LogisticOptions, ancova, indicators, least_squares, likelihood_ratio_test, logistic, nested_f_test,
        products,
    },
    stats::{
        Proportion, Sample, TTest, anova, chi_squared, chi_squared_yates, cohens_d, fisher_exact, hedges_g,
        hodges_lehmann, kruskal_wallis, mann_whitney, odds_ratio, risk_difference, risk_ratio, student_test,
        welch_test, wilson_interval,
    },
};
use serde_json::{Value, json};

use crate::{
    object,
    study::{Study, Subject},
    table_one::{of_arm, samples, summary},
};

pub(crate) fn endpoints(study: &Study) -> Value {
    let subjects = study.population("efficacy");
    let primary = study.protocol["endpoints"]["primary"].clone();
    let all = std::iter::once(primary).filter(|p| !p.is_null()).chain(study.list("/endpoints/secondary"));
    all.map(|endpoint| {
        let field = format!("endpoints.{}", endpoint["id"].as_str().unwrap());
        let mut found = match endpoint["type"].as_str().unwrap() {
            "binary" => binary(study, &subjects, &field),
            _ => numeric(study, &subjects, &field, endpoint["baseline_field"].as_str()),
        };
        found["id"] = endpoint["id"].clone();
        found["type"] = endpoint["type"].clone();
        found
    })
    .collect()
}

fn t_test(test: &TTest) -> Value {
    json!({"t": test.t, "df": test.df, "p": test.p, "ci": test.interval})
}

fn numeric(study: &Study, subjects: &[Subject], field: &str, baseline: Option<&str>) -> Value {
    let samples = samples(study, subjects, field).unwrap();
    let reference = &samples[study.reference];
    let all: Vec<&Sample> = samples.iter().collect();
    let compared = study.compared().map(|arm| {
        let sample = &samples[arm];
        let welch = welch_test(sample, reference, study.level).unwrap();
        let ranks = mann_whitney(sample, reference).unwrap();
        let value = json!({
            "n": sample.n(),
            "n_ref": reference.n(),
            "mean_difference": welch.difference,
            "welch": t_test(&welch),
            "student": t_test(&student_test(sample, reference, study.level).unwrap()),
            "mann_whitney": {"u": ranks.u, "p_asymptotic_continuity": ranks.p},
            "hodges_lehmann": hodges_lehmann(sample, reference, study.level).unwrap().value,
            "cohens_d": cohens_d(sample, reference, study.level).unwrap().value,
            "hedges_g": hedges_g(sample, reference, study.level).unwrap().value,
            "cliffs_delta": ranks.cliffs_delta,
        });
        (&study.arms[arm], value)
    });
    let (f, h) = (anova(&all).unwrap(), kruskal_wallis(&all).unwrap());
    let mut found = json!({
        "vs_reference": object(compared),
        "by_arm": object(study.arms.iter().zip(&samples).map(|(arm, sample)| (arm, summary(sample)))),
        "anova": {"f": f.f, "p": f.p},
        "kruskal": {"h": h.h, "p": h.p},
    });
    if let Some(baseline) = baseline {
        found["ancova"] = adjusted(study, subjects, field, baseline);
    }
    found
}

fn adjusted(study: &Study, subjects: &[Subject], field: &str, baseline: &str) -> Value {
    let rows: Vec<(f64, f64, usize)> =
        subjects.iter().filter_map(|s| Some((s.number(field)?, s.number(baseline)?, s.arm))).collect();
    let column = |of: fn(&(f64, f64, usize)) -> f64| rows.iter().map(of).collect::<Vec<_>>();
    let arms: Vec<usize> = rows.iter().map(|r| r.2).collect();
    let fit =
        ancova(&column(|r| r.0), &column(|r| r.1), &arms, study.arms.len(), study.reference, study.level)
            .unwrap();
    let effects = study.compared().zip(&fit.differences).map(|(arm, effect)| {
        let e = effect.unwrap();
        let value =
            json!({"adjusted_difference": e.estimate, "se": e.se, "t": e.statistic, "p": e.p, "ci": e.interval});
        (&study.arms[arm], value)
    });
    json!({
        "n": rows.len(),
        "covariate_slope": fit.slope.unwrap().estimate,
        "residual_df": fit.fit.residual_df() as f64,
        "effects": object(effects),
    })
}

fn proportions(study: &Study, subjects: &[Subject], field: &str) -> Vec<Proportion> {
    let of = |arm| {
        let values: Vec<bool> = of_arm(subjects, arm).filter_map(|s| s.field(field).as_bool()).collect();
        Proportion { events: values.iter().filter(|v| **v).count() as u64, n: values.len() as u64 }
    };
    (0..study.arms.len()).map(of).collect()
}

fn binary(study: &Study, subjects: &[Subject], field: &str) -> Value {
    let all = proportions(study, subjects, field);
    let reference = all[study.reference];
    let rows = |of: &[Proportion]| of.iter().map(|p| vec![p.events, p.n - p.events]).collect::<Vec<_>>();
    let compared = study.compared().map(|arm| {
        let group = all[arm];
        let mut found = risks(group, reference, study.level);
        let odds = odds_ratio(group, reference, study.level).unwrap();
        let plain = chi_squared(&rows(&[group, reference])).unwrap();
        let cells = [group, reference].map(|p| [p.events, p.n - p.events]);
        let yates = chi_squared_yates(cells).unwrap();
        for (key, value) in [
            ("events", json!(group.events)),
            ("n", json!(group.n)),
            ("events_ref", json!(reference.events)),
            ("n_ref", json!(reference.n)),
            ("risk", json!(group.events as f64 / group.n as f64)),
            ("risk_ref", json!(reference.events as f64 / reference.n as f64)),
            ("odds_ratio", json!(odds.value)),
            ("or_ci", json!(odds.interval)),
            ("chi2", json!(plain.statistic)),
            ("chi2_p", json!(plain.p)),
            ("chi2_yates", json!(yates.statistic)),
            ("chi2_yates_p", json!(yates.p)),
        ] {
            found[key] = value;
        }
        (&study.arms[arm], found)
    });
    let by_arm = study.arms.iter().zip(&all).map(|(arm, p)| {
        let interval = wilson_interval(p.events, p.n, study.level).unwrap();
        let risk = p.events as f64 / p.n as f64;
        (arm, json!({"n": p.n, "events": p.events, "risk": risk, "wilson_ci": interval}))
    });
    let overall = chi_squared(&rows(&all)).unwrap();
    json!({
        "vs_reference": object(compared),
        "by_arm": object(by_arm),
        "overall_chi2": {"chi2": overall.statistic, "df": overall.df as u64, "p": overall.p},
    })
}

/// What tables of binary endpoints and of adverse events have in common.
pub(crate) fn risks(group: Proportion, reference: Proportion, level: f64) -> Value {
    let difference = risk_difference(group, reference, level).unwrap();
    let ratio = risk_ratio(group, reference, level).unwrap();
    let failures = |p: Proportion| (p.events, p.n - p.events);
    json!({
        "risk_difference": difference.value,
        "rd_ci_wald": difference.wald,
        "rd_ci_newcombe": difference.newcombe,
        "number_needed": difference.number_needed.ok(),
        "risk_ratio": ratio.value,
        "rr_ci": ratio.interval,
        "zero_cell_correction": ratio.correction,
        "fisher_p": fisher_exact(failures(group), failures(reference)).unwrap(),
    })
}

pub(crate) fn primary_subgroups(study: &Study) -> Value {
    let subjects = study.population("efficacy");
    let primary = &study.protocol["endpoints"]["primary"];
    let field = format!("endpoints.{}", primary["id"].as_str().unwrap());
    study
        .list("/subgroups")
        .iter()
        .map(|subgroup| {
            let leveled: Vec<(String, Subject)> =
                subjects.iter().filter_map(|s| Some((Study::level_of(subgroup, s)?, s.clone()))).collect();
            let mut names: Vec<String> = leveled.iter().map(|l| l.0.clone()).collect();
            names.sort();
            names.dedup();
            let levels = names.iter().map(|name| {
                let within: Vec<Subject> =
                    leveled.iter().filter(|l| l.0 == *name).map(|l| l.1.clone()).collect();
                let found = study
                    .compared()
                    .map(|arm| (&study.arms[arm], subgroup_effect(study, &within, &field, arm)));
                (name, object(found))
            });
            let rows: Vec<(&Value, usize, usize)> = leveled
                .iter()
                .map(|(name, s)| (s.field(&field), s.arm, names.iter().position(|n| n == name).unwrap()))
                .filter(|row| !row.0.is_null())
                .collect();
            json!({
                "id": subgroup["id"],
                "levels": object(levels),
                "interaction": interaction(study, &rows, names.len()),
            })
        })
        .collect()
}

fn subgroup_effect(study: &Study, within: &[Subject], field: &str, arm: usize) -> Value {
    if study.protocol["endpoints"]["primary"]["type"] == "binary" {
        let all = proportions(study, within, field);
        let (group, reference) = (all[arm], all[study.reference]);
        let mut found = risks(group, reference, study.level);
        let odds = odds_ratio(group, reference, study.level).unwrap();
        found["n"] = json!(group.n);
        found["n_ref"] = json!(reference.n);
        found["events"] = json!(group.events);
        found["events_ref"] = json!(reference.events);
        found["odds_ratio"] = json!(odds.value);
        found["or_ci"] = json!(odds.interval);
        return found;
    }
    let sample = |arm| Sample::new(of_arm(within, arm).filter_map(|s| s.number(field)).collect());
    let (group, reference) = (sample(arm), sample(study.reference));
    let test =
        group.clone().and_then(|group| welch_test(&group, reference.as_ref().map_err(|e| *e)?, study.level));
    let Ok(test) = test else { return Value::Null };
    json!({
        "n": group.unwrap().n(),
        "n_ref": reference.unwrap().n(),
        "mean_difference": test.difference,
        "ci": test.interval,
        "p": test.p,
    })
}

/// The test of the interaction of arm and level, from (outcome, arm, level).
fn interaction(study: &Study, rows: &[(&Value, usize, usize)], levels: usize) -> Value {
    let arms = indicators(&rows.iter().map(|r| r.1).collect::<Vec<_>>(), study.arms.len(), study.reference);
    let groups = indicators(&rows.iter().map(|r| r.2).collect::<Vec<_>>(), levels, 0);
    let crossed = products(&arms, &groups);
    let smaller: Vec<&[f64]> = arms.iter().chain(&groups).map(Vec::as_slice).collect();
    let larger: Vec<&[f64]> = arms.iter().chain(&groups).chain(&crossed).map(Vec::as_slice).collect();
    if study.protocol["endpoints"]["primary"]["type"] == "binary" {
        let outcome: Vec<bool> = rows.iter().map(|r| r.0.as_bool().unwrap()).collect();
        let fit =
            |columns: &[&[f64]]| logistic(columns, &outcome, &LogisticOptions::default()).unwrap().likelihood;
        let test = likelihood_ratio_test(fit(&smaller), fit(&larger)).unwrap();
        return json!({"test": "logistic LR", "chi2": test.chi_squared, "df": test.df as u64, "p": test.p});
    }
    let outcome: Vec<f64> = rows.iter().map(|r| r.0.as_f64().unwrap()).collect();
    let fit = |columns: &[&[f64]]| least_squares(columns, &outcome, study.level).unwrap();
    let test = nested_f_test(&fit(&smaller), &fit(&larger)).unwrap();
    json!({"test": "nested OLS F", "f": test.f, "df": test.df, "p": test.p})
}
