//! The kinds of nodes, and how data flows between them.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{Host, both};

both!(
    transforms_make_documents,
    conditions_take_one_way,
    a_condition_that_is_unchanged_takes_the_same_way,
    a_conditions_fallback_takes_the_way,
    what_the_run_did_not_come_to_has_no_result,
    the_first_case_that_holds_is_taken,
    waits_for_times_go_on,
    an_event_wakes_the_step_that_waits_for_its_key,
    an_event_that_came_early_is_taken_and_one_is_taken_once,
    events_that_do_not_come_fail_or_let_go,
    a_workflow_is_a_part_of_another,
    a_map_does_the_same_for_each_item,
    of_a_map_so_many_items_run_at_once,
    of_a_map_some_may_fail,
    a_map_of_workflows,
    a_run_has_so_many_steps_at_the_most,
    a_loop_ends_when_its_condition_holds,
    a_loop_that_its_bound_ends,
    a_join_of_branches,
    inputs_are_mapped,
    shared_state_goes_from_step_to_step,
    shared_state_is_never_a_matter_of_chance,
);

async fn transforms_make_documents(host: Host) -> Result<()> {
    let run = host.run("transform", json!({ "price": 2.5, "quantity": 4 })).await?;
    ensure!(host.output(&run).await? == json!({ "text": "total 10", "large": false }));
    let bill = host.step_output(&run, "bill").await?;
    ensure!(bill["total"] == 10.0 && bill["on"] == run.0["as_of"], "{bill}");
    Ok(())
}

async fn a_condition_that_is_unchanged_takes_the_same_way(host: Host) -> Result<()> {
    let definition = json!({ "name": "ways", "steps": [
        { "name": "p", "phase": "echo/echo", "input": { "x": "input.x" } },
        { "name": "q", "condition": "steps.p.output.input.x > 5" },
        { "name": "a", "transform": "'large'", "depends_on": ["q.true"] },
        { "name": "b", "transform": "'small'", "depends_on": ["q.false"] },
        { "name": "j", "join": { "mode": "any" }, "depends_on": ["a", "b"] } ] });
    let run = host.server().post("/runs", &json!({ "definition": definition, "input": { "x": 9 } })).await?;
    let id = run["id"].as_str().context("an id")?.to_owned();
    let steps = ["q", "a", "b", "j"];
    let expected = ["completed", "completed", "skipped", "completed"];
    let output = json!({ "j": { "a": "large" } });
    let run = host.finished(&id).await?;
    ensure!(run.states(&steps) == expected && host.output(&run).await? == output, "{run:?}");
    for (path, body) in [("retry", json!({})), ("trigger", json!({})), ("rollback", json!({ "attempt": 1 }))]
    {
        host.steer(&id, &format!("/steps/p/{path}"), body).await?;
        let run = host.finished(&id).await?;
        ensure!(run.states(&steps) == expected && host.output(&run).await? == output, "{path}: {run:?}");
    }
    let fork = host.server().post(&format!("/runs/{id}/fork"), &json!({ "step": "p" })).await?;
    let run = host.finished(fork["id"].as_str().context("an id")?).await?;
    ensure!(run.states(&steps) == expected && host.output(&run).await? == output, "{run:?}");
    // With another input it takes the other way.
    host.steer(&id, "/steps/p/retry", json!({ "input": { "x": 1 } })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.states(&steps) == ["completed", "skipped", "completed", "completed"], "{run:?}");
    Ok(())
}

async fn what_the_run_did_not_come_to_has_no_result(host: Host) -> Result<()> {
    let upload = host.server().request(reqwest::Method::POST, "/uploads?filename=f.bin").body("hello");
    let upload: serde_json::Value = upload.send().await?.error_for_status()?.json().await?;
    let definition = json!({ "name": "ways_with_files", "files": {}, "steps": [
        { "name": "p", "phase": "echo/echo", "input": { "x": "input.x" } },
        { "name": "q", "condition": "steps.p.output.input.x" },
        { "name": "a", "phase": "echo/copy", "input": { "from": "'input/f.bin'" }, "depends_on": ["q.true"] },
        { "name": "b", "transform": "20", "depends_on": ["q.false"] } ] });
    let body =
        json!({ "definition": definition, "input": { "x": true }, "files": [{ "upload": upload["id"] }] });
    let id = host.server().post("/runs", &body).await?["id"].as_str().context("an id")?.to_owned();
    host.finished(&id).await?;
    let files = async || host.server().get(&format!("/runs/{id}/artifacts?latest=true")).await;
    ensure!(files().await?["items"].as_array().map(Vec::len) == Some(1));
    host.steer(&id, "/steps/p/retry", json!({ "input": { "x": false } })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.states(&["a", "b"]) == ["skipped", "completed"], "{run:?}");
    let a = run.step("a");
    ensure!(a.get("result_attempt").is_none() && a.get("output_url").is_none(), "{a:#}");
    ensure!(files().await?["items"] == json!([]));
    let outputs = host.server().get(&format!("/runs/{id}/outputs")).await?;
    ensure!(outputs["deliverables"] == json!([]), "{outputs:#}");
    let output = host.server().request(reqwest::Method::GET, &format!("/runs/{id}/steps/a/output"));
    ensure!(output.send().await?.status() == 404);
    // It is there again when the run takes that way.
    host.steer(&id, "/steps/p/retry", json!({ "input": { "x": true } })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.step("a")["result_attempt"].is_number(), "{run:?}");
    ensure!(files().await?["items"].as_array().map(Vec::len) == Some(1));
    Ok(())
}

async fn a_conditions_fallback_takes_the_way(host: Host) -> Result<()> {
    let definition = json!({ "name": "spare_way", "steps": [
        { "name": "q", "condition": "input.x > 1", "fallback": "f" },
        { "name": "f", "condition": "true" },
        { "name": "a", "transform": "1", "depends_on": ["q.true"] },
        { "name": "b", "transform": "2", "depends_on": ["q.false"] } ] });
    for (input, states) in [
        (json!({}), ["failed", "completed", "completed", "skipped"]),
        (json!({ "x": 0 }), ["completed", "skipped", "skipped", "completed"]),
    ] {
        let run = host.server().post("/runs", &json!({ "definition": definition, "input": input })).await?;
        let run = host.finished(run["id"].as_str().context("an id")?).await?;
        ensure!(run.state() == "completed" && run.states(&["q", "f", "a", "b"]) == states, "{run:?}");
    }
    Ok(())
}

async fn conditions_take_one_way(host: Host) -> Result<()> {
    let steps = ["is_large", "by_hand", "by_rule", "either"];
    let run = host.run("condition", json!({ "amount": 1000 })).await?;
    ensure!(run.states(&steps) == ["completed", "completed", "skipped", "completed"], "{run:?}");
    ensure!(host.output(&run).await? == json!({ "either": { "by_hand": "a person looks at it" } }));
    let run = host.run("condition", json!({ "amount": 999 })).await?;
    ensure!(run.states(&steps) == ["completed", "skipped", "completed", "completed"], "{run:?}");
    ensure!(run.step("by_hand")["reason"] == "the run took another way");
    // What is no number cannot be compared: the step says why, and the run fails.
    let run = host.run("condition", json!({ "amount": "much" })).await?;
    ensure!(
        run.state() == "failed" && run.step("is_large")["failure"]["kind"] == "invalid_expression",
        "{run:?}"
    );
    Ok(())
}

async fn the_first_case_that_holds_is_taken(host: Host) -> Result<()> {
    for (n, output) in [
        (5, json!({ "small": "s" })),
        (50, json!({ "not_small": "m or l: medium" })),
        (500, json!({ "not_small": "m or l: large" })),
    ] {
        let run = host.run("cases", json!({ "n": n })).await?;
        ensure!(host.output(&run).await? == output, "{n}");
    }
    Ok(())
}

async fn waits_for_times_go_on(mut host: Host) -> Result<()> {
    let id = host.start_run("wait_time", json!({})).await?;
    host.until(&id, |run| run.step("past")["state"] == "completed").await?;
    ensure!(
        host.until(&id, |run| run.step("a_second")["not_before"].is_string()).await?.state() == "running"
    );
    host.crash()?;
    let run = host.finished(&id).await?;
    ensure!(host.output(&run).await? == json!({ "after": { "woken_by": ["time", "time"] } }));
    Ok(())
}

async fn an_event_wakes_the_step_that_waits_for_its_key(mut host: Host) -> Result<()> {
    let id = host.start_run("wait_event", json!({ "order": "7" })).await?;
    host.until(&id, |run| run.step("paid")["state"] == "waiting").await?;
    let sent = host.server().post("/signals", &json!({ "key": "order-8-paid" })).await?;
    ensure!(sent["waiting"] == 0, "{sent}");
    host.crash()?;
    let sent =
        host.server().post("/signals", &json!({ "key": "order-7-paid", "data": { "amount": 3 } })).await?;
    ensure!(sent["waiting"] == 1, "{sent}");
    let run = host.finished(&id).await?;
    ensure!(host.output(&run).await? == json!({ "ship": { "order": "7", "amount": 3 } }));
    ensure!(host.step_output(&run, "paid").await?["woken_by"] == "event");
    Ok(())
}

async fn an_event_that_came_early_is_taken_and_one_is_taken_once(mut host: Host) -> Result<()> {
    for amount in [1, 2] {
        let event = json!({ "key": "order-9-paid", "data": { "amount": amount } });
        host.server().post("/signals", &event).await?;
    }
    host.crash()?;
    let first = host.run("wait_event", json!({ "order": "9" })).await?;
    let second = host.run("wait_event", json!({ "order": "9" })).await?;
    ensure!(host.output(&first).await?["ship"]["amount"] == 1, "the older one comes first");
    ensure!(host.output(&second).await?["ship"]["amount"] == 2);
    let third = host.start_run("wait_event", json!({ "order": "9" })).await?;
    host.until(&third, |run| run.step("paid")["state"] == "waiting").await?;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    host.until(&third, |run| run.step("paid")["state"] == "waiting").await?;
    let large = json!({ "key": "x", "data": "x".repeat(70_000) });
    let said = host.refused(reqwest::Method::POST, "/signals", large, 413).await?;
    ensure!(said.contains("at most 65536"), "{said}");
    Ok(())
}

async fn events_that_do_not_come_fail_or_let_go(host: Host) -> Result<()> {
    let run = host.run("wait_deadline", json!({ "id": "a" })).await?;
    ensure!(host.output(&run).await? == json!({ "after": { "strict": "failed", "lenient": "deadline" } }));
    ensure!(run.step("strict")["failure"]["kind"] == "deadline", "{run:?}");
    Ok(())
}

async fn a_workflow_is_a_part_of_another(host: Host) -> Result<()> {
    let run = host.run("sub_workflow", json!({ "n": 3 })).await?;
    ensure!(host.output(&run).await? == json!(12));
    ensure!(run.step("twice/double")["state"] == "completed" && run.has_step("four_times/note"), "{run:?}");
    // The part's own schema holds: the step that runs it fails with the place.
    let run = host.run("sub_workflow", json!({ "n": "three" })).await?;
    ensure!(run.state() == "failed" && run.step("twice")["failure"]["kind"] == "invalid_input", "{run:?}");
    Ok(())
}

async fn a_map_does_the_same_for_each_item(host: Host) -> Result<()> {
    let run = host.run("map", json!({ "items": ["a", "b", "c", "d"] })).await?;
    ensure!(host.output(&run).await? == json!({ "indices": [0, 1, 2, 3] }));
    let each = host.step_output(&run, "each").await?;
    ensure!(
        each["results"][2]["input"] == json!({ "item": "c", "index": 2 }) && each["failures"] == json!([])
    );
    ensure!(host.step_output(&run, "each[1]").await?["input"]["item"] == "b");
    let run = host.run("map", json!({ "items": [] })).await?;
    ensure!(host.output(&run).await? == json!({ "indices": [] }));
    let run = host.run("map", json!({ "items": "abc" })).await?;
    ensure!(
        run.step("each")["failure"]["message"].as_str().unwrap().contains("goes over an array"),
        "{run:?}"
    );
    let run = host.run("map", json!({ "items": vec![0; 10_001] })).await?;
    ensure!(run.step("each")["failure"]["breach"]["limit"] == "map_items", "{run:?}");
    Ok(())
}

async fn of_a_map_so_many_items_run_at_once(mut host: Host) -> Result<()> {
    host.restart_with(&["--slots", "6"])?;
    for most in [1, 2, 4] {
        let spin = json!({ "phase": "echo/spin", "input": { "iterations": "20000000" } });
        let each = json!({ "name": "each", "map": { "over": "[1,2,3,4,5,6,7,8]", "max_parallel": most, "body": spin } });
        let body = json!({ "definition": { "name": "side_by_side", "steps": [each] } });
        let run = host.server().post("/runs", &body).await?;
        let run = host.finished(run["id"].as_str().unwrap()).await?;
        // By the order of events: how many had started and not ended.
        let (mut under_way, mut peak, mut ended) = (0, 0, 0);
        for event in host.server().events(run.id()).await? {
            match (event["type"].as_str().unwrap(), event["step"].as_str()) {
                ("step.started", Some(step)) if step.contains('[') => under_way += 1,
                ("step.completed", Some(step)) if step.contains('[') => {
                    under_way -= 1;
                    ended += 1;
                }
                _ => {}
            }
            peak = peak.max(under_way);
        }
        ensure!(peak == most && ended == 8, "max_parallel {most}: {peak} at once, {ended} ended");
    }
    Ok(())
}

async fn of_a_map_some_may_fail(host: Host) -> Result<()> {
    let (good, bad) = (json!({ "how": "completed" }), json!({ "how": "failed", "message": "no" }));
    let run = host.run("map_failures", json!({ "ends": [good, bad, good] })).await?;
    ensure!(host.output(&run).await? == json!({ "failed": [1] }));
    ensure!(host.step_output(&run, "each").await?["results"][1].is_null());
    let run = host.run("map_failures", json!({ "ends": [bad, bad, good, good, good, good] })).await?;
    ensure!(run.state() == "failed" && run.step("each")["state"] == "failed", "{run:?}");
    Ok(())
}

async fn a_map_of_workflows(host: Host) -> Result<()> {
    let run = host.run("map_of_workflows", json!({ "numbers": [1, 2, 3] })).await?;
    ensure!(host.output(&run).await? == json!([2, 4, 6]));
    ensure!(run.step("each[2]/double")["state"] == "completed");
    Ok(())
}

async fn a_run_has_so_many_steps_at_the_most(mut host: Host) -> Result<()> {
    host.restart_with(&["--bound", "run-steps=1000"])?;
    let mut body = json!({ "transform": "1" });
    for _ in 0..3 {
        body = json!({ "map": { "over": "[1,2,3,4,5,6,7,8,9,10]", "body": body } });
    }
    body["name"] = json!("deep");
    let definition = json!({ "name": "deep", "steps": [body] });
    let run = host.server().post("/runs", &json!({ "definition": definition })).await?;
    let run = host.finished(run["id"].as_str().unwrap()).await?;
    let failed = run.0["steps"].as_array().unwrap().iter().find(|step| step["failure"]["breach"].is_object());
    let breach = &failed.unwrap()["failure"]["breach"];
    ensure!(run.state() == "failed" && breach["limit"] == "run_steps" && breach["value"] == 1000, "{breach}");
    Ok(())
}

async fn a_loop_ends_when_its_condition_holds(host: Host) -> Result<()> {
    let run = host.run("loop", json!({ "limit": 50 })).await?;
    ensure!(host.output(&run).await? == json!({ "result": 64, "iterations": 7 }));
    ensure!(host.step_output(&run, "grow[6]").await? == json!(64) && !run.has_step("grow[7]"));
    Ok(())
}

async fn a_loop_that_its_bound_ends(host: Host) -> Result<()> {
    let run = host.run("loop_limit", json!({})).await?;
    let output = host.output(&run).await?;
    ensure!(
        output == json!({ "after": { "strict": "failed", "lenient": { "result": 2, "iterations": 3 } } })
    );
    ensure!(run.step("strict")["failure"]["breach"]["limit"] == "max_iterations", "{run:?}");
    Ok(())
}

async fn a_join_of_branches(host: Host) -> Result<()> {
    let run = host.run("join", json!({ "both": true })).await?;
    let both = json!({ "always": 1, "sometimes": 2 });
    ensure!(host.output(&run).await? == json!({ "any": both, "all": "completed" }));
    let run = host.run("join", json!({ "both": false })).await?;
    ensure!(host.output(&run).await? == json!({ "any": { "always": 1 }, "all": "skipped" }));
    Ok(())
}

async fn inputs_are_mapped(host: Host) -> Result<()> {
    let run = host.run("mapping", json!({ "wanted": { "name": "n" } })).await?;
    ensure!(host.step_output(&run, "whole").await?["input"] == json!({ "name": "n" }));
    ensure!(host.step_output(&run, "keys").await?["input"] == json!({ "name": "n", "count": 0 }));
    Ok(())
}

async fn shared_state_goes_from_step_to_step(host: Host) -> Result<()> {
    let run = host.run("shared_state", json!({ "note": { "a": 5 } })).await?;
    ensure!(host.step_output(&run, "one").await? == json!({ "before": null, "after": { "a": 5 } }));
    ensure!(host.step_output(&run, "two").await? == json!({ "before": { "a": 5 }, "after": { "a": 5 } }));
    Ok(())
}

async fn shared_state_is_never_a_matter_of_chance(host: Host) -> Result<()> {
    let share =
        |name: &str, after: &[&str]| json!({ "name": name, "phase": "echo/share", "depends_on": after });
    let told = async |steps: serde_json::Value| -> Result<String> {
        let body = json!({ "definition": { "name": "notes", "steps": steps } });
        host.refused(reqwest::Method::POST, "/runs", body, 400).await
    };
    let said = told(json!([share("a", &[]), share("b", &["a"]), share("c", &["a"])])).await?;
    ensure!(
        said.contains("steps b and c both write the shared key \"note\", and neither comes after the other"),
        "{said}"
    );
    let body = json!({ "phase": "echo/share" });
    let said = told(json!([{ "name": "m", "map": { "over": "[1,2]", "body": body } }])).await?;
    ensure!(said.contains("/steps/0/map/body: the items of a map run side by side"), "{said}");
    ensure!(said.contains("each would write the shared key note"), "{said}");
    Ok(())
}
