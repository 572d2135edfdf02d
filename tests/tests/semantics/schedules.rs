//! Runs that start by themselves: schedules with their missed times, and starts that are put off.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use heddle::model::Timestamp;
use heddle_tests::PATIENCE;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, both};

both!(
    a_schedule_starts_runs_at_its_times,
    what_is_wrong_with_a_schedule_is_said_all_at_once,
    missed_times_are_made_up_for_once,
    missed_times_are_made_up_for_each,
    missed_times_are_left_out,
    a_crash_between_start_and_record_doubles_nothing,
    a_start_that_is_refused_is_seen_and_the_next_time_comes,
    a_schedule_is_changed_disabled_triggered_and_deleted,
    a_start_that_was_put_off_survives_a_crash,
);

const EVERY_SECOND: &str = "* * * * * *";
/// Far enough away that no test meets it.
const YEARLY: &str = "0 0 1 1 *";

async fn create(host: &Host, body: Value) -> Result<Value> {
    let mut schedule = json!({ "name": "s", "workflow": "part", "input": { "n": 21 } });
    schedule.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    host.server().post("/schedules", &schedule).await
}

async fn get(host: &Host, schedule: &Value) -> Result<Value> {
    host.server().get(&format!("/schedules/{}", schedule["id"].as_str().unwrap())).await
}

async fn patch(host: &Host, schedule: &Value, body: Value) -> Result<Value> {
    let path = format!("/schedules/{}", schedule["id"].as_str().unwrap());
    let response = host.server().request(Method::PATCH, &path).json(&body).send().await?;
    Ok(response.error_for_status()?.json().await?)
}

/// The runs of a schedule, the oldest first.
async fn runs(host: &Host, schedule: &Value) -> Result<Vec<Value>> {
    let page = host.server().get("/runs?limit=200").await?;
    let mut found: Vec<Value> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["schedule"] == schedule["id"])
        .cloned()
        .collect();
    found.reverse();
    Ok(found)
}

/// Wait until a schedule looks as wanted.
async fn until(host: &Host, schedule: &Value, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let start = std::time::Instant::now();
    loop {
        let found = get(host, schedule).await?;
        if wanted(&found) {
            return Ok(found);
        }
        ensure!(start.elapsed() < PATIENCE, "it did not come to that: {found:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether nothing of the past is due any more.
fn caught_up(schedule: &Value) -> bool {
    schedule["last_at"].is_string() && schedule["upcoming"][0].as_str() > schedule["last_at"].as_str()
}

async fn a_schedule_starts_runs_at_its_times(host: Host) -> Result<()> {
    let schedule = create(&host, json!({ "cron": EVERY_SECOND, "time_zone": "Europe/Berlin" })).await?;
    ensure!(schedule["upcoming"].as_array().unwrap().len() == 5, "{schedule:#}");
    ensure!(schedule["missed"] == "run_once" && schedule["enabled"] == true, "{schedule:#}");
    while runs(&host, &schedule).await?.len() < 3 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    patch(&host, &schedule, json!({ "enabled": false })).await?;
    let runs = runs(&host, &schedule).await?;
    // Each has a time of its own, at which its clock stands.
    let mut times: Vec<&str> = runs.iter().map(|run| run["as_of"].as_str().unwrap()).collect();
    ensure!(times.iter().all(|time| time.ends_with(".000000Z")), "{times:?}");
    times.dedup();
    ensure!(times.len() == runs.len(), "{times:?}");
    let run = host.finished(runs[0]["id"].as_str().unwrap()).await?;
    ensure!(host.output(&run).await? == json!(42), "{run:?}");
    let now = get(&host, &schedule).await?;
    ensure!(now["upcoming"] == json!([]) && now["last_run"] == runs.last().unwrap()["id"], "{now:#}");
    ensure!(now.get("last_error").is_none(), "{now:#}");
    Ok(())
}

async fn what_is_wrong_with_a_schedule_is_said_all_at_once(host: Host) -> Result<()> {
    let body = json!({ "name": "", "workflow": "part", "input": { "n": "x" }, "cron": "99 * * * *", "time_zone": "Mars/Olympus" });
    let said = host.refused(Method::POST, "/schedules", body, 400).await?;
    for path in ["/name:", "/cron:", "/time_zone:", "/input/n:"] {
        ensure!(said.contains(path), "{path} {said}");
    }
    let body = json!({ "name": "s", "workflow": "nothing", "cron": "0 0 30 2 *" });
    let said = host.refused(Method::POST, "/schedules", body, 400).await?;
    ensure!(
        said.contains("/workflow: there is no workflow \"nothing\"") && said.contains("/cron:"),
        "{said}"
    );
    ensure!(host.server().get("/schedules").await?["items"] == json!([]));
    let schedule = create(&host, json!({ "cron": YEARLY })).await?;
    let twice = json!({ "name": "s", "workflow": "part", "input": { "n": 1 }, "cron": YEARLY });
    let said = host.refused(Method::POST, "/schedules", twice, 409).await?;
    ensure!(said.contains("\"s\""), "{said}");
    let path = format!("/schedules/{}", schedule["id"].as_str().unwrap());
    let said = host.refused(Method::PATCH, &path, json!({ "input": {}, "cron": "x" }), 400).await?;
    ensure!(said.contains("/input") && said.contains("/cron"), "{said}");
    ensure!(get(&host, &schedule).await? == schedule, "nothing of it is changed");
    Ok(())
}

/// As if the host had been away for some times: the schedule was due so many seconds ago.
macro_rules! away {
    ($host:expr, $seconds:literal) => {{
        $host
            .forge(concat!(
                "UPDATE schedules SET next_at = (next_at / 60000000 - 1) * 60000000 - ",
                $seconds,
                "000000"
            ))
            .await?;
    }};
}

async fn missed_times_are_made_up_for_once(mut host: Host) -> Result<()> {
    let schedule = create(&host, json!({ "cron": "* * * * *", "missed": "run_once" })).await?;
    away!(host, 600);
    let after = until(&host, &schedule, |s| s["last_run"].is_string() && caught_up(s)).await?;
    let runs = runs(&host, &schedule).await?;
    // One for the eleven, and perhaps that of a minute that has begun since.
    ensure!((1..=2).contains(&runs.len()), "{runs:#?}");
    ensure!(after["upcoming"][0].as_str() > runs[0]["created_at"].as_str(), "{after:#}");
    Ok(())
}

async fn missed_times_are_made_up_for_each(mut host: Host) -> Result<()> {
    let schedule = create(&host, json!({ "cron": "* * * * *", "missed": "run_all" })).await?;
    away!(host, 600);
    until(&host, &schedule, caught_up).await?;
    let found = runs(&host, &schedule).await?;
    ensure!((11..=12).contains(&found.len()), "{}", found.len());
    let times: Vec<&str> = found.iter().map(|run| run["as_of"].as_str().unwrap()).collect();
    ensure!(times.is_sorted() && times.windows(2).all(|two| two[0] < two[1]), "{times:?}");
    // Of very many the latest hundred.
    away!(host, 60000);
    let from = found.len();
    until(&host, &schedule, |s| {
        caught_up(s) && s["last_at"].as_str() > found.last().unwrap()["created_at"].as_str()
    })
    .await?;
    let all = runs(&host, &schedule).await?;
    // Those of the last eleven minutes are there already.
    ensure!((100 - 12..=101).contains(&(all.len() - from)), "{}", all.len());
    Ok(())
}

async fn missed_times_are_left_out(mut host: Host) -> Result<()> {
    let schedule = create(&host, json!({ "cron": YEARLY, "missed": "skip" })).await?;
    let due = schedule["upcoming"][0].clone();
    host.forge("UPDATE schedules SET next_at = next_at - 366 * 86400000000").await?;
    let after = until(&host, &schedule, |s| s["upcoming"][0] == due).await?;
    ensure!(after.get("last_run").is_none() && runs(&host, &schedule).await?.is_empty(), "{after:#}");
    Ok(())
}

async fn a_crash_between_start_and_record_doubles_nothing(mut host: Host) -> Result<()> {
    let schedule = create(&host, json!({ "cron": "* * * * *", "missed": "run_all" })).await?;
    away!(host, 300);
    let before = until(&host, &schedule, caught_up).await?;
    let first = runs(&host, &schedule).await?;
    ensure!(first.len() >= 6, "{first:#?}");
    // What a host leaves that dies after the starts: runs, and a schedule that still says that it is due.
    host.forge("UPDATE schedules SET next_at = (next_at / 60000000 - 1) * 60000000 - 300000000, last_at = NULL, last_run = NULL").await?;
    host.crash()?;
    let after = until(&host, &schedule, caught_up).await?;
    let second = runs(&host, &schedule).await?;
    let mut times: Vec<&str> = second.iter().map(|run| run["as_of"].as_str().unwrap()).collect();
    times.sort_unstable();
    times.dedup();
    ensure!(times.len() == second.len(), "a time has two runs: {second:#?}");
    ensure!(after["upcoming"][0].as_str() >= before["upcoming"][0].as_str(), "{after:#}");
    for run in &first {
        ensure!(second.iter().any(|other| other["id"] == run["id"]), "{run:#}");
    }
    Ok(())
}

async fn a_start_that_is_refused_is_seen_and_the_next_time_comes(host: Host) -> Result<()> {
    let schedule = create(&host, json!({ "cron": EVERY_SECOND })).await?;
    until(&host, &schedule, |s| s["last_run"].is_string()).await?;
    host.server().request(Method::DELETE, "/workflows/part").send().await?.error_for_status()?;
    let failing = until(&host, &schedule, |s| s["last_error"].is_string()).await?;
    ensure!(failing["last_error"].as_str().unwrap().contains("there is no workflow \"part\""), "{failing:#}");
    ensure!(failing["last_run"].is_string() && failing["enabled"] == true, "{failing:#}");
    let due = failing["upcoming"][0].clone();
    until(&host, &schedule, |s| s["upcoming"][0].as_str() > due.as_str()).await?;
    // One whose workflow is gone can still be disabled, and is as good as new when the workflow is back.
    patch(&host, &schedule, json!({ "enabled": false })).await?;
    let path = format!("/schedules/{}", schedule["id"].as_str().unwrap());
    let said = host.refused(Method::PATCH, &path, json!({ "enabled": true }), 400).await?;
    ensure!(said.contains("/workflow"), "{said}");
    host.create("part").await?;
    patch(&host, &schedule, json!({ "enabled": true })).await?;
    until(&host, &schedule, |s| s.get("last_error").is_none()).await?;
    Ok(())
}

async fn a_schedule_is_changed_disabled_triggered_and_deleted(host: Host) -> Result<()> {
    let schedule = create(&host, json!({ "cron": YEARLY })).await?;
    let changed = patch(
        &host,
        &schedule,
        json!({ "input": { "n": 4 }, "cron": "@monthly", "missed": "skip", "name": "t" }),
    )
    .await?;
    ensure!(changed["upcoming"][0].as_str() <= schedule["upcoming"][0].as_str(), "{changed:#}");
    ensure!(
        changed["cron"] == "@monthly" && changed["missed"] == "skip" && changed["name"] == "t",
        "{changed:#}"
    );
    let disabled = patch(&host, &schedule, json!({ "enabled": false })).await?;
    ensure!(disabled["upcoming"] == json!([]), "{disabled:#}");
    let path = format!("/schedules/{}", schedule["id"].as_str().unwrap());
    let run = host.server().post(&format!("{path}/trigger"), &json!({})).await?;
    ensure!(run["schedule"] == schedule["id"], "{run:#}");
    let run = host.finished(run["id"].as_str().context("an id")?).await?;
    ensure!(host.output(&run).await? == json!(8));
    ensure!(get(&host, &schedule).await?["last_run"] == run.id());
    host.server().request(Method::DELETE, &path).send().await?.error_for_status()?;
    for what in ["", "/trigger"] {
        let method = if what.is_empty() { Method::GET } else { Method::POST };
        host.refused(method, &format!("{path}{what}"), json!({}), 404).await?;
    }
    ensure!(host.finished(run.id()).await?.state() == "completed", "its run stays");
    Ok(())
}

async fn a_start_that_was_put_off_survives_a_crash(mut host: Host) -> Result<()> {
    let at = Timestamp::now().plus(Duration::from_secs(4)).to_string();
    let id = host.start_with("part", json!({ "input": { "n": 2 }, "start_at": at })).await?;
    let run = host.until(&id, |_| true).await?;
    ensure!(run.state() == "pending" && run.0["start_at"] == at, "{run:?}");
    host.crash()?;
    let run = host.finished(&id).await?;
    ensure!(host.output(&run).await? == json!(4));
    ensure!(run.0["started_at"].as_str() >= Some(&at), "{run:?}");
    Ok(())
}
