//! Where `--input` and `--file` are read from: a file, or what a pipe brings, which is kept until it is needed.

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
    os::fd::AsFd as _,
    path::Path,
};

use anyhow::{Context as _, bail};

use crate::error::Error;

/// How standard input is named.
const STDIN: &str = "-";
/// What some programs put before UTF-8. It is no part of a JSON text (RFC 8259, 8.1).
const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Something to read, open from the start on, so that what is looked at is what is taken.
#[derive(Debug)]
pub(super) struct Source {
    /// For messages.
    pub(super) shown: String,
    /// Its name without directories. A pipe has none that means anything.
    pub(super) name: Option<String>,
    file: File,
}

impl Source {
    /// Open a path, or standard input for `-`. What a pipe brings is kept in a temporary file of at most `limit` bytes.
    ///
    /// # Errors
    /// If it cannot be read, is a directory, or brings more.
    pub(super) fn open(path: &Path, limit: u64) -> anyhow::Result<Self> {
        if path.as_os_str() == STDIN {
            let file = io::stdin().as_fd().try_clone_to_owned().context("standard input cannot be read")?;
            return Self::spooled("(standard input)".to_owned(), file.into(), limit);
        }
        let shown = path.display().to_string();
        let unread = || format!("the file {shown} cannot be read");
        let file = File::open(path).with_context(unread)?;
        let metadata = file.metadata().with_context(unread)?;
        if metadata.is_dir() {
            bail!(Error::invalid(format!("{shown} is no file")));
        }
        if !metadata.is_file() {
            return Self::spooled(shown, file, limit);
        }
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            Error::invalid(format!("the name of {shown} is not UTF-8; give it another one"))
        })?;
        Ok(Self { shown: shown.clone(), name: Some(name.to_owned()), file })
    }

    fn spooled(shown: String, pipe: File, limit: u64) -> anyhow::Result<Self> {
        let mut file = tempfile::tempfile().context("a temporary file cannot be made")?;
        let size = io::copy(&mut pipe.take(limit + 1), &mut file)
            .with_context(|| format!("{shown} cannot be kept in a temporary file"))?;
        if size > limit {
            bail!(Error::invalid(format!("{shown} brings more than the {limit} bytes allowed")));
        }
        Ok(Self { shown, name: None, file })
    }

    /// The beginning of it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn head(&mut self) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.file.rewind()?;
        self.file.by_ref().take(64 << 10).read_to_end(&mut head)?;
        Ok(head)
    }

    /// The file at its start, or behind a byte order mark.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn text(&mut self) -> io::Result<&File> {
        let skipped = if self.head()?.starts_with(&BOM) { BOM.len() as u64 } else { 0 };
        self.file.seek(SeekFrom::Start(skipped))?;
        Ok(&self.file)
    }

    /// The file at its start.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn into_file(mut self) -> io::Result<File> {
        self.file.rewind()?;
        Ok(self.file)
    }

    /// As [`Source::text`].
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn into_text_file(mut self) -> io::Result<File> {
        self.text()?;
        Ok(self.file)
    }
}
