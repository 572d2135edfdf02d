//! How much of everything there may be (law 5): counts, lengths, pages. Each bound says its figure, and what to do.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, both};

both!(
    events_that_nobody_takes_are_bounded_and_grow_old,
    versions_of_workflows_are_bounded,
    uploads_are_bounded,
    open_runs_are_bounded,
    schedules_are_bounded,
    tokens_are_bounded,
    answers_prompts_and_reasons_are_bounded,
    pages_and_searches_are_bounded,
    workflows_are_listed_page_by_page,
    a_run_of_many_steps_is_shown_page_by_page,
    files_are_listed_page_by_page,
    a_component_has_a_size,
);

async fn events_that_nobody_takes_are_bounded_and_grow_old(mut host: Host) -> Result<()> {
    host.restart_with(&["--bound", "signals=2", "--bound", "signal-age=5000"])?;
    let event = json!({ "key": "order-7-paid", "data": { "amount": 3 } });
    for _ in 0..2 {
        host.server().post("/signals", &event).await?;
    }
    let said = host.refused(Method::POST, "/signals", event.clone(), 409).await?;
    ensure!(said.contains("2 events wait for a step"), "{said}");
    // One that is taken makes room.
    let run = host.run("wait_event", json!({ "order": "7" })).await?;
    ensure!(host.output(&run).await?["ship"]["amount"] == 3);
    host.server().post("/signals", &event).await?;
    // What has grown old is not delivered any more, and makes room as well.
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    let late =
        host.server().post("/runs", &json!({ "workflow": "wait_event", "input": { "order": "7" } })).await?;
    let late = late["id"].as_str().context("an id")?;
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    ensure!(host.until(late, |_| true).await?.step("paid")["state"] == "waiting");
    host.server().post("/signals", &event).await?;
    ensure!(host.finished(late).await?.state() == "completed");
    Ok(())
}

fn definition(name: &str, version: &str) -> Value {
    json!({ "name": name, "version": version, "steps": [{ "name": "a", "transform": "1" }] })
}

async fn versions_of_workflows_are_bounded(mut host: Host) -> Result<()> {
    host.restart_with(&["--bound", "workflow-versions=2"])?;
    host.server().post("/workflows", &definition("one", "1.0.0")).await?;
    let said = host.refused(Method::POST, "/workflows", definition("one", "2.0.0"), 409).await?;
    ensure!(said.contains("2 versions of workflows"), "{said}");
    host.server().post("/workflows", &definition("one", "1.0.0")).await?;
    host.server().request(Method::DELETE, "/workflows/one").send().await?.error_for_status()?;
    host.refused(Method::POST, "/workflows", definition("one", "2.0.0"), 409).await?;
    // A deleted version's definition is gone, and what it was is still known.
    let mut other = definition("one", "1.0.0");
    other["steps"][0]["transform"] = json!("2");
    let said = host.refused(Method::POST, "/workflows", other, 409).await?;
    ensure!(said.contains("another definition"), "{said}");
    host.server().post("/workflows", &definition("one", "1.0.0")).await?;
    let run = host.server().post("/runs?wait=30s", &json!({ "workflow": "one" })).await?;
    ensure!(run["state"] == "completed", "{run:#}");
    Ok(())
}

async fn uploads_are_bounded(mut host: Host) -> Result<()> {
    host.restart_with(&["--bound", "uploads=1"])?;
    let upload = || host.server().request(Method::POST, "/uploads?filename=a.txt").body("x").send();
    ensure!(upload().await?.status().as_u16() == 201);
    let refused = upload().await?;
    ensure!(refused.status().as_u16() == 409);
    let said = refused.text().await?;
    ensure!(said.contains("1 uploaded files are kept"), "{said}");
    Ok(())
}

async fn open_runs_are_bounded(mut host: Host) -> Result<()> {
    host.restart_with(&["--bound", "open-runs=2"])?;
    let ended = host.run("chain", json!({ "x": 1 })).await?;
    let first = host.start_run("wait_event", json!({ "order": "1" })).await?;
    let start = json!({ "workflow": "wait_event", "input": { "order": "2" } });
    host.server().post("/runs", &start).await?;
    let said = host.refused(Method::POST, "/runs", start.clone(), 409).await?;
    ensure!(said.contains("2 runs have not ended"), "{said}");
    let again = format!("/runs/{}/steps/first/retry", ended.id());
    let said = host.refused(Method::POST, &again, json!({}), 409).await?;
    ensure!(said.contains("2 runs have not ended"), "{said}");
    let said = host.refused(Method::POST, &format!("/runs/{}/fork", ended.id()), json!({}), 409).await?;
    ensure!(said.contains("2 runs have not ended"), "{said}");
    host.steer(&first, "/cancel", json!({})).await?;
    host.steer(ended.id(), "/steps/first/retry", json!({})).await?;
    ensure!(host.finished(ended.id()).await?.state() == "completed");
    host.server().post("/runs", &start).await?;
    Ok(())
}

async fn schedules_are_bounded(mut host: Host) -> Result<()> {
    let schedule = |name: &str, input: Value| json!({ "name": name, "workflow": "part", "input": input, "cron": "0 0 1 1 *" });
    let n = json!({ "n": 1 });
    let said = host.refused(Method::POST, "/schedules", schedule(&"x".repeat(129), n.clone()), 400).await?;
    ensure!(said.contains("/name: a name has 1 to 128 bytes"), "{said}");
    let large = json!({ "n": 1, "x": "x".repeat(256 << 10) });
    let said = host.refused(Method::POST, "/schedules", schedule("s", large), 400).await?;
    ensure!(said.contains("/input: ") && said.contains("at most 262144"), "{said}");
    host.forge(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
         INSERT INTO schedules (id, tenant_id, name, workflow, input, cron, time_zone, missed, enabled, created_at)
         SELECT 'sch_000000000000000000' || (10000000 + i), 'default', 's' || i, 'part', '{}', '0 0 1 1 *', 'UTC',
                'skip', 0, 1 FROM n",
    )
    .await?;
    host.server().post("/schedules", &schedule("the last", n.clone())).await?;
    let said = host.refused(Method::POST, "/schedules", schedule("one more", n), 409).await?;
    ensure!(said.contains("there are 1000 schedules"), "{said}");
    Ok(())
}

async fn tokens_are_bounded(mut host: Host) -> Result<()> {
    let token = |name: &str| json!({ "name": name, "role": "viewer" });
    let said = host.refused(Method::POST, "/tokens", token(&"x".repeat(101)), 400).await?;
    ensure!(said.contains("1 to 100 characters"), "{said}");
    // The admin's is one of them.
    host.forge(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998)
         INSERT INTO tokens (id, tenant_id, name, hash, role, created_at)
         SELECT 'tok_000000000000000000' || (10000000 + i), 'default', 't' || i, 'h' || i, 'viewer', 1 FROM n",
    )
    .await?;
    host.server().post("/tokens", &token("the last")).await?;
    let said = host.refused(Method::POST, "/tokens", token("one more"), 409).await?;
    ensure!(said.contains("there are 1000 tokens"), "{said}");
    Ok(())
}

async fn answers_prompts_and_reasons_are_bounded(host: Host) -> Result<()> {
    let id = host.start_run("checkpoint", json!({ "name": "Ann" })).await?;
    host.until(&id, |run| run.state() == "waiting_approval").await?;
    let open = host.server().get("/approvals").await?;
    let path = format!("/approvals/{}/decide", open["items"][0]["id"].as_str().context("an approval")?);
    let large = "x".repeat((256 << 10) + 1);
    for answer in [
        json!({ "option": "send", "feedback": large }),
        json!({ "option": "send", "modification": { "text": large } }),
    ] {
        let said = host.refused(Method::POST, &path, answer, 413).await?;
        ensure!(said.contains("at most 262144 bytes each"), "{said}");
    }
    let reason = json!({ "reason": "x".repeat(4097) });
    let said = host.refused(Method::POST, &format!("/runs/{id}/steps/review/skip"), reason, 400).await?;
    ensure!(said.contains("at most 4096 bytes"), "{said}");
    let ended = host.run("chain", json!({ "x": 1 })).await?;
    let path = format!("/runs/{}/steps/first/retry", ended.id());
    let said = host.refused(Method::POST, &path, json!({ "prompt": large }), 413).await?;
    ensure!(said.contains("prompt: at most 262144 bytes"), "{said}");
    Ok(())
}

async fn pages_and_searches_are_bounded(host: Host) -> Result<()> {
    let run = host.run("chain", json!({ "x": 1 })).await?;
    let (events, steps) = (format!("/runs/{}/events", run.id()), format!("/runs/{}/steps", run.id()));
    for (path, most) in [
        ("/runs", 200),
        ("/approvals", 200),
        ("/workflows", 200),
        ("/workflows/part/versions", 200),
        (&events, 1000),
        (&steps, 500),
    ] {
        host.server().get(&format!("{path}?limit={most}")).await?;
        for limit in [0, most + 1] {
            let path = format!("{path}?limit={limit}");
            let said = host.refused(Method::GET, &path, json!(null), 400).await?;
            ensure!(said.contains(&format!("{limit} is not in 1 to {most}")), "{path}: {said}");
        }
    }
    host.server().get(&format!("/runs?search={}", "x".repeat(200))).await?;
    let said =
        host.refused(Method::GET, &format!("/runs?search={}", "x".repeat(201)), json!(null), 400).await?;
    ensure!(said.contains("201 bytes; at most 200"), "{said}");
    Ok(())
}

/// The names that all pages of a list have, and how many pages there were.
async fn pages(host: &Host, path: &str, pointer: &str) -> Result<(Vec<String>, usize)> {
    let (mut names, mut n, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = host.server().get(&format!("{path}{cursor}")).await?;
        n += 1;
        let items = page["items"].as_array().context("items")?;
        names.extend(items.iter().map(|item| item.pointer(pointer).unwrap().as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok((names, n)),
        }
    }
}

async fn workflows_are_listed_page_by_page(host: Host) -> Result<()> {
    for version in ["1.0.0", "2.0.0", "10.0.0"] {
        host.server().post("/workflows", &definition("mine", version)).await?;
    }
    let (all, once) = pages(&host, "/workflows?limit=200", "/workflow/name").await?;
    ensure!(
        once == 1 && all.contains(&"mine".to_owned()) && all.contains(&"echo_chain".to_owned()),
        "{all:?}"
    );
    ensure!(all.is_sorted(), "{all:?}");
    let (one_by_one, n) = pages(&host, "/workflows?limit=1", "/workflow/name").await?;
    ensure!(one_by_one == all && n == all.len(), "{one_by_one:?}");
    let (versions, n) = pages(&host, "/workflows/mine/versions?limit=2", "/workflow/version").await?;
    ensure!(versions == ["10.0.0", "2.0.0", "1.0.0"] && n == 2, "{versions:?}");
    // Two definitions of more than 4 MB are not on one page with a third.
    for name in ["large_a", "large_b", "large_c"] {
        let mut large = definition(name, "1.0.0");
        let ask = |i: u32| json!({ "name": format!("a{i}"), "checkpoint": { "title": "?", "message": "x".repeat(65_000) } });
        large["steps"] = (0..60).map(ask).collect();
        host.server().post("/workflows", &large).await?;
    }
    let (with_large, n) = pages(&host, "/workflows?limit=200", "/workflow/name").await?;
    ensure!(with_large.len() == all.len() + 3 && n == 2, "{n} pages: {with_large:?}");
    let listed: Value = serde_json::from_str(&host.kept.heddle(&["workflow", "list", "--json"])?)?;
    ensure!(listed.as_array().map(Vec::len) == Some(with_large.len()), "the CLI has all of them");
    Ok(())
}

async fn a_run_of_many_steps_is_shown_page_by_page(host: Host) -> Result<()> {
    let each = json!({ "name": "each", "map": { "over": "input.n", "body": { "transform": "index" } } });
    let body = json!({ "definition": { "name": "wide", "steps": [each] }, "input": { "n": vec![0; 600] } });
    let run = host.server().post("/runs", &body).await?;
    let run = host.finished(run["id"].as_str().context("an id")?).await?;
    ensure!(run.state() == "completed" && run.0["progress"] == 100.0, "{:#}", run.0["failure"]);
    ensure!(
        run.0["steps"].as_array().map(Vec::len) == Some(500)
            && run.step("each[498]")["attempts"][0]["number"] == 1
    );
    let next = run.0["steps_cursor"].as_str().context("a cursor")?;
    let rest = host.server().get(&format!("/runs/{}/steps?cursor={next}", run.id())).await?;
    ensure!(rest["items"].as_array().map(Vec::len) == Some(101) && rest.get("next_cursor").is_none());
    ensure!(
        rest["items"][0]["name"] == "each[499]" && rest["items"][100]["attempts"][0]["state"] == "completed"
    );
    let (all, n) = pages(&host, &format!("/runs/{}/steps?limit=250", run.id()), "/name").await?;
    let expected: Vec<String> =
        std::iter::once("each".to_owned()).chain((0..600).map(|i| format!("each[{i}]"))).collect();
    ensure!(all == expected && n == 3, "{n} pages: {all:?}");
    let said =
        host.refused(Method::GET, &format!("/runs/{}/steps?cursor=x", run.id()), json!(null), 400).await?;
    ensure!(said.contains("cursor: it is none"), "{said}");
    let shown: Value = serde_json::from_str(&host.kept.heddle(&["runs", "show", run.id(), "--json"])?)?;
    ensure!(shown["steps"].as_array().map(Vec::len) == Some(601), "the CLI shows all of them");
    let outputs = host.server().get(&format!("/runs/{}/outputs", run.id())).await?;
    ensure!(outputs["steps"].as_array().map(Vec::len) == Some(601), "and so do the outputs");
    Ok(())
}

async fn files_are_listed_page_by_page(host: Host) -> Result<()> {
    let upload = host.server().request(Method::POST, "/uploads?filename=a.bin").body("abc").send().await?;
    let upload: Value = upload.error_for_status()?.json().await?;
    let from = json!({ "from": "'input/a.bin'" });
    let definition = json!({ "name": "files", "files": {}, "steps": [
        { "name": "each", "map": { "over": "[1, 2, 3]", "body": { "phase": "echo/copy", "input": from } } },
        { "name": "last", "phase": "echo/copy", "input": from, "depends_on": ["each"] } ] });
    let body = json!({ "definition": definition, "files": [{ "upload": upload["id"] }] });
    let run = host.server().post("/runs", &body).await?;
    let id = run["id"].as_str().context("an id")?.to_owned();
    host.finished(&id).await?;
    host.steer(&id, "/steps/last/retry", json!({})).await?;
    host.finished(&id).await?;
    let all = host.server().get(&format!("/runs/{id}/artifacts")).await?;
    let place = |file: &Value| (file["step"].clone(), file["version"].clone(), file["latest"] == true);
    let places = |page: &Value| page["items"].as_array().into_iter().flatten().map(place).collect::<Vec<_>>();
    let of = |step: &str, version: u32, latest: bool| (json!(step), json!(version), latest);
    let each = [of("each[0]", 1, true), of("each[1]", 1, true), of("each[2]", 1, true)];
    // Of a map the items come after the steps that are there from the beginning.
    let expected = [&[of("last", 1, false), of("last", 2, true)], &each[..]].concat();
    ensure!(places(&all) == expected, "{all:#}");
    for (query, expected) in [
        ("?limit=2", expected.clone()),
        ("?limit=2&latest=true", {
            let mut latest = expected;
            latest.retain(|(_, _, latest)| *latest);
            latest
        }),
    ] {
        let mut found = Vec::new();
        let mut path = format!("/runs/{id}/artifacts{query}");
        loop {
            let page = host.server().get(&path).await?;
            ensure!(places(&page).len() <= 2, "{page:#}");
            found.extend(places(&page));
            let Some(next) = page["next_cursor"].as_str() else { break };
            path = format!("/runs/{id}/artifacts{query}&cursor={next}");
        }
        ensure!(found == expected, "{found:?}");
    }
    for (query, why) in [("limit=501", "limit: 501 is not in 1 to 500"), ("cursor=x", "cursor: it is none")] {
        let said =
            host.refused(Method::GET, &format!("/runs/{id}/artifacts?{query}"), json!(null), 400).await?;
        ensure!(said.contains(why), "{said}");
    }
    Ok(())
}

async fn a_component_has_a_size(host: Host) -> Result<()> {
    let request = host.server().request(Method::POST, "/plugins").body(vec![0; (64 << 20) + 1]);
    let response = request.send().await?;
    ensure!(response.status().as_u16() == 413);
    let said = response.text().await?;
    ensure!(said.contains("at most 67108864 bytes"), "{said}");
    Ok(())
}
