//! Rollbacks of what contains other steps: all that was inside comes back with it, and nothing else stays.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, Run, both};

both!(
    a_map_is_rolled_back_with_its_items,
    a_map_has_as_many_items_again_as_it_had,
    a_loop_is_rolled_back_with_its_rounds_and_what_they_share,
    a_part_takes_the_way_again_that_it_had_taken,
    files_deep_inside_come_back,
    what_had_failed_inside_has_failed_again,
    a_rollback_in_a_paused_run_brings_back_what_is_inside,
    what_cannot_be_brought_back_is_refused,
    a_rollback_brings_back_so_much_at_the_most,
);

/// Every step with its state, its output, and why it was skipped or failed; and the latest version of each file.
type Whole = BTreeMap<String, Value>;

async fn whole(host: &Host, run: &Run) -> Result<Whole> {
    let mut whole = Whole::new();
    for step in run.0["steps"].as_array().unwrap() {
        let name = step["name"].as_str().unwrap();
        let made = match step["output_digest"].is_string() {
            true => host.step_output(run, name).await?,
            false => Value::Null,
        };
        let why = json!([step["reason"], step["failure"]["message"]]);
        whole.insert(name.to_owned(), json!({ "state": step["state"], "made": made, "why": why }));
    }
    let files = host.server().get(&format!("/runs/{}/artifacts", run.id())).await?;
    for file in files["items"].as_array().unwrap().iter().filter(|file| file["latest"] == true) {
        let name = format!("{}: {}", file["step"].as_str().unwrap(), file["name"].as_str().unwrap());
        whole.insert(name, file["digest"].clone());
    }
    Ok(whole)
}

/// Run a definition to its end.
async fn start(host: &Host, steps: Value, more: Value) -> Result<Run> {
    let mut definition = json!({ "name": "x", "files": { "accept": [] }, "steps": steps });
    if more.get("files").is_none() {
        definition.as_object_mut().unwrap().remove("files");
    }
    let mut body = json!({ "definition": definition });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let run = host.server().post("/runs", &body).await?;
    host.finished(run["id"].as_str().unwrap()).await
}

async fn retry(host: &Host, id: &str, step: &str, input: Value) -> Result<Run> {
    let step = step.replace('/', "%2F").replace('[', "%5B").replace(']', "%5D");
    let body = if input.is_null() { json!({}) } else { json!({ "input": input }) };
    host.steer(id, &format!("/steps/{step}/retry"), body).await?;
    host.finished(id).await
}

/// Roll a step back. The run is then what it was, also for whoever takes it up anew, verifies it, or forks it.
async fn comes_back(host: &mut Host, id: &str, step: &str, attempt: u32, was: &Whole) -> Result<()> {
    host.steer(id, &format!("/steps/{step}/rollback"), json!({ "attempt": attempt })).await?;
    host.crash()?;
    let run = host.finished(id).await?;
    same(&whole(host, &run).await?, was, &format!("{step} at {attempt}"))?;
    verified(host, id).await?;
    let fork = host.steer(id, "/fork", json!({ "step": "z" })).await?;
    let fork = host.finished(fork.id()).await?;
    verified(host, fork.id()).await?;
    same(&whole(host, &fork).await?, was, "in a fork")
}

async fn verified(host: &Host, id: &str) -> Result<()> {
    let found = host.server().post(&format!("/runs/{id}/verify"), &json!({})).await?;
    ensure!(found["verified"] == true, "{found:#}");
    Ok(())
}

fn same(found: &Whole, was: &Whole, what: &str) -> Result<()> {
    let names = found.keys().chain(was.keys());
    let differs: Vec<_> = names.filter(|name| found.get(*name) != was.get(*name)).collect();
    let shown = |name: &String| format!("{name}: {:?} instead of {:?}", found.get(name), was.get(name));
    ensure!(differs.is_empty(), "{what}: {:#?}", differs.into_iter().map(shown).collect::<Vec<_>>());
    Ok(())
}

/// A step that depends on all that is before it.
fn after(step: &str) -> Value {
    json!({ "name": "z", "phase": "echo/echo", "input": { "saw": format!("steps.{step}.output") } })
}

async fn a_map_is_rolled_back_with_its_items(mut host: Host) -> Result<()> {
    let body = json!({ "phase": "echo/echo", "input": { "i": "item" } });
    let map = json!({ "name": "m", "map": { "over": "[1, 2, 3]", "body": body } });
    let run = start(&host, json!([map, after("m")]), json!({})).await?;
    let id = run.id().to_owned();
    let first = whole(&host, &run).await?;
    let second = whole(&host, &retry(&host, &id, "m[1]", json!({ "i": 77 })).await?).await?;
    let third = whole(&host, &retry(&host, &id, "m[2]", json!({ "i": 88 })).await?).await?;
    ensure!(second["m[1]"]["made"]["input"]["i"] == 77 && third["m[2]"]["made"]["input"]["i"] == 88);
    for (attempt, was) in [(1, &first), (3, &third), (2, &second), (1, &first)] {
        comes_back(&mut host, &id, "m", attempt, was).await?;
    }
    // The edits of later attempts went with them.
    let run = retry(&host, &id, "m", json!(null)).await?;
    same(&whole(&host, &run).await?, &first, "done again")?;
    comes_back(&mut host, &id, "m", 3, &third).await?;
    // And those of the attempt are there again.
    let run = retry(&host, &id, "m", json!(null)).await?;
    same(&whole(&host, &run).await?, &third, "done again as it was edited")
}

async fn a_map_has_as_many_items_again_as_it_had(mut host: Host) -> Result<()> {
    let list = json!({ "name": "a", "phase": "echo/echo", "input": "input" });
    let body = json!({ "phase": "echo/echo", "input": { "i": "item", "at": "index" } });
    let map = json!({ "name": "m", "map": { "over": "steps.a.output.input.of", "body": body } });
    let run = start(&host, json!([list, map, after("m")]), json!({ "input": { "of": [5, 6] } })).await?;
    let id = run.id().to_owned();
    // What is before the map is not rolled back with it.
    let inside = |mut whole: Whole| {
        whole.remove("a");
        whole
    };
    let mut seen = vec![inside(whole(&host, &run).await?)];
    for of in [json!([7]), json!([]), json!([5, 8, 9, 10])] {
        let run = retry(&host, &id, "a", json!({ "of": of })).await?;
        ensure!(run.has_step("m[0]") != (of == json!([])), "{run:?}");
        seen.push(inside(whole(&host, &run).await?));
    }
    for attempt in [1, 4, 2, 3, 1] {
        host.steer(&id, "/steps/m/rollback", json!({ "attempt": attempt })).await?;
        host.crash()?;
        let run = host.finished(&id).await?;
        same(&inside(whole(&host, &run).await?), &seen[attempt - 1], &format!("attempt {attempt}"))?;
        verified(&host, &id).await?;
    }
    // It goes through what is before it, if it is done again.
    let run = retry(&host, &id, "m", json!(null)).await?;
    same(&inside(whole(&host, &run).await?), &seen[3], "done again")
}

async fn a_loop_is_rolled_back_with_its_rounds_and_what_they_share(mut host: Host) -> Result<()> {
    let repeat = json!({ "max_iterations": 4, "until": "previous.before == 1",
        "on_limit": "continue", "body": { "phase": "echo/share", "input": { "set": "index" } } });
    let steps = json!([{ "name": "l", "loop": repeat },
                       { "name": "z", "phase": "echo/share", "depends_on": ["l"], "input": {} }]);
    let run = start(&host, steps, json!({})).await?;
    let id = run.id().to_owned();
    let first = whole(&host, &run).await?;
    ensure!(first.contains_key("l[2]") && first["z"]["made"]["before"] == 2, "{first:#?}");
    // It ends a round earlier, and then later.
    let second = whole(&host, &retry(&host, &id, "l[0]", json!({ "set": 1 })).await?).await?;
    ensure!(!second.contains_key("l[2]") && second["z"]["made"]["before"] == 1, "{second:#?}");
    let third = whole(&host, &retry(&host, &id, "l[0]", json!({ "set": 9 })).await?).await?;
    let fourth = whole(&host, &retry(&host, &id, "l[1]", json!({ "set": 8 })).await?).await?;
    ensure!(fourth.contains_key("l[3]") && fourth["z"]["made"]["before"] == 3, "{fourth:#?}");
    for (attempt, was) in [(2, &second), (1, &first), (4, &fourth), (3, &third), (1, &first)] {
        comes_back(&mut host, &id, "l", attempt, was).await?;
    }
    let run = retry(&host, &id, "l", json!(null)).await?;
    same(&whole(&host, &run).await?, &first, "done again")
}

async fn a_part_takes_the_way_again_that_it_had_taken(mut host: Host) -> Result<()> {
    let ways = json!({ "name": "ways", "input_schema": { "type": "object" }, "steps": [
        { "name": "look", "phase": "echo/echo", "input": { "n": "input.n" } },
        { "name": "is_large", "condition": "steps.look.output.input.n >= 10" },
        { "name": "by_hand", "depends_on": ["is_large.true"], "phase": "echo/echo", "input": { "by": "'hand'" } },
        { "name": "by_rule", "depends_on": ["is_large.false"], "map": { "over": "[1, 2]",
            "body": { "phase": "echo/echo", "input": { "by": "item" } } } },
        { "name": "either", "depends_on": ["by_hand", "by_rule"], "join": {} } ] });
    host.server().post("/workflows", &ways).await?;
    let part = json!({ "name": "p", "workflow": { "name": "ways" }, "input": { "n": "3" } });
    let run = start(&host, json!([part, after("p")]), json!({})).await?;
    let id = run.id().to_owned();
    let first = whole(&host, &run).await?;
    ensure!(run.states(&["p/by_hand", "p/by_rule", "p/by_rule[1]"]) == ["skipped", "completed", "completed"]);
    let run = retry(&host, &id, "p/look", json!({ "n": 30 })).await?;
    ensure!(run.states(&["p/by_hand", "p/by_rule"]) == ["completed", "skipped"], "{run:?}");
    let second = whole(&host, &run).await?;
    for (attempt, was) in [(1, &first), (2, &second), (1, &first)] {
        comes_back(&mut host, &id, "p", attempt, was).await?;
    }
    // The way is still the one that was taken when something else inside is done again.
    let run = retry(&host, &id, "p/by_rule[1]", json!({ "by": 20 })).await?;
    ensure!(run.states(&["p/by_hand", "p/by_rule"]) == ["skipped", "completed"], "{run:?}");
    ensure!(
        host.step_output(&run, "z").await?["input"]["saw"]["either"]["by_rule"]["results"][1]["input"]["by"]
            == 20
    );
    Ok(())
}

async fn files_deep_inside_come_back(mut host: Host) -> Result<()> {
    let mut files = Vec::new();
    for (name, text) in [("a.txt", "hello"), ("b.txt", "good-bye")] {
        let upload = host.server().request(Method::POST, &format!("/uploads?filename={name}")).body(text);
        let upload: Value = upload.send().await?.error_for_status()?.json().await?;
        files.push(json!({ "upload": upload["id"] }));
    }
    let copies = json!({ "name": "copies", "input_schema": { "type": "object" }, "steps": [
        { "name": "each", "map": { "over": "input.n == 1 ? [1] : [1, 2]",
            "body": { "phase": "echo/copy", "input": { "from": "'input/a.txt'" } } } },
        { "name": "note", "depends_on": ["each"], "phase": "echo/echo", "input": { "n": "input.n" } } ] });
    host.server().post("/workflows", &copies).await?;
    let body = json!({ "workflow": { "name": "copies" }, "input": { "n": "item" } });
    let map = json!({ "name": "m", "map": { "over": "[1, 2]", "body": body } });
    let run = start(&host, json!([map, after("m")]), json!({ "files": files })).await?;
    let id = run.id().to_owned();
    let first = whole(&host, &run).await?;
    let other = json!({ "from": "input/b.txt" });
    let second = whole(&host, &retry(&host, &id, "m[1]/each[0]", other).await?).await?;
    let file = "m[1]/each[0]: copy.bin";
    ensure!(first[file] != second[file] && first[file] == second["m[1]/each[1]: copy.bin"], "{second:#?}");
    for (attempt, was) in [(1, &first), (2, &second), (1, &first)] {
        comes_back(&mut host, &id, "m", attempt, was).await?;
    }
    Ok(())
}

async fn what_had_failed_inside_has_failed_again(mut host: Host) -> Result<()> {
    let tries = json!({ "name": "tries", "input_schema": { "type": "object" }, "steps": [
        { "name": "try", "phase": "echo/end", "input": { "how": "input.how", "message": "'no'" },
          "retry": { "max_attempts": 1 } },
        { "name": "note", "depends_on": ["try"], "phase": "echo/echo", "input": { "how": "input.how" } } ] });
    host.server().post("/workflows", &tries).await?;
    let body = json!({ "workflow": { "name": "tries" }, "input": { "how": "item" } });
    let map = json!({ "name": "m", "map": {
        "over": "['completed', 'failed', 'skipped', 'completed']", "max_failures": 1, "body": body } });
    let run = start(&host, json!([map, after("m")]), json!({})).await?;
    let id = run.id().to_owned();
    let first = whole(&host, &run).await?;
    ensure!(
        run.states(&["m", "m[1]", "m[1]/try", "m[1]/note"]) == ["completed", "failed", "failed", "skipped"]
    );
    let second = whole(&host, &retry(&host, &id, "m[1]/try", json!({ "how": "completed" })).await?).await?;
    ensure!(second["m[1]/note"]["state"] == "completed", "{second:#?}");
    let bad = json!({ "how": "failed", "message": "not this time" });
    let third = whole(&host, &retry(&host, &id, "m[3]/try", bad).await?).await?;
    ensure!(third["m[3]"]["state"] == "failed" && third["m[1]"]["state"] == "completed", "{third:#?}");
    for (attempt, was) in [(1, &first), (3, &third), (2, &second), (1, &first)] {
        comes_back(&mut host, &id, "m", attempt, was).await?;
    }
    // In a fork as well, which has no other attempts than those that count.
    let fork = host.steer(&id, "/fork", json!({ "step": "m" })).await?;
    let fork = host.finished(fork.id()).await?;
    retry(&host, fork.id(), "m[1]/try", json!({ "how": "completed" })).await?;
    comes_back(&mut host, fork.id(), "m", 1, &first).await
}

async fn a_rollback_in_a_paused_run_brings_back_what_is_inside(mut host: Host) -> Result<()> {
    let body = json!({ "phase": "echo/echo", "input": { "i": "item" } });
    let map = json!({ "name": "m", "map": { "over": "[1, 2]", "body": body } });
    let hold = json!({ "name": "hold", "wait": { "event": "'never'" } });
    let definition = json!({ "name": "x", "steps": [map, after("m"), hold] });
    let run = host.server().post("/runs", &json!({ "definition": definition })).await?;
    let id = run["id"].as_str().unwrap().to_owned();
    let done = |run: &Run, n: u64| run.step("z")["state"] == "completed" && run.step("z")["attempt"] == n;
    let first = whole(&host, &host.until(&id, |run| done(run, 1)).await?).await?;
    host.steer(&id, "/steps/m%5B0%5D/retry", json!({ "input": { "i": 40 } })).await?;
    host.until(&id, |run| done(run, 2)).await?;
    host.steer(&id, "/pause", json!({})).await?;
    let run = host.steer(&id, "/steps/m/rollback", json!({ "attempt": 1 })).await?;
    ensure!(
        run.state() == "paused" && run.states(&["m", "m[0]", "z"]) == ["completed", "completed", "paused"]
    );
    ensure!(host.step_output(&run, "m[0]").await?["input"]["i"] == 1, "{run:?}");
    host.crash()?;
    host.steer(&id, "/resume", json!({})).await?;
    let run = host.until(&id, |run| done(run, 3)).await?;
    same(&whole(&host, &run).await?, &first, "after it went on")
}

async fn what_cannot_be_brought_back_is_refused(mut host: Host) -> Result<()> {
    let body = json!({ "phase": "echo/echo", "input": { "i": "item" } });
    let map = json!({ "name": "m", "map": { "over": "[1, 2]", "body": body } });
    let run = start(&host, json!([map, after("m")]), json!({})).await?;
    let id = run.id().to_owned();
    retry(&host, &id, "m[0]", json!({ "i": 3 })).await?;
    let path = |step: &str| format!("/runs/{id}/steps/{step}/rollback");
    let to = json!({ "attempt": 1 });
    let said = host.refused(Method::POST, &path("m%5B0%5D"), to.clone(), 409).await?;
    ensure!(said.contains("it is inside step m"), "{said}");
    host.forge("UPDATE attempts SET inside = NULL").await?;
    let said = host.refused(Method::POST, &path("m"), to, 409).await?;
    ensure!(said.contains("attempt 1 at step m is from before"), "{said}");
    let run = host.finished(&id).await?;
    ensure!(run.attempts(&["m"]) == [2] && host.step_output(&run, "m[0]").await?["input"]["i"] == 3);
    Ok(())
}

async fn a_rollback_brings_back_so_much_at_the_most(host: Host) -> Result<()> {
    let map = json!({ "name": "m", "map": { "over": "[1, 2, 3]", "body": { "phase": "echo/noop" } } });
    let run = start(&host, json!([map, after("m")]), json!({})).await?;
    let id = run.id().to_owned();
    // What was edited of its items is of 18 MiB, and then gone.
    for input in [json!("x".repeat(6 << 20)), json!(null)] {
        for item in ["m[0]", "m[1]", "m[2]"] {
            retry(&host, &id, item, input.clone()).await?;
        }
    }
    let path = format!("/runs/{id}/steps/m/rollback");
    let said = host.refused(Method::POST, &path, json!({ "attempt": 4 }), 409).await?;
    ensure!(said.contains("at most 16777216"), "{said}");
    host.steer(&id, "/steps/m/rollback", json!({ "attempt": 3 })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.state() == "completed", "{run:?}");
    verified(&host, &id).await
}
