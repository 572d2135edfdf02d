//! `heddle schedule`: create, list, show, enable, disable, delete, trigger.

use std::process::ExitCode;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    access::{Access, Ask, unknown},
    output, runs,
    steer::json_or_file,
};
use crate::api::wire::{RunBody, ScheduleBody, ScheduleList};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Let a workflow start by itself
    Create {
        /// Its name, unique among the schedules
        name: String,
        /// The workflow's name; each run takes its newest version
        #[arg(long)]
        workflow: String,
        /// The times: "MINUTE HOUR DAY MONTH WEEKDAY", with the second first if there are six fields, or @daily and the like
        #[arg(long, value_name = "EXPRESSION")]
        cron: String,
        /// The time zone in which they are meant (IANA), such as Europe/Berlin
        #[arg(long, value_name = "ZONE", default_value = "UTC")]
        time_zone: String,
        /// The runs' input: JSON, or @FILE
        #[arg(long, value_name = "JSON", default_value = "{}")]
        input: String,
        /// What becomes of times at which no host ran
        #[arg(long, value_parser = ["run_once", "run_all", "skip"], default_value = "run_once")]
        missed: String,
        /// Start nothing until it is enabled
        #[arg(long)]
        disabled: bool,
        #[command(flatten)]
        ask: Ask,
    },
    /// List the schedules
    List {
        #[command(flatten)]
        ask: Ask,
    },
    /// Show a schedule with its next times
    Show(One),
    /// Let a schedule start runs again, from its next time on
    Enable(One),
    /// Let a schedule start no more runs
    Disable(One),
    /// Delete a schedule; the runs that it started stay
    Delete(One),
    /// Start a schedule's run now
    Trigger(One),
}

#[derive(Debug, clap::Args)]
pub(super) struct One {
    /// The schedule's name or id
    schedule: String,
    #[command(flatten)]
    ask: Ask,
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create { name, workflow, cron, time_zone, input, missed, disabled, ask } => {
            let body = json!({
                "name": name,
                "workflow": workflow,
                "cron": cron,
                "time_zone": time_zone,
                "input": json_or_file(&input)?,
                "missed": missed,
                "enabled": !disabled,
            });
            print(&ask.call_or_make(Method::POST, "/schedules", Some(body)).await?, ask.json)?;
        }
        Command::List { ask } => {
            print_list(&ask.call(Method::GET, "/schedules", None).await?, ask.json)?;
        }
        Command::Show(one) => print(&one.call(Method::GET, "", None).await?, one.ask.json)?,
        Command::Enable(one) => {
            print(&one.call(Method::PATCH, "", Some(json!({ "enabled": true }))).await?, one.ask.json)?;
        }
        Command::Disable(one) => {
            print(&one.call(Method::PATCH, "", Some(json!({ "enabled": false }))).await?, one.ask.json)?;
        }
        Command::Delete(one) => {
            let _nothing: Value = one.call(Method::DELETE, "", None).await?;
            match one.ask.json {
                true => output::json(&json!({ "deleted": one.schedule }))?,
                false => output::say(&format!("deleted {}", one.schedule))?,
            }
        }
        Command::Trigger(one) => {
            let run: RunBody = one.call(Method::POST, "/trigger", None).await?;
            match one.ask.json {
                true => runs::print_run(&run, true)?,
                false => output::say(&format!("run {} is {}", run.run.id, run.run.state))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl One {
    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        what: &str,
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        let access = self.ask.open().await?;
        let answer = async {
            let url = self.find(&access).await?;
            access.call(method, &format!("{url}{what}"), body).await
        };
        let answer = answer.await;
        access.close().await;
        answer
    }

    /// The path of the schedule that is meant.
    async fn find(&self, access: &Access) -> anyhow::Result<String> {
        let all: ScheduleList = access.call(Method::GET, "/schedules", None).await?;
        let meant = |s: &&ScheduleBody| s.name == self.schedule || s.id == self.schedule;
        match all.items.iter().find(meant) {
            Some(found) => Ok(format!("/schedules/{}", found.id)),
            None => {
                let names: Vec<&str> = all.items.iter().map(|s| s.name.as_str()).collect();
                Err(unknown("schedule", &self.schedule, &names).into())
            }
        }
    }
}

fn print(schedule: &ScheduleBody, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(schedule);
    }
    let mut text = format!(
        "{} {:?}: {} at {:?} in {}, missed times: {}, {}",
        schedule.id,
        schedule.name,
        schedule.workflow,
        schedule.cron,
        schedule.time_zone,
        schedule.missed,
        if schedule.enabled { "enabled" } else { "disabled" }
    );
    text.push_str(&format!("\ninput: {}", output::plain(schedule.input.get())));
    for at in &schedule.upcoming {
        text.push_str(&format!("\ndue: {}", output::seconds(at)));
    }
    if let (Some(run), Some(at)) = (&schedule.last_run, &schedule.last_at) {
        text.push_str(&format!("\nlast run: {run} at {}", output::seconds(at)));
    }
    if let Some(why) = &schedule.last_error {
        text.push_str(&format!("\nthe last time that was due started nothing: {}", output::plain(why)));
    }
    output::say(&text)
}

fn print_list(list: &ScheduleList, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&list.items);
    }
    if list.items.is_empty() {
        return output::say("no schedules");
    }
    let rows = list.items.iter().map(|schedule| {
        let next = schedule.upcoming.first().map_or_else(|| "never".to_owned(), |at| output::seconds(at));
        let said = schedule.last_error.as_deref().or(schedule.last_run.as_deref()).unwrap_or_default();
        vec![
            output::plain(&schedule.name),
            schedule.workflow.clone(),
            schedule.cron.clone(),
            schedule.time_zone.clone(),
            next,
            output::plain(said).replace('\n', " "),
        ]
    });
    output::say(&output::table(
        &["SCHEDULE", "WORKFLOW", "CRON", "ZONE", "NEXT", "LAST"],
        &[],
        rows.collect(),
    ))
}
