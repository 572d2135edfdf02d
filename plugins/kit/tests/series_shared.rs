//! Forecasts and outliers of the real tickets, against what established libraries computed.
//! The data are beside the repository, or where HEDDLE_SHARED_DATA says.
#![allow(clippy::unwrap_used)]

use heddle_kit::series::{Options, Parameters, State, forecast};
use serde_json::Value;

/// The expected values of a case; `None`, and a word about it, where the data are not on this machine.
fn expected(case: &str) -> Option<Value> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let root = std::env::var("HEDDLE_SHARED_DATA").unwrap_or_else(|_| beside.to_owned());
    let path = format!("{root}/{case}/expected.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) if std::env::var_os("CI").is_some() => panic!("{path}: {error}"),
        Err(error) => {
            println!("SKIPPED: {path}: {error}");
            None
        }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn mae(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64
}

/// The least error among the yardsticks of a forecast section.
fn best_yardstick(section: &Value) -> f64 {
    let maes =
        section.as_object().unwrap().values().filter_map(|v| v.get("mae")).map(|v| v.as_f64().unwrap());
    maes.fold(f64::INFINITY, f64::min)
}

#[test]
fn weekly_forecast_is_as_good_as_the_yardsticks() {
    let Some(expected) = expected("ticket_analysis/jest_operations") else { return };
    let section = &expected["forecast_weekly"];
    let actual = numbers(&section["actual"]);
    let weekly = expected["volume"]["weekly"].as_object().unwrap();
    let mut counts: Vec<(&String, f64)> = weekly.iter().map(|(w, c)| (w, c.as_f64().unwrap())).collect();
    counts.sort_by(|a, b| a.0.cmp(b.0));
    // The last week is incomplete; the ones before it are held out.
    let complete: Vec<f64> = counts[..counts.len() - 1].iter().map(|(_, c)| *c).collect();
    let (train, held_out) = complete.split_at(complete.len() - actual.len());
    assert_eq!(held_out, actual);
    let made = forecast(train, &Options::counts(actual.len(), &[52])).unwrap();
    let error = mae(&made.point, &actual);
    println!("weekly {:?} MAE {error:.4} coverage {:?}", made.model, made.coverage);
    println!("{:?}", made.candidates);
    assert!(error <= 1.15 * best_yardstick(section), "{error} by {:?}", made.model);
    for c in &made.coverage {
        let share = c.empirical.unwrap();
        assert!((share - c.level).abs() < 0.1, "{share} of nominal {} over {}", c.level, c.checked);
    }
}

#[test]
fn daily_forecast_is_as_good_as_the_yardsticks() {
    let Some(expected) = expected("ticket_analysis/jest_operations") else { return };
    let section = &expected["forecast_daily"];
    let (train, actual) = (numbers(&section["train"]), numbers(&section["actual"]));
    let made = forecast(&train, &Options::counts(actual.len(), &[7])).unwrap();
    let error = mae(&made.point, &actual);
    println!("daily {:?} MAE {error:.4} coverage {:?}", made.model, made.coverage);
    println!("{:?}", made.candidates);
    assert!(error <= 1.15 * best_yardstick(section), "{error} by {:?}", made.model);
    // Equal-tailed intervals of counts whose lower bound is zero miss on one side only: they may hold more.
    for c in &made.coverage {
        let share = c.empirical.unwrap();
        assert!(share > c.level - 0.06, "{share} of nominal {} over {}", c.level, c.checked);
    }
}

#[test]
fn holt_winters_recursion_is_exact() {
    let Some(expected) = expected("ticket_analysis/jest_operations") else { return };
    let fixed = &expected["forecast_daily"]["fixed_parameters"];
    let values = numbers(&expected["forecast_daily"]["train"]);
    let of = |key: &str| fixed[key].as_f64().unwrap();
    let parameters = Parameters { alpha: of("alpha"), beta: of("beta"), gamma: of("gamma"), phi: 1.0 };
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (first, second) = (mean(&values[..7]), mean(&values[7..14]));
    let season = values[..7].iter().map(|v| v - first).collect();
    let mut state = State { level: first, trend: (second - first) / 7.0, season };
    for y in &values {
        state.observe(&parameters, *y);
    }
    assert!((state.level - of("level")).abs() < 1e-8, "{} {}", state.level, of("level"));
    assert!((state.trend - of("trend")).abs() < 1e-8);
    for (h, want) in numbers(&fixed["forecast"]).iter().enumerate() {
        assert!((state.ahead(&parameters, h + 1) - want).abs() < 1e-8, "step {}", h + 1);
    }
}

#[test]
fn outlier_weeks_are_those_of_the_robust_z_score() {
    let Some(expected) = expected("ticket_analysis/jest_operations") else { return };
    let volume = &expected["volume"];
    let mut weekly: Vec<(&String, &Value)> = volume["weekly"].as_object().unwrap().iter().collect();
    weekly.sort_by(|a, b| a.0.cmp(b.0));
    let counts: Vec<f64> = weekly.iter().map(|(_, c)| c.as_f64().unwrap()).collect();
    let z = heddle_kit::stats::robust_z(&counts).unwrap();
    let found: Vec<&str> =
        weekly.iter().zip(&z).filter(|(_, z)| **z > 3.0).map(|((w, _), _)| w.as_str()).collect();
    let want: Vec<&str> = volume["outlier_weeks_robust_z_gt_3"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w.as_str().unwrap())
        .collect();
    assert_eq!(found, want);
}
