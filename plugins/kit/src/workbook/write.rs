//! The parts of a workbook.

use std::collections::BTreeMap;

use super::CONTENTS;
use super::sheet::{Sheet, Value};
use super::styles::{Formats, HEADER, HEADING, LINK, NOTE, PLAIN, TEXT, TITLE};
use crate::archive::ArchiveError;
use crate::document::{Meta, Part, package};
use crate::xml::Xml;

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
/// Most characters (UTF-16 units) of a cell.
const LONGEST: usize = 32_767;
/// Narrowest and widest of the columns that are as wide as their text.
const WIDTH: (f64, f64) = (9.0, 62.0);

/// Height of a row with a title, in points.
const TITLE_HEIGHT: &str = "22";

/// A cell as it is written.
enum Cell {
    Text(String, usize),
    Number(f64, usize),
}

pub(super) fn workbook(meta: &Meta, sheets: &[Sheet], names: &[String]) -> Result<Vec<u8>, ArchiveError> {
    let mut strings = Strings::default();
    let mut formats = Formats::default();
    let mut parts = vec![Part::new("xl/workbook.xml", WORKBOOK_TYPE, workbook_part(names))];
    parts.push(Part::new(
        "xl/worksheets/sheet1.xml",
        SHEET_TYPE,
        contents(meta, sheets, names, &mut strings),
    ));
    for (at, sheet) in sheets.iter().enumerate() {
        let path = format!("xl/worksheets/sheet{}.xml", at + 2);
        parts.push(Part::new(path, SHEET_TYPE, table(sheet, &mut strings, &mut formats)));
    }
    parts.push(Part::new("xl/styles.xml", STYLES_TYPE, formats.write()));
    parts.push(Part::new("xl/sharedStrings.xml", STRINGS_TYPE, strings.write()));
    let mut relations: Vec<(String, &str, String)> = (1..=names.len() + 1)
        .map(|at| (format!("rId{at}"), "worksheet", format!("worksheets/sheet{at}.xml")))
        .collect();
    relations.push(("rIdStyles".to_owned(), "styles", "styles.xml".to_owned()));
    relations.push(("rIdStrings".to_owned(), "sharedStrings", "sharedStrings.xml".to_owned()));
    parts.push(Part::relations("xl/_rels/workbook.xml.rels", &relations));
    package(meta, &parts)
}

const WORKBOOK_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml";
const SHEET_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml";
const STYLES_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml";
const STRINGS_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml";

fn workbook_part(names: &[String]) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.element("workbook", &[("xmlns", MAIN), ("xmlns:r", OFFICE)], |xml| {
        xml.element("bookViews", &[], |xml| xml.empty("workbookView", &[("activeTab", "0")]));
        xml.element("sheets", &[], |xml| {
            for (at, name) in std::iter::once(CONTENTS).chain(names.iter().map(String::as_str)).enumerate() {
                let id = (at + 1).to_string();
                xml.empty("sheet", &[("name", name), ("sheetId", &id), ("r:id", &format!("rId{id}"))]);
            }
        });
    });
    xml.finish()
}

/// The first sheet: the workbook's title, and a line for each table with a link to it.
fn contents(meta: &Meta, sheets: &[Sheet], names: &[String], strings: &mut Strings) -> Vec<u8> {
    let text = |text: &str, style| Some(Cell::Text(text.to_owned(), style));
    let mut rows = vec![vec![text(&meta.title, TITLE)]];
    if !meta.author.is_empty() {
        rows.push(vec![text(&meta.author, NOTE)]);
    }
    rows.push(Vec::new());
    rows.push(["Sheet", "Table", "Rows"].into_iter().map(|h| text(h, HEADER)).collect());
    let first = rows.len() + 1;
    for (sheet, name) in sheets.iter().zip(names) {
        let count = Some(Cell::Number(sheet.rows.len() as f64, PLAIN));
        rows.push(vec![text(name, LINK), text(sheet.title(), TEXT), count]);
    }
    let widest = names.iter().map(|n| n.chars().count()).max().unwrap_or(0) as f64;
    let page = Page { rows, widths: vec![(widest + 3.0).max(16.0), 80.0, 10.0], frozen: 0, filtered: None };
    page.write(strings, |xml| {
        if names.is_empty() {
            return;
        }
        xml.element("hyperlinks", &[], |xml| {
            for (at, name) in names.iter().enumerate() {
                // In a reference, a quotation mark of the name is doubled.
                let place = format!("'{}'!A1", name.replace('\'', "''"));
                let cell = format!("A{}", first + at);
                xml.empty("hyperlink", &[("ref", &cell), ("location", &place), ("display", name)]);
            }
        });
    })
}

fn table(sheet: &Sheet, strings: &mut Strings, formats: &mut Formats) -> Vec<u8> {
    let mut rows: Vec<Vec<Option<Cell>>> = Vec::with_capacity(sheet.rows.len() + 3);
    if sheet.has_title_row {
        rows.push(vec![Some(Cell::Text(sheet.title().to_owned(), TITLE))]);
    }
    let header = rows.len() + 1;
    rows.push(sheet.columns.iter().map(|c| Some(Cell::Text(c.heading.clone(), HEADER))).collect());
    let codes: Vec<usize> = sheet.columns.iter().map(|c| formats.style(&c.format)).collect();
    for row in &sheet.rows {
        let cells = row.iter().enumerate().map(|(at, value)| match value {
            Value::Text(text) => Some(Cell::Text(text.clone(), TEXT)),
            Value::Heading(text) => Some(Cell::Text(text.clone(), HEADING)),
            Value::Number(number) => Some(number_cell(*number, codes.get(at).copied().unwrap_or(PLAIN))),
            Value::Formatted(number, code) => Some(number_cell(*number, formats.style(code))),
            Value::Empty => None,
        });
        rows.push(cells.collect());
    }
    let widths = widths(sheet);
    let filtered = (!sheet.rows.is_empty() && !sheet.columns.is_empty())
        .then(|| format!("A{header}:{}{}", column_name(sheet.columns.len() - 1), sheet.rows.len() + header));
    if !sheet.notes.is_empty() {
        rows.push(Vec::new());
        rows.extend(sheet.notes.iter().map(|n| vec![Some(Cell::Text(n.clone(), NOTE))]));
    }
    Page { rows, widths, frozen: header, filtered }.write(strings, |_| {})
}

fn number_cell(number: f64, style: usize) -> Cell {
    if number.is_finite() { Cell::Number(number, style) } else { Cell::Text("n/a".to_owned(), TEXT) }
}

/// Widths in characters: of the header and of the first rows' text, within what is read with ease.
fn widths(sheet: &Sheet) -> Vec<f64> {
    let longest_line = |text: &str| text.lines().map(|l| l.chars().count()).max().unwrap_or(0) as f64;
    let column = |(at, column): (usize, &super::sheet::SheetColumn)| {
        if let Some(width) = column.width {
            return if width.is_finite() { width.clamp(1.0, 255.0) } else { WIDTH.0 };
        }
        // The header's button for filters needs room too.
        let heading = longest_line(&column.heading).min(28.0) + 4.0;
        let cells = sheet.rows.iter().take(2_000).filter_map(|r| match r.get(at) {
            Some(Value::Text(text)) => Some(longest_line(text) + 2.0),
            Some(Value::Number(_) | Value::Formatted(..)) => Some(12.0),
            Some(Value::Heading(_) | Value::Empty) | None => None,
        });
        cells.fold(heading, f64::max).clamp(WIDTH.0, WIDTH.1)
    };
    sheet.columns.iter().enumerate().map(column).collect()
}

/// A sheet's cells, and how it is shown.
struct Page {
    rows: Vec<Vec<Option<Cell>>>,
    widths: Vec<f64>,
    /// Rows that stay in sight.
    frozen: usize,
    filtered: Option<String>,
}

impl Page {
    fn write(&self, strings: &mut Strings, after: impl FnOnce(&mut Xml)) -> Vec<u8> {
        let mut xml = Xml::new();
        xml.element("worksheet", &[("xmlns", MAIN)], |xml| {
            xml.element("sheetPr", &[], |xml| xml.empty("pageSetUpPr", &[("fitToPage", "1")]));
            xml.element("sheetViews", &[], |xml| self.view(xml));
            if !self.widths.is_empty() {
                xml.element("cols", &[], |xml| {
                    for (at, width) in self.widths.iter().enumerate() {
                        let (at, width) = ((at + 1).to_string(), format!("{width:.2}"));
                        xml.empty(
                            "col",
                            &[("min", &at), ("max", &at), ("width", &width), ("customWidth", "1")],
                        );
                    }
                });
            }
            xml.element("sheetData", &[], |xml| {
                for (at, row) in self.rows.iter().enumerate().filter(|(_, r)| !r.is_empty()) {
                    let number = (at + 1).to_string();
                    // A title is larger than the rows' own height.
                    let is_title = matches!(row.first(), Some(Some(Cell::Text(_, TITLE))));
                    let height: &[(&str, &str)] =
                        if is_title { &[("ht", TITLE_HEIGHT), ("customHeight", "1")] } else { &[] };
                    let place = [("r", number.as_str())];
                    let attributes = [place.as_slice(), height].concat();
                    xml.element("row", &attributes, |xml| write_row(xml, row, &number, strings));
                }
            });
            if let Some(range) = &self.filtered {
                xml.empty("autoFilter", &[("ref", range)]);
            }
            after(xml);
            // Printed as wide as the page, on as many pages as it takes.
            xml.empty("pageSetup", &[("paperSize", "9"), ("orientation", "landscape"), ("fitToHeight", "0")]);
        });
        xml.finish()
    }

    fn view(&self, xml: &mut Xml) {
        xml.element("sheetView", &[("workbookViewId", "0")], |xml| {
            if self.frozen > 0 {
                let rows = self.frozen.to_string();
                let corner = format!("A{}", self.frozen + 1);
                let pane =
                    [("ySplit", rows.as_str()), ("topLeftCell", &corner), ("activePane", "bottomLeft")];
                xml.empty("pane", &[pane.as_slice(), &[("state", "frozen")]].concat());
            }
        });
    }
}

fn write_row(xml: &mut Xml, row: &[Option<Cell>], number: &str, strings: &mut Strings) {
    for (at, cell) in row.iter().enumerate() {
        let place = format!("{}{number}", column_name(at));
        match cell {
            None => {}
            Some(Cell::Text(text, style)) => {
                let (index, style) = (strings.index(text).to_string(), style.to_string());
                let attributes = [("r", place.as_str()), ("s", &style), ("t", "s")];
                xml.element("c", &attributes, |xml| xml.leaf("v", &[], &index));
            }
            Some(Cell::Number(value, style)) => {
                let attributes = [("r", place.as_str()), ("s", &style.to_string())];
                xml.element("c", &attributes, |xml| xml.leaf("v", &[], &format!("{value:?}")));
            }
        }
    }
}

/// "A" for 0, "Z" for 25, "AA" for 26.
fn column_name(at: usize) -> String {
    let mut name = Vec::new();
    let mut rest = at + 1;
    while rest > 0 {
        let digit = u8::try_from((rest - 1) % 26).unwrap_or(0);
        name.push(char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    name.iter().rev().collect()
}

/// The texts of all cells, each once, in the order of their first use.
#[derive(Default)]
struct Strings {
    indices: BTreeMap<String, usize>,
    texts: Vec<String>,
    uses: usize,
}

impl Strings {
    fn index(&mut self, text: &str) -> usize {
        self.uses += 1;
        if let Some(at) = self.indices.get(text) {
            return *at;
        }
        let at = self.texts.len();
        self.indices.insert(text.to_owned(), at);
        self.texts.push(text.to_owned());
        at
    }

    fn write(&self) -> Vec<u8> {
        let (uses, unique) = (self.uses.to_string(), self.texts.len().to_string());
        let mut xml = Xml::new();
        xml.element("sst", &[("xmlns", MAIN), ("count", &uses), ("uniqueCount", &unique)], |xml| {
            for text in &self.texts {
                xml.element("si", &[], |xml| xml.leaf("t", &[("xml:space", "preserve")], &cell_text(text)));
            }
        });
        xml.finish()
    }
}

/// Text as a cell holds it: cut to the longest, and with what looks like one of the format's own escapes (`_x000D_`,
/// ECMA-376 part 1, 22.9.2.19) escaped, so that it is shown and not read.
fn cell_text(text: &str) -> String {
    let mut units = 0;
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        units += c.len_utf16();
        if units > LONGEST - 1 && text.encode_utf16().count() > LONGEST {
            kept.push('…');
            break;
        }
        kept.push(c);
    }
    let mut out = String::with_capacity(kept.len());
    for (at, c) in kept.char_indices() {
        let escape = c == '_' && looks_like_escape(kept.get(at..).unwrap_or_default());
        out.push_str(if escape { "_x005F_" } else { "" });
        if !escape {
            out.push(c);
        }
    }
    out
}

fn looks_like_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.get(..2) == Some(b"_x")
        && bytes.get(2..6).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        && bytes.get(6) == Some(&b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_excel_names_them() {
        let names: Vec<String> = [0, 25, 26, 51, 52, 701, 702, 16_383].into_iter().map(column_name).collect();
        assert_eq!(names, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA", "XFD"]);
    }

    #[test]
    fn text_that_looks_like_an_escape_stays_text() {
        assert_eq!(cell_text("a_x000D_b"), "a_x005F_x000D_b");
        assert_eq!(cell_text("_x00_ _y000D_"), "_x00_ _y000D_");
        let long = "x".repeat(40_000);
        let cut = cell_text(&long);
        assert_eq!((cut.chars().count(), cut.ends_with('…')), (LONGEST, true));
        assert_eq!(cell_text(&"x".repeat(LONGEST)).len(), LONGEST);
    }
}
