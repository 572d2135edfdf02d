//! From bytes to text, JSON values or CSV records, with errors that say where.

use heddle_sdk::prelude::*;
use serde_json::Value;

/// JSON values one after the other, each with the line on which it starts.
pub(super) type Values = Vec<(usize, Value)>;

/// The text of a file, without a byte-order mark.
///
/// # Errors
/// For any encoding but UTF-8, with the place of the first byte that is not.
pub(super) fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, Problem> {
    let refuse = |message: String| Err(Problem::new("", format!("{name} {message}")));
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return refuse(
            "is UTF-16 text, and UTF-8 is needed: convert it, for example with \
             `iconv -f UTF-16 -t UTF-8`"
                .to_owned(),
        );
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return refuse("is a zip archive or an Excel workbook: give the JSON or CSV file itself".to_owned());
    }
    if bytes.starts_with(&[0x1F, 0x8B]) {
        return refuse("is compressed with gzip: decompress it first".to_owned());
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    if let Some(at) = bytes.iter().take(4096).position(|&b| b == 0) {
        return refuse(format!(
            "has a zero byte at offset {at}: it is binary or UTF-16 without a byte-order mark, and UTF-8 text is needed"
        ));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
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
