//! From bytes to text, JSON values or CSV records, with errors that say where.

use std::borrow::Cow;

use heddle_sdk::prelude::*;
use serde_json::Value;

/// JSON values one after the other, each with the line on which it starts.
pub(super) type Values = Vec<(usize, Value)>;

const UTF8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
const UTF16_LE_MARK: &[u8] = &[0xFF, 0xFE];
const UTF16_BE_MARK: &[u8] = &[0xFE, 0xFF];

/// The text of a file, without a byte-order mark: UTF-8, or UTF-16 of either byte order with its mark, as spreadsheets and
/// Windows' own tools write it.
///
/// # Errors
/// For any other encoding, with the place of the first byte that does not fit.
pub(super) fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<Cow<'a, str>, Problem> {
    if let Some(rest) = bytes.strip_prefix(UTF16_LE_MARK) {
        return utf16(name, rest, u16::from_le_bytes).map(Cow::Owned);
    }
    if let Some(rest) = bytes.strip_prefix(UTF16_BE_MARK) {
        return utf16(name, rest, u16::from_be_bytes).map(Cow::Owned);
    }
    let refuse = |message: String| Err(refusal(name, &message));
    if bytes.starts_with(b"PK\x03\x04") {
        return refuse("is a zip archive or an Excel workbook: give the JSON or CSV file itself".to_owned());
    }
    if bytes.starts_with(&[0x1F, 0x8B]) {
        return refuse("is compressed with gzip: decompress it first".to_owned());
    }
    let bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    if let Some(at) = bytes.iter().take(4096).position(|&b| b == 0) {
        return refuse(format!(
            "has a zero byte at offset {at}: it is binary, or UTF-16 without a byte-order mark; give UTF-8, or UTF-16 with \
             its mark"
        ));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => {
            let good = &bytes[..error.valid_up_to()];
            let line = good.iter().filter(|&&b| b == b'\n').count() + 1;
            let column = good.iter().rev().take_while(|&&b| b != b'\n').count() + 1;
            if error.error_len().is_none() {
                return refuse(format!(
                    "ends in the middle of a character (line {line}, byte {column} of the line): \
                     the file is cut off; export or upload it again"
                ));
            }
            let byte = bytes[error.valid_up_to()];
            refuse(format!(
                "is not UTF-8: byte 0x{byte:02X} at line {line}, byte {column} of the line. If it is an older \
                 Windows or Latin-1 export, convert it with `iconv -f WINDOWS-1252 -t UTF-8`"
            ))
        }
    }
}

fn refusal(name: &str, message: &str) -> Problem {
    Problem::new("", format!("{name} {message}"))
}

fn utf16(name: &str, bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Problem> {
    let (units, rest) = bytes.as_chunks::<2>();
    // A character of Western scripts has two bytes here and one there.
    let mut text = String::with_capacity(units.len());
    for read in char::decode_utf16(units.iter().map(|pair| unit(*pair))) {
        let Ok(c) = read else {
            let line = text.matches('\n').count() + 1;
            let column = text.chars().rev().take_while(|c| *c != '\n').count() + 1;
            return Err(refusal(
                name,
                &format!(
                    "is not UTF-16, as its byte-order mark says: half a character at line {line}, character {column}; the \
                     file is cut off or damaged; export or upload it again"
                ),
            ));
        };
        text.push(c);
    }
    if !rest.is_empty() {
        let message = "is UTF-16 by its byte-order mark and ends in the middle of a character: the file is cut off; \
                       export or upload it again";
        return Err(refusal(name, message));
    }
    Ok(text)
}

/// All JSON values of a text: one document, JSON lines, or documents one after the other.
///
/// # Errors
/// For text that is no JSON or ends too early, with line and column.
pub(super) fn json(name: &str, text: &str) -> Result<Values, Problem> {
    let mut values = Vec::new();
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let (mut line, mut counted) = (1, 0);
    loop {
        let rest = &text[stream.byte_offset()..];
        let start = stream.byte_offset() + (rest.len() - rest.trim_start().len());
        line += text[counted..start].matches('\n').count();
        counted = start;
        match stream.next() {
            None => return Ok(values),
            Some(Ok(value)) => values.push((line, value)),
            Some(Err(error)) => {
                let what = if error.is_eof() {
                    "the JSON ends too early (the file is cut off; export or upload it again)".to_owned()
                } else {
                    let cause = error.to_string();
                    let cause = cause.rsplit_once(" at line ").map_or(cause.as_str(), |(cause, _)| cause);
                    format!("this is not JSON: {cause}")
                };
                let message = format!("{name}: {what}; line {}, column {}", error.line(), error.column());
                return Err(Problem::new("", message));
            }
        }
    }
}

/// A CSV table: the header and the rows, each with the line on which it starts.
pub(super) struct Table {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<(u64, csv::StringRecord)>,
}

/// Read CSV. The separator is the one of comma, semicolon and tab that is most frequent in the header.
///
/// # Errors
/// If the file is not CSV at all.
pub(super) fn table(name: &str, text: &str) -> Result<Table, Problem> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let delimiter = [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|&d| (first.bytes().filter(|&b| b == d).count(), d == b','))
        .unwrap_or(b',');
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let fail = |error: csv::Error| Problem::new("", format!("{name}: this is not CSV: {error}"));
    let header = reader.headers().map_err(fail)?.iter().map(|h| h.trim().to_owned()).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(fail)?;
        rows.push((record.position().map_or(0, csv::Position::line), record));
    }
    Ok(Table { header, rows })
}
