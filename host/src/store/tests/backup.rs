//! What comes out of one database goes into another, and comes out of it the same.

use std::collections::BTreeMap;

use heddle_test_postgres::Database;
use tokio::sync::mpsc;

use super::{
    World, both, commit, created,
    samples::{full, tenant},
};
use crate::{
    model::{Digest, HostId, TenantId, Timestamp, TokenId},
    store::{
        Import, Store, StoreError, StoreLocation, TABLES, TokenRow,
        database::{Connector, Pool},
        read::Record,
    },
};

both!(every_table_is_in_a_backup, all_rows_go_from_one_database_to_another, what_does_not_fit_is_refused);

async fn every_table_is_in_a_backup(world: &World) {
    let mut connection = Connector::new(&world.location).connect().await.unwrap();
    let sql = match world.store.readers {
        Pool::Sqlite(_) => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'"
        }
        Pool::Postgres(_) => {
            "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables
             WHERE table_schema = current_schema() AND table_name <> '_sqlx_migrations'"
        }
    };
    let mut found = connection.all(sql, &[], |row| Record::of("(tables)", row).text("name")).await.unwrap();
    found.sort();
    let mut known = TABLES.to_vec();
    known.sort_unstable();
    assert_eq!(found, known);
}

/// Every row of every table, by table, sorted.
async fn rows(store: &Store) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, lines) in parts(store).await {
        let rows = all.entry(table.to_owned()).or_default();
        rows.extend(String::from_utf8(lines).unwrap().lines().map(str::to_owned));
        rows.sort();
    }
    all
}

async fn parts(store: &Store) -> Vec<(&'static str, Vec<u8>)> {
    let mut snapshot = store.snapshot().await.unwrap();
    let (sender, mut receiver) = mpsc::channel(1000);
    for table in TABLES {
        snapshot.rows(table, &sender).await.unwrap();
    }
    snapshot.close().await;
    drop(sender);
    let mut parts = Vec::new();
    while let Some(part) = receiver.recv().await {
        assert_eq!(part.rows as usize + 1, part.lines.iter().filter(|byte| **byte == b'\n').count());
        parts.push((part.table, part.lines));
    }
    parts
}

async fn fill(store: &Store) {
    let first = created(Some("k"));
    commit(store, first.clone()).await.unwrap();
    commit(store, full(&first)).await.unwrap();
    let long = "x".repeat(2 << 20);
    for key in ["order-7", "order-8"] {
        let data = crate::model::Value::Inline { json: format!("\"{long}ü\\n\"") };
        store.tenant(&tenant()).signal_add(key, &data, super::LONG, 100).await.unwrap();
    }
    for name in ["admin", "ci"] {
        let token = TokenRow {
            id: TokenId::new(),
            tenant: tenant(),
            name: name.to_owned(),
            role: "user".to_owned(),
            created_at: Timestamp::from_micros(i64::MAX),
            expires_at: None,
        };
        store.token_put(&token, Digest::of(name)).await.unwrap();
    }
    store.host_start(HostId::new()).await.unwrap();
}

async fn all_rows_go_from_one_database_to_another(world: &World) {
    fill(&world.store).await;
    let parts = parts(&world.store).await;
    // A part ends with the row that makes it full.
    assert_eq!(parts.iter().filter(|(table, _)| *table == "signals").count(), 2);
    let mut expected = rows(&world.store).await;
    let directory = tempfile::tempdir().unwrap();
    let mut places = vec![StoreLocation::sqlite(directory.path().join("other.db"))];
    let database = Database::create().await.unwrap();
    places.extend(database.as_ref().map(|database| database.url().parse().unwrap()));
    // Hosts of before are there no more, and the token of before's admin.
    let hosts = expected.remove("hosts").unwrap();
    assert!(hosts[0].ends_with(",null]") && hosts.len() == 2, "{hosts:?}");
    expected.get_mut("tokens").unwrap().retain(|row| !row.contains("\"admin\""));
    for place in places {
        let mut import = Import::open(&place).await.unwrap();
        for (table, lines) in &parts {
            import.part(table, lines).await.unwrap();
        }
        import.finish("admin").await.unwrap();
        assert!(matches!(Import::open(&place).await, Err(StoreError::Exists)));
        let other = Store::open(&place).await.unwrap();
        let mut found = rows(&other).await;
        assert!(!found.remove("hosts").unwrap()[0].ends_with(",null]"));
        assert_eq!(found, expected);
        assert_eq!(other.hosts_stopped().await.unwrap().len(), 1);
        // What the database counts goes on behind the highest.
        let data = crate::model::Value::Inline { json: "1".into() };
        other.tenant(&tenant()).signal_add("order-9", &data, super::LONG, 100).await.unwrap();
        let signals = rows(&other).await.remove("signals").unwrap();
        assert_eq!(signals.iter().filter(|row| row.starts_with("[3,")).count(), 1);
    }
}

async fn what_does_not_fit_is_refused(world: &World) {
    let directory = tempfile::tempdir().unwrap();
    let place = StoreLocation::sqlite(directory.path().join("other.db"));
    for (table, lines, said) in [
        ("secrets", "[]", "is not known"),
        ("tenants", "[[\"id\",\"text\"]]", "has the columns id, not created_at, id"),
        ("tenants", "nothing", "cannot be read"),
        ("tenants", "[[\"id\",\"text\"],[\"created_at\",\"int\"]]\n[\"a\"]", "a row of 1 values"),
        (
            "tenants",
            "[[\"id\",\"text\"],[\"created_at\",\"int\"]]\n[\"a\",\"b\"]",
            "in the column created_at",
        ),
    ] {
        let mut import = Import::open(&place).await.unwrap();
        let error = import.part(table, lines.as_bytes()).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    // Nothing of it stays.
    Import::open(&place).await.unwrap();
    let stranger: TenantId = "stranger".parse().unwrap();
    world.store.tenant_ensure(&stranger).await.unwrap();
    assert!(matches!(Import::open(&world.location).await, Err(StoreError::Exists)));
}
