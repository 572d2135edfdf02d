//! The analytics phase by value: on the real tickets, on small ones worked out by hand, and on poor ones.

#![allow(clippy::unwrap_used)]

use heddle_sdk::{Outcome, PhaseError, testing::TestRun};
use serde_json::{Value, json};

mod analytics_support;
mod common;

use analytics_support::{chain, dashboard_data, run, ticket};

fn close(actual: &Value, expected: &Value, what: &str) {
    let (a, e) = (actual.as_f64().unwrap_or(f64::NAN), expected.as_f64().unwrap());
    assert!((a - e).abs() <= 1e-6 * e.abs().max(1.0), "{what}: {a} is not {e}");
}

#[test]
fn jest_is_exact() {
    let Some((input, expected)) = common::case("jest_operations") else { return };
    let run = chain(&input);
    let metrics = &run.output()["metrics"];
    assert_eq!(metrics["volume"]["weekly"], expected["volume"]["weekly"]);
    assert_eq!(
        metrics["volume"]["outlier_weeks_robust_z_gt_3"],
        expected["volume"]["outlier_weeks_robust_z_gt_3"]
    );
    assert_eq!(metrics["backlog_at_week_end"], expected["backlog_at_week_end"]);
    let (hours, wanted) = (&metrics["resolution_hours"], &expected["resolution_hours"]);
    assert_eq!(hours["open_at_as_of"], wanted["open_at_as_of"]);
    close(&hours["resolution_rate"], &wanted["resolution_rate"], "resolution_rate");
    let tiers = wanted["by_tier"].as_object().unwrap();
    let groups = tiers.iter().map(|(tier, w)| (tier.as_str(), &hours["by_tier"][tier], w));
    for (name, actual, wanted) in groups.chain([("all", &hours["all"], &wanted["all"])]) {
        assert_eq!(actual["n"], wanted["n"], "{name}");
        for figure in ["mean", "median", "p90"] {
            close(&actual[figure], &wanted[figure], &format!("{name} {figure}"));
        }
    }
    assert_eq!(hours["by_tier"].as_object().unwrap().len(), tiers.len());
    let (sla, wanted) = (&metrics["sla"], &expected["sla"]);
    close(&sla["overall_compliance_pct"], &wanted["overall_compliance_pct"], "overall compliance");
    for (tier, wanted) in wanted["by_tier"].as_object().unwrap() {
        for count in ["n", "met", "breached", "pending"] {
            assert_eq!(sla["by_tier"][tier][count], wanted[count], "{tier} {count}");
        }
        close(&sla["by_tier"][tier]["compliance_pct"], &wanted["compliance_pct"], tier);
    }
    assert!(
        metrics["first_response_hours"]["not_computable"].as_str().unwrap().contains("first_response_at")
    );
    assert!(metrics["satisfaction"]["not_computable"].is_string());
}

/// The held-out error against every yardstick of the file, and the yardsticks that we compute ourselves against it.
#[test]
fn jest_forecasts_hold_against_the_yardsticks() {
    let Some((input, expected)) = common::case("jest_operations") else { return };
    let run = chain(&input);
    let predictions = &run.output()["predictions"];
    for (key, ours) in [
        ("forecast_weekly", &["naive_last", "mean_last_8"][..]),
        ("forecast_daily", &["seasonal_naive_7", "mean"]),
    ] {
        let (made, wanted) = (&predictions[key], &expected[key]);
        let test = &made["held_out"];
        let actual: Vec<f64> =
            test["actual"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let held: Vec<f64> =
            wanted["actual"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert_eq!(actual, held, "{key}: the same periods are held out");
        let best = wanted
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| *name != "fixed_parameters")
            .filter_map(|(_, yardstick)| yardstick["mae"].as_f64())
            .fold(f64::INFINITY, f64::min);
        let mae = test["mae"].as_f64().unwrap();
        println!(
            "{key}: MAE {mae:.4}, best yardstick {best:.4}, ratio {:.3}, model {}",
            mae / best,
            test["model"]
        );
        assert!(mae <= 1.15 * best, "{key}: held-out MAE {mae} is above 1.15 x {best}");
        // The error is that of the forecast written beside it.
        let forecast: Vec<f64> =
            test["forecast"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let error =
            actual.iter().zip(&forecast).map(|(a, f)| (a - f).abs()).sum::<f64>() / actual.len() as f64;
        assert!((error - mae).abs() < 1e-12);
        for name in ours {
            close(&test["naive_mae"][name], &wanted[name]["mae"], &format!("{key} {name}"));
        }
        for check in made["coverage"].as_array().unwrap() {
            let (level, share) = (check["level"].as_f64().unwrap(), check["empirical"].as_f64().unwrap());
            println!("{key}: {level} interval held {share:.3} of {}", check["checked"]);
            assert!((share - level).abs() < 0.12, "{key}: an interval of {level} held {share}");
        }
        let ahead = made["ahead"].as_array().unwrap();
        assert_eq!(ahead.len(), held.len());
        // Both begin with the period of as_of, Monday 30 September 2024.
        assert_eq!(ahead[0]["start"], "2024-09-30");
        for point in ahead {
            let of = |k: &str| point[k].as_f64().unwrap();
            assert!(0.0 <= of("lower_95") && of("lower_95") <= of("lower_80"), "{point}");
            assert!(of("lower_80") <= of("upper_80") && of("upper_80") <= of("upper_95"), "{point}");
        }
    }
}

#[test]
fn the_page_holds_every_ticket_and_the_files_agree() {
    let Some((input, _)) = common::case("jest_operations") else { return };
    let run = chain(&input);
    assert_eq!(&run.json("analytics_summary.json"), run.output());
    assert!(run.bytes("trend_analysis.png").starts_with(b"\x89PNG"));
    let data = dashboard_data(run.text("dashboard.html"));
    assert_eq!(data["tickets"]["id"].as_array().unwrap().len(), 1178);
    let met = data["tickets"]["sla"].as_array().unwrap().iter().filter(|s| **s == json!(0)).count();
    assert_eq!(met, 434, "0 + 59 + 375 of expected.json");
    let report = run.text("executive_report.md");
    assert!(report.contains("76 tickets open; 93.5 % are resolved."), "{report}");
    assert!(report.contains("prose_by: template"));
    assert!(report.lines().count() < 90, "one to two pages");
    // Same input, same bytes.
    assert_eq!(run.files, chain(&input).files);
}

/// Three tickets of gold, one of silver; every figure worked out by hand.
#[test]
fn small_figures() {
    let tickets = json!([
        ticket(
            "A",
            "2024-03-04T00:00:00Z",
            Some("2024-03-04T10:00:00Z"),
            "closed",
            json!({ "customer_tier": "gold", "first_response_at": "2024-03-04T01:00:00Z", "satisfaction": 5.0, "assignee": "ann" })
        ),
        ticket(
            "B",
            "2024-03-05T00:00:00Z",
            Some("2024-03-06T06:00:00Z"),
            "closed",
            json!({ "customer_tier": "gold", "first_response_at": "2024-03-05T03:00:00Z", "satisfaction": 3.0, "assignee": "ann" })
        ),
        ticket(
            "C",
            "2024-03-18T00:00:00Z",
            None,
            "open",
            json!({ "customer_tier": "gold", "satisfaction": 4.0, "assignee": "bo" })
        ),
        ticket("D", "2024-03-19T12:00:00Z", None, "open", json!({ "customer_tier": "silver" })),
        ticket("E", "2024-03-19T13:00:00Z", None, "closed", json!({})),
    ]);
    let run = run(
        &tickets,
        "2024-03-20T00:00:00Z",
        json!({
            "sla_policy": { "gold": { "resolution_hours": 24, "first_response_hours": 2 }, "silver": { "resolution_hours": 24 } },
        }),
    );
    let m = &run.output()["metrics"];
    assert_eq!(m["volume"]["weekly"], json!({ "2024-03-04": 2, "2024-03-11": 0, "2024-03-18": 3 }));
    assert_eq!(m["volume"]["last_week_is_incomplete"], true);
    assert_eq!(m["backlog_at_week_end"], json!({ "2024-03-04": 0, "2024-03-11": 0, "2024-03-18": 2 }));
    let hours = &m["resolution_hours"];
    // 10 h and 30 h; 90th percentile by linear interpolation: 10 + 0.9 * 20.
    assert_eq!(hours["all"], json!({ "n": 2, "mean": 20.0, "median": 20.0, "p90": 28.0 }));
    // E is closed without a date: resolved, and in no time.
    assert_eq!((&hours["open_at_as_of"], &hours["resolution_rate"]), (&json!(2), &json!(0.6)));
    assert_eq!(
        m["sla"]["by_tier"]["gold"],
        json!({ "target_hours": 24.0, "n": 3, "met": 1, "breached": 2, "pending": 0, "compliance_pct": 100.0 / 3.0 })
    );
    assert_eq!(m["sla"]["by_tier"]["silver"]["pending"], 1);
    assert_eq!(m["sla"]["by_tier"]["silver"]["compliance_pct"], Value::Null);
    assert_eq!((&m["sla"]["hours"], &m["sla"]["not_judged"]), (&json!("wall_clock"), &json!(1)));
    assert_eq!(m["first_response_hours"]["all"]["mean"], 2.0);
    // A in time, B late, C unanswered after two days.
    assert_eq!(m["first_response_hours"]["sla"], json!({ "breached": 2, "met": 1 }));
    let satisfaction = &m["satisfaction"];
    assert_eq!((&satisfaction["n"], &satisfaction["mean"]), (&json!(3), &json!(4.0)));
    // s = 1, n = 3: 4 ± 4.302652729911275 / √3.
    close(&satisfaction["mean_ci_95"][0], &json!(4.0 - 4.302652729911275 / 3_f64.sqrt()), "lower bound");
    assert_eq!(satisfaction["distribution"], json!({ "3": 1, "4": 1, "5": 1 }));
    assert_eq!(m["assignee_load"]["ann"]["resolved_last_28_days"], 2);
    assert_eq!(
        (&m["assignee_load"]["bo"]["open"], &m["assignee_load"]["bo"]["created_last_28_days"]),
        (&json!(1), &json!(1))
    );
    assert!(
        run.output()["predictions"]["forecast_weekly"]["not_computable"]
            .as_str()
            .unwrap()
            .starts_with("2 complete weeks")
    );
}

/// A ticket dated after as_of, in as_of's own week, is in no count by week and is not open yet.
#[test]
fn what_comes_after_as_of_is_left_out() {
    let tickets = json!([
        ticket("A", "2024-03-18T00:00:00Z", None, "open", json!({})),
        ticket("B", "2024-03-22T00:00:00Z", None, "open", json!({})),
    ]);
    let run = run(&tickets, "2024-03-20T00:00:00Z", json!({}));
    let m = &run.output()["metrics"];
    assert_eq!(m["volume"]["weekly"], json!({ "2024-03-18": 1 }));
    assert_eq!(m["backlog_at_week_end"], json!({ "2024-03-18": 1 }));
    assert_eq!(m["resolution_hours"]["open_at_as_of"], 1);
    assert!(
        m["notes"]
            .to_string()
            .contains("1 of 2 tickets is dated after 2024-03-20T00:00:00Z: it is in no count"),
        "{}",
        m["notes"]
    );
}

#[test]
fn business_hours_count_where_the_policy_has_them() {
    // Friday 16:00 to Monday 10:00: two open hours of eight a day.
    let tickets = json!([ticket(
        "A",
        "2024-03-01T16:00:00Z",
        Some("2024-03-04T10:00:00Z"),
        "closed",
        json!({ "customer_tier": "gold" })
    )]);
    let policy =
        json!({ "gold": { "resolution_hours": 3 }, "business_hours": { "mon-fri": ["09:00", "17:00"] } });
    let m =
        run(&tickets, "2024-03-20T00:00:00Z", json!({ "sla_policy": policy })).output()["metrics"].clone();
    assert_eq!((&m["sla"]["by_tier"]["gold"]["met"], &m["sla"]["hours"]), (&json!(1), &json!("business")));
}

#[test]
fn poor_data_says_what_it_cannot_tell() {
    let undated = json!([{ "id": "A", "subject": "a", "description": "" }, { "id": "B", "subject": "b", "description": "" }]);
    let run = run(&undated, "2024-03-20T00:00:00Z", json!({}));
    let m = &run.output()["metrics"];
    for key in [
        "volume",
        "resolution_hours",
        "sla",
        "backlog_at_week_end",
        "first_response_hours",
        "satisfaction",
        "assignee_load",
    ] {
        assert!(m[key]["not_computable"].as_str().is_some_and(|why| why.len() > 10), "{key}: {}", m[key]);
    }
    let p = &run.output()["predictions"];
    assert!(
        p["forecast_weekly"]["not_computable"].is_string()
            && p["forecast_daily"]["not_computable"].is_string()
    );
    assert_eq!(p["prose_by"], "template");
    let report = run.text("executive_report.md");
    assert!(report.contains("- SLA: the input has no sla_policy."), "{report}");
    assert_eq!(run.files.len(), 4, "every file is there all the same");
}

#[test]
fn a_silence_is_not_forecast() {
    let tickets: Vec<Value> = (1..29)
        .map(|d| ticket(&format!("T{d}"), &format!("2015-02-{d:02}T00:00:00Z"), None, "open", json!({})))
        .collect();
    let run = run(&json!(tickets), "2024-03-20T00:00:00Z", json!({}));
    let why = run.output()["predictions"]["forecast_weekly"]["not_computable"].as_str().unwrap();
    assert!(why.contains("no ticket was created in the 26 weeks before as_of"), "{why}");
    let notes = run.output()["metrics"]["notes"].to_string();
    assert!(notes.contains("Nothing is recorded in the"), "{notes}");
}

#[test]
fn an_impossible_date_costs_no_memory() {
    let tickets = json!([
        ticket("A", "0001-01-01T00:00:00Z", None, "open", json!({})),
        ticket("B", "2024-03-01T00:00:00Z", None, "open", json!({}))
    ]);
    let run = run(&tickets, "2024-03-20T00:00:00Z", json!({}));
    let why = run.output()["metrics"]["volume"]["not_computable"].as_str().unwrap();
    assert!(why.contains("0001-01-01") && why.contains("120 years"), "{why}");
}

#[test]
fn team_capacity_is_compared_with_what_is_routed() {
    let tickets: Vec<Value> = (0..16)
        .map(|k| {
            ticket(&format!("T{k}"), &format!("2024-03-{:02}T00:00:00Z", k + 2), None, "open", json!({}))
        })
        .collect();
    let input = json!({ "teams": [{ "name": "web", "capacity": 1.5 }, "other"] });
    let mut setup = analytics_support::harness(&json!(tickets), "2024-03-20T00:00:00Z");
    let routed: Vec<Value> = (0..16)
        .map(|k| json!({ "ticket_id": format!("T{k}"), "priority": "P1", "route": { "team": "web" } }))
        .collect();
    setup = setup.file("priority_scores.json", json!({ "prioritized_tickets": routed }).to_string());
    let output = setup.run(input).output().clone();
    let findings = output["predictions"]["recommendations"].as_array().unwrap();
    // 16 in 8 weeks are 2 a week: a third more than 1.5.
    let web = findings.iter().find(|f| f["title"] == "web: 133 % of its capacity").unwrap();
    assert!(web["arithmetic"].as_str().unwrap().starts_with("16 routed / 8 weeks = 2.00"), "{web}");
    assert!(findings.iter().any(|f| f["title"] == "Urgent tickets wait"), "{findings:?}");
    assert_eq!(output["metrics"]["team_load"]["web"]["open_p0_p1"], 16);
}

#[test]
fn what_is_wrong_is_named() {
    let one = json!([ticket("A", "2024-03-01T00:00:00Z", None, "open", json!({}))]);
    let paths = |run: TestRun| match run.error() {
        PhaseError::InvalidInput(problems) => problems.iter().map(|p| p.path.clone()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let wrong = json!({
        "forecast": { "weeks_ahead": 0, "days_ahead": 91 },
        "teams": [{ "name": "web", "capacity": -1.0 }],
        "sla_policy": { "gold": { "resolution_hours": -1 } },
    });
    let found = paths(run(&one, "2024-03-20T00:00:00Z", wrong));
    assert_eq!(
        found,
        [
            "/sla_policy/gold/resolution_hours",
            "/forecast/weeks_ahead",
            "/forecast/days_ahead",
            "/teams/0/capacity"
        ]
    );
    let result = run(&one, "yesterday", json!({})).result;
    assert!(
        matches!(&result, Err(PhaseError::Failed(m)) if m.contains("as_of") && m.contains("yesterday")),
        "{result:?}"
    );
    assert!(!matches!(result, Ok(Outcome::Completed(_))));
}
