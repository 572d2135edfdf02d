//! Workbooks: numbers are numbers, text is text and never a formula, and the same input is the same bytes. With
//! HEDDLE_DOCUMENT_GALLERY set to a directory a sample is written there, to be looked at.
#![allow(clippy::unwrap_used)]

use std::io::{Cursor, Read as _};

use heddle_kit::document::Meta;
use heddle_kit::workbook::{Sheet, SheetColumn, Value, Workbook, WorkbookError};
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;

fn meta() -> Meta {
    Meta::new("Tables of the trial", "2026-11-22T05:06:07Z".parse().unwrap())
        .author("Trial statistics office")
}

fn sample() -> Workbook {
    let baseline = Sheet::new("Table 1: Baseline", "Baseline characteristics of all randomised subjects")
        .columns([
            SheetColumn::new("Characteristic"),
            SheetColumn::new("Drug (N = 120)").format("0.0"),
            SheetColumn::new("p").format("0.000"),
        ])
        .row([Value::Heading("Age".into()), Value::Empty, Value::Empty])
        .row([Value::from("Mean, years"), Value::from(61.25), Value::from(0.031_25)])
        .row([Value::from("=1+1"), Value::from(f64::NAN), Value::Formatted(0.5, "0.0%".into())])
        .note("SD: standard deviation.");
    let long = "A term with a name that is long enough to be wrapped in its column, because it is longer than that column";
    let events = (0..200).fold(
        Sheet::new("table 1: baseline", "Adverse events").columns(["Term", "n"].map(SheetColumn::new)),
        |sheet, at| sheet.row([Value::from(format!("{at} {long}")), Value::from(at as u64)]),
    );
    Workbook::new(meta()).sheet(baseline).sheet(events).sheet(Sheet::new("'Empty'", "Nothing"))
}

fn part(bytes: &[u8], name: &str) -> String {
    let mut archive = zip8::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut content = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut content).unwrap();
    content
}

/// The names of all elements of well-formed XML, and the text of each `t`.
fn read(xml: &str) -> (Vec<String>, Vec<String>) {
    let mut reader = Reader::from_str(xml);
    let (mut names, mut texts, mut inside) = (Vec::new(), Vec::new(), false);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(e) => {
                let name = String::from_utf8(e.name().as_ref().to_vec()).unwrap();
                inside = name == "t";
                if inside {
                    texts.push(String::new());
                }
                names.push(name);
            }
            Event::Empty(e) => names.push(String::from_utf8(e.name().as_ref().to_vec()).unwrap()),
            Event::End(_) => inside = false,
            Event::Text(t) if inside => texts.last_mut().unwrap().push_str(&t.decode().unwrap()),
            Event::GeneralRef(r) if inside => {
                let c = match r.decode().unwrap().as_ref() {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    _ => r.resolve_char_ref().unwrap().unwrap(),
                };
                texts.last_mut().unwrap().push(c);
            }
            Event::Eof => return (names, texts),
            _ => {}
        }
    }
}

#[test]
fn a_sample_is_written_twice_the_same() {
    let bytes = sample().finish().unwrap();
    assert_eq!(bytes, sample().finish().unwrap());
    if let Ok(directory) = std::env::var("HEDDLE_DOCUMENT_GALLERY") {
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(format!("{directory}/sample.xlsx"), &bytes).unwrap();
    }
}

#[test]
fn cells_keep_their_types_and_formats() {
    let bytes = sample().finish().unwrap();
    let sheet = part(&bytes, "xl/worksheets/sheet2.xml");
    assert!(sheet.contains("<v>61.25</v>") && sheet.contains("<v>0.03125</v>"), "{sheet}");
    assert!(sheet.contains("state=\"frozen\"") && sheet.contains("<autoFilter ref=\"A1:C4\"/>"));
    let (_, texts) = read(&part(&bytes, "xl/sharedStrings.xml"));
    for text in ["=1+1", "n/a", "Tables of the trial", "SD: standard deviation."] {
        assert!(texts.iter().any(|t| t == text), "{text} is lost");
    }
    let styles = part(&bytes, "xl/styles.xml");
    for code in ["0.0", "0.000", "0.0%"] {
        assert!(styles.contains(&format!("formatCode=\"{code}\"")), "{code}");
    }
    assert_eq!(sample().sheet_names(), ["Table 1 Baseline", "table 1 baseline (2)", "Empty"]);
    assert!(part(&bytes, "xl/worksheets/sheet1.xml").contains("location=\"&#39;Table 1 Baseline&#39;!A1\""));
}

#[test]
fn a_sheet_that_excel_could_not_open_is_refused() {
    let columns = (0..16_385).map(|at| SheetColumn::new(at.to_string()));
    let wide = Workbook::new(meta()).sheet(Sheet::new("wide", "Wide").columns(columns));
    assert_eq!(wide.finish(), Err(WorkbookError::TooLarge("Wide".into())));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_text_becomes_a_formula_or_breaks_the_file(
        cells in prop::collection::vec("[=+@-]\\PC{0,20}|[\u{0}-\u{1f}<>&\"'\u{fffe}]{0,10}|[א-ת😀]{0,9}|_x00(0D|41)_", 1..12),
        number in any::<f64>(),
        name in "\\PC{0,50}",
    ) {
        let sheet = cells.iter().fold(Sheet::new(name.clone(), name.clone()).columns([SheetColumn::new(name.clone()).format(name.clone())]), |sheet, cell| {
            sheet.row([Value::from(cell.as_str()), Value::from(number)])
        });
        let bytes = Workbook::new(meta()).sheet(sheet).finish().unwrap();
        let (names, _) = read(&part(&bytes, "xl/worksheets/sheet2.xml"));
        prop_assert!(!names.iter().any(|n| n == "f"), "a formula");
        read(&part(&bytes, "xl/styles.xml"));
        read(&part(&bytes, "xl/workbook.xml"));
        let (_, texts) = read(&part(&bytes, "xl/sharedStrings.xml"));
        for cell in cells.iter().filter(|c| !c.chars().any(|c| (c as u32) < 0x20 || ('\u{7f}'..='\u{9f}').contains(&c) || c == '\u{fffe}' || c == '_')) {
            prop_assert!(texts.contains(cell), "{:?} is lost", cell);
        }
    }
}

#[test]
fn a_title_row_stays_in_sight_with_the_header() {
    let sheet = Sheet::new("T", "Table 1. Baseline").columns([SheetColumn::new("x")]).row([1.0]).title_row();
    let bytes = Workbook::new(meta()).sheet(sheet).finish().unwrap();
    let xml = part(&bytes, "xl/worksheets/sheet2.xml");
    assert!(
        xml.contains("ySplit=\"2\"") && xml.contains("topLeftCell=\"A3\"") && xml.contains("ref=\"A2:A3\""),
        "{xml}"
    );
    assert!(xml.contains("r=\"A3\""), "the number is below both");
}
