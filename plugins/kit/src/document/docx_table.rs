//! Tables of a DOCX document.

use super::docx::{Body, ROOM, runs};
use super::table::{Cell, Row, Table, shared_out};
use crate::plot::text;
use crate::report::Align;
use crate::xml::Xml;

/// The size of a table's text, in points.
const SIZE: f64 = 9.0;
/// The word processor has its own fonts, and those that it takes where one is missing may be so much wider than ours.
const WIDER: f64 = 1.15;
/// The white space in a cell, in twentieths of a point.
const CELL_PAD: f32 = 240.0;
/// A heading may be so wide before it is wrapped, in twentieths of a point.
const HEADING: f32 = 1850.0;
/// How far a row below a heading is indented, in twentieths of a point.
const INDENT: u32 = 200;

impl Body {
    pub(super) fn table(&mut self, xml: &mut Xml, number: &str, table: &Table) {
        self.caption(xml, number, &table.caption, true);
        let widths = widths(table);
        xml.element("w:tbl", &[], |xml| {
            xml.element("w:tblPr", &[], |xml| {
                xml.empty("w:tblW", &[("w:w", &ROOM.to_string()), ("w:type", "dxa")]);
                xml.element("w:tblBorders", &[], |xml| {
                    for side in ["w:top", "w:bottom"] {
                        rule(xml, side, "10", "1A1A1A");
                    }
                });
                xml.empty("w:tblLayout", &[("w:type", "fixed")]);
                xml.empty("w:tblLook", &[("w:val", "0020"), ("w:firstRow", "1")]);
            });
            xml.element("w:tblGrid", &[], |xml| {
                for width in &widths {
                    xml.empty("w:gridCol", &[("w:w", &width.to_string())]);
                }
            });
            let header = table.header();
            let last = header.len().saturating_sub(1);
            for (at, cells) in header.iter().enumerate() {
                let look = Look { header: true, ruled: at == last, indent: 0, keep: true };
                self.row(xml, table, cells, &widths, look);
            }
            let body = table.body();
            let end = body.len().saturating_sub(1);
            for (at, row) in body.into_iter().enumerate() {
                let ruled = at < end;
                match row {
                    Row::Heading(heading) => {
                        let cell = Cell::new(heading.emboldened()).across(widths.len());
                        self.row(xml, table, &[cell], &widths, Look { keep: true, ruled, ..Look::default() });
                    }
                    Row::Cells { cells, indent } => {
                        let look = Look { indent, ruled, ..Look::default() };
                        self.row(xml, table, &table.fitted(&cells), &widths, look);
                    }
                }
            }
        });
        for note in &table.footnotes {
            self.styled(xml, "TableNote", note);
        }
        // Two tables without a paragraph between them become one.
        xml.element("w:p", &[], |xml| {
            xml.element("w:pPr", &[], |xml| {
                xml.empty("w:spacing", &[("w:after", "60"), ("w:line", "200"), ("w:lineRule", "auto")]);
            });
        });
    }

    fn row(&mut self, xml: &mut Xml, table: &Table, cells: &[Cell], widths: &[u32], look: Look) {
        xml.element("w:tr", &[], |xml| {
            xml.element("w:trPr", &[], |xml| {
                xml.empty("w:cantSplit", &[]);
                if look.header {
                    xml.empty("w:tblHeader", &[]);
                }
            });
            let mut at = 0;
            for cell in cells {
                let width: u32 = widths.iter().skip(at).take(cell.span).sum();
                let align = if look.header && cell.span > 1 { Align::Centre } else { table.align(at) };
                write_cell(
                    xml,
                    cell,
                    width,
                    align,
                    Look { indent: if at == 0 { look.indent } else { 0 }, ..look },
                );
                at += cell.span;
            }
        });
    }
}

/// How a row of a table is set.
#[derive(Clone, Copy, Default)]
struct Look {
    header: bool,
    ruled: bool,
    indent: u8,
    keep: bool,
}

fn write_cell(xml: &mut Xml, cell: &Cell, width: u32, align: Align, look: Look) {
    xml.element("w:tc", &[], |xml| {
        xml.element("w:tcPr", &[], |xml| {
            xml.empty("w:tcW", &[("w:w", &width.to_string()), ("w:type", "dxa")]);
            if cell.span > 1 {
                xml.empty("w:gridSpan", &[("w:val", &cell.span.to_string())]);
            }
            let below = match look.header {
                true if look.ruled || (cell.span > 1 && !cell.text.is_empty()) => Some(("6", "1A1A1A")),
                false if look.ruled => Some(("2", "D5D5D5")),
                _ => None,
            };
            if let Some((eighths, colour)) = below {
                xml.element("w:tcBorders", &[], |xml| rule(xml, "w:bottom", eighths, colour));
            }
            xml.empty("w:vAlign", &[("w:val", if look.header { "bottom" } else { "top" })]);
        });
        xml.element("w:p", &[], |xml| {
            xml.element("w:pPr", &[], |xml| {
                xml.empty("w:pStyle", &[("w:val", "TableText")]);
                if look.keep {
                    xml.empty("w:keepNext", &[]);
                }
                if look.indent > 0 {
                    xml.empty("w:ind", &[("w:left", &(u32::from(look.indent) * INDENT).to_string())]);
                }
                let side = match align {
                    Align::Left => "left",
                    Align::Right => "right",
                    Align::Centre => "center",
                };
                xml.empty("w:jc", &[("w:val", side)]);
            });
            let words = if look.header { cell.text.emboldened() } else { cell.text.clone() };
            runs(xml, &words);
        });
    });
}

fn rule(xml: &mut Xml, side: &str, eighths: &str, colour: &str) {
    xml.empty(side, &[("w:val", "single"), ("w:sz", eighths), ("w:space", "0"), ("w:color", colour)]);
}

/// The widths of the columns, by the lengths of what stands in them.
fn widths(table: &Table) -> Vec<u32> {
    let count = table.width();
    let (mut natural, mut least) = (vec![CELL_PAD; count], vec![CELL_PAD; count]);
    let mut see = |cells: &[Cell], header: bool, indent: u8| {
        let mut at = 0;
        for cell in cells.iter() {
            let words = cell.text.plain_text();
            let pad = CELL_PAD + if at == 0 { f32::from(indent) * INDENT as f32 } else { 0.0 };
            let length = |part: &str| (20.0 * WIDER * text::width(part, SIZE, header)) as f32 + pad;
            // No-break spaces hold words together.
            let breaks = |c: char| c.is_whitespace() && c != '\u{a0}' && c != '\u{202f}';
            let longest = words.split(breaks).map(length).fold(CELL_PAD, f32::max);
            let line = words.lines().map(length).fold(CELL_PAD, f32::max);
            if let (1, Some(wide), Some(narrow)) = (cell.span, natural.get_mut(at), least.get_mut(at)) {
                // Headings wrap more readily than numbers.
                *wide = wide.max(if header { line.min(HEADING).max(longest) } else { line });
                *narrow = narrow.max(longest);
            }
            at += cell.span;
        }
    };
    for cells in table.header() {
        see(&cells, true, 0);
    }
    for row in table.body() {
        if let Row::Cells { cells, indent } = row {
            see(&table.fitted(&cells), false, indent);
        }
    }
    let mut widths: Vec<u32> =
        shared_out(&natural, &least, ROOM as f32).into_iter().map(|w| w.floor().max(1.0) as u32).collect();
    let used: u32 = widths.iter().sum();
    if let Some(first) = widths.first_mut() {
        *first += ROOM.saturating_sub(used);
    }
    widths
}
