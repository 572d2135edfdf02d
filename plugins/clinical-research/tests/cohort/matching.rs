//! Propensity scores and the prognostic score.

use clinical_research::{
    cohort::{Entry, analyse},
    study::{Endpoint, EndpointKind},
};
use heddle_kit::stats::{Sample, standardised_difference};
use serde_json::json;

use crate::support::{arms, numbers, run, spread, study, texts};

/// The drug is given to the old: 400 of A and 120 of B, whose ages differ by more than half a standard deviation.
fn confounded(randomised: Option<bool>) -> clinical_research::study::Study {
    let sizes = [400, 120];
    let arm = arms(&sizes);
    let of = |row: usize, salt: f64| (0..6).map(|i| spread(row, salt + f64::from(i))).sum::<f64>() - 3.0;
    let age = (0..520).map(|row| 60.0 + 10.0 * of(row, 1.0) + if arm[row] == Some(1) { 4.0 } else { 0.0 });
    let sex: Vec<&str> = (0..520).map(|row| if spread(row, 9.0) < 0.5 { "F" } else { "M" }).collect();
    let mut data = study(2, &arm, &[("age", numbers(age)), ("sex", texts(&sex))]);
    data.protocol.randomised = randomised;
    data
}

#[test]
fn matching_makes_arms_alike() {
    for randomised in [Some(false), None] {
        let data = confounded(randomised);
        let found = analyse(&data).statistics.propensity;
        let Entry::Described(matched) = &found.by_arm["B"] else { panic!("{found:?}") };
        let (before, after) =
            (matched.largest_before.value().unwrap(), matched.largest_after.value().unwrap());
        assert!(before > 0.4 && after < 0.1, "{before} {after}");
        assert!(matched.verdict.contains("at most 0.1"));
        assert_eq!(matched.pairs + matched.unmatched_arm, 120);
        assert_eq!(matched.pairs + matched.unmatched_reference, 400);
        assert!(matched.pairs > 60);
        // What is told of the pairs is true of the pairs.
        let age = data.subjects.field("age").unwrap().numbers().unwrap().into_owned();
        let of = |id: &String| age[data.subjects.id.iter().position(|i| i == id).unwrap()].unwrap();
        let (ours, theirs): (Vec<f64>, Vec<f64>) =
            matched.matched_ids.iter().map(|(a, b)| (of(a), of(b))).unzip();
        let again =
            standardised_difference(&Sample::new(ours).unwrap(), &Sample::new(theirs).unwrap()).unwrap();
        let told = matched.balance.iter().find(|b| b.label == "Age").unwrap().after.value().unwrap();
        assert!((again - told).abs() < 1e-9);
        assert!(matched.effective_n_arm.value().unwrap() <= 120.0 + 1e-9);
        let c = matched.c_statistic.value().unwrap();
        assert!(c > 0.55 && c < 0.8, "{c}");
        let distinct: std::collections::BTreeSet<&String> =
            matched.matched_ids.iter().flat_map(|(a, b)| [a, b]).collect();
        assert_eq!(distinct.len(), 2 * matched.pairs, "nobody is matched twice");
    }
}

#[test]
fn randomised_arms_are_not_matched() {
    let found = analyse(&confounded(Some(true))).statistics.propensity;
    assert!(!found.performed && found.by_arm.is_empty() && found.reason.contains("randomised"));
}

#[test]
fn perfect_separation_is_said() {
    let mut data = study(2, &arms(&[20, 20]), &[("age", numbers((0..40).map(f64::from)))]);
    data.protocol.randomised = Some(false);
    let output = run(&data);
    let matched = &output.output()["statistics"]["propensity"]["by_arm"]["B"]["not_computable"];
    assert!(matched.as_str().unwrap().contains("Age separates the arms"), "{matched}");
    assert!(output.text("statistical_report.md").contains("separates the arms"));
}

/// A category of one arm alone would separate it; it is merged, and that is said.
#[test]
fn rare_categories_do_not_spoil_the_model() {
    let race: Vec<&str> = (0..80)
        .map(|row| {
            if row == 79 {
                "X"
            } else if row % 3 == 0 {
                "Y"
            } else {
                "Z"
            }
        })
        .collect();
    let age = (0..80).map(|row| 50.0 + 20.0 * spread(row, 3.0));
    let mut data = study(2, &arms(&[40, 40]), &[("age", numbers(age)), ("race", texts(&race))]);
    data.protocol.randomised = Some(false);
    let found = analyse(&data).statistics.propensity;
    let Entry::Described(matched) = &found.by_arm["B"] else { panic!("{found:?}") };
    assert!(matched.notes.iter().any(|n| n.contains("rare categories (X)")), "{:?}", matched.notes);
    assert!(matched.pairs > 20);
}

#[test]
fn subjects_without_a_covariate_are_counted() {
    let mut data = confounded(Some(false));
    let Some(clinical_research::study::Column::Numeric(age)) = data.subjects.fields.get_mut("age") else {
        panic!()
    };
    for row in [0, 1, 500] {
        age[row] = None;
    }
    let found = analyse(&data).statistics.propensity;
    let Entry::Described(matched) = &found.by_arm["B"] else { panic!("{found:?}") };
    assert_eq!((matched.members, matched.incomplete, matched.n_arm, matched.n_reference), (520, 3, 119, 398));
    // Nobody has the field: it is left out, not everybody.
    data.subjects.fields.insert("age".into(), clinical_research::study::Column::Numeric(vec![None; 520]));
    let found = analyse(&data).statistics.propensity;
    let Entry::Described(matched) = &found.by_arm["B"] else { panic!("{found:?}") };
    assert!(matched.incomplete == 0 && matched.notes.iter().any(|n| n.contains("age is left out")));
}

#[test]
fn without_subgroups_thirds_of_a_score() {
    let mut data = confounded(Some(true));
    let age = data.subjects.field("age").unwrap().numbers().unwrap().into_owned();
    let score = numbers(age.iter().enumerate().map(|(row, a)| 2.0 * a.unwrap() + 5.0 + spread(row, 40.0)));
    data.subjects.fields.insert("endpoints.score".into(), score);
    data.protocol.endpoints.primary = Some(Endpoint {
        id: "score".into(),
        label: "Score".into(),
        kind: EndpointKind::Continuous,
        direction: None,
        baseline_field: None,
        unit: None,
    });
    let strata = analyse(&data).cohorts.risk_strata;
    assert_eq!(strata.source, "prognostic_score");
    let slope = strata.definition.split("score = ").nth(1).unwrap().split(" × [Age]").next().unwrap();
    assert!((slope.parse::<f64>().unwrap() - 2.0).abs() < 0.02, "{}", strata.definition);
    let members = strata.strata[0].members.described().unwrap();
    let counts: Vec<u64> = members.levels.iter().map(|l| members.counts_overall[l]).collect();
    // Levels keep the order of risk.
    assert_eq!(members.levels, ["lowest third", "middle third", "highest third"]);
    assert!(counts.iter().all(|n| (172..=175).contains(n)), "{counts:?}");
    // Too few for a model, and no outcome at all.
    data.protocol.endpoints.primary = None;
    let reason = analyse(&data).cohorts.risk_strata.strata[0].members.reason().unwrap().to_owned();
    assert!(reason.contains("neither subgroups nor a primary endpoint"), "{reason}");
}

#[test]
fn no_covariates_no_matching() {
    let mut data = study(2, &arms(&[5, 5]), &[("x", numbers([1.0; 10]))]);
    data.protocol.randomised = None;
    let found = run(&data);
    let reason = &found.output()["statistics"]["propensity"]["by_arm"]["B"]["not_computable"];
    assert_eq!(reason, &json!("not computable: Table 1 has no covariate that varies"));
}
