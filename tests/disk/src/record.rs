//! What the recorder writes down, one record after another, and how it is read again.
//!
//! A record is its length, its kind and its fields, little-endian, and is written at once to a file that is opened for
//! appending: so several processes share one order, and what a client notes stands between the changes that it followed.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// The environment variable that names the directory whose changes are recorded.
pub const ROOT: &str = "HEDDLE_DISK_ROOT";
/// The environment variable that names the file that is appended to.
pub const LOG: &str = "HEDDLE_DISK_LOG";
/// The environment variable that says how long a sync takes, in microseconds. Nothing is really synced.
pub const SYNC_MICROS: &str = "HEDDLE_DISK_SYNC_MICROS";

/// An open file of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handle {
    /// The process.
    pub pid: u32,
    /// Its file descriptor.
    pub fd: u32,
}

macro_rules! records {
    ($($(#[$doc:meta])* $kind:literal $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })+) => {
        /// One thing that happened. Paths are relative to the root.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Record<'a> {
            $($(#[$doc])* $name { $($(#[$field_doc])* $field: $type),* },)+
        }

        impl<'a> Record<'a> {
            fn kind(&self) -> u8 {
                match self { $(Self::$name { .. } => $kind,)+ }
            }

            fn put(&self, out: &mut Vec<u8>) {
                match self { $(Self::$name { $($field),* } => { $(Field::put($field, out);)* })+ }
            }

            fn take(kind: u8, bytes: &mut &'a [u8]) -> Option<Self> {
                match kind {
                    $($kind => Some(Self::$name { $($field: Field::take(bytes)?),* }),)+
                    _ => None,
                }
            }
        }
    };
}

records! {
    /// A process begins to record: no file of its number is open.
    1 Begin {
        /// The process.
        pid: u32,
    }
    /// A file or a directory was opened.
    2 Open {
        /// The new handle.
        handle: Handle,
        /// What was opened.
        path: &'a [u8],
        /// It was not there before.
        created: bool,
        /// It was emptied.
        truncated: bool,
        /// Its permissions.
        mode: u32,
    }
    /// A handle was made of another.
    3 Duplicate {
        /// The one that was there.
        from: Handle,
        /// The new one.
        to: Handle,
    }
    /// A handle was closed.
    4 Close {
        /// Which.
        handle: Handle,
    }
    /// Bytes were written.
    5 Write {
        /// To what.
        handle: Handle,
        /// At which byte they begin.
        offset: u64,
        /// The bytes.
        data: &'a [u8],
    }
    /// A file got another length; what is new is zero.
    6 Truncate {
        /// Of what.
        handle: Handle,
        /// The new length.
        length: u64,
    }
    /// A file got another name, and what had that name is gone.
    7 Rename {
        /// The old name.
        from: &'a [u8],
        /// The new name.
        to: &'a [u8],
    }
    /// A file got a further name.
    8 Link {
        /// The name that it has.
        from: &'a [u8],
        /// The further name.
        to: &'a [u8],
    }
    /// A name of a file was removed.
    9 Unlink {
        /// Which.
        path: &'a [u8],
    }
    /// A directory was made.
    10 MakeDirectory {
        /// Its name.
        path: &'a [u8],
        /// Its permissions.
        mode: u32,
    }
    /// A directory was removed.
    11 RemoveDirectory {
        /// Its name.
        path: &'a [u8],
    }
    /// Permissions were set.
    12 SetMode {
        /// Of what.
        path: &'a [u8],
        /// The permissions.
        mode: u32,
    }
    /// A sync begins: what was written before is durable when it has ended.
    13 SyncBegin {
        /// Of what.
        handle: Handle,
        /// The sync.
        number: u64,
    }
    /// A sync has ended.
    14 SyncEnd {
        /// The sync.
        number: u64,
    }
    /// Somebody who sees what the processes do wrote this down.
    15 Note {
        /// Whatever it is.
        text: &'a [u8],
    }
}

/// Something that a record is made of.
trait Field<'a>: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(bytes: &mut &'a [u8]) -> Option<Self>;
}

impl Field<'_> for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
    fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self::from_le_bytes(*bytes.split_off(..4)?.as_array()?))
    }
}

impl Field<'_> for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
    fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self::from_le_bytes(*bytes.split_off(..8)?.as_array()?))
    }
}

impl Field<'_> for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn take(bytes: &mut &[u8]) -> Option<Self> {
        bytes.split_off_first().map(|byte| *byte != 0)
    }
}

impl Field<'_> for Handle {
    fn put(&self, out: &mut Vec<u8>) {
        self.pid.put(out);
        self.fd.put(out);
    }
    fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { pid: u32::take(bytes)?, fd: u32::take(bytes)? })
    }
}

impl<'a> Field<'a> for &'a [u8] {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        out.extend_from_slice(self);
    }
    fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let length = usize::try_from(u64::take(bytes)?).ok()?;
        bytes.split_off(..length)
    }
}

/// Length and kind.
const HEAD: usize = 9;

impl<'a> Record<'a> {
    /// As it is appended to the log.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; HEAD];
        self.put(&mut out);
        let length = (out.len() - HEAD) as u64;
        out[..8].copy_from_slice(&length.to_le_bytes());
        out[8] = self.kind();
        out
    }

    /// The record at the beginning of `bytes`, which go on after it.
    fn decode(bytes: &mut &'a [u8]) -> Option<Self> {
        let length = usize::try_from(u64::take(bytes)?).ok()?;
        let kind = *bytes.split_off_first()?;
        let mut fields = bytes.split_off(..length)?;
        let record = Self::take(kind, &mut fields)?;
        fields.is_empty().then_some(record)
    }
}

/// A log, read whole.
pub struct Log {
    bytes: Vec<u8>,
    /// Where each record begins.
    starts: Vec<usize>,
}

impl Log {
    /// Read a log.
    ///
    /// # Errors
    /// If it cannot be read, or is no log.
    pub fn read(path: &Path) -> io::Result<Self> {
        let bytes = fs::read(path)?;
        let mut starts = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            starts.push(bytes.len() - rest.len());
            if Record::decode(&mut rest).is_none() {
                let at = starts.len() - 1;
                let message = format!("{}: record {at} is cut off, or none", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(Self { bytes, starts })
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// One of them.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn get(&self, index: usize) -> Record<'_> {
        let mut bytes = &self.bytes[self.starts[index]..];
        Record::decode(&mut bytes).expect("it was read before")
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// Where a client notes what it saw.
#[derive(Debug, Clone)]
pub struct Notes {
    path: PathBuf,
}

impl Notes {
    /// In this log.
    pub fn in_log(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Append a note.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&self, text: &[u8]) -> io::Result<()> {
        let mut log = fs::OpenOptions::new().append(true).create(true).open(&self.path)?;
        let record = Record::Note { text }.encode();
        // In one piece: others append to it, too.
        match io::Write::write(&mut log, &record)? {
            written if written == record.len() => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::StorageFull, "the log took a part of a note only")),
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file {} of process {}", self.fd, self.pid)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let handle = Handle { pid: 7, fd: 3 };
        let records = [
            Record::Begin { pid: 7 },
            Record::Open { handle, path: b"a", created: true, truncated: false, mode: 0o600 },
            Record::Write { handle, offset: 1 << 40, data: &[0, 255, 7] },
            Record::SyncBegin { handle, number: 1 },
            Record::SyncEnd { number: 1 },
            Record::Note { text: b"" },
        ];
        let bytes: Vec<u8> = records.iter().flat_map(Record::encode).collect();
        fs::write(&path, &bytes).unwrap();
        Notes::in_log(&path).add(b"seen").unwrap();
        let log = Log::read(&path).unwrap();
        let read: Vec<Record<'_>> = log.iter().collect();
        assert_eq!(read[..6], records);
        assert_eq!(read[6], Record::Note { text: b"seen" });

        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(Log::read(&path).err().unwrap().to_string().contains("record 5 is cut off"));
    }
}
