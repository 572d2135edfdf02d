//! What must not change, or change in a known way, when a study is told differently.

use clinical_research::study::{Column, Study};
use proptest::prelude::*;
use serde_json::Value;

use crate::study::{made_up, results};

fn near(a: &Value, b: f64) -> Result<(), TestCaseError> {
    let a = a.as_f64().unwrap();
    prop_assert!((a - b).abs() <= 1e-7 * a.abs().max(b.abs()).max(1e-6), "{a} against {b}");
    Ok(())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn endpoint<'v>(found: &'v Value, id: &str) -> &'v Value {
    let all = found["endpoints"].as_array().unwrap().iter().chain(found["time_to_event"].as_array().unwrap());
    all.into_iter().find(|e| e["id"] == id).unwrap()
}

/// Reference and arm exchanged.
fn swapped(study: &Study) -> Study {
    Study {
        protocol: clinical_research::study::Protocol { reference: 1, ..study.protocol.clone() },
        ..study.clone()
    }
}

fn numbers<'s>(study: &'s mut Study, field: &str) -> &'s mut Vec<Option<f64>> {
    match study.subjects.fields.get_mut(field) {
        Some(Column::Numeric(values)) => values,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn exchanging_the_arms_turns_the_signs(seed in 0u64..1_000, size in 40usize..90) {
        let study = made_up(size, seed);
        let (one, other) = (results(&study), results(&swapped(&study)));
        for id in ["change", "grade"] {
            let (a, b) = (&endpoint(&one, id)["vs_reference"]["Active"], &endpoint(&other, id)["vs_reference"]["Control"]);
            near(&a["welch"]["p"], number(&b["welch"]["p"]))?;
            near(&a["mann_whitney"]["p_asymptotic_continuity"], number(&b["mann_whitney"]["p_asymptotic_continuity"]))?;
            for key in ["mean_difference", "hodges_lehmann", "hedges_g", "cliffs_delta"] {
                near(&a[key], -number(&b[key]))?;
            }
            near(&a["welch"]["ci"][0], -number(&b["welch"]["ci"][1]))?;
        }
        let effect = |found: &Value, arm: &str| endpoint(found, "change")["ancova"]["effects"][arm].clone();
        near(&effect(&one, "Active")["adjusted_difference"], -number(&effect(&other, "Control")["adjusted_difference"]))?;
        let (a, b) = (&endpoint(&one, "response")["vs_reference"]["Active"], &endpoint(&other, "response")["vs_reference"]["Control"]);
        near(&a["risk_difference"], -number(&b["risk_difference"]))?;
        near(&a["odds_ratio"], 1.0 / number(&b["odds_ratio"]))?;
        near(&a["rr_ci"][0], 1.0 / number(&b["rr_ci"][1]))?;
        let (a, b) = (endpoint(&one, "death"), endpoint(&other, "death"));
        near(&a["cox_arm_statsmodels_efron"]["Active"]["hr"], 1.0 / number(&b["cox_arm_statsmodels_efron"]["Control"]["hr"]))?;
        near(&a["logrank_vs_reference"]["Active"]["p"], number(&b["logrank_vs_reference"]["Control"]["p"]))?;
        near(&a["rmst_vs_reference"]["Active"]["difference"], -number(&b["rmst_vs_reference"]["Control"]["difference"]))?;
        for at in 0..2 {
            near(&a["subgroups"][at]["interaction"]["p"], number(&b["subgroups"][at]["interaction"]["p"]))?;
            near(&one["primary_subgroups"][at]["interaction"]["p"], number(&other["primary_subgroups"][at]["interaction"]["p"]))?;
        }
        // Whoever is favoured stays so.
        let said = |found: &Value, arm: &str| {
            let said = endpoint(found, "change")["comparisons"][arm]["direction_of_benefit"].as_str().unwrap().to_owned();
            said.split("favours ").nth(1).map(|s| s.split(' ').next().unwrap().to_owned())
        };
        prop_assert_eq!(said(&one, "Active"), said(&other, "Control"));
    }

    #[test]
    fn the_unit_of_time_leaves_the_hazard_ratio(seed in 0u64..1_000, factor in 1u32..400) {
        let study = made_up(60, seed);
        let factor = f64::from(factor);
        let mut scaled = study.clone();
        for time in scaled.subjects.events.get_mut("death").unwrap().time.iter_mut().flatten() {
            *time *= factor;
        }
        let endpoint_of = &mut scaled.protocol.endpoints.time_to_event[0];
        endpoint_of.rmst_tau = endpoint_of.rmst_tau.map(|t| t * factor);
        let (one, other) = (results(&study), results(&scaled));
        let (a, b) = (endpoint(&one, "death"), endpoint(&other, "death"));
        for key in ["coef", "se", "hr", "p"] {
            near(&a["cox_arm"]["Active"][key], number(&b["cox_arm"]["Active"][key]))?;
        }
        for key in ["chi2", "p", "gehan_wilcoxon_chi2"] {
            near(&a["logrank_vs_reference"]["Active"][key], number(&b["logrank_vs_reference"]["Active"][key]))?;
        }
        near(&a["ph_test_mean_rank"]["Active"]["chi2"], number(&b["ph_test_mean_rank"]["Active"]["chi2"]))?;
        for arm in ["Control", "Active"] {
            near(&b["km"][arm]["rmst"]["value"], factor * number(&a["km"][arm]["rmst"]["value"]))?;
            match a["km"][arm]["median"].as_f64() {
                Some(median) => near(&b["km"][arm]["median"], factor * median)?,
                None => prop_assert_eq!(&b["km"][arm]["median"], "inf"),
            }
        }
    }

    #[test]
    fn scale_and_shift_of_the_outcome(seed in 0u64..1_000, scale in 1u32..50, shift in -500i32..500) {
        let study = made_up(50, seed);
        let mut told = study.clone();
        let (scale, shift) = (f64::from(scale), f64::from(shift));
        for value in numbers(&mut told, "endpoints.change").iter_mut().flatten() {
            *value = *value * scale + shift;
        }
        let (one, other) = (results(&study), results(&told));
        let (a, b) = (endpoint(&one, "change"), endpoint(&other, "change"));
        let (x, y) = (&a["vs_reference"]["Active"], &b["vs_reference"]["Active"]);
        for key in ["hedges_g", "cliffs_delta"] {
            near(&x[key], number(&y[key]))?;
        }
        near(&x["welch"]["p"], number(&y["welch"]["p"]))?;
        near(&y["mean_difference"], scale * number(&x["mean_difference"]))?;
        let effect = |of: &Value, key: &str| number(&of["ancova"]["effects"]["Active"][key]);
        near(&b["ancova"]["effects"]["Active"]["p"], effect(a, "p"))?;
        near(&b["ancova"]["effects"]["Active"]["adjusted_difference"], scale * effect(a, "adjusted_difference"))?;
        near(&one["primary_subgroups"][0]["interaction"]["p"], number(&other["primary_subgroups"][0]["interaction"]["p"]))?;
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter(seed in 0u64..1_000) {
        let study = made_up(50, seed);
        let mut turned = study.clone();
        turned.subjects.arm.reverse();
        for column in turned.subjects.fields.values_mut() {
            match column {
                Column::Numeric(values) | Column::Day(values) => values.reverse(),
                Column::Boolean(values) => values.reverse(),
                Column::Categorical(coded) => coded.codes.reverse(),
            }
        }
        for events in turned.subjects.events.values_mut() {
            events.time.reverse();
            events.event.reverse();
        }
        let (one, other) = (results(&study), results(&turned));
        same("", &one, &other)?;
    }

    #[test]
    fn adjusted_p_values_are_ordered(seed in 0u64..1_000) {
        let found = results(&made_up(60, seed));
        let all = found["endpoints"].as_array().unwrap().iter().chain(found["time_to_event"].as_array().unwrap());
        let open = found["multiplicity"]["gate_open"].as_bool().unwrap();
        let alpha = number(&found["alpha"]);
        for endpoint in all {
            let of = &endpoint["comparisons"]["Active"];
            if endpoint["role"] == "exploratory" {
                prop_assert!(of.get("p_holm").is_none() && endpoint["marked"] == "exploratory");
                continue;
            }
            let (p, hochberg, holm) = (number(&of["main"]["p"]), number(&of["p_hochberg"]), number(&of["p_holm"]));
            prop_assert!(p <= hochberg && hochberg <= holm + 1e-15 && holm <= 1.0, "{p} {hochberg} {holm}");
            let concluded = of["conclusion"].as_str().unwrap();
            if endpoint["role"] == "primary" {
                prop_assert_eq!(open, holm <= alpha, "{}", concluded);
            } else {
                prop_assert_eq!(concluded.starts_with("descriptive"), !open);
                prop_assert_eq!(concluded.starts_with("rejected"), open && holm <= alpha);
            }
        }
    }
}

/// Equal but for rounding, and but for what ranks ties in the order of the rows.
fn same(path: &str, a: &Value, b: &Value) -> Result<(), TestCaseError> {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            prop_assert_eq!(x.keys().collect::<Vec<_>>(), y.keys().collect::<Vec<_>>(), "{}", path);
            for (key, value) in x.iter().filter(|(key, _)| *key != "ph_test_rank" && *key != "iterations") {
                same(&format!("{path}/{key}"), value, &y[key])?;
            }
            Ok(())
        }
        (Value::Array(x), Value::Array(y)) => {
            prop_assert_eq!(x.len(), y.len());
            x.iter().zip(y).try_for_each(|(x, y)| same(path, x, y))
        }
        (Value::Number(_), Value::Number(y)) => {
            let (x, y) = (a.as_f64().unwrap(), y.as_f64().unwrap());
            prop_assert!((x - y).abs() <= 1e-7 * x.abs().max(y.abs()).max(1e-5), "{path}: {x} {y}");
            Ok(())
        }
        _ => {
            prop_assert_eq!(a, b, "{}", path);
            Ok(())
        }
    }
}
