//! The archive: made on a thread that may block, and handed over in pieces as the client takes them.

use std::{
    cell::Cell,
    io::{self, Read, Write},
    rc::Rc,
};

use axum::body::{Body, Bytes};
use futures::stream;
use sha2::{Digest as _, Sha256};
use tokio::{runtime::Handle, sync::mpsc};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::provenance::{FileProvenance, Provenance};
use crate::{
    api::streams::Place,
    engine::Tenant,
    model::{Digest, RunId},
};

/// Bytes in one piece.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for the client; the thread waits when they are there.
const PIECES: usize = 4;

type Sender = mpsc::Sender<io::Result<Bytes>>;

/// The archive of a run as a body.
pub(super) fn stream(tenant: Tenant, id: RunId, provenance: Provenance, place: Place) -> Body {
    let (sender, receiver) = mpsc::channel(PIECES);
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let open = |file: &FileProvenance| handle.block_on(open(&tenant, id, file));
        if let Err(error) = write(sender.clone(), &provenance, open)
            && !sender.is_closed()
        {
            tracing::error!(run = %id, %error, "an archive broke off");
            // Without its end the archive is visibly not whole. If the client is gone, nobody minds.
            let _ = sender.blocking_send(Err(error));
        }
    });
    Body::from_stream(stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|piece| (piece, receiver))
    }))
}

async fn open(tenant: &Tenant, id: RunId, file: &FileProvenance) -> io::Result<Box<dyn Read>> {
    match file.version {
        Some(version) => {
            let name = file.path.strip_prefix(&format!("{}/", file.step)).unwrap_or(&file.path);
            let (_, content) =
                tenant.artifact(id, &file.step, name, Some(version)).await.map_err(io::Error::other)?;
            Ok(Box::new(content.into_std().await))
        }
        None => {
            let output = tenant.step_output(id, &file.step).await.map_err(io::Error::other)?;
            match output {
                Some(output) => Ok(output.into_read().await),
                None => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }
}

/// Write the archive. Its bytes depend on nothing but the arguments.
fn write(
    sender: Sender,
    provenance: &Provenance,
    open: impl Fn(&FileProvenance) -> io::Result<Box<dyn Read>>,
) -> io::Result<()> {
    let shut = Rc::new(Cell::new(false));
    let pieces = Pieces { sender, piece: Vec::with_capacity(PIECE), shut: shut.clone() };
    let mut archive = ZipWriter::new_stream(pieces);
    let written = fill(&mut archive, provenance, open);
    if written.is_err() {
        // The writer writes the archive's end when it is dropped. After a failure it must not get through.
        shut.set(true);
        return written;
    }
    let mut pieces = archive.finish()?.into_inner();
    pieces.flush()
}

fn fill(
    archive: &mut ZipWriter<zip::write::StreamWriter<Pieces>>,
    provenance: &Provenance,
    open: impl Fn(&FileProvenance) -> io::Result<Box<dyn Read>>,
) -> io::Result<()> {
    let manifest = provenance.text();
    archive.start_file("manifest.json", options("manifest.json", manifest.len() as u64))?;
    archive.write_all(manifest.as_bytes())?;
    for file in &provenance.files {
        let mut content = open(file)?;
        // A step's output may be of any size below four GiB: the engine bounds it far below.
        archive.start_file(&file.path, options(&file.path, file.size.unwrap_or(0)))?;
        let mut hashed = Hashed { inner: archive, hasher: Sha256::new() };
        io::copy(&mut content, &mut hashed)?;
        let found = Digest::from_bytes(hashed.hasher.finalize().into()).to_string();
        if found != file.sha256 {
            let message = format!("{} has the digest {found}, not {}", file.path, file.sha256);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
    }
    Ok(())
}

/// The same for the same file: no time of today, nothing of this machine.
fn options(path: &str, size: u64) -> SimpleFileOptions {
    // What is compressed already only costs time.
    let packed =
        [".png", ".zip", ".xlsx", ".docx", ".pptx", ".pdf"].iter().any(|ending| path.ends_with(ending));
    let options = SimpleFileOptions::default()
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .large_file(size >= u64::from(u32::MAX) / 2);
    match packed {
        true => options.compression_method(CompressionMethod::Stored),
        false => options.compression_method(CompressionMethod::Deflated).compression_level(Some(6)),
    }
}

struct Hashed<'a, W> {
    inner: &'a mut W,
    hasher: Sha256,
}

impl<W: Write> Write for Hashed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Collects what is written into pieces, and hands them over.
struct Pieces {
    sender: Sender,
    piece: Vec<u8>,
    /// What is written from now on gets lost.
    shut: Rc<Cell<bool>>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    /// Keeps the piece: small pieces at each flush of the archive's writer would be slow. The last one goes with
    /// [`Drop`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pieces {
    fn hand_over(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE)));
        if piece.is_empty() || self.shut.get() {
            return Ok(());
        }
        self.sender.blocking_send(Ok(piece)).map_err(|_| {
            self.shut.set(true);
            io::Error::new(io::ErrorKind::BrokenPipe, "the client went away")
        })
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        // If the client is gone, nobody needs the rest.
        let _ = self.hand_over();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn provenance(contents: &[(&str, &[u8])]) -> Provenance {
        let files = contents.iter().map(|(path, bytes)| FileProvenance {
            path: (*path).to_owned(),
            step: "s".to_owned(),
            sha256: Digest::of(bytes).to_string(),
            size: Some(bytes.len() as u64),
            version: Some(1),
            deliverable: true,
        });
        Provenance {
            run: "run_1".to_owned(),
            workflow: "w".to_owned(),
            workflow_version: "1.0.0".to_owned(),
            state: "completed".to_owned(),
            failure: None,
            plan: String::new(),
            plugins: std::collections::BTreeMap::new(),
            input: String::new(),
            input_files: Vec::new(),
            seed: String::new(),
            as_of: String::new(),
            created_at: String::new(),
            finished_at: None,
            steps: Vec::new(),
            files: files.collect(),
            left_out: Vec::new(),
        }
    }

    /// The archive, and how writing it ended.
    fn made(provenance: Provenance, contents: Vec<(String, Vec<u8>)>) -> (Vec<u8>, io::Result<()>) {
        let (sender, mut receiver) = mpsc::channel(PIECES);
        let writer = std::thread::spawn(move || {
            write(sender, &provenance, |file| {
                let content = contents.iter().find(|(path, _)| *path == file.path).unwrap();
                Ok(Box::new(io::Cursor::new(content.1.clone())))
            })
        });
        let mut bytes = Vec::new();
        while let Some(piece) = receiver.blocking_recv() {
            bytes.extend_from_slice(&piece.unwrap());
        }
        (bytes, writer.join().unwrap())
    }

    #[test]
    fn the_same_bytes_each_time_and_every_file_in_it() {
        let large: Vec<u8> = (0..1_000_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let files: [(&str, &[u8]); 3] = [("s/a.json", b"{}"), ("s/b.png", &large), ("s/empty.txt", b"")];
        let owned = || files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        let (first, result) = made(provenance(&files), owned());
        result.unwrap();
        assert_eq!(first, made(provenance(&files), owned()).0);
        let mut archive = zip::ZipArchive::new(io::Cursor::new(first)).unwrap();
        assert_eq!(archive.len(), 4);
        for (path, bytes) in files {
            let mut read = Vec::new();
            archive.by_name(path).unwrap().read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{path}");
        }
    }

    #[test]
    fn damaged_content_ends_the_archive_before_its_end() {
        let files: [(&str, &[u8]); 1] = [("s/a.json", b"{}")];
        let (bytes, result) = made(provenance(&files), vec![("s/a.json".to_owned(), b"{1}".to_vec())]);
        assert!(result.unwrap_err().to_string().contains("has the digest"));
        assert!(zip::ZipArchive::new(io::Cursor::new(bytes)).is_err());
    }

    #[test]
    fn a_client_that_goes_away_stops_the_writing() {
        let large: Vec<u8> = (0..3_000_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let files: [(&str, &[u8]); 1] = [("s/b.png", &large)];
        let provenance = provenance(&files);
        let (sender, receiver) = mpsc::channel(PIECES);
        drop(receiver);
        let result = write(sender, &provenance, |_| Ok(Box::new(io::Cursor::new(large.clone()))));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
