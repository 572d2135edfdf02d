//! Builds the plugins: one cargo invocation for all, then a component of each module.
//!
//! All plugins share one target directory, so that what they have in common (with Debian's toolchain: even the
//! standard library) is compiled once.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

use crate::{
    bundle, command,
    toolchain::{self, Choice, Toolchain},
    workspace::{Plugin, Workspace},
};

/// Compiles every plugin to a component in `<target dir>/plugins`; files that would not change are not touched.
///
/// # Errors
/// When there is no compiler for WebAssembly, or a plugin does not compile or is no component.
pub(crate) fn build(workspace: &Workspace, choice: Choice) -> Result<()> {
    let start = Instant::now();
    let toolchain = Toolchain::get(choice, toolchain::BARE)?;
    let target_dir = workspace.target.join(toolchain.folder());
    let modules = compile(workspace, toolchain, &target_dir, toolchain::BARE, &workspace.plugins)?;
    let mut written = Vec::new();
    for plugin in &workspace.plugins {
        let module = modules.join(&plugin.module);
        let component =
            component(&module, None).with_context(|| format!("{} makes no component", plugin.name))?;
        let path = bundle::path(workspace, plugin);
        bundle::write_if_changed(&path, &component)?;
        written.push((path, component.len()));
    }
    written.extend(build_wasip2(workspace, choice)?);
    bundle::finish(workspace, &written.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>())?;
    println!("Plugins, in {:.0} s:", start.elapsed().as_secs_f64());
    for (path, bytes) in written {
        println!("  {:>6} KiB  {}", bytes.div_ceil(1024), workspace.shown(&path));
    }
    Ok(())
}

/// The variants with WASI, which show that such components load too. Where nothing compiles them they are left out: the
/// tests that need them then fail, and say so.
fn build_wasip2(workspace: &Workspace, choice: Choice) -> Result<Vec<(PathBuf, usize)>> {
    let plugins: Vec<Plugin> = workspace.plugins.iter().filter(|plugin| plugin.wasip2).cloned().collect();
    if plugins.is_empty() {
        return Ok(Vec::new());
    }
    let toolchain = match Toolchain::get(choice, toolchain::WASIP2) {
        Ok(toolchain) => toolchain,
        Err(reason) => {
            println!("Not built: the {} variants, since {reason:#}.", toolchain::WASIP2);
            return Ok(Vec::new());
        }
    };
    let target_dir = workspace.target.join(toolchain.folder());
    let built = compile(workspace, toolchain, &target_dir, toolchain::WASIP2, &plugins)?;
    let mut written = Vec::new();
    for plugin in &plugins {
        let module = built.join(&plugin.module);
        let component = if toolchain.links_components() {
            read(&module)?
        } else {
            component(&module, Some(WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER))
                .with_context(|| format!("{} makes no component for {}", plugin.name, toolchain::WASIP2))?
        };
        let path = bundle::wasip2_path(workspace, plugin);
        bundle::write_if_changed(&path, &component)?;
        written.push((path, component.len()));
    }
    Ok(written)
}

/// Compiles the plugins for `target` and says in which folder the modules are.
fn compile(
    workspace: &Workspace,
    toolchain: Toolchain,
    target_dir: &Path,
    target: &str,
    plugins: &[Plugin],
) -> Result<PathBuf> {
    if plugins.is_empty() {
        bail!("no crate of this workspace declares `[package.metadata.heddle] plugin = true`");
    }
    let mut build = toolchain.cargo_build(target);
    build.current_dir(&workspace.root).args(["--profile", "guest", "--lib"]);
    for plugin in plugins {
        build.args(["--package", &plugin.name]);
    }
    isolate(&mut build, workspace, target_dir, &toolchain.flags(target));
    let names: Vec<&str> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    println!("Compiling to {target}, 1 to 4 minutes the first time: {}", names.join(", "));
    command::run(&mut build)?;
    Ok(target_dir.join(target).join("guest"))
}

/// The same bytes on every machine: no paths of this one in panic messages, no flags meant for the host's code.
fn isolate(build: &mut Command, workspace: &Workspace, target_dir: &Path, more: &[String]) {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_default();
    let mut flags = OsString::new();
    for (from, to) in
        [(home.as_path(), "/cargo"), (target_dir, "/target"), (workspace.root.as_path(), "/heddle")]
    {
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    for flag in more {
        flags.push("\u{1f}");
        flags.push(flag);
    }
    build.env("CARGO_ENCODED_RUSTFLAGS", flags).env("CARGO_TARGET_DIR", target_dir);
    build.env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
}

/// Makes a component of a core module whose custom sections say which world it is written against; `adapter` translates
/// what it calls of the first WASI.
fn component(module: &Path, adapter: Option<&[u8]>) -> Result<Vec<u8>> {
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&read(module)?)?;
    if let Some(adapter) = adapter {
        encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter)?;
    }
    encoder.encode()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
