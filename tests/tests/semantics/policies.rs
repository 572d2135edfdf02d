//! Retries, timeouts, fallbacks, failures that a run goes on from, skip conditions, priorities, bounds by key.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{Host, both};

both!(
    what_may_pass_is_tried_again,
    no_attempt_begins_before_its_time,
    a_retry_survives_the_host,
    attempts_and_steps_have_their_time,
    a_fallback_takes_the_place_of_a_step_that_failed,
    a_fallback_may_be_that_of_several,
    a_failure_whose_fallback_is_not_on_the_way_is_one,
    a_run_goes_on_from_a_failure_that_may_be,
    a_step_is_skipped_where_a_condition_holds,
    the_highest_priority_goes_first,
    a_priority_that_is_changed_counts_for_what_waits_already,
    so_many_with_the_same_key_run_at_once,
    a_step_that_waits_for_a_key_says_so,
    a_step_whose_time_ends_before_its_next_attempt_says_so,
);

async fn what_may_pass_is_tried_again(host: Host) -> Result<()> {
    let run = host.run("retry", json!({})).await?;
    ensure!(run.state() == "completed", "{run:?}");
    ensure!(run.attempts(&["stubborn", "hopeless", "told_to"]) == [3, 1, 2], "{run:?}");
    // With a jitter of one half the delays are within one half and one and a half of 10 and 20 ms.
    let attempts = run.step("stubborn")["attempts"].as_array().unwrap();
    ensure!(attempts.len() == 3 && attempts[2]["state"] == "failed", "{attempts:?}");
    let events = host.server().events(run.id()).await?;
    let kinds: Vec<&str> =
        of_step(&events, "stubborn").map(|event| event["type"].as_str().unwrap()).collect();
    let once = ["step.ready", "step.started", "step.retrying"];
    let expected: Vec<&str> =
        [once.as_slice(), &once, &["step.ready", "step.started", "step.failed"]].concat();
    ensure!(kinds == expected, "{kinds:?}");
    Ok(())
}

async fn no_attempt_begins_before_its_time(mut host: Host) -> Result<()> {
    let retry = json!({ "max_attempts": 2, "initial_delay_ms": 1000, "jitter": 0.5 });
    let input = json!({ "how": "'retryable'", "message": "'not yet'" });
    let step = json!({ "name": "s", "phase": "echo/end", "input": input, "retry": retry });
    let run =
        host.server().post("/runs", &json!({ "definition": { "name": "late", "steps": [step] } })).await?;
    let id = run["id"].as_str().unwrap().to_owned();
    let at = |value: &Value| value.as_str().unwrap().parse::<heddle::model::Timestamp>().unwrap();
    let run = host.until(&id, |run| run.step("s")["state"] == "retrying").await?;
    let not_before = at(&run.step("s")["not_before"]);
    let delay = not_before.since(at(&run.step("s")["attempts"][0]["finished_at"]));
    ensure!((500..=1_500).contains(&delay.as_millis()), "{delay:?}");
    // Whoever goes on in the meantime keeps to it.
    host.crash()?;
    let run = host.finished(&id).await?;
    ensure!(run.attempts(&["s"]) == [2], "{run:?}");
    let started = at(&run.step("s")["attempts"][1]["started_at"]);
    ensure!(started >= not_before, "{started} is before {not_before}");
    Ok(())
}

async fn a_retry_survives_the_host(mut host: Host) -> Result<()> {
    let id = host.start_run("timeout", json!({})).await?;
    host.until(&id, |run| run.step("step")["state"] == "retrying").await?;
    host.crash()?;
    let run = host.finished(&id).await?;
    ensure!(run.step("step")["state"] == "failed", "{run:?}");
    Ok(())
}

async fn attempts_and_steps_have_their_time(host: Host) -> Result<()> {
    let run = host.run("timeout", json!({})).await?;
    let attempt = &run.step("attempt")["failure"];
    ensure!(attempt["kind"] == "timed_out" && attempt["breach"]["value"] == 200, "{attempt}");
    ensure!(run.step("attempt")["usage"]["wall_us"].as_u64().unwrap() >= 200_000, "{run:?}");
    // Three seconds with delays of 300 ms: not all hundred attempts.
    let attempts = run.attempts(&["step"])[0];
    ensure!((2..=11).contains(&attempts) && run.step("step")["state"] == "failed", "{attempts}");
    Ok(())
}

async fn a_fallback_takes_the_place_of_a_step_that_failed(host: Host) -> Result<()> {
    let steps = ["first", "second", "after"];
    let run = host.run("fallback", json!({ "how": "failed" })).await?;
    ensure!(run.states(&steps) == ["failed", "completed", "completed"], "{run:?}");
    ensure!(host.output(&run).await? == json!({ "after": false }));
    let run = host.run("fallback", json!({ "how": "completed" })).await?;
    ensure!(run.states(&steps) == ["completed", "skipped", "completed"], "{run:?}");
    ensure!(host.output(&run).await? == json!({ "after": true }));
    Ok(())
}

async fn a_fallback_may_be_that_of_several(host: Host) -> Result<()> {
    let end = |name: &str| {
        json!({ "name": name, "phase": "echo/end", "fallback": "spare", "retry": { "max_attempts": 1 },
                "input": { "how": format!("input.{name}"), "message": "'no'" } })
    };
    let sum = "has(steps.a.output.stood_in) || has(steps.b.output.stood_in)";
    let definition = json!({ "name": "several", "steps": [
        end("a"), end("b"),
        { "name": "spare", "transform": { "stood_in": "true" } },
        { "name": "after", "transform": sum, "depends_on": ["a", "b"] } ] });
    for (a, b, spare) in [
        ("failed", "completed", "completed"),
        ("completed", "failed", "completed"),
        ("failed", "failed", "completed"),
        ("completed", "completed", "skipped"),
    ] {
        let body = json!({ "definition": definition, "input": { "a": a, "b": b } });
        let run = host.server().post("/runs", &body).await?;
        let run = host.finished(run["id"].as_str().context("an id")?).await?;
        ensure!(run.state() == "completed" && run.states(&["a", "b", "spare"]) == [a, b, spare], "{run:?}");
        ensure!(host.step_output(&run, "after").await? == json!(spare == "completed"));
    }
    Ok(())
}

async fn a_failure_whose_fallback_is_not_on_the_way_is_one(mut host: Host) -> Result<()> {
    let definition = json!({ "name": "away", "steps": [
        { "name": "wanted", "condition": "input.wanted" },
        { "name": "labour", "phase": "echo/end", "fallback": "spare", "depends_on": ["wanted"],
          "retry": { "max_attempts": 1 }, "input": { "how": "'failed'", "message": "'no luck'" } },
        { "name": "spare", "transform": "1", "depends_on": ["wanted.true"] },
        { "name": "after", "transform": "2", "depends_on": ["labour"] } ] });
    let steps = ["labour", "spare", "after"];
    let body = |wanted: bool| json!({ "definition": definition, "input": { "wanted": wanted } });
    let run = host.server().post("/runs", &body(false)).await?;
    let id = run["id"].as_str().context("an id")?.to_owned();
    let run = host.finished(&id).await?;
    ensure!(run.state() == "failed" && run.states(&steps) == ["failed", "skipped", "skipped"], "{run:?}");
    ensure!(run.0["failure"]["message"].as_str().is_some_and(|why| why.contains("no luck")), "{:#}", run.0);
    // It is so after a restart, and when the step is done again.
    host.crash()?;
    host.steer(&id, "/steps/labour/retry", json!({})).await?;
    let run = host.finished(&id).await?;
    ensure!(run.state() == "failed" && run.states(&steps) == ["failed", "skipped", "skipped"], "{run:?}");
    let run = host.server().post("/runs", &body(true)).await?;
    let run = host.finished(run["id"].as_str().context("an id")?).await?;
    ensure!(
        run.state() == "completed" && run.states(&steps) == ["failed", "completed", "completed"],
        "{run:?}"
    );
    Ok(())
}

async fn a_run_goes_on_from_a_failure_that_may_be(host: Host) -> Result<()> {
    let run = host.run("continue_on_failure", json!({})).await?;
    ensure!(run.states(&["optional"]) == ["failed"], "{run:?}");
    ensure!(host.output(&run).await? == json!({ "after": "without it" }));
    Ok(())
}

async fn a_step_is_skipped_where_a_condition_holds(host: Host) -> Result<()> {
    let run = host.run("skip", json!({ "cheap": true })).await?;
    ensure!(run.step("costly")["state"] == "skipped", "{run:?}");
    ensure!(run.step("costly")["reason"] == "input.cheap holds", "{run:?}");
    ensure!(host.output(&run).await? == json!({ "after": "skipped" }));
    let run = host.run("skip", json!({ "cheap": false })).await?;
    ensure!(host.output(&run).await? == json!({ "after": "completed" }));
    Ok(())
}

async fn the_highest_priority_goes_first(mut host: Host) -> Result<()> {
    host.restart_with(&["--slots", "1"])?;
    let work = json!({ "iterations": 3_000_000 });
    // The first takes the one place until both others are there; of those that wait then, the run's priority counts before the step's.
    let busy = host.start_run("long", json!({ "iterations": 500_000_000_000_u64 })).await?;
    host.until(&busy, |run| run.step("first")["state"] == "running").await?;
    let low = host.start_with("priority", json!({ "input": work, "priority": -1 })).await?;
    let high = host.start_with("priority", json!({ "input": work, "priority": 1 })).await?;
    host.steer(&busy, "/cancel", json!({})).await?;
    let mut started = Vec::new();
    for id in [&low, &high] {
        host.finished(id).await?;
        for event in host.server().events(id).await? {
            if event["type"] == "step.started" {
                started.push((event["at"].as_str().unwrap().to_owned(), id, event["step"].clone()));
            }
        }
    }
    started.sort_by(|a, b| a.0.cmp(&b.0));
    let order: Vec<(&String, &str)> =
        started.iter().map(|(_, id, step)| (*id, step.as_str().unwrap())).collect();
    let place = |id: &String, step: &str| order.iter().position(|one| *one == (id, step)).unwrap();
    ensure!(place(&high, "low") < place(&low, "high"), "{order:?}");
    ensure!(place(&high, "high") < place(&high, "middle") && place(&high, "middle") < place(&high, "low"));
    Ok(())
}

async fn a_priority_that_is_changed_counts_for_what_waits_already(mut host: Host) -> Result<()> {
    host.restart_with(&["--slots", "1"])?;
    let busy = host.start_run("long", json!({ "iterations": 500_000_000_000_u64 })).await?;
    host.until(&busy, |run| run.step("first")["state"] == "running").await?;
    // Both wait; the first in the line is sent to its end.
    let first = host.start_run("long", json!({ "iterations": 1 })).await?;
    let second = host.start_run("long", json!({ "iterations": 1 })).await?;
    let last = json!({ "priority": -5 });
    let request = host.server().request(reqwest::Method::PATCH, &format!("/runs/{first}")).json(&last);
    request.send().await?.error_for_status()?;
    host.steer(&busy, "/cancel", json!({})).await?;
    let began = async |id: &str| -> Result<String> {
        let run = host.finished(id).await?;
        Ok(run.step("first")["started_at"].as_str().unwrap().to_owned())
    };
    ensure!(began(&second).await? < began(&first).await?, "the lower one came first");
    Ok(())
}

async fn so_many_with_the_same_key_run_at_once(host: Host) -> Result<()> {
    let items = json!({ "items": [0, 1, 2] });
    let ids =
        [host.start_run("concurrency", items.clone()).await?, host.start_run("concurrency", items).await?];
    let mut spans = Vec::new();
    for id in &ids {
        let run = host.finished(id).await?;
        ensure!(run.state() == "completed", "{run:?}");
        let steps = run.0["steps"].as_array().unwrap();
        for step in steps.iter().filter(|step| step["name"].as_str().unwrap().contains('[')) {
            let at = |key: &str| step[key].as_str().unwrap().to_owned();
            spans.push((at("started_at"), at("finished_at")));
        }
    }
    spans.sort();
    ensure!(spans.len() == 6);
    ensure!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "two held the key at once: {spans:?}");
    Ok(())
}

async fn a_step_that_waits_for_a_key_says_so(host: Host) -> Result<()> {
    let spin = json!({ "name": "spin", "phase": "echo/spin", "input": { "iterations": "500000000000" },
                       "concurrency": { "key": "press", "limit": 1 } });
    let body = json!({ "definition": { "name": "press", "steps": [spin] } });
    let first = host.server().post("/runs", &body).await?["id"].as_str().context("an id")?.to_owned();
    host.until(&first, |run| run.step("spin")["state"] == "running").await?;
    let second = host.server().post("/runs", &body).await?["id"].as_str().context("an id")?.to_owned();
    let run = host.until(&second, |run| run.step("spin")["state"] == "ready").await?;
    let why = run.0["waiting"][0]["reason"].as_str().unwrap_or_default();
    ensure!(why.contains("less than 1 of the concurrency key \"press\""), "{why}");
    host.steer(&first, "/cancel", json!({})).await?;
    host.steer(&second, "/cancel", json!({})).await?;
    Ok(())
}

async fn a_step_whose_time_ends_before_its_next_attempt_says_so(host: Host) -> Result<()> {
    let end = json!({ "name": "end", "phase": "echo/end", "input": { "how": "'retryable'", "message": "'busy'" },
                      "retry": { "max_attempts": 5, "initial_delay_ms": 60000 }, "step_timeout_ms": 30000 });
    let body = json!({ "definition": { "name": "late", "steps": [end] } });
    let run = host.server().post("/runs", &body).await?;
    let run = host.finished(run["id"].as_str().context("an id")?).await?;
    let why = run.step("end")["failure"]["message"].as_str().unwrap_or_default().to_owned();
    ensure!(why.starts_with("busy; step_timeout_ms ends the step at"), "{why}");
    Ok(())
}

fn of_step<'a>(events: &'a [Value], step: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["step"] == step)
}
