//! Values: JSON documents in their row or in a blob.

use std::io;

use crate::{
    artifacts::BlobStore,
    engine::blocking,
    model::{INLINE_LIMIT, TenantId, Value},
};

/// The document of a value.
pub(crate) async fn read_value(blobs: &BlobStore, tenant: &TenantId, value: &Value) -> io::Result<String> {
    match value {
        Value::Inline { json } => Ok(json.clone()),
        Value::Blob { blob, .. } => {
            let (blobs, tenant, blob) = (blobs.clone(), tenant.clone(), *blob);
            let bytes = blocking(move || blobs.get(&tenant, &blob)).await?;
            String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        }
    }
}

/// A value for a document: in the row if it is small, else a durable blob.
pub(crate) async fn write_value(blobs: &BlobStore, tenant: &TenantId, json: String) -> io::Result<Value> {
    if json.len() <= INLINE_LIMIT {
        return Ok(Value::Inline { json });
    }
    let (blobs, tenant) = (blobs.clone(), tenant.clone());
    let size = json.len() as u64;
    let blob = blocking(move || blobs.put(&tenant, json.as_bytes())).await?;
    Ok(Value::Blob { blob, size })
}
