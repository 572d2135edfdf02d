//! `safety_analysis` on made studies: figures by hand, borders, hostile terms, and what is missing.
#![allow(clippy::unwrap_used, missing_docs)]

mod safety_study;

use std::collections::BTreeMap;

use clinical_research::study::{AnalysisSet, Coded, Column, Labs, Study};
use safety_study::{Report, all, complete, run, study};

#[test]
fn a_subject_counts_once_under_its_worst_severity() {
    let found = all(&study(
        2,
        2,
        &[
            (2, "Gut", "Nausea", "SEVERE"),
            (2, "Gut", "Nausea", "MILD"),
            (2, "Gut", "Vomiting", "MODERATE"),
            (3, "Gut", "Nausea", "MILD"),
        ],
    ));
    let gut = &found.safety_metrics.safety.by_soc["Gut"];
    assert_eq!((gut.term.incidence["B"].subjects, gut.term.incidence["B"].events), (2, 4));
    assert_eq!(gut.term.severity["B"], BTreeMap::from([("MILD".to_owned(), 1), ("SEVERE".to_owned(), 1)]));
    assert_eq!(gut.pt["Vomiting"].severity["B"]["MODERATE"], 1);
    assert_eq!(found.safety_metrics.safety.overview["severe"].incidence["B"].subjects, 1);
    assert_eq!(found.safety_metrics.safety.severity_counts["B"]["MILD"], 2, "reports");
    // Two of two against none of two: RD 1, NNH 1, Fisher 1/6 × 2.
    let any = &found.safety_metrics.safety.overview["any"].vs_reference["B"];
    assert_eq!((any.risk_difference, any.number_needed), (Some(1.0), Some(1.0)));
    assert!((any.fisher_p.unwrap() - 1.0 / 3.0).abs() < 1e-12);
    assert!(any.note.as_ref().unwrap().contains("one of the arms"));
    let serious = &found.safety_metrics.safety.overview["serious"].vs_reference["B"];
    assert_eq!(serious.number_needed, None);
    assert!(serious.not_computable["number_needed"].contains("difference is zero"));
    assert!(serious.note.as_ref().unwrap().contains("says nothing"));
}

#[test]
fn a_term_of_two_classes_is_one_of_the_most_frequent_and_counts_a_subject_once() {
    let made = study(
        3,
        3,
        &[
            (3, "Gut", "Nausea", "MILD"),
            (3, "Nerves", "Nausea", "MILD"),
            (4, "Nerves", "Nausea", "MILD"),
            (4, "Gut", "Vomiting", "MILD"),
        ],
    );
    let found = all(&made);
    let frequent = &found.adverse_events.most_frequent;
    let names: Vec<&str> = frequent.iter().map(|t| t.pt.as_str()).collect();
    assert_eq!(names, ["Nausea", "Vomiting"]);
    assert_eq!((frequent[0].soc.as_str(), frequent[0].incidence["B"].subjects), ("Gut; Nerves", 2));
    assert!((frequent[0].vs_reference["B"].risk_difference.unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(
        frequent[1].vs_reference["B"],
        found.safety_metrics.safety.by_soc["Gut"].pt["Vomiting"].vs_reference["B"]
    );
    let done = run(&made);
    let report = done.text("safety_report.md");
    assert!(report.contains("Nausea is recorded under 2 classes (Gut; Nerves)"), "{report}");
}

#[test]
fn everybody_nobody_and_arms_of_none_and_one() {
    let everybody: Vec<Report> = (0..5).map(|s| (s, "Gut", "Nausea", "MILD")).collect();
    let found = all(&study(2, 3, &everybody));
    let any = &found.safety_metrics.safety.overview["any"].vs_reference["B"];
    assert_eq!((any.risk_difference, any.fisher_p), (Some(0.0), Some(1.0)));
    assert!(any.note.as_ref().unwrap().contains("everybody"));
    for (a, b) in [(0, 3), (3, 0), (1, 1), (0, 0), (1, 0)] {
        let events: Vec<Report> = if a + b > 0 { vec![(0, "Gut", "Nausea", "MILD")] } else { Vec::new() };
        let study = study(a, b, &events);
        let found = all(&study);
        let reasons = &found.safety_metrics.not_computable;
        assert_eq!(reasons.contains_key("arms") || reasons.contains_key("population"), a == 0 || b == 0);
        if let Some(any) = found.safety_metrics.safety.overview.get("any") {
            assert_eq!(any.vs_reference["B"].not_computable.contains_key("all"), a == 0 || b == 0);
        }
        complete(&run(&study));
    }
}

#[test]
fn what_is_missing_is_said() {
    // No adverse events at all: not "no events", but no data.
    let none = study(3, 3, &[]);
    let done = run(&none);
    complete(&done);
    assert!(done.text("safety_report.md").contains("does not mean that none happened"));
    assert!(done.text("ae_table.csv").contains("no adverse events of the study"));
    let found = all(&none);
    assert!(found.safety_metrics.safety.overview.is_empty() && found.safety_metrics.labs.by_test.is_empty());
    assert!(found.safety_metrics.labs.not_computable.contains_key("labs"));

    // A flag that no subject has.
    let mut flagless = study(3, 3, &[(1, "Gut", "Nausea", "MILD")]);
    flagless.protocol.populations.safety = Some("safety".to_owned());
    let found = all(&flagless);
    let population = &found.safety_metrics.population;
    assert!(
        population.finding.as_ref().is_some_and(|said| said.contains("populations.safety")),
        "{population:?}"
    );
    assert_eq!((population.n, found.adverse_events.selection.counted), (6, 1));
    complete(&run(&flagless));

    // A flag that is false of all.
    let flag = Column::Boolean(vec![Some(false); flagless.subjects.len()]);
    flagless.subjects.fields.insert("populations.safety".to_owned(), flag);
    let found = all(&flagless);
    assert!(found.safety_metrics.not_computable["population"].contains("nobody"));
    complete(&run(&flagless));

    // No dates, no days, no severities, no flags.
    let mut bare = study(3, 3, &[(1, "Gut", "Nausea", "MILD"), (4, "Gut", "Nausea", "MILD")]);
    bare.subjects.fields.clear();
    let events = &mut bare.adverse_events;
    events.severity = Coded::missing(2);
    (events.serious, events.related, events.fatal) = (vec![None; 2], vec![None; 2], vec![None; 2]);
    events.start_day = vec![None; 2];
    events.pt = Coded::missing(2);
    let found = all(&bare);
    let reasons = &found.safety_metrics.not_computable;
    for part in [
        "serious",
        "related",
        "severe",
        "fatal",
        "leading_to_discontinuation",
        "exposure_patient_years",
        "deaths",
        "discontinuation_reasons",
    ] {
        assert!(reasons[part].starts_with("not computable"), "{part}");
    }
    assert_eq!(found.safety_metrics.safety.exposure_patient_years["A"], None);
    assert_eq!(found.safety_metrics.safety.overview["any"].incidence["B"].subjects, 1);
    assert_eq!(found.adverse_events.selection.without_pt, 2);
    assert!(found.adverse_events.not_computable["time_to_first"].contains("end of observation"));
    complete(&run(&bare));
}

#[test]
fn treatment_emergent_goes_by_the_flag_or_else_by_the_day() {
    let mut made = study(
        2,
        2,
        &[(0, "Gut", "Nausea", "MILD"), (1, "Gut", "Nausea", "MILD"), (2, "Gut", "Rash", "MILD")],
    );
    made.protocol.ae.analysis_set = AnalysisSet::TreatmentEmergent;
    made.adverse_events.treatment_emergent = vec![Some(true), None, Some(false)];
    let s = all(&made).adverse_events.selection;
    assert_eq!((s.counted, s.not_in_set, s.flag_missing), (1, 2, 1));
    made.adverse_events.treatment_emergent = vec![None; 3];
    made.adverse_events.start_day = vec![Some(-2.0), Some(1.0), None];
    let s = all(&made).adverse_events.selection;
    assert_eq!((s.counted, s.not_in_set), (2, 1));
    assert!(s.rule.contains("instead"));
}

#[test]
fn members_count_where_they_were_treated() {
    let mut made = study(2, 2, &[(0, "Gut", "Nausea", "MILD")]);
    let actual = [Some("B"), Some("A"), Some("B"), Some("not treated")];
    made.subjects.fields.insert("actual_arm".to_owned(), Column::Categorical(Coded::of(actual)));
    let found = all(&made).safety_metrics;
    assert_eq!((found.safety.n["A"], found.safety.n["B"]), (1, 3));
    assert_eq!((found.population.switched, found.population.actual_unknown), (1, 1));
    assert_eq!(found.safety.overview["any"].incidence["B"].subjects, 1);
    assert!(found.caveats.iter().any(|c| c.contains("another arm's treatment")));
}

#[test]
fn impossible_durations_are_told() {
    let mut made = study(2, 2, &[(0, "Gut", "Nausea", "MILD"), (2, "Gut", "Nausea", "MILD")]);
    let end = vec![Some(100.0), Some(-9.0), Some(100.0), None];
    made.subjects.fields.insert("treatment_end".to_owned(), Column::Day(end));
    let found = all(&made).safety_metrics;
    // From day 1 to day -9, there being no day 0: nine days back, both ends counted.
    let recorded = found.safety.exposure_patient_years["A"].unwrap();
    assert!((recorded - (100.0 - 8.0) / 365.25).abs() < 1e-12, "{recorded}");
    assert_eq!(found.exposure["A"].end_before_start, 1);
    assert!((found.exposure["A"].patient_years.unwrap() - 100.0 / 365.25).abs() < 1e-12);
    assert_eq!(found.exposure["B"].without_dates, 1);
    let rate = &found.rates["any"]["B"];
    assert!((rate.rate.unwrap() - 365.25).abs() < 1e-9 && rate.rate_ratio == Some(1.0));
}

#[test]
fn terms_from_the_data_stay_text() {
    let evil = "=HYPERLINK(\"x\")|<script>";
    let done = run(&study(2, 2, &[(0, "+Gut,\"a\"\nb", evil, "MILD"), (2, "@x", "-1", "SEVERE")]));
    let table = done.text("ae_table.csv");
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1 + 2 + 4 + 4);
    for row in &rows {
        for cell in row.iter().take(4) {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
        }
    }
    assert!(rows.iter().any(|r| &r[2] == format!("'{evil}").as_str()));
    assert!(table.contains("\r\n") && !done.text("safety_report.md").contains("<script>"));
    // The class with more subjects first; here both have one, so that the name decides.
    assert_eq!(&rows[0][0], "any");
    let socs: Vec<&str> = rows.iter().filter(|r| &r[0] == "soc" && &r[3] == "ALL").map(|r| &r[1]).collect();
    assert_eq!(socs, ["'+Gut,\"a\"\nb", "'@x"]);
}

/// A laboratory record: subject (0 in A, 1 in B), test, visit, day, value, grade of the high direction.
type LabRow = (u32, &'static str, Option<&'static str>, Option<f64>, Option<f64>, Option<f64>);

fn with_labs(rows: &[LabRow]) -> Study {
    let mut made = study(1, 1, &[]);
    let n = rows.len();
    made.labs = Labs {
        subject: rows.iter().map(|r| r.0).collect(),
        test: Coded::of(rows.iter().map(|r| Some(r.1))),
        visit: Coded::of(rows.iter().map(|r| r.2)),
        day: rows.iter().map(|r| r.3).collect(),
        value: rows.iter().map(|r| r.4).collect(),
        low: vec![Some(10.0); n],
        high: vec![Some(40.0); n],
        grade_low: vec![None; n],
        grade_high: rows.iter().map(|r| r.5).collect(),
        ..Labs::default()
    };
    made
}

#[test]
fn laboratory_values_by_hand() {
    let b = Some("Baseline");
    let (w2, w4) = (Some("Week 2"), Some("Week 4"));
    let made = with_labs(&[
        (0, "ALT", b, Some(-3.0), Some(20.0), Some(0.0)),
        (0, "ALT", w2, Some(15.0), Some(130.0), Some(2.0)),
        (0, "ALT", w4, Some(29.0), Some(5.0), Some(0.0)),
        (0, "BILI", w2, Some(15.0), Some(90.0), Some(3.0)),
        (0, "ALT", None, None, Some(9000.0), Some(4.0)),
        (1, "ALT", b, Some(-3.0), Some(30.0), Some(0.0)),
        (1, "ALT", w2, Some(15.0), None, Some(9.0)),
    ]);
    let found = all(&made).safety_metrics.labs;
    let alt = &found.by_test["ALT"];
    assert_eq!(alt.worst_grade_high["A"], BTreeMap::from([("2".to_owned(), 1)]));
    assert_eq!(alt.grade3_4_subjects["A"], 0, "a record of unknown time does not count");
    assert_eq!((found.records.timing_unknown, found.records.grades_not_used), (1, 1));
    assert_eq!(found.by_test["BILI"].grade3_4_subjects["A"], 1);
    assert_eq!(alt.worst_vs_normal["A"].any_above_high + alt.worst_vs_normal["A"].any_below_low, 2);
    assert_eq!(alt.worst_vs_normal["B"].subjects, 0);
    assert_eq!(alt.visits, ["Week 2", "Week 4"]);
    let change = &alt.mean_change_by_visit["A"]["Week 2"];
    assert_eq!((change.n, change.mean, change.sd), (1, Some(110.0), None));
    assert!(change.not_computable.is_some());
    assert_eq!(alt.shift_high["A"]["0"]["2"], 1);
    assert_eq!(alt.shift_range["A"]["normal"]["low and high"], 1);
    let hy = &found.hys_law["A"];
    assert_eq!((hy.alt_or_ast_gt_3uln, hy.bili_gt_2uln, hy.hys_law_candidates), (Some(1), Some(1), Some(1)));
    assert_eq!(hy.candidates_without_cholestasis, None, "no alkaline phosphatase was measured");
    assert_eq!(found.hys_law_subjects.len(), 1);
    assert_eq!(found.hys_law_subjects[0].alt_or_ast, Some(3.25));
    let r = &found.records;
    assert_eq!(
        r.records,
        r.outside_population + r.without_test + r.baseline + r.before + r.after + r.timing_unknown
    );
    complete(&run(&made));
}

#[test]
fn labs_without_grades_or_bilirubin_say_so() {
    let made = with_labs(&[
        (0, "ALT", Some("Baseline"), Some(-3.0), Some(20.0), None),
        (0, "ALT", Some("Week 2"), Some(15.0), Some(50.0), None),
    ]);
    let found = all(&made).safety_metrics.labs;
    assert!(
        found.by_test["ALT"].not_computable["grade3_4_subjects"]
            .contains("no value after baseline has a grade")
    );
    assert!(found.by_test["ALT"].grade3_4_vs_reference.is_empty());
    assert_eq!(found.hys_law["A"].hys_law_candidates, None);
    assert!(found.not_computable["hys_law_candidates"].contains("bilirubin"));
    let done = run(&made);
    complete(&done);
    let report = done.text("safety_report.md");
    assert!(
        report.contains("grade 3 or 4: not assessed, as no value after baseline has a usable grade"),
        "{report}"
    );
    assert!(!report.contains("grade 3 or 4: 0") && report.contains("Hy's law: not assessed"), "{report}");

    // One test with grades, one without, and a grade that cannot be.
    let week = |test, grade| (0, test, Some("Week 2"), Some(15.0), Some(50.0), Some(grade));
    let mut made = with_labs(&[week("ALT", 9.0), week("AST", 1.0)]);
    made.labs.visit = Coded::of([Some("Week 2"), Some("Week 2")]);
    let done = run(&made);
    let report = done.text("safety_report.md");
    assert!(report.contains("over the 1 of 2 tests with grades; 1 without grades not assessed"), "{report}");
    assert!(report.contains("1 recorded grade after baseline is none of 0 to 5 and not used"), "{report}");
}

/// A disproportion by hand: Evans et al.'s criterion with all three parts.
#[test]
fn a_signal_needs_all_three_parts() {
    let mut list: Vec<Report> = (10..16).map(|s| (s, "Skin", "Rash", "MILD")).collect();
    list.extend((0..10).map(|s| (s, "Gut", "Nausea", "MILD")));
    list.extend((16..20).map(|s| (s, "Gut", "Nausea", "MILD")));
    let found = all(&study(10, 10, &list)).safety_metrics.safety;
    let rash = &found.disproportionality["B"]["Rash"];
    assert_eq!((rash.a, rash.b, rash.c, rash.d), (6, 4, 0, 10));
    // (6.5 / 11) / (0.5 / 11)
    assert!((rash.prr.unwrap() - 13.0).abs() < 1e-12 && rash.signal);
    assert!(!found.disproportionality["B"]["Nausea"].signal);
    assert!(!found.disproportionality.contains_key("A"), "the reference is what is compared with");
}

#[test]
fn time_to_the_first_event_by_hand() {
    let made = study(
        3,
        3,
        &[(3, "Gut", "Nausea", "MILD"), (4, "Gut", "Nausea", "MILD"), (5, "Gut", "Rash", "MILD")],
    );
    let first = all(&made).adverse_events.time_to_first.unwrap();
    assert!(first.definition.contains("treatment_end"), "there is no end_of_study");
    let (a, b) = (&first.by_arm["A"], &first.by_arm["B"]);
    assert_eq!((a.n, a.events, b.n, b.events), (3, 0, 3, 3));
    assert_eq!((a.median_days.as_str(), b.median_days.as_f64()), (Some("inf"), Some(5.0)));
    assert!(a.statement.contains("fewer than half"));
    // Three first events in three times five days.
    assert!((b.incidence_rate.rate.unwrap() - 100.0 * 3.0 / (15.0 / 365.25)).abs() < 1e-9);
    // One tie of three events among six at risk: expected 1.5, variance 3·3·3·3 / (36·5) = 0.45, so χ² = 5, p = 0.02535.
    assert!((first.log_rank_p["B"].as_f64().unwrap() - 0.025_347_318_677_468_252).abs() < 1e-9);
}

#[test]
fn what_ended_the_treatment_and_what_caused_it() {
    let mut made = study(
        2,
        2,
        &[(2, "Gut", "Nausea", "MILD"), (3, "Gut", "Nausea", "SEVERE"), (3, "Skin", "Rash", "MILD")],
    );
    let events = &mut made.adverse_events;
    events.action = Coded::of([Some("DOSE NOT CHANGED"), Some("DRUG WITHDRAWN"), None]);
    events.outcome = Coded::of([None, Some("RECOVERED/RESOLVED"), Some("FATAL")]);
    events.fatal = vec![None; 3];
    events.relationship = Coded::of([Some("NONE"), Some("PROBABLE"), None]);
    let found = all(&made);
    let overview = &found.safety_metrics.safety.overview;
    assert_eq!(overview["leading_to_discontinuation"].incidence["B"].subjects, 1);
    assert_eq!(overview["fatal"].incidence["B"].subjects, 1, "by the outcome, where the flag is missing");
    assert_eq!(found.safety_metrics.not_said["leading_to_discontinuation"], 1);
    assert!(
        found.safety_metrics.caveats.iter().any(|c| c.starts_with("1 fatal report is not marked serious"))
    );
    let listed = &found.adverse_events.leading_to_discontinuation;
    assert_eq!((listed.total, listed.reports[0].subject.as_str()), (1, "S000003"));
    let causality = found.adverse_events.causality.unwrap();
    assert_eq!(causality.contradictions, 1, "related, and the word is NONE");
    assert!(causality.scale.contains("not the WHO-UMC's"));
    let dechallenge = &causality.who_umc[2];
    assert_eq!((dechallenge.answered, dechallenge.in_favour), (1, 1));
    assert!(causality.statement.starts_with("no WHO-UMC category and no Naranjo score"));
}
