//! `heddle workflow`: validate, create, list, show, delete, schema.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    access::{Access, Where},
    output,
};
use crate::{
    api::{
        uri::segment,
        workflows::{WorkflowBody, WorkflowCheck, WorkflowList},
    },
    engine::definition::parse,
    model::Workflow,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Say everything that is wrong with a definition (JSON or YAML); nothing is saved
    Validate {
        /// The definition; `-` is standard input
        file: PathBuf,
        #[command(flatten)]
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Save a version of a workflow (JSON or YAML)
    Create {
        /// The definition; `-` is standard input
        file: PathBuf,
        #[command(flatten)]
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List the workflows that a run can be started from
    List {
        #[command(flatten)]
        place: Where,
        /// Every version of this one
        #[arg(long, value_name = "NAME")]
        versions: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a definition
    Show {
        /// The workflow's name
        name: String,
        /// Which version; the newest, unless one is named
        #[arg(long)]
        version: Option<String>,
        #[command(flatten)]
        place: Where,
    },
    /// Let no new run take a workflow
    Delete {
        /// The workflow's name
        name: String,
        /// Which version; all, unless one is named
        #[arg(long)]
        version: Option<String>,
        #[command(flatten)]
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of definitions
    Schema,
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Validate { file, place, json } => return validate(&file, &place, json).await,
        Command::Create { file, place, json } => {
            let definition = read(&file)?;
            let saved: WorkflowBody =
                ask(&place, false, Method::POST, "/workflows", Some(definition)).await?;
            match json {
                true => output::json(&saved)?,
                false => {
                    let workflow = &saved.workflow.0;
                    output::say(&format!("saved {} {}", workflow.name, workflow.version))?;
                }
            }
        }
        Command::List { place, versions, json } => {
            let path = match versions {
                Some(name) => format!("/workflows/{}/versions", segment(&name)),
                None => "/workflows".to_owned(),
            };
            let list: WorkflowList = ask(&place, false, Method::GET, &path, None).await?;
            print_list(&list, json)?;
        }
        Command::Show { name, version, place } => {
            let path = of_workflow(&name, version.as_deref());
            let found: WorkflowBody = ask(&place, false, Method::GET, &path, None).await?;
            output::json(&found.workflow)?;
        }
        Command::Delete { name, version, place, json } => {
            let path = of_workflow(&name, version.as_deref());
            let _nothing: Value = ask(&place, true, Method::DELETE, &path, None).await?;
            match json {
                true => output::json(&json!({ "deleted": name, "version": version }))?,
                false => output::say(&format!("deleted {name}"))?,
            }
        }
        Command::Schema => output::json(schemars::schema_for!(Workflow).as_value())?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn validate(file: &std::path::Path, place: &Where, json: bool) -> anyhow::Result<ExitCode> {
    let definition = read(file)?;
    let check: WorkflowCheck =
        ask(place, false, Method::POST, "/workflows/validate", Some(definition)).await?;
    if json {
        output::json(&check)?;
    } else if check.valid {
        output::say(&format!("{}: it can run", file.display()))?;
    } else {
        let lines: Vec<String> = check
            .problems
            .iter()
            .map(|p| {
                format!(
                    "  {}: {}",
                    if p.path.is_empty() { "(all)" } else { &p.path },
                    output::plain(&p.message)
                )
            })
            .collect();
        output::say(&format!("{}: {} problems\n{}", file.display(), lines.len(), lines.join("\n")))?;
    }
    Ok(if check.valid { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// The document of a definition. What is no JSON or YAML, or no definition, is said here already.
fn read(file: &std::path::Path) -> anyhow::Result<Value> {
    let bytes = if file == std::path::Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("standard input")?.into_bytes()
    } else {
        std::fs::read(file).map_err(|error| {
            crate::error::Error::invalid(format!("{} cannot be read: {error}", file.display()))
        })?
    };
    let workflow = parse(&bytes).with_context(|| file.display().to_string())?;
    Ok(serde_json::to_value(workflow)?)
}

fn of_workflow(name: &str, version: Option<&str>) -> String {
    let version = version.map(|version| format!("?version={}", segment(version))).unwrap_or_default();
    format!("/workflows/{}{version}", segment(name))
}

async fn ask<T: serde::de::DeserializeOwned>(
    place: &Where,
    must_exist: bool,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> anyhow::Result<T> {
    let access: Access = place.open(must_exist).await?;
    let answer = access.call(method, path, body).await;
    access.close().await;
    answer
}

fn print_list(list: &WorkflowList, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&list.items);
    }
    let rows = list.items.iter().map(|item| {
        let workflow = &item.workflow.0;
        let source = item.plugin.as_ref().map_or_else(|| "own".to_owned(), |name| format!("plugin {name}"));
        vec![
            workflow.name.clone(),
            workflow.version.clone(),
            source,
            workflow.steps.len().to_string(),
            output::plain(&workflow.display_name),
        ]
    });
    output::say(&output::table(&["WORKFLOW", "VERSION", "FROM", "STEPS", "TITLE"], &[3], rows.collect()))
}
