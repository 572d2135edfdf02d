//! Adverse events of each arm against the reference, where several arms leave no room for that beside the incidences.

use super::events::{KINDS, arms, lines, notes, share};
use crate::{
    publication::{
        design::Design,
        grid::{Cell, Grid, Kind, column, words},
        say,
        sources::Sources,
    },
    safety::Term,
};

/// The most arms that have a table of their own.
pub(super) const MOST_ARMS: usize = 6;
/// From so many arms on the comparisons of terms have tables of their own.
pub(super) const APART_FROM: usize = 3;
/// From so many arms on those of the overview do.
pub(super) const OVERVIEW_APART_FROM: usize = 4;

/// The arms that are compared with the reference.
pub(super) fn compared(sources: &Sources) -> Vec<&String> {
    arms(sources).iter().filter(|a| **a != sources.safety.population.reference_arm).collect()
}

fn grid(title: String, first: &str, heads: [String; 2], design: &Design) -> Grid {
    let [arm, reference] = heads;
    let columns = [
        words(first),
        column(arm, Kind::Share),
        column(reference, Kind::Share),
        column(format!("Risk difference ({} CI)", design.level), Kind::Estimate),
        column(format!("Risk ratio ({} CI)", design.level), Kind::Estimate),
        column("Fisher p", Kind::P),
    ];
    Grid::new(title, columns)
}

fn head(sources: &Sources, arm: &str) -> String {
    let n = sources.safety.safety.n.get(arm).copied().unwrap_or(0);
    format!("{arm} (N\u{a0}=\u{a0}{}), n\u{a0}(%)", say::count(n))
}

/// The ratio of the risks: of two arms without an event there is none, whatever a correction of the zeros would make of it.
pub(super) fn risk_ratio(term: &Term, arm: &str, reference: &str) -> Cell {
    let has_none = |arm: &str| term.incidence.get(arm).is_none_or(|i| i.subjects == 0);
    if has_none(arm) && has_none(reference) {
        return Cell::text("–");
    }
    term.vs_reference.get(arm).map_or(Cell::missing(), |c| Cell::estimate(c.risk_ratio, c.rr_ci))
}

fn cells(sources: &Sources, name: &str, term: &Term, arm: &str) -> Vec<Cell> {
    let of = term.vs_reference.get(arm);
    let reference = sources.safety.population.reference_arm.as_str();
    vec![
        Cell::text(name),
        share(term.incidence.get(arm)),
        share(term.incidence.get(reference)),
        of.map_or(Cell::missing(), |c| Cell::fraction(c.risk_difference, c.rd_ci_newcombe)),
        risk_ratio(term, arm, reference),
        Cell::p(of.and_then(|c| c.fisher_p)),
    ]
}

fn methods(sources: &Sources, grid: &mut Grid) {
    grid.note(format!(
        "Against {}; risk differences (as shares, 0.1 is ten in a hundred) with Newcombe's interval, risk ratios log-normal (0.5 added to all \
         cells if one is zero; –: no event in either arm), Fisher's exact test two-sided; not adjusted for multiplicity.",
        sources.safety.population.reference_arm
    ));
}

/// A table of all classes and terms for each of the first arms.
pub(in crate::publication) fn terms(sources: &Sources, design: &Design) -> Vec<Grid> {
    if arms(sources).len() < APART_FROM || sources.safety.safety.by_soc.is_empty() {
        return Vec::new();
    }
    let reference = &sources.safety.population.reference_arm;
    let (lines, left) = lines(sources);
    let table = |arm: &String| {
        let mut grid = grid(
            format!("Adverse events by class and term: {arm} against {reference}"),
            "System organ class or preferred term",
            [head(sources, arm), head(sources, reference)],
            design,
        );
        for line in &lines {
            let cells = cells(sources, line.name, line.term, arm);
            if line.is_preferred { grid.under(cells) } else { grid.row(cells) }
        }
        if left > 0 {
            grid.leave_out(format!("{left} more preferred terms are in ae_table.csv."));
        }
        methods(sources, &mut grid);
        notes(sources, &mut grid);
        grid
    };
    compared(sources).into_iter().take(MOST_ARMS).map(table).collect()
}

/// The overview's comparisons, arm by arm.
pub(in crate::publication) fn overview(sources: &Sources, design: &Design) -> Option<Grid> {
    let safety = &sources.safety.safety;
    if arms(sources).len() < OVERVIEW_APART_FROM || safety.overview.is_empty() {
        return None;
    }
    let reference = &sources.safety.population.reference_arm;
    let mut grid = grid(
        format!("Overview of adverse events: each arm against {reference}"),
        "Subjects with at least one event",
        ["Arm, n\u{a0}(%)".to_owned(), head(sources, reference)],
        design,
    );
    for arm in compared(sources) {
        let n = safety.n.get(arm).copied().unwrap_or(0);
        grid.heading(format!("{arm} (N\u{a0}=\u{a0}{})", say::count(n)));
        for (kind, name) in KINDS {
            if sources.safety.not_computable.contains_key(kind) {
                continue;
            }
            if let Some(term) = safety.overview.get(kind) {
                grid.under(cells(sources, name, term, arm));
            }
        }
    }
    methods(sources, &mut grid);
    notes(sources, &mut grid);
    Some(grid)
}
