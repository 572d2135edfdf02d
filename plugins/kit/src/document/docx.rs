//! Documents as DOCX (WordprocessingML, ECMA-376 part 1).

use super::DocumentError;
use super::docx_styles::{BULLETS, W, footer, numbering, settings, styles};
use super::model::{Block, Document, Picture};
use super::office::{Part, package};
use super::table::{Cell, Row, Table, shared_out};
use super::text::{Span, SpanStyle, Text};
use crate::report::Align;
use crate::xml::Xml;

/// Width and height of A4 and the margin, in twentieths of a point.
const PAGE: (u32, u32) = (11_906, 16_838);
const MARGIN: u32 = 1_247;
/// The room for text, in twentieths of a point.
const ROOM: u32 = PAGE.0 - 2 * MARGIN;
/// The most height of a figure: what leaves room for its caption on the page.
const FIGURE_HEIGHT: u32 = PAGE.1 - 2 * MARGIN - 2_200;
/// The width of a letter of a table's text, and the white space in a cell, in twentieths of a point.
const LETTER: f32 = 116.0;
const CELL_PAD: f32 = 240.0;
/// How far a row below a heading is indented, in twentieths of a point.
const INDENT: u32 = 200;
/// English Metric Units in a twentieth of a point.
const EMU: u32 = 635;

const MAIN: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
const STYLES: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml";
const NUMBERING: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.numbering+xml";
const SETTINGS: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.settings+xml";
const FOOTER: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml";

impl Document {
    /// The document as DOCX: A4, real headings and lists, tables whose header rows repeat on each page, figures as PNG
    /// with their descriptions, placeholders highlighted, page numbers.
    ///
    /// # Errors
    /// A figure whose PNG is none.
    pub fn docx(&self) -> Result<Vec<u8>, DocumentError> {
        let mut body = Body { lists: 0, pictures: Vec::new(), break_before: false };
        let sizes = self
            .blocks
            .iter()
            .filter_map(|b| if let Block::Figure(_, p) = b { Some(p.pixels()) } else { None });
        let sizes: Vec<(u32, u32)> = sizes.collect::<Result<_, _>>()?;
        let mut xml = Xml::new();
        let spaces = [
            ("xmlns:w", W),
            ("xmlns:r", "http://schemas.openxmlformats.org/officeDocument/2006/relationships"),
            ("xmlns:wp", "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"),
            ("xmlns:a", "http://schemas.openxmlformats.org/drawingml/2006/main"),
            ("xmlns:pic", "http://schemas.openxmlformats.org/drawingml/2006/picture"),
        ];
        xml.element("w:document", &spaces, |xml| {
            xml.element("w:body", &[], |xml| {
                body.styled(xml, "Title", &Text::from(&self.meta.title));
                if !self.meta.author.is_empty() {
                    body.paragraph(xml, &Text::new().italic(&self.meta.author));
                }
                for block in &self.blocks {
                    body.block(xml, block, &sizes);
                }
                section(xml);
            });
        });
        let text = |id: &str, kind: &'static str, target: &str| (id.to_owned(), kind, target.to_owned());
        let mut relations = vec![
            text("rId1", "styles", "styles.xml"),
            text("rId2", "numbering", "numbering.xml"),
            text("rId3", "settings", "settings.xml"),
            text("rId4", "footer", "footer1.xml"),
        ];
        let mut parts = vec![
            Part::new("word/document.xml", MAIN, xml.finish()),
            Part::new("word/styles.xml", STYLES, styles(&self.meta)),
            Part::new("word/numbering.xml", NUMBERING, numbering(body.lists)),
            Part::new("word/settings.xml", SETTINGS, settings(&self.meta)),
            Part::new("word/footer1.xml", FOOTER, footer()),
        ];
        for (at, png) in body.pictures.into_iter().enumerate() {
            let name = format!("media/image{}.png", at + 1);
            relations.push((picture_relation(at), "image", name.clone()));
            parts.push(Part::new(format!("word/{name}"), "", png));
        }
        parts.push(Part::relations("word/_rels/document.xml.rels", &relations));
        Ok(package(&self.meta, &parts)?)
    }
}

fn picture_relation(at: usize) -> String {
    format!("rIdImage{}", at + 1)
}

/// The page: its size, margins and footer.
fn section(xml: &mut Xml) {
    let margin = MARGIN.to_string();
    xml.element("w:sectPr", &[], |xml| {
        xml.empty("w:footerReference", &[("w:type", "default"), ("r:id", "rId4")]);
        xml.empty("w:pgSz", &[("w:w", &PAGE.0.to_string()), ("w:h", &PAGE.1.to_string())]);
        let sides =
            [("w:top", margin.as_str()), ("w:right", &margin), ("w:bottom", &margin), ("w:left", &margin)];
        let rest = [("w:header", "600"), ("w:footer", "600"), ("w:gutter", "0")];
        xml.empty("w:pgMar", &[sides.as_slice(), rest.as_slice()].concat());
    });
}

/// What the parts of the body share.
struct Body {
    /// How many numbered lists there were.
    lists: usize,
    /// The figures' PNG, in order.
    pictures: Vec<Vec<u8>>,
    /// Whether the next paragraph begins a page.
    break_before: bool,
}

impl Body {
    fn block(&mut self, xml: &mut Xml, block: &Block, sizes: &[(u32, u32)]) {
        match block {
            Block::Heading(level, heading) => self.styled(xml, &format!("Heading{level}"), heading),
            Block::Paragraph(words) => self.paragraph(xml, words),
            Block::Bullets(items) => self.list(xml, BULLETS, items),
            Block::Numbered(items) => {
                self.lists += 1;
                self.list(xml, BULLETS + self.lists, items);
            }
            Block::Table(number, table) => self.table(xml, number, table),
            Block::Figure(number, picture) => {
                let pixels = sizes.get(self.pictures.len()).copied().unwrap_or((1, 1));
                self.figure(xml, number, picture, pixels);
            }
            Block::PageBreak => self.break_before = true,
        }
    }

    /// The properties that a paragraph has of itself, in the order of the schema.
    fn properties(&mut self, xml: &mut Xml, style: &str, keep_next: bool, rest: impl FnOnce(&mut Xml)) {
        let break_before = std::mem::take(&mut self.break_before);
        xml.element("w:pPr", &[], |xml| {
            if !style.is_empty() {
                xml.empty("w:pStyle", &[("w:val", style)]);
            }
            if keep_next {
                xml.empty("w:keepNext", &[]);
            }
            if break_before {
                xml.empty("w:pageBreakBefore", &[]);
            }
            rest(xml);
        });
    }

    fn styled(&mut self, xml: &mut Xml, style: &str, words: &Text) {
        xml.element("w:p", &[], |xml| {
            self.properties(xml, style, false, |_| {});
            runs(xml, words);
        });
    }

    fn paragraph(&mut self, xml: &mut Xml, words: &Text) {
        self.styled(xml, "", words);
    }

    fn list(&mut self, xml: &mut Xml, list: usize, items: &[Text]) {
        let list = list.to_string();
        for item in items {
            xml.element("w:p", &[], |xml| {
                self.properties(xml, "", false, |xml| {
                    xml.element("w:numPr", &[], |xml| {
                        xml.empty("w:ilvl", &[("w:val", "0")]);
                        xml.empty("w:numId", &[("w:val", &list)]);
                    });
                    xml.empty("w:spacing", &[("w:after", "60")]);
                });
                runs(xml, item);
            });
        }
    }

    /// A caption whose number is a field, so that Word can list and renumber tables and figures.
    fn caption(&mut self, xml: &mut Xml, number: &str, caption: &Text, above: bool) {
        let (kind, digits) = number.split_once(' ').unwrap_or((number, ""));
        let at = digits.find(|c: char| c.is_ascii_digit()).unwrap_or(digits.len());
        let (prefix, count) = digits.split_at(at);
        xml.element("w:p", &[], |xml| {
            self.properties(xml, "Caption", above, |_| {});
            runs(xml, &Text::new().bold(format!("{kind} {prefix}")));
            xml.element("w:fldSimple", &[("w:instr", &format!(" SEQ {kind}{prefix} \\* ARABIC "))], |xml| {
                runs(xml, &Text::new().bold(count));
            });
            runs(xml, &Text::new().bold(".").plain(" ").then(caption.clone()));
        });
    }

    fn table(&mut self, xml: &mut Xml, number: &str, table: &Table) {
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

    fn figure(&mut self, xml: &mut Xml, number: &str, picture: &Picture, (w, h): (u32, u32)) {
        let at = self.pictures.len();
        self.pictures.push(picture.figure.png.clone());
        let share = (f64::from(ROOM) / f64::from(w)).min(f64::from(FIGURE_HEIGHT) / f64::from(h));
        let emu =
            |pixels: u32| ((f64::from(pixels) * share * f64::from(EMU)).round() as u64).max(1).to_string();
        xml.element("w:p", &[], |xml| {
            self.properties(xml, "", true, |xml| {
                xml.empty("w:spacing", &[("w:before", "120"), ("w:after", "60")]);
            });
            xml.element("w:r", &[], |xml| drawing(xml, at, number, &picture.description, (&emu(w), &emu(h))));
        });
        self.caption(xml, number, &picture.caption, false);
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

/// The widths of the columns, by the lengths of what stands in them. The word processor has its own fonts, so that an
/// average width of letters is all that can be known.
fn widths(table: &Table) -> Vec<u32> {
    let count = table.width();
    let (mut natural, mut least) = (vec![CELL_PAD; count], vec![CELL_PAD; count]);
    let mut see = |cells: &[Cell], header: bool, indent: u8| {
        let mut at = 0;
        for cell in cells.iter() {
            let words = cell.text.plain_text();
            let pad = CELL_PAD + if at == 0 { f32::from(indent) * INDENT as f32 } else { 0.0 };
            let length = |part: &str| part.chars().count() as f32 * LETTER + pad;
            // No-break spaces hold words together.
            let breaks = |c: char| c.is_whitespace() && c != '\u{a0}' && c != '\u{202f}';
            let longest = words.split(breaks).map(length).fold(CELL_PAD, f32::max);
            let line = words.lines().map(length).fold(CELL_PAD, f32::max);
            if let (1, Some(wide), Some(narrow)) = (cell.span, natural.get_mut(at), least.get_mut(at)) {
                // Headings wrap more readily than numbers.
                *wide = wide.max(if header { line.min(16.0 * LETTER).max(longest) } else { line });
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

/// A figure in the line of text.
fn drawing(xml: &mut Xml, at: usize, number: &str, description: &str, (cx, cy): (&str, &str)) {
    let id = (at + 1).to_string();
    let size = [("cx", cx), ("cy", cy)];
    let uri = "http://schemas.openxmlformats.org/drawingml/2006/picture";
    xml.element("w:drawing", &[], |xml| {
        let inline = [("distT", "0"), ("distB", "0"), ("distL", "0"), ("distR", "0")];
        xml.element("wp:inline", &inline, |xml| {
            xml.empty("wp:extent", &size);
            xml.empty("wp:docPr", &[("id", &id), ("name", number), ("descr", description)]);
            xml.element("a:graphic", &[], |xml| {
                xml.element("a:graphicData", &[("uri", uri)], |xml| {
                    xml.element("pic:pic", &[], |xml| {
                        xml.element("pic:nvPicPr", &[], |xml| {
                            xml.empty("pic:cNvPr", &[("id", &id), ("name", number), ("descr", description)]);
                            xml.empty("pic:cNvPicPr", &[]);
                        });
                        xml.element("pic:blipFill", &[], |xml| {
                            xml.empty("a:blip", &[("r:embed", &picture_relation(at))]);
                            xml.element("a:stretch", &[], |xml| xml.empty("a:fillRect", &[]));
                        });
                        xml.element("pic:spPr", &[], |xml| {
                            xml.element("a:xfrm", &[], |xml| {
                                xml.empty("a:off", &[("x", "0"), ("y", "0")]);
                                xml.empty("a:ext", &size);
                            });
                            xml.element("a:prstGeom", &[("prst", "rect")], |xml| xml.empty("a:avLst", &[]));
                        });
                    });
                });
            });
        });
    });
}

fn runs(xml: &mut Xml, words: &Text) {
    for Span { text, style } in words.spans() {
        xml.element("w:r", &[], |xml| {
            if *style != SpanStyle::Plain {
                xml.element("w:rPr", &[], |xml| match style {
                    SpanStyle::Plain => {}
                    SpanStyle::Bold => xml.empty("w:b", &[]),
                    SpanStyle::Italic => xml.empty("w:i", &[]),
                    SpanStyle::Superscript => xml.empty("w:vertAlign", &[("w:val", "superscript")]),
                    SpanStyle::Subscript => xml.empty("w:vertAlign", &[("w:val", "subscript")]),
                    SpanStyle::Placeholder => {
                        xml.empty("w:b", &[]);
                        xml.empty("w:highlight", &[("w:val", "yellow")]);
                    }
                });
            }
            for (at, line) in text.split('\n').enumerate() {
                if at > 0 {
                    xml.empty("w:br", &[]);
                }
                xml.leaf("w:t", &[("xml:space", "preserve")], line);
            }
        });
    }
}
