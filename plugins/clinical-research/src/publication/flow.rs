//! The flow of participants from the records received to each analysis, and the proof that its counts add up.

use heddle_kit::plot::{Chart as _, Figure, FlowBox, FlowDiagram, FlowStage, PlotError, Size};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    design::{Design, Guideline},
    grid::{Cell, Grid, Kind, column, words},
    say::{counted, shortened},
    sources::{ArmResult, Sources},
};
use crate::study::{Analysis, ArmFlow, Flow};

/// The most arms side by side in the diagram: with more, the last box is of all the others together.
const MOST_ARMS: usize = 6;
/// The most reasons of a box.
const MOST_REASONS: usize = 5;

/// A sum that must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sum {
    /// What is equal to what, in words.
    pub what: String,
    /// What comes in.
    pub from: usize,
    /// Where it goes, together.
    pub to: usize,
    /// Whether they are equal.
    pub holds: bool,
}

/// All sums of the flow, from the records received to each analysis.
pub(super) fn sums(sources: &Sources) -> Vec<Sum> {
    let flow = &sources.head.flow;
    let sum = |what: String, from: usize, to: usize| Sum { what, from, to, holds: from == to };
    let assigned: usize = flow.arms.iter().map(|arm| arm.subjects).sum();
    let mut sums = vec![
        sum(
            "records received = unreadable + repeated + subjects".to_owned(),
            flow.subject_records,
            flow.unreadable_records + flow.repeated_records + flow.subjects,
        ),
        sum(
            "subjects = without arm + unknown arm + assigned".to_owned(),
            flow.subjects,
            flow.without_arm + flow.unknown_arm + assigned,
        ),
        sum(
            "exclusions listed = unreadable and repeated records + subjects without a known arm + subjects outside a population + table \
             records left out"
                .to_owned(),
            flow.exclusions.len(),
            expected_exclusions(flow),
        ),
    ];
    for arm in &flow.arms {
        if let (Some(done), Some(left), Some(unknown)) =
            (arm.completed, arm.discontinued, arm.completion_unknown)
        {
            let what = format!("{}: assigned = completed + discontinued + not recorded", arm.arm);
            sums.push(sum(what, arm.subjects, done + left + unknown));
            if !arm.discontinuation_reasons.is_empty() {
                let what = format!("{}: discontinued = all reasons", arm.arm);
                sums.push(sum(what, left, arm.discontinuation_reasons.values().sum()));
            }
        }
        for (analysis, population) in &arm.populations {
            let what = format!("{}: assigned = in the {} analysis + not in it", arm.arm, name(analysis));
            sums.push(sum(what, arm.subjects, population.analysed + population.not_in_population));
        }
    }
    if let Some(primary) = sources.efficacy.primary() {
        let analysis = if primary.is_time() { Analysis::TimeToEvent } else { Analysis::Efficacy };
        for arm in &flow.arms {
            let (Some(found), Some(population)) =
                (primary.analysed.get(&arm.arm), arm.populations.get(analysis.name()))
            else {
                continue;
            };
            let what = format!(
                "{}: in the {} analysis = in the analysis of the primary endpoint + without a value + without its covariate",
                arm.arm,
                name(analysis.name())
            );
            sums.push(sum(
                what,
                population.analysed,
                (found.analysed + found.missing + found.without_covariate) as usize,
            ));
        }
    }
    sums
}

fn expected_exclusions(flow: &Flow) -> usize {
    // A population without a flag takes everybody, so that what is not in it was listed before.
    let outside: usize = flow
        .arms
        .iter()
        .flat_map(|arm| arm.populations.values())
        .filter(|population| population.flag.is_some())
        .map(|population| population.not_in_population)
        .sum();
    let tables: usize = flow.tables.values().map(|table| table.unreadable + table.orphans).sum();
    flow.unreadable_records + flow.repeated_records + flow.without_arm + flow.unknown_arm + outside + tables
}

/// An analysis' name for people.
pub(super) fn name(analysis: &str) -> String {
    match analysis {
        "time_to_event" => "time-to-event".to_owned(),
        other => other.replace('_', " "),
    }
}

/// The reasons of an arm, the most frequent first.
pub(super) fn reasons(arm: &ArmFlow) -> Vec<(&str, usize)> {
    let mut reasons: Vec<(&str, usize)> =
        arm.discontinuation_reasons.iter().map(|(reason, n)| (reason.as_str(), *n)).collect();
    reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    reasons
}

/// All arms of a list as one, for the last box of a diagram of many.
fn merged(arms: &[ArmFlow]) -> ArmFlow {
    let all = |of: fn(&ArmFlow) -> Option<usize>| arms.iter().map(of).sum::<Option<usize>>();
    let mut merged = ArmFlow {
        arm: format!("{} other arms together", arms.len()),
        subjects: arms.iter().map(|arm| arm.subjects).sum(),
        completed: all(|arm| arm.completed),
        discontinued: all(|arm| arm.discontinued),
        completion_unknown: all(|arm| arm.completion_unknown),
        ..ArmFlow::default()
    };
    for arm in arms {
        for (reason, n) in &arm.discontinuation_reasons {
            *merged.discontinuation_reasons.entry(reason.clone()).or_default() += n;
        }
        for (analysis, population) in &arm.populations {
            let all = merged.populations.entry(analysis.clone()).or_default();
            all.flag.clone_from(&population.flag);
            all.analysed += population.analysed;
            all.not_in_population += population.not_in_population;
        }
    }
    merged
}

/// The diagram: as CONSORT has it, with the records that were received as its first counted box.
pub(super) fn diagram(sources: &Sources, design: &Design) -> Result<Figure, PlotError> {
    let flow = &sources.head.flow;
    let n = |count: usize| count as u64;
    let assigned: usize = flow.arms.iter().map(|arm| arm.subjects).sum();
    let mut diagram = FlowDiagram::new("Participant flow")
        .enrolment("Enrolment")
        .all(FlowBox::uncounted("Assessed for eligibility: number not in the data"))
        .all(FlowBox::new("Subject records received", n(flow.subject_records)));
    let left = flow.unreadable_records + flow.repeated_records;
    if left > 0 {
        let mut side = FlowBox::new("Records left out", n(left));
        for (what, count) in
            [("Not readable", flow.unreadable_records), ("Repeated subject id", flow.repeated_records)]
        {
            if count > 0 {
                side = side.part(what, n(count));
            }
        }
        diagram = diagram.leave(side);
    }
    diagram = diagram.all(FlowBox::new("Subjects", n(flow.subjects)));
    let outside = flow.without_arm + flow.unknown_arm;
    if outside > 0 {
        let mut side = FlowBox::new("Subjects in no analysis", n(outside));
        for (what, count) in
            [("No arm recorded", flow.without_arm), ("Arm not in the protocol", flow.unknown_arm)]
        {
            if count > 0 {
                side = side.part(what, n(count));
            }
        }
        diagram = diagram.leave(side);
    }
    let title = match design.guideline {
        Guideline::Consort => "Randomised",
        _ if design.arms.len() < 2 => "Included",
        _ => "Assigned to an arm",
    };
    diagram = diagram.all(FlowBox::new(title, n(assigned)));
    let mut arms: Vec<ArmFlow> = flow.arms.clone();
    let mut names: Vec<Vec<String>> = arms.iter().map(|arm| vec![arm.arm.clone()]).collect();
    if arms.len() > MOST_ARMS {
        let others = merged(arms.get(MOST_ARMS - 1..).unwrap_or_default());
        arms.truncate(MOST_ARMS - 1);
        arms.push(others);
        let of_others = names.split_off(MOST_ARMS - 1).concat();
        names.push(of_others);
    }
    if !arms.is_empty() {
        let allocation = if design.arms.len() < 2 { "Inclusion" } else { "Allocation" };
        let allocated = arms.iter().map(|arm| FlowBox::new(shortened(&arm.arm, 60), n(arm.subjects)));
        diagram = diagram
            .stage(FlowStage::new(allocation, allocated))
            .stage(FlowStage::new("Follow-up", arms.iter().map(follow_up)))
            .stage(FlowStage::new(
                "Analysis",
                arms.iter().zip(&names).map(|(arm, names)| analysed(sources, arm, names)),
            ));
    }
    // As wide as a page's text, for labels of 8 points.
    diagram.render(Size::new(960, 700)).and_then(Figure::for_print)
}

fn follow_up(arm: &ArmFlow) -> FlowBox {
    let (Some(completed), Some(discontinued)) = (arm.completed, arm.discontinued) else {
        return FlowBox::uncounted("Completion of the study is not recorded");
    };
    let mut follow_up = FlowBox::new("Completed the study", completed as u64);
    match arm.completion_unknown {
        Some(n) if n > 0 => follow_up = follow_up.part("Completion not recorded", n as u64),
        _ => {}
    }
    follow_up = follow_up.part("Discontinued", discontinued as u64);
    let reasons = reasons(arm);
    for (reason, n) in reasons.iter().take(MOST_REASONS) {
        follow_up = follow_up.part(format!("Reason: {}", shortened(reason, 50)), *n as u64);
    }
    let rest: usize = reasons.iter().skip(MOST_REASONS).map(|(_, n)| n).sum();
    if rest > 0 {
        let others = reasons.len() - MOST_REASONS;
        let what = format!("Reason: {}", counted(others, "other", "others"));
        follow_up = follow_up.part(what, rest as u64);
    }
    follow_up
}

/// Who is in each analysis: of the arms of these names, which `arm` has together.
fn analysed(sources: &Sources, arm: &ArmFlow, names: &[String]) -> FlowBox {
    let mut analysed = FlowBox::uncounted("Analysed");
    for analysis in Analysis::ALL {
        let Some(population) = arm.populations.get(analysis.name()) else { continue };
        let mut what = super::say::capitalised(&name(analysis.name()));
        if population.not_in_population > 0 {
            what.push_str(&format!(", {} left out", population.not_in_population));
        }
        analysed = analysed.part(what, population.analysed as u64);
    }
    let Some(primary) = sources.efficacy.primary() else { return analysed };
    let found: Vec<&ArmResult> = names.iter().filter_map(|name| primary.analysed.get(name)).collect();
    if found.is_empty() {
        return analysed;
    }
    let sum = |of: fn(&ArmResult) -> u64| found.iter().map(|arm| of(arm)).sum::<u64>();
    let what = if primary.is_adopted() { "Outcome taken as primary" } else { "Primary endpoint" };
    analysed = analysed.part(format!("{what} analysed"), sum(|arm| arm.analysed));
    for (what, n) in [
        (format!("{what} missing"), sum(|arm| arm.missing)),
        ("Covariate of it missing".to_owned(), sum(|arm| arm.without_covariate)),
    ] {
        if n > 0 {
            analysed = analysed.part(what, n);
        }
    }
    analysed
}

/// Who was assigned, who completed, and who is in each analysis.
pub(super) fn disposition(sources: &Sources) -> Grid {
    let flow = &sources.head.flow;
    let mut columns = vec![words("")];
    columns.extend(flow.arms.iter().map(|arm| column(arm.arm.as_str(), Kind::Number)));
    columns.push(column("All", Kind::Number));
    let mut grid = Grid::new("Disposition of subjects and analysis populations", columns);
    let row = |grid: &mut Grid, what: &str, of: &dyn Fn(&ArmFlow) -> Option<usize>| {
        let counts: Vec<Option<usize>> = flow.arms.iter().map(of).collect();
        let cell = |n: Option<usize>| n.map_or_else(|| Cell::text("not recorded"), Cell::count);
        let mut cells = vec![Cell::text(what)];
        cells.extend(counts.iter().map(|n| cell(*n)));
        cells.push(cell(counts.iter().copied().sum()));
        grid.under(cells);
    };
    grid.heading("Follow-up");
    row(&mut grid, "Assigned", &|arm| Some(arm.subjects));
    row(&mut grid, "Completed the study", &|arm| arm.completed);
    row(&mut grid, "Discontinued", &|arm| arm.discontinued);
    row(&mut grid, "Completion not recorded", &|arm| match arm.completed {
        Some(_) => arm.completion_unknown,
        None => Some(arm.subjects),
    });
    row(&mut grid, "Died", &|arm| arm.deaths);
    let mut all: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for arm in &flow.arms {
        for (reason, n) in &arm.discontinuation_reasons {
            *all.entry(reason).or_default() += n;
        }
    }
    let mut all: Vec<(&str, usize)> = all.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    if !all.is_empty() {
        grid.heading("Reasons for discontinuation");
    }
    for (reason, _) in all {
        row(&mut grid, reason, &|arm| {
            arm.discontinued.map(|_| arm.discontinuation_reasons.get(reason).copied().unwrap_or(0))
        });
    }
    for analysis in Analysis::ALL {
        let populations: Vec<_> =
            flow.arms.iter().filter_map(|arm| arm.populations.get(analysis.name())).collect();
        let Some(first) = populations.first() else { continue };
        let who =
            first.flag.as_deref().map_or_else(|| "all assigned".to_owned(), |flag| format!("flag {flag}"));
        grid.heading(format!("Population of the {} analysis ({who})", name(analysis.name())));
        row(&mut grid, "In it", &|arm| arm.populations.get(analysis.name()).map(|p| p.analysed));
        row(&mut grid, "Not in it", &|arm| arm.populations.get(analysis.name()).map(|p| p.not_in_population));
    }
    if sources.safety.population.switched > 0 {
        grid.note(format!(
            "By the arm assigned. In the safety analysis {} who had another arm's treatment count where they were treated.",
            counted(sources.safety.population.switched as usize, "subject", "subjects")
        ));
    }
    if flow.arms.iter().any(|arm| arm.completed.is_none()) {
        grid.note("The data do not say who completed the study.");
    }
    grid.note(format!(
        "Of {}, {} could not be read, {} repeated a subject's id, and {} had no arm of the protocol. Each one is in the list of \
         exclusions.",
        counted(flow.subject_records, "record received", "records received"),
        flow.unreadable_records,
        flow.repeated_records,
        flow.without_arm + flow.unknown_arm
    ));
    grid
}
