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

use super::{
    access::{Access, Where, unknown},
    output,
};
use crate::{
    api::{
        plugins::{GrantList, PluginDetail, PluginList},
        uri::segment,
        wire::{Manifest as ManifestBody, PluginBody},
    },
    error::Code,
    model::Manifest,
    sandbox::{Sandbox, SandboxConfig},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the plugins that new runs take
    List {
        #[command(flatten)]
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what a plugin says of itself
    Inspect {
        /// Name of a loaded plugin, or a component's file
        plugin: String,
        #[command(flatten)]
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
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
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Let new runs take no plugin of that name, also after a restart
    Remove {
        /// The plugin's name
        name: String,
        #[command(flatten)]
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
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
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the manifest
    Schema,
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { place, json } => {
            let access = place.open(false).await?;
            let plugins = list(&access).await;
            access.close().await;
            print_list(&plugins?, json)?;
        }
        Command::Inspect { plugin, place, json } => {
            let detail = if Path::new(&plugin).is_file() || looks_like_a_file(&plugin) {
                inspect_file(Path::new(&plugin)).await?
            } else {
                let access = place.open(false).await?;
                let detail = inspect(&access, &plugin).await;
                access.close().await;
                detail?
            };
            print_detail(&detail, json)?;
        }
        Command::Add { file, bundled, place, json } => {
            let component = match (&file, bundled) {
                (Some(file), _) => Component::Bytes(read(file)?),
                (None, name) => Component::Bundled(name.unwrap_or_default()),
            };
            let access = place.open(false).await?;
            let added = add(&access, component).await;
            access.close().await;
            let added = match file {
                Some(file) => added.with_context(|| format!("{} was not loaded", file.display()))?,
                None => added?,
            };
            match json {
                true => output::json(&added)?,
                false => output::say(&format!("loaded {} {} ({})", added.name, added.version, added.digest))?,
            }
        }
        Command::Remove { name, place, json } => {
            let access = place.open(false).await?;
            let removed = remove(&access, &name).await;
            access.close().await;
            removed?;
            match json {
                true => output::json(&serde_json::json!({ "removed": name }))?,
                false => output::say(&format!("removed {name}"))?,
            }
        }
        Command::Grant { name, capability, revoke, place, json } => {
            let access = place.open(false).await?;
            let path = format!("/plugins/{}/grants", segment(&name));
            let grants = match (&capability, revoke) {
                (None, _) => access.call(Method::GET, &path, None).await,
                (Some(capability), revoke) => {
                    let method = if revoke { Method::DELETE } else { Method::PUT };
                    access.call(method, &format!("{path}/{}", segment(capability)), None).await
                }
            };
            access.close().await;
            let grants: GrantList = grants?;
            let list =
                |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            match json {
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

async fn list(access: &Access) -> anyhow::Result<Vec<PluginBody>> {
    match access {
        Access::Local(local) => Ok(local.tenant.plugins().await?.into_iter().map(Into::into).collect()),
        Access::Remote(client) => Ok(client.get::<PluginList>("/plugins").await?.items),
    }
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
    match access {
        Access::Local(local) => match local.tenant.plugin(name).await {
            Ok((row, manifest)) => {
                let manifest = ManifestBody((*manifest).clone());
                Ok(PluginDetail { plugin: row.into(), manifest }.into())
            }
            Err(error) if error.code() == Code::NotFound => {
                let plugins = local.tenant.plugins().await?;
                let names: Vec<&str> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
                Err(unknown("plugin", name, &names).into())
            }
            Err(error) => Err(error.into()),
        },
        Access::Remote(client) => {
            Ok(client.get::<PluginDetail>(&format!("/plugins/{}", segment(name))).await?.into())
        }
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

/// What is loaded.
enum Component {
    Bytes(Bytes),
    /// By its name: heddle itself brings it.
    Bundled(String),
}

async fn add(access: &Access, component: Component) -> anyhow::Result<PluginBody> {
    match (access, component) {
        (Access::Local(local), Component::Bytes(bytes)) => Ok(local.tenant.plugin_add(bytes).await?.into()),
        (Access::Local(local), Component::Bundled(name)) => {
            Ok(local.tenant.plugin_add_bundled(&name).await?.into())
        }
        (Access::Remote(client), Component::Bytes(bytes)) => client.post("/plugins", bytes.into()).await,
        (Access::Remote(client), Component::Bundled(name)) => {
            client.post(&format!("/plugins?bundled={}", segment(&name)), Vec::new()).await
        }
    }
}

async fn remove(access: &Access, name: &str) -> anyhow::Result<()> {
    match access {
        Access::Local(local) => Ok(local.tenant.plugin_remove(name).await?),
        Access::Remote(client) => client.delete(&format!("/plugins/{}", segment(name))).await,
    }
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
