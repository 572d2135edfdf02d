//! The four reference cases: what the publication says is what the phases before it found.

use heddle_sdk::testing::TestRun;
use serde_json::Value;

use crate::{
    common,
    support::{Phases, office_text, phases, plain, sound},
};

const CASES: [&str; 4] = ["cdisc_pilot_sites_a", "cdisc_pilot_defects", "veteran_lung", "strep_tb"];

/// A figure as the documents show it: written apart from the code under test.
pub(crate) fn shown(value: f64) -> String {
    let size = value.abs();
    let decimals = if size >= 100.0 {
        1
    } else if size >= 0.1 || size == 0.0 {
        2
    } else {
        3
    };
    assert!(size == 0.0 || size >= 1e-3, "{value} is shown with an exponent");
    let text = format!("{size:.decimals$}");
    if value < 0.0 && text.chars().any(|c| ('1'..='9').contains(&c)) { format!("−{text}") } else { text }
}

fn p_shown(name: &str, p: f64) -> String {
    match p {
        p if p < 0.001 => format!("{name} < 0.001"),
        p if p > 0.999 => format!("{name} > 0.999"),
        p => format!("{name} = {p:.3}"),
    }
}

fn primary(efficacy: &TestRun) -> Value {
    let results = &efficacy.output()["primary_results"];
    let of = |list: &str| results[list].as_array().unwrap().first().cloned();
    of("endpoints").or_else(|| of("time_to_event")).unwrap()
}

/// What the abstract must say of a comparison, made of the efficacy phase's output.
fn told(arm: &str, comparison: &Value) -> Vec<String> {
    let main = &comparison["main"];
    let number = |value: &Value| value.as_f64().unwrap();
    let mut parts = vec![
        format!(
            "{arm} (n = {}) compared with {} (n = {})",
            comparison["n"],
            comparison["reference"].as_str().unwrap(),
            comparison["n_ref"]
        ),
        format!(
            "{} {} (95 % CI {} to {}); {}, {}",
            main["measure"].as_str().unwrap(),
            shown(number(&main["estimate"])),
            shown(number(&main["ci"][0])),
            shown(number(&main["ci"][1])),
            main["test"].as_str().unwrap(),
            p_shown("p", number(&main["p"]))
        ),
        format!(
            "compatible with values from {} to {}",
            shown(number(&main["ci"][0])),
            shown(number(&main["ci"][1]))
        ),
    ];
    if comparison["family_size"].as_u64().unwrap() > 1 {
        parts.push(p_shown("Holm-adjusted p", number(&comparison["p_holm"])));
    }
    parts
}

/// Texts of the protocol that may have digits of their own, longest first.
fn given(input: &Value, primary: &Value) -> Vec<String> {
    let protocol = &input["protocol"];
    let mut texts: Vec<String> = ["title", "design", "phase", "indication"]
        .iter()
        .filter_map(|key| protocol[*key].as_str().map(str::to_owned))
        .collect();
    texts.extend(protocol["arms"].as_array().unwrap().iter().map(|a| a.as_str().unwrap().to_owned()));
    texts.push(primary["label"].as_str().unwrap().to_owned());
    texts.sort_by_key(|t| std::cmp::Reverse(t.len()));
    texts
}

/// Takes away what is traced, and gives what numbers are left.
fn traced(mut text: String, sources: &[String]) -> String {
    let mut sources = sources.to_vec();
    sources.sort_by_key(|s| std::cmp::Reverse(s.len()));
    for source in sources.iter().filter(|s| s.chars().any(|c| c.is_ascii_digit())) {
        text = text.replace(source.as_str(), "·");
    }
    text
}

fn abstract_is_traced(case: &str, input: &Value, run: &Phases) {
    let primary = primary(&run.efficacy);
    let summary = &run.publication.output()["manuscript"]["abstract"];
    let text = ["background", "methods", "results", "conclusions", "other"]
        .map(|part| summary[part].as_str().unwrap())
        .join("\n")
        .replace('\u{a0}', " ");
    let mut sources = given(input, &primary);
    for (arm, comparison) in primary["comparisons"].as_object().unwrap() {
        let parts = told(arm, comparison);
        let rejected = comparison["p_holm"].as_f64().unwrap() <= 0.05;
        for part in parts.iter().filter(|p| !(rejected && p.starts_with("compatible"))) {
            assert!(text.contains(part.as_str()), "{case}: {part:?} is not in {text}");
        }
        assert_eq!(text.contains("was rejected at the two-sided 5 % level"), rejected, "{case}");
        sources.extend(parts);
    }
    let study = common::study(&run.validation);
    let assigned: usize = study.flow.arms.iter().map(|a| a.subjects).sum();
    let by_arm: Vec<String> = study.flow.arms.iter().map(|a| format!("{} {}", a.arm, a.subjects)).collect();
    let flow = [format!("{assigned} subjects were"), by_arm.join(", ")];
    for part in &flow {
        assert!(text.contains(part.as_str()), "{case}: {part}");
    }
    sources.extend(flow);
    let safety = &run.safety.output()["safety_metrics"]["safety"];
    for kind in ["any", "serious"] {
        for (arm, of) in safety["overview"][kind]["incidence"].as_object().into_iter().flatten() {
            let part = format!("{} of {} in {arm}", of["subjects"], safety["n"][arm]);
            assert!(text.contains(&part), "{case}: {part}");
            sources.push(part);
        }
    }
    sources.extend([
        "95 % confidence intervals".to_owned(),
        "two-sided level 5 %".to_owned(),
        "the two-sided 5 % level".to_owned(),
    ]);
    sources.push(format!("Study of {} arms", study.protocol.arms.len()));
    sources.push(format!("andomised trial of {} arms", study.protocol.arms.len()));
    sources.push(format!("phase {}", study.protocol.phase.clone().unwrap_or_default()));
    let left = traced(text, &sources);
    assert!(!left.chars().any(|c| c.is_ascii_digit()), "{case}: a number from nowhere: {left}");
}

/// Every number below a value.
fn leaves(value: &Value, found: &mut Vec<f64>) {
    match value {
        Value::Number(n) => found.extend(n.as_f64()),
        Value::Array(list) => {
            found.push(list.len() as f64);
            list.iter().for_each(|v| leaves(v, found));
        }
        Value::Object(map) => {
            found.push(map.len() as f64);
            map.iter().for_each(|(key, v)| {
                found.extend(numbers(key).iter().map(|n| n.0));
                leaves(v, found);
            });
        }
        Value::String(text) => found.extend(numbers(text).iter().map(|n| n.0)),
        _ => {}
    }
}

/// The numbers of a text, each with its decimals. Signs are left away: a hyphen may be one or not.
fn numbers(text: &str) -> Vec<(f64, usize)> {
    let mut found = Vec::new();
    let bytes: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len()
            && (bytes[at].is_ascii_digit()
                || (matches!(bytes[at], '.' | ',') && bytes.get(at + 1).is_some_and(char::is_ascii_digit)))
        {
            at += 1;
        }
        let token: String = bytes[start..at].iter().filter(|c| **c != ',').collect();
        if let Ok(value) = token.parse() {
            found.push((value, token.split_once('.').map_or(0, |(_, d)| d.len())));
        }
    }
    found
}

/// Every number of the results can be found, rounded, in what the earlier phases left; sums of the flow count as found.
fn results_are_traced(case: &str, run: &Phases) {
    let text = plain(&run.publication);
    let start = text.find("\n## Results").unwrap();
    let end = text.find("\n## Discussion").unwrap();
    let mut known = Vec::new();
    for (phase, file) in [
        (&run.validation, "validated_data.json"),
        (&run.cohort, "cohort_characteristics.json"),
        (&run.efficacy, "efficacy_results.json"),
        (&run.safety, "safety_summary.json"),
    ] {
        let mut value: Value = phase.json(file);
        // Single subjects are no source of a result.
        for list in ["subjects", "visits", "labs"] {
            if file == "validated_data.json" {
                value[list] = Value::Null;
            }
        }
        leaves(&value, &mut known);
    }
    let study = common::study(&run.validation);
    let flow = &study.flow;
    let sum = |of: &dyn Fn(&clinical_research::study::ArmFlow) -> usize| {
        flow.arms.iter().map(of).sum::<usize>() as f64
    };
    known.extend([
        sum(&|a| a.subjects),
        (flow.unreadable_records + flow.repeated_records) as f64,
        (flow.without_arm + flow.unknown_arm) as f64,
        run.publication.output()["tables"]["list"].as_array().unwrap().len() as f64,
        95.0,
        5.0,
        0.05,
    ]);
    // Numbers of tables and figures, and thresholds of methods.
    known.extend((0..=25).map(f64::from));
    let safety = run.safety.json("safety_summary.json");
    for list in ["deaths"] {
        for (arm, n) in safety["safety"][list].as_object().into_iter().flatten() {
            known.push(100.0 * n.as_f64().unwrap() / safety["safety"]["n"][arm].as_f64().unwrap());
        }
    }
    known.iter_mut().for_each(|v| *v = v.abs());
    known.sort_by(f64::total_cmp);
    for (value, decimals) in numbers(&text[start..end]) {
        let half = 0.5 * 10f64.powi(-i32::try_from(decimals).unwrap()) + 1e-9;
        let at = known.partition_point(|k| *k < value - half);
        assert!(known.get(at).is_some_and(|k| *k <= value + half), "{case}: {value} is from nowhere");
    }
}

#[test]
fn every_number_of_the_abstract_and_of_the_results_is_that_of_an_earlier_phase() {
    for case in CASES {
        let Some((input, _)) = common::shared(case) else { return };
        let run = phases(case, &input);
        sound(&run.publication);
        // No table of up to three arms is wider than a page.
        let report = office_text(run.publication.bytes("csr_shell.docx"), "word/document.xml");
        assert!(!report.contains("more columns are on the sheet"), "{case}");
        abstract_is_traced(case, &input, &run);
        results_are_traced(case, &run);
    }
}

#[test]
fn the_form_follows_the_design() {
    for (case, guideline, claims) in
        [("cdisc_pilot_defects", "CONSORT 2010", true), ("veteran_lung", "CONSORT 2010", false)]
    {
        let Some((input, _)) = common::shared(case) else { return };
        let run = phases(case, &input).publication;
        let text = plain(&run);
        assert_eq!(run.output()["manuscript"]["guideline"], guideline, "{case}");
        assert_eq!(
            text.contains("were randomised"),
            claims,
            "{case}: the data do not say that it was randomised"
        );
        for heading in [
            "## Abstract",
            "### Trial design",
            "### Participants",
            "### Interventions",
            "### Outcomes",
            "### Sample size",
            "### Randomisation",
            "### Blinding",
            "### Statistical methods",
            "### Participant flow",
            "### Recruitment",
            "### Baseline data",
            "### Numbers analysed",
            "### Outcomes and estimation",
            "### Ancillary analyses",
            "### Harms",
            "### Limitations",
            "### Generalisability",
            "### Interpretation",
            "### Registration",
            "### Protocol",
            "### Funding",
            "## CONSORT 2010 checklist",
        ] {
            assert!(text.lines().any(|line| line == heading), "{case}: {heading}");
        }
        assert_eq!(run.output()["manuscript"]["checklist"].as_array().unwrap().len(), 37);
    }
}

#[test]
fn the_report_has_every_section_of_e3_and_its_own_numbers() {
    let Some((input, _)) = common::shared("cdisc_pilot_defects") else { return };
    let run = phases("cdisc_pilot_defects", &input).publication;
    let text = office_text(run.bytes("csr_shell.docx"), "word/document.xml");
    for number in (1..=16).map(|n| format!("{n} ")) {
        assert!(text.lines().any(|line| line.starts_with(&number)), "section {number}");
    }
    for heading in [
        "9.4.3 Method",
        "11.4.2.8 Examination",
        "12.4.2 Evaluation",
        "14.3.4 Abnormal",
        "16.1.12 Important",
        "16.2.8 Listing",
    ] {
        assert!(text.contains(heading), "{heading}");
    }
    assert!(text.contains("Summary of efficacy (ISE)") && text.contains("Summary of safety (ISS)"));
    // What a sentence refers to is what the caption of that number says.
    for (reference, caption) in [
        ("are tabulated (Tables 1 and 19)", ["Table 1. Disposition", "Table 19. Exclusions"]),
        ("by arm (Table 3)", ["Table 3. Baseline", "Table 3. Baseline"]),
    ] {
        assert!(text.contains(reference), "{reference}");
        assert!(caption.iter().all(|c| text.contains(c)), "{caption:?}");
    }
}
