//! The files: legible, escaped, the same in every run.

use serde_json::json;

use crate::support::{arms, numbers, run, spread, study, texts};

fn hostile() -> clinical_research::study::Study {
    let levels = ["=HYPERLINK(\"x\")", "<script>|", "comma, \"quote\"\nline"];
    let race: Vec<&str> = (0..30).map(|row| levels[row % 3]).collect();
    let mut data = study(
        2,
        &arms(&[15, 15]),
        &[("age", numbers((0..30).map(|row| spread(row, 1.0) - 0.5))), ("race", texts(&race))],
    );
    data.protocol.arms[1] = "@B|<b>".to_owned();
    data
}

#[test]
fn table1_is_plain_csv_without_formulas() {
    let found = run(&hostile());
    let text = found.text("table1.csv");
    assert!(text.ends_with("\r\n"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let width = reader.headers().unwrap().len();
    let mut rows = 0;
    for record in reader.records() {
        let record = record.unwrap();
        assert_eq!(record.len(), width);
        for cell in &record {
            assert!(!cell.starts_with(['=', '+', '@', '\t', '\r']), "{cell}");
            assert!(!cell.starts_with('-') || cell.parse::<f64>().is_ok(), "{cell}");
        }
        rows += 1;
    }
    // n, mean, median, range and missing; three categories and missing.
    assert_eq!(rows, 9);
    let head = text.lines().next().unwrap();
    assert!(head.contains("'@B|<b> (N=15)"), "{head}");
}

#[test]
fn the_report_shows_text_as_text() {
    let found = run(&hostile());
    let report = found.text("statistical_report.md");
    assert!(!report.contains("<script>") && !report.contains("<b>"), "{report}");
    assert!(report.contains("&lt;script&gt;\\|"));
    for part in ["Population", "Table 1", "Randomisation", "Balance", "Risk strata", "Propensity", "Caveats"]
    {
        assert!(report.lines().any(|l| l.starts_with("## ") && l.contains(part)), "{part}");
    }
    assert!(report.contains("CONSORT advises against"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (one, two) = (run(&hostile()), run(&hostile()));
    assert_eq!(one.files, two.files);
    assert_eq!(one.files.len(), 4);
    assert_eq!(one.output(), two.output());
}

#[test]
fn no_file_without_the_study() {
    use clinical_research::cohort::CohortAnalysis;
    use heddle_sdk::testing::Harness;
    let found = Harness::<CohortAnalysis>::new().run(json!({}));
    assert!(found.error().to_string().contains("validated_data.json"), "{:?}", found.result);
}
