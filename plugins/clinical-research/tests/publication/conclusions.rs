//! Who was analysed and what is concluded: arm by arm, with its direction, and never more than the results say.

use serde_json::{Value, json};

use crate::{
    odd::{run, study},
    support::{office_text, plain, unzipped},
};

fn subjects<'v>(input: &'v mut Value, arm: &'v str) -> impl Iterator<Item = &'v mut Value> {
    input["study_data"]["subjects"].as_array_mut().unwrap().iter_mut().filter(move |s| s["arm"] == arm)
}

/// Adds to the primary endpoint of an arm.
fn shift(input: &mut Value, arm: &str, by: f64) {
    for subject in subjects(input, arm) {
        let value = subject["endpoints"]["change"].as_f64().unwrap();
        subject["endpoints"]["change"] = json!(value + by);
    }
}

fn conclusions(input: &Value, name: &str) -> String {
    let run = run(name, input);
    let found =
        run.publication.output()["manuscript"]["abstract"]["conclusions"].as_str().unwrap().to_owned();
    // The discussion and the summary of efficacy say the same.
    let said = found.split(" [").next().unwrap().replace('\u{a0}', " ");
    let key = plain(&run.publication).split("### Key results").nth(1).unwrap().to_owned();
    assert!(key.contains(&said), "{said}\n{key}");
    let report = office_text(run.publication.bytes("csr_shell.docx"), "word/document.xml");
    let summary = report.split("Summary of efficacy (ISE)").last().unwrap();
    assert!(summary.replace('\u{a0}', " ").contains(&said), "{said}");
    found
}

#[test]
fn who_lacks_a_covariate_is_told_from_the_flow_to_the_limitations() {
    let mut input = study(&["Old", "New"], 40);
    input["protocol"]["endpoints"]["primary"]["baseline_field"] = json!("baseline.score");
    input["protocol"]["endpoints"]["time_to_event"][0]["covariates"] = json!(["age", "baseline.score"]);
    for (arm, n) in [("Old", 3), ("New", 4)] {
        subjects(&mut input, arm).take(n).for_each(|s| s["baseline"]["score"] = Value::Null);
    }
    subjects(&mut input, "New").last().unwrap()["endpoints"]["change"] = Value::Null;
    let run = run("covariates", &input);
    let found = run.efficacy.json("efficacy_results.json");
    let primary = &found["endpoints"][0];
    let of = |arm: &str, key: &str| primary["analysed"][arm][key].as_u64().unwrap();
    assert_eq!(["analysed", "missing", "without_covariate"].map(|key| of("Old", key)), [37, 0, 3]);
    assert_eq!(["analysed", "missing", "without_covariate"].map(|key| of("New", key)), [35, 1, 4]);
    assert_eq!(primary["comparisons"]["New"]["n"], 35);
    assert_eq!(primary["comparisons"]["New"]["n_ref"], 37);
    assert_eq!(primary["ancova"]["n"], 72);
    let adjusted = &found["time_to_event"][0]["cox_adjusted"];
    assert_eq!(adjusted["left_out_by_arm"], json!({"Old": 3, "New": 4}));
    assert_eq!(adjusted["n"], 73);

    let output = run.publication.output();
    let sums = output["manuscript"]["flow"].as_array().unwrap();
    let with_covariate: Vec<&Value> =
        sums.iter().filter(|s| s["what"].as_str().unwrap().contains("without its covariate")).collect();
    assert_eq!(with_covariate.len(), 2);
    assert!(with_covariate.iter().all(|s| s["from"] == 40 && s["to"] == 40), "{with_covariate:?}");
    let figures = unzipped(run.publication.bytes("figures_package.zip"));
    let (_, svg) = figures.iter().find(|(name, _)| name.ends_with("participant_flow.svg")).unwrap();
    let svg = String::from_utf8(svg.clone()).unwrap().replace('\u{a0}', " ");
    for words in ["Primary endpoint analysed (n = 35)", "Covariate of it missing (n = 4)"] {
        assert!(svg.contains(words), "{words}");
    }

    let text = plain(&run.publication);
    assert!(text.contains("New (n = 35) compared with Old (n = 37)"), "{text}");
    let row = text.lines().find(|line| line.contains("| 35 |") && line.contains("New")).unwrap();
    assert!(row.contains("of the 39 with a value"), "{row}");
    let section =
        |from: &str, to: &str| text.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
    for (from, to) in [("### Numbers analysed", "### Outcomes and"), ("### Limitations", "### Generalis")] {
        let section = section(from, to);
        for words in [
            "Change in score: 7 subjects (Old 3 and New 4) have the outcome but not baseline.score, and are not in the analysis of covariance.",
            "death: 7 subjects (Old 3 and New 4) have the outcome but not all of age and baseline.score, and are not in the adjusted Cox model.",
        ] {
            assert!(section.contains(words), "{from}: {words}\n{section}");
        }
    }
    let report = run.efficacy.text("statistical_analysis_plan_report.md").replace('\\', "");
    for words in [
        "Analysis of covariance: 7 have the outcome but not baseline.score, and are left out (Old 3 and New 4).",
        "Adjusted Cox model: 7 have the outcome but not all of age and baseline.score, and are left out (Old 3 and New 4).",
        "| Arm | In population | Analysed | Missing | No covariate |",
    ] {
        assert!(report.contains(words), "{words}\n{report}");
    }
}

#[test]
fn a_difference_is_told_with_the_arm_that_it_favours() {
    let mut input = study(&["Old", "New"], 40);
    shift(&mut input, "New", -8.0);
    let said = conclusions(&input, "benefit");
    let words = "was rejected for New, in favour of New (the mean was lower under New than under Old).";
    assert!(said.contains(words), "{said}");

    shift(&mut input, "New", 16.0);
    let said = conclusions(&input, "harm");
    let words = "was rejected for New, in favour of Old and against New (the mean was higher under New than under Old).";
    assert!(said.contains(words), "{said}");
    let report = run("harm", &input).efficacy.text("statistical_analysis_plan_report.md").to_owned();
    assert!(report.contains("the primary endpoint was worse under New than under Old"), "{report}");

    input["protocol"]["endpoints"]["primary"].as_object_mut().unwrap().remove("direction");
    let said = conclusions(&input, "direction_unknown");
    let words = "rejected for New, where the mean was higher than under Old (the protocol does not say which is better).";
    assert!(said.contains(words) && !said.contains("favour"), "{said}");
}

#[test]
fn scores_answers_and_times_have_their_own_words() {
    let mut input = study(&["Old", "New"], 40);
    shift(&mut input, "New", 8.0);
    input["protocol"]["endpoints"]["primary"]["type"] = json!("ordinal");
    let said = conclusions(&input, "score");
    assert!(said.contains("against New (values tended to be higher under New than under Old)"), "{said}");

    for subject in subjects(&mut input, "New") {
        subject["endpoints"]["response"] = json!(true);
        subject["events"]["death"]["event"] = json!(false);
    }
    input["protocol"]["endpoints"]["primary"] =
        json!({"id": "response", "type": "binary", "direction": "higher_is_better"});
    input["protocol"]["endpoints"]["secondary"] = json!([]);
    let said = conclusions(&input, "answer");
    assert!(
        said.contains("in favour of New (the outcome was more frequent under New than under Old)"),
        "{said}"
    );

    // Nobody of New has the event: there is no hazard ratio, and yet the direction is plain.
    input["protocol"]["endpoints"] = json!({"time_to_event": [{"id": "death", "label": "Death"}]});
    let said = conclusions(&input, "time");
    assert!(
        said.contains(
            "where the event came later than under Old (the protocol does not say which is better)"
        ),
        "{said}"
    );
}

#[test]
fn each_hypothesis_has_its_own_conclusion() {
    let mut input = study(&["Placebo", "Low", "Middle", "High"], 40);
    shift(&mut input, "Low", 8.0);
    shift(&mut input, "High", -8.0);
    let middle: Vec<Value> = subjects(&mut study(&["Placebo", "Low", "Middle", "High"], 40), "Placebo")
        .map(|s| s["endpoints"]["change"].clone())
        .collect();
    subjects(&mut input, "Middle").zip(&middle).for_each(|(s, v)| s["endpoints"]["change"] = v.clone());
    let said = conclusions(&input, "mixed");
    for words in [
        "was rejected for Low, in favour of Placebo and against Low (the mean was higher under Low than under Placebo); and for High, in favour of High",
        "It was not rejected for Middle. That a hypothesis is not rejected does not show that the arms are alike.",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!said.contains("could not be tested"), "{said}");

    subjects(&mut input, "High").for_each(|s| s["endpoints"]["change"] = Value::Null);
    let said = conclusions(&input, "mixed_untested");
    assert!(said.contains("rejected for Low, in favour of Placebo and against Low"), "{said}");
    assert!(said.contains("It was not rejected for Middle."), "{said}");
    assert!(said.contains("It could not be tested for High, and nothing is concluded there."), "{said}");

    shift(&mut input, "Low", -8.0);
    subjects(&mut input, "Low").zip(&middle).for_each(|(s, v)| s["endpoints"]["change"] = v.clone());
    let said = conclusions(&input, "none_rejected");
    assert!(
        said.contains("the hypothesis of no difference from Placebo was not rejected for Low and Middle."),
        "{said}"
    );
    assert!(said.contains("could not be tested for High"), "{said}");
}

#[test]
fn an_endpoint_that_was_taken_as_primary_is_not_called_the_protocols() {
    let mut input = study(&["Old", "New"], 40);
    input["protocol"]["endpoints"].as_object_mut().unwrap().remove("primary");
    input["protocol"]["endpoints"]["time_to_event"][0]["label"] = json!("Death from any cause");
    let run = run("adopted", &input);
    let text = plain(&run.publication);
    for words in [
        "The protocol names no primary outcome; its first time to an event was taken as primary: Death from any cause.",
        "For the outcome taken as primary (Death from any cause), as the protocol names none,",
        "names no primary endpoint. By its first time to an event, which was taken as primary,",
        "Outcomes (the protocol names no primary one; one was taken as primary)",
        "Death from any cause (taken as primary, as the protocol names none",
        "Taken as primary, as the protocol names none. Death from any cause",
        "that this choice was made before the data were seen is not on record",
    ] {
        assert!(text.replace("**", "").contains(words), "{words}\n{text}");
    }
    for wrong in [
        "protocol's primary endpoint",
        "The primary outcome was",
        "cause (primary",
        "Primary: ",
        "Primary outcome: ",
    ] {
        assert!(!text.contains(wrong), "{wrong}: {text}");
    }
    let report = office_text(run.publication.bytes("csr_shell.docx"), "word/document.xml");
    assert!(report.contains("Endpoint taken as primary, as the protocol names none: Death from any cause."));
    assert!(!report.contains("(primary)") && !report.contains("Primary endpoint: Death"), "{report}");
    let plan = run.efficacy.text("statistical_analysis_plan_report.md").replace('\\', "");
    assert!(
        plan.contains(
            "Death from any cause (taken as primary, because the protocol names no primary endpoint)"
        )
    );
}

#[test]
fn a_time_to_an_event_may_be_the_protocols_primary_endpoint() {
    let mut input = study(&["Old", "New"], 40);
    let other = json!({"id": "relapse", "label": "Relapse"});
    let death = input["protocol"]["endpoints"]["time_to_event"][0].clone();
    for subject in input["study_data"]["subjects"].as_array_mut().unwrap() {
        subject["events"]["relapse"] = subject["events"]["death"].clone();
    }
    // As an entry of the list, which has the rest of it; and as all that there is.
    for (list, name) in [(json!([other, death]), "listed"), (json!([other]), "alone")] {
        input["protocol"]["endpoints"]["time_to_event"] = list;
        input["protocol"]["endpoints"]["primary"] = json!({
            "id": "death", "label": "Death from any cause", "type": "time_to_event", "direction": "higher_is_better", "unit": "days",
        });
        let run = run(name, &input);
        let found = run.efficacy.json("efficacy_results.json");
        let times = found["time_to_event"].as_array().unwrap();
        assert_eq!((&times[0]["id"], &times[0]["role"]), (&json!("death"), &json!("primary")), "{name}");
        assert_eq!((&times[1]["id"], &times[1]["role"]), (&json!("relapse"), &json!("secondary")), "{name}");
        assert!(times[0]["direction"].as_str().unwrap().contains("longer"), "{}", times[0]["direction"]);
        assert!(
            times[0]["subgroups"][0]["levels"]["F"]["New"]["hr"].is_number(),
            "{}",
            times[0]["subgroups"]
        );
        let text = plain(&run.publication);
        assert!(
            text.contains("Death from any cause") && !text.contains("taken as primary"),
            "{name}: {text}"
        );
        assert!(
            !text.contains("names no primary") && !text.contains("not computable: No subject"),
            "{name}: {text}"
        );
        let problems = run.validation.text("validation_report.md");
        assert!(!problems.contains("is not known"), "{problems}");
    }
    // A secondary one may say what it is, too.
    let endpoints = &mut input["protocol"]["endpoints"];
    endpoints["time_to_event"] = json!([]);
    endpoints["secondary"] = json!([{"id": "relapse", "type": "time-to-event"}]);
    let listed = run("said", &input).efficacy.json("efficacy_results.json");
    let roles: Vec<_> =
        listed["time_to_event"].as_array().unwrap().iter().map(|of| (&of["id"], &of["role"])).collect();
    assert_eq!(roles, [(&json!("death"), &json!("primary")), (&json!("relapse"), &json!("secondary"))]);
    assert!(listed["endpoints"].as_array().unwrap().iter().all(|of| of["id"] == "extra"));

    // Where an arm has no event in a level, its subjects and events are still told.
    for subject in subjects(&mut input, "New").filter(|subject| subject["sex"] == "F") {
        subject["events"]["death"]["event"] = json!(false);
    }
    let found = run("no_event", &input).efficacy.json("efficacy_results.json");
    let cell = &found["time_to_event"][0]["subgroups"][0]["levels"]["F"]["New"];
    assert!(
        cell["n"].as_u64() > Some(0) && cell["events"].as_u64() > Some(0) && cell["hr"].is_null(),
        "{cell}"
    );
    assert_eq!(cell["by_arm"]["New"]["events"], 0, "{cell}");
    assert!(cell["not_computable"]["hr"].as_str().unwrap().contains("tends to zero"), "{cell}");
}

#[test]
fn an_interval_that_seems_to_contradict_its_verdict_is_explained() {
    // Differences whose p is below 0.05 alone, and above it after Holm's adjustment for three.
    let mut input = study(&["Placebo", "Low", "Middle", "High"], 40);
    for arm in ["Placebo", "Low", "Middle", "High"] {
        let add = if arm == "Low" { 1.3 } else { 0.0 };
        for (k, subject) in subjects(&mut input, arm).enumerate() {
            subject["endpoints"]["change"] =
                json!((k % 7) as f64 + add * 0.7 + if k % 2 == 0 { 0.01 } else { 0.0 });
        }
    }
    let run = run("unadjusted_interval", &input);
    let low = run.efficacy.json("efficacy_results.json")["endpoints"][0]["comparisons"]["Low"].clone();
    assert!(low["main"]["p"].as_f64().unwrap() < 0.05 && low["p_holm"].as_f64().unwrap() > 0.05, "{low:#}");
    let text = plain(&run.publication);
    let words = "The interval excludes no difference and yet nothing is rejected: 95 % confidence intervals are for each comparison \
         alone and not adjusted for multiplicity, as the verdict is.";
    assert!(text.contains(words), "{text}");
    let summary = run.publication.output()["manuscript"]["abstract"]["results"].to_string();
    assert_eq!(summary.matches("nothing is rejected").count(), 1, "{summary}");

    input["protocol"]["confidence_level"] = json!(0.5);
    input["protocol"]["arms"] = json!(["Placebo", "High"]);
    for (k, subject) in subjects(&mut input, "High").enumerate() {
        subject["endpoints"]["change"] = json!((k % 7) as f64 + 0.5);
    }
    let text = plain(&crate::odd::run("narrow_interval", &input).publication);
    assert!(text.contains("its level of 50 % is not that of the test"), "{text}");
}

#[test]
fn values_outside_their_range_are_told_below_the_table_that_includes_them() {
    let mut input = study(&["Old", "New"], 30);
    input["protocol"]["ranges"] = json!({"age": [18, 90], "baseline.score": [0, 1e20]});
    input["protocol"]["populations"] = json!({"baseline": "itt"});
    for (k, subject) in input["study_data"]["subjects"].as_array_mut().unwrap().iter_mut().enumerate() {
        subject["populations"] = json!({"itt": k != 4});
        match k {
            2 | 7 => subject["age"] = json!(140),
            // Not in the table's population.
            4 => subject["age"] = json!(150),
            9 => subject["baseline"]["score"] = json!(1e300),
            _ => {}
        }
    }
    let run = run("implausible", &input);
    let text = plain(&run.publication);
    for words in [
        "Age: includes 2 values outside the plausible range (18 to 90), flagged and not repaired.",
        "includes 1 value outside the plausible range (0 to 1.00e20), flagged and not repaired.",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let sheet = office_text(run.publication.bytes("tables_package.xlsx"), "xl/sharedStrings.xml");
    assert!(sheet.contains("includes 2 values outside the plausible range"));
    for text in [text, office_text(run.publication.bytes("csr_shell.docx"), "word/document.xml")] {
        assert!(!text.contains("0000000000000000") && !text.contains("000,000,000,000,000,000"), "{text}");
    }
}

#[test]
fn a_term_of_several_classes_is_told_below_the_table_that_counts_it_once() {
    let mut input = study(&["Old", "New"], 30);
    input["study_data"]["adverse_events"][0]["soc"] = json!("Cardiac");
    let run = run("several_classes", &input);
    let tables = run.publication.output()["tables"]["list"].as_array().unwrap().clone();
    let notes = |title: &str| {
        let table = tables.iter().find(|table| table["title"].as_str().unwrap().contains(title)).unwrap();
        table["footnotes"].to_string()
    };
    let note = notes("Most frequent adverse events");
    assert!(
        note.contains("Headache is recorded under 2 classes (") && note.contains("counts once"),
        "{note}"
    );
    assert!(!note.contains("Dizziness is recorded"), "{note}");
}

/// Three arms, no primary endpoint, a harmful arm, covariates missing, no direction, an empty cell.
#[test]
fn a_study_with_every_difficulty_is_told_without_a_false_word() {
    let arms = ["Placebo", "Low dose", "High dose"];
    let mut input = study(&arms, 60);
    input["protocol"]["endpoints"].as_object_mut().unwrap().remove("primary");
    input["protocol"]["endpoints"]["secondary"] = json!([
        {"id": "change", "label": "Change in score", "type": "continuous", "direction": "lower_is_better", "baseline_field": "baseline.score", "unit": "points"},
        {"id": "response", "label": "Response", "type": "binary", "direction": "higher_is_better"},
    ]);
    input["protocol"]["endpoints"]["time_to_event"] = json!([{"id": "death", "label": "Death from any cause", "unit": "days", "times": [30, 90], "rmst_tau": 120, "covariates": ["age", "baseline.score"]}]);
    input["protocol"]["subgroups"] = json!([{"id": "sex", "field": "sex"}, {"id": "site", "label": "Kind of site", "field": "baseline.kind"}]);
    input["protocol"]["ranges"] = json!({"age": [18, 60]});
    for (k, subject) in input["study_data"]["subjects"].as_array_mut().unwrap().iter_mut().enumerate() {
        let arm = subject["arm"].as_str().unwrap().to_owned();
        subject["baseline"]["kind"] = json!(arm);
        if k % 11 == 0 {
            subject["baseline"]["score"] = Value::Null;
        }
        if k % 13 == 0 {
            subject["endpoints"]["change"] = Value::Null;
        }
        if arm == "High dose" {
            let time = subject["events"]["death"]["time"].as_f64().unwrap();
            subject["events"]["death"] = json!({"time": (time / 4.0).ceil(), "event": true});
            subject["death"] = json!(true);
        }
    }
    let found = conclusions(&input, "nasty");
    for words in [
        "For the outcome taken as primary (Death from any cause), as the protocol names none,",
        "was rejected for High dose, where the restricted mean time to the event was shorter than under Placebo (the protocol does not say which is better).",
        "It was not rejected for Low dose.",
        "so that the hazard ratio gives no direction; the difference of the restricted mean survival times (in days) is −",
    ] {
        assert!(found.contains(words), "{words}\n{found}");
    }
    let published = run("nasty", &input).publication;
    let report = office_text(published.bytes("csr_shell.docx"), "word/document.xml");
    let summary = report.split("Summary of efficacy (ISE)").last().unwrap();
    assert!(
        summary.contains("the gate is closed, and p-values of secondary endpoints describe"),
        "{summary}"
    );
    let told =
        published.output()["manuscript"]["abstract"]["results"].as_str().unwrap().replace('\u{a0}', " ");
    assert!(told.contains("High dose against Placebo: hazards are not proportional (p"), "{told}");
    let text = plain(&published);
    for words in [
        "1 of 2 primary hypotheses is rejected",
        "Death from any cause: proportional hazards are doubtful, so that the hazard ratio is an average",
        "the event came later under Low dose than under Placebo (not significant at a level of 5 %: compatible with no difference)",
        "High dose against Placebo: hazards are not proportional (p",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(
        text.contains("Kind of site: interaction not computable: No interaction can be estimated:"),
        "{text}"
    );
    assert!(!text.contains("favour of High dose") && !text.contains("rimary outcome ("), "{text}");
}
