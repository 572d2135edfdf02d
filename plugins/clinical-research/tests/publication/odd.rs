//! Odd studies: the words are right for them, and nothing panics.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Phases, office_text, phases, plain, sound};

/// A study of these arms, each with so many subjects, with all that a study can have.
pub(crate) fn study(arms: &[&str], size: usize) -> Value {
    let n = arms.len() * size;
    let spread = |k: usize, salt: f64| {
        let x = ((k as f64 + 1.0) * 12.9898 + salt * 78.233).sin() * 43758.5453;
        x - x.floor()
    };
    let subjects: Vec<Value> = (0..n)
        .map(|k| {
            json!({
                "subject_id": format!("P-{k:04}"), "arm": arms[k % arms.len()], "age": (40.0 + 30.0 * spread(k, 1.0)).round(),
                "sex": if spread(k, 2.0) < 0.5 { "F" } else { "M" }, "completed": spread(k, 3.0) < 0.8, "death": false,
                "discontinuation_reason": "Withdrew",
                "treatment_start": "2024-01-01", "treatment_end": "2024-06-30",
                "baseline": {"score": (20.0 + 10.0 * spread(k, 4.0)).round()},
                "endpoints": {"change": (spread(k, 5.0) * 10.0).round(), "response": spread(k, 6.0) < 0.5, "extra": spread(k, 9.0)},
                "events": {"death": {"time": (1.0 + 300.0 * spread(k, 7.0)).round(), "event": spread(k, 8.0) < 0.6}},
            })
        })
        .collect();
    let events: Vec<Value> = (0..n / 2)
        .map(|k| {
            json!({"subject_id": format!("P-{:04}", k * 2), "soc": "Nervous", "pt": (["Headache", "Dizziness"][k % 2]), "severity": "MILD",
                "serious": k % 9 == 0, "related": true, "start_day": 5, "treatment_emergent": true, "fatal": false})
        })
        .collect();
    let labs: Vec<Value> = (0..n)
        .flat_map(|k| {
            ["Baseline", "Week 4"].map(|visit| {
                json!({"subject_id": format!("P-{k:04}"), "test": "ALT", "visit": visit, "day": if visit == "Baseline" { 1 } else { 28 },
                    "value": 20.0 + 30.0 * spread(k, visit.len() as f64), "low": 5, "high": 40, "grade_low": 0, "grade_high": k % 5 })
            })
        })
        .collect();
    json!({
        "study_data": {"subjects": subjects, "adverse_events": events, "labs": labs},
        "protocol": {
            "title": "A study", "design": "randomised, open-label", "arms": arms, "reference_arm": arms.first(),
            "table1": {"continuous": ["age", "baseline.score"], "categorical": ["sex"]},
            "endpoints": {
                "primary": {"id": "change", "label": "Change in score", "type": "continuous", "direction": "lower_is_better"},
                "secondary": [{"id": "response", "type": "binary", "direction": "higher_is_better"}],
                "exploratory": [{"id": "extra", "type": "continuous"}],
                "time_to_event": [{"id": "death", "unit": "days", "times": [30, 90], "covariates": ["age"]}],
            },
            "subgroups": [{"id": "sex", "field": "sex"}],
        },
    })
}

pub(crate) fn run(name: &str, input: &Value) -> Phases {
    let run = phases(name, input);
    sound(&run.publication);
    run
}

#[test]
fn a_study_that_is_not_randomised_follows_strobe() {
    let mut input = study(&["Usual", "New"], 40);
    input["protocol"]["design"] = json!("prospective cohort study, not randomised");
    let run = run("cohort_study", &input).publication;
    let text = plain(&run);
    assert_eq!(run.output()["manuscript"]["guideline"], "STROBE");
    assert!(
        text.contains("follows STROBE, and not CONSORT")
            && text.contains("Differences between the arms are associations")
    );
    assert!(text.contains("## STROBE checklist") && !text.contains("## CONSORT 2010 checklist"));
    assert!(!text.contains("were randomised") && text.contains("80 were assigned"));
    assert!(
        text.contains("Propensity scores:")
            && text.contains("matching by propensity score is tabulated (Table S")
    );
    assert!(text.contains("Any difference is an association"));
    // Not randomised, so that the table shows tests too.
    assert!(text.contains("| SMD | p |"));
    assert!(
        run.output()["tables"]["list"]
            .as_array()
            .unwrap()
            .iter()
            .any(|t| t["sheet"].as_str().unwrap().ends_with("Propensity matching"))
    );
}

#[test]
fn matching_that_is_not_computable_is_not_told_as_tabulated() {
    let mut input = study(&["Usual", "New"], 20);
    input["protocol"]["design"] = json!("cohort study, not randomised");
    for (at, subject) in input["study_data"]["subjects"].as_array_mut().unwrap().iter_mut().enumerate() {
        subject["age"] = json!(if at % 2 == 0 { 40 + at % 5 } else { 60 + at % 7 });
    }
    let text = plain(&run("separated_cohort", &input).publication);
    assert!(!text.contains("matching by propensity score is tabulated"), "{text}");
    assert!(!text.contains("Balance before and after matching is tabulated"), "{text}");
    let told =
        "The arms were not assigned at random; matching by propensity score was tried and is not computable:";
    assert!(text.contains(told), "{text}");
}

#[test]
fn one_arm_is_described_and_not_compared() {
    let phases = run("one_arm", &study(&["Only"], 30));
    let run = &phases.publication;
    let text = plain(run);
    assert!(text.contains("The study has one arm") && text.contains("30 were included"));
    let results = run.output()["manuscript"]["abstract"]["results"].as_str().unwrap();
    assert!(results.contains("Primary outcome, Only: mean") && !results.contains("p ="), "{results}");
    assert!(!text.contains("compared with Only") && !text.contains("randomised trial"));
    assert!(text.contains("without a comparison nothing is concluded"));
    for wrong in [
        "assigned at random: differences may be",
        "Comparisons with Only",
        "0 hypotheses",
        "There are 1 arms",
        "Holm",
        "Fisher's exact test, two-sided",
        "only one arm nothing",
    ] {
        assert!(!text.contains(wrong), "{wrong}: {text}");
    }
    let reports =
        [phases.efficacy.text("statistical_analysis_plan_report.md"), phases.safety.text("safety_report.md")];
    for wrong in [
        "Comparisons with Only",
        "0 hypotheses",
        "There are 1 arms",
        "Holm 1979",
        "flagged against",
        "at random",
    ] {
        assert!(reports.iter().all(|report| !report.contains(wrong)), "{wrong}: {reports:?}");
    }
}

#[test]
fn many_arms_fit() {
    let Phases { publication: four, safety, .. } =
        run("four_arms", &study(&["Placebo", "Low", "Middle", "High"], 20));
    let text = plain(&four);
    for arm in ["Low", "Middle", "High"] {
        assert!(text.contains(&format!("{arm} (n = 20) compared with Placebo (n = 20)")), "{arm}");
    }
    let report = office_text(four.bytes("csr_shell.docx"), "word/document.xml").replace('\u{a0}', " ");
    assert!(!report.contains("more columns are on the sheet"), "all comparisons have room");
    assert!(report.contains("Overview of adverse events: each arm against Placebo"));
    let soc = &safety.output()["safety_metrics"]["safety"]["by_soc"]["Nervous"];
    let pt = soc["pt"].as_object().unwrap().values().next().unwrap();
    for arm in ["Low", "Middle", "High"] {
        let title = format!("Adverse events by class and term: {arm} against Placebo");
        let table = report.split(&title).nth(1).unwrap();
        assert!(table.contains("Risk ratio (95 % CI)"));
        assert!(!table.contains("0.021 to 48"), "no ratio of two arms without an event");
        let of = &pt["vs_reference"][arm];
        let events = |arm: &str| pt["incidence"][arm]["subjects"].as_u64().unwrap();
        let shown = match events(arm) + events("Placebo") {
            0 => "\n–\n".to_owned(),
            _ => format!("\n{} (", crate::reference::shown(of["risk_ratio"].as_f64().unwrap())),
        };
        assert!(table.contains(&shown), "{arm}: {shown}");
    }
    let names: Vec<String> = (0..9).map(|k| format!("Dose {k}")).collect();
    let arms: Vec<&str> = names.iter().map(String::as_str).collect();
    let nine = run("nine_arms", &study(&arms, 8)).publication;
    let figures = crate::support::unzipped(nine.bytes("figures_package.zip"));
    let (_, svg) = figures.iter().find(|(name, _)| name.ends_with("flow.svg")).unwrap();
    let svg = String::from_utf8(svg.clone()).unwrap().replace('\u{a0}', " ");
    assert!(svg.contains("4 other arms together"));
    let others = svg.split("4 other arms together").last().unwrap();
    let counts = |n: usize| others.matches(&format!("(n = {n})")).count();
    assert!(counts(32) >= 5, "four populations and the primary endpoint of 4 arms of 8");
    assert!(plain(&nine).contains("more columns are on the sheet"));
}

#[test]
fn what_is_not_there_is_said() {
    let mut input = study(&["A", "B"], 25);
    input["study_data"]["labs"] = json!([]);
    input["study_data"]["adverse_events"] = json!([]);
    input["protocol"]["endpoints"]["time_to_event"] = json!([]);
    input["protocol"]["subgroups"] = json!([]);
    let found = run("bare", &input).publication;
    let text = plain(&found);
    assert!(
        text.contains("the data have no adverse events") && text.contains("does not mean that none happened"),
        "{text}"
    );
    assert!(text.contains("no laboratory values"));
    assert!(!text.contains("Kaplan–Meier estimates:") && text.contains("There are no subgroup analyses"));
    let absent = found.output()["figures"]["absent"].to_string();
    for what in ["no time to an event", "no subgroups", "neither adverse events nor laboratory values"] {
        assert!(absent.contains(what), "{absent}");
    }
    assert_eq!(found.output()["figures"]["list"].as_array().unwrap().len(), 3);
    // Numbers have no gap where a figure or table is left out.
    for (at, table) in found.output()["tables"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|t| !t["number"].as_str().unwrap().contains('S'))
        .enumerate()
    {
        assert_eq!(table["number"], format!("Table {}", at + 1));
    }
}

#[test]
fn grades_that_nobody_recorded_are_not_told_as_absent() {
    let labs = |text: &str| {
        let of = text.split('\n').filter(|line| line.contains("laboratory test") || line.contains("grade"));
        of.collect::<Vec<_>>().join("\n")
    };
    let mut input = study(&["A", "B"], 12);
    for lab in input["study_data"]["labs"].as_array_mut().unwrap() {
        lab["grade_low"] = Value::Null;
        lab["grade_high"] = Value::Null;
    }
    let text = plain(&run("ungraded", &input).publication);
    assert!(!text.contains("no worst grade after baseline was 3 or 4"), "{}", labs(&text));
    assert!(text.contains("values of grade 3 or 4 were not assessed"), "{}", labs(&text));
    input["study_data"]["labs"][1]["grade_high"] = json!(7);
    let text = plain(&run("impossible_grade", &input).publication);
    assert!(
        text.contains("1 recorded grade after baseline is none of 0 to 5 and not used."),
        "{}",
        labs(&text)
    );
}

#[test]
fn a_primary_endpoint_that_cannot_be_computed_is_no_result() {
    let mut input = study(&["A", "B"], 20);
    for subject in input["study_data"]["subjects"].as_array_mut().unwrap() {
        subject["endpoints"]["change"] = Value::Null;
    }
    let missing = run("no_primary_values", &input).publication;
    let text = plain(&missing);
    assert!(text.contains("ot computable"), "{text}");
    assert!(!text.contains("was rejected"));
    input["protocol"]["endpoints"] = json!({});
    let none = run("no_endpoints", &input).publication;
    let text = plain(&none);
    assert!(text.contains("The protocol names no primary outcome.") && text.contains("names no endpoint"));
    assert!(text.contains("nothing is concluded on efficacy"));
    let report = office_text(none.bytes("csr_shell.docx"), "word/document.xml");
    assert!(
        report.contains("11.4.1 Analysis of efficacy")
            && report.contains("There are no comparisons to tabulate.")
    );
}

#[test]
fn a_large_p_is_no_proof_of_likeness() {
    let text = plain(&run("no_difference", &study(&["A", "B"], 30)).publication);
    assert!(text.contains(
        "was not rejected at the two-sided 5 % level, which is no evidence that there is no difference"
    ));
    for wrong in
        ["there was no difference", "no difference was found", "no effect", "equivalent", "non-inferior"]
    {
        assert!(!text.contains(wrong), "{wrong}");
    }
    assert!(text.contains("This endpoint is exploratory"));
}

#[test]
fn a_significant_result_is_told_with_its_estimate() {
    let mut input = study(&["A", "B"], 30);
    for subject in input["study_data"]["subjects"].as_array_mut().unwrap() {
        if subject["arm"] == "B" {
            let value = subject["endpoints"]["change"].as_f64().unwrap();
            subject["endpoints"]["change"] = json!(value - 8.0);
        }
    }
    let text = plain(&run("difference", &input).publication);
    assert!(
        text.contains("The hypothesis of no difference was rejected at the two-sided 5 % level.")
            && text.contains("p < 0.001")
    );
    assert!(text.contains(
        "the hypothesis of no difference from A was rejected for B, in favour of B (the mean was lower under B than under A)."
    ));
}

#[test]
fn what_the_protocol_says_is_used_and_not_asked_for() {
    let mut input = study(&["A", "B"], 20);
    for (key, value) in [
        ("registration", json!("NCT00000000")),
        ("sample_size", json!({"per_arm": 20, "power": "80 %"})),
        ("funding", json!("A foundation")),
        ("inclusion_criteria", json!(["Adults", "Consent"])),
    ] {
        input["protocol"][key] = value;
    }
    let found = run("told", &input).publication;
    let text = plain(&found);
    for words in [
        "Sample size: per arm 20; power 80 %.",
        "Funding: A foundation.",
        "Inclusion criteria: Adults; Consent.",
    ] {
        assert!(text.contains(words), "{words}");
    }
    let open: Vec<&str> = found.output()["manuscript"]["placeholders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["text"].as_str().unwrap())
        .collect();
    assert!(
        !open
            .iter()
            .any(|p| p.contains("how the sample size was determined") || p.contains("eligibility criteria"))
    );
    assert!(open.iter().any(|p| p.contains("interpretation")));
    let state = |item: &str| {
        let all = found.output()["manuscript"]["checklist"].as_array().unwrap();
        all.iter().find(|e| e["item"] == item).unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        [state("7a"), state("25"), state("9"), state("17a")],
        ["from_protocol", "from_protocol", "for_a_person", "computed"]
    );
}

#[test]
fn hostile_names_stay_names() {
    let mut input = study(&["<b>A|</b>", "=B`*_["], 15);
    input["protocol"]["title"] = json!("# <script>alert(1)</script> | randomised");
    let found = run("hostile", &input).publication;
    let text = found.text("manuscript.md");
    assert!(!text.contains("<script>") && !text.contains("<b>"));
    assert_eq!(text.lines().filter(|l| l.starts_with("# ")).count(), 1);
    let workbook = crate::support::unzipped(found.bytes("tables_package.xlsx"));
    assert!(workbook.iter().all(|(_, bytes)| !String::from_utf8_lossy(bytes).contains("<f>")), "no formulas");
}

#[test]
fn almost_nothing_is_still_published() {
    for (name, input) in [
        (
            "one_subject",
            json!({"study_data": {"subjects": [{"subject_id": "x", "arm": "A"}]}, "protocol": {}}),
        ),
        (
            "no_arms",
            json!({"study_data": {"subjects": [{"subject_id": "x"}, {"subject_id": "y", "age": 3}]}, "protocol": {}}),
        ),
        (
            "other_arms",
            json!({"study_data": {"subjects": [{"subject_id": "x", "arm": "Z"}]}, "protocol": {"arms": ["A", "B"],
                "endpoints": {"primary": {"id": "q", "type": "binary"}, "time_to_event": [{"id": "t"}]}}}),
        ),
        (
            "flag_not_in_data",
            json!({"study_data": {"subjects": [{"subject_id": "x", "arm": "A"}, {"subject_id": "y", "arm": "B"}]}, "protocol": {
                "arms": ["A", "B"], "populations": {"baseline": "itt", "efficacy": "pp", "safety": "saf"},
                "endpoints": {"primary": {"id": "q", "type": "binary"}}}}),
        ),
    ] {
        run(name, &input);
    }
}

fn cell() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1e6..1e6f64).prop_map(Value::from),
        prop_oneof![Just("A"), Just("B"), Just("x|y"), Just("2024-01-01"), Just("∞ <&>")]
            .prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn garbage_makes_no_panic(
        rows in prop::collection::vec(prop::collection::vec(cell(), 7), 1..25),
        kind in prop_oneof![Just("continuous"), Just("ordinal"), Just("binary")],
        design in prop_oneof![Just("randomised"), Just("cohort"), Just("")],
    ) {
        let subjects: Vec<Value> = rows.iter().enumerate().map(|(k, c)| json!({
            "subject_id": format!("G{k}"), "arm": c[0], "age": c[1], "sex": c[2], "completed": c[3], "treatment_start": c[4],
            "endpoints": {"y": c[5]}, "events": {"t": {"time": c[6], "event": c[3]}}, "populations": {"f": c[2]},
        })).collect();
        let events: Vec<Value> = rows.iter().enumerate().map(|(k, c)| json!({
            "subject_id": format!("G{}", k / 2), "pt": c[0], "soc": c[2], "severity": c[3], "serious": c[4], "start_day": c[5],
        })).collect();
        let input = json!({
            "study_data": {"subjects": subjects, "adverse_events": events},
            "protocol": {"design": design, "table1": {"continuous": ["age"], "categorical": ["sex"]}, "populations": {"efficacy": "f"},
                "endpoints": {"primary": {"id": "y", "type": kind}, "time_to_event": [{"id": "t", "covariates": ["age", "sex"]}]},
                "subgroups": [{"id": "s", "field": "sex"}]},
        });
        sound(&phases("garbage", &input).publication);
    }
}

#[test]
fn records_that_contradict_each_other_are_a_limitation_and_great_ages_are_not_told() {
    let mut input = study(&["Old", "New"], 40);
    input["protocol"]["table1"] = json!({ "continuous": ["age"], "categorical": ["sex"] });
    let subjects = input["study_data"]["subjects"].as_array_mut().unwrap();
    subjects[4]["age"] = json!(97);
    let mut again = subjects[5].clone();
    again["endpoints"]["change"] = json!(0.5);
    again["arm"] = json!("Old");
    subjects.push(again);
    let run = run("contradicting", &input);
    assert_eq!(run.validation.output()["quality_metrics"]["conflicting_duplicates"][0]["fields"][0], "arm");
    let text = plain(&run.publication);
    let limitations = text.split("### Limitations").nth(1).unwrap().split("###").next().unwrap();
    assert!(
        limitations.contains(
            "The records of 1 subject contradict each other (arm and endpoints.change); the first one counts."
        ),
        "{limitations}"
    );
    let strings = office_text(run.publication.bytes("tables_package.xlsx"), "xl/sharedStrings.xml");
    assert!(strings.contains("over 89"), "{strings}");
}

#[test]
fn huge_and_tiny_values_of_table_1_are_shown_as_such() {
    let mut input = study(&["A", "B"], 20);
    input["protocol"]["table1"]["continuous"] = json!(["age", "baseline.huge", "baseline.tiny"]);
    for (k, subject) in input["study_data"]["subjects"].as_array_mut().unwrap().iter_mut().enumerate() {
        subject["baseline"]["huge"] = if k < 2 { json!(1e308 * (1.0 - k as f64)) } else { json!(70 + k) };
        subject["baseline"]["tiny"] = json!(1e-9 * (1 + k) as f64);
    }
    let run = run("huge", &input);
    let text = plain(&run.publication);
    assert!(text.contains("Huge: A has 20 values"), "{text}");
    assert!(text.contains("too large to compute with"), "{text}");
    assert!(text.contains("e−8") && !text.contains("0.0000 (0.0000)"), "{text}");
}
