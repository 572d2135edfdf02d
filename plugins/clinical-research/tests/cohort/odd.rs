//! Studies in which things are missing, empty, constant or of the wrong kind.

use clinical_research::{
    cohort::analyse,
    study::{Column, Subgroup},
};
use heddle_sdk::Level;
use serde_json::json;

use crate::support::{arms, near, numbers, run, study, texts};

#[test]
fn values_by_hand() {
    let ages = numbers([50.0, 60.0, 70.0, 55.0, 65.0, 75.0, 85.0]);
    let sex = texts(&["F", "F", "M", "M", "M", "M", "F"]);
    let run = run(&study(2, &arms(&[3, 4]), &[("age", ages), ("sex", sex)]));
    let table = &run.output()["statistics"]["table1"];
    let age = &table["continuous"]["age"];
    near(&age["by_arm"]["A"]["mean"], 60.0, "mean");
    near(&age["by_arm"]["A"]["sd"], 10.0, "sd");
    near(&age["by_arm"]["B"]["median"], 70.0, "median");
    near(&age["by_arm"]["B"]["q1"], 62.5, "q1");
    // Variances 100 and 500/3: the difference 10 over √((100 + 500/3)/2).
    near(&age["smd_vs_reference"]["B"], 10.0 / (400.0_f64 / 3.0).sqrt(), "smd");
    assert_eq!(age["test"]["name"], json!("Welch's t test"));
    let sex = &table["categorical"]["sex"];
    assert_eq!(sex["counts"]["F"], json!({"A": 2, "B": 1}));
    near(&sex["pct"]["F"]["B"], 25.0, "pct");
    // Of the 35 ways to choose the three women, C(3,k)·C(4,3−k) have k of A: 4, 18, 12, 1; no likelier than 12: 4 + 12 + 1.
    near(&sex["fisher_p"], 17.0 / 35.0, "fisher");
    assert_eq!(sex["test"]["name"], json!("Fisher's exact test"));
}

#[test]
fn welchs_analysis_of_variance_by_hand() {
    // Means 2, 3, 7, variances 1, 1, 16 of three values each: weights 3, 3, 3/16, whose sum is 99/16.
    let values = numbers([1.0, 2.0, 3.0, 2.0, 3.0, 4.0, 3.0, 7.0, 11.0]);
    let run = run(&study(3, &arms(&[3, 3, 3]), &[("x", values)]));
    let x = &run.output()["statistics"]["table1"]["continuous"]["x"];
    assert_eq!(x["test"]["name"], json!("Welch's analysis of variance"), "{x}");
    let (weights, means) = ([3.0, 3.0, 3.0 / 16.0_f64], [2.0, 3.0, 7.0]);
    let total: f64 = weights.iter().sum();
    let centre: f64 = weights.iter().zip(means).map(|(w, m)| w * m).sum::<f64>() / total;
    let between: f64 = weights.iter().zip(means).map(|(w, m)| w * (m - centre).powi(2)).sum::<f64>() / 2.0;
    let loss: f64 = weights.iter().map(|w| (1.0 - w / total).powi(2) / 2.0).sum();
    let (f, df) = (between / (1.0 + loss / 4.0), 8.0 / (3.0 * loss));
    // Of F on 2 and d degrees of freedom the upper tail is (1 + 2F/d)^(−d/2).
    near(&x["welch_p"], (1.0 + 2.0 * f / df).powf(-df / 2.0), "welch");
}

#[test]
fn values_too_large_to_compute_with_are_counted() {
    let values = numbers([1e308, 1e308, 2.0, 1.0, 2.0, 3.0]);
    let found = run(&study(2, &arms(&[3, 3]), &[("x", values)]));
    let x = &found.output()["statistics"]["table1"]["continuous"]["x"];
    for of in [&x["by_arm"]["A"], &x["overall"]] {
        assert!(of["mean"]["not_computable"].as_str().unwrap().contains("too large to compute with"), "{x}");
    }
    assert_eq!((&x["by_arm"]["A"]["n"], &x["overall"]["n"]), (&json!(3), &json!(6)));
    assert_eq!((&x["missing"], &x["missing_by_arm"]["A"]), (&json!(0), &json!(0)));
    assert!(x["smd_vs_reference"]["B"]["not_computable"].as_str().unwrap().contains("too large"), "{x}");
    let why = x["test"]["why"].as_str().unwrap();
    assert!(why.contains("1 of 2 arms has values too large") && !why.contains("no values"), "{why}");
}

#[test]
fn arms_of_no_and_of_one_subject() {
    let found = run(&study(3, &arms(&[3, 0, 1]), &[("x", numbers([1.0, 2.0, 4.0, 3.0]))]));
    let x = &found.output()["statistics"]["table1"]["continuous"]["x"];
    assert_eq!(x["by_arm"]["B"]["n"], json!(0));
    assert!(x["by_arm"]["B"]["mean"]["not_computable"].as_str().unwrap().contains("too few"));
    assert!(x["by_arm"]["C"]["sd"]["not_computable"].as_str().unwrap().contains("1, at least 2"));
    assert!(x["smd_vs_reference"]["B"]["not_computable"].is_string());
    assert!(x["smd_vs_reference"]["C"]["not_computable"].is_string());
    assert!(x["test"]["why"].as_str().unwrap().contains("1 of 3 arms has no values and is left out"), "{x}");
    let report = found.text("statistical_report.md");
    assert!(report.contains("What could not be compared"));
    for n in [0, 1] {
        let found = run(&study(n, &arms(&vec![2; n]), &[("x", numbers(vec![1.0; 2 * n]))]));
        assert!(found.output()["statistics"]["balance"]["largest"]["not_computable"].is_string());
    }
}

#[test]
fn nobody_at_all() {
    let found = run(&study(2, &[], &[("x", numbers([])), ("k", texts(&[]))]));
    assert_eq!(found.output()["cohorts"]["n_subjects"], json!(0));
    assert!(found.text("statistical_report.md").contains("nothing below could be computed"));
    assert!(found.bytes("cohort_visualizations.png").starts_with(b"\x89PNG"));
}

#[test]
fn constant_columns() {
    let found = run(&study(2, &arms(&[3, 3]), &[("x", numbers([5.0; 6])), ("k", texts(&["a"; 6]))]));
    let table = &found.output()["statistics"]["table1"];
    near(&table["continuous"]["x"]["smd_vs_reference"]["B"], 0.0, "smd");
    let reason = table["continuous"]["x"]["test"]["p"]["not_computable"].as_str().unwrap();
    assert!(reason.contains("all values are equal"), "{reason}");
    near(&table["categorical"]["k"]["smd_vs_reference"]["B"], 0.0, "smd");
    assert!(table["categorical"]["k"]["test"]["p"]["not_computable"].is_string());
    // Each arm constant, but not at the same value.
    let found = run(&study(2, &arms(&[3, 3]), &[("x", numbers([5.0, 5.0, 5.0, 6.0, 6.0, 6.0]))]));
    let x = &found.output()["statistics"]["table1"]["continuous"]["x"];
    assert!(x["smd_vs_reference"]["B"]["not_computable"].is_string(), "{x}");
}

#[test]
fn absent_fields_and_fields_of_the_wrong_kind_are_told() {
    let mut data = study(2, &arms(&[2, 2]), &[("k", texts(&["a", "b", "a", "b"]))]);
    data.protocol.table1.continuous =
        vec!["baseline.nope".to_owned(), "baseline.word".to_owned(), "arm".to_owned()];
    data.subjects.fields.insert("baseline.word".to_owned(), texts(&["lo", "hi", "lo", "hi"]));
    let found = run(&data);
    let statistics = &found.output()["statistics"];
    let reason = |field: &str| {
        statistics["table1"]["continuous"][field]["not_computable"].as_str().unwrap().to_owned()
    };
    assert!(reason("baseline.nope").contains("no subject has a field baseline.nope"));
    assert!(reason("baseline.word").contains("holds texts"));
    assert!(reason("arm").contains("the arms are what is compared"));
    assert_eq!(
        statistics["additional"]["table"]["categorical"]["baseline.word"]["counts"]["lo"]["A"],
        json!(1)
    );
    let csv = found.text("table1.csv");
    assert!(csv.contains("no subject has a field baseline.nope"), "{csv}");
    assert!(found.text("statistical_report.md").contains("baseline.nope"));
}

#[test]
fn a_population_that_nobody_has_a_flag_of() {
    let mut data = study(2, &arms(&[2, 2]), &[("x", numbers([1.0, 2.0, 3.0, 4.0]))]);
    data.protocol.populations.baseline = Some("itt".to_owned());
    let found = run(&data);
    let population = &found.output()["cohorts"]["population"];
    assert!(population["fallback"].as_str().unwrap().contains("populations.itt"), "{population}");
    assert_eq!(found.output()["cohorts"]["n_subjects"], json!(4));
    assert!(found.text("statistical_report.md").contains("populations.itt"));
    // With the flag, those whose flag is not true are out, and counted.
    data.subjects.fields.insert(
        "populations.itt".to_owned(),
        Column::Boolean(vec![Some(true), Some(false), None, Some(true)]),
    );
    let found = run(&data);
    let arm = &found.output()["cohorts"]["arms"][0];
    assert_eq!((&arm["assigned"], &arm["n"], &arm["not_in_population"]), (&json!(2), &json!(1), &json!(1)));
}

#[test]
fn strata_are_the_protocols_subgroups() {
    let mut data = study(2, &arms(&[3, 3]), &[("age", numbers([60.0, 75.0, 80.0, 50.0, 74.9, 75.0]))]);
    data.protocol.subgroups = vec![
        Subgroup { id: "old".into(), label: "Age".into(), field: "age".into(), cut_points: vec![75.0] },
        Subgroup {
            id: "gone".into(),
            label: "Gone".into(),
            field: "baseline.gone".into(),
            cut_points: vec![],
        },
    ];
    let found = run(&data);
    let strata = &found.output()["cohorts"]["risk_strata"];
    assert_eq!(strata["source"], json!("protocol"));
    assert_eq!(
        strata["strata"][0]["members"]["counts"],
        json!({"<75": {"A": 1, "B": 2}, ">=75": {"A": 2, "B": 1}})
    );
    assert!(strata["strata"][1]["members"]["not_computable"].as_str().unwrap().contains("baseline.gone"));
}

#[test]
fn comorbidities_are_counted() {
    let yes = |values: [Option<bool>; 4]| Column::Boolean(values.to_vec());
    let mut data = study(2, &arms(&[2, 2]), &[]);
    for (path, values) in [
        ("baseline.comorbidities[Asthma]", [Some(true), Some(false), Some(true), None]),
        ("baseline.comorbidities[Gout]", [Some(true), Some(false), Some(false), Some(true)]),
    ] {
        data.subjects.fields.insert(path.to_owned(), yes(values));
    }
    data.subjects.fields.insert("endpoints.cured".to_owned(), yes([Some(true); 4]));
    let found = analyse(&data).statistics.additional;
    assert_eq!(found.comorbidities.len(), 2);
    let count = found.comorbidity_count.unwrap();
    assert_eq!((count.by_arm["A"].mean.value(), count.missing), (Some(1.0), 1));
    assert!(!found.table.categorical.contains_key("endpoints.cured"), "what comes after is no baseline");
    assert_eq!(
        found.table.categorical["baseline.comorbidities[Asthma]"].described().unwrap().label,
        "Asthma"
    );
}

#[test]
fn very_many_categories_are_merged_and_counted() {
    let names: Vec<String> = (0..400).map(|at| format!("c{:03}", at % 250)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = analyse(&study(2, &arms(&[200, 200]), &[("k", texts(&names))]));
    let k = found.statistics.table1.categorical["k"].described().unwrap();
    assert_eq!(k.levels.len(), 100);
    assert_eq!(k.counts_overall.values().sum::<u64>(), 400);
    assert_eq!(k.levels.last().map(String::as_str), Some("(151 rarer categories together)"));
}

#[test]
fn huge_values_do_not_break_it() {
    let found = run(&study(2, &arms(&[2, 2]), &[("x", numbers([1e308, -1e308, 1e308, 1.0]))]));
    assert!(found.bytes("cohort_visualizations.png").starts_with(b"\x89PNG"));
    assert!(found.log.iter().all(|(level, _)| *level != Level::Error));
}
