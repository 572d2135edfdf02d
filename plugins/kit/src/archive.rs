//! ZIP packages that are the same bytes for the same files.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{Cursor, Write as _};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use zip8::write::SimpleFileOptions;
use zip8::{CompressionMethod, DateTime, ZipWriter};

/// Why a package cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveError {
    /// A name that is empty, absolute, leaves the package, holds a control character or a back-slash, or was added
    /// before (but for the case of its letters).
    Name(String),
    /// The writer refused; its own words.
    Write(String),
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArchiveError::Name(name) => {
                write!(f, "{name:?} cannot name a file in a package: give a relative path with \"/\", once")
            }
            ArchiveError::Write(why) => write!(f, "the package could not be written: {why}"),
        }
    }
}

impl std::error::Error for ArchiveError {}

/// A ZIP package in the making (deflate, permissions 0644).
///
/// ```
/// use heddle_kit::archive::Archive;
/// let mut archive = Archive::new(jiff::Timestamp::UNIX_EPOCH);
/// archive.add("figures/flow.svg", b"<svg/>")?;
/// assert!(archive.add("../outside", b"").is_err());
/// assert!(archive.finish()?.starts_with(b"PK"));
/// # Ok::<(), heddle_kit::archive::ArchiveError>(())
/// ```
pub struct Archive {
    writer: ZipWriter<Cursor<Vec<u8>>>,
    options: SimpleFileOptions,
    names: BTreeSet<String>,
}

impl Archive {
    /// An empty package. All its files are dated `created` (UTC); ZIP knows the years 1980 to 2107, and others become
    /// the nearest of these.
    pub fn new(created: Timestamp) -> Archive {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            // The system's mark would differ between a native and a Wasm build.
            .system(zip8::System::Unix)
            .unix_permissions(0o644)
            .last_modified_time(dos_time(created));
        Archive { writer: ZipWriter::new(Cursor::new(Vec::new())), options, names: BTreeSet::new() }
    }

    /// Adds a file after the others.
    ///
    /// # Errors
    /// A name that is not a plain relative path or is taken, or what the writer refuses.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        let plain = !name.contains(['\\', ':'])
            && !name.chars().any(char::is_control)
            && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        // Two names that differ in case only are one file on many machines.
        if !plain || !self.names.insert(name.to_lowercase()) {
            return Err(ArchiveError::Name(name.to_owned()));
        }
        self.writer.start_file(name, self.options).map_err(|e| ArchiveError::Write(e.to_string()))?;
        self.writer.write_all(bytes).map_err(|e| ArchiveError::Write(e.to_string()))
    }

    /// The package's bytes.
    ///
    /// # Errors
    /// What the writer refuses.
    pub fn finish(self) -> Result<Vec<u8>, ArchiveError> {
        let cursor = self.writer.finish().map_err(|e| ArchiveError::Write(e.to_string()))?;
        Ok(cursor.into_inner())
    }
}

/// The date as ZIP has it, to two seconds.
fn dos_time(created: Timestamp) -> DateTime {
    let at = created.to_zoned(TimeZone::UTC).datetime();
    let part = |value: i8| u8::try_from(value).unwrap_or(0);
    let exact = u16::try_from(at.year()).ok().and_then(|year| {
        let second = part(at.second()) & !1;
        DateTime::from_date_and_time(
            year,
            part(at.month()),
            part(at.day()),
            part(at.hour()),
            part(at.minute()),
            second,
        )
        .ok()
    });
    let last = || DateTime::from_date_and_time(2107, 12, 31, 23, 59, 58).unwrap_or_default();
    exact.unwrap_or_else(|| if at.year() > 2107 { last() } else { DateTime::default() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_or_clash_are_refused() {
        let mut archive = Archive::new(Timestamp::UNIX_EPOCH);
        archive.add("a/b.txt", b"1").unwrap();
        for name in
            ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a\\b", "C:x", "A/B.TXT", "x\u{0}", "./y", "z/"]
        {
            assert_eq!(archive.add(name, b""), Err(ArchiveError::Name(name.to_owned())), "{name}");
        }
    }

    #[test]
    fn the_same_files_are_the_same_bytes_and_come_out_again() {
        let made = || {
            let mut archive = Archive::new("2026-11-22T05:06:07Z".parse().unwrap());
            archive.add("z.txt", &b"text ".repeat(1000)).unwrap();
            archive.add("ä/ö.bin", &[0, 255]).unwrap();
            archive.finish().unwrap()
        };
        assert_eq!(made(), made());
        let mut read = zip8::ZipArchive::new(Cursor::new(made())).unwrap();
        let names: Vec<String> = read.file_names().map(str::to_owned).collect();
        assert_eq!(names, ["z.txt", "ä/ö.bin"]);
        let file = read.by_name("z.txt").unwrap();
        assert_eq!(file.last_modified().unwrap().to_string(), "2026-11-22 05:06:06");
        assert_eq!((file.size(), file.compression()), (5000, CompressionMethod::Deflated));
        for (text, year) in [("0001-01-01T00:00:00Z", 1980), ("9999-01-01T00:00:00Z", 2107)] {
            assert_eq!(dos_time(text.parse().unwrap()).year(), year);
        }
    }
}
