//! What no row names any more: the blobs that garbage collection may remove, and the runs that are old enough to go.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;

use super::{
    BlobRef, Store, StoreResult,
    database::Connection,
    read::{Columns, Record},
    sql::{Cell, cells},
};
use crate::model::{Digest, RunId, TenantId, Timestamp};

/// Statements in a transaction: the writer is everybody's.
const TOGETHER: usize = 200;

/// A blob that no row names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnnamedBlob {
    /// Its size in bytes.
    pub size: u64,
    /// Since when that is known.
    pub since: Option<Timestamp>,
}

/// What [`Store::blobs_unnamed`] finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnnamedBlobs {
    /// The blobs that nothing names.
    pub blobs: BTreeMap<Digest, UnnamedBlob>,
    /// Those that something names again since they were found.
    pub named: Vec<Digest>,
}

/// The blobs that no column names which holds one digest, or one value.
///
/// A value in a blob is written as `{"blob":"DIGEST","size":N}` (`model::Value`), so the digest's place is known.
const CANDIDATES: &str = r#"
    SELECT digest FROM blobs WHERE tenant_id = $1 AND named_at < $2
    EXCEPT SELECT digest FROM plugins WHERE tenant_id = $1
    EXCEPT SELECT digest FROM uploads WHERE tenant_id = $1
    EXCEPT SELECT digest FROM artifacts WHERE tenant_id = $1
    EXCEPT SELECT substr(input, 10, 64) FROM runs WHERE tenant_id = $1 AND input LIKE '{"blob":"%'
    EXCEPT SELECT substr(output, 10, 64) FROM steps WHERE tenant_id = $1 AND output LIKE '{"blob":"%'
    EXCEPT SELECT substr(expansion, 10, 64) FROM steps WHERE tenant_id = $1 AND expansion LIKE '{"blob":"%'
    EXCEPT SELECT substr(output, 10, 64) FROM attempts WHERE tenant_id = $1 AND output LIKE '{"blob":"%'
    EXCEPT SELECT substr(expansion, 10, 64) FROM attempts WHERE tenant_id = $1 AND expansion LIKE '{"blob":"%'
    EXCEPT SELECT substr(log, 10, 64) FROM attempts WHERE tenant_id = $1 AND log LIKE '{"blob":"%'
    EXCEPT SELECT substr(value, 10, 64) FROM shared_state WHERE tenant_id = $1 AND value LIKE '{"blob":"%'
    EXCEPT SELECT substr(request, 10, 64) FROM host_calls WHERE tenant_id = $1 AND request LIKE '{"blob":"%'
    EXCEPT SELECT substr(answer, 10, 64) FROM host_calls WHERE tenant_id = $1 AND answer LIKE '{"blob":"%'
    EXCEPT SELECT substr(data, 10, 64) FROM signals WHERE tenant_id = $1 AND data LIKE '{"blob":"%'"#;

/// The documents that may name blobs anywhere inside.
const DOCUMENTS: [&str; 9] = [
    "SELECT files AS document FROM runs WHERE tenant_id = $1 AND files <> '[]'",
    "SELECT shared AS document FROM attempts WHERE tenant_id = $1 AND shared LIKE '%\"blob\"%'",
    "SELECT overrides AS document FROM steps WHERE tenant_id = $1 AND overrides IS NOT NULL",
    "SELECT overrides AS document FROM attempts WHERE tenant_id = $1 AND overrides IS NOT NULL",
    "SELECT request AS document FROM approvals WHERE tenant_id = $1",
    "SELECT decision AS document FROM approvals WHERE tenant_id = $1 AND decision IS NOT NULL",
    "SELECT data AS document FROM commands WHERE tenant_id = $1 AND data IS NOT NULL",
    "SELECT input AS document FROM schedules WHERE tenant_id = $1",
    "SELECT body AS document FROM workflows WHERE tenant_id = $1",
];

impl Store {
    /// All tenants.
    pub async fn tenant_list(&self) -> StoreResult<Vec<TenantId>> {
        let read = |row: &dyn Columns| Record::of("tenants", row).parse("id");
        self.readers.all("SELECT id FROM tenants ORDER BY id", &[], read).await
    }

    /// How many runs ended before that time.
    pub async fn runs_ended_count(&self, before: Timestamp) -> StoreResult<u64> {
        self.count("SELECT count(*) AS n FROM runs WHERE finished_at < $1", &cells![before]).await
    }

    /// Runs that ended before that time, the longest ended first.
    pub async fn runs_ended(&self, before: Timestamp, limit: u32) -> StoreResult<Vec<(TenantId, RunId)>> {
        let sql = "SELECT tenant_id, id FROM runs WHERE finished_at < $1 ORDER BY finished_at, id LIMIT $2";
        let read = |row: &dyn Columns| {
            let r = Record::of("runs", row);
            Ok((r.parse("tenant_id")?, r.parse("id")?))
        };
        self.readers.all(sql, &cells![before, limit], read).await
    }

    /// The tenant's blobs that nothing names, and nothing has named since that time.
    pub async fn blobs_unnamed(
        &self,
        tenant: &TenantId,
        named_before: Timestamp,
    ) -> StoreResult<UnnamedBlobs> {
        let read = |row: &dyn Columns| Record::of("blobs", row).parse("digest");
        let cells = cells![tenant, named_before];
        let mut digests: BTreeSet<Digest> =
            self.readers.all(CANDIDATES, &cells, read).await?.into_iter().collect();
        for sql in DOCUMENTS {
            if digests.is_empty() {
                break;
            }
            let forget_named = |row: &dyn Columns| {
                let document = Record::of("(documents)", row).text("document")?;
                digests_in(&document).for_each(|digest| {
                    digests.remove(&digest);
                });
                Ok(())
            };
            self.readers.each(sql, &cells![tenant], forget_named).await?;
        }
        let sql = "SELECT digest, size, unnamed_since FROM blobs WHERE tenant_id = $1 AND named_at < $2";
        let mut found = UnnamedBlobs::default();
        let tell_apart = |row: &dyn Columns| {
            let r = Record::of("blobs", row);
            let digest = r.parse("digest")?;
            let since = r.optional_at("unnamed_since")?;
            if digests.contains(&digest) {
                found.blobs.insert(digest, UnnamedBlob { size: r.count("size")?, since });
            } else if since.is_some() {
                found.named.push(digest);
            }
            Ok(())
        };
        self.readers.each(sql, &cells, tell_apart).await?;
        Ok(found)
    }

    /// Remember since when nothing names these blobs, or that something does after all.
    pub async fn blobs_mark(
        &self,
        tenant: &TenantId,
        blobs: &[Digest],
        unnamed_since: Option<Timestamp>,
    ) -> StoreResult<()> {
        let sql = "UPDATE blobs SET unnamed_since = $3 WHERE tenant_id = $1 AND digest = $2";
        let rows = blobs.iter().map(|digest| cells![tenant, digest, unnamed_since].to_vec());
        self.execute_each(sql, rows).await.map(drop)
    }

    /// Forget blobs that nothing has named since that time, before their bytes are removed. Returns those that were
    /// forgotten: not one that was named meanwhile.
    pub async fn blobs_forget(
        &self,
        tenant: &TenantId,
        blobs: &[Digest],
        unnamed_before: Timestamp,
    ) -> StoreResult<Vec<Digest>> {
        let sql = "DELETE FROM blobs
                   WHERE tenant_id = $1 AND digest = $2 AND named_at <= $3 AND unnamed_since <= $3";
        let rows = blobs.iter().map(|digest| cells![tenant, digest, unnamed_before].to_vec());
        let deleted = self.execute_each(sql, rows).await?;
        Ok(std::iter::zip(blobs, deleted).filter(|(_, rows)| *rows > 0).map(|(digest, _)| *digest).collect())
    }

    /// Those of a tenant's blobs that rows name whose digests begin so.
    pub async fn blobs_beginning(&self, tenant: &TenantId, with: &str) -> StoreResult<BTreeSet<Digest>> {
        let sql = "SELECT digest FROM blobs WHERE tenant_id = $1 AND digest >= $2 AND digest <= $2 || 'g'";
        let read = |row: &dyn Columns| Record::of("blobs", row).parse("digest");
        Ok(self.readers.all(sql, &cells![tenant, with], read).await?.into_iter().collect())
    }

    /// Take blobs into account that no row was ever written for: the attempts that wrote them failed, or never ended.
    pub async fn blobs_adopt(&self, tenant: &TenantId, blobs: &[(BlobRef, Timestamp)]) -> StoreResult<()> {
        let sql = "INSERT INTO blobs (tenant_id, digest, size, named_at) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (tenant_id, digest) DO NOTHING";
        let rows = blobs.iter().map(|(blob, at)| cells![tenant, blob.digest, blob.size, at].to_vec());
        self.execute_each(sql, rows).await.map(drop)
    }

    /// How many uploads were made before that time.
    pub async fn uploads_count(&self, before: Timestamp) -> StoreResult<u64> {
        self.count("SELECT count(*) AS n FROM uploads WHERE created_at < $1", &cells![before]).await
    }

    /// Forget the uploads that were made before that time. Runs that took them keep the files. Returns how many.
    pub async fn uploads_delete(&self, before: Timestamp) -> StoreResult<u64> {
        self.execute("DELETE FROM uploads WHERE created_at < $1", cells![before]).await
    }

    /// How many plans there are that no run has.
    pub async fn plans_count(&self) -> StoreResult<u64> {
        let sql = "SELECT count(*) AS n FROM plans
                   WHERE (tenant_id, digest) NOT IN (SELECT tenant_id, plan FROM runs)";
        self.count(sql, &[]).await
    }

    /// Delete the plans that no run has. Returns how many.
    pub async fn plans_delete(&self) -> StoreResult<u64> {
        self.write(|connection| {
            async move {
                if let Connection::Postgres(_) = connection {
                    // A run that is being created found its plan, and did not write it: it is waited for.
                    connection.execute("LOCK TABLE plans IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
                }
                let sql = "DELETE FROM plans
                           WHERE (tenant_id, digest) NOT IN (SELECT tenant_id, plan FROM runs)";
                connection.execute(sql, &[]).await
            }
            .boxed()
        })
        .await
    }

    async fn count(&self, sql: &'static str, cells: &[Cell<'_>]) -> StoreResult<u64> {
        let read = |row: &dyn Columns| Record::of("(count)", row).count("n");
        Ok(self.readers.all(sql, cells, read).await?.pop().unwrap_or_default())
    }

    /// Run a statement for each row, some together; others may write in between. Returns how many rows each changed.
    async fn execute_each(
        &self,
        sql: &'static str,
        rows: impl Iterator<Item = Vec<Cell<'static>>>,
    ) -> StoreResult<Vec<u64>> {
        let rows: Vec<Vec<Cell<'static>>> = rows.collect();
        let mut changed = Vec::with_capacity(rows.len());
        for some in rows.chunks(TOGETHER) {
            let some = some.to_vec();
            let each = self.write(move |connection| {
                async move {
                    let mut changed = Vec::with_capacity(some.len());
                    for cells in &some {
                        changed.push(connection.execute(sql, cells).await?);
                    }
                    Ok(changed)
                }
                .boxed()
            });
            changed.extend(each.await?);
        }
        Ok(changed)
    }
}

/// Everything in a document that reads as a digest.
fn digests_in(document: &str) -> impl Iterator<Item = Digest> {
    let words = document.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 64);
    words.filter_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    #[test]
    fn the_digest_of_a_value_is_where_the_statement_looks_for_it() {
        let digest = Digest::of("x");
        let text = serde_json::to_string(&Value::Blob { blob: digest, size: 70_000 }).unwrap_or_default();
        assert!(text.starts_with(r#"{"blob":""#), "{text}");
        assert_eq!(text[9..73], digest.to_string());
    }

    #[test]
    fn every_digest_in_a_document_counts() {
        let (a, b) = (Digest::of("a"), Digest::of("b"));
        let document = format!(r#"[{{"digest":"{a}"}},"see {b}, and {}"]"#, &a.to_string()[1..]);
        assert_eq!(digests_in(&document).collect::<Vec<_>>(), [a, b]);
    }
}
