//! The data directory: private, damaged, and what is remembered in it.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use heddle::{
    model::{Digest, TenantId, Timestamp},
    store::{PluginRow, PluginSource, Store, StoreLocation},
};
use heddle_tests::Server;

use crate::Desk;

/// Everything at and below a path that others than its owner may do something with.
fn open_to_others(path: &Path, found: &mut BTreeMap<String, u32>) -> Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        found.insert(path.display().to_string(), mode);
    }
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            open_to_others(&entry?.path(), found)?;
        }
    }
    Ok(())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn what_the_host_keeps_is_its_owners_alone_and_results_are_as_the_users_other_files() -> Result<()> {
    let desk = Desk::new();
    let data = desk.path("data");
    // As an earlier version, or `mkdir`, may have left it.
    fs::create_dir(&data)?;
    fs::set_permissions(&data, Permissions::from_mode(0o755))?;
    let server = Server::start(&data)?;
    server.load_plugin("examples/echo").await?;
    let id = server.start_run("echo_chain", serde_json::json!({ "text": "x".repeat(100_000) })).await?;
    server.finished(&id).await?;
    let mut found = BTreeMap::new();
    open_to_others(&data, &mut found)?;
    ensure!(found.is_empty(), "{found:?}");
    server.stop()?;
    fs::set_permissions(&data, Permissions::from_mode(0o755))?;
    fs::set_permissions(data.join("heddle.db"), Permissions::from_mode(0o644))?;
    let (_, said) = desk.ends(0, &["runs", "list", "--data-dir", "data"])?;
    ensure!(said.contains("others could look into the data directory"), "{said}");
    ensure!(mode(&data) == 0o700 && mode(&data.join("heddle.db")) == 0o600);

    desk.ends(0, &["run", "echo_chain", "--out", "new/out", "--data-dir", "data"])?;
    let (directory, file) = (desk.path("sample-dir"), desk.path("sample"));
    fs::create_dir(&directory)?;
    fs::write(&file, "x")?;
    for path in ["new", "new/out", "new/out/first"] {
        ensure!(mode(&desk.path(path)) == mode(&directory), "{path}: {:o}", mode(&desk.path(path)));
    }
    for path in ["new/out/run.json", "new/out/first/output.json"] {
        ensure!(mode(&desk.path(path)) == mode(&file), "{path}: {:o}", mode(&desk.path(path)));
    }

    // A directory of other things is not ours to close to others.
    fs::set_permissions(desk.home.path(), Permissions::from_mode(0o755))?;
    let (_, said) = desk.ends(2, &["serve", "--listen", "127.0.0.1:0", "--data-dir", "."])?;
    ensure!(said.contains("type: chmod 700") && mode(desk.home.path()) == 0o755, "{said}");
    Ok(())
}

#[test]
fn a_damaged_database_is_told_as_such_and_what_to_do() -> Result<()> {
    let desk = Desk::new();
    desk.ends(0, &["plugin", "list"])?;
    let database = desk.data.path().join("heddle.db");
    for _ in 0..2 {
        // What is in the log beside it would mend the header.
        let _ = fs::remove_file(desk.data.path().join("heddle.db-wal"));
        fs::OpenOptions::new().write(true).open(&database)?.write_all_at(&[0xa5; 100], 0)?;
        for arguments in [&["runs", "list"][..], &["serve", "--listen", "127.0.0.1:0"], &["token", "list"]] {
            let (_, said) = desk.ends(1, arguments)?;
            ensure!(
                said.contains("is damaged or no SQLite database") && said.contains("restore a backup"),
                "{said}"
            );
            ensure!(said.contains(&desk.data.path().display().to_string()), "{said}");
            ensure!(!said.contains("try again"), "{said}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_heddle_brings_stays_removed_also_as_a_new_version() -> Result<()> {
    let (name, bytes) =
        heddle::plugins::bundled().first().context("cargo xtask build-plugins has not run")?;
    let desk = Desk::new();
    let listed = || -> Result<Vec<(String, String)>> {
        let list = desk.json(&["plugin", "list", "--json"])?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let named = list.as_array().unwrap().iter().filter(|one| one["name"] == *name);
        Ok(named.map(|one| (text(&one["name"]), text(&one["digest"]))).collect())
    };
    let ours = (name.to_string(), Digest::of(bytes).to_string());
    ensure!(listed()? == std::slice::from_ref(&ours).to_vec());
    desk.ends(0, &["plugin", "remove", name])?;
    ensure!(listed()?.is_empty() && listed()?.is_empty(), "also when it is opened again");
    desk.ends(0, &["plugin", "add", "--bundled", name])?;
    ensure!(listed()? == std::slice::from_ref(&ours).to_vec());
    let (_, said) = desk.ends(2, &["plugin", "add", "--bundled", "nobody"])?;
    ensure!(said.contains("it brings:") && said.contains(name), "{said}");
    let (_, said) = desk.ends(2, &["plugin", "add"])?;
    ensure!(said.contains("--bundled"), "{said}");

    // A directory in which an earlier version of heddle ran, which brought another component.
    let manifest = desk.json(&["plugin", "inspect", name, "--json"])?["manifest"].to_string();
    for removed in [true, false] {
        let earlier = Desk::new();
        let store = Store::open(&StoreLocation::sqlite(earlier.data.path().join("heddle.db"))).await?;
        let tenant = TenantId::default_tenant();
        store.tenant_ensure(&tenant).await?;
        let row = PluginRow {
            digest: Digest::of("an earlier component"),
            name: name.to_string(),
            version: "0.0.1".to_owned(),
            manifest: manifest.clone(),
            size: 20,
            source: PluginSource::Bundled,
            active: true,
            created_at: Timestamp::now(),
        };
        store.tenant(&tenant).plugin_put(&row).await?;
        if removed {
            store.tenant(&tenant).plugin_deactivate(name).await?;
        }
        drop(store);
        let list = earlier.json(&["plugin", "list", "--json"])?;
        let found = list.as_array().unwrap().iter().find(|one| one["name"] == *name);
        match removed {
            true => ensure!(found.is_none(), "it stays removed: {list}"),
            false => ensure!(
                found.is_some_and(|one| one["digest"] == ours.1.as_str()),
                "the new version takes its place: {list}"
            ),
        }
    }
    Ok(())
}
