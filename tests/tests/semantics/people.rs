//! People in the loop: checkpoints, questions from inside a phase, reviews.

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, Run, both};

both!(
    what_was_rejected_is_asked_again,
    a_checkpoint_waits_for_a_decision,
    a_decision_may_change_what_its_schema_allows,
    an_option_skips_or_fails_its_step,
    a_deadline_decides_or_fails,
    a_phase_asks_from_inside_and_goes_on_after_a_crash,
    a_phases_own_question_has_a_deadline,
    a_replay_that_diverges_fails_and_says_where,
    nothing_is_asked_without_a_grant,
    a_cancelled_run_asks_nobody_any_more,
    results_wait_for_reviews,
    reviews_that_are_ended_together_end_what_they_are_in_once,
    a_review_may_do_the_step_again_with_another_prompt,
    a_review_inside_a_map_may_do_its_step_again,
    what_was_let_go_while_paused_goes_when_resumed,
    steps_are_triggered_by_hand,
    the_readmes_workflow_does_what_it_says,
);

async fn asked(host: &Host, id: &str) -> Result<Value> {
    host.until(id, |run| run.state() == "waiting_approval").await?;
    let open = host.server().get("/approvals").await?;
    let mine = open["items"].as_array().unwrap().iter().find(|approval| approval["run_id"] == id).cloned();
    mine.context("it is not in the inbox")
}

async fn decide(host: &Host, approval: &Value, answer: Value) -> Result<Run> {
    let path = format!("/approvals/{}/decide", approval["id"].as_str().unwrap());
    Ok(Run(host.server().post(&path, &answer).await?))
}

async fn a_checkpoint_waits_for_a_decision(mut host: Host) -> Result<()> {
    let id = host.start_run("checkpoint", json!({ "name": "Ann" })).await?;
    let approval = asked(&host, &id).await?;
    ensure!(approval["kind"] == "checkpoint" && approval["step"] == "review", "{approval:#}");
    ensure!(approval["request"]["show"] == json!({ "text": "Dear Ann" }), "{approval:#}");
    host.crash()?;
    ensure!(asked(&host, &id).await? == approval, "it is the same after a crash");
    let path = format!("/approvals/{}/decide", approval["id"].as_str().unwrap());
    let said = host.refused(Method::POST, &path, json!({ "option": "perhaps" }), 400).await?;
    ensure!(said.contains("/option") && said.contains("send, later, never"), "{said}");
    decide(&host, &approval, json!({ "option": "send", "feedback": "fine" })).await?;
    let run = host.finished(&id).await?;
    ensure!(host.output(&run).await? == json!({ "sent": { "text": "Dear Ann" } }));
    let events = host.server().events(&id).await?;
    let course: Vec<&str> =
        events.iter().filter(|e| e.get("step").is_none()).map(|e| e["type"].as_str().unwrap()).collect();
    let expected = ["run.created", "run.started", "run.waiting_approval", "run.resumed", "run.completed"];
    ensure!(course == expected, "the events tell each state: {course:?}");
    let decision = host.step_output(&run, "review").await?;
    ensure!(
        decision["option"] == "send" && decision["feedback"] == "fine" && decision["decided_by"] == "person"
    );
    let said = host.refused(Method::POST, &path, json!({ "option": "send" }), 409).await?;
    ensure!(said.contains("is decided"), "{said}");
    ensure!(host.server().get("/approvals").await?["items"] == json!([]));
    let all = host.server().get(&format!("/runs/{id}/approvals")).await?;
    ensure!(all[0]["state"] == "decided" && all[0]["decided_by"] == "admin", "{all:#}");
    Ok(())
}

async fn a_decision_may_change_what_its_schema_allows(host: Host) -> Result<()> {
    let id = host.start_run("checkpoint", json!({ "name": "Ann" })).await?;
    let approval = asked(&host, &id).await?;
    let path = format!("/approvals/{}/decide", approval["id"].as_str().unwrap());
    let wrong = json!({ "option": "send", "modification": { "text": 5 } });
    let said = host.refused(Method::POST, &path, wrong, 400).await?;
    ensure!(said.contains("/modification/text"), "{said}");
    decide(&host, &approval, json!({ "option": "send", "modification": { "text": "Dear all" } })).await?;
    let run = host.finished(&id).await?;
    ensure!(host.output(&run).await? == json!({ "sent": { "text": "Dear all" } }));
    Ok(())
}

async fn an_option_skips_or_fails_its_step(host: Host) -> Result<()> {
    let id = host.start_run("checkpoint", json!({ "name": "Ann" })).await?;
    let approval = asked(&host, &id).await?;
    decide(&host, &approval, json!({ "option": "never", "feedback": "too late" })).await?;
    let run = host.finished(&id).await?;
    let failure = &run.step("review")["failure"];
    ensure!(run.state() == "failed" && failure["kind"] == "rejected", "{run:?}");
    ensure!(failure["message"].as_str().unwrap().contains("too late"), "{failure}");
    let id = host.start_run("checkpoint", json!({ "name": "Ann" })).await?;
    let approval = asked(&host, &id).await?;
    decide(&host, &approval, json!({ "option": "later" })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.state() == "completed" && run.states(&["review", "sent"]) == ["skipped"; 2], "{run:?}");
    Ok(())
}

async fn a_deadline_decides_or_fails(mut host: Host) -> Result<()> {
    let id = host.start_run("deadline", json!({})).await?;
    asked(&host, &id).await?;
    host.crash()?;
    let run = host.finished(&id).await?;
    ensure!(
        host.output(&run).await? == json!({ "after": { "decided_by": "deadline", "without": "failed" } })
    );
    ensure!(run.step("without")["failure"]["kind"] == "deadline", "{run:?}");
    Ok(())
}

async fn a_phase_asks_from_inside_and_goes_on_after_a_crash(mut host: Host) -> Result<()> {
    grant(&host).await?;
    let id = host.start_run("ask", json!({ "x": 1 })).await?;
    let first = asked(&host, &id).await?;
    ensure!(first["kind"] == "guest" && first["request"]["title"] == "Shall this go on?", "{first:#}");
    host.crash()?;
    decide(&host, &first, json!({ "option": "again", "feedback": "not sure" })).await?;
    let second = asked(&host, &id).await?;
    ensure!(second["id"] != first["id"], "it asks again");
    ensure!(second["request"]["message"].as_str().unwrap().contains("not sure"), "{second:#}");
    host.crash()?;
    decide(&host, &second, json!({ "option": "approve" })).await?;
    let run = host.finished(&id).await?;
    ensure!(host.output(&run).await? == json!({ "after": ["again", "approve"] }));
    // One attempt from first to last, whatever happened to its instances and hosts.
    ensure!(run.attempts(&["ask"]) == [1], "{run:?}");
    let log = host.server().get(&format!("/runs/{id}/steps/ask/log")).await?;
    let said: Vec<&str> =
        log["lines"].as_array().unwrap().iter().map(|l| l["message"].as_str().unwrap()).collect();
    ensure!(said == ["asking, 1 of 2", "asking, 2 of 2"], "{said:?}");
    // The answers are in the journal: the attempt can be done again without anybody, to the same bytes.
    let found = host.server().post(&format!("/runs/{id}/verify"), &json!({})).await?;
    ensure!(found["verified"] == true && found["steps"][0]["outcome"] == "same", "{found:#}");
    // And so it is in a fork that has taken its result over.
    let fork = host.steer(&id, "/fork", json!({ "step": "after" })).await?;
    let fork = host.finished(fork.id()).await?;
    let found = host.server().post(&format!("/runs/{}/verify", fork.id()), &json!({})).await?;
    ensure!(found["verified"] == true && found["steps"][0]["outcome"] == "same", "{found:#}");
    Ok(())
}

async fn grant(host: &Host) -> Result<()> {
    host.server().request(Method::PUT, "/plugins/echo/grants/approvals").send().await?.error_for_status()?;
    Ok(())
}

async fn a_phases_own_question_has_a_deadline(mut host: Host) -> Result<()> {
    grant(&host).await?;
    let ask = |name: &str, default: Value| {
        let config = json!({ "title": "Well?", "deadline_seconds": 1, "default": default });
        json!({ "name": name, "phase": "echo/ask", "config": config, "continue_on_failure": true })
    };
    let steps = json!([ask("with", json!("reject")), ask("without", json!(null))]);
    let run =
        host.server().post("/runs", &json!({ "definition": { "name": "asks", "steps": steps } })).await?;
    let id = run["id"].as_str().context("an id")?.to_owned();
    host.until(&id, |run| run.states(&["with", "without"]) == ["waiting_approval"; 2]).await?;
    host.crash()?;
    let run = host.finished(&id).await?;
    let decisions = host.step_output(&run, "with").await?["decisions"].clone();
    ensure!(decisions == json!([{ "option": "reject", "decided_by": "deadline" }]), "{decisions}");
    // Without a default the phase is told, and ends as it sees fit.
    let failure = &run.step("without")["failure"];
    ensure!(failure["message"].as_str().unwrap().contains("nobody decided before the deadline"), "{failure}");
    ensure!(run.attempts(&["with", "without"]) == [1, 1], "{run:?}");
    let states = host.server().get(&format!("/runs/{id}/approvals")).await?;
    let mut states: Vec<&str> =
        states.as_array().unwrap().iter().map(|approval| approval["state"].as_str().unwrap()).collect();
    states.sort_unstable();
    ensure!(states == ["decided", "expired"], "{states:?}");
    ensure!(host.server().get("/approvals").await?["items"] == json!([]));
    Ok(())
}

async fn a_replay_that_diverges_fails_and_says_where(mut host: Host) -> Result<()> {
    grant(&host).await?;
    let id = host.start_run("ask", json!({ "x": 1 })).await?;
    let first = asked(&host, &id).await?;
    decide(&host, &first, json!({ "option": "again" })).await?;
    let second = asked(&host, &id).await?;
    // What it asks the second time is not what it asked before its host stopped.
    host.forge(
        "UPDATE host_calls SET request_digest = '00000000000000000000000000000000000000000000000000000000000000ff'
         WHERE seq = 1",
    )
    .await?;
    decide(&host, &second, json!({ "option": "approve" })).await?;
    let run = host.finished(&id).await?;
    let failure = &run.step("ask")["failure"];
    ensure!(run.state() == "failed" && failure["kind"] == "nondeterminism", "{failure:#}");
    let message = failure["message"].as_str().unwrap();
    ensure!(message.contains("host call 2 was approval 000000000000"), "the first that differs: {message}");
    ensure!(run.attempts(&["ask"]) == [1], "it is not tried again: {run:?}");
    Ok(())
}

async fn nothing_is_asked_without_a_grant(host: Host) -> Result<()> {
    let run = host.run("ask", json!({})).await?;
    let failure = &run.step("ask")["failure"];
    ensure!(failure["message"].as_str().unwrap().contains("approvals was not granted"), "{failure}");
    let grants = host.server().get("/plugins/echo/grants").await?;
    ensure!(grants == json!({ "wanted": ["approvals"], "granted": [] }), "{grants}");
    let said = host.refused(Method::PUT, "/plugins/echo/grants/http", json!({}), 400).await?;
    ensure!(said.contains("declares"), "{said}");
    let said = host.refused(Method::PUT, "/plugins/echo/grants/everything", json!({}), 400).await?;
    ensure!(said.contains("everything"), "{said}");
    Ok(())
}

async fn a_cancelled_run_asks_nobody_any_more(host: Host) -> Result<()> {
    let id = host.start_run("checkpoint", json!({ "name": "Ann" })).await?;
    let approval = asked(&host, &id).await?;
    host.steer(&id, "/cancel", json!({})).await?;
    ensure!(host.server().get("/approvals").await?["items"] == json!([]));
    let path = format!("/approvals/{}/decide", approval["id"].as_str().unwrap());
    let said = host.refused(Method::POST, &path, json!({ "option": "send" }), 409).await?;
    ensure!(said.contains("withdrawn"), "{said}");
    Ok(())
}

async fn results_wait_for_reviews(mut host: Host) -> Result<()> {
    let id = host.start_with("chain", json!({ "input": { "x": 3 }, "auto_run": false })).await?;
    let run = host.until(&id, |run| run.state() == "waiting_approval").await?;
    let steps = ["first", "second", "third", "apart"];
    ensure!(run.states(&steps) == ["awaiting_review", "pending", "pending", "awaiting_review"], "{run:?}");
    ensure!(host.step_output(&run, "first").await?["input"] == json!({ "x": 3 }), "it can be looked at");
    host.crash()?;
    host.steer(&id, "/steps/first/continue", json!({})).await?;
    let run = host.until(&id, |run| run.step("second")["state"] == "awaiting_review").await?;
    ensure!(run.states(&["third"]) == ["pending"], "{run:?}");
    let said =
        host.refused(Method::POST, &format!("/runs/{id}/steps/third/continue"), json!({}), 409).await?;
    ensure!(said.contains("third is pending, not awaiting_review"), "{said}");
    // From now on by itself: what waits for reviews counts.
    let change = json!({ "auto_run": true });
    host.server()
        .request(Method::PATCH, &format!("/runs/{id}"))
        .json(&change)
        .send()
        .await?
        .error_for_status()?;
    let run = host.finished(&id).await?;
    ensure!(run.state() == "completed" && run.attempts(&steps) == [1, 1, 1, 1], "{run:?}");
    Ok(())
}

async fn reviews_that_are_ended_together_end_what_they_are_in_once(host: Host) -> Result<()> {
    let two = json!([{ "name": "a", "phase": "echo/noop" }, { "name": "b", "phase": "echo/noop" }]);
    host.server().post("/workflows", &json!({ "name": "two", "version": "1.0.0", "steps": two })).await?;
    let inside = json!([{ "name": "part", "workflow": { "name": "two" } }]);
    for (steps, names) in [(two, ["a", "b"]), (inside, ["part/a", "part/b"])] {
        let definition = json!({ "name": "once", "steps": steps });
        let body = json!({ "definition": definition, "auto_run": false });
        let id = host.server().post("/runs", &body).await?["id"].as_str().context("an id")?.to_owned();
        host.until(&id, |run| {
            names.iter().all(|name| run.has_step(name)) && run.states(&names) == ["awaiting_review"; 2]
        })
        .await?;
        let change = host.server().request(Method::PATCH, &format!("/runs/{id}"));
        change.json(&json!({ "auto_run": true })).send().await?.error_for_status()?;
        let run = host.finished(&id).await?;
        ensure!(run.state() == "completed", "{run:?}");
        let events = host.server().get(&format!("/runs/{id}/events")).await?;
        let kinds = events["items"].as_array().context("events")?.iter().map(|event| &event["type"]);
        ensure!(kinds.filter(|kind| *kind == "run.completed").count() == 1, "{events:#}");
    }
    Ok(())
}

async fn a_review_may_do_the_step_again_with_another_prompt(host: Host) -> Result<()> {
    let id = host.start_with("chain", json!({ "input": { "x": 3 }, "auto_run": false })).await?;
    host.until(&id, |run| run.step("first")["state"] == "awaiting_review").await?;
    let other = json!({ "prompt": "Sing.", "input": { "x": 30 } });
    host.steer(&id, "/steps/first/retry", other).await?;
    let run = host
        .until(&id, |run| run.step("first")["state"] == "awaiting_review" && run.attempts(&["first"]) == [2])
        .await?;
    let output = host.step_output(&run, "first").await?;
    ensure!(output["prompt"] == "Sing." && output["input"] == json!({ "x": 30 }), "{output}");
    host.steer(&id, "/steps/first/continue", json!({})).await?;
    let run = host.until(&id, |run| run.step("second")["state"] == "awaiting_review").await?;
    ensure!(host.step_output(&run, "second").await?["input"] == json!({ "big": true }));
    Ok(())
}

async fn a_review_inside_a_map_may_do_its_step_again(host: Host) -> Result<()> {
    let id = host.start_with("map", json!({ "input": { "items": ["a", "b"] }, "auto_run": false })).await?;
    host.until(&id, |run| {
        run.has_step("each[1]") && run.states(&["each[0]", "each[1]"]) == ["awaiting_review"; 2]
    })
    .await?;
    host.steer(&id, "/steps/each%5B1%5D/retry", json!({ "input": { "index": 7 } })).await?;
    host.until(&id, |run| {
        run.attempts(&["each[1]"]) == [2] && run.step("each[1]")["state"] == "awaiting_review"
    })
    .await?;
    for item in ["each%5B0%5D", "each%5B1%5D"] {
        host.steer(&id, &format!("/steps/{item}/continue"), json!({})).await?;
    }
    let run = host.finished(&id).await?;
    ensure!(host.output(&run).await? == json!({ "indices": [0, 7] }));
    Ok(())
}

async fn what_was_let_go_while_paused_goes_when_resumed(host: Host) -> Result<()> {
    let id = host.start_with("chain", json!({ "input": { "x": 3 }, "auto_run": false })).await?;
    host.until(&id, |run| run.state() == "waiting_approval").await?;
    host.steer(&id, "/pause", json!({})).await?;
    let request = host.server().request(Method::PATCH, &format!("/runs/{id}"));
    request.json(&json!({ "auto_run": true })).send().await?.error_for_status()?;
    let run = host.until(&id, |_| true).await?;
    ensure!(run.states(&["first", "apart"]) == ["awaiting_review"; 2], "a paused run waits: {run:?}");
    host.steer(&id, "/resume", json!({})).await?;
    ensure!(host.finished(&id).await?.state() == "completed");
    Ok(())
}

async fn steps_are_triggered_by_hand(host: Host) -> Result<()> {
    let id = host.start_with("chain", json!({ "input": { "x": 3 }, "auto_run": false })).await?;
    host.until(&id, |run| run.state() == "waiting_approval").await?;
    let said = host.refused(Method::POST, &format!("/runs/{id}/steps/third/trigger"), json!({}), 409).await?;
    ensure!(said.contains("step third needs step second, which is pending"), "{said}");
    let other = json!({ "input": { "big": "by hand" } });
    host.steer(&id, "/steps/second/trigger", other).await?;
    let run = host.until(&id, |run| run.step("second")["state"] == "awaiting_review").await?;
    ensure!(run.states(&["first"]) == ["completed"], "triggering what comes after is a review: {run:?}");
    ensure!(host.step_output(&run, "second").await?["input"] == json!({ "big": "by hand" }));
    Ok(())
}

async fn the_readmes_workflow_does_what_it_says(host: Host) -> Result<()> {
    let definition = std::fs::read_to_string(crate::library("triage"))?;
    let readme = include_str!("../../../README.md");
    let body = definition.split_once('\n').unwrap().1;
    ensure!(readme.contains(body), "the README has another one");
    let run = host.run("triage", json!({ "text": "short" })).await?;
    ensure!(run.states(&["approve", "go_on", "analyse"]) == ["skipped", "completed", "completed"], "{run:?}");
    let id = host.start_run("triage", json!({ "text": "long ".repeat(300) })).await?;
    let approval = asked(&host, &id).await?;
    decide(&host, &approval, json!({ "option": "approve" })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.states(&["approve", "go_on", "analyse"]) == ["completed"; 3], "{run:?}");
    Ok(())
}

async fn what_was_rejected_is_asked_again(host: Host) -> Result<()> {
    let definition = json!({ "name": "ask_again", "steps": [
        { "name": "a", "phase": "echo/echo", "input": { "x": "input.x" } },
        { "name": "ok", "checkpoint": { "title": "Good?", "show": { "x": "steps.a.output.input.x" } } } ] });
    let run = host.server().post("/runs", &json!({ "definition": definition, "input": { "x": 1 } })).await?;
    let id = run["id"].as_str().context("an id")?.to_owned();
    decide(&host, &asked(&host, &id).await?, json!({ "option": "approve" })).await?;
    ensure!(host.finished(&id).await?.state() == "completed");
    let other = json!({ "input": { "x": 2 } });
    host.steer(&id, "/steps/a/retry", other.clone()).await?;
    decide(&host, &asked(&host, &id).await?, json!({ "option": "reject" })).await?;
    ensure!(host.finished(&id).await?.state() == "failed");
    // What was approved was something else.
    host.steer(&id, "/steps/a/retry", other).await?;
    decide(&host, &asked(&host, &id).await?, json!({ "option": "approve" })).await?;
    ensure!(host.finished(&id).await?.state() == "completed");
    Ok(())
}
