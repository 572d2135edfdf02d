//! The real tickets through the real server and the real component, against the values that trusted libraries computed.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result, ensure};
use heddle_tests::{Server, shared_data};
use serde_json::{Value, json};

fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_str(&text)?)
}

/// Run the workflow to its end; the outputs of its steps by name.
async fn analyse(server: &Server, input: Value) -> Result<BTreeMap<String, Value>> {
    let id = server.start_run("ticket_analysis", input).await?;
    let run = server.finished(&id).await?;
    ensure!(run["state"] == "completed", "{run:#}");
    let mut outputs = BTreeMap::new();
    for step in run["steps"].as_array().context("steps")? {
        let name = step["name"].as_str().context("a step has a name")?;
        outputs.insert(name.to_owned(), server.get(&format!("/runs/{id}/steps/{name}/output")).await?);
    }
    Ok(outputs)
}

/// Numbers within a relative tolerance, everything else exactly.
fn ensure_close(path: &str, expected: &Value, got: &Value, tolerance: f64) -> Result<()> {
    match (expected, got) {
        (Value::Object(expected), Value::Object(_)) => {
            for (key, value) in expected {
                ensure_close(&format!("{path}/{key}"), value, &got[key], tolerance)?;
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().context("a number")?, b.as_f64().context("a number")?);
            ensure!((a - b).abs() <= tolerance * a.abs().max(1e-12), "{path}: {a} expected, {b} found");
        }
        _ => ensure!(expected == got, "{path}: {expected} expected, {got} found"),
    }
    Ok(())
}

fn pairs(value: &Value) -> Result<BTreeMap<(String, String), f64>> {
    let list = value.as_array().context("pairs")?;
    list.iter()
        .map(|pair| {
            let mut ids = [pair[0].as_str().context("an id")?, pair[1].as_str().context("an id")?];
            ids.sort_unstable();
            Ok(((ids[0].to_owned(), ids[1].to_owned()), pair[2].as_f64().context("a cosine")?))
        })
        .collect()
}

fn ensure_similar(expected: &Value, got: &Value) -> Result<()> {
    let (want, have) = (pairs(&expected["pairs"])?, pairs(&got["similar"]["pairs"])?);
    let different: Vec<_> = want.keys().filter(|k| !have.contains_key(*k)).collect();
    ensure!(
        want.len() == have.len() && different.is_empty(),
        "{} pairs, {} expected; missing {different:?}",
        have.len(),
        want.len()
    );
    for (ids, cosine) in &want {
        ensure!((have[ids] - cosine).abs() <= 1e-6, "{ids:?}: {cosine} expected, {} found", have[ids]);
    }
    Ok(())
}

/// Macro-averaged F1 of the categories given to labelled tickets.
fn macro_f1(categorized: &Value, labels: &Value) -> Result<f64> {
    let mut counts: BTreeMap<&str, [f64; 3]> = BTreeMap::new(); // true positives, predicted, actual
    for ticket in categorized.as_array().context("categorized_tickets")? {
        let id = ticket["ticket_id"].as_str().context("ticket_id")?;
        let predicted = ticket["category"].as_str().unwrap_or_default();
        let actual = labels[id].as_str().with_context(|| format!("no label for {id}"))?;
        counts.entry(predicted).or_default()[1] += 1.0;
        counts.entry(actual).or_default()[2] += 1.0;
        if predicted == actual {
            counts.entry(actual).or_default()[0] += 1.0;
        }
    }
    let classes: Vec<_> = counts.values().filter(|c| c[2] > 0.0).collect();
    Ok(classes.iter().map(|c| 2.0 * c[0] / (c[1] + c[2])).sum::<f64>() / classes.len() as f64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_tickets_give_the_expected_values() -> Result<()> {
    let Some(data) = shared_data() else { return Ok(()) };
    let data = data.join("ticket_analysis");
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path())?;

    let expected = read(&data.join("jest_operations/expected.json"))?;
    let outputs = analyse(&server, read(&data.join("jest_operations/input.json"))?).await?;
    let quality = &outputs["ticket_ingestion"]["data_quality_report"];
    ensure_close("ingestion", &expected["ingestion"], quality, 0.0)?;
    ensure_similar(&expected["similar"], &outputs["categorization"]["patterns"])?;
    let metrics = &outputs["analytics_dashboard"]["metrics"];
    ensure_close("weekly", &expected["volume"]["weekly"], &metrics["volume"]["weekly"], 0.0)?;
    ensure_close("resolution_hours", &expected["resolution_hours"], &metrics["resolution_hours"], 1e-6)?;
    ensure_close("backlog", &expected["backlog_at_week_end"], &metrics["backlog_at_week_end"], 0.0)?;
    for (tier, values) in expected["sla"]["by_tier"].as_object().context("by_tier")? {
        ensure_close(&format!("sla/{tier}"), values, &metrics["sla"]["by_tier"][tier], 1e-6)?;
    }
    let predictions = &outputs["analytics_dashboard"]["predictions"];
    for (series, yardsticks) in [
        ("forecast_weekly", ["holt_damped", "ses", "naive_last", "mean_last_8"].as_slice()),
        ("forecast_daily", ["holt_winters_additive_7", "seasonal_naive_7", "mean"].as_slice()),
    ] {
        let best = yardsticks
            .iter()
            .filter_map(|y| expected[series][y]["mae"].as_f64())
            .fold(f64::INFINITY, f64::min);
        let mae = predictions[series]["held_out"]["mae"]
            .as_f64()
            .with_context(|| format!("no held-out MAE in {series}: {:#}", predictions[series]))?;
        println!("{series}: held-out MAE {mae:.4}, best yardstick {best:.4}, ratio {:.3}", mae / best);
        ensure!(mae <= 1.15 * best, "{series}: MAE {mae}, best yardstick {best}");
    }

    let expected = read(&data.join("react_vscode/expected.json"))?;
    let mut input = read(&data.join("react_vscode/input.json"))?;
    let outputs = analyse(&server, input.clone()).await?;
    let patterns = &outputs["categorization"]["patterns"];
    ensure_similar(&expected["similar"], patterns)?;
    let f1 = macro_f1(&outputs["categorization"]["categorized_tickets"], &expected["labels"])?;
    let yardstick =
        expected["classification"]["keyword_rules"]["macro_f1"].as_f64().context("keyword_rules")?;
    println!("without labels: macro-F1 {f1:.3}, keyword rules {yardstick:.3}");
    ensure!(f1 >= yardstick + 0.05, "macro-F1 {f1}, keyword rules {yardstick}");

    // Half of the labels are given; what counts are the other half.
    let mut hidden = json!({});
    for (i, ticket) in input["ticket_data"].as_array_mut().context("ticket_data")?.iter_mut().enumerate() {
        let id = ticket["id"].as_str().context("an id")?.to_owned();
        if i % 2 == 0 {
            ticket["category"] = expected["labels"][&id].clone();
        } else {
            hidden[&id] = expected["labels"][&id].clone();
        }
    }
    let outputs = analyse(&server, input).await?;
    let all =
        outputs["categorization"]["categorized_tickets"].as_array().context("categorized_tickets")?.clone();
    let unseen: Vec<Value> = all
        .into_iter()
        .filter(|t| t["ticket_id"].as_str().is_some_and(|id| hidden.get(id).is_some()))
        .collect();
    ensure!(unseen.len() == 300);
    let learned = macro_f1(&Value::Array(unseen), &hidden)?;
    println!("learned from 300 labels, on 300 others: macro-F1 {learned:.3}");
    ensure!(learned >= 0.72, "learned from half of the labels: macro-F1 {learned}");
    server.stop()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_run_gives_the_same_bytes() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path())?;
    let input: Value = serde_json::from_slice(&heddle_tests::sample("tickets.json"))?;
    let body = json!({ "workflow": "ticket_analysis", "input": input, "as_of": "2026-10-01T00:00:00Z" });
    let mut digests = Vec::new();
    for _ in 0..2 {
        let run = server.post("/runs", &body).await?;
        let id = run["id"].as_str().context("an id")?.to_owned();
        let run = server.finished(&id).await?;
        ensure!(run["state"] == "completed", "{run:#}");
        let artifacts = server.get(&format!("/runs/{id}/artifacts")).await?;
        let list =
            artifacts.as_array().or_else(|| artifacts["items"].as_array()).context("artifacts")?.clone();
        let names: BTreeMap<String, String> = list
            .iter()
            .map(|a| {
                (
                    a["name"].as_str().unwrap_or_default().to_owned(),
                    a["digest"].as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        ensure!(names.len() == 15, "{names:#?}");
        digests.push(names);
    }
    ensure!(digests[0] == digests[1], "{digests:#?}");
    server.stop()
}
