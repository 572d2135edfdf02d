//! `heddle schedule`, on a data directory and on a server.

use anyhow::{Context as _, Result, ensure};
use heddle_tests::Server;
use serde_json::json;

use crate::Desk;

#[tokio::test]
async fn schedules_are_made_steered_and_deleted() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    desk.write("input.json", r#"{"x": 1}"#);
    let create = ["schedule", "create", "weekly", "--workflow", "echo_diamond", "--cron"];
    let with = |more: &[&'static str]| -> Vec<&str> { [&create[..], more].concat() };
    // Before there was a server.
    let (_, err) = desk.ends(2, &with(&["0 7 * * MOND", "--time-zone", "Berlin", "--input", "[]"]))?;
    ensure!(err.contains("/cron") && err.contains("/time_zone") && err.contains("/input"), "{err}");
    let fitting = ["0 7 * * MON", "--time-zone", "Europe/Berlin", "--input", "@input.json"];
    let (said, _) = desk.ends(0, &with(&fitting))?;
    ensure!(said.contains("enabled") && said.matches("due: ").count() == 5, "{said}");
    let (_, err) = desk.ends(1, &["schedule", "trigger", "weekly"])?;
    ensure!(err.contains("heddle serve"), "{err}");

    let server = Server::start(desk.data.path())?;
    let (table, _) = desk.ends(0, &["schedule", "list"])?;
    ensure!(table.contains("weekly") && table.contains("Europe/Berlin"), "{table}");
    let disabled = desk.json(&["schedule", "disable", "weekly", "--json"])?;
    ensure!(disabled["enabled"] == false && disabled["upcoming"] == json!([]), "{disabled}");
    let run = desk.json(&["schedule", "trigger", "weekly", "--json"])?;
    ensure!(run["schedule"] == disabled["id"], "{run}");
    let finished = server.finished(run["id"].as_str().context("an id")?).await?;
    ensure!(finished["state"] == "completed", "{finished:#}");
    let (shown, _) = desk.ends(0, &["schedule", "show", disabled["id"].as_str().context("an id")?])?;
    ensure!(shown.contains("disabled") && shown.contains(run["id"].as_str().unwrap()), "{shown}");
    let enabled = desk.json(&["schedule", "enable", "weekly", "--json"])?;
    ensure!(enabled["upcoming"].as_array().is_some_and(|times| times.len() == 5), "{enabled}");
    let (_, err) = desk.ends(2, &["schedule", "show", "weakly"])?;
    ensure!(err.contains("did you mean \"weekly\"?"), "{err}");
    desk.ends(0, &["schedule", "delete", "weekly"])?;
    ensure!(desk.json(&["schedule", "list", "--json"])? == json!([]));
    server.stop()
}
