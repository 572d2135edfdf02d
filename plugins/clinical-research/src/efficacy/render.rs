//! The results as JSON: the reference's form, and beside it what a reader asks for first.

use serde_json::{Value, json};

use super::{
    frame::Frame,
    multiplicity::Multiplicity,
    object::{Object, object},
    pointing::time_direction,
    result::{Analysed, Comparison, Role, Test},
    words::{direction_text, estimate_text, figure},
};

fn test(of: &Test) -> Value {
    let mut made = Object::new();
    made.set("test", &of.name).set("measure", &of.measure);
    made.computed("estimate", of.value());
    made.computed("ci", of.estimate.as_ref().map(|e| e.interval).map_err(Clone::clone));
    made.computed("p", of.p.clone());
    made.finish()
}

fn comparison(frame: &Frame<'_>, of: &Comparison, role: Role) -> Value {
    let mut made = Object::new();
    made.set("arm", frame.arm(of.arm)).set("reference", frame.reference_name());
    made.set("n", of.n.0).set("n_ref", of.n.1);
    made.set("main", test(&of.main)).set("why_this_test", &of.why);
    made.set("direction_of_benefit", &of.benefit).set("favours", &of.favours);
    if let Some(caution) = &of.caution {
        made.set("caution", caution);
    }
    if let Some(adjusted) = &of.adjusted {
        made.set("p_holm", adjusted.holm).set("p_hochberg", adjusted.hochberg);
        made.set("family_size", adjusted.family).set("conclusion", &adjusted.conclusion);
    } else if role == Role::Exploratory {
        made.set("conclusion", "exploratory: the p-value is not adjusted and confirms nothing");
    }
    made.set("sensitivity", of.sensitivity.iter().map(test).collect::<Vec<_>>());
    made.set("statement", statement(frame, of));
    made.finish()
}

/// A comparison in a sentence.
pub(super) fn statement(frame: &Frame<'_>, of: &Comparison) -> String {
    let effect = match &of.main.estimate {
        Ok(estimate) => format!("{} {}", of.main.measure, estimate_text(estimate, frame.level)),
        Err(why) => match of.main.point {
            Some(value) => {
                format!("{} {} (interval not computable: {why})", of.main.measure, figure(value))
            }
            None => format!("{} not computable: {why}", of.main.measure),
        },
    };
    let p = match &of.main.p {
        Ok(p) => format!("p {}", super::words::p_text(*p)),
        Err(why) => format!("p not computable: {why}"),
    };
    format!(
        "{} (n = {}) against {} (n = {}): {effect}; {}, {p}. {}.",
        frame.arm(of.arm),
        of.n.0,
        frame.reference_name(),
        of.n.1,
        of.main.name,
        capitalised(&of.benefit)
    )
}

/// With a capital at its beginning.
fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// An endpoint: the reference's keys, then what is more.
pub(super) fn endpoint(frame: &Frame<'_>, of: &Analysed) -> Value {
    let mut map = of.json.clone();
    let mut made = Object::new();
    made.set("id", &of.id).set("label", &of.label).set("type", of.kind).set("role", of.role);
    if of.is_adopted {
        made.set("adopted", "the protocol names no primary endpoint; this is its first time to an event");
    }
    if let Some(unit) = &of.unit {
        made.set("unit", unit);
    }
    match (of.kind, of.direction) {
        ("time_to_event", None) => {}
        ("time_to_event", Some(direction)) => {
            made.set("direction", time_direction(direction));
        }
        (_, direction) => {
            made.set("direction", direction_text(direction));
        }
    }
    if of.role == Role::Exploratory {
        made.set("marked", "exploratory");
    }
    if let Some(why) = &of.not_computable {
        made.computed::<f64>("result", Err(why.clone()));
    }
    let analysed = of.counts.iter().map(|c| {
        let value = json!({
            "in_population": c.in_population, "analysed": c.analysed, "missing": c.missing(),
            "without_covariate": c.without_covariate, "summary": c.summary,
        });
        (c.arm.clone(), value)
    });
    made.set("analysed", object(analysed));
    let compared = of.comparisons.iter().map(|c| (frame.arm(c.arm), comparison(frame, c, of.role)));
    made.set("comparisons", object(compared));
    if let Some(overall) = &of.overall {
        let mut test = Object::new();
        test.set("test", &overall.name).computed("p", overall.p.clone());
        made.set("overall_test", test.finish());
    }
    made.set("missing_data", &of.missing).set("assumptions", &of.assumptions);
    let Value::Object(more) = made.finish() else { return Value::Object(map) };
    for (key, value) in more {
        map.entry(key).or_insert(value);
    }
    Value::Object(map)
}

/// What the phase hands on under its two keys, and what the file holds.
pub(super) struct Rendered {
    pub(super) primary_results: Value,
    pub(super) secondary_results: Value,
    pub(super) file: Value,
}

/// Everything that goes into the results.
pub(super) struct Results<'a> {
    pub(super) endpoints: &'a [Analysed],
    pub(super) multiplicity: &'a Multiplicity,
    /// Of the analyses by name: who belongs to it, and how many of each arm.
    pub(super) populations: Value,
    pub(super) notes: &'a [String],
}

pub(super) fn results(frame: &Frame<'_>, of: &Results<'_>) -> Rendered {
    let is_time = |e: &&Analysed| e.kind == "time_to_event";
    let values = |keep: &dyn Fn(&&Analysed) -> bool| -> Vec<Value> {
        of.endpoints.iter().filter(keep).map(|e| endpoint(frame, e)).collect()
    };
    let primary = of.endpoints.iter().find(|e| e.role == Role::Primary);
    let subgroups: Vec<Value> = match primary {
        Some(primary) if primary.kind != "time_to_event" => {
            primary.forest.iter().flat_map(|f| &f.subgroups).map(|s| s.json.clone()).collect()
        }
        _ => Vec::new(),
    };
    let subgroup_note = match primary {
        Some(p) if p.kind == "time_to_event" => format!(
            "the primary endpoint is a time to an event: its subgroups are those of time_to_event {}",
            p.id
        ),
        Some(p) => format!(
            "subgroups of {}; unadjusted effects (Welch's t or odds ratios), interaction by a nested model; exploratory, not adjusted for multiplicity",
            p.id
        ),
        None => "there is no primary endpoint".to_owned(),
    };
    let multiplicity = serde_json::to_value(of.multiplicity).unwrap_or_default();
    let primary_results = json!({
        "endpoints": values(&|e| e.role == Role::Primary && !is_time(e)),
        "time_to_event": values(&|e| e.role == Role::Primary && is_time(e)),
        "primary_subgroups": subgroups,
        "subgroups_note": subgroup_note,
        "statements": statements(frame, of.endpoints, Role::Primary),
        "gate": of.multiplicity.gate,
    });
    let secondary_results = json!({
        "endpoints": values(&|e| e.role == Role::Secondary && !is_time(e)),
        "time_to_event": values(&|e| e.role == Role::Secondary && is_time(e)),
        "exploratory": values(&|e| e.role == Role::Exploratory),
        "statements": statements(frame, of.endpoints, Role::Secondary),
        "multiplicity": multiplicity,
    });
    let protocol = &frame.study.protocol;
    let file = json!({
        "format": "heddle.clinical_research.efficacy/1",
        "study_id": protocol.study_id.as_ref().or(frame.study.study_id.as_ref()).map_or_else(|| json!("not given"), |id| json!(id)),
        "arms": protocol.arms,
        "reference_arm": frame.reference_name(),
        "alpha": frame.alpha,
        "confidence_level": frame.level,
        "populations": of.populations,
        "endpoints": values(&|e| !is_time(e)),
        "time_to_event": values(&is_time),
        "primary_subgroups": primary_results["primary_subgroups"],
        "primary_results": primary_results,
        "secondary_results": secondary_results,
        "multiplicity": multiplicity,
        "notes": of.notes,
    });
    Rendered { primary_results, secondary_results, file }
}

fn statements(frame: &Frame<'_>, endpoints: &[Analysed], role: Role) -> Vec<String> {
    let of = |endpoint: &Analysed| -> Vec<String> {
        match &endpoint.not_computable {
            Some(why) => vec![format!("{}: not computable: {why}.", endpoint.label)],
            None => {
                let said = |c: &Comparison| format!("{}. {}", endpoint.label, statement(frame, c));
                endpoint.comparisons.iter().map(said).collect()
            }
        }
    };
    endpoints.iter().filter(|e| e.role == role).flat_map(of).collect()
}
