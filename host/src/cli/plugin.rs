//! `heddle plugin`: list, inspect, add, remove, schema.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use bytes::Bytes;
use clap::ArgGroup;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    access::{Access, Ask, unknown},
    client::Content,
    output,
};
use crate::{
    api::{
        plugins::{GrantList, PluginDetail, PluginList},
        uri::segment,
        wire::PluginBody,
    },
    error::{Code, Error},
    model::Manifest,
    sandbox::{Sandbox, SandboxConfig},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the plugins that new runs take
    List {
        #[command(flatten)]
        ask: Ask,
    },
    /// Show what a plugin says of itself
    Inspect {
        /// Name of a loaded plugin, or a component's file
        plugin: String,
        #[command(flatten)]
        ask: Ask,
    },
    /// Load a component; new runs take it in place of the one of the same name
    #[command(group(ArgGroup::new("component").required(true)))]
    Add {
        /// The component
        #[arg(group = "component")]
        file: Option<PathBuf>,
        /// Instead of a file: load again what heddle itself brings, after it was removed or replaced
        #[arg(long, value_name = "NAME", group = "component")]
        bundled: Option<String>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Let new runs take no plugin of that name, also after a restart
    Remove {
        /// The plugin's name
        name: String,
        #[command(flatten)]
        ask: Ask,
    },
    /// Grant a plugin a capability; without one, show what it wants and has
    Grant {
        /// The plugin's name
        name: String,
        /// The capability
        capability: Option<String>,
        /// Take it away instead
        #[arg(long, requires = "capability")]
        revoke: bool,
        #[command(flatten)]
        ask: Ask,
    },
    /// Print the JSON Schema of the manifest
    Schema,
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { ask } => {
            let plugins: PluginList = ask.call_or_make(Method::GET, "/plugins", None).await?;
            print_list(&plugins.items, ask.json)?;
        }
        Command::Inspect { plugin, ask } => {
            let detail = match Path::new(&plugin).is_file() || looks_like_a_file(&plugin) {
                true => inspect_file(Path::new(&plugin)).await?,
                false => {
                    let access = ask.open_or_make().await?;
                    let detail = inspect(&access, &plugin).await;
                    access.close().await;
                    detail?
                }
            };
            print_detail(&detail, ask.json)?;
        }
        Command::Add { file, bundled, ask } => {
            let added = match (&file, bundled) {
                (Some(file), _) => {
                    let component = Content { media_type: "application/wasm", bytes: read(file)? };
                    let added = add(&ask, "/plugins", Some(component)).await;
                    added.with_context(|| format!("{} was not loaded", file.display()))?
                }
                (None, name) => {
                    let name = name.unwrap_or_default();
                    add(&ask, &format!("/plugins?bundled={}", segment(&name)), None).await?
                }
            };
            match ask.json {
                true => output::json(&added)?,
                false => output::say(&format!("loaded {} {} ({})", added.name, added.version, added.digest))?,
            }
        }
        Command::Remove { name, ask } => {
            let path = format!("/plugins/{}", segment(&name));
            let _nothing: Value = ask.call_or_make(Method::DELETE, &path, None).await?;
            match ask.json {
                true => output::json(&json!({ "removed": name }))?,
                false => output::say(&format!("removed {name}"))?,
            }
        }
        Command::Grant { name, capability, revoke, ask } => {
            let path = format!("/plugins/{}/grants", segment(&name));
            let (method, path) = match (&capability, revoke) {
                (None, _) => (Method::GET, path),
                (Some(capability), false) => (Method::PUT, format!("{path}/{}", segment(capability))),
                (Some(capability), true) => (Method::DELETE, format!("{path}/{}", segment(capability))),
            };
            let grants: GrantList = ask.call_or_make(method, &path, None).await?;
            let list =
                |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            match ask.json {
                true => output::json(&grants)?,
                false => output::say(&format!(
                    "{name} wants {}; it was granted {}",
                    list(&grants.wanted),
                    list(&grants.granted)
                ))?,
            }
        }
        Command::Schema => output::json(&Manifest::json_schema())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn looks_like_a_file(name: &str) -> bool {
    name.contains(['/', '.'])
}

/// A component's bytes.
pub(super) fn read(file: &Path) -> anyhow::Result<Bytes> {
    let bytes =
        std::fs::read(file).with_context(|| format!("the component {} cannot be read", file.display()))?;
    Ok(bytes.into())
}

/// A plugin and its manifest.
#[derive(Serialize)]
struct Inspected {
    name: String,
    version: String,
    digest: String,
    size: u64,
    manifest: Manifest,
}

impl From<PluginDetail> for Inspected {
    fn from(PluginDetail { plugin, manifest }: PluginDetail) -> Self {
        let PluginBody { name, version, digest, size, .. } = plugin;
        Self { name, version, digest, size, manifest: manifest.0 }
    }
}

async fn inspect(access: &Access, name: &str) -> anyhow::Result<Inspected> {
    let found = access.call::<PluginDetail>(Method::GET, &format!("/plugins/{}", segment(name)), None).await;
    match found {
        Ok(detail) => Ok(detail.into()),
        Err(error) if error.downcast_ref::<Error>().is_some_and(|e| e.code() == Code::NotFound) => {
            let plugins: PluginList = access.call(Method::GET, "/plugins", None).await?;
            let names: Vec<&str> = plugins.items.iter().map(|plugin| plugin.name.as_str()).collect();
            Err(unknown("plugin", name, &names).into())
        }
        Err(error) => Err(error),
    }
}

/// What a component says of itself, without any data directory keeping it.
async fn inspect_file(file: &Path) -> anyhow::Result<Inspected> {
    let scratch = tempfile::tempdir().context("a temporary directory cannot be made")?;
    let compiler = std::env::current_exe().context("the heddle binary cannot be found")?;
    let sandbox = Sandbox::new(SandboxConfig::new(scratch.path(), compiler))?;
    let plugin = sandbox.load(read(file)?.as_ref()).await.with_context(|| file.display().to_string())?;
    let manifest = plugin.manifest().clone();
    Ok(Inspected {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        digest: plugin.digest().to_string(),
        size: plugin.size(),
        manifest,
    })
}

async fn add(ask: &Ask, path: &str, component: Option<Content>) -> anyhow::Result<PluginBody> {
    let access = ask.open_or_make().await?;
    let added = access.send(Method::POST, path, component, &[]).await;
    access.close().await;
    serde_json::from_slice(&added?).context("the answer cannot be read")
}

fn print_list(plugins: &[PluginBody], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&plugins);
    }
    if plugins.is_empty() {
        return output::say("no plugins; `heddle plugin add FILE` loads one");
    }
    let rows = plugins.iter().map(|plugin| {
        let digest = plugin.digest.get(..12).unwrap_or_default().to_owned();
        vec![
            plugin.name.clone(),
            plugin.version.clone(),
            plugin.source.clone(),
            output::bytes(plugin.size),
            digest,
        ]
    });
    output::say(&output::table(&["PLUGIN", "VERSION", "SOURCE", "SIZE", "DIGEST"], &[3], rows.collect()))
}

fn print_detail(plugin: &Inspected, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(plugin);
    }
    let manifest = &plugin.manifest;
    let mut text = format!(
        "{} {}\n{}\ndigest {}, {}",
        plugin.name,
        plugin.version,
        output::plain(&manifest.description),
        plugin.digest,
        output::bytes(plugin.size)
    );
    let wanted: Vec<String> = manifest.capabilities.iter().map(ToString::to_string).collect();
    text.push_str(&format!(
        "\nwants: {}\n\n",
        if wanted.is_empty() { "nothing".to_owned() } else { wanted.join(", ") }
    ));
    let rows = manifest.phases.iter().map(|phase| {
        let files: Vec<String> = phase
            .outputs
            .iter()
            .map(|file| format!("{}{}", if file.deliverable { "● " } else { "" }, file.file))
            .collect();
        vec![phase.name.clone(), phase.agent_type.clone(), files.join(", ")]
    });
    text.push_str(&output::table(&["PHASE", "AGENT TYPE", "FILES"], &[], rows.collect()));
    if !manifest.workflows.is_empty() {
        let rows = manifest.workflows.iter().map(|workflow| {
            vec![
                workflow.name.clone(),
                workflow.steps.len().to_string(),
                output::plain(&workflow.description),
            ]
        });
        text.push_str("\n\n");
        text.push_str(&output::table(&["WORKFLOW", "STEPS", "DESCRIPTION"], &[1], rows.collect()));
    }
    output::say(&text)
}
