//! What no row names any more: the blobs that garbage collection may remove, and the runs that are old enough to go.

use std::collections::BTreeSet;

use super::{
    Store, StoreResult,
    read::{Columns, Record},
    sql::cells,
};
use crate::model::{Digest, RunId, TenantId, Timestamp};

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
    pub async fn blobs_unreferenced(
        &self,
        tenant: &TenantId,
        older_than: Timestamp,
    ) -> StoreResult<BTreeSet<Digest>> {
        let read = |row: &dyn Columns| Record::of("blobs", row).parse("digest");
        let cells = cells![tenant, older_than];
        let mut blobs: BTreeSet<Digest> =
            self.readers.all(CANDIDATES, &cells, read).await?.into_iter().collect();
        for sql in DOCUMENTS {
            if blobs.is_empty() {
                break;
            }
            let forget_named = |row: &dyn Columns| {
                let document = Record::of("(documents)", row).text("document")?;
                digests(&document).for_each(|digest| {
                    blobs.remove(&digest);
                });
                Ok(())
            };
            self.readers.each(sql, &cells![tenant], forget_named).await?;
        }
        Ok(blobs)
    }

    /// Forget a blob that was found unreferenced, before its bytes are removed. Returns whether it may be removed: not
    /// if it was named after all since that time.
    pub async fn blob_forget(
        &self,
        tenant: &TenantId,
        blob: Digest,
        older_than: Timestamp,
    ) -> StoreResult<bool> {
        let sql = "DELETE FROM blobs WHERE tenant_id = $1 AND digest = $2 AND named_at < $3";
        Ok(self.execute(sql, cells![tenant, blob, older_than]).await? > 0)
    }
}

/// Everything in a document that reads as a digest.
fn digests(document: &str) -> impl Iterator<Item = Digest> {
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
        assert_eq!(digests(&document).collect::<Vec<_>>(), [a, b]);
    }
}
