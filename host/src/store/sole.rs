//! One host at a time works on a database. An SQLite file is in a data directory, which the host has locked; on PostgreSQL
//! whoever writes holds an advisory lock. Two hosts there would take each other's runs, and have half of the files each.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    StoreError, StoreResult,
    database::{Connection, Connector},
};

/// The number of the lock, among the advisory locks of the database: "heddle".
const LOCK: i64 = 0x6865_6464_6c65;
/// So long a host that begins waits for another: one that was killed is noticed by the server in a moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// What makes the connections that hold the lock, one after the other.
#[derive(Default)]
pub(super) struct Sole {
    /// The session that held it last: its number at the server, and when it began.
    session: Option<(i32, String)>,
}

impl Sole {
    /// The first connection.
    ///
    /// # Errors
    /// `Unusable` if another host has the database.
    pub(super) async fn begin(&mut self, connector: &Connector) -> StoreResult<Connection> {
        let mut connection = connector.connect().await?;
        if self.lock(&mut connection, PATIENCE).await? {
            return Ok(connection);
        }
        let message = "another host works on it, with another data directory: stop that one, or give this one a database \
                       of its own";
        Err(StoreError::Unusable(message.to_owned()))
    }

    /// A connection after one that broke.
    ///
    /// # Errors
    /// `Unavailable` while another host has the database.
    pub(super) async fn again(&mut self, connector: &Connector) -> StoreResult<Connection> {
        let mut connection = connector.connect().await?;
        if let (Connection::Postgres(postgres), Some((session, since))) = (&mut connection, &self.session) {
            // A server that has not noticed that the last one broke would keep its lock for a minute or more.
            sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2",
            )
            .bind(session)
            .bind(since)
            .execute(postgres)
            .await?;
        }
        if self.lock(&mut connection, PATIENCE / 5).await? {
            return Ok(connection);
        }
        let message = "another host has taken the database over";
        Err(StoreError::Unavailable(sqlx::Error::Protocol(message.to_owned())))
    }

    async fn lock(&mut self, connection: &mut Connection, patience: Duration) -> StoreResult<bool> {
        let Connection::Postgres(postgres) = connection else { return Ok(true) };
        let until = Instant::now() + patience;
        let mut pause = Duration::from_millis(10);
        while !sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *postgres)
            .await?
        {
            if Instant::now() > until {
                return Ok(false);
            }
            sleep(pause).await;
            pause *= 2;
        }
        let session = sqlx::query_as(
            "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()",
        );
        self.session = session.fetch_optional(postgres).await?;
        Ok(true)
    }
}
