//! Finds the first-party plugins that the binary carries, and writes them as a table for `plugins::bundled`.
//!
//! `cargo xtask build-plugins` makes them in `<target dir>/plugins`, where `bundled.txt` lists them. The environment
//! variable `HEDDLE_BUNDLED_PLUGINS` names another folder, of which every `*.wasm` is taken. Without either the host
//! builds all the same and carries none.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=HEDDLE_BUNDLED_PLUGINS");
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    let components = match env::var_os("HEDDLE_BUNDLED_PLUGINS") {
        Some(folder) => all_in(Path::new(&folder))?,
        None => listed(&target_dir().join("plugins"))?,
    };
    let mut table = fs::File::create(Path::new(&variable("OUT_DIR")?).join("bundled_table.rs"))?;
    writeln!(table, "/// Name and bytes of each component, sorted by name.")?;
    writeln!(table, "static BUNDLED: &[(&str, &[u8])] = &[")?;
    for path in components {
        println!("cargo::rerun-if-changed={}", path.display());
        let path = fs::canonicalize(&path).map_err(|error| named(&path, &error))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        writeln!(table, "    ({name:?}, include_bytes!({:?})),", path.display().to_string())?;
    }
    writeln!(table, "];")
}

/// Every component of a folder. A folder that somebody names must be there.
fn all_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(folder).map_err(|error| named(folder, &error))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    paths.sort();
    Ok(paths)
}

/// The components that `bundled.txt` lists.
///
/// Cargo runs a build script anew at every build while a file that it watches is missing, so an empty list is made
/// where there is none. The folder is not watched itself: it also holds examples, which are none of the host's concern.
fn listed(plugins: &Path) -> io::Result<Vec<PathBuf>> {
    let list = plugins.join("bundled.txt");
    if !list.exists() {
        fs::create_dir_all(plugins)?;
        fs::write(&list, "")?;
    }
    println!("cargo::rerun-if-changed={}", list.display());
    let mut names: Vec<String> = fs::read_to_string(&list)?.lines().map(str::to_owned).collect();
    names.sort();
    Ok(names.into_iter().map(|name| plugins.join(name)).collect())
}

/// Cargo tells build scripts no target directory. Where a configuration file sets one, `cargo xtask` finds it and
/// passes it on as `CARGO_TARGET_DIR`.
fn target_dir() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root.join(folder),
        None => root.join("target"),
    }
}

fn variable(name: &str) -> io::Result<std::ffi::OsString> {
    env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo did not set {name}")))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
