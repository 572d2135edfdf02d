//! What is done again: retries, rollbacks, forks, phases by themselves; and what need not be.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, Run, both};

both!(
    only_what_changes_runs_again,
    a_failed_run_is_retried_where_it_failed,
    a_rollback_brings_back_the_whole_of_a_result,
    a_rollback_in_a_paused_run_waits_with_it,
    a_rollback_takes_back_what_was_edited,
    what_failed_inside_a_map_is_mended_alone,
    shared_state_is_rolled_back_with_its_step,
    what_is_done_again_sees_no_state_of_later_steps,
    a_condition_that_stands_takes_its_way_again,
    what_was_stopped_inside_a_step_is_done_again_with_it,
    a_fork_takes_over_what_does_not_depend_on_its_step,
    maps_and_parts_are_taken_over_as_wholes,
    a_phase_runs_by_itself_on_what_a_run_has_made,
);

const STEPS: [&str; 4] = ["first", "second", "third", "apart"];

/// The steps whose guests ran after an event.
async fn ran_after(host: &Host, id: &str, seq: u64) -> Result<Vec<String>> {
    let events = host.server().events(id).await?;
    let ended = events.iter().filter(|event| {
        event["seq"].as_u64() > Some(seq)
            && event["type"] == "step.completed"
            && event["data"]["reused"] != true
    });
    Ok(ended.map(|event| event["step"].as_str().unwrap().to_owned()).collect())
}

fn last_event(run: &Run) -> u64 {
    run.0["last_event"].as_u64().unwrap()
}

async fn only_what_changes_runs_again(mut host: Host) -> Result<()> {
    let run = host.run("chain", json!({ "x": 3 })).await?;
    let (id, seq) = (run.id().to_owned(), last_event(&run));
    // `first` changes, but what `second` takes from it does not: it and what follows stand as they are.
    host.steer(&id, "/steps/first/retry", json!({ "input": { "x": 4 } })).await?;
    let run = host.finished(&id).await?;
    ensure!(ran_after(&host, &id, seq).await? == ["first"], "{run:?}");
    ensure!(host.step_output(&run, "first").await?["input"]["x"] == 4);
    // Now `second` changes as well, and so does `third`; `apart` depends on nothing of it.
    let seq = last_event(&run);
    host.steer(&id, "/steps/first/retry", json!({ "input": { "x": 40 } })).await?;
    host.crash()?;
    let run = host.finished(&id).await?;
    ensure!(ran_after(&host, &id, seq).await? == ["first", "second", "third"], "{run:?}");
    ensure!(host.output(&run).await?["third"]["input"]["big"] == true);
    // Asked for by name, a step runs even if nothing has changed.
    let seq = last_event(&run);
    host.steer(&id, "/steps/apart/trigger", json!({})).await?;
    let run = host.finished(&id).await?;
    ensure!(ran_after(&host, &id, seq).await? == ["apart"], "{run:?}");
    Ok(())
}

async fn a_failed_run_is_retried_where_it_failed(host: Host) -> Result<()> {
    let id = host.start_run("mend", json!({ "how": "failed" })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.states(&["before", "breaks", "after"]) == ["completed", "failed", "skipped"], "{run:?}");
    // It may have failed again before anybody sees that it runs.
    host.steer(&id, "/retry", json!({})).await?;
    let run = host.until(&id, |run| run.attempts(&["breaks"]) == [2] && run.state() == "failed").await?;
    ensure!(run.state() == "failed" && run.attempts(&["before", "breaks"]) == [1, 2], "{run:?}");
    host.steer(&id, "/steps/breaks/retry", json!({ "input": { "how": "completed" } })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.state() == "completed" && run.0.get("failure").is_none(), "{run:?}");
    ensure!(run.states(&["before", "breaks", "after"]) == ["completed"; 3], "{run:?}");
    ensure!(run.attempts(&["before", "breaks", "after"]) == [1, 3, 1], "{run:?}");
    Ok(())
}

async fn a_rollback_brings_back_the_whole_of_a_result(mut host: Host) -> Result<()> {
    host.server().request(Method::PUT, "/plugins/echo/grants/approvals").send().await?.error_for_status()?;
    let id = host.start_run("ask", json!({ "x": 1 })).await?;
    answer(&host, &id).await?;
    host.finished(&id).await?;
    host.steer(&id, "/steps/ask/retry", json!({ "input": { "x": 2 } })).await?;
    answer(&host, &id).await?;
    let run = host.finished(&id).await?;
    ensure!(host.step_output(&run, "ask").await?["input"] == json!({ "x": 2 }));
    ensure!(latest(&host, &id).await? == (2, json!({ "x": 2 })));
    host.crash()?;
    host.steer(&id, "/steps/ask/rollback", json!({ "artifact": "question.json", "version": 1 })).await?;
    let run = host.finished(&id).await?;
    ensure!(host.step_output(&run, "ask").await?["input"] == json!({ "x": 1 }), "the output came back");
    ensure!(latest(&host, &id).await? == (3, json!({ "x": 1 })), "and the file, as a version of its own");
    ensure!(run.attempts(&["ask"]) == [2], "nobody was asked again: {run:?}");
    host.steer(&id, "/steps/ask/rollback", json!({ "attempt": 2 })).await?;
    host.finished(&id).await?;
    ensure!(latest(&host, &id).await? == (4, json!({ "x": 2 })));
    Ok(())
}

async fn answer(host: &Host, id: &str) -> Result<()> {
    host.until(id, |run| run.state() == "waiting_approval").await?;
    let open = host.server().get("/approvals").await?;
    let path = format!("/approvals/{}/decide", open["items"][0]["id"].as_str().unwrap());
    host.server().post(&path, &json!({ "option": "approve" })).await?;
    Ok(())
}

/// Version and content of the question's latest version.
async fn latest(host: &Host, id: &str) -> Result<(u64, Value)> {
    let list = host.server().get(&format!("/runs/{id}/artifacts")).await?;
    let items = list["items"].as_array().or_else(|| list.as_array()).unwrap().clone();
    let latest = items.iter().find(|file| file["name"] == "question.json" && file["latest"] == true).unwrap();
    let url = latest["url"].as_str().unwrap().trim_start_matches("/api/v1").to_owned();
    Ok((latest["version"].as_u64().unwrap(), host.server().get(&url).await?))
}

async fn a_rollback_takes_back_what_was_edited(mut host: Host) -> Result<()> {
    let run = host.run("chain", json!({ "x": 3 })).await?;
    let id = run.id().to_owned();
    host.steer(&id, "/steps/second/retry", json!({ "input": { "big": "edited" }, "prompt": "Sing." }))
        .await?;
    host.finished(&id).await?;
    host.steer(&id, "/steps/second/rollback", json!({ "attempt": 1 })).await?;
    host.finished(&id).await?;
    host.crash()?;
    host.steer(&id, "/steps/first/retry", json!({ "input": { "x": 30 } })).await?;
    let run = host.finished(&id).await?;
    let second = host.step_output(&run, "second").await?;
    ensure!(second["input"] == json!({ "big": true }) && second["prompt"] == "Say {{ what }}.", "{second}");
    // And back again to the edit, which is as much of that result as its output.
    host.steer(&id, "/steps/second/rollback", json!({ "attempt": 2 })).await?;
    host.finished(&id).await?;
    host.steer(&id, "/steps/first/retry", json!({ "input": { "x": 3 } })).await?;
    let run = host.finished(&id).await?;
    ensure!(host.step_output(&run, "second").await?["input"] == json!({ "big": "edited" }));
    Ok(())
}

async fn what_failed_inside_a_map_is_mended_alone(host: Host) -> Result<()> {
    let (good, bad) = (json!({ "how": "completed" }), json!({ "how": "failed", "message": "no" }));
    let run = host.run("map_failures", json!({ "ends": [good, bad, bad] })).await?;
    ensure!(run.state() == "failed", "{run:?}");
    let (id, seq) = (run.id().to_owned(), last_event(&run));
    host.steer(&id, "/steps/each%5B1%5D/retry", json!({ "input": good })).await?;
    let run = host.finished(&id).await?;
    ensure!(host.output(&run).await? == json!({ "failed": [2] }), "{run:?}");
    ensure!(!ran_after(&host, &id, seq).await?.contains(&"each[0]".to_owned()), "what was good stands");
    Ok(())
}

async fn a_rollback_in_a_paused_run_waits_with_it(mut host: Host) -> Result<()> {
    let id = host.start_with("chain", json!({ "input": { "x": 3 }, "auto_run": false })).await?;
    host.until(&id, |run| run.states(&["first", "apart"]) == ["awaiting_review"; 2]).await?;
    host.steer(&id, "/steps/first/retry", json!({ "input": { "x": 30 } })).await?;
    host.until(&id, |run| run.step("first")["state"] == "awaiting_review" && run.attempts(&["first"]) == [2])
        .await?;
    host.steer(&id, "/pause", json!({})).await?;
    let run = host.steer(&id, "/steps/first/rollback", json!({ "attempt": 1 })).await?;
    ensure!(
        run.state() == "paused" && run.states(&["first", "second"]) == ["completed", "paused"],
        "{run:?}"
    );
    host.crash()?;
    host.server()
        .request(Method::PATCH, &format!("/runs/{id}"))
        .json(&json!({ "auto_run": true }))
        .send()
        .await?;
    host.steer(&id, "/steps/apart/continue", json!({})).await?;
    host.steer(&id, "/resume", json!({})).await?;
    let run = host.finished(&id).await?;
    ensure!(run.state() == "completed", "{run:?}");
    ensure!(
        host.step_output(&run, "second").await?["input"] == json!({ "big": false }),
        "of the first attempt"
    );
    Ok(())
}

async fn shared_state_is_rolled_back_with_its_step(host: Host) -> Result<()> {
    let run = host.run("shared_state", json!({ "note": 1 })).await?;
    let id = run.id().to_owned();
    host.steer(&id, "/steps/one/retry", json!({ "input": { "set": 2 } })).await?;
    let run = host.finished(&id).await?;
    ensure!(host.step_output(&run, "two").await?["before"] == 2, "what reads the key ran again");
    let seq = last_event(&run);
    host.steer(&id, "/steps/one/rollback", json!({ "attempt": 1 })).await?;
    let run = host.finished(&id).await?;
    ensure!(host.step_output(&run, "two").await?["before"] == 1, "and sees what was rolled back to");
    ensure!(ran_after(&host, &id, seq).await? == ["two"]);
    Ok(())
}

async fn what_was_stopped_inside_a_step_is_done_again_with_it(mut host: Host) -> Result<()> {
    let ask = json!({ "checkpoint": { "title": "Shall it?" } });
    let part = json!({ "name": "asking", "steps": [
        { "name": "ask", "checkpoint": { "title": "Shall it?" } },
        { "name": "note", "phase": "echo/echo", "depends_on": ["ask"] } ] });
    host.server().post("/workflows", &part).await?;
    for (inside, step) in [
        ("s/ask", json!({ "name": "s", "workflow": { "name": "asking" } })),
        ("s[0]", json!({ "name": "s", "map": { "over": "[1]", "body": ask } })),
        ("s[0]", json!({ "name": "s", "loop": { "max_iterations": 1, "until": "true", "body": ask } })),
    ] {
        let after = json!({ "name": "z", "depends_on": ["s"], "phase": "echo/noop" });
        let body = json!({ "definition": { "name": "x", "steps": [step, after] } });
        let run = host.server().post("/runs", &body).await?;
        let id = run["id"].as_str().unwrap().to_owned();
        host.until(&id, |run| run.has_step(inside) && run.state() == "waiting_approval").await?;
        host.steer(&id, "/steps/s/skip", json!({})).await?;
        let run = host.finished(&id).await?;
        ensure!(run.states(&["s", inside]) == ["skipped", "cancelled"], "{run:?}");
        host.steer(&id, "/steps/s/retry", json!({})).await?;
        host.crash()?;
        answer(&host, &id).await?;
        let run = host.finished(&id).await?;
        ensure!(run.state() == "completed" && run.states(&["s", inside, "z"]) == ["completed"; 3], "{run:?}");
    }
    Ok(())
}

async fn what_is_done_again_sees_no_state_of_later_steps(mut host: Host) -> Result<()> {
    let set = |text: &str| json!({ "set": text });
    let definition = json!({ "name": "notes", "steps": [
        { "name": "one", "phase": "echo/share", "input": set("'a'") },
        { "name": "two", "phase": "echo/share", "input": set("'b'"), "depends_on": ["one"] },
        { "name": "rounds", "depends_on": ["two"], "loop": { "max_iterations": 3, "until": "false",
            "on_limit": "continue", "body": { "phase": "echo/share", "input": set("index") } } } ] });
    let run = host.server().post("/runs?wait=30s", &json!({ "definition": definition })).await?;
    let id = run["id"].as_str().unwrap().to_owned();
    host.crash()?;
    let before = async |host: &Host, id: &str| -> Result<Vec<Value>> {
        let run = host.finished(id).await?;
        let mut seen = Vec::new();
        for step in ["one", "two", "rounds[0]", "rounds[2]"] {
            seen.push(host.step_output(&run, step).await?["before"].clone());
        }
        Ok(seen)
    };
    let expected = [json!(null), json!("a"), json!("b"), json!(1)];
    ensure!(before(&host, &id).await? == expected);
    for step in ["one", "rounds"] {
        host.steer(&id, &format!("/steps/{step}/retry"), json!({})).await?;
        ensure!(before(&host, &id).await? == expected, "after {step} was done again");
    }
    for fork in [json!({}), json!({ "step": "one" }), json!({ "step": "rounds" })] {
        let forked = host.steer(&id, "/fork", fork).await?;
        ensure!(before(&host, forked.id()).await? == expected, "in a fork");
    }
    let found = host.server().post(&format!("/runs/{id}/verify"), &json!({})).await?;
    ensure!(found["verified"] == true, "{found:#}");
    Ok(())
}

async fn a_condition_that_stands_takes_its_way_again(host: Host) -> Result<()> {
    let echo = |name: &str, after: &str| json!({ "name": name, "phase": "echo/noop", "depends_on": [after] });
    let steps = json!([
        { "name": "first", "phase": "echo/echo", "input": { "x": "1" } },
        { "name": "is_large", "depends_on": ["first"], "condition": "input.x > 1" },
        echo("large", "is_large.true"), echo("small", "is_large.false") ]);
    let schema = json!({ "type": "object", "properties": { "x": { "type": "integer" } } });
    let definition = json!({ "name": "ways", "input_schema": schema, "steps": steps });
    let run = host.server().post("/runs", &json!({ "definition": definition, "input": { "x": 3 } })).await?;
    let id = run["id"].as_str().unwrap().to_owned();
    let names = ["first", "is_large", "large", "small"];
    let expected = ["completed", "completed", "completed", "skipped"];
    ensure!(host.finished(&id).await?.states(&names) == expected);
    host.steer(&id, "/steps/first/retry", json!({ "input": { "x": 2 } })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.states(&names) == expected && run.attempts(&names) == [2, 2, 2, 0], "{run:?}");
    let fork = host.steer(&id, "/fork", json!({ "step": "first" })).await?;
    let fork = host.finished(fork.id()).await?;
    ensure!(fork.states(&names) == expected, "{fork:?}");
    // A rollback of the condition itself takes the way of that result.
    host.steer(&id, "/steps/is_large/rollback", json!({ "attempt": 1 })).await?;
    ensure!(host.finished(&id).await?.states(&names) == expected);
    Ok(())
}

async fn a_fork_takes_over_what_does_not_depend_on_its_step(mut host: Host) -> Result<()> {
    let source = host.run("chain", json!({ "x": 3 })).await?;
    let fork =
        host.steer(source.id(), "/fork", json!({ "step": "second", "input": { "big": "forked" } })).await?;
    let fork = host.finished(fork.id()).await?;
    ensure!(fork.0["forked_from"] == source.0["id"] && fork.0["forked_at"] == "second", "{fork:?}");
    ensure!(ran_after(&host, fork.id(), 0).await? == ["second", "third"], "{fork:?}");
    ensure!(host.output(&fork).await?["third"]["input"]["big"] == "forked");
    ensure!(host.output(&source).await?["third"]["input"]["big"] == false, "the source is as it was");
    // With the same input it comes to the same, and what follows stands.
    let same = host.steer(source.id(), "/fork", json!({ "step": "second" })).await?;
    host.crash()?;
    let same = host.finished(same.id()).await?;
    ensure!(ran_after(&host, same.id(), 0).await? == ["second"], "{same:?}");
    for step in STEPS {
        ensure!(same.step(step)["output_digest"] == source.step(step)["output_digest"], "{step}");
    }
    // The whole anew, and then its source deleted: it stands on its own.
    let whole = host.steer(source.id(), "/fork", json!({})).await?;
    let whole = host.finished(whole.id()).await?;
    host.server()
        .request(Method::DELETE, &format!("/runs/{}", source.id()))
        .send()
        .await?
        .error_for_status()?;
    ensure!(host.output(&whole).await?["apart"]["input"] == json!({ "y": 1 }));
    let said = host
        .refused(Method::POST, &format!("/runs/{}/fork", whole.id()), json!({ "step": "no" }), 404)
        .await?;
    ensure!(said.contains("no"), "{said}");
    Ok(())
}

async fn maps_and_parts_are_taken_over_as_wholes(host: Host) -> Result<()> {
    let source = host.run("map_of_workflows", json!({ "numbers": [1, 2] })).await?;
    let fork = host.steer(source.id(), "/fork", json!({ "step": "each" })).await?;
    let fork = host.finished(fork.id()).await?;
    ensure!(host.output(&fork).await? == json!([2, 4]));
    // What is asked for by name is done, with all that is inside it.
    let notes = |ran: Vec<String>| ran.iter().filter(|step| step.ends_with("/note")).count();
    ensure!(notes(ran_after(&host, fork.id(), 0).await?) == 2, "{fork:?}");
    let seq = last_event(&source);
    host.steer(source.id(), "/steps/each/retry", json!({})).await?;
    let again = host.finished(source.id()).await?;
    ensure!(host.output(&again).await? == json!([2, 4]));
    ensure!(notes(ran_after(&host, source.id(), seq).await?) == 2, "{again:?}");
    // One inside is done again alone, with what the caller gives it; the others stand.
    let seq = last_event(&again);
    host.steer(source.id(), "/steps/each%5B1%5D%2Fnote/retry", json!({ "input": { "n": 40 } })).await?;
    let mended = host.finished(source.id()).await?;
    ensure!(host.output(&mended).await? == json!([2, 40]), "{mended:?}");
    ensure!(notes(ran_after(&host, source.id(), seq).await?) == 1, "{mended:?}");
    Ok(())
}

async fn a_phase_runs_by_itself_on_what_a_run_has_made(host: Host) -> Result<()> {
    let source = host.run("chain", json!({ "x": 3 })).await?;
    let one = host.steer(source.id(), "/execute", json!({ "step": "second", "input": { "big": 9 } })).await?;
    let one = host.finished(one.id()).await?;
    ensure!(one.0["steps"].as_array().unwrap().len() == 2, "it, and what it needs: {one:?}");
    ensure!(ran_after(&host, one.id(), 0).await? == ["second"]);
    ensure!(host.step_output(&one, "second").await?["input"] == json!({ "big": 9 }));
    let any = host
        .steer(source.id(), "/execute", json!({ "phase": "echo/spin", "input": { "iterations": 5 } }))
        .await?;
    let any = host.finished(any.id()).await?;
    ensure!(any.state() == "completed" && ran_after(&host, any.id(), 0).await? == ["spin"], "{any:?}");
    let path = format!("/runs/{}/execute", source.id());
    let said = host.refused(Method::POST, &path, json!({ "phase": "echo/spin" }), 400).await?;
    ensure!(said.contains("input"), "{said}");
    let wrong = json!({ "phase": "echo/spin", "input": { "iterations": "many" } });
    let said = host.refused(Method::POST, &path, wrong, 400).await?;
    ensure!(said.contains("/iterations"), "{said}");
    Ok(())
}
