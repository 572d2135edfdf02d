//! Phase `efficacy_analysis`: whether the treatments work, endpoint by endpoint.
//!
//! `numeric` (with `covariance`), `binary` and `events` (with `curves`, `hazards`, `adjusted`) analyse an endpoint each, `favours` says which
//! way its effect points; `subgroups` and
//! `time_subgroups` (with `empty`) look within subgroups; `multiplicity`
//! holds the error of the whole; `render`, `report` and `picture` show it. The test that counts is chosen by the endpoint's
//! kind and by the protocol alone, never by the data.

mod adjusted;
mod binary;
mod covariance;
mod cox;
mod curves;
mod empty;
mod events;
mod favours;
mod frame;
mod hazards;
mod methods;
mod multiplicity;
mod numeric;
mod object;
mod picture;
mod pointing;
mod render;
mod report;
mod result;
mod subgroups;
mod time_subgroups;
pub(crate) use result::NO_ESTIMATE;
pub(crate) mod words;

use heddle_sdk::{manifest::LimitRequest, prelude::*};
use serde_json::{Map, Value, json};

use self::{
    frame::{Frame, Members},
    object::{Said, object},
    result::{Analysed, Role},
};
use crate::study::{self, Analysis, Endpoint, EndpointKind, Study, TimeToEventEndpoint};

/// The deliverable that holds all results.
pub const RESULTS: &str = "efficacy_results.json";
/// The most endpoints of each list that are analysed.
const MOST_ENDPOINTS: usize = 100;

/// Nothing: the study comes from [`study::FILE`].
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {}

/// What the phase found. A figure that is not computable is null, and `not_computable` beside it says why.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The primary endpoint: `endpoints` or `time_to_event` with its one entry, `primary_subgroups`, `statements` in words, and
    /// whether it opens the `gate` to the secondary endpoints.
    pub primary_results: Value,
    /// Secondary `endpoints` and `time_to_event`, `exploratory` ones marked as such, `statements`, and the `multiplicity`.
    pub secondary_results: Value,
}

/// The phase.
pub struct EfficacyAnalysis;

impl Phase for EfficacyAnalysis {
    const NAME: &'static str = "efficacy_analysis";
    type Input = Input;
    type Output = Output;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new(
            "Efficacy analysis",
            "Primary, secondary and exploratory endpoints with effect sizes and intervals, survival, subgroups, multiplicity.",
        )
        .agent_type("clinical_statistician")
        .reads(study::FILE)
        .deliverable(RESULTS, FileKind::Json, "All endpoints: tests, effects, intervals, survival, subgroups, multiplicity")
        .deliverable("kaplan_meier.png", FileKind::Png, "Kaplan–Meier curves with numbers at risk")
        .output("forest_plot.png", FileKind::Png)
        .output("statistical_analysis_plan_report.md", FileKind::Markdown)
        .limits(LimitRequest { memory_bytes: Some(1 << 30), ..LimitRequest::default() })
    }

    fn execute(ctx: &mut Context<'_, NoConfig>, _input: Input) -> PhaseResult<Output> {
        let study = study::read_subjects(ctx)?;
        let frame = Frame::new(&study);
        let efficacy = Members::of(&frame, Analysis::Efficacy);
        let times = Members::of(&frame, Analysis::TimeToEvent);
        ctx.progress(0.1, format!("{} subjects in the efficacy population", efficacy.rows.len()));
        let (mut endpoints, notes) = analyse_all(&frame, &efficacy, &times);
        ctx.progress(0.6, format!("{} endpoints analysed", endpoints.len()));
        let multiplicity = multiplicity::adjust(&frame, &mut endpoints);
        let populations = json!({
            "efficacy": population(&frame, &efficacy),
            "time_to_event": population(&frame, &times),
        });
        let results = render::Results {
            endpoints: &endpoints,
            multiplicity: &multiplicity,
            populations,
            notes: &notes,
        };
        let rendered = render::results(&frame, &results);
        ctx.write_json(RESULTS, &rendered.file)?;
        let report = report::Report { frame: &frame, efficacy: &efficacy, times: &times, results: &results };
        ctx.write("statistical_analysis_plan_report.md", report.write())?;
        ctx.progress(0.8, "Results and report written");
        ctx.write("kaplan_meier.png", picture::kaplan_meier(&frame, &endpoints)?)?;
        ctx.write("forest_plot.png", picture::forest(&frame, &endpoints)?)?;
        done(Output {
            primary_results: rendered.primary_results,
            secondary_results: rendered.secondary_results,
        })
    }
}

fn population(frame: &Frame<'_>, members: &Members) -> Value {
    let arms =
        (0..frame.n_arms()).map(|arm| (frame.arm(arm), json!(members.sizes.get(arm).copied().unwrap_or(0))));
    let mut value = json!({"who": members.who, "n": object(arms)});
    if let Some(finding) = &members.finding {
        value["finding"] = json!(finding);
    }
    if let Some(why) = &members.not_computable {
        value["not_computable"] = json!(why);
    }
    value
}

/// All endpoints, the primary one first, and what a reader should know of the lists.
fn analyse_all(frame: &Frame<'_>, efficacy: &Members, times: &Members) -> (Vec<Analysed>, Vec<String>) {
    let lists = &frame.study.protocol.endpoints;
    let mut found = Vec::new();
    if let Some(endpoint) = &lists.primary {
        let mut analysed = at_visit(frame, efficacy, endpoint, Role::Primary);
        if analysed.not_computable.is_none() {
            analysed.forest = subgroups::of_endpoint(frame, efficacy, endpoint).ok();
        }
        found.push(analysed);
    }
    let of = |list: &[Endpoint], role| -> Vec<Analysed> {
        list.iter().take(MOST_ENDPOINTS).map(|endpoint| at_visit(frame, efficacy, endpoint, role)).collect()
    };
    found.extend(of(&lists.secondary, Role::Secondary));
    found.extend(of(&lists.exploratory, Role::Exploratory));
    for (at, endpoint) in lists.time_to_event.iter().take(MOST_ENDPOINTS).enumerate() {
        let is_first = lists.primary.is_none() && at == 0;
        let is_adopted = is_first && !lists.primary_is_time;
        let role = if is_first { Role::Primary } else { Role::Secondary };
        let result = possible(frame, times).and_then(|()| events::analyse(frame, times, endpoint, role));
        let analysed = result.unwrap_or_else(|why| impossible_time(frame, times, endpoint, role, why));
        found.push(Analysed { is_adopted, ..analysed });
    }
    let notes = notes(frame.study);
    (found, notes)
}

fn notes(study: &Study) -> Vec<String> {
    let lists = &study.protocol.endpoints;
    let mut notes = Vec::new();
    if lists.primary.is_none() && !lists.primary_is_time {
        notes.push(match lists.time_to_event.first() {
            Some(first) => format!(
                "The protocol names no primary endpoint at a visit; its first time to an event, {}, is taken as the primary endpoint.",
                first.label
            ),
            None => "The protocol names no primary endpoint.".to_owned(),
        });
    }
    for (name, n) in [
        ("secondary", lists.secondary.len()),
        ("exploratory", lists.exploratory.len()),
        ("time_to_event", lists.time_to_event.len()),
    ] {
        if n > MOST_ENDPOINTS {
            notes.push(format!("Of {n} {name} endpoints the first {MOST_ENDPOINTS} are analysed."));
        }
    }
    if study.protocol.subgroups.len() > subgroups::MOST_SUBGROUPS {
        notes.push(format!(
            "Of {} subgroups the first {} are analysed.",
            study.protocol.subgroups.len(),
            subgroups::MOST_SUBGROUPS
        ));
    }
    if study.protocol.arms.len() < 2 {
        let arms = match study.protocol.arms.len() {
            0 => "There are no arms, so nothing can be compared or described by arm.",
            _ => "There is only one arm, so nothing can be compared: it is described only.",
        };
        notes.push(arms.to_owned());
    }
    let concerned = [
        "protocol.endpoints",
        "protocol.subgroups",
        "protocol.arms",
        "protocol.reference",
        "protocol.alpha",
        "protocol.confidence",
    ];
    notes.extend(
        study
            .problems
            .iter()
            .filter(|p| concerned.iter().any(|c| p.path.starts_with(c)))
            .map(|p| format!("{}: {}; {}", p.path, p.message, p.consequence)),
    );
    notes
}

fn possible(frame: &Frame<'_>, members: &Members) -> Said<()> {
    if frame.n_arms() == 0 {
        return Err("the study has no arms".to_owned());
    }
    members.not_computable.clone().map_or(Ok(()), Err)
}

fn at_visit(frame: &Frame<'_>, members: &Members, endpoint: &Endpoint, role: Role) -> Analysed {
    let kind = match endpoint.kind {
        EndpointKind::Continuous => "continuous",
        EndpointKind::Ordinal => "ordinal",
        EndpointKind::Binary => "binary",
    };
    let found = possible(frame, members).and_then(|()| match endpoint.kind {
        EndpointKind::Binary => binary::analyse(frame, members, endpoint, role),
        _ => numeric::analyse(frame, members, endpoint, role),
    });
    found.unwrap_or_else(|why| Analysed {
        unit: endpoint.unit.clone(),
        direction: endpoint.direction,
        ..impossible(frame, members, &endpoint.id, &endpoint.label, kind, role, why)
    })
}

fn impossible_time(
    frame: &Frame<'_>,
    members: &Members,
    endpoint: &TimeToEventEndpoint,
    role: Role,
    why: String,
) -> Analysed {
    impossible(frame, members, &endpoint.id, &endpoint.label, "time_to_event", role, why)
}

/// An endpoint of which nothing is known but why. Its hypotheses stay in their family.
fn impossible(
    frame: &Frame<'_>,
    members: &Members,
    id: &str,
    label: &str,
    kind: &'static str,
    role: Role,
    why: String,
) -> Analysed {
    let comparison = |arm| result::Comparison {
        arm,
        n: (0, 0),
        main: result::Test {
            name: "none".to_owned(),
            measure: "effect".to_owned(),
            estimate: Err(why.clone()),
            point: None,
            p: Err(why.clone()),
        },
        why: "nothing can be tested".to_owned(),
        sensitivity: Vec::new(),
        benefit: "no effect could be estimated".to_owned(),
        favours: favours::Favours::nothing(),
        caution: None,
        adjusted: None,
    };
    let counted = |arm: usize| result::Counted {
        arm: frame.arm(arm).to_owned(),
        in_population: members.sizes.get(arm).copied().unwrap_or(0),
        analysed: 0,
        without_covariate: 0,
        summary: "no values".to_owned(),
    };
    Analysed {
        id: id.to_owned(),
        label: label.to_owned(),
        kind,
        role,
        is_adopted: false,
        unit: None,
        direction: None,
        counts: (0..frame.n_arms()).map(counted).collect(),
        comparisons: frame.compared().map(comparison).collect(),
        overall: None,
        missing: Vec::new(),
        assumptions: Vec::new(),
        curves: Vec::new(),
        forest: None,
        json: Map::new(),
        not_computable: Some(why),
    }
}
