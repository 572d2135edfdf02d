//! The components' files: `<target dir>/plugins`, with `bundled.txt` naming those that the host carries.
//!
//! A file whose content would stay the same is not touched, so that nothing that depends on it is built again; one
//! that changes is replaced by a rename, so that nobody reads half of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result};

use crate::workspace::{Plugin, Workspace};

/// The list that the host's build script reads: one file name a line. The host watches this one file and those that
/// it names, so that an example that changes does not rebuild the host.
const LIST: &str = "bundled.txt";

/// Where a plugin's component goes.
pub(crate) fn path(workspace: &Workspace, plugin: &Plugin) -> PathBuf {
    folder(workspace, plugin).join(format!("{}.wasm", plugin.name))
}

/// Where its variant for wasm32-wasip2 goes; never carried by the host.
pub(crate) fn wasip2_path(workspace: &Workspace, plugin: &Plugin) -> PathBuf {
    workspace.plugins_dir().join("examples").join(format!("{}-wasip2.wasm", plugin.name))
}

fn folder(workspace: &Workspace, plugin: &Plugin) -> PathBuf {
    let plugins = workspace.plugins_dir();
    if plugin.example { plugins.join("examples") } else { plugins }
}

/// Removes components that no crate makes any more, and writes the list for the host.
///
/// # Errors
/// When a file cannot be written or removed.
pub(crate) fn finish(workspace: &Workspace, written: &[PathBuf]) -> Result<()> {
    let plugins = workspace.plugins_dir();
    for folder in [&plugins, &plugins.join("examples")] {
        remove_others(folder, written)?;
    }
    let bundled = workspace.plugins.iter().filter(|plugin| !plugin.example);
    let list: String = bundled.map(|plugin| format!("{}.wasm\n", plugin.name)).collect();
    write_if_changed(&plugins.join(LIST), list.as_bytes())?;
    Ok(())
}

fn remove_others(folder: &Path, keep: &[PathBuf]) -> Result<()> {
    let Ok(entries) = folder.read_dir() else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") && !keep.contains(&path) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Whether the file was written: not if it already has this content.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_if_changed(path: &Path, content: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(false);
    }
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let partial = path.with_extension(format!("part-{}", process::id()));
        fs::write(&partial, content)?;
        fs::rename(&partial, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{env, time::SystemTime};

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("heddle-xtask-{name}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn plugin(name: &str, example: bool) -> Plugin {
        Plugin { name: name.into(), module: format!("{name}.wasm"), example, wasip2: example }
    }

    #[test]
    fn the_same_content_is_not_written_again() {
        let folder = folder("write");
        let path = folder.join("deep/a.wasm");
        assert!(write_if_changed(&path, b"one").unwrap());
        let long_ago = SystemTime::UNIX_EPOCH;
        fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        assert!(!write_if_changed(&path, b"one").unwrap());
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), long_ago);
        assert!(write_if_changed(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(path.parent().unwrap().read_dir().unwrap().count(), 1, "no partial file stays");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_list_names_what_the_host_carries_and_old_components_go() {
        let target = folder("finish");
        let plugins = vec![plugin("echo", true), plugin("tickets", false)];
        let workspace = Workspace { root: target.clone(), target: target.clone(), plugins };
        let mut written = Vec::new();
        for plugin in &workspace.plugins {
            written.push(path(&workspace, plugin));
        }
        written.push(wasip2_path(&workspace, &workspace.plugins[0]));
        let old = target.join("plugins/gone.wasm");
        for path in written.iter().chain([&old]) {
            write_if_changed(path, b"x").unwrap();
        }
        finish(&workspace, &written).unwrap();
        assert_eq!(fs::read_to_string(target.join("plugins/bundled.txt")).unwrap(), "tickets.wasm\n");
        assert!(!old.exists());
        let expected =
            ["plugins/examples/echo.wasm", "plugins/tickets.wasm", "plugins/examples/echo-wasip2.wasm"];
        assert_eq!(written, expected.map(|name| target.join(name)));
        assert!(written.iter().all(|path| path.exists()));
        fs::remove_dir_all(&target).unwrap();
    }
}
