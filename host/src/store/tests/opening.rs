//! Opening a database: schemas that are alike, databases of later versions, servers that are not there.

use std::collections::BTreeMap;

use heddle_test_postgres::{Database, Postgres};

use super::{World, both};
use crate::store::{
    Store, StoreError, StoreLocation,
    database::{Connector, Pool},
};

both!(a_database_of_a_later_version_is_refused, what_the_server_says_is_refused_or_waited_for);

async fn a_database_of_a_later_version_is_refused(world: &World) {
    let mut connection = Connector::new(&world.location).connect().await.unwrap();
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
               SELECT 9999, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    connection.execute(sql, &[]).await.unwrap();
    let error = Store::open_shared(&world.location).await.err().unwrap();
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    assert!(
        error.to_string().contains("later version of heddle") && error.to_string().contains("9999"),
        "{error}"
    );

    connection.execute("DELETE FROM _sqlx_migrations WHERE version = 9999", &[]).await.unwrap();
    let changed = match world.store.readers {
        Pool::Sqlite(_) => "UPDATE _sqlx_migrations SET checksum = x'00'",
        Pool::Postgres(_) => "UPDATE _sqlx_migrations SET checksum = '\\x00'",
    };
    connection.execute(changed, &[]).await.unwrap();
    let error = Store::open_shared(&world.location).await.err().unwrap();
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains("another build of heddle"), "{error}");
}

async fn what_the_server_says_is_refused_or_waited_for(world: &World) {
    let mut connection = Connector::new(&world.location).connect().await.unwrap();
    let refused = connection.execute("INSERT INTO tenants (id, created_at) VALUES ('default', 1)", &[]).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    let refused = connection.execute("INSERT INTO tenants (id, created_at) VALUES ('a', NULL)", &[]).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    if let Pool::Sqlite(_) = world.store.readers {
        let refused = connection.execute("INSERT INTO tenants (id, created_at) VALUES ('a', 'b')", &[]).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
        return;
    }
    let raise = |code: &str| -> &'static str {
        format!("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$").leak()
    };
    // Lost connections, shutdown, start, serialization, deadlock, disk full, too many connections, a standby.
    for code in ["08006", "57P01", "57P03", "40001", "40P01", "53100", "53300", "25006", "58030", "XX000"] {
        let error = connection.execute(raise(code), &[]).await.err().unwrap();
        assert!(matches!(error, StoreError::Unavailable(_)), "{code}: {error:?}");
    }
    for code in ["23505", "23503", "22P05", "22003", "42P01", "21000", "0A000"] {
        let error = connection.execute(raise(code), &[]).await.err().unwrap();
        assert!(matches!(error, StoreError::Refused(_)), "{code}: {error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("postgres://ann:s3cret@localhost/d?host={}", directory.path().display());
    let location: StoreLocation = url.parse().unwrap();
    let error = Store::open(&location).await.err().unwrap();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(!format!("{error:?} {error} {location:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_must_be_encrypted_is_not_made_without() {
    let Some(server) = Postgres::for_test().unwrap() else { return };
    let location: StoreLocation = format!("{}&sslmode=require", server.url("postgres")).parse().unwrap();
    let error = Store::open(&location).await.err().unwrap();
    // The server's words: that this build could speak TLS is seen by that they are not ours.
    assert!(error.to_string().contains("server does not support TLS"), "{error}");
}

/// Table and column, with the column's type and whether it may be null.
type Schema = BTreeMap<(String, String), (String, bool)>;

#[tokio::test]
async fn both_schemas_have_the_same_columns_and_indexes() {
    let Some(database) = Database::create().await.unwrap() else { return };
    let directory = tempfile::tempdir().unwrap();
    let sqlite = Store::open(&StoreLocation::sqlite(directory.path().join("heddle.db"))).await.unwrap();
    let postgres = Store::open(&database.url().parse().unwrap()).await.unwrap();
    let (Pool::Sqlite(sqlite), Pool::Postgres(postgres)) = (&sqlite.readers, &postgres.readers) else {
        unreachable!()
    };
    let rows: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT t.name, c.name, c.type, c.\"notnull\" = 0 AND c.pk = 0
         FROM sqlite_schema t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\'",
    )
    .fetch_all(sqlite)
    .await
    .unwrap();
    let ours: Schema = rows.into_iter().map(|(t, c, kind, null)| ((t, c), (kind, null))).collect();
    let rows: Vec<(String, String, String, bool, Option<String>)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'YES', collation_name::text
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'",
    )
    .fetch_all(postgres)
    .await
    .unwrap();
    let mut theirs = Schema::new();
    for (table, column, kind, null, collation) in rows {
        let kind = match &*kind {
            "bigint" => "INTEGER",
            "text" => {
                assert_eq!(
                    collation.as_deref(),
                    Some("C"),
                    "{table}.{column} sorts by the server's language"
                );
                "TEXT"
            }
            other => panic!("{table}.{column} is {other}"),
        };
        theirs.insert((table, column), (kind.into(), null));
    }
    assert_eq!(ours, theirs);

    let ours: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name",
    )
    .fetch_all(sqlite)
    .await
    .unwrap();
    let theirs: Vec<String> = sqlx::query_scalar(
        "SELECT indexname::text FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%\\_pkey'
         AND indexname NOT LIKE '%\\_key' ORDER BY indexname::text COLLATE \"C\"",
    )
    .fetch_all(postgres)
    .await
    .unwrap();
    assert_eq!(ours, theirs);
    let numbers = |migrations: sqlx::migrate::Migrator| -> Vec<(i64, String)> {
        migrations.iter().map(|m| (m.version, m.description.to_string())).collect()
    };
    assert_eq!(
        numbers(sqlx::migrate!("../migrations/sqlite")),
        numbers(sqlx::migrate!("../migrations/postgres"))
    );
}
