//! The store on real databases: every test of the suite runs on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used)]

mod backup;
pub(super) mod faults;
mod garbage;
mod in_doubt;
mod inbox;
mod library;
mod opening;
mod restart;
mod samples;
mod statistics;
mod steps;
mod transitions;

use heddle_test_postgres::Database;

use samples::commit;
pub(crate) use samples::{created, next, tenant};

use super::{Store, StoreLocation};

/// Longer than any test takes.
pub(super) const LONG: std::time::Duration = std::time::Duration::from_secs(3_600);

/// A test's own database.
pub(super) struct World {
    pub(super) location: StoreLocation,
    pub(super) store: Store,
}

/// Run the tests on both databases.
macro_rules! both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $test() {
                    crate::store::tests::on_sqlite(super::$test).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test]
                async fn $test() {
                    crate::store::tests::on_postgres(super::$test).await;
                }
            )+
        }
    };
}
pub(super) use both;

pub(super) async fn on_sqlite(test: impl AsyncFnOnce(&World)) {
    let directory = tempfile::tempdir().unwrap();
    on(StoreLocation::sqlite(directory.path().join("heddle.db")), test).await;
}

pub(super) async fn on_postgres(test: impl AsyncFnOnce(&World)) {
    if let Some(database) = Database::create().await.unwrap() {
        on(database.url().parse().unwrap(), test).await;
    }
}

async fn on(location: StoreLocation, test: impl AsyncFnOnce(&World)) {
    let store = Store::open(&location).await.unwrap();
    store.tenant_ensure(&tenant()).await.unwrap();
    test(&World { location, store }).await;
}
