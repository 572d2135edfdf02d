//! What the host itself asks of the database, across tenants: its own start and stop, taking runs up, tokens.

use std::{collections::HashMap, time::Duration};

use futures::FutureExt;

use super::{
    CommandRow, Firing, ScheduleRow, Store, StoreResult, decode,
    read::{Columns, Record},
    rows::{UnfinishedRun, UnfinishedStep},
    sql::cells,
};
use crate::model::{Digest, HostId, RunId, ScheduleId, TenantId, Timestamp, TokenId};

/// Whoever asked for what cannot be done has so long to read why.
const ANSWERS_KEPT: Duration = Duration::from_secs(3600);

/// A token's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// The tenant that it opens.
    pub tenant: TenantId,
    /// For people.
    pub name: String,
    /// What it may do.
    pub role: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ceases to open.
    pub expires_at: Option<Timestamp>,
}

impl Store {
    /// Record that a host has started.
    pub async fn host_start(&self, host: HostId) -> StoreResult<()> {
        let sql = "INSERT INTO hosts (id, started_at) VALUES ($1, $2)";
        self.execute(sql, cells![host, Timestamp::now()]).await.map(drop)
    }

    /// Record that a host stopped by itself: what it ran has not crashed.
    pub async fn host_stop(&self, host: HostId) -> StoreResult<()> {
        let sql = "UPDATE hosts SET stopped_at = $2 WHERE id = $1";
        self.execute(sql, cells![host, Timestamp::now()]).await.map(drop)
    }

    /// The hosts that stopped by themselves.
    pub async fn hosts_stopped(&self) -> StoreResult<Vec<HostId>> {
        let sql = "SELECT id FROM hosts WHERE stopped_at IS NOT NULL";
        self.readers.all(sql, &[], |row| Record::of("hosts", row).parse("id")).await
    }

    /// Whether the last host before this one did not stop by itself.
    pub async fn host_before_crashed(&self, host: HostId) -> StoreResult<bool> {
        let sql = "SELECT COUNT(stopped_at) AS n FROM
                   (SELECT stopped_at FROM hosts WHERE id <> $1 ORDER BY started_at DESC, id DESC LIMIT 1) AS last
                   HAVING COUNT(*) > 0";
        let stopped =
            self.readers.optional(sql, &cells![host], |row| Record::of("hosts", row).count("n")).await?;
        Ok(stopped == Some(0))
    }

    /// Add the tenant if it is not there.
    pub async fn tenant_ensure(&self, tenant: &TenantId) -> StoreResult<()> {
        let sql = "INSERT INTO tenants (id, created_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
        self.execute(sql, cells![tenant, Timestamp::now()]).await.map(drop)
    }

    /// Take up every run that has not ended: a new epoch, this host its owner. From here on no earlier owner can write
    /// to them. Returns how many there are.
    pub async fn runs_take_up(&self, host: HostId) -> StoreResult<u64> {
        let sql = "UPDATE runs SET epoch = epoch + 1, owner = $1 WHERE finished_at IS NULL";
        self.execute(sql, cells![host]).await
    }

    /// The runs of a host that have not ended, after that one, by their ids, each with the steps of it that have begun and
    /// not ended.
    pub async fn runs_unfinished(
        &self,
        host: HostId,
        after: Option<RunId>,
        limit: u32,
    ) -> StoreResult<Vec<UnfinishedRun>> {
        let sql = "SELECT id, tenant_id, plan, epoch, rev, state, start_at FROM runs
                   WHERE finished_at IS NULL AND owner = $1 AND id > $2 ORDER BY id LIMIT $3";
        // A text comes after none: a condition on the column alone is one that the index begins at.
        let after = after.map_or_else(String::new, |run| run.to_string());
        let mut runs = self.readers.all(sql, &cells![host, after, limit], unfinished_run).await?;
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Ok(runs) };
        let sql = "SELECT run_id, name, state, not_before, started_at,
                          CAST(CASE WHEN expansion IS NULL THEN 0 ELSE 1 END AS BIGINT) AS expanded
                   FROM steps
                   WHERE run_id IN (SELECT id FROM runs
                                    WHERE finished_at IS NULL AND owner = $1 AND id >= $2 AND id <= $3)
                     AND state NOT IN ('pending', 'completed', 'failed', 'skipped', 'cancelled')";
        let mut places: HashMap<RunId, usize> = HashMap::with_capacity(runs.len());
        places.extend(runs.iter().enumerate().map(|(place, run)| (run.id, place)));
        for (run, step) in self.readers.all(sql, &cells![host, first.id, last.id], unfinished_step).await? {
            if let Some(place) = places.get(&run) {
                runs[*place].steps.push(step);
            }
        }
        Ok(runs)
    }

    /// Take up a run that has ended, to go on with it: a new epoch, this host its owner. Returns its tenant; `None` if
    /// there is no such run, or it has not ended.
    pub async fn run_reopen(&self, run: RunId, host: HostId) -> StoreResult<Option<TenantId>> {
        let sql = "UPDATE runs SET epoch = epoch + 1, owner = $2 WHERE id = $1 AND finished_at IS NOT NULL";
        if self.execute(sql, cells![run, host]).await? == 0 {
            return Ok(None);
        }
        let sql = "SELECT tenant_id FROM runs WHERE id = $1";
        self.readers.optional(sql, &cells![run], |row| Record::of("runs", row).parse("tenant_id")).await
    }

    /// Take up a run of this host that has not ended under a new epoch: what was decided under the last one is void. Returns
    /// its tenant; `None` if there is no such run.
    pub async fn run_retake(&self, run: RunId, host: HostId) -> StoreResult<Option<TenantId>> {
        let sql = "UPDATE runs SET epoch = epoch + 1 WHERE id = $1 AND owner = $2 AND finished_at IS NULL";
        if self.execute(sql, cells![run, host]).await? == 0 {
            return Ok(None);
        }
        let sql = "SELECT tenant_id FROM runs WHERE id = $1";
        self.readers.optional(sql, &cells![run], |row| Record::of("runs", row).parse("tenant_id")).await
    }

    /// The first commands after that one that wait for runs of this host, and for runs that have ended, in order.
    pub async fn command_list(&self, host: HostId, after: i64, limit: u32) -> StoreResult<Vec<CommandRow>> {
        let sql = "SELECT commands.id, commands.run_id, commands.kind, commands.data, commands.given_by,
                          commands.tries
                   FROM commands
                   JOIN runs ON runs.id = commands.run_id
                   WHERE commands.id > $2 AND commands.refused IS NULL
                     AND (runs.owner = $1 OR runs.finished_at IS NOT NULL) ORDER BY commands.id LIMIT $3";
        self.readers.all(sql, &cells![host, after, limit], decode::command).await
    }

    /// All commands that are neither done nor refused.
    pub async fn commands_waiting(&self) -> StoreResult<Vec<i64>> {
        let sql = "SELECT id FROM commands WHERE refused IS NULL";
        self.readers.all(sql, &[], |row| Record::of("commands", row).count("id")).await
    }

    /// Record that a host takes these commands up, before it does them.
    pub async fn command_tried(&self, ids: Vec<i64>) -> StoreResult<()> {
        self.write(move |connection| {
            async move {
                for id in ids {
                    let sql = "UPDATE commands SET tries = tries + 1 WHERE id = $1";
                    connection.execute(sql, &cells![id]).await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// The schedules that are due, with their tenants, the longest due first.
    pub async fn schedules_due(&self, now: Timestamp) -> StoreResult<Vec<(TenantId, ScheduleRow)>> {
        let sql = "SELECT * FROM schedules WHERE enabled = 1 AND next_at <= $1 ORDER BY next_at, id";
        let read = |row: &dyn Columns| {
            Ok((Record::of("schedules", row).parse("tenant_id")?, decode::schedule(row)?))
        };
        self.readers.all(sql, &cells![now], read).await
    }

    /// When the next schedule is due.
    pub async fn schedule_next(&self) -> StoreResult<Option<Timestamp>> {
        let sql = "SELECT min(next_at) AS at FROM schedules WHERE enabled = 1 AND next_at IS NOT NULL";
        let read = |row: &dyn Columns| Record::of("schedules", row).optional_at("at");
        Ok(self.readers.optional(sql, &[], read).await?.flatten())
    }

    /// Record what came of a time at which a schedule was due, if it still is due then: of two hosts only one is told
    /// `true`.
    pub async fn schedule_fired(
        &self,
        schedule: ScheduleId,
        expected_next_at: Timestamp,
        new_next_at: Option<Timestamp>,
        firing: &Firing,
    ) -> StoreResult<bool> {
        let (run, refused) = match firing {
            Firing::Started(run) => (Some(run), None),
            Firing::Refused(why) => (None, Some(why.as_str())),
            Firing::LeftOut => (None, None),
        };
        let started_at = run.map(|_| Timestamp::now());
        // A time that is left out says nothing of whether the schedule works.
        let said = run.is_some() || refused.is_some();
        let sql = "UPDATE schedules SET next_at = $3, last_at = coalesce($4, last_at), last_run = coalesce($5, last_run),
                                        last_error = CASE WHEN $6 = 1 THEN $7 ELSE last_error END
                   WHERE id = $1 AND next_at = $2 AND enabled = 1";
        let cells = cells![schedule, expected_next_at, new_next_at, started_at, run, said, refused];
        Ok(self.execute(sql, cells).await? > 0)
    }

    /// Outside events that were offered to steps which have not answered.
    pub async fn signals_offered(&self) -> StoreResult<u64> {
        let sql = "SELECT count(*) AS n FROM commands WHERE kind = 'signal' AND refused IS NULL";
        let read = |row: &dyn Columns| Record::of("commands", row).count("n");
        Ok(self.readers.optional(sql, &[], read).await?.unwrap_or(0))
    }

    /// The keys for which there are both an outside event that nobody took, and a step that waits.
    pub async fn signals_wanted(&self) -> StoreResult<Vec<(TenantId, String)>> {
        let sql = "SELECT DISTINCT steps.tenant_id, steps.event_key FROM steps
                   JOIN signals ON signals.tenant_id = steps.tenant_id AND signals.key = steps.event_key
                   WHERE steps.event_key IS NOT NULL AND steps.finished_at IS NULL AND signals.taken_by IS NULL";
        let read = |row: &dyn Columns| {
            let r = Record::of("steps", row);
            Ok((r.parse("tenant_id")?, r.text("event_key")?))
        };
        self.readers.all(sql, &[], read).await
    }

    /// Answer that a command cannot be done. The row stays until whoever asked has read why, or for an hour.
    pub async fn command_refuse(&self, id: i64, why: &str) -> StoreResult<()> {
        let now = Timestamp::now();
        let sql = "DELETE FROM commands WHERE refused IS NOT NULL AND created_at < $1";
        self.execute(sql, cells![now.minus(ANSWERS_KEPT)]).await?;
        self.execute("UPDATE commands SET refused = $2 WHERE id = $1", cells![id, why]).await.map(drop)
    }

    /// Remember a token by the hash of its secret.
    pub async fn token_put(&self, token: &TokenRow, hash: Digest) -> StoreResult<()> {
        let TokenRow { id, tenant, name, role, created_at, expires_at } = token;
        let sql = "INSERT INTO tokens (id, tenant_id, name, hash, role, created_at, expires_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        self.execute(sql, cells![id, tenant, name, hash, role, created_at, expires_at]).await.map(drop)
    }

    /// The token whose secret has this hash.
    pub async fn token_get(&self, hash: Digest) -> StoreResult<Option<TokenRow>> {
        let sql = "SELECT * FROM tokens WHERE hash = $1";
        self.readers.optional(sql, &cells![hash], token).await
    }

    /// A tenant's tokens, oldest first.
    pub async fn token_list(&self, tenant: &TenantId) -> StoreResult<Vec<TokenRow>> {
        let sql = "SELECT * FROM tokens WHERE tenant_id = $1 ORDER BY created_at, id";
        self.readers.all(sql, &cells![tenant], token).await
    }

    /// Forget a tenant's token. Returns whether it was there.
    pub async fn token_delete(&self, tenant: &TenantId, token: TokenId) -> StoreResult<bool> {
        let sql = "DELETE FROM tokens WHERE tenant_id = $1 AND id = $2";
        Ok(self.execute(sql, cells![tenant, token]).await? > 0)
    }
}

fn unfinished_run(row: &dyn Columns) -> StoreResult<UnfinishedRun> {
    let r = Record::of("runs", row);
    Ok(UnfinishedRun {
        id: r.parse("id")?,
        tenant: r.parse("tenant_id")?,
        plan: r.parse("plan")?,
        epoch: r.count("epoch")?,
        rev: r.count("rev")?,
        state: r.parse("state")?,
        start_at: r.optional_at("start_at")?,
        steps: Vec::new(),
    })
}

fn unfinished_step(row: &dyn Columns) -> StoreResult<(RunId, UnfinishedStep)> {
    let r = Record::of("steps", row);
    let step = UnfinishedStep {
        name: r.text("name")?,
        state: r.parse("state")?,
        not_before: r.optional_at("not_before")?,
        started_at: r.optional_at("started_at")?,
        expanded: r.flag("expanded")?,
    };
    Ok((r.parse("run_id")?, step))
}

fn token(row: &dyn Columns) -> StoreResult<TokenRow> {
    let r = Record::of("tokens", row);
    Ok(TokenRow {
        id: r.parse("id")?,
        tenant: r.parse("tenant_id")?,
        name: r.text("name")?,
        role: r.text("role")?,
        created_at: r.at("created_at")?,
        expires_at: r.optional_at("expires_at")?,
    })
}
