//! Studies of which little or nothing can be said.

use clinical_research::study::{Column, Events, Study};
use serde_json::{Value, json};

use crate::study::{made_up, protocol, results, run};

/// Every null has its reason beside it, and nothing is infinite or not a number (which JSON has as null).
pub(crate) fn nulls_have_reasons(path: &str, value: &Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if inner.is_null() {
                    let reason = map.get("not_computable").and_then(|r| r.get(key)).and_then(Value::as_str);
                    let explained = path.contains("/levels/") || reason.is_some_and(|r| !r.is_empty());
                    assert!(explained, "{path}/{key} is null without a reason");
                }
                nulls_have_reasons(&format!("{path}/{key}"), inner);
            }
            if let Some(levels) = map.get("levels").and_then(Value::as_object) {
                for (level, cells) in levels {
                    for (arm, cell) in cells.as_object().unwrap() {
                        let why =
                            &map.get("levels_not_computable").unwrap_or(&Value::Null)[level][arm]["reason"];
                        assert!(!cell.is_null() || why.is_string(), "{path}/{level}/{arm}");
                    }
                }
            }
        }
        Value::Array(list) => {
            for (at, inner) in list.iter().enumerate() {
                assert!(!inner.is_null(), "{path}/{at}");
                nulls_have_reasons(&format!("{path}/{at}"), inner);
            }
        }
        _ => {}
    }
}

/// Runs, checks what must hold for any study, and gives the results.
pub(crate) fn checked(study: &Study) -> Value {
    let run = run(study);
    for file in ["kaplan_meier.png", "forest_plot.png"] {
        assert_eq!(&run.bytes(file)[1..4], b"PNG", "{file}");
    }
    let report = run.text("statistical_analysis_plan_report.md");
    assert!(!report.contains("NaN") && !report.contains(" inf "), "{report}");
    let found = run.json("efficacy_results.json");
    nulls_have_reasons("", &found);
    nulls_have_reasons("output", run.output());
    found
}

pub(crate) fn endpoint<'v>(found: &'v Value, id: &str) -> &'v Value {
    let all = found["endpoints"].as_array().unwrap().iter().chain(found["time_to_event"].as_array().unwrap());
    all.into_iter().find(|e| e["id"] == id).unwrap()
}

pub(crate) fn death(study: &mut Study) -> &mut Events {
    study.subjects.events.get_mut("death").unwrap()
}

pub(crate) fn rows_of(study: &Study, arm: u32) -> Vec<usize> {
    (0..study.subjects.len()).filter(|row| study.subjects.arm[*row] == Some(arm)).collect()
}

#[test]
fn nothing_at_all() {
    let found = checked(&Study { format: clinical_research::study::FORMAT.into(), ..Study::default() });
    assert!(found["endpoints"].as_array().unwrap().is_empty());
    assert!(found["notes"].to_string().contains("no primary endpoint"), "{found}");
}

#[test]
fn all_censored() {
    let mut study = made_up(60, 1);
    death(&mut study).event.fill(Some(false));
    let found = checked(&study);
    let death = endpoint(&found, "death");
    assert_eq!(death["km"]["Active"]["median"], "inf");
    let why = &death["cox_arm"]["Active"]["not_computable"]["hr"];
    assert_eq!(why, "no events in Active nor in Control");
    assert_eq!(death["logrank_vs_reference"]["Active"]["not_computable"]["p"], "no events");
    assert!(death["km"]["Active"]["median_statement"].as_str().unwrap().ends_with("no events"));
    let why = &death["rmst_vs_reference"]["Active"]["not_computable"]["difference"];
    assert_eq!(why, "no events up to the horizon in Active nor in Control");
    let told = death["comparisons"]["Active"]["direction_of_benefit"].as_str().unwrap();
    assert_eq!(told, "no hazard ratio: no events in Active nor in Control");
}

#[test]
fn events_in_one_arm_only() {
    let mut study = made_up(60, 2);
    for row in rows_of(&study, 1) {
        death(&mut study).event[row] = Some(false);
    }
    let found = checked(&study);
    let death = endpoint(&found, "death");
    let why = death["cox_arm"]["Active"]["not_computable"]["hr"].as_str().unwrap();
    assert!(why.contains("no events in Active") && why.contains("monotone likelihood"), "{why}");
    assert!(death["logrank_vs_reference"]["Active"]["p"].as_f64().unwrap() < 0.05);
    assert!(death["cox_arm_fit"]["lr_p"].as_f64().unwrap() < 0.05, "the likelihood ratio stands");
}

#[test]
fn one_event() {
    let mut study = made_up(40, 3);
    death(&mut study).event.fill(Some(false));
    death(&mut study).event[7] = Some(true);
    let found = checked(&study);
    assert!(endpoint(&found, "death")["logrank_vs_reference"]["Active"]["p"].is_number());
}

#[test]
fn an_arm_without_values() {
    let mut study = made_up(40, 4);
    let rows = rows_of(&study, 0);
    for field in ["endpoints.change", "endpoints.grade", "endpoints.extra"] {
        let Some(Column::Numeric(values)) = study.subjects.fields.get_mut(field) else { panic!() };
        rows.iter().for_each(|row| values[*row] = None);
    }
    let Some(Column::Boolean(values)) = study.subjects.fields.get_mut("endpoints.response") else { panic!() };
    rows.iter().for_each(|row| values[*row] = None);
    rows.iter().for_each(|row| death(&mut study).time[*row] = None);
    let found = checked(&study);
    assert_eq!(
        endpoint(&found, "change")["not_computable"]["ancova"],
        "nobody of Control has both outcome and baseline.score"
    );
    assert_eq!(
        endpoint(&found, "grade")["vs_reference"]["Active"]["not_computable"]["welch"],
        "no values in Control"
    );
    assert_eq!(
        endpoint(&found, "response")["vs_reference"]["Active"]["not_computable"]["risk_difference"],
        "no values in Control"
    );
    assert_eq!(
        endpoint(&found, "death")["cox_arm"]["Active"]["not_computable"]["hr"],
        "nobody of Control was followed"
    );
    assert_eq!(found["multiplicity"]["gate_open"], false);
}

#[test]
fn an_arm_with_one_subject() {
    let mut study = made_up(21, 5);
    let mut rows = rows_of(&study, 1);
    rows.pop();
    rows.iter().for_each(|row| study.subjects.arm[*row] = None);
    let found = checked(&study);
    let why =
        endpoint(&found, "grade")["vs_reference"]["Active"]["not_computable"]["welch"].as_str().unwrap();
    assert_eq!(why, "too few observations: 1, at least 2 needed");
}

#[test]
fn a_constant_outcome() {
    let mut study = made_up(40, 6);
    for field in ["endpoints.change", "endpoints.grade"] {
        study.subjects.fields.insert(field.into(), Column::Numeric(vec![Some(3.0); 40]));
    }
    study.subjects.fields.insert("endpoints.response".into(), Column::Boolean(vec![Some(true); 40]));
    let found = checked(&study);
    assert_eq!(
        endpoint(&found, "change")["vs_reference"]["Active"]["not_computable"]["welch"],
        "nothing varies: all values are equal, or the fit is perfect"
    );
    let grade = &endpoint(&found, "grade")["vs_reference"]["Active"];
    assert_eq!(
        (&grade["mann_whitney"]["p_asymptotic_continuity"], &grade["cliffs_delta"]),
        (&json!(1.0), &json!(0.0)),
        "{grade}"
    );
    let response = endpoint(&found, "response");
    assert_eq!(response["vs_reference"]["Active"]["fisher_p"], 1.0);
    assert!(response["vs_reference"]["Active"]["not_computable"]["number_needed"].is_string());
    assert_eq!(response["comparisons"]["Active"]["main"]["test"], "Fisher's exact test");
}

#[test]
fn perfect_separation_and_collinear_covariates() {
    let mut study = made_up(80, 7);
    let events = study.subjects.events["death"].event.clone();
    let marker = events.iter().map(|e| e.map(|e| f64::from(u8::from(e)))).collect();
    let Some(Column::Numeric(ages)) = study.subjects.field("age").cloned() else { panic!() };
    let double = ages.iter().map(|a| a.map(|a| 2.0 * a + 1.0)).collect();
    study.subjects.fields.insert("baseline.marker".into(), Column::Numeric(marker));
    study.subjects.fields.insert("baseline.double".into(), Column::Numeric(double));
    study.protocol.endpoints.time_to_event[0].covariates =
        ["age", "baseline.double", "baseline.marker"].map(str::to_owned).to_vec();
    let Some(Column::Numeric(baseline)) = study.subjects.field("baseline.score").cloned() else { panic!() };
    study.subjects.fields.insert(
        "endpoints.response".into(),
        Column::Boolean(study.subjects.arm.iter().map(|a| Some(*a == Some(1))).collect()),
    );
    study.protocol.endpoints.primary = study.protocol.endpoints.secondary.pop();
    study.subjects.fields.insert("baseline.copy".into(), Column::Numeric(baseline));
    let found = checked(&study);
    let terms = &endpoint(&found, "death")["cox_adjusted"]["terms"];
    let why = |term: &str| terms[term]["not_computable"]["hr"].as_str().unwrap_or_default().to_owned();
    assert!(why("baseline.double").contains("collinear"), "{terms}");
    assert!(why("baseline.marker").contains("infinite"), "{terms}");
    let interaction = &found["primary_subgroups"][0]["interaction"];
    assert!(interaction["p"].is_number() || interaction["not_computable"]["p"].is_string(), "{interaction}");
}

#[test]
fn arms_of_one_value_each_have_a_difference() {
    let mut study = made_up(40, 25);
    study.protocol.endpoints.primary.as_mut().unwrap().baseline_field = None;
    let values = study.subjects.arm.iter().map(|a| a.map(|a| 5.0 + 2.0 * f64::from(a))).collect();
    study.subjects.fields.insert("endpoints.change".into(), Column::Numeric(values));
    let found = checked(&study);
    let of = &endpoint(&found, "change")["comparisons"]["Active"];
    assert_eq!(of["main"]["estimate"], 2.0);
    let why = "the outcome does not vary within the arms";
    assert_eq!(
        (&of["main"]["not_computable"]["ci"], &of["main"]["not_computable"]["p"]),
        (&json!(why), &json!(why))
    );
    let told = of["statement"].as_str().unwrap();
    assert!(told.contains("2.00 (interval not computable: the outcome does not vary"), "{told}");
    assert!(
        told.contains("2.00 favours Control") && !told.contains("no effect could be estimated"),
        "{told}"
    );
}

#[test]
fn covariance_removes_chance_imbalance_of_randomised_arms_only() {
    let mut study = made_up(60, 26);
    let why = |study: &Study| {
        endpoint(&results(study), "change")["comparisons"]["Active"]["why_this_test"].to_string()
    };
    assert!(!why(&study).contains("chance imbalance"), "{}", why(&study));
    study.protocol.randomised = Some(true);
    assert!(why(&study).contains("removes chance imbalance"));
}

#[test]
fn endpoints_that_nobody_has() {
    let mut study = made_up(30, 8);
    study.subjects.fields.remove("endpoints.change");
    study.subjects.events.clear();
    study.subjects.fields.insert("endpoints.grade".into(), Column::Categorical(Default::default()));
    study.protocol.populations.time_to_event = Some("nowhere".into());
    let found = checked(&study);
    assert_eq!(
        endpoint(&found, "change")["not_computable"]["result"],
        "no subject has a value of endpoints.change"
    );
    assert_eq!(
        endpoint(&found, "grade")["not_computable"]["result"],
        "endpoints.grade holds texts, not numbers"
    );
    assert_eq!(
        endpoint(&found, "death")["not_computable"]["result"],
        "no subject has a time of events.death"
    );
    let population = &found["populations"]["time_to_event"];
    assert!(population["finding"].as_str().unwrap().contains("populations.nowhere"), "{population}");
    assert_eq!(population["who"], "all subjects of a known arm");
}

#[test]
fn subgroups_that_make_no_groups() {
    let mut study = made_up(200, 9);
    study.protocol.subgroups = protocol(&json!({"subgroups": [
        {"id": "score", "field": "baseline.score"}, {"id": "none", "field": "baseline.nothing"},
        {"id": "one", "field": "age", "cut_points": [500]}, {"id": "stage", "field": "baseline.stage", "cut_points": [1]},
    ]}))
    .subgroups;
    let found = checked(&study);
    let why = |at: usize| found["primary_subgroups"][at].to_string();
    assert!(
        why(0).contains("give it cut points") && why(1).contains("no subject has a value"),
        "{} {}",
        why(0),
        why(1)
    );
    assert!(
        why(2).contains("fewer than two levels") && why(3).contains("texts, not numbers"),
        "{} {}",
        why(2),
        why(3)
    );
}

#[test]
fn one_arm_and_many_arms() {
    let mut study = made_up(30, 10);
    study.protocol.arms.truncate(1);
    for arm in &mut study.subjects.arm {
        *arm = arm.filter(|a| *a == 0);
    }
    study.problems = vec![clinical_research::study::ProtocolProblem {
        path: "protocol.alpha".into(),
        message: "5 is not between 0 and 1".into(),
        consequence: "0.05 is taken".into(),
    }];
    let found = checked(&study);
    let notes = found["notes"].to_string();
    assert!(notes.contains("There is only one arm, so nothing can be compared"), "{notes}");
    assert!(notes.contains("5 is not between 0 and 1; 0.05 is taken"), "{notes}");
    let statement = found["multiplicity"]["statement"].as_str().unwrap();
    assert!(statement.starts_with("Nothing is compared"), "{statement}");
    assert_eq!(endpoint(&found, "change")["comparisons"], json!({}));

    let mut study = made_up(120, 11);
    study.protocol.arms = (0..8).map(|arm| format!("Arm {arm}")).collect();
    for (row, arm) in study.subjects.arm.iter_mut().enumerate() {
        *arm = Some(row as u32 % 8);
    }
    let found = checked(&study);
    let change = endpoint(&found, "change");
    assert_eq!(change["comparisons"].as_object().unwrap().len(), 7);
    assert_eq!(change["comparisons"]["Arm 3"]["family_size"], 7);
    assert!(
        change["anova"]["p"].is_number() && endpoint(&found, "death")["logrank_overall"]["p"].is_number()
    );
}

#[test]
fn missing_values_are_counted_and_bounded() {
    let mut study = made_up(50, 12);
    let rows = rows_of(&study, 1);
    for field in ["endpoints.change", "endpoints.response"] {
        for row in rows.iter().take(5) {
            match study.subjects.fields.get_mut(field) {
                Some(Column::Numeric(values)) => values[*row] = None,
                Some(Column::Boolean(values)) => values[*row] = None,
                _ => panic!(),
            }
        }
    }
    let found = results(&study);
    let change = endpoint(&found, "change");
    assert_eq!(
        change["analysed"]["Active"],
        json!({"in_population": 25, "analysed": 20, "missing": 5, "without_covariate": 0, "summary": change["analysed"]["Active"]["summary"]})
    );
    let summary = change["analysed"]["Active"]["summary"].as_str().unwrap();
    assert!(summary.contains("; median ") && summary.contains(" (Q1 to Q3: "), "{summary}");
    // The tipping point, recomputed.
    let difference = change["vs_reference"]["Active"]["mean_difference"].as_f64().unwrap();
    let shift = format!("{:.1}", (difference * 25.0 / 5.0).abs());
    let said = change["missing_data"][0].as_str().unwrap();
    assert!(said.contains(shift.split('.').next().unwrap()), "{said} {shift}");
    assert!(said.contains("5 of 25"), "{said}");
    let response = endpoint(&found, "response");
    let risk = |arm: &str| response["by_arm"][arm]["events"].as_f64().unwrap();
    let best = (risk("Active") + 5.0) / 25.0 - risk("Control") / 25.0;
    let said = response["missing_data"][0].as_str().unwrap();
    assert!(said.contains(&format!("{:.2}", best.abs())), "{said} {best}");
}
