//! `heddle workflow`: validate, create, list, show, delete, schema.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::{access::Ask, client::Content, output};
use crate::{
    api::{
        uri::segment,
        workflows::{WorkflowBody, WorkflowCheck, WorkflowList},
    },
    engine::definition::parse,
    error::Error,
    model::Workflow,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Say everything that is wrong with a definition (JSON or YAML); nothing is saved
    Validate {
        /// The definition; `-` is standard input
        file: PathBuf,
        #[command(flatten)]
        ask: Ask,
    },
    /// Save a version of a workflow (JSON or YAML)
    Create {
        /// The definition; `-` is standard input
        file: PathBuf,
        #[command(flatten)]
        ask: Ask,
    },
    /// List the workflows that a run can be started from
    List {
        /// Every version of this one
        #[arg(long, value_name = "NAME")]
        versions: Option<String>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Show a definition
    Show {
        /// The workflow's name
        name: String,
        /// Which version; the newest, unless one is named
        #[arg(long)]
        version: Option<String>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Let no new run take a workflow
    Delete {
        /// The workflow's name
        name: String,
        /// Which version; all, unless one is named
        #[arg(long)]
        version: Option<String>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Print the JSON Schema of definitions
    Schema,
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Validate { file, ask } => return validate(&file, &ask).await,
        Command::Create { file, ask } => {
            let definition = read(&file)?;
            let saved: WorkflowBody = ask.call_or_make(Method::POST, "/workflows", Some(definition)).await?;
            match ask.json {
                true => output::json(&saved)?,
                false => {
                    let workflow = &saved.workflow.0;
                    output::say(&format!("saved {} {}", workflow.name, workflow.version))?;
                }
            }
        }
        Command::List { versions, ask } => {
            let path = match versions {
                Some(name) => format!("/workflows/{}/versions", segment(&name)),
                None => "/workflows".to_owned(),
            };
            print_list(&all(&ask, &path).await?, ask.json)?;
        }
        Command::Show { name, version, ask } => {
            let path = of_workflow(&name, version.as_deref());
            let found: WorkflowBody = ask.call_or_make(Method::GET, &path, None).await?;
            output::json(&found.workflow)?;
        }
        Command::Delete { name, version, ask } => {
            let path = of_workflow(&name, version.as_deref());
            let _nothing: Value = ask.call(Method::DELETE, &path, None).await?;
            let which = version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
            match ask.json {
                true => output::json(&json!({ "deleted": name, "version": version }))?,
                false => output::say(&format!("deleted {name}{which}"))?,
            }
        }
        Command::Schema => output::json(schemars::schema_for!(Workflow).as_value())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// All pages of a list, as one.
async fn all(ask: &Ask, path: &str) -> anyhow::Result<WorkflowList> {
    let access = ask.open_or_make().await?;
    let pages = async {
        let mut list: WorkflowList = access.call(Method::GET, path, None).await?;
        while let Some(cursor) = list.next_cursor.take() {
            let path = format!("{path}?cursor={}", segment(&cursor));
            let page: WorkflowList = access.call(Method::GET, &path, None).await?;
            list.items.extend(page.items);
            list.next_cursor = page.next_cursor;
        }
        Ok(list)
    };
    let list = pages.await;
    access.close().await;
    list
}

async fn validate(file: &std::path::Path, ask: &Ask) -> anyhow::Result<ExitCode> {
    let definition = Content { media_type: "application/yaml", bytes: bytes(file)?.into() };
    let access = ask.open_or_make().await?;
    let answer = access.send(Method::POST, "/workflows/validate", Some(definition), &[]).await;
    access.close().await;
    let check: WorkflowCheck = serde_json::from_slice(&answer?).context("the answer cannot be read")?;
    if ask.json {
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
        let count =
            if lines.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", lines.len()) };
        output::say(&format!("{}: {count}\n{}", file.display(), lines.join("\n")))?;
    }
    Ok(if check.valid { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// The document of a definition. What is no JSON or YAML, or no definition, is said here already.
fn read(file: &std::path::Path) -> anyhow::Result<Value> {
    let workflow = parse(&bytes(file)?).with_context(|| file.display().to_string())?;
    Ok(serde_json::to_value(workflow)?)
}

fn bytes(file: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    if file == std::path::Path::new("-") {
        return Ok(std::io::read_to_string(std::io::stdin()).context("standard input")?.into_bytes());
    }
    let unread = |error| Error::invalid(format!("{} cannot be read: {error}", file.display()));
    Ok(std::fs::read(file).map_err(unread)?)
}

fn of_workflow(name: &str, version: Option<&str>) -> String {
    let version = version.map(|version| format!("?version={}", segment(version))).unwrap_or_default();
    format!("/workflows/{}{version}", segment(name))
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
