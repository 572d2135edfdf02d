//! Models of which a part cannot be fitted, or whose estimate would mislead: the words say so.

use clinical_research::study::{Column, Direction, Study};
use serde_json::{Value, json};

use crate::{
    odd::{checked, death, endpoint, rows_of},
    study::{made_up, protocol, results, run},
};

#[test]
fn a_covariate_that_is_the_arm_leaves_no_adjusted_effect() {
    let mut study = made_up(80, 21);
    let arms = study.subjects.arm.iter().map(|a| a.map(f64::from)).collect();
    study.subjects.fields.insert("baseline.mut".into(), Column::Numeric(arms));
    study.protocol.endpoints.time_to_event[0].covariates =
        ["age", "baseline.mut"].map(str::to_owned).to_vec();
    let run = run(&study);
    let found = checked(&study);
    let death = endpoint(&found, "death");
    let cox = &death["cox_adjusted"];
    let why = "Active and baseline.mut cannot be told apart (collinear)";
    assert_eq!(cox["terms"]["Active"]["not_computable"]["hr"], why);
    assert_eq!((&cox["covariates"], &cox["fit"]["lr_df"]), (&json!(["age"]), &json!(2)));
    assert!(cox["not_fitted"]["baseline.mut"].as_str().unwrap().contains("follows from the arms"), "{cox}");
    let tests = death["comparisons"]["Active"]["sensitivity"].as_array().unwrap();
    let test = tests.iter().find(|t| t["test"] == "Cox model adjusted for age, baseline.mut").unwrap();
    assert_eq!((&test["estimate"], &test["not_computable"]["p"]), (&Value::Null, &json!(why)));
    let report = run.text("statistical_analysis_plan_report.md").replace('\\', "");
    let could_not = report.split("## Deviations and what could not be computed").nth(1).unwrap();
    assert!(could_not.contains(&format!("adjusted hazard ratio: {why}")), "{could_not}");
}

#[test]
fn covariates_that_nobody_has_are_left_out_of_the_model_and_named() {
    let mut study = made_up(80, 22);
    let plain = {
        study.protocol.endpoints.time_to_event[0].covariates = ["age", "sex"].map(str::to_owned).to_vec();
        results(&study)
    };
    study.protocol.endpoints.time_to_event[0].covariates =
        ["age", "sex", "baseline.ghost"].map(str::to_owned).to_vec();
    let found = checked(&study);
    let death = endpoint(&found, "death");
    let cox = &death["cox_adjusted"];
    assert_eq!(cox["terms"]["Active"], endpoint(&plain, "death")["cox_adjusted"]["terms"]["Active"]);
    assert_eq!(cox["covariates"], json!(["age", "sex"]));
    assert_eq!(cox["not_fitted"]["baseline.ghost"], "no subject has a value of baseline.ghost");
    let tests = death["comparisons"]["Active"]["sensitivity"].to_string();
    assert!(tests.contains("Cox model adjusted for age, sex\""), "{tests}");
    let report = run(&study).text("statistical_analysis_plan_report.md").replace('\\', "");
    assert!(
        report.contains("fitted without baseline.ghost: no subject has a value of baseline.ghost"),
        "{report}"
    );
}

/// Curves that cross: the control dies at a steady rate, of the others many at once and the rest much later.
fn crossing(study: &mut Study) {
    let arms = study.subjects.arm.clone();
    let death = death(study);
    for (row, arm) in arms.iter().enumerate() {
        let at = (row / 2) as f64;
        let time = match arm {
            Some(0) => 40.0 + 2.5 * at,
            _ if row % 10 < 7 => 5.0 + 0.5 * at,
            _ => 400.0 + at,
        };
        (death.time[row], death.event[row]) = (Some(time), Some(true));
    }
}

#[test]
fn a_hazard_ratio_of_crossing_curves_tells_no_direction() {
    let mut study = made_up(120, 23);
    crossing(&mut study);
    let found = checked(&study);
    let death = endpoint(&found, "death");
    assert!(
        death["ph_test_mean_rank"]["Active"]["p"].as_f64().unwrap() < 0.001,
        "{}",
        death["ph_test_mean_rank"]
    );
    let of = &death["comparisons"]["Active"];
    let told = of["direction_of_benefit"].as_str().unwrap();
    assert!(!told.contains("the event came"), "{told}");
    let caution = of["caution"].as_str().unwrap();
    for part in [
        "hazards are not proportional (p <0.001)",
        "gives no direction",
        "restricted mean survival times (in days) is",
    ] {
        assert!(caution.contains(part) && told.contains(part), "{caution} {told}");
    }
    // The means point one way for certain, and the arm is the worse for it where a longer time is good.
    assert_eq!(of["favours"]["side"], "unknown");
    study.protocol.endpoints.time_to_event[0].direction = Some(Direction::HigherIsBetter);
    let favours = endpoint(&checked(&study), "death")["comparisons"]["Active"]["favours"].clone();
    assert_eq!(favours["side"], "reference");
    assert!(favours["words"].as_str().unwrap().contains("mean time to the event was shorter"), "{favours}");
    let rank = &of["sensitivity"][0];
    assert_eq!((&rank["test"], &rank["estimate"]), (&json!("Gehan–Wilcoxon test"), &Value::Null));
    assert!(rank["p"].is_number());
}

#[test]
fn a_direction_of_a_time_says_whom_its_hazard_ratio_favours() {
    // One of which the hazards pass for proportional.
    let fits =
        |study: &Study| endpoint(&results(study), "death")["comparisons"]["Active"].get("caution").is_none();
    let mut study = (24..60).map(|seed| made_up(300, seed)).find(fits).unwrap();
    let told = |study: &Study| {
        let found = checked(study);
        let death = endpoint(&found, "death").clone();
        assert!(death["comparisons"]["Active"].get("caution").is_none(), "{death}");
        (death["comparisons"]["Active"].clone(), death["direction"].clone())
    };
    let (of, direction) = told(&study);
    assert!(
        of["direction_of_benefit"].as_str().unwrap().contains("gives no direction") && direction.is_null()
    );
    assert!(of["main"]["estimate"].as_f64().unwrap() < 1.0);
    study.protocol.endpoints.time_to_event[0].direction = Some(Direction::HigherIsBetter);
    let (of, direction) = told(&study);
    assert_eq!(of["favours"]["side"], "arm");
    assert!(of["direction_of_benefit"].as_str().unwrap().contains("which favours Active"), "{of}");
    assert!(direction.as_str().unwrap().starts_with("higher is better"));
    study.protocol.endpoints.time_to_event[0].direction = Some(Direction::LowerIsBetter);
    assert_eq!(told(&study).0["favours"]["side"], "reference");
}

/// Gives each arm its own level of a new category, so that two of four cells are empty.
fn split_by_arm(study: &mut Study, third: bool) {
    let texts = study.subjects.arm.iter().enumerate().map(|(row, arm)| match arm {
        Some(0) if third && row % 4 == 0 => Some("clinic"),
        Some(0) => Some("ward"),
        _ => Some("clinic"),
    });
    let column = Column::Categorical(clinical_research::study::Coded::of(texts));
    study.subjects.fields.insert("baseline.place".into(), column);
    study.protocol.subgroups =
        protocol(&json!({"subgroups": [{"id": "place", "field": "baseline.place"}]})).subgroups;
}

#[test]
fn an_interaction_that_empty_cells_take_away_says_which() {
    let mut study = made_up(120, 13);
    split_by_arm(&mut study, false);
    let why = "no interaction can be estimated: Control/clinic and Active/ward are empty";
    let found = checked(&study);
    assert_eq!(found["primary_subgroups"][0]["interaction"]["not_computable"]["p"], why);
    assert_eq!(
        endpoint(&found, "death")["subgroups"][0]["interaction"]["not_computable"]["p"],
        why,
        "of times too"
    );
    study.protocol.endpoints.primary = study.protocol.endpoints.secondary.pop();
    let found = checked(&study);
    assert_eq!(found["primary_subgroups"][0]["interaction"]["test"], "logistic LR");
    assert_eq!(found["primary_subgroups"][0]["interaction"]["not_computable"]["p"], why);

    // One empty cell of four leaves nothing to compare either.
    split_by_arm(&mut study, true);
    let found = checked(&study);
    let why = "no interaction can be estimated: Active/ward is empty";
    assert_eq!(found["primary_subgroups"][0]["interaction"]["not_computable"]["p"], why);
}

#[test]
fn an_interaction_of_the_cells_that_are_not_empty_says_what_it_leaves_out() {
    let mut study = made_up(180, 14);
    study.protocol.arms.push("Third".into());
    for (row, arm) in study.subjects.arm.iter_mut().enumerate() {
        *arm = Some(row as u32 % 3);
    }
    let places = (0..180).map(|row| Some(if row % 3 == 2 || row % 2 == 0 { "ward" } else { "clinic" }));
    let column = Column::Categorical(clinical_research::study::Coded::of(places));
    study.subjects.fields.insert("baseline.place".into(), column);
    study.protocol.subgroups =
        protocol(&json!({"subgroups": [{"id": "place", "field": "baseline.place"}]})).subgroups;
    let interaction = checked(&study)["primary_subgroups"][0]["interaction"].clone();
    assert!(interaction["p"].is_number(), "{interaction}");
    assert_eq!((&interaction["df"], &interaction["without_cells"]), (&json!(1.0), &json!("Third/clinic")));
}

#[test]
fn an_arm_without_any_covariate_is_compared_without_it_and_nobody_is_counted_twice() {
    let mut study = made_up(90, 15);
    study.protocol.arms.push("Third".into());
    for (row, arm) in study.subjects.arm.iter_mut().enumerate() {
        *arm = Some(row as u32 % 3);
    }
    let third = rows_of(&study, 2);
    let control = rows_of(&study, 0);
    let Some(Column::Numeric(scores)) = study.subjects.fields.get_mut("baseline.score") else { panic!() };
    third.iter().chain(control.iter().take(4)).for_each(|row| scores[*row] = None);
    let found = checked(&study);
    let change = endpoint(&found, "change");
    let of = |arm: &str| {
        ["in_population", "analysed", "missing", "without_covariate"]
            .map(|key| change["analysed"][arm][key].as_u64().unwrap())
    };
    assert_eq!([of("Control"), of("Active"), of("Third")], [[30, 26, 0, 4], [30, 30, 0, 0], [30, 30, 0, 0]]);
    let third = &change["comparisons"]["Third"];
    assert_eq!(
        (&third["main"]["test"], &third["n"], &third["n_ref"]),
        (&json!("Welch's t test"), &json!(30), &json!(30))
    );
    let active = &change["comparisons"]["Active"];
    assert_eq!((&active["n"], &active["n_ref"]), (&json!(30), &json!(26)));
    assert_eq!(change["ancova"]["left_out_by_arm"], json!({"Control": 4, "Active": 0, "Third": 30}));
}
