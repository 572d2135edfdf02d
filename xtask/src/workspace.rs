//! Where things are, as cargo says: the root, the target directory, the plugin crates.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::command;

/// The workspace that this program belongs to.
pub(crate) struct Workspace {
    /// The folder of the workspace's Cargo.toml.
    pub root: PathBuf,
    /// Cargo's target directory, wherever CARGO_TARGET_DIR or a configuration puts it.
    pub target: PathBuf,
    /// The crates that are plugins, sorted by name.
    pub plugins: Vec<Plugin>,
}

/// A crate that declares itself a plugin by `[package.metadata.heddle] plugin = true`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plugin {
    /// The package's name, which is also the component's file name.
    pub name: String,
    /// The file that the compiler writes, without its folder.
    pub module: String,
    /// Examples and test plugins are built, but the host does not carry them.
    pub example: bool,
    /// Built for wasm32-wasip2 as well, by `wasip2 = true`.
    pub wasip2: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    #[serde(default)]
    metadata: Option<Tables>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

#[derive(Deserialize)]
struct Tables {
    heddle: Option<Declaration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    plugin: bool,
    #[serde(default)]
    wasip2: bool,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn find() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let mut metadata = cargo();
        metadata.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(manifest);
        let output = metadata.output().context("cannot start cargo")?;
        if !output.status.success() {
            bail!("`{}` failed: {}", command::shown(&metadata), String::from_utf8_lossy(&output.stderr));
        }
        Self::from_metadata(&output.stdout)
    }

    fn from_metadata(json: &[u8]) -> Result<Self> {
        let metadata: Metadata = serde_json::from_slice(json)
            .context("cannot read what `cargo metadata` says of this workspace's crates")?;
        let examples = metadata.workspace_root.join("plugins/examples");
        let mut plugins = Vec::new();
        for package in metadata.packages {
            let Some(declaration) = package.metadata.and_then(|tables| tables.heddle) else { continue };
            if !declaration.plugin {
                continue;
            }
            let cdylib = |target: &&Target| target.crate_types.iter().any(|kind| kind == "cdylib");
            let Some(library) = package.targets.iter().find(cdylib) else {
                bail!(
                    "{} declares itself a plugin, but builds no component: add `[lib] crate-type = [\"cdylib\", \
                     \"rlib\"]` to {}",
                    package.name,
                    package.manifest_path.display()
                );
            };
            plugins.push(Plugin {
                module: format!("{}.wasm", library.name.replace('-', "_")),
                example: package.manifest_path.starts_with(&examples),
                wasip2: declaration.wasip2,
                name: package.name,
            });
        }
        plugins.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { root: metadata.workspace_root, target: metadata.target_directory, plugins })
    }

    /// Where the components are: those that the host carries here, the others in `examples/`.
    pub(crate) fn plugins_dir(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// The cargo that runs us, in this workspace.
    ///
    /// The host's build script looks for plugins in `CARGO_TARGET_DIR`, else in `target`; where a configuration file
    /// puts the target directory elsewhere, it is passed on. Otherwise not: a variable that comes and goes with the
    /// way of starting cargo would have the host built anew each time.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        if self.target != self.root.join("target") {
            command.env("CARGO_TARGET_DIR", &self.target);
        }
        command
    }

    /// Builds the host, which embeds the plugins that were built before, and says where it is.
    ///
    /// # Errors
    /// When cargo fails; it has said why.
    pub(crate) fn build_host(&self, debug: bool) -> Result<PathBuf> {
        let mut build = self.cargo();
        if debug {
            // As the tests are built, so that both share their dependencies.
            build.args(["build", "--workspace", "--bins", "--tests"]);
        } else {
            build.args(["build", "--release", "--package", "heddle", "--bin", "heddle"]);
        }
        command::run(&mut build)?;
        Ok(self.host(debug))
    }

    /// Builds what records a host's disk in tests, and says where it is. Nothing depends on it, so that nothing else builds it.
    ///
    /// # Errors
    /// When cargo fails; it has said why.
    pub(crate) fn build_disk_shim(&self) -> Result<PathBuf> {
        command::run(self.cargo().args(["build", "--package", "heddle-disk-shim"]))?;
        Ok(self.target.join("debug/libheddle_disk_shim.so"))
    }

    /// The host's binary.
    pub(crate) fn host(&self, debug: bool) -> PathBuf {
        let profile = if debug { "debug" } else { "release" };
        self.target.join(profile).join(format!("heddle{}", env::consts::EXE_SUFFIX))
    }

    /// A path for people: relative to the root where it is below it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn package(folder: &str, name: &str, kinds: &[&str], metadata: &Value) -> Value {
        json!({
            "name": name,
            "manifest_path": format!("/w/{folder}/Cargo.toml"),
            "targets": [{ "name": name, "crate_types": kinds }],
            "metadata": metadata,
        })
    }

    fn workspace(packages: &[Value]) -> Result<Workspace> {
        let json = json!({ "packages": packages, "target_directory": "/t", "workspace_root": "/w" });
        Workspace::from_metadata(json.to_string().as_bytes())
    }

    #[test]
    fn plugins_are_those_that_say_so() {
        let plugin = json!({ "heddle": { "plugin": true } });
        let both = json!({ "heddle": { "plugin": true, "wasip2": true } });
        let found = workspace(&[
            package("plugins/ticket-analysis", "ticket-analysis", &["cdylib", "rlib"], &plugin),
            package("plugins/examples/echo", "echo", &["cdylib"], &both),
            package("plugins/other", "other", &["cdylib"], &json!({ "docs.rs": {} })),
            package("host", "heddle", &["lib"], &Value::Null),
        ])
        .unwrap();
        let echo = Plugin { name: "echo".into(), module: "echo.wasm".into(), example: true, wasip2: true };
        let tickets = Plugin {
            name: "ticket-analysis".into(),
            module: "ticket_analysis.wasm".into(),
            example: false,
            wasip2: false,
        };
        assert_eq!(found.plugins, [echo, tickets]);
        assert_eq!(found.plugins_dir(), Path::new("/t/plugins"));
    }

    #[test]
    fn a_plugin_without_a_component_is_an_error_that_says_what_to_add() {
        let plugin = json!({ "heddle": { "plugin": true } });
        let error = workspace(&[package("plugins/p", "p", &["rlib"], &plugin)]).err().unwrap().to_string();
        assert!(error.contains("p declares itself a plugin") && error.contains("cdylib"), "{error}");
    }

    #[test]
    fn a_misspelt_declaration_is_an_error() {
        let misspelt = json!({ "heddle": { "plugin": true, "wasip": true } });
        let result = workspace(&[package("plugins/p", "p", &["cdylib"], &misspelt)]);
        assert!(format!("{:#}", result.err().unwrap()).contains("wasip"));
    }
}
