//! `heddle approvals`: what waits for somebody; and `heddle signal`, for what waits for an event.

use std::process::ExitCode;

use reqwest::Method;
use serde_json::json;

use super::{
    access::{Access, Ask},
    output, runs,
    steer::json_or_file,
};
use crate::{
    api::wire::{ApprovalBody, ApprovalPage, RunBody, SignalBody},
    model::{ApprovalId, RunId},
    store::ApprovalState,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List what waits for a decision, the oldest first
    List {
        /// Of this run, decided or not
        #[arg(long)]
        run: Option<RunId>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Show what is to be decided
    Show {
        /// The approval's id
        id: ApprovalId,
        #[command(flatten)]
        ask: Ask,
    },
    /// Decide
    Decide {
        /// The approval's id
        id: ApprovalId,
        /// The name of the option
        option: String,
        /// What is to be said about it
        #[arg(long, value_name = "TEXT")]
        feedback: Option<String>,
        /// What is to be changed: JSON, or @FILE
        #[arg(long, value_name = "JSON")]
        modification: Option<String>,
        #[command(flatten)]
        ask: Ask,
    },
}

/// An event from outside.
#[derive(Debug, clap::Args)]
pub(super) struct Signal {
    /// What sender and workflow agreed on
    key: String,
    /// What it says: JSON, or @FILE
    #[arg(long, value_name = "JSON", default_value = "null")]
    data: String,
    #[command(flatten)]
    ask: Ask,
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { run, ask } => {
            let access = ask.open().await?;
            let found = list(&access, run).await;
            access.close().await;
            print_list(&found?, ask.json)?;
        }
        Command::Show { id, ask } => {
            print(&ask.call(Method::GET, &format!("/approvals/{id}"), None).await?, ask.json)?;
        }
        Command::Decide { id, option, feedback, modification, ask } => {
            let modification = modification.as_deref().map(json_or_file).transpose()?;
            let body = json!({ "option": option, "feedback": feedback, "modification": modification });
            let run: RunBody = ask.call(Method::POST, &format!("/approvals/{id}/decide"), Some(body)).await?;
            runs::print_run(&run, ask.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn signal(signal: Signal) -> anyhow::Result<ExitCode> {
    let body = json!({ "key": signal.key, "data": json_or_file(&signal.data)? });
    let sent: SignalBody = signal.ask.call(Method::POST, "/signals", Some(body)).await?;
    match (signal.ask.json, sent.waiting) {
        (true, _) => output::json(&sent)?,
        (false, 0) => output::say("kept; no step waits for it yet")?,
        (false, _) => output::say("sent to the step that waits for it")?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(access: &Access, run: Option<RunId>) -> anyhow::Result<Vec<ApprovalBody>> {
    if let Some(run) = run {
        return access.call(Method::GET, &format!("/runs/{run}/approvals"), None).await;
    }
    let (mut found, mut path) = (Vec::new(), "/approvals?limit=200".to_owned());
    loop {
        let page: ApprovalPage = access.call(Method::GET, &path, None).await?;
        found.extend(page.items);
        match page.next_cursor {
            Some(cursor) => path = format!("/approvals?limit=200&cursor={cursor}"),
            None => return Ok(found),
        }
    }
}

fn print_list(approvals: &[ApprovalBody], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&approvals);
    }
    if approvals.is_empty() {
        return output::say("nothing waits for a decision");
    }
    let text = |value: &serde_json::Value| output::plain(value.as_str().unwrap_or_default());
    let rows = approvals.iter().map(|approval| {
        vec![
            approval.id.clone(),
            approval.run_id.clone(),
            approval.step.clone(),
            approval.state.clone(),
            options(approval).join(", "),
            text(&approval.request["title"]),
        ]
    });
    output::say(&output::table(
        &["APPROVAL", "RUN", "STEP", "STATE", "OPTIONS", "TITLE"],
        &[],
        rows.collect(),
    ))
}

fn options(approval: &ApprovalBody) -> Vec<String> {
    let options = approval.request["options"].as_array().into_iter().flatten();
    options.map(|option| output::plain(option["name"].as_str().unwrap_or_default())).collect()
}

fn print(approval: &ApprovalBody, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(approval);
    }
    let request = &approval.request;
    let mut text = format!(
        "{} ({}; step {} of {})\n{}\n",
        output::plain(request["title"].as_str().unwrap_or_default()),
        approval.state,
        approval.step,
        approval.run_id,
        output::plain(request["message"].as_str().unwrap_or_default())
    );
    for (key, heading) in [("show", "shown with it"), ("input_schema", "what may be changed")] {
        if let Some(value) = request.get(key).filter(|value| !value.is_null()) {
            text.push_str(&format!("\n{heading}:\n{}\n", serde_json::to_string_pretty(value)?));
        }
    }
    for option in request["options"].as_array().into_iter().flatten() {
        let part = |key: &str| output::plain(option[key].as_str().unwrap_or_default());
        text.push_str(&format!("\n  {}: {}", part("name"), part("label")));
    }
    if let Some(decision) = &approval.decision {
        text.push_str(&format!("\n\ndecided: {decision}"));
    }
    if approval.state == ApprovalState::Open.as_str() {
        text.push_str(&format!("\n\nheddle approvals decide {} OPTION", approval.id));
    }
    output::say(&text)
}
