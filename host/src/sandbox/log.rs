//! An attempt's log, under its quota.

use std::time::Instant;

use super::{LogLevel, LogLine};
use crate::model::Failure;

/// What a line costs besides its text, so that empty lines are not free: about what it takes in memory and storage.
const LINE_COST: u64 = 32;
/// What the host adds of its own (a backtrace) is cut to this, in bytes.
const HOST_LINE: usize = 16 << 10;
/// A line of a stream that is longer becomes several.
const STREAM_LINE: usize = 64 << 10;

/// Collects the lines of one attempt.
#[derive(Debug)]
pub(super) struct AttemptLog {
    started: Instant,
    limit: u64,
    used: u64,
    lines: Vec<LogLine>,
    /// The last line of standard output and of standard error, while its end has not come.
    unfinished: [Vec<u8>; 2],
}

/// A stream of WASI whose lines go to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn level(self) -> LogLevel {
        match self {
            Self::Stdout => LogLevel::Info,
            Self::Stderr => LogLevel::Error,
        }
    }
}

impl AttemptLog {
    pub(super) fn new(limit: u64) -> Self {
        Self { started: Instant::now(), limit, used: 0, lines: Vec::new(), unfinished: Default::default() }
    }

    fn push(&mut self, level: LogLevel, message: String) {
        let at_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.lines.push(LogLine { at_us, level, message });
    }

    /// A line of the guest.
    ///
    /// # Errors
    /// The line that does not fit is cut to what is left of the quota, and the attempt has to stop.
    pub(super) fn guest(&mut self, level: LogLevel, mut message: String) -> Result<(), Failure> {
        let used = self.used.saturating_add(message.len() as u64 + LINE_COST);
        if used <= self.limit {
            self.used = used;
            self.push(level, message);
            return Ok(());
        }
        let left = usize::try_from(self.limit.saturating_sub(self.used)).unwrap_or(usize::MAX).min(HOST_LINE);
        truncate(&mut message, left);
        self.push(level, message);
        self.used = self.limit;
        Err(Failure::limit("log_bytes", self.limit, used, "the guest logged too much"))
    }

    /// Bytes that the guest wrote to a stream. Each line of them becomes one of the log.
    ///
    /// # Errors
    /// As [`AttemptLog::guest`].
    pub(super) fn stream(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), Failure> {
        let mut pieces = bytes.split_inclusive(|&byte| byte == b'\n');
        pieces.try_for_each(|piece| {
            let line = &mut self.unfinished[stream as usize];
            line.extend_from_slice(piece.strip_suffix(b"\n").unwrap_or(piece));
            if piece.ends_with(b"\n") || line.len() >= STREAM_LINE {
                return self.end_line(stream);
            }
            Ok(())
        })
    }

    fn end_line(&mut self, stream: Stream) -> Result<(), Failure> {
        let line = std::mem::take(&mut self.unfinished[stream as usize]);
        self.guest(stream.level(), String::from_utf8_lossy(&line).into_owned())
    }

    /// The guest has ended: what it wrote without a line's end is a line too.
    ///
    /// # Errors
    /// As [`AttemptLog::guest`].
    pub(super) fn end_streams(&mut self) -> Result<(), Failure> {
        for stream in [Stream::Stdout, Stream::Stderr] {
            if !self.unfinished[stream as usize].is_empty() {
                self.end_line(stream)?;
            }
        }
        Ok(())
    }

    /// A line of the host. The quota is the guest's.
    pub(super) fn host(&mut self, level: LogLevel, mut message: String) {
        truncate(&mut message, HOST_LINE);
        self.push(level, message);
    }

    /// What the guest last said of an error.
    pub(super) fn last_error(&self) -> Option<&str> {
        self.lines.iter().rev().find(|line| line.level == LogLevel::Error).map(|line| line.message.as_str())
    }

    pub(super) fn take_lines(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.lines)
    }
}

/// Cut a text of a guest's making to at most `bytes`, at a character's boundary, and say that it was cut.
pub(super) fn truncate(text: &mut String, bytes: usize) {
    if text.len() <= bytes {
        return;
    }
    let all = text.len();
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(&format!("… ({all} bytes in all)"));
}

/// As [`truncate`], of a borrowed text.
pub(super) fn excerpt(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == text.len() {
        text.to_owned()
    } else {
        format!("{}… ({} bytes in all)", &text[..end], text.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_cut_into_lines() {
        let mut log = AttemptLog::new(10_000);
        log.stream(Stream::Stdout, b"one\ntwo").unwrap();
        log.stream(Stream::Stderr, b"oops").unwrap();
        log.stream(Stream::Stdout, b" and a half\n\n\xff").unwrap();
        log.end_streams().unwrap();
        let lines: Vec<_> = log.take_lines().into_iter().map(|l| (l.level, l.message)).collect();
        let expected =
            [("one", false), ("two and a half", false), ("", false), ("\u{fffd}", false), ("oops", true)]
                .map(|(m, error)| (if error { LogLevel::Error } else { LogLevel::Info }, m.to_owned()));
        assert_eq!(lines, expected);
    }

    #[test]
    fn empty_lines_are_counted_and_the_breach_has_figures() {
        let mut log = AttemptLog::new(100);
        for _ in 0..3 {
            log.guest(LogLevel::Info, String::new()).unwrap();
        }
        let breach = log.guest(LogLevel::Error, "é".repeat(50)).unwrap_err().breach.unwrap();
        assert_eq!((breach.limit.as_str(), breach.value, breach.used), ("log_bytes", 100, 96 + 132));
        assert_eq!(log.last_error(), Some("éé… (100 bytes in all)"));
    }
}
