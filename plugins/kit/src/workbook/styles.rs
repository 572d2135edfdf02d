//! The formats of cells: one for each number format in use, and those of headers, text, notes and links.

use crate::xml::Xml;

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
/// The first identifier free for own number formats.
const FIRST_FORMAT: usize = 164;

/// Positions of the fixed formats.
pub(super) const PLAIN: usize = 0;
pub(super) const HEADER: usize = 1;
pub(super) const TEXT: usize = 2;
pub(super) const HEADING: usize = 3;
pub(super) const NOTE: usize = 4;
pub(super) const LINK: usize = 5;
pub(super) const TITLE: usize = 6;
const FIXED: usize = 7;

/// The number formats in use, in the order of their first use.
#[derive(Default)]
pub(super) struct Formats {
    codes: Vec<String>,
}

impl Formats {
    /// The format of cells whose numbers are shown by `code`; empty for the general one.
    pub(super) fn style(&mut self, code: &str) -> usize {
        if code.is_empty() {
            return PLAIN;
        }
        let at = self.codes.iter().position(|c| c == code).unwrap_or_else(|| {
            self.codes.push(code.to_owned());
            self.codes.len() - 1
        });
        FIXED + at
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut xml = Xml::new();
        xml.element("styleSheet", &[("xmlns", MAIN)], |xml| {
            if !self.codes.is_empty() {
                xml.element("numFmts", &[("count", &self.codes.len().to_string())], |xml| {
                    for (at, code) in self.codes.iter().enumerate() {
                        let id = (FIRST_FORMAT + at).to_string();
                        xml.empty("numFmt", &[("numFmtId", &id), ("formatCode", code)]);
                    }
                });
            }
            fonts(xml);
            fills(xml);
            borders(xml);
            xml.element("cellStyleXfs", &[("count", "1")], |xml| {
                xml.empty("xf", &[("numFmtId", "0"), ("fontId", "0"), ("fillId", "0"), ("borderId", "0")]);
            });
            self.cell_formats(xml);
            xml.element("cellStyles", &[("count", "1")], |xml| {
                xml.empty("cellStyle", &[("name", "Normal"), ("xfId", "0"), ("builtinId", "0")]);
            });
        });
        xml.finish()
    }

    fn cell_formats(&self, xml: &mut Xml) {
        let count = (FIXED + self.codes.len()).to_string();
        xml.element("cellXfs", &[("count", &count)], |xml| {
            // PLAIN, HEADER, TEXT, HEADING, NOTE, LINK, TITLE: number format, font, fill, border, wrapped. Format 49 is text.
            for (format, font, fill, border, wrapped) in [
                ("0", "0", "0", "0", false),
                ("49", "1", "2", "1", true),
                ("49", "0", "0", "0", true),
                ("49", "2", "0", "0", false),
                ("49", "3", "0", "0", false),
                ("49", "4", "0", "0", false),
                ("49", "5", "0", "0", false),
            ] {
                cell_format(xml, format, (font, fill, border), wrapped);
            }
            for at in 0..self.codes.len() {
                cell_format(xml, &(FIRST_FORMAT + at).to_string(), ("0", "0", "0"), false);
            }
        });
    }
}

fn cell_format(xml: &mut Xml, format: &str, (font, fill, border): (&str, &str, &str), wrapped: bool) {
    let attributes = [
        ("numFmtId", format),
        ("fontId", font),
        ("fillId", fill),
        ("borderId", border),
        ("xfId", "0"),
        ("applyNumberFormat", "1"),
        ("applyFont", "1"),
        ("applyFill", "1"),
        ("applyBorder", "1"),
        ("applyAlignment", "1"),
    ];
    xml.element("xf", &attributes, |xml| {
        let wrap = if wrapped { "1" } else { "0" };
        xml.empty("alignment", &[("vertical", "top"), ("wrapText", wrap)]);
    });
}

fn fonts(xml: &mut Xml) {
    // Normal, header, heading, note, link, title.
    let fonts = [
        ("11", "FF1A1A1A", "", false),
        ("11", "FFFFFFFF", "b", false),
        ("11", "FF1A1A1A", "b", false),
        ("10", "FF555555", "i", false),
        ("11", "FF0563C1", "", true),
        ("14", "FF1A1A1A", "b", false),
    ];
    xml.element("fonts", &[("count", &fonts.len().to_string())], |xml| {
        for (size, colour, weight, underlined) in fonts {
            xml.element("font", &[], |xml| {
                if !weight.is_empty() {
                    xml.empty(weight, &[]);
                }
                if underlined {
                    xml.empty("u", &[]);
                }
                xml.empty("sz", &[("val", size)]);
                xml.empty("color", &[("rgb", colour)]);
                xml.empty("name", &[("val", "Calibri")]);
                xml.empty("family", &[("val", "2")]);
            });
        }
    });
}

fn fills(xml: &mut Xml) {
    // The first two are fixed by Excel.
    xml.element("fills", &[("count", "3")], |xml| {
        for pattern in ["none", "gray125"] {
            xml.element("fill", &[], |xml| xml.empty("patternFill", &[("patternType", pattern)]));
        }
        xml.element("fill", &[], |xml| {
            xml.element("patternFill", &[("patternType", "solid")], |xml| {
                xml.empty("fgColor", &[("rgb", "FF0B3C6B")]);
                xml.empty("bgColor", &[("indexed", "64")]);
            });
        });
    });
}

fn borders(xml: &mut Xml) {
    xml.element("borders", &[("count", "2")], |xml| {
        for style in ["", "thin"] {
            xml.element("border", &[], |xml| {
                for side in ["left", "right", "top"] {
                    xml.empty(side, &[]);
                }
                if style.is_empty() {
                    xml.empty("bottom", &[]);
                } else {
                    xml.element("bottom", &[("style", style)], |xml| xml.empty("color", &[("auto", "1")]));
                }
                xml.empty("diagonal", &[]);
            });
        }
    });
}
