//! A run's steps as those see them who look at it: page by page, without what is large.

use super::TenantStore;
use crate::{
    model::{RunId, StepState},
    store::{
        AttemptRow, StepRow, StoreResult, decode,
        read::{Columns, Record},
        sql::cells,
    },
};

/// Where a step stands among the steps of its run.
pub type StepPlace = (u32, String);

impl TenantStore {
    /// A step of a run.
    pub async fn step_get(&self, run: RunId, step: &str) -> StoreResult<Option<StepRow>> {
        let sql = "SELECT * FROM steps WHERE tenant_id = $1 AND run_id = $2 AND name = $3";
        self.store.readers.optional(sql, &cells![self.tenant, run, step], decode::step).await
    }

    /// The attempts at a step, by number.
    pub async fn attempt_list_of(&self, run: RunId, step: &str) -> StoreResult<Vec<AttemptRow>> {
        let sql = "SELECT * FROM attempts WHERE tenant_id = $1 AND run_id = $2 AND step = $3 ORDER BY number";
        self.store.readers.all(sql, &cells![self.tenant, run, step], decode::attempt).await
    }

    /// A run's steps after that place, in the definition's order.
    pub async fn step_page(
        &self,
        run: RunId,
        after: Option<&StepPlace>,
        limit: u32,
    ) -> StoreResult<Vec<StepRow>> {
        // Which ones they are is found out without reading their outputs.
        let sql = "SELECT * FROM steps WHERE tenant_id = $1 AND run_id = $2 AND name IN (
                       SELECT name FROM steps WHERE tenant_id = $1 AND run_id = $2
                         AND (ord > $3 OR (ord = $3 AND name > $4)) ORDER BY ord, name LIMIT $5)
                   ORDER BY ord, name";
        let (ord, name) = after.map_or((-1, ""), |(ord, name)| (i64::from(*ord), name.as_str()));
        self.store.readers.all(sql, &cells![self.tenant, run, ord, name, limit], decode::step).await
    }

    /// The last attempts at the steps from one place to another, so many of each step at the most, by step and number;
    /// without what they were given and what they made.
    pub async fn attempt_page(
        &self,
        run: RunId,
        first: &StepPlace,
        last: &StepPlace,
        most: u32,
    ) -> StoreResult<Vec<AttemptRow>> {
        let sql =
            "SELECT a.id, a.step, a.number, a.state, a.host, a.crashes, a.reused, a.step_key, a.failure,
                          a.usage, a.ready_at, a.started_at, a.finished_at, NULL AS overrides, NULL AS output,
                          NULL AS shared, NULL AS expansion, NULL AS inside, NULL AS log
                   FROM attempts a JOIN steps s ON s.run_id = a.run_id AND s.name = a.step
                   WHERE a.tenant_id = $1 AND a.run_id = $2 AND a.number > s.attempt - $7
                     AND (s.ord > $3 OR (s.ord = $3 AND s.name >= $4))
                     AND (s.ord < $5 OR (s.ord = $5 AND s.name <= $6))
                   ORDER BY a.step, a.number";
        let cells = cells![self.tenant, run, first.0, first.1, last.0, last.1, most];
        self.store.readers.all(sql, &cells, decode::attempt).await
    }

    /// How many of a run's steps are in each state.
    pub async fn step_counts(&self, run: RunId) -> StoreResult<Vec<(StepState, u64)>> {
        let sql =
            "SELECT state, count(*) AS n FROM steps WHERE tenant_id = $1 AND run_id = $2 GROUP BY state";
        let read = |row: &dyn Columns| {
            let r = Record::of("steps", row);
            Ok((r.parse("state")?, r.count("n")?))
        };
        self.store.readers.all(sql, &cells![self.tenant, run], read).await
    }

    /// The first of a run's steps that have not ended, without what they were given and what they made.
    pub async fn step_list_open(&self, run: RunId, limit: u32) -> StoreResult<Vec<StepRow>> {
        let sql =
            "SELECT name, ord, phase, state, attempt, result_attempt, retried_from, not_before, step_key,
                          chosen, event_key, reason, for_failure, bypassed, failure, ready_at, started_at, finished_at,
                          NULL AS expansion, NULL AS overrides, NULL AS output
                   FROM steps WHERE tenant_id = $1 AND run_id = $2
                     AND state NOT IN ('completed', 'failed', 'skipped', 'cancelled')
                   ORDER BY ord, name LIMIT $3";
        self.store.readers.all(sql, &cells![self.tenant, run, limit], decode::step).await
    }

    /// A run's own steps that failed, in the definition's order; those inside others are left out.
    pub async fn step_list_failed(&self, run: RunId) -> StoreResult<Vec<StepRow>> {
        let sql = "SELECT * FROM steps WHERE tenant_id = $1 AND run_id = $2 AND state = 'failed'
                     AND name NOT LIKE '%/%' AND name NOT LIKE '%[%' ORDER BY ord, name";
        self.store.readers.all(sql, &cells![self.tenant, run], decode::step).await
    }

    /// A run's steps, in the definition's order.
    #[cfg(test)]
    pub async fn step_list(&self, run: RunId) -> StoreResult<Vec<StepRow>> {
        self.store.readers.all(super::whole::STEPS, &cells![self.tenant, run], decode::step).await
    }

    /// A run's attempts, by step and number.
    #[cfg(test)]
    pub async fn attempt_list(&self, run: RunId) -> StoreResult<Vec<AttemptRow>> {
        self.store.readers.all(super::whole::ATTEMPTS, &cells![self.tenant, run], decode::attempt).await
    }
}
