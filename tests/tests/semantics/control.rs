//! Pause, resume, cancel, skip, delete, delayed starts: what people do to a run, and what is refused.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use heddle_tests::PATIENCE;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, Run, both};

both!(
    a_paused_run_starts_nothing,
    a_paused_run_does_not_end_before_it_is_resumed,
    a_guest_is_stopped_at_once,
    children_are_cancelled_with_their_run,
    a_step_is_skipped_by_hand,
    a_run_starts_when_its_time_has_come,
    what_does_not_fit_is_refused_and_changes_nothing,
    a_command_that_hosts_die_over_is_refused,
    a_deleted_run_is_gone,
    the_events_say_who_asked,
);

async fn the_events_say_who_asked(host: Host) -> Result<()> {
    let token = host.server().post("/tokens", &json!({ "name": "night shift", "role": "user" })).await?;
    let secret = token["secret"].as_str().context("a secret")?;
    let id = host.start_run("long", json!({ "iterations": 500_000_000_000_u64 })).await?;
    host.steer(&id, "/pause", json!({})).await?;
    let url = format!("{}/api/v1/runs/{id}/cancel", host.server().url());
    let cancel = reqwest::Client::new().post(url).bearer_auth(secret);
    cancel.send().await?.error_for_status()?;
    let fork = host.server().post(&format!("/runs/{id}/fork"), &json!({})).await?;
    let by = |events: &Value, kind: &str| {
        let of =
            events["items"].as_array().into_iter().flatten().find(|event| event["type"] == kind).cloned();
        of.map(|event| event["data"]["by"].clone())
    };
    let events = host.server().get(&format!("/runs/{id}/events")).await?;
    ensure!(by(&events, "run.created") == Some("admin".into()), "{events:#}");
    ensure!(by(&events, "run.paused") == Some("admin".into()), "{events:#}");
    for kind in ["step.cancelled", "run.cancelled"] {
        ensure!(by(&events, kind) == Some("night shift".into()), "{events:#}");
    }
    // What came of itself is nobody's.
    ensure!(by(&events, "step.started") == Some(Value::Null), "{events:#}");
    let fork = fork["id"].as_str().context("an id")?;
    let events = host.server().get(&format!("/runs/{fork}/events")).await?;
    ensure!(by(&events, "run.created") == Some("admin".into()), "{events:#}");
    host.steer(fork, "/cancel", json!({})).await?;
    Ok(())
}

async fn a_paused_run_starts_nothing(mut host: Host) -> Result<()> {
    let id = host.start_run("long", json!({ "iterations": 3_000_000_000_u64 })).await?;
    host.until(&id, |run| run.step("first")["state"] == "running").await?;
    let run = host.steer(&id, "/pause", json!({})).await?;
    ensure!(run.state() == "paused", "{run:?}");
    // What is under way may end; what comes after it waits.
    let run = host.until(&id, |run| run.step("first")["state"] == "completed").await?;
    ensure!(run.state() == "paused" && run.states(&["second"]) == ["paused"], "{run:?}");
    host.crash()?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let run = host.until(&id, |run| run.state() == "paused").await?;
    ensure!(run.states(&["second"]) == ["paused"], "{run:?}");
    let said = host.refused(Method::POST, &format!("/runs/{id}/pause"), json!({}), 409).await?;
    ensure!(said.contains("the run is paused: it cannot be paused"), "{said}");
    host.steer(&id, "/resume", json!({})).await?;
    ensure!(host.finished(&id).await?.state() == "completed");
    Ok(())
}

async fn a_paused_run_does_not_end_before_it_is_resumed(mut host: Host) -> Result<()> {
    let id = host.start_run("long_map", json!({ "items": [0, 1] })).await?;
    host.until(&id, |run| run.has_step("each[1]") && run.states(&["each[1]"]) == ["running"]).await?;
    host.steer(&id, "/pause", json!({})).await?;
    let run = host.steer(&id, "/steps/each/skip", json!({})).await?;
    ensure!(run.state() == "paused" && run.states(&["each"]) == ["skipped"], "{run:?}");
    host.crash()?;
    ensure!(host.until(&id, |_| true).await?.state() == "paused");
    let run = host.steer(&id, "/resume", json!({})).await?;
    ensure!(run.state() == "completed", "{run:?}");
    Ok(())
}

async fn a_guest_is_stopped_at_once(host: Host) -> Result<()> {
    let id = host.start_run("long", json!({ "iterations": 500_000_000_000_u64 })).await?;
    host.until(&id, |run| run.step("first")["state"] == "running").await?;
    let run = cancelled_at_once(&host, &id, 1).await?;
    ensure!(run.state() == "cancelled" && run.states(&["first", "second"]) == ["cancelled"; 2], "{run:?}");
    let said = host.refused(Method::POST, &format!("/runs/{id}/steps/first/retry"), json!({}), 409).await?;
    ensure!(said.contains("cancelled"), "{said}");
    Ok(())
}

/// Cancel a run while so many of its guests compute. What the guests' threads use from the answer on is less than they
/// could within the tenth of a second that is promised: a guest that is not stopped uses all that it gets. It is
/// processor time that is measured, since machines are shared.
async fn cancelled_at_once(host: &Host, id: &str, guests: u32) -> Result<Run> {
    let pid = host.server().pid();
    let start = Instant::now();
    let begun = guests_time(pid)?;
    while guests_time(pid)? - begun < guests * Duration::from_millis(100) {
        ensure!(start.elapsed() < PATIENCE, "no guest computes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let run = host.steer(id, "/cancel", json!({})).await?;
    let before = guests_time(pid)?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = guests_time(pid)? - before;
    ensure!(used <= guests * Duration::from_millis(100), "guests still run: they used {used:?} in a second");
    Ok(run)
}

/// Processor time of the threads on which guests run, so far (proc_pid_stat(5), in ticks of 10 ms).
fn guests_time(pid: u32) -> Result<Duration> {
    let mut all = Duration::ZERO;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // It may have ended meanwhile.
        let Ok(stat) = std::fs::read_to_string(thread?.path().join("stat")) else { continue };
        let Some((name, rest)) = stat.rsplit_once(')') else { continue };
        if name.ends_with("(heddle-guest") {
            let fields: Vec<&str> = rest.split_whitespace().collect();
            let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
            all += Duration::from_millis(ticks * 10);
        }
    }
    Ok(all)
}

async fn children_are_cancelled_with_their_run(host: Host) -> Result<()> {
    let id = host.start_run("long_map", json!({ "items": [0, 1, 2, 3, 4] })).await?;
    host.until(&id, |run| run.has_step("each[1]") && run.states(&["each[0]", "each[1]"]) == ["running"; 2])
        .await?;
    let run = cancelled_at_once(&host, &id, 2).await?;
    let children: Vec<String> = (0..5).map(|k| format!("each[{k}]")).collect();
    let names: Vec<&str> = children.iter().map(String::as_str).collect();
    ensure!(run.states(&names).iter().all(|state| *state == "cancelled"), "{run:?}");
    let part = host.start_run("chain", json!({ "x": 1 })).await?;
    ensure!(host.finished(&part).await?.state() == "completed", "its places are free");
    Ok(())
}

async fn a_step_is_skipped_by_hand(host: Host) -> Result<()> {
    let id = host.start_run("long", json!({ "iterations": 500_000_000_000_u64 })).await?;
    host.until(&id, |run| run.step("first")["state"] == "running").await?;
    host.steer(&id, "/steps/first/skip", json!({ "reason": "it takes too long" })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.states(&["first", "second"]) == ["skipped", "completed"], "{run:?}");
    ensure!(run.step("first")["reason"] == "it takes too long", "{run:?}");
    Ok(())
}

async fn a_run_starts_when_its_time_has_come(mut host: Host) -> Result<()> {
    let begin = Instant::now();
    let at = heddle::model::Timestamp::now().plus(Duration::from_secs(5)).to_string();
    let id = host.start_with("chain", json!({ "input": { "x": 1 }, "start_at": at })).await?;
    let run = host.until(&id, |_| true).await?;
    ensure!(
        run.state() == "pending" && run.0["waiting"][0]["reason"].as_str().unwrap().contains(&at[..4]),
        "{run:?}"
    );
    ensure!(run.0["waiting"].as_array().map(Vec::len) == Some(1), "{run:?}");
    host.crash()?;
    let run = host.finished(&id).await?;
    ensure!(run.0["started_at"].as_str().unwrap() >= at.as_str(), "{run:?}");
    ensure!(begin.elapsed() > Duration::from_millis(4_500));
    // Before, nobody begins a step of it.
    let at = heddle::model::Timestamp::now().plus(Duration::from_secs(3600)).to_string();
    let id = host.start_with("chain", json!({ "input": { "x": 1 }, "start_at": at })).await?;
    let step = run.0["steps"][0]["name"].as_str().context("a name")?;
    let path = format!("/runs/{id}/steps/{step}/trigger");
    let said = host.refused(Method::POST, &path, json!({}), 409).await?;
    ensure!(said.contains("cannot run a step before it has started"), "{said}");
    host.steer(&id, "/cancel", json!({})).await?;
    Ok(())
}

async fn what_does_not_fit_is_refused_and_changes_nothing(host: Host) -> Result<()> {
    let run = host.run("chain", json!({ "x": 3 })).await?;
    let (id, before) = (run.id().to_owned(), run.0["last_event"].clone());
    for what in ["/pause", "/resume", "/cancel"] {
        let said = host.refused(Method::POST, &format!("/runs/{id}{what}"), json!({}), 409).await?;
        ensure!(said.contains("completed: it has ended"), "{what}: {said}");
    }
    let said = host.refused(Method::POST, &format!("/runs/{id}/retry"), json!({}), 409).await?;
    ensure!(said.contains("no step of it failed"), "{said}");
    let said = host.refused(Method::POST, &format!("/runs/{id}/steps/nine/retry"), json!({}), 404).await?;
    ensure!(said.contains("nine"), "{said}");
    let said = host
        .refused(Method::POST, &format!("/runs/{id}/steps/first/skip"), json!({ "reason": "x" }), 409)
        .await?;
    ensure!(said.contains("ended"), "{said}");
    let misspelt = json!({ "promt": "x" });
    host.refused(Method::POST, &format!("/runs/{id}/steps/first/retry"), misspelt, 400).await?;
    let said = host
        .refused(Method::POST, &format!("/runs/{id}/steps/first/rollback"), json!({ "attempt": 9 }), 404)
        .await?;
    ensure!(said.contains("attempt 9"), "{said}");
    let nobody = "run_00000000000000000000000000";
    host.refused(Method::POST, &format!("/runs/{nobody}/pause"), json!({}), 404).await?;
    ensure!(host.until(&id, |_| true).await?.0["last_event"] == before, "nothing was recorded");
    Ok(())
}

async fn a_command_that_hosts_die_over_is_refused(mut host: Host) -> Result<()> {
    let id = host.start_run("wait_event", json!({ "order": "1" })).await?;
    host.until(&id, |run| run.step("paid")["state"] == "waiting").await?;
    // Two hosts have died over it: it is tried a third time, and done.
    host.forge(
        "INSERT INTO commands (tenant_id, run_id, kind, created_at, tries)
         SELECT tenant_id, id, 'pause', 1, 2 FROM runs",
    )
    .await?;
    host.until(&id, |run| run.state() == "paused").await?;
    // Three have: it is not tried again, and whoever asks is told why.
    host.forge(
        "INSERT INTO commands (tenant_id, run_id, kind, created_at, tries)
         SELECT tenant_id, id, 'resume', 1, 3 FROM runs",
    )
    .await?;
    let run = loop {
        host.forge("UPDATE runs SET forked_at = (SELECT refused FROM commands WHERE kind = 'resume')")
            .await?;
        let run = host.until(&id, |_| true).await?;
        if run.0["forked_at"].is_string() {
            break run;
        }
    };
    ensure!(run.state() == "paused", "{run:?}");
    let said = run.0["forked_at"].as_str().unwrap_or_default();
    ensure!(said.contains("it was taken up 3 times"), "{run:?}");
    let run = host.steer(&id, "/resume", json!({})).await?;
    ensure!(run.state() == "running", "others are done: {run:?}");
    Ok(())
}

async fn a_deleted_run_is_gone(host: Host) -> Result<()> {
    let id = host.start_run("wait_event", json!({ "order": "1" })).await?;
    host.until(&id, |run| run.step("paid")["state"] == "waiting").await?;
    let said = host.refused(Method::DELETE, &format!("/runs/{id}"), json!({}), 409).await?;
    ensure!(said.contains("cancel it first"), "{said}");
    host.steer(&id, "/cancel", json!({})).await?;
    host.server().request(Method::DELETE, &format!("/runs/{id}")).send().await?.error_for_status()?;
    host.refused(Method::GET, &format!("/runs/{id}"), json!(null), 404).await?;
    host.refused(Method::GET, &format!("/runs/{id}/events"), json!(null), 404).await?;
    Ok(())
}
