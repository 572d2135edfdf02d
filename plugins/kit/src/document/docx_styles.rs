//! Styles, list numbering, settings and the footer of a DOCX document.

use super::model::Meta;
use crate::xml::Xml;

/// The namespace of WordprocessingML (ECMA-376, part 1).
pub(super) const W: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
/// The list of bullets; numbered lists have identifiers of their own from here on, so that each begins at 1.
pub(super) const BULLETS: usize = 1;

/// A paragraph style: identifier, name, size in half points, bold, colour, space before and after in twentieths of a
/// point, level in the outline, and whether it stays with the next paragraph.
struct Style {
    id: &'static str,
    name: &'static str,
    size: &'static str,
    bold: bool,
    colour: &'static str,
    before: &'static str,
    after: &'static str,
    outline: Option<&'static str>,
    with_next: bool,
}

const STYLES: [Style; 8] = [
    Style {
        id: "Title",
        name: "Title",
        size: "36",
        bold: true,
        colour: "1A1A1A",
        before: "0",
        after: "120",
        outline: None,
        with_next: true,
    },
    Style {
        id: "Heading1",
        name: "heading 1",
        size: "30",
        bold: true,
        colour: "0B3C6B",
        before: "360",
        after: "120",
        outline: Some("0"),
        with_next: true,
    },
    Style {
        id: "Heading2",
        name: "heading 2",
        size: "25",
        bold: true,
        colour: "0B3C6B",
        before: "280",
        after: "100",
        outline: Some("1"),
        with_next: true,
    },
    Style {
        id: "Heading3",
        name: "heading 3",
        size: "22",
        bold: true,
        colour: "0B3C6B",
        before: "220",
        after: "80",
        outline: Some("2"),
        with_next: true,
    },
    Style {
        id: "Heading4",
        name: "heading 4",
        size: "21",
        bold: true,
        colour: "444444",
        before: "180",
        after: "60",
        outline: Some("3"),
        with_next: true,
    },
    Style {
        id: "Caption",
        name: "caption",
        size: "20",
        bold: false,
        colour: "1A1A1A",
        before: "160",
        after: "100",
        outline: None,
        with_next: false,
    },
    Style {
        id: "TableText",
        name: "Table Text",
        size: "18",
        bold: false,
        colour: "1A1A1A",
        before: "30",
        after: "30",
        outline: None,
        with_next: false,
    },
    Style {
        id: "TableNote",
        name: "Table Note",
        size: "17",
        bold: false,
        colour: "444444",
        before: "40",
        after: "40",
        outline: None,
        with_next: false,
    },
];

pub(super) fn styles(meta: &Meta) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.element("w:styles", &[("xmlns:w", W)], |xml| {
        xml.element("w:docDefaults", &[], |xml| {
            xml.element("w:rPrDefault", &[], |xml| {
                xml.element("w:rPr", &[], |xml| {
                    let font = "Calibri";
                    xml.empty(
                        "w:rFonts",
                        &[("w:ascii", font), ("w:hAnsi", font), ("w:eastAsia", font), ("w:cs", font)],
                    );
                    xml.empty("w:sz", &[("w:val", "21")]);
                    xml.empty("w:szCs", &[("w:val", "21")]);
                    xml.empty("w:lang", &[("w:val", &meta.language)]);
                });
            });
            xml.element("w:pPrDefault", &[], |xml| {
                xml.element("w:pPr", &[], |xml| {
                    xml.empty("w:spacing", &[("w:after", "120"), ("w:line", "276"), ("w:lineRule", "auto")]);
                });
            });
        });
        xml.element(
            "w:style",
            &[("w:type", "paragraph"), ("w:default", "1"), ("w:styleId", "Normal")],
            |xml| {
                xml.empty("w:name", &[("w:val", "Normal")]);
                xml.empty("w:qFormat", &[]);
            },
        );
        xml.element(
            "w:style",
            &[("w:type", "table"), ("w:default", "1"), ("w:styleId", "TableNormal")],
            |xml| {
                xml.empty("w:name", &[("w:val", "Normal Table")]);
                xml.element("w:tblPr", &[], |xml| {
                    xml.element("w:tblCellMar", &[], |xml| {
                        xml.empty("w:left", &[("w:w", "70"), ("w:type", "dxa")]);
                        xml.empty("w:right", &[("w:w", "70"), ("w:type", "dxa")]);
                    });
                });
            },
        );
        for style in &STYLES {
            write_style(xml, style);
        }
    });
    xml.finish()
}

fn write_style(xml: &mut Xml, style: &Style) {
    xml.element("w:style", &[("w:type", "paragraph"), ("w:styleId", style.id)], |xml| {
        xml.empty("w:name", &[("w:val", style.name)]);
        xml.empty("w:basedOn", &[("w:val", "Normal")]);
        xml.empty("w:next", &[("w:val", "Normal")]);
        xml.empty("w:qFormat", &[]);
        xml.element("w:pPr", &[], |xml| {
            if style.with_next {
                xml.empty("w:keepNext", &[]);
                xml.empty("w:keepLines", &[]);
            }
            xml.empty(
                "w:spacing",
                &[
                    ("w:before", style.before),
                    ("w:after", style.after),
                    ("w:line", "252"),
                    ("w:lineRule", "auto"),
                ],
            );
            if let Some(level) = style.outline {
                xml.empty("w:outlineLvl", &[("w:val", level)]);
            }
        });
        xml.element("w:rPr", &[], |xml| {
            if style.bold {
                xml.empty("w:b", &[]);
            }
            xml.empty("w:color", &[("w:val", style.colour)]);
            xml.empty("w:sz", &[("w:val", style.size)]);
            xml.empty("w:szCs", &[("w:val", style.size)]);
        });
    });
}

/// The lists: one of bullets, and `numbered` of numbers.
pub(super) fn numbering(numbered: usize) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.element("w:numbering", &[("xmlns:w", W)], |xml| {
        for (id, format, text) in [("0", "bullet", "•"), ("1", "decimal", "%1.")] {
            xml.element("w:abstractNum", &[("w:abstractNumId", id)], |xml| {
                xml.empty("w:multiLevelType", &[("w:val", "singleLevel")]);
                xml.element("w:lvl", &[("w:ilvl", "0")], |xml| {
                    xml.empty("w:start", &[("w:val", "1")]);
                    xml.empty("w:numFmt", &[("w:val", format)]);
                    xml.empty("w:lvlText", &[("w:val", text)]);
                    xml.empty("w:lvlJc", &[("w:val", "left")]);
                    xml.element("w:pPr", &[], |xml| {
                        xml.empty("w:ind", &[("w:left", "500"), ("w:hanging", "340")]);
                    });
                });
            });
        }
        for list in 0..=numbered {
            let id = (BULLETS + list).to_string();
            xml.element("w:num", &[("w:numId", &id)], |xml| {
                xml.empty("w:abstractNumId", &[("w:val", if list == 0 { "0" } else { "1" })]);
                if list > 0 {
                    xml.element("w:lvlOverride", &[("w:ilvl", "0")], |xml| {
                        xml.empty("w:startOverride", &[("w:val", "1")]);
                    });
                }
            });
        }
    });
    xml.finish()
}

pub(super) fn settings(meta: &Meta) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.element("w:settings", &[("xmlns:w", W)], |xml| {
        xml.element("w:compat", &[], |xml| {
            // Without it Word opens the file in its mode of compatibility with 2007.
            let uri = "http://schemas.microsoft.com/office/word";
            xml.empty("w:compatSetting", &[("w:name", "compatibilityMode"), ("w:uri", uri), ("w:val", "15")]);
        });
        xml.empty("w:themeFontLang", &[("w:val", &meta.language)]);
    });
    xml.finish()
}

/// "Page 2 of 9", set by the word processor.
pub(super) fn footer() -> Vec<u8> {
    let mut xml = Xml::new();
    xml.element("w:ftr", &[("xmlns:w", W)], |xml| {
        xml.element("w:p", &[], |xml| {
            xml.element("w:pPr", &[], |xml| xml.empty("w:jc", &[("w:val", "center")]));
            run(xml, "Page ");
            field(xml, "PAGE", "1");
            run(xml, " of ");
            field(xml, "NUMPAGES", "1");
        });
    });
    xml.finish()
}

fn run(xml: &mut Xml, text: &str) {
    xml.element("w:r", &[], |xml| {
        xml.element("w:rPr", &[], |xml| xml.empty("w:sz", &[("w:val", "18")]));
        xml.leaf("w:t", &[("xml:space", "preserve")], text);
    });
}

/// A field with the text that stands until it is computed.
pub(super) fn field(xml: &mut Xml, instruction: &str, until: &str) {
    let instruction = format!(" {instruction} ");
    xml.element("w:fldSimple", &[("w:instr", &instruction)], |xml| run(xml, until));
}
