//! A run's files as those see them who look at it. Those of steps that are no more are left out.

use super::TenantStore;
use crate::{
    model::RunId,
    store::{
        ArtifactRow, StoreResult, decode,
        read::{Columns, Record},
        sql::cells,
    },
};

/// Where a file stands among those of its run: by its step's place and name, its own place and name, and its version.
pub type ArtifactPlace = (u32, String, u32, String, u32);

/// A file in a list of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedArtifact {
    /// The file.
    pub row: ArtifactRow,
    /// Whether it is the latest version, and part of a result that counts.
    pub latest: bool,
    /// Where it stands.
    pub place: ArtifactPlace,
}

impl TenantStore {
    /// A file of a step; the latest version unless one is named.
    pub async fn artifact_get(
        &self,
        run: RunId,
        step: &str,
        name: &str,
        version: Option<u32>,
    ) -> StoreResult<Option<ArtifactRow>> {
        let sql = "SELECT artifacts.* FROM artifacts
                   JOIN steps ON steps.run_id = artifacts.run_id AND steps.name = artifacts.step
                   WHERE artifacts.tenant_id = $1 AND artifacts.run_id = $2 AND artifacts.step = $3
                     AND artifacts.name = $4 AND ($5 IS NULL OR artifacts.version = $5)
                   ORDER BY artifacts.version DESC LIMIT 1";
        let cells = cells![self.tenant, run, step, name, version];
        self.store.readers.optional(sql, &cells, decode::artifact).await
    }

    /// The files of a step in all versions.
    pub async fn artifact_list_of(&self, run: RunId, step: &str) -> StoreResult<Vec<ArtifactRow>> {
        let sql = "SELECT * FROM artifacts WHERE tenant_id = $1 AND run_id = $2 AND step = $3
                   ORDER BY ord, name, version";
        self.store.readers.all(sql, &cells![self.tenant, run, step], decode::artifact).await
    }

    /// A run's files after that place, in all versions or the latest ones alone.
    pub async fn artifact_page(
        &self,
        run: RunId,
        only_latest: bool,
        after: Option<&ArtifactPlace>,
        limit: u32,
    ) -> StoreResult<Vec<ListedArtifact>> {
        let sql = "SELECT * FROM (
                       SELECT a.*, s.ord AS step_ord, CASE
                           WHEN s.state IN ('completed', 'awaiting_review') AND a.attempt = s.result_attempt AND NOT EXISTS (
                               SELECT 1 FROM artifacts b WHERE b.run_id = a.run_id AND b.step = a.step AND b.name = a.name
                                 AND b.version > a.version)
                           THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS latest
                       FROM artifacts a JOIN steps s ON s.run_id = a.run_id AND s.name = a.step
                       WHERE a.tenant_id = $1 AND a.run_id = $2
                         AND (s.ord, a.step, a.ord, a.name, a.version) > ($3, $4, $5, $6, $7)) listed
                   WHERE latest >= $8
                   ORDER BY step_ord, step, ord, name, version LIMIT $9";
        let first = (-1, "", -1, "", -1);
        let (step_ord, step, ord, name, version) =
            after.map_or(first, |(step_ord, step, ord, name, version)| {
                (i64::from(*step_ord), step.as_str(), i64::from(*ord), name.as_str(), i64::from(*version))
            });
        let least = i64::from(only_latest);
        let cells = cells![self.tenant, run, step_ord, step, ord, name, version, least, limit];
        self.store.readers.all(sql, &cells, listed).await
    }
}

fn listed(row: &dyn Columns) -> StoreResult<ListedArtifact> {
    let r = Record::of("artifacts", row);
    let row = decode::artifact(row)?;
    let place = (r.count("step_ord")?, row.step.clone(), row.order, row.name.clone(), row.version);
    Ok(ListedArtifact { row, latest: r.flag("latest")?, place })
}
