//! Documents in all formats: what goes in comes out, nothing in it becomes markup, and the same input is the same bytes.
//! With HEDDLE_DOCUMENT_GALLERY set to a directory a sample is written there, to be looked at.
#![allow(clippy::unwrap_used)]

use std::io::{Cursor, Read as _};

use heddle_kit::document::{Cell, Column, Document, Meta, Picture, Table, Text};
use heddle_kit::plot::{
    Axis, Chart as _, Figure, FlowBox, FlowDiagram, FlowStage, KaplanMeier, KmCurve, KmStep, Size,
};
use jiff::Timestamp;
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;

fn made_at() -> Timestamp {
    "2026-11-22T05:06:07Z".parse().unwrap()
}

/// The files of a ZIP package.
fn unzipped(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip8::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|at| {
            let mut file = archive.by_index(at).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.name().to_owned(), content)
        })
        .collect()
}

fn part(bytes: &[u8], name: &str) -> String {
    let (_, content) =
        unzipped(bytes).into_iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no {name}"));
    String::from_utf8(content).unwrap()
}

/// Checks that XML is well formed, and gives the text of all elements called `element`.
fn texts(xml: &str, element: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut found, mut inside, mut depth) = (Vec::new(), false, 0);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(e) => {
                depth += 1;
                if e.name().as_ref() == element.as_bytes() {
                    inside = true;
                    found.push(String::new());
                }
                e.attributes().for_each(|a| assert!(a.is_ok(), "{a:?}"));
            }
            Event::End(e) => {
                depth -= 1;
                inside &= e.name().as_ref() != element.as_bytes();
            }
            Event::Empty(e) => e.attributes().for_each(|a| assert!(a.is_ok(), "{a:?}")),
            Event::Text(t) if inside => found.last_mut().unwrap().push_str(&t.decode().unwrap()),
            Event::GeneralRef(r) if inside => {
                let c = match r.decode().unwrap().as_ref() {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    number => r.resolve_char_ref().unwrap().unwrap_or_else(|| panic!("{number}")),
                };
                found.last_mut().unwrap().push(c);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "elements are not closed");
    found
}

fn survival() -> Picture {
    let curve = |name: &str, rate: f64| {
        let steps = (1..40).map(|i| {
            let (time, survival) = (f64::from(i) * 0.9, (-rate * f64::from(i)).exp());
            KmStep { time, survival, limits: Some((survival * 0.85, (survival * 1.12).min(1.0))) }
        });
        let at_risk = (0..40).map(|i| (f64::from(i) * 0.9, 120 - i as u64 * 3));
        KmCurve::new(name)
            .summary("n = 120, 45 events")
            .steps(steps)
            .censored([3.0, 9.5, 20.0])
            .at_risk(at_risk)
    };
    let figure = KaplanMeier::new("Progression-free survival")
        .curve(curve("Drug", 0.02))
        .curve(curve("Placebo", 0.04))
        .time_axis(Axis::new("Time since randomisation").unit("months"))
        .annotation("Log-rank p = 0.0021")
        .render(Size::new(960, 620))
        .unwrap();
    Picture::new(
        figure,
        "Kaplan–Meier estimate of progression-free survival.",
        "Two falling curves; drug above placebo.",
        "figures/km.png",
    )
}

fn flow() -> Picture {
    let figure = FlowDiagram::new("Participant flow")
        .enrolment("Enrolment")
        .all(FlowBox::new("Assessed for eligibility", 260))
        .leave(FlowBox::new("Excluded", 22).part("Declined", 12).part("Criteria not met", 10))
        .all(FlowBox::new("Randomised", 238))
        .stage(FlowStage::new("Allocation", [FlowBox::new("Drug", 120), FlowBox::new("Placebo", 118)]))
        .stage(FlowStage::new("Analysis", [FlowBox::new("Analysed", 120), FlowBox::new("Analysed", 118)]))
        .render(Size::new(900, 600))
        .unwrap();
    Picture::new(
        figure,
        "Flow of participants.",
        "Boxes from 260 assessed to 238 analysed.",
        "figures/flow.png",
    )
}

const LOREM: &str = "The primary analysis compared progression-free survival between the arms by the log-rank test, stratified as \
    at randomisation; the hazard ratio is from a Cox model with Efron's method for ties. Missing values were not imputed.";

fn sample() -> Document {
    let meta =
        Meta::new("Drug versus placebo in adults with advanced disease: a randomised trial", made_at())
            .author("Trial statistics office")
            .subject("Clinical study report");
    let mut document = Document::new(meta);
    document.heading(1, "Abstract");
    document
        .paragraph(Text::new().bold("Background. ").placeholder("investigator", "background and rationale"));
    document.paragraph(
        Text::new()
            .bold("Methods. ")
            .plain(LOREM)
            .plain(" Body-mass index is in kg/m")
            .superscript("2")
            .plain("; C")
            .subscript("max")
            .plain(" in ng/mL; ")
            .italic("p")
            .plain(" < 0.05 & more."),
    );
    document.heading(1, "Methods").heading(2, "Statistics").paragraph(LOREM.repeat(6));
    document.bullets([
        Text::from("First point"),
        Text::from(LOREM),
        Text::new().placeholder("sponsor", "funding"),
    ]);
    document.numbered(["One", "Two", LOREM]);
    document.numbered(["Begins at one again"]);
    document.heading(1, "Results");
    document.figure(flow());
    let mut table = Table::new("Baseline characteristics of all randomised subjects")
        .groups([Cell::new(""), Cell::new("Arm").across(2), Cell::new("")])
        .columns([
            Column::left("Characteristic"),
            Column::right("Drug\n(N = 120)"),
            Column::right("Placebo\n(N = 118)"),
            Column::right("SMD"),
        ])
        .heading("Age, years")
        .indented(["Mean (SD)", "61.2 (9.8)", "60.4 (10.1)", "0.08"])
        .indented(["Median (IQR)", "62.0 (54.0–68.5)", "61.0 (53.0–68.0)", ""])
        .heading("Sex, n (%)")
        .indented(["Female", "60 (50.0)", "61 (51.7)", "0.03"])
        .row(["Weight, kg", "78.1 (14.0)", "77.5 (13.2)", "0.04"]);
    for i in 0..60 {
        table = table.row([
            format!(
                "Preferred term number {i} with a name long enough to be wrapped when the column is narrow"
            ),
            format!("{i} ({:.1})", f64::from(i) / 1.2),
            "4 (3.4)".to_owned(),
            "0.10".to_owned(),
        ]);
    }
    let number = document
        .table(table.footnote(
            "SD: standard deviation; IQR: interquartile range; SMD: standardised mean difference.",
        ));
    document.paragraph(format!("{number} shows the arms at baseline. {LOREM}"));
    document.figure(survival());
    document.table(Table::new("An empty table").columns([Column::left("What"), Column::centre("How many")]));
    document.page_break().heading(1, "References").placeholder_paragraph();
    document
}

trait PlaceholderParagraph {
    fn placeholder_paragraph(&mut self);
}

impl PlaceholderParagraph for Document {
    fn placeholder_paragraph(&mut self) {
        self.paragraph(Text::new().placeholder("medical writer", "references"));
    }
}

#[test]
fn a_sample_is_written_in_all_formats_and_twice_the_same() {
    let document = sample();
    let (docx, pdf, markdown) = (document.docx().unwrap(), document.pdf().unwrap(), document.markdown());
    assert_eq!(docx, sample().docx().unwrap());
    assert_eq!(pdf, sample().pdf().unwrap());
    assert_eq!(markdown, sample().markdown());
    if let Ok(directory) = std::env::var("HEDDLE_DOCUMENT_GALLERY") {
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(format!("{directory}/sample.docx"), &docx).unwrap();
        std::fs::write(format!("{directory}/sample.pdf"), &pdf).unwrap();
        std::fs::write(format!("{directory}/sample.md"), &markdown).unwrap();
    }
}

#[test]
fn a_word_document_is_well_formed_and_has_all_that_went_in() {
    let docx = sample().docx().unwrap();
    for (name, content) in unzipped(&docx) {
        if name.ends_with(".xml") || name.ends_with(".rels") {
            texts(std::str::from_utf8(&content).unwrap(), "w:t");
        }
    }
    let body = part(&docx, "word/document.xml");
    let all = texts(&body, "w:t").join("");
    for want in [
        "Abstract",
        "[TO BE COMPLETED BY sponsor: funding]",
        "Table 1",
        "Figure 2",
        "p < 0.05 & more.",
        "Preferred term number 59",
        "SD: standard deviation",
    ] {
        assert!(all.replace("p<", "p <").contains(want), "{want} is lost");
    }
    // Both header rows of the first table repeat, and the one of the second.
    assert_eq!(body.matches("<w:tblHeader/>").count(), 3);
    assert_eq!(body.matches("w:val=\"Heading1\"").count(), 4);
    assert_eq!(body.matches("w:highlight").count(), 3);
    assert!(
        body.contains("descr=\"Two falling curves; drug above placebo.\"")
            && body.contains(" SEQ Table \\* ARABIC ")
    );
    assert!(part(&docx, "word/footer1.xml").contains(" PAGE "));
    assert!(part(&docx, "word/styles.xml").contains("<w:lang w:val=\"en-GB\"/>"));
    let core = part(&docx, "docProps/core.xml");
    assert!(
        core.contains("Drug versus placebo")
            && core.contains("2026-11-22T05:06:07Z")
            && core.contains("Trial statistics office")
    );
    // Each picture has a relation, an identifier of its own, and is there as it was given.
    let pictures: Vec<String> =
        unzipped(&docx).into_iter().map(|f| f.0).filter(|n| n.ends_with(".png")).collect();
    assert_eq!(pictures, ["word/media/image1.png", "word/media/image2.png"]);
    assert!(body.contains("<wp:docPr id=\"1\"") && body.contains("<wp:docPr id=\"2\""));
}

#[test]
fn a_pdf_is_tagged_dated_and_says_its_title() {
    let pdf = sample().pdf().unwrap();
    let has = |text: &[u8]| pdf.windows(text.len()).any(|w| w == text);
    assert!(
        has(b"/StructTreeRoot") && has(b"/Marked true") && has(b"/Outlines") && has(b"/Lang(en-GB)")
            || has(b"/Lang (en-GB)")
    );
    assert!(has(b"D:20261122050607"));
    // Other words, other bytes: the sameness above is not that of an empty file.
    let mut other = sample();
    other.paragraph("more");
    assert_ne!(pdf, other.pdf().unwrap());
}

#[test]
fn markdown_keeps_text_from_becoming_markup() {
    let mut document = Document::new(Meta::new("# <Title>", made_at()));
    document.paragraph("- not a list").paragraph(Text::from("a ").bold(" <b>x</b>|* ").plain("b"));
    document.bullets(["one"]).numbered(["1. two"]);
    document.table(
        Table::new("T|x").columns([Column::left("a|b"), Column::right("n")]).row(["c|d\n# e", "61.2"]),
    );
    let want = "# \\# &lt;Title&gt;\n\n\\- not a list\n\na  **&lt;b&gt;x&lt;/b&gt;\\|\\*** b\n\n- one\n\n<!-- -->\n\n1. 1\\. two\n\n\
        **Table 1.** T\\|x\n\n| a\\|b | n |\n| :-- | --: |\n| c\\|d \\# e | 61.2 |\n";
    assert_eq!(document.markdown(), want);
}

#[test]
fn numbers_of_tables_and_figures_follow_their_order() {
    let mut document = Document::new(Meta::new("T", made_at()));
    assert_eq!(document.table(Table::new("a")), "Table 1");
    assert_eq!(document.table(Table::new("b")), "Table 2");
    assert_eq!(document.figure(flow()), "Figure 1");
    document.number_prefix("S");
    assert_eq!(document.table(Table::new("c")), "Table S1");
    let body = part(&document.docx().unwrap(), "word/document.xml");
    assert!(texts(&body, "w:t").join("").contains("Table S1. c"));
}

#[test]
fn a_picture_that_is_none_is_refused() {
    let mut picture = flow();
    let mut broken = Document::new(Meta::new("T", made_at()));
    let bad = Figure { svg: "<svg".into(), png: vec![1, 2, 3] };
    broken.figure(Picture::new(bad, "Bad", "", "x.png"));
    assert!(broken.docx().unwrap_err().to_string().contains("\"Bad\""));
    assert!(broken.pdf().unwrap_err().to_string().contains("\"Bad\""));
    picture = Picture::clone(&picture);
    let mut good = Document::new(Meta::new("T", made_at()));
    good.figure(picture);
    assert!(good.docx().is_ok() && good.pdf().is_ok());
}

/// Text of all kinds: printable, control characters, right to left, emoji, and very long words.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,60}",
        "[\u{0}-\u{1f}\u{7f}-\u{9f}\u{fffe}\u{ffff}<>&\"'a ]{0,30}",
        "[א-ת؀-ۿ ]{0,30}",
        "[😀-🙏👩🏽‍🚀\u{200d}]{0,10}",
        "(_x[0-9A-F]{4}_|=1\\+1|\\]\\]>|<!--){0,4}",
        (1usize..400).prop_map(|n| "W".repeat(n)),
    ]
}

fn document_of(texts: &[String]) -> Document {
    let text = |at: usize| texts[at % texts.len()].clone();
    let mut document = Document::new(Meta::new(text(0), made_at()).author(text(1)).subject(text(2)));
    document.heading(1, text(1)).heading(3, text(2));
    document.paragraph(
        Text::new().bold(text(0)).superscript(text(1)).subscript(text(2)).placeholder(&text(3), &text(0)),
    );
    document.bullets([text(1), text(2)]).numbered([text(3)]);
    document.table(
        Table::new(text(0))
            .groups([Cell::new(text(1)).across(9)])
            .columns([Column::left(text(2)), Column::right(text(3)), Column::centre(text(0))])
            .heading(text(1))
            .row([text(0)])
            .indented([text(1), text(2), text(3), text(0)])
            .footnote(text(2)),
    );
    document
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_a_document(texts_in in prop::collection::vec(any_text(), 4)) {
        let document = document_of(&texts_in);
        let docx = document.docx().unwrap();
        for (name, content) in unzipped(&docx) {
            let content = String::from_utf8(content).unwrap();
            if name.ends_with(".xml") {
                texts(&content, "w:t");
                let forbidden = |c: char| (c as u32) < 0x20 && !"\t\n\r".contains(c) || matches!(c, '\u{fffe}' | '\u{ffff}');
                prop_assert!(!content.contains(forbidden), "{} holds a forbidden character", name);
            }
        }
        prop_assert!(document.pdf().unwrap().starts_with(b"%PDF"));
        prop_assert_eq!(document.pdf().unwrap(), document.pdf().unwrap());
        prop_assert!(document.markdown().starts_with("# "));
    }

    #[test]
    fn what_goes_in_comes_out(text in "[a-zA-Z0-9<>&\"'_*|#\\[\\]äß中😀=+@-]{1,80}") {
        let mut document = Document::new(Meta::new("T", made_at()));
        document.paragraph(text.as_str());
        document.table(Table::new("c").columns([Column::left("h")]).row([text.as_str()]));
        let body = part(&document.docx().unwrap(), "word/document.xml");
        prop_assert_eq!(texts(&body, "w:t").iter().filter(|t| **t == text).count(), 2);
    }
}

#[test]
fn a_word_longer_than_a_page_goes_on() {
    let long = "W".repeat(10_000);
    document_of(&[long.clone(), "a".into(), "b".into(), "c".into()]).pdf().unwrap();
    let mut document = Document::new(Meta::new("T", made_at()));
    document.paragraph(long.as_str());
    let body = part(&document.docx().unwrap(), "word/document.xml");
    assert!(texts(&body, "w:t").contains(&long));
}

#[test]
fn a_figure_of_pixels_only_is_in_every_format() {
    let drawn = KaplanMeier::new("Survival")
        .no_data_reason("nobody was followed")
        .render(Size::new(400, 300))
        .unwrap();
    let fine = drawn.clone().for_print().unwrap();
    let side = |png: &[u8], at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!(
        (side(&fine.png, 16), side(&fine.png, 20)),
        (2 * side(&drawn.png, 16), 2 * side(&drawn.png, 20))
    );
    assert_eq!(fine.svg, drawn.svg);
    let pixels = Figure::from_png(fine.png.clone()).unwrap();
    assert_eq!(pixels.png, fine.png);
    let document = |figure: Figure| {
        let mut document = Document::new(Meta::new("A figure", made_at()));
        document.figure(Picture::new(figure, "Survival.", "An empty chart.", "km.png"));
        document
    };
    let pdf = document(pixels.clone()).pdf().unwrap();
    let image: &[u8] = b"/Subtype/Image";
    let has_image = |pdf: &[u8]| {
        let squeezed: Vec<u8> = pdf.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        squeezed.windows(image.len()).any(|w| w == image)
    };
    assert!(has_image(&pdf), "the pixels are in the PDF");
    assert!(!has_image(&document(drawn).pdf().unwrap()), "vectors are no pixels");
    assert_eq!(pdf, document(pixels.clone()).pdf().unwrap());
    assert!(document(pixels).docx().unwrap().starts_with(b"PK"));
    for wrong in [&b""[..], b"\x89PNG\r\n\x1a\n", b"GIF89a"] {
        assert!(Figure::from_png(wrong.to_vec()).is_err());
    }
}

#[test]
fn a_document_tells_what_a_person_must_write() {
    let mut document = Document::new(Meta::new("A report", made_at()));
    document.paragraph(Text::new().placeholder("authors", "names"));
    document.heading(1, "Results").bullets([Text::from("n = 3. ").placeholder("reviewer", "a check")]);
    let table = Table::new("T")
        .columns([Column::left("x")])
        .row([Cell::new(Text::new().placeholder("sponsor", "a value"))]);
    document.heading(2, "Tables").table(table);
    let found = document.placeholders();
    let want = [
        ("", "[TO BE COMPLETED BY authors: names]"),
        ("Results", "[TO BE COMPLETED BY reviewer: a check]"),
        ("Tables", "[TO BE COMPLETED BY sponsor: a value]"),
    ];
    assert_eq!(found.iter().map(|(h, t)| (h.as_str(), t.as_str())).collect::<Vec<_>>(), want);
}
