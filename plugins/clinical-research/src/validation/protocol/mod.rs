//! From the protocol as it was given to the one that is worked with. What is wrong is said with what is done instead; nothing here
//! stops the phase.

mod design;
mod endpoints;
mod reader;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::publication::is_told;
use crate::study::{Populations, Protocol, ProtocolProblem, Table1};

use endpoints::endpoints;
use reader::{Reader, nearest};
use rules::{ae, date_order, subgroups, windows};

/// The keys that are read.
pub(super) const READ: [&str; 20] = [
    "study_id",
    "title",
    "phase",
    "design",
    "indication",
    "arms",
    "reference_arm",
    "alpha",
    "confidence_level",
    "endpoints",
    "populations",
    "table1",
    "subgroups",
    "ae",
    "required_fields",
    "ranges",
    "lab_ranges",
    "visit_windows",
    "date_order",
    "randomised",
];

/// Other spellings of them.
const ALSO_READ: [&str; 1] = ["randomized"];

/// What the data have that a protocol can name.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Dotted paths of the subjects' fields.
    pub(super) fields: BTreeSet<String>,
    /// Arms in the data.
    pub(super) arms: BTreeSet<String>,
    /// Visits in the data.
    pub(super) visits: BTreeSet<String>,
    /// Laboratory tests in the data.
    pub(super) lab_tests: BTreeSet<String>,
}

/// The protocol, and what is wrong with it.
pub(super) fn normalise(given: &Map<String, Value>, known: &Known) -> (Protocol, Vec<ProtocolProblem>) {
    let mut r = Reader { known, problems: Vec::new() };
    let mut texts =
        ["study_id", "title", "phase", "design", "indication"].map(|key| r.text(key, given.get(key)));
    let (arms, reference) = arms(&mut r, given);
    let (alpha, confidence_level) = levels(&mut r, given);
    let design = texts.get_mut(3).and_then(Option::take);
    let endpoints = endpoints(&mut r, given.get("endpoints"));
    let mut protocol = Protocol {
        study_id: texts.first_mut().and_then(Option::take),
        title: texts.get_mut(1).and_then(Option::take),
        phase: texts.get_mut(2).and_then(Option::take),
        indication: texts.get_mut(4).and_then(Option::take),
        randomised: randomised(given, design.as_deref()),
        design,
        arms,
        reference,
        alpha,
        confidence_level,
        populations: populations(&mut r, given.get("populations")),
        table1: table1(&mut r, given.get("table1")),
        endpoints,
        subgroups: subgroups(&mut r, given.get("subgroups")),
        ae: ae(&mut r, given.get("ae")),
        required_fields: r.texts("required_fields", given.get("required_fields")),
        ranges: r.ranges("ranges", given.get("ranges")),
        lab_ranges: r.ranges("lab_ranges", given.get("lab_ranges")),
        visit_windows: windows(&mut r, given.get("visit_windows")),
        date_order: date_order(&mut r, given.get("date_order")),
        other: BTreeMap::new(),
    };
    for field in protocol.required_fields.clone() {
        r.expects_field("required_fields", &field, "every record counts as missing it");
    }
    for field in protocol.ranges.keys() {
        r.expects_field(&format!("ranges.{field}"), field, "there is nothing to check");
    }
    for test in protocol.lab_ranges.keys() {
        if !known.lab_tests.is_empty() && !known.lab_tests.contains(test) {
            r.problem(
                &format!("lab_ranges.{test}"),
                format!("there is no laboratory value of {test}"),
                "there is nothing to check",
            );
        }
    }
    // What else a protocol says is kept for the report; only what is nearly a key that is read was meant for it.
    for key in given.keys().filter(|key| !READ.contains(&key.as_str()) && !is_told(key)) {
        if let Some(meant) = nearest(key, &READ).filter(|_| !ALSO_READ.contains(&key.as_str())) {
            let message = format!("the key {key:?} is not known; perhaps {meant} is meant");
            r.problem("", message, "it is not read as such");
        }
    }
    let rest = given.iter().filter(|(key, _)| !READ.contains(&key.as_str()));
    protocol.other = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
    (protocol, r.problems)
}

/// Words of an arm that others are compared with.
const CONTROLS: [&str; 6] = ["placebo", "control", "standard", "usual care", "sham", "comparator"];

fn arms(r: &mut Reader<'_>, given: &Map<String, Value>) -> (Vec<String>, usize) {
    let mut arms = r.texts("arms", given.get("arms"));
    if arms.is_empty() {
        arms = r.known.arms.iter().cloned().collect();
        r.problem("arms", "no arm is named", "the arms of the data are taken, in alphabetical order");
    }
    let data = r.known;
    for arm in arms.iter().filter(|arm| !data.arms.is_empty() && !data.arms.contains(*arm)) {
        r.problem("arms", format!("no subject is in the arm {arm:?}"), "it is shown as empty");
    }
    if arms.len() == 1 {
        r.problem("arms", "there is only one arm", "nothing is compared between arms");
    }
    let named = r.text("reference_arm", given.get("reference_arm"));
    let fold = |text: &str| text.trim().to_lowercase();
    let found = named.as_deref().and_then(|name| arms.iter().position(|arm| fold(arm) == fold(name)));
    let reference = found.unwrap_or_else(|| {
        let control = arms.iter().position(|arm| CONTROLS.iter().any(|word| fold(arm).contains(word)));
        let guess = control.unwrap_or(0);
        let message = match &named {
            Some(name) => format!("the reference arm {name:?} is not among the arms"),
            None => "no reference arm is named".to_owned(),
        };
        if let Some(arm) = arms.get(guess).cloned() {
            r.problem("reference_arm", message, &format!("{arm:?} is taken"));
        }
        guess
    });
    (arms, reference)
}

fn levels(r: &mut Reader<'_>, given: &Map<String, Value>) -> (f64, f64) {
    let mut level = |key: &str, default: f64| match r.number(key, given.get(key)) {
        Some(v) if v > 0.0 && v < 1.0 => Some(v),
        Some(v) => {
            r.problem(key, format!("{v} is not between 0 and 1"), &format!("{default} is taken"));
            Some(default)
        }
        None => None,
    };
    let alpha = level("alpha", 0.05).unwrap_or(0.05);
    let confidence = level("confidence_level", 1.0 - alpha).unwrap_or(1.0 - alpha);
    if (1.0 - alpha - confidence).abs() > 1e-9 {
        r.problem(
            "confidence_level",
            format!("intervals of {confidence} and tests at {alpha} do not belong together"),
            "both are used as given",
        );
    }
    (alpha, confidence)
}

fn randomised(given: &Map<String, Value>, design: Option<&str>) -> Option<bool> {
    let named = ["randomised", "randomized"].iter().find_map(|key| given.get(*key)?.as_bool());
    named.or_else(|| design::randomised(design?))
}

fn populations(r: &mut Reader<'_>, value: Option<&Value>) -> Populations {
    let map = r.object("populations", value);
    // Whether the data have the flag is told with who stands in for its population ([`crate::study::Population::finding`]).
    let mut flag = |key: &str| r.text(&format!("populations.{key}"), map.and_then(|map| map.get(key)));
    Populations {
        baseline: flag("baseline"),
        efficacy: flag("efficacy"),
        time_to_event: flag("time_to_event"),
        safety: flag("safety"),
    }
}

fn table1(r: &mut Reader<'_>, value: Option<&Value>) -> Table1 {
    let map = r.object("table1", value);
    let mut fields = |key: &str| {
        let path = format!("table1.{key}");
        let fields = r.texts(&path, map.and_then(|map| map.get(key)));
        for field in &fields {
            r.expects_field(&path, field, "it is shown as not recorded");
        }
        fields
    };
    Table1 { continuous: fields("continuous"), categorical: fields("categorical") }
}
