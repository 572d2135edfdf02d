//! `heddle approvals`, `heddle signal` and `heddle plugin grant`.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{Desk, library, step};

fn open(desk: &Desk, run: &str) -> Result<Value> {
    desk.until(run, "waiting_approval")?;
    let open = desk.json(&["approvals", "list", "--json"])?;
    let mine = open.as_array().unwrap().iter().find(|approval| approval["run_id"] == run);
    mine.cloned().context("it is not in the inbox")
}

#[test]
fn what_waits_for_a_decision_is_listed_shown_and_decided() -> Result<()> {
    let desk = Desk::new();
    let server = desk.serve()?;
    let (text, _) = desk.ends(0, &["approvals", "list"])?;
    ensure!(text.trim() == "nothing waits for a decision", "{text}");
    let run = desk.start(&library("checkpoint"), &json!({ "name": "Ann" }), &[])?;
    let approval = open(&desk, &run)?;
    let id = approval["id"].as_str().context("an id")?;
    let (text, _) = desk.ends(0, &["approvals", "list"])?;
    ensure!(text.contains(id) && text.contains("send, later, never"), "{text}");
    let (text, _) = desk.ends(0, &["approvals", "show", id])?;
    for words in ["Read it first.", "Dear Ann", "later: Not today", &format!("approvals decide {id} OPTION")]
    {
        ensure!(text.contains(words), "{words:?} is not in: {text}");
    }
    ensure!(desk.json(&["approvals", "show", id, "--json"])? == approval);
    for (more, said) in [
        (&["perhaps"][..], "none of the options: send, later, never"),
        (&["send", "--modification", r#"{"text": 5}"#], "/modification/text"),
        (&["send", "--modification", "{"], "no JSON"),
    ] {
        let err = desk.refused(&[&["approvals", "decide", id], more].concat())?;
        ensure!(err.contains(said), "{more:?}: {err}");
    }
    desk.write("other.json", r#"{"text": "Dear all"}"#);
    let decide = ["approvals", "decide", id, "send", "--feedback", "fine", "--modification", "@other.json"];
    let (text, _) = desk.ends(0, &decide)?;
    ensure!(text.contains("of checkpoint 0.1.0"), "{text}");
    desk.until(&run, "completed")?;
    ensure!(desk.json(&["runs", "output", &run])? == json!({ "sent": { "text": "Dear all" } }));
    let err = desk.refused(&decide)?;
    ensure!(err.contains("is decided: there is nothing to decide"), "{err}");
    let of_run = desk.json(&["approvals", "list", "--run", &run, "--json"])?;
    ensure!(of_run[0]["decision"]["feedback"] == "fine", "{of_run:#}");
    let (text, _) = desk.ends(0, &["approvals", "show", id])?;
    ensure!(text.contains("decided: ") && !text.contains("OPTION"), "{text}");
    let err = desk.refused(&["approvals", "show", "apr_00000000000000000000000000"])?;
    ensure!(err.contains("there is no approval"), "{err}");

    let run = desk.start(&library("checkpoint"), &json!({ "name": "Ann" }), &[])?;
    let id = open(&desk, &run)?["id"].as_str().unwrap().to_owned();
    let decided = desk.json(&["approvals", "decide", &id, "never", "--json"])?;
    ensure!(decided["id"] == run.as_str(), "{decided:#}");
    let run = desk.until(&run, "failed")?;
    ensure!(step(&run, "review")["failure"]["kind"] == "rejected", "{run:#}");
    server.stop()
}

#[test]
fn an_event_reaches_the_step_that_waits_or_is_kept() -> Result<()> {
    let desk = Desk::new();
    let server = desk.serve()?;
    let (text, _) = desk.ends(0, &["signal", "order-7-paid", "--data", r#"{"amount": 3}"#])?;
    ensure!(text.trim() == "kept; no step waits for it yet", "{text}");
    let run = desk.start(&library("wait_event"), &json!({ "order": "7" }), &["--wait"])?;
    ensure!(desk.json(&["runs", "output", &run])?["ship"]["amount"] == 3);
    let run = desk.start(&library("wait_event"), &json!({ "order": "8" }), &[])?;
    desk.until_it(&run, |run| step(run, "paid")["state"] == "waiting")?;
    desk.write("event.json", r#"{"amount": 4}"#);
    let sent = desk.json(&["signal", "order-8-paid", "--data", "@event.json", "--json"])?;
    ensure!(sent["waiting"] == 1, "{sent}");
    desk.until(&run, "completed")?;
    ensure!(desk.refused(&["signal", "x", "--data", "{"])?.contains("no JSON"));
    ensure!(desk.refused(&["signal", ""])?.contains("key"));
    server.stop()?;
    // Without a server it is kept for the next one.
    let (text, _) = desk.ends(0, &["signal", "order-9-paid", "--data", r#"{"amount": 5}"#])?;
    ensure!(text.trim() == "kept; no step waits for it yet", "{text}");
    let server = desk.serve()?;
    let run = desk.start(&library("wait_event"), &json!({ "order": "9" }), &["--wait"])?;
    ensure!(desk.json(&["runs", "output", &run])?["ship"]["amount"] == 5);
    server.stop()
}

#[test]
fn a_plugin_has_what_it_was_granted() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    let grant = |more: &[&str]| desk.ends(0, &[&["plugin", "grant", "echo"], more].concat());
    ensure!(grant(&[])?.0.trim() == "echo wants approvals; it was granted nothing");
    ensure!(grant(&["approvals"])?.0.trim() == "echo wants approvals; it was granted approvals");
    let server = desk.serve()?;
    let run = desk.start(&library("ask"), &json!({}), &[])?;
    let first = open(&desk, &run)?;
    desk.ends(0, &["approvals", "decide", first["id"].as_str().unwrap(), "approve"])?;
    desk.until(&run, "completed")?;
    let grants = desk.json(&["plugin", "grant", "echo", "approvals", "--revoke", "--json"])?;
    ensure!(grants == json!({ "wanted": ["approvals"], "granted": [] }), "{grants}");
    let run = desk.start(&library("ask"), &json!({}), &[])?;
    let run = desk.until(&run, "failed")?;
    let said = step(&run, "ask")["failure"]["message"].as_str().unwrap();
    ensure!(said.contains("approvals was not granted"), "{said}");
    for (arguments, said) in [
        (&["echo", "http"][..], "declares that it wants http"),
        (&["echo", "everything"], "everything"),
        (&["ekko", "approvals"], "there is no plugin ekko"),
        (&["echo", "--revoke"], "<CAPABILITY>"),
    ] {
        let err = desk.refused(&[&["plugin", "grant"], arguments].concat())?;
        ensure!(err.contains(said), "{arguments:?}: {err}");
    }
    let err = desk.refused(&["plugin", "inspect", "ecko"])?;
    ensure!(err.contains("did you mean \"echo\"?"), "{err}");
    server.stop()
}
