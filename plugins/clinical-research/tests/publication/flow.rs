//! The participant flow: its counts add up, also with defects, and each exclusion is listed.

use serde_json::{Value, json};

use crate::{
    common,
    support::{office_text, phases, plain, sound, unzipped},
};

/// Every kind of loss at once.
fn defective() -> Value {
    let mut subjects: Vec<Value> = (0..40)
        .map(|k| {
            json!({
                "subject_id": format!("D-{k:03}"), "arm": (["Old", "New"][k % 2]), "age": 40 + k,
                "completed": k % 5 != 0, "discontinuation_reason": (["Lost", "Withdrew"][k % 2]),
                "populations": {"pp": k % 4 != 0}, "endpoints": {"y": if k % 7 == 0 { Value::Null } else { json!(k) }},
            })
        })
        .collect();
    subjects.push(subjects[3].clone());
    let mut other = subjects[4].clone();
    other["age"] = json!(99);
    subjects.push(other);
    subjects.push(json!("not a record"));
    subjects.push(json!({"subject_id": "D-900", "age": 50}));
    subjects.push(json!({"subject_id": "D-901", "age": 50, "arm": "Third"}));
    json!({
        "study_data": {
            "subjects": subjects,
            "adverse_events": [
                {"subject_id": "D-001", "soc": "S", "pt": "P", "severity": "MILD", "serious": true},
                {"subject_id": "nobody", "soc": "S", "pt": "P", "severity": "MILD", "serious": false},
            ],
        },
        "protocol": {
            "title": "A randomised trial with every defect", "design": "randomised", "arms": ["Old", "New"], "reference_arm": "Old",
            "populations": {"efficacy": "pp"},
            "endpoints": {"primary": {"id": "y", "type": "continuous"}},
        },
    })
}

#[test]
fn the_counts_add_up_with_every_defect() {
    let run = phases("defective", &defective());
    common::reconciles(&run.validation);
    sound(&run.publication);
    let flow = common::study(&run.validation).flow;
    let output = run.publication.output();
    let sums = output["manuscript"]["flow"].as_array().unwrap();
    for sum in sums {
        assert_eq!(sum["from"], sum["to"], "{sum}");
    }
    let of = |what: &str| {
        sums.iter().find(|s| s["what"].as_str().unwrap().starts_with(what)).unwrap()["from"].clone()
    };
    assert_eq!(of("records received"), 45);
    assert_eq!(of("subjects ="), 42);
    assert_eq!(of("Old: assigned = in the efficacy analysis"), 20);
    // Of every arm: completion, reasons, four populations, and the primary endpoint.
    assert_eq!(sums.len(), 3 + 2 * 7);
    let text = plain(&run.publication);
    assert!(
        text.contains(
            "45 subject records were received. 3 were left out: 1 could not be read and 2 repeated the id"
        ),
        "{text}"
    );
    assert!(text.contains("2 were in no analysis: 1 had no arm recorded and 1 had an arm that is not in the protocol. 40 were randomised"));

    let figures = unzipped(run.publication.bytes("figures_package.zip"));
    let (_, svg) = figures.iter().find(|(name, _)| name == "figure_1_participant_flow.svg").unwrap();
    let svg = String::from_utf8(svg.clone()).unwrap().replace('\u{a0}', " ");
    for words in
        ["(n = 45)", "(n = 42)", "(n = 40)", "Records left out (n = 3)", "Subjects in no analysis (n = 2)"]
    {
        assert!(svg.contains(words), "{words}");
    }

    // Each exclusion is on the sheet with its reason.
    let strings = office_text(run.publication.bytes("tables_package.xlsx"), "xl/sharedStrings.xml");
    assert_eq!(flow.exclusions.len(), 3 + 2 + 10 + 1);
    for exclusion in &flow.exclusions {
        assert!(strings.contains(exclusion.reason.as_str()), "{}", exclusion.reason);
        if let Some(subject) = &exclusion.subject {
            assert!(strings.contains(subject.as_str()));
        }
    }
}

#[test]
fn long_lists_say_what_they_leave_out_and_where_it_is() {
    let subjects: Vec<Value> = (0..600)
        .map(|k| json!({"subject_id": format!("L-{k:04}"), "arm": (["A", "B"][k % 2]), "populations": {"pp": k % 3 == 0}, "endpoints": {"y": k}}))
        .collect();
    let input = json!({
        "study_data": {"subjects": subjects},
        "protocol": {"arms": ["A", "B"], "populations": {"efficacy": "pp"}, "endpoints": {"primary": {"id": "y", "type": "continuous"}}},
    });
    let run = phases("long", &input).publication;
    sound(&run);
    let report = office_text(run.bytes("csr_shell.docx"), "word/document.xml");
    assert!(report.contains("The first 150 of 401 rows; all of them are on the sheet \"S2 Exclusions\" of tables_package.xlsx."), "{report}");
    let sheet = run.output()["tables"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["sheet"] == "S2 Exclusions")
        .unwrap()
        .clone();
    assert_eq!(sheet["rows"], 401, "400 exclusions, and one reason");
}
