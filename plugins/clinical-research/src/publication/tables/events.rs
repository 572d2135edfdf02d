//! Adverse events and exposure.

use super::comparisons;
use crate::{
    publication::{
        design::Design,
        grid::{Cell, Grid, Kind, column, words},
        say,
        sources::Sources,
    },
    safety::{Comparison, Incidence, Term},
};

/// The most preferred terms of the table of all classes and terms.
const MOST_TERMS: usize = 5_000;
/// The most serious reports that are listed.
const MOST_SERIOUS: usize = 1_000;

/// The kinds of the overview in their order, with their names for people.
pub(in crate::publication) const KINDS: [(&str, &str); 7] = [
    ("any", "Any adverse event"),
    ("related", "Related to treatment (investigator's view)"),
    ("severe", "Severe or worse"),
    ("serious", "Serious"),
    ("serious_related", "Serious and related"),
    ("leading_to_discontinuation", "Leading to discontinuation of treatment"),
    ("fatal", "Fatal"),
];

/// The arms of the safety analysis, the reference first.
pub(super) fn arms(sources: &Sources) -> &[String] {
    &sources.safety.population.arms
}

fn heads(sources: &Sources, kind: Kind) -> Vec<crate::publication::grid::Col> {
    let n = |arm: &str| sources.safety.safety.n.get(arm).copied().unwrap_or(0);
    arms(sources)
        .iter()
        .map(|arm| column(format!("{arm} (N\u{a0}=\u{a0}{}), n\u{a0}(%)", say::count(n(arm))), kind))
        .collect()
}

pub(super) fn share(found: Option<&Incidence>) -> Cell {
    found.map_or(Cell::Share(0, None), |i| Cell::Share(i.subjects, i.pct))
}

pub(super) fn notes(sources: &Sources, grid: &mut Grid) {
    let population = &sources.safety.population;
    let who = population.flag.as_deref().map_or_else(
        || "all subjects of the protocol's arms".to_owned(),
        |flag| format!("subjects whose flag {flag} is true"),
    );
    grid.note(format!("Safety population: {who}, {}.", population.by));
    if !sources.events.selection.rule.is_empty() {
        grid.note(format!("Which reports count: {}", say::sentence(&sources.events.selection.rule)));
    }
    grid.note("A subject counts once in each row. Nothing is imputed.");
}

/// Subjects with any event and with the kinds that matter.
pub(in crate::publication) fn overview(sources: &Sources, design: &Design) -> Option<Grid> {
    let safety = &sources.safety.safety;
    if safety.overview.is_empty() {
        return None;
    }
    let mut columns = vec![words("Subjects with at least one event")];
    columns.extend(heads(sources, Kind::Share));
    // Of several arms the comparisons have a table of their own.
    let is_apart = arms(sources).len() >= comparisons::OVERVIEW_APART_FROM;
    let others = if is_apart { Vec::new() } else { comparisons::compared(sources) };
    columns.extend(
        others
            .iter()
            .map(|arm| column(format!("{arm}: risk difference ({} CI)", design.level), Kind::Estimate)),
    );
    let mut grid = Grid::new("Overview of adverse events", columns);
    let row = |grid: &mut Grid, name: &str, term: &Term| {
        let mut cells = vec![Cell::text(name)];
        cells.extend(arms(sources).iter().map(|arm| share(term.incidence.get(arm))));
        cells.extend(others.iter().map(|arm| difference(term.vs_reference.get(*arm))));
        grid.row(cells);
    };
    for (kind, name) in KINDS {
        match (safety.overview.get(kind), sources.safety.not_computable.get(kind)) {
            (Some(term), None) => row(&mut grid, name, term),
            (_, Some(why)) => grid.note(format!("{name}: {}", say::sentence(why))),
            (None, None) => {}
        }
    }
    if let Some(deaths) = &safety.deaths {
        let mut cells = vec![Cell::text("Died (as recorded for the subject)")];
        cells.extend(arms(sources).iter().map(|arm| {
            let n = safety.n.get(arm).copied().unwrap_or(0);
            let died = deaths.get(arm).copied().unwrap_or(0);
            Cell::Share(died, (n > 0).then(|| 100.0 * died as f64 / n as f64))
        }));
        grid.row(cells);
    }
    if !others.is_empty() {
        grid.note(format!(
            "Risk differences against {} (as shares, 0.1 is ten in a hundred), with Newcombe's interval; not adjusted for multiplicity.",
            sources.safety.population.reference_arm
        ));
    }
    notes(sources, &mut grid);
    Some(grid)
}

fn difference(of: Option<&Comparison>) -> Cell {
    of.map_or(Cell::missing(), |c| Cell::fraction(c.risk_difference, c.rd_ci_newcombe))
}

/// The most frequent preferred terms.
pub(in crate::publication) fn common(sources: &Sources, _: &Design) -> Option<Grid> {
    if sources.events.most_frequent.is_empty() {
        return None;
    }
    let mut columns = vec![words("Preferred term"), words("System organ class")];
    columns.extend(heads(sources, Kind::Share));
    let mut grid = Grid::new("Most frequent adverse events", columns);
    for term in &sources.events.most_frequent {
        let mut cells = vec![Cell::text(term.pt.as_str()), Cell::text(term.soc.as_str())];
        cells.extend(arms(sources).iter().map(|arm| share(term.incidence.get(arm))));
        grid.row(cells);
        grid.note(term.merged().unwrap_or_default());
    }
    notes(sources, &mut grid);
    Some(grid)
}

/// A row of the table of classes and terms.
pub(super) struct Line<'s> {
    pub(super) name: &'s str,
    pub(super) term: &'s Term,
    pub(super) is_preferred: bool,
}

/// All classes and below each its terms, the most frequent first; and how many terms are left out.
pub(super) fn lines(sources: &Sources) -> (Vec<Line<'_>>, usize) {
    let total = |term: &Term| term.incidence.values().map(|i| i.subjects).sum::<u64>();
    let mut socs: Vec<_> = sources.safety.safety.by_soc.iter().collect();
    socs.sort_by_key(|(name, soc)| (std::cmp::Reverse(total(&soc.term)), name.as_str()));
    let (mut lines, mut shown, mut left) = (Vec::new(), 0, 0);
    for (name, soc) in socs {
        lines.push(Line { name, term: &soc.term, is_preferred: false });
        let mut pts: Vec<_> = soc.pt.iter().collect();
        pts.sort_by_key(|(name, term)| (std::cmp::Reverse(total(term)), name.as_str()));
        let room = MOST_TERMS - shown;
        left += pts.len().saturating_sub(room);
        shown += pts.len().min(room);
        lines.extend(pts.into_iter().take(room).map(|(name, term)| Line { name, term, is_preferred: true }));
    }
    (lines, left)
}

/// All classes and terms with the comparisons of each arm, for documents and for the workbook. Of several arms a document
/// shows the comparisons in tables of their own.
pub(in crate::publication) fn terms(sources: &Sources, design: &Design) -> Option<(Grid, Option<Grid>)> {
    if sources.safety.safety.by_soc.is_empty() {
        return None;
    }
    let all = comparisons::compared(sources);
    if arms(sources).len() < comparisons::APART_FROM {
        return Some((terms_with(sources, design, &all), None));
    }
    let mut short = terms_with(sources, design, &[]);
    short.note(format!(
        "Comparisons with {} follow in {}.",
        sources.safety.population.reference_arm,
        match all.len().saturating_sub(comparisons::MOST_ARMS) {
            0 => "a table for each other arm".to_owned(),
            more => format!(
                "a table for each of the first {} other arms; those of {more} more are in the workbook",
                comparisons::MOST_ARMS
            ),
        }
    ));
    Some((short, Some(terms_with(sources, design, &all))))
}

fn terms_with(sources: &Sources, design: &Design, others: &[&String]) -> Grid {
    let mut columns = vec![words("System organ class or preferred term")];
    columns.extend(heads(sources, Kind::Share));
    for (what, kind) in [
        (format!("risk difference ({} CI)", design.level), Kind::Estimate),
        (format!("risk ratio ({} CI)", design.level), Kind::Estimate),
        ("Fisher p".to_owned(), Kind::P),
    ] {
        columns.extend(others.iter().map(|arm| column(format!("{arm}: {what}"), kind)));
    }
    let mut grid = Grid::new("Adverse events by system organ class and preferred term", columns);
    let (lines, left) = lines(sources);
    for line in lines {
        let of = |arm: &String| line.term.vs_reference.get(arm);
        let mut cells = vec![Cell::text(line.name)];
        cells.extend(arms(sources).iter().map(|arm| share(line.term.incidence.get(arm))));
        cells.extend(others.iter().map(|arm| difference(of(arm))));
        let reference = sources.safety.population.reference_arm.as_str();
        cells.extend(others.iter().map(|arm| comparisons::risk_ratio(line.term, arm, reference)));
        cells.extend(others.iter().map(|arm| Cell::p(of(arm).and_then(|c| c.fisher_p))));
        if line.is_preferred { grid.under(cells) } else { grid.row(cells) }
    }
    if left > 0 {
        grid.leave_out(format!("{left} more preferred terms are in ae_table.csv."));
    }
    if !others.is_empty() {
        grid.note(format!(
            "Against {}; risk differences with Newcombe's interval, risk ratios log-normal (–: no event in either arm), Fisher's exact test two-sided, not adjusted (ae_table.csv has p adjusted \
             for the number of terms). Many terms are compared: single ones prove nothing.",
            sources.safety.population.reference_arm
        ));
    }
    notes(sources, &mut grid);
    grid
}

/// Time under treatment, and rates.
pub(in crate::publication) fn exposure(sources: &Sources, design: &Design) -> Option<Grid> {
    if sources.safety.exposure.values().all(|e| e.patient_years.is_none()) {
        return None;
    }
    let mut grid = Grid::new(
        "Exposure and rates of adverse events",
        [
            column("Arm", Kind::Label),
            column("With dates", Kind::Number),
            column("Without", Kind::Number),
            column("Patient-years", Kind::Number),
            column("Mean days", Kind::Number),
            column("Events", Kind::Number),
            column(format!("Per 100 patient-years ({} CI)", design.level), Kind::Estimate),
        ],
    );
    let any = sources.safety.rates.get("any");
    for arm in arms(sources) {
        let Some(of) = sources.safety.exposure.get(arm) else { continue };
        let rate = any.and_then(|rates| rates.get(arm));
        grid.row([
            Cell::text(arm.as_str()),
            Cell::Count(of.subjects),
            Cell::Count(of.without_dates),
            Cell::number(of.patient_years, 2),
            Cell::number(of.mean_days, 1),
            rate.map_or(Cell::missing(), |r| Cell::Count(r.events)),
            rate.map_or(Cell::missing(), |r| Cell::estimate(r.rate, r.ci)),
        ]);
    }
    grid.note("From the first to the last day of treatment, both counted; years of 365.25 days; exact Poisson intervals. Subjects without dates, and those whose treatment ended before it began, add no time.");
    Some(grid)
}

/// Serious reports one by one, under masked ids.
pub(in crate::publication) fn serious(sources: &Sources) -> Option<Grid> {
    let listing = &sources.events.serious;
    if listing.total == 0 {
        return None;
    }
    let mut grid = Grid::new(
        "Serious adverse events, report by report (masked subjects)",
        [
            column("Subject", Kind::Label),
            column("Arm", Kind::Label),
            words("Preferred term"),
            column("Severity", Kind::Label),
            column("Related", Kind::Label),
            column("Day", Kind::Number),
            column("Outcome", Kind::Label),
        ],
    );
    for report in listing.reports.iter().take(MOST_SERIOUS) {
        let related = report.related.map_or("not recorded", |r| if r { "yes" } else { "no" });
        grid.row([
            Cell::text(report.subject.as_str()),
            Cell::text(report.arm.as_str()),
            Cell::text(report.pt.as_str()),
            Cell::text(report.severity.as_str()),
            Cell::text(related),
            report.start_day.map_or_else(|| Cell::text("not recorded"), |day| Cell::Number(day, 0)),
            Cell::text(report.outcome.clone().unwrap_or_else(|| "not recorded".to_owned())),
        ]);
    }
    if listing.total > MOST_SERIOUS.min(listing.reports.len()) {
        grid.leave_out(format!(
            "{} more serious reports are in safety_summary.json.",
            say::count(listing.total - listing.reports.len().min(MOST_SERIOUS))
        ));
    }
    grid.note("Ids are masked. Narratives are for a person to write.");
    Some(grid)
}

/// Disproportion of reports: signals first.
pub(in crate::publication) fn signals(sources: &Sources, design: &Design) -> Option<Grid> {
    let found = &sources.safety.safety.disproportionality;
    let mut grid = Grid::new(
        "Disproportionality of reports between arms",
        [
            column("Arm", Kind::Label),
            words("Preferred term"),
            column("Reports", Kind::Number),
            column("In other arms", Kind::Number),
            column(format!("PRR ({} CI)", design.level), Kind::Estimate),
            column(format!("ROR ({} CI)", design.level), Kind::Estimate),
            column("χ² (Yates)", Kind::Number),
            column("Signal", Kind::Label),
        ],
    );
    let mut rows: Vec<_> =
        found.iter().flat_map(|(arm, terms)| terms.iter().map(move |(pt, of)| (arm, pt, of))).collect();
    rows.sort_by(|a, b| {
        b.2.signal.cmp(&a.2.signal).then(b.2.a.cmp(&a.2.a)).then((a.0, a.1).cmp(&(b.0, b.1)))
    });
    let left = rows.len().saturating_sub(MOST_TERMS);
    for (arm, pt, of) in rows.into_iter().take(MOST_TERMS) {
        grid.row([
            Cell::text(arm.as_str()),
            Cell::text(pt.as_str()),
            Cell::Count(of.a),
            Cell::Count(of.c),
            Cell::estimate(of.prr, of.prr_ci),
            Cell::estimate(of.ror, of.ror_ci),
            Cell::number(of.chi2_yates, 2),
            Cell::text(if of.signal { "yes" } else { "no" }),
        ]);
    }
    if grid.rows() == 0 {
        return None;
    }
    if left > 0 {
        grid.leave_out(format!("{left} more terms are in safety_summary.json."));
    }
    let rules = &sources.head.protocol.ae;
    grid.note(format!(
        "PRR, ROR: proportional reporting ratio and reporting odds ratio; reports, not subjects. A signal needs PRR ≥ {}, χ² ≥ {} and at \
         least {} reports: a hint to look at, and no finding.",
        rules.prr_min, rules.chi2_min, rules.min_reports
    ));
    Some(grid)
}
