//! The files: the same bytes for the same input, numbers as numbers, and no original id anywhere.

use std::collections::BTreeSet;

use clinical_research::{publication::PublicationPackage, validation::KEY_FILE};
use heddle_sdk::Phase as _;
use serde_json::Value;

use crate::{
    common,
    support::{FILES, office_text, phases, plain, publish, unzipped},
};

#[test]
fn the_same_results_give_the_same_bytes() {
    let run = phases("sample", &common::sample());
    let again = publish(&run.validation, &run.cohort, &run.efficacy, &run.safety);
    assert_eq!(run.publication.files, again.files);
    assert_eq!(run.publication.output(), again.output());
    assert_eq!(
        run.publication.files.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        BTreeSet::from(FILES)
    );
}

#[test]
fn the_key_file_is_neither_declared_nor_needed_and_no_original_id_is_told() {
    let spec = format!("{:?}", PublicationPackage::info());
    assert!(spec.contains("validated_data.json") && !spec.contains(KEY_FILE) && !spec.contains("input/"));
    let Some((input, _)) = common::shared("cdisc_pilot_defects") else { return };
    let mut run = phases("cdisc_pilot_defects", &input);
    let before = run.publication.files.clone();
    let key = common::key(&run.validation);
    run.validation.files.remove(KEY_FILE);
    let again = publish(&run.validation, &run.cohort, &run.efficacy, &run.safety);
    assert_eq!(before, again.files, "without the key the same");
    let mut told = vec![run.publication.output().to_string(), plain(&run.publication)];
    told.push(office_text(run.publication.bytes("manuscript.docx"), "word/document.xml"));
    told.push(office_text(run.publication.bytes("csr_shell.docx"), "word/document.xml"));
    told.push(office_text(run.publication.bytes("tables_package.xlsx"), "xl/sharedStrings.xml"));
    for (name, bytes) in unzipped(run.publication.bytes("figures_package.zip")) {
        if !name.ends_with(".png") {
            told.push(String::from_utf8(bytes).unwrap());
        }
    }
    // A site's number is too short to be told from other numbers.
    let ids: Vec<&String> = key.keys().filter(|id| id.len() > 6).collect();
    assert!(ids.len() > 50);
    for original in ids {
        assert!(!told.iter().any(|text| text.contains(original.as_str())), "an original id is told");
    }
}

/// The cells of a sheet: reference, whether it is text, and the value.
fn cells(xml: &str) -> Vec<(String, bool, String)> {
    let mut found = Vec::new();
    for part in xml.split("<c ").skip(1) {
        let head = part.split('>').next().unwrap();
        let reference = head.split("r=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let value = part.split("<v>").nth(1).map(|v| v.split('<').next().unwrap().to_owned());
        if let Some(value) = value {
            found.push((reference, head.contains("t=\"s\""), value));
        }
    }
    found
}

#[test]
fn the_workbook_has_numbers_that_are_those_of_the_results() {
    let Some((input, _)) = common::shared("strep_tb") else { return };
    let run = phases("strep_tb", &input);
    let parts = unzipped(run.publication.bytes("tables_package.xlsx"));
    let part =
        |name: &str| String::from_utf8(parts.iter().find(|(n, _)| n == name).unwrap().1.clone()).unwrap();
    let names = part("xl/workbook.xml");
    for (at, table) in run.publication.output()["tables"]["list"].as_array().unwrap().iter().enumerate() {
        assert!(names.contains(table["sheet"].as_str().unwrap()), "{table}");
        let xml = part(&format!("xl/worksheets/sheet{}.xml", at + 2));
        assert!(
            xml.contains("ySplit=\"2\"") && xml.contains("state=\"frozen\""),
            "title and header stay in sight"
        );
        for (reference, is_text, value) in cells(&xml) {
            assert!(is_text || value.parse::<f64>().is_ok_and(f64::is_finite), "{reference} {value}");
        }
        let notes = table["footnotes"].as_array().unwrap();
        assert!(!notes.is_empty(), "{table}");
    }
    let outcomes = cells(&part("xl/worksheets/sheet3.xml"));
    let numbers: Vec<f64> = outcomes.iter().filter(|c| !c.1).map(|c| c.2.parse().unwrap()).collect();
    let main =
        run.efficacy.output()["primary_results"]["endpoints"][0]["comparisons"]["Streptomycin"]["main"]
            .clone();
    for value in [&main["estimate"], &main["ci"][0], &main["ci"][1], &main["p"]] {
        let value = value.as_f64().unwrap();
        assert!(
            numbers.iter().any(|n| (n - value).abs() <= 1e-15 * value.abs().max(1.0)),
            "{value} in full: {numbers:?}"
        );
    }
}

#[test]
fn figures_are_numbered_as_in_the_manuscript() {
    let run = phases("sample", &common::sample());
    let text = plain(&run.publication);
    let figures = unzipped(run.publication.bytes("figures_package.zip"));
    let readme =
        String::from_utf8(figures.iter().find(|(n, _)| n == "README.md").unwrap().1.clone()).unwrap();
    for figure in run.publication.output()["figures"]["list"].as_array().unwrap() {
        let number = figure["number"].as_str().unwrap();
        assert!(readme.contains(&format!("## {number}\n")), "{number}");
        if !number.contains('S') {
            assert!(text.contains(&format!("**{number}.**")), "{number}");
        }
    }
    for (name, bytes) in figures.iter().filter(|(name, _)| name.ends_with(".png")) {
        assert!(bytes.starts_with(b"\x89PNG"), "{name}");
    }
    let tables: Vec<Value> = run.publication.output()["tables"]["list"].as_array().unwrap().clone();
    for table in tables.iter().filter(|t| !t["number"].as_str().unwrap().contains('S')) {
        let number = table["number"].as_str().unwrap();
        assert!(text.contains(&format!("**{number}.** {}", table["title"].as_str().unwrap())), "{number}");
    }
}

#[test]
fn nothing_is_published_without_the_phases_before() {
    let found = heddle_sdk::testing::Harness::<PublicationPackage>::new().run(serde_json::json!({}));
    assert!(found.error().to_string().contains("validated_data.json"), "{:?}", found.result);
}
