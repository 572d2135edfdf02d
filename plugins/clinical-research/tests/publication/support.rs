//! All five phases on an input, and what is in the files of the last one.

use std::io::{Cursor, Read as _};

use clinical_research::{
    cohort::CohortAnalysis, efficacy::EfficacyAnalysis, publication::PublicationPackage,
    safety::SafetyAnalysis,
};
use heddle_sdk::testing::{Harness, TestRun};
use serde_json::{Value, json};

use crate::common;

pub(crate) const FILES: [&str; 6] = [
    "manuscript.md",
    "figures_package.zip",
    "tables_package.xlsx",
    "manuscript.docx",
    "supplementary_materials.pdf",
    "csr_shell.docx",
];

/// What the phases leave.
pub(crate) struct Phases {
    pub(crate) validation: TestRun,
    pub(crate) cohort: TestRun,
    pub(crate) efficacy: TestRun,
    pub(crate) safety: TestRun,
    pub(crate) publication: TestRun,
}

/// All five phases, each on the files of those before it.
pub(crate) fn phases(name: &str, input: &Value) -> Phases {
    let validation = common::validate(input);
    let cohort = Harness::<CohortAnalysis>::new().files_of(&validation).run(json!({}));
    let efficacy = Harness::<EfficacyAnalysis>::new().files_of(&validation).run(json!({}));
    let safety = Harness::<SafetyAnalysis>::new().files_of(&validation).run(json!({}));
    let publication = publish(&validation, &cohort, &efficacy, &safety);
    publication.output();
    for (phase, run) in [
        ("validation", &validation),
        ("cohort", &cohort),
        ("efficacy", &efficacy),
        ("safety", &safety),
        ("publication", &publication),
    ] {
        common::dump(&format!("{name}/{phase}"), run);
    }
    Phases { validation, cohort, efficacy, safety, publication }
}

pub(crate) fn publish(
    validation: &TestRun,
    cohort: &TestRun,
    efficacy: &TestRun,
    safety: &TestRun,
) -> TestRun {
    Harness::<PublicationPackage>::new()
        .files_of(validation)
        .files_of(cohort)
        .files_of(efficacy)
        .files_of(safety)
        .run(json!({}))
}

/// The files of a package, by name.
pub(crate) fn unzipped(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
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

/// The text of a part of an Office document, tags taken away.
pub(crate) fn office_text(bytes: &[u8], part: &str) -> String {
    let parts = unzipped(bytes);
    let (_, xml) = parts.iter().find(|(name, _)| name == part).unwrap();
    let xml = String::from_utf8(xml.clone()).unwrap().replace("</w:p>", "\n").replace("</si>", "\n");
    let (mut out, mut is_tag) = (String::new(), false);
    for c in xml.chars() {
        match c {
            '<' => is_tag = true,
            '>' => is_tag = false,
            c if !is_tag => out.push(c),
            _ => {}
        }
    }
    out.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}

/// The manuscript without Markdown's escapes, and with plain blanks.
pub(crate) fn plain(run: &TestRun) -> String {
    run.text("manuscript.md")
        .replace('\\', "")
        .replace('\u{a0}', " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// All files are there, nothing in them is NaN or infinite, and the flow adds up.
pub(crate) fn sound(run: &TestRun) {
    for file in FILES {
        assert!(run.bytes(file).len() > 500, "{file}");
    }
    let text = plain(run);
    for wrong in ["NaN", " inf ", "inf)", "Infinity", "None)", "Some("] {
        assert!(!text.contains(wrong), "{wrong}: {text}");
    }
    for file in ["manuscript.docx", "csr_shell.docx"] {
        let text = office_text(run.bytes(file), "word/document.xml");
        for wrong in ["NaN", "Infinity", "Some("] {
            assert!(!text.contains(wrong), "{file}: {wrong}");
        }
    }
    assert!(run.bytes("supplementary_materials.pdf").starts_with(b"%PDF"));
    let output = run.output();
    assert_eq!(output["manuscript"]["flow_reconciles"], true, "{:#}", output["manuscript"]["flow"]);
    assert!(!output["manuscript"]["placeholders"].as_array().unwrap().is_empty());
    let figures = unzipped(run.bytes("figures_package.zip"));
    for figure in output["figures"]["list"].as_array().unwrap() {
        for file in figure["files"].as_array().unwrap() {
            assert!(figures.iter().any(|(name, _)| name == file.as_str().unwrap()), "{file}");
        }
    }
}
