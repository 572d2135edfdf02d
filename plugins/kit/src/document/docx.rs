//! Documents as DOCX (WordprocessingML, ECMA-376 part 1).

use super::DocumentError;
use super::docx_styles::{BULLETS, W, footer, numbering, settings, styles};
use super::model::{Block, Document, Picture};
use super::office::{Part, package};
use super::text::{Span, SpanStyle, Text};
use crate::xml::Xml;

/// Width and height of A4 and the margin, in twentieths of a point.
const PAGE: (u32, u32) = (11_906, 16_838);
const MARGIN: u32 = 1_247;
/// The room for text, in twentieths of a point.
pub(super) const ROOM: u32 = PAGE.0 - 2 * MARGIN;
/// The most height of a figure: what leaves room for its caption on the page.
const FIGURE_HEIGHT: u32 = PAGE.1 - 2 * MARGIN - 2_200;
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
pub(super) struct Body {
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

    pub(super) fn styled(&mut self, xml: &mut Xml, style: &str, words: &Text) {
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
    pub(super) fn caption(&mut self, xml: &mut Xml, number: &str, caption: &Text, above: bool) {
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

pub(super) fn runs(xml: &mut Xml, words: &Text) {
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
