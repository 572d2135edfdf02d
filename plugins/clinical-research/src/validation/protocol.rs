//! From the protocol as it was given to the one that is worked with. What is wrong is said with what is done instead; nothing here
//! stops the phase.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::study::{
    AeRules, AnalysisSet, Direction, Endpoint, EndpointKind, Endpoints, Populations, Protocol,
    ProtocolProblem, Subgroup, Table1, TimeToEventEndpoint, VisitWindow,
};

/// What the data have, to be compared with what the protocol asks for.
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

/// What is read of an object, with the problems found so far.
struct Reader<'k> {
    known: &'k Known,
    problems: Vec<ProtocolProblem>,
}

impl Reader<'_> {
    fn problem(&mut self, path: &str, message: impl Into<String>, consequence: &str) {
        let path = if path.is_empty() { "protocol".to_owned() } else { format!("protocol.{path}") };
        self.problems.push(ProtocolProblem {
            path,
            message: message.into(),
            consequence: consequence.to_owned(),
        });
    }

    fn text(&mut self, path: &str, value: Option<&Value>) -> Option<String> {
        match value? {
            Value::Null => None,
            Value::String(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            other => {
                self.problem(
                    path,
                    format!("a text is expected, and {} is there", kind(other)),
                    "it is ignored",
                );
                None
            }
        }
    }

    fn number(&mut self, path: &str, value: Option<&Value>) -> Option<f64> {
        match value? {
            Value::Null => None,
            Value::Number(number) => number.as_f64().filter(|v| v.is_finite()),
            Value::String(text) if text.trim().parse::<f64>().is_ok_and(f64::is_finite) => {
                text.trim().parse().ok()
            }
            other => {
                self.problem(
                    path,
                    format!("a number is expected, and {} is there", kind(other)),
                    "it is ignored",
                );
                None
            }
        }
    }

    fn list<'v>(&mut self, path: &str, value: Option<&'v Value>) -> &'v [Value] {
        match value {
            None | Some(Value::Null) => &[],
            Some(Value::Array(list)) => list,
            Some(other) => {
                self.problem(
                    path,
                    format!("a list is expected, and {} is there", kind(other)),
                    "it is ignored",
                );
                &[]
            }
        }
    }

    fn texts(&mut self, path: &str, value: Option<&Value>) -> Vec<String> {
        let list = self.list(path, value);
        let mut texts: Vec<String> = Vec::new();
        for (at, item) in list.iter().enumerate() {
            let path = format!("{path}[{at}]");
            let Some(text) = self.text(&path, Some(item)) else { continue };
            if texts.contains(&text) {
                self.problem(&path, format!("{text:?} is named twice"), "it counts once");
            } else {
                texts.push(text);
            }
        }
        texts
    }

    fn object<'v>(&mut self, path: &str, value: Option<&'v Value>) -> Option<&'v Map<String, Value>> {
        match value? {
            Value::Null => None,
            Value::Object(map) => Some(map),
            other => {
                self.problem(
                    path,
                    format!("an object is expected, and {} is there", kind(other)),
                    "it is ignored",
                );
                None
            }
        }
    }

    fn ranges(&mut self, path: &str, value: Option<&Value>) -> BTreeMap<String, [f64; 2]> {
        let mut ranges = BTreeMap::new();
        for (field, range) in self.object(path, value).into_iter().flatten() {
            let path = format!("{path}.{field}");
            let bounds: Vec<Option<f64>> =
                self.list(&path, Some(range)).iter().map(|v| v.as_f64().filter(|v| v.is_finite())).collect();
            match bounds.as_slice() {
                [low, high] if low.is_some() || high.is_some() => {
                    let (low, high) = (low.unwrap_or(f64::MIN), high.unwrap_or(f64::MAX));
                    if low > high {
                        self.problem(
                            &path,
                            format!("the lowest value {low} is above the highest {high}"),
                            "they are exchanged",
                        );
                    }
                    ranges.insert(field.clone(), [low.min(high), low.max(high)]);
                }
                _ => self.problem(
                    &path,
                    "a lowest and a highest value are expected: [low, high]",
                    "it is ignored",
                ),
            }
        }
        ranges
    }

    /// Whether the subjects have a field, or one below it.
    fn expects_field(&mut self, path: &str, field: &str, consequence: &str) {
        let below = format!("{field}.");
        let has = self.known.fields.contains(field)
            || self.known.fields.range(below.clone()..).next().is_some_and(|f| f.starts_with(&below));
        if !has && !self.known.fields.is_empty() {
            self.problem(path, format!("no subject has a field {field}"), consequence);
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
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
    const READ: [&str; 20] = [
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
    named.or_else(|| {
        let design = design?.to_lowercase().replace("randomized", "randomised");
        let not = [
            "non-randomised",
            "nonrandomised",
            "non randomised",
            "not randomised",
            "observational",
            "cohort study",
            "registry",
        ];
        if not.iter().any(|word| design.contains(word)) {
            Some(false)
        } else {
            design.contains("randomised").then_some(true)
        }
    })
}

fn populations(r: &mut Reader<'_>, value: Option<&Value>) -> Populations {
    let map = r.object("populations", value);
    let mut flag = |key: &str| {
        let flag = r.text(&format!("populations.{key}"), map.and_then(|map| map.get(key)))?;
        r.expects_field(
            &format!("populations.{key}"),
            &format!("populations.{flag}"),
            "nobody is in this population",
        );
        Some(flag)
    };
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

fn endpoints(r: &mut Reader<'_>, value: Option<&Value>) -> Endpoints {
    let Some(map) = r.object("endpoints", value) else {
        r.problem("endpoints", "no endpoint is named", "there is no efficacy to analyse");
        return Endpoints::default();
    };
    let mut seen = BTreeSet::new();
    let mut all = Endpoints::default();
    if let Some(primary) = map.get("primary").filter(|v| !v.is_null()) {
        // A trial may have co-primary endpoints; the first stays primary.
        let list = primary.as_array().map_or(std::slice::from_ref(primary), Vec::as_slice);
        for (at, value) in list.iter().enumerate() {
            let Some(endpoint) = endpoint(r, "endpoints.primary", value, &mut seen) else { continue };
            if at == 0 {
                all.primary = Some(endpoint);
            } else {
                r.problem(
                    "endpoints.primary",
                    format!("{} is one more primary endpoint", endpoint.id),
                    "it is analysed as secondary",
                );
                all.secondary.push(endpoint);
            }
        }
    }
    for (key, into) in [("secondary", &mut all.secondary), ("exploratory", &mut all.exploratory)] {
        let path = format!("endpoints.{key}");
        for (at, value) in r.list(&path, map.get(key)).iter().enumerate() {
            into.extend(endpoint(r, &format!("{path}[{at}]"), value, &mut seen));
        }
    }
    for (at, value) in r.list("endpoints.time_to_event", map.get("time_to_event")).iter().enumerate() {
        all.time_to_event.extend(time_to_event(
            r,
            &format!("endpoints.time_to_event[{at}]"),
            value,
            &mut seen,
        ));
    }
    if seen.is_empty() {
        r.problem("endpoints", "no endpoint is named", "there is no efficacy to analyse");
    }
    all
}

/// An endpoint's id, once.
fn id(
    r: &mut Reader<'_>,
    path: &str,
    map: &Map<String, Value>,
    seen: &mut BTreeSet<String>,
) -> Option<String> {
    let Some(id) = r.text(&format!("{path}.id"), map.get("id")) else {
        r.problem(path, "has no id", "it is ignored");
        return None;
    };
    if !seen.insert(id.clone()) {
        r.problem(path, format!("the id {id} is taken by an earlier one"), "it is ignored");
        return None;
    }
    Some(id)
}

fn endpoint(r: &mut Reader<'_>, path: &str, value: &Value, seen: &mut BTreeSet<String>) -> Option<Endpoint> {
    let map = r.object(path, Some(value))?;
    let id = id(r, path, map, seen)?;
    r.expects_field(path, &format!("endpoints.{id}"), "it is not computable");
    let kind = match r.text(&format!("{path}.type"), map.get("type")).as_deref() {
        Some("continuous") => EndpointKind::Continuous,
        Some("ordinal") => EndpointKind::Ordinal,
        Some("binary" | "boolean" | "dichotomous") => EndpointKind::Binary,
        other => {
            let said =
                other.map_or("has no type".to_owned(), |kind| format!("the type {kind:?} is not known"));
            r.problem(
                path,
                format!("{said}: give continuous, ordinal or binary"),
                "it is analysed as continuous",
            );
            EndpointKind::Continuous
        }
    };
    let direction = match r.text(&format!("{path}.direction"), map.get("direction")).as_deref() {
        Some("lower_is_better") => Some(Direction::LowerIsBetter),
        Some("higher_is_better") => Some(Direction::HigherIsBetter),
        None => None,
        Some(other) => {
            let message =
                format!("the direction {other:?} is not known: give lower_is_better or higher_is_better");
            r.problem(path, message, "no direction is said to be better");
            None
        }
    };
    let baseline_field = r.text(&format!("{path}.baseline_field"), map.get("baseline_field"));
    if let Some(field) = &baseline_field {
        r.expects_field(
            &format!("{path}.baseline_field"),
            field,
            "the analysis of covariance is not computable",
        );
    }
    Some(Endpoint {
        label: r.text(&format!("{path}.label"), map.get("label")).unwrap_or_else(|| id.clone()),
        unit: r.text(&format!("{path}.unit"), map.get("unit")),
        id,
        kind,
        direction,
        baseline_field,
    })
}

fn time_to_event(
    r: &mut Reader<'_>,
    path: &str,
    value: &Value,
    seen: &mut BTreeSet<String>,
) -> Option<TimeToEventEndpoint> {
    let map = r.object(path, Some(value))?;
    let id = id(r, path, map, seen)?;
    r.expects_field(path, &format!("events.{id}"), "it is not computable");
    let mut times: Vec<f64> = Vec::new();
    for (at, time) in r.list(&format!("{path}.times"), map.get("times")).iter().enumerate() {
        match r.number(&format!("{path}.times[{at}]"), Some(time)) {
            Some(time) if time >= 0.0 => times.push(time),
            Some(time) => {
                r.problem(&format!("{path}.times[{at}]"), format!("{time} is negative"), "it is ignored");
            }
            None => {}
        }
    }
    times.sort_by(f64::total_cmp);
    times.dedup();
    let covariates = r.texts(&format!("{path}.covariates"), map.get("covariates"));
    for field in &covariates {
        r.expects_field(&format!("{path}.covariates"), field, "the model is fitted without it");
    }
    let rmst_tau = r.number(&format!("{path}.rmst_tau"), map.get("rmst_tau"));
    if rmst_tau.is_some_and(|tau| tau <= 0.0) {
        r.problem(
            &format!("{path}.rmst_tau"),
            "the horizon is not above 0",
            "no restricted mean is computed",
        );
    }
    Some(TimeToEventEndpoint {
        label: r.text(&format!("{path}.label"), map.get("label")).unwrap_or_else(|| id.clone()),
        unit: r.text(&format!("{path}.unit"), map.get("unit")),
        rmst_tau: rmst_tau.filter(|tau| *tau > 0.0),
        id,
        times,
        covariates,
    })
}

fn subgroups(r: &mut Reader<'_>, value: Option<&Value>) -> Vec<Subgroup> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (at, value) in r.list("subgroups", value).iter().enumerate() {
        let path = format!("subgroups[{at}]");
        let Some(map) = r.object(&path, Some(value)) else { continue };
        let Some(field) = r.text(&format!("{path}.field"), map.get("field")) else {
            r.problem(&path, "has no field", "it is ignored");
            continue;
        };
        let id = r.text(&format!("{path}.id"), map.get("id")).unwrap_or_else(|| field.clone());
        if !seen.insert(id.clone()) {
            r.problem(&path, format!("the id {id} is taken by an earlier one"), "it is ignored");
            continue;
        }
        r.expects_field(&format!("{path}.field"), &field, "it is not computable");
        let given: Vec<f64> = r
            .list(&format!("{path}.cut_points"), map.get("cut_points"))
            .iter()
            .filter_map(|v| v.as_f64().filter(|v| v.is_finite()))
            .collect();
        let mut cut_points = given.clone();
        cut_points.sort_by(f64::total_cmp);
        cut_points.dedup();
        if cut_points != given {
            r.problem(&format!("{path}.cut_points"), "cut points must ascend", "they are sorted, each once");
        }
        let label = r.text(&format!("{path}.label"), map.get("label")).unwrap_or_else(|| id.clone());
        all.push(Subgroup { id, label, field, cut_points });
    }
    all
}

fn ae(r: &mut Reader<'_>, value: Option<&Value>) -> AeRules {
    let mut rules = AeRules::default();
    let Some(map) = r.object("ae", value) else { return rules };
    rules.analysis_set = match r.text("ae.analysis_set", map.get("analysis_set")).as_deref() {
        None | Some("all") => AnalysisSet::All,
        Some("treatment_emergent") => AnalysisSet::TreatmentEmergent,
        Some(other) => {
            let message = format!("the analysis set {other:?} is not known: give all or treatment_emergent");
            r.problem("ae.analysis_set", message, "all adverse events are analysed");
            AnalysisSet::All
        }
    };
    if let Some(signal) = r.object("ae.signal", map.get("signal")) {
        rules.prr_min = r.number("ae.signal.prr_min", signal.get("prr_min")).unwrap_or(rules.prr_min);
        rules.chi2_min = r.number("ae.signal.chi2_min", signal.get("chi2_min")).unwrap_or(rules.chi2_min);
        let reports = r.number("ae.signal.min_reports", signal.get("min_reports"));
        rules.min_reports = reports.filter(|n| *n >= 0.0).map_or(rules.min_reports, |n| n as u64);
    }
    rules
}

fn windows(r: &mut Reader<'_>, value: Option<&Value>) -> Vec<VisitWindow> {
    let mut all: Vec<VisitWindow> = Vec::new();
    for (at, value) in r.list("visit_windows", value).iter().enumerate() {
        let path = format!("visit_windows[{at}]");
        let Some(map) = r.object(&path, Some(value)) else { continue };
        let visit = r.text(&format!("{path}.visit"), map.get("visit"));
        let low = r.number(&format!("{path}.low"), map.get("low"));
        let high = r.number(&format!("{path}.high"), map.get("high"));
        let (Some(visit), Some(low), Some(high)) = (visit, low, high) else {
            r.problem(&path, "a visit with its first (low) and last day (high) is expected", "it is ignored");
            continue;
        };
        if low > high {
            r.problem(
                &path,
                format!("the first day {low} is after the last day {high}"),
                "they are exchanged",
            );
        }
        let (low, high) = (low.min(high), low.max(high));
        if !r.known.visits.is_empty() && !r.known.visits.contains(&visit) {
            r.problem(&path, format!("there is no visit {visit:?}"), "there is nothing to check");
        }
        let target_day = r.number(&format!("{path}.target_day"), map.get("target_day"));
        if target_day.is_some_and(|day| day < low || day > high) {
            r.problem(&path, "the planned day is outside the window", "the window is used as given");
        }
        if all.iter().any(|window| window.visit == visit) {
            r.problem(&path, format!("{visit:?} has a window before"), "the first window counts");
            continue;
        }
        if let Some(other) = all.iter().find(|window| window.low <= high && low <= window.high) {
            let message = format!("the windows of {visit:?} and {:?} overlap", other.visit);
            r.problem(&path, message, "each visit is checked against its own window");
        }
        all.push(VisitWindow { visit, target_day, low, high });
    }
    all
}

fn date_order(r: &mut Reader<'_>, value: Option<&Value>) -> Vec<[String; 2]> {
    let mut all = Vec::new();
    for (at, value) in r.list("date_order", value).iter().enumerate() {
        let path = format!("date_order[{at}]");
        match r.texts(&path, Some(value)).as_slice() {
            [first, second] => {
                r.expects_field(&path, first, "there is nothing to check");
                r.expects_field(&path, second, "there is nothing to check");
                all.push([first.clone(), second.clone()]);
            }
            _ => r.problem(
                &path,
                "two different date fields are expected, the earlier one first",
                "it is ignored",
            ),
        }
    }
    all
}
