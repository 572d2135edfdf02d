//! The form of a backup: a tar archive, compressed by zstd with a checksum.
//!
//! `heddle-backup.json` says what it is, `rows/TABLE/N.jsonl` are the rows, `blobs/TENANT/DIGEST` the blobs, and `end.json`
//! says what all there is. An archive without its end, or with other contents than its end says, is none.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    artifacts::BlobStore,
    error::{Error, Result},
    model::{Digest, TenantId, Timestamp, io_reason},
    store::{Part, TABLES},
};

const HEAD: &str = "heddle-backup.json";
const END: &str = "end.json";
/// Of the archive's form.
const FORMAT: u32 = 1;
/// Fast, and half the size; what is compressed already costs little.
const LEVEL: i32 = 3;
/// Head and end are small, whatever somebody made of them.
const SMALL: u64 = 1 << 20;

/// What an archive is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    format: u32,
    /// Of the version that made it.
    heddle: String,
    /// Number of the database's schema.
    pub(super) schema: i64,
    created_at: Timestamp,
}

impl Head {
    pub(super) fn new(schema: i64) -> Self {
        let heddle = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, heddle, schema, created_at: Timestamp::now() }
    }
}

/// What a backup holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSummary {
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// Of all rows.
    rows_digest: String,
    /// Blobs.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
}

/// Hashes the rows with their places.
#[derive(Default)]
struct RowsHash(Sha256);

impl RowsHash {
    fn add(&mut self, name: &str, lines: &[u8]) {
        self.0.update((name.len() as u64).to_le_bytes());
        self.0.update(name);
        self.0.update((lines.len() as u64).to_le_bytes());
        self.0.update(lines);
    }

    fn finish(self) -> String {
        Digest::from_bytes(self.0.finalize().into()).to_string()
    }
}

/// An archive that is being written. Dropped before [`Writer::finish`], it is visibly not whole.
pub(super) struct Writer<W: Write> {
    archive: tar::Builder<zstd::Encoder<'static, W>>,
    hash: RowsHash,
    parts: u64,
    summary: BackupSummary,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W, head: &Head) -> io::Result<Self> {
        let mut encoder = zstd::Encoder::new(out, LEVEL)?;
        encoder.include_checksum(true)?;
        let archive = tar::Builder::new(encoder);
        let mut writer =
            Self { archive, hash: RowsHash::default(), parts: 0, summary: BackupSummary::default() };
        writer.put(HEAD, &serde_json::to_vec(head)?)?;
        Ok(writer)
    }

    pub(super) fn rows(&mut self, part: &Part) -> io::Result<()> {
        let name = format!("rows/{}/{:09}.jsonl", part.table, self.parts);
        self.parts += 1;
        self.hash.add(&name, &part.lines);
        *self.summary.rows.entry(part.table.to_owned()).or_default() += part.rows;
        self.put(&name, &part.lines)
    }

    /// Every blob of a store. One whose bytes are not those of its digest is an error: it is better known now.
    pub(super) fn blobs(&mut self, store: &BlobStore) -> io::Result<()> {
        store.visit(|tenant, digest, file| {
            let size = file.metadata()?.len();
            let mut hashed = Hashed { inner: file, hasher: Sha256::new() };
            let name = format!("blobs/{tenant}/{digest}");
            self.archive.append_data(&mut header(size), &name, &mut hashed)?;
            if Digest::from_bytes(hashed.hasher.finalize().into()) != *digest {
                let message = format!("the blob {digest} of the tenant {tenant} is damaged on the disk");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            self.summary.blobs += 1;
            self.summary.blob_bytes += size;
            Ok(())
        })
    }

    pub(super) fn finish(mut self) -> io::Result<BackupSummary> {
        self.summary.rows_digest = std::mem::take(&mut self.hash).finish();
        let end = serde_json::to_vec(&self.summary)?;
        self.put(END, &end)?;
        self.archive.into_inner()?.finish()?.flush()?;
        Ok(self.summary)
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.archive.append_data(&mut header(bytes.len() as u64), name, bytes)
    }
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header
}

struct Hashed<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.hasher.update(&bytes[..read]);
        Ok(read)
    }
}

/// Where an archive is unpacked to.
pub(super) struct Target<'a> {
    pub(super) blobs: &'a BlobStore,
    /// Gets a file for each part, `TABLE.N`.
    pub(super) rows: &'a Path,
}

/// Read an archive to its end and check all that is in it; unpack it if there is somewhere to.
///
/// # Errors
/// `Invalid` if it is no backup, or not a whole one.
pub(super) fn read(archive: impl Read, target: Option<&Target<'_>>) -> Result<(Head, BackupSummary)> {
    let damaged = |error: io::Error| {
        Error::invalid(format!(
            "the backup is damaged or cut off, and nothing of it is used: {}",
            said(&error)
        ))
    };
    let decoder = zstd::Decoder::new(archive).map_err(damaged)?;
    let mut archive = tar::Archive::new(decoder);
    let (mut head, mut end): (Option<Head>, Option<BackupSummary>) = (None, None);
    let mut found = BackupSummary::default();
    let mut hash = RowsHash::default();
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let parts: Vec<&str> = name.split('/').collect();
        match (parts.as_slice(), &head, &end) {
            ([HEAD], None, None) => {
                let read: Head = small(&mut entry).map_err(damaged)?;
                if read.format != FORMAT {
                    return Err(Error::invalid(format!(
                        "the backup has the form {} of heddle {}, which this version does not know; restore it with that one",
                        read.format, read.heddle
                    )));
                }
                head = Some(read);
            }
            (["rows", table, _], Some(_), None) if TABLES.contains(table) => {
                let mut lines = Vec::new();
                entry.read_to_end(&mut lines).map_err(damaged)?;
                hash.add(&name, &lines);
                let rows = lines.iter().filter(|byte| **byte == b'\n').count().saturating_sub(1) as u64;
                *found.rows.entry((*table).to_owned()).or_default() += rows;
                if let Some(target) = target {
                    let file = target.rows.join(name.replacen("rows/", "", 1).replace('/', "."));
                    fs::write(file, lines).map_err(unwritable)?;
                }
            }
            (["blobs", tenant, digest], Some(_), None) => {
                let tenant: TenantId = tenant.parse().map_err(|_| unknown(&name))?;
                let digest: Digest = digest.parse().map_err(|_| unknown(&name))?;
                found.blobs += 1;
                found.blob_bytes += blob(&mut entry, &tenant, digest, target)?;
            }
            ([END], Some(_), None) => end = Some(small(&mut entry).map_err(damaged)?),
            _ => return Err(unknown(&name)),
        }
    }
    found.rows_digest = hash.finish();
    let (Some(head), Some(end)) = (head, end) else {
        return Err(Error::invalid(
            "the backup is damaged or cut off, and nothing of it is used: it has no end",
        ));
    };
    // What follows the archive within the compressed stream is its padding, and behind that the checksum.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(damaged)?;
    if end != found {
        let message =
            "the backup is damaged, and nothing of it is used: its contents are not those that its end tells";
        return Err(Error::invalid(message));
    }
    Ok((head, end))
}

/// The reason; the decoder's own words name no path.
fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
        _ => error.to_string(),
    }
}

fn unwritable(error: io::Error) -> Error {
    Error::unavailable(format!("the backup cannot be unpacked: {}", io_reason(&error)), error)
}

fn unknown(name: &str) -> Error {
    let name: String = name.chars().take(80).collect();
    Error::invalid(format!("this is no backup of heddle: it has {name:?} where none is expected"))
}

fn small<T: serde::de::DeserializeOwned>(entry: &mut impl Read) -> io::Result<T> {
    let mut bytes = Vec::new();
    entry.take(SMALL).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Check a blob, and keep it if there is somewhere to. Returns its size.
fn blob(
    entry: &mut impl Read,
    tenant: &TenantId,
    digest: Digest,
    target: Option<&Target<'_>>,
) -> Result<u64> {
    let mut writer = target.map(|target| target.blobs.create(tenant)).transpose().map_err(unwritable)?;
    let mut hasher = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = entry.read(&mut buffer).map_err(|error| {
            Error::invalid(format!(
                "the backup is damaged or cut off, and nothing of it is used: {}",
                said(&error)
            ))
        })?;
        if read == 0 {
            break;
        }
        size += read as u64;
        match &mut writer {
            Some(writer) => writer.write(&buffer[..read]).map_err(unwritable)?,
            None => hasher.update(&buffer[..read]),
        }
    }
    let found = match writer {
        Some(writer) => writer.finish_unsynced().map_err(unwritable)?,
        None => Digest::from_bytes(hasher.finalize().into()),
    };
    if found != digest {
        return Err(Error::invalid(format!(
            "the backup is damaged, and nothing of it is used: its blob {digest} has the digest {found}"
        )));
    }
    Ok(size)
}

/// Read a backup's file to its end and check all that is in it.
///
/// # Errors
/// `Invalid` if it is no backup, or not a whole one.
pub fn check(file: File) -> Result<BackupSummary> {
    read(io::BufReader::new(file), None).map(|(_, summary)| summary)
}
