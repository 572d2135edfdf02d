//! Table 1, and the balance after matching.

use std::collections::BTreeSet;

use crate::{
    cohort::{
        Categorical, Continuous, Figure, Spread,
        groups::label,
        numbers::{decimals, is_tiny, scientific},
    },
    publication::{
        design::{Design, Guideline},
        grid::{Cell, Grid, Kind, column, words},
        say,
        sources::Sources,
    },
    study::Analysis,
};

/// The most categories of a variable in the manuscript.
const MOST_LEVELS: usize = 20;

/// The arms with their sizes, the protocol's order.
fn heads(sources: &Sources) -> Vec<(String, String)> {
    let arms = &sources.cohorts.arms;
    arms.iter()
        .map(|arm| (arm.arm.clone(), format!("{} (N\u{a0}=\u{a0}{})", arm.arm, say::count(arm.n))))
        .collect()
}

fn title(sources: &Sources) -> String {
    let flag = sources.cohorts.population.flag.as_deref();
    match (&sources.cohorts.population.fallback, flag) {
        (None, Some(flag)) => format!("Baseline characteristics ({flag} population)"),
        _ => "Baseline characteristics (all subjects of the protocol's arms)".to_owned(),
    }
}

fn shared_notes(sources: &Sources, design: &Design, grid: &mut Grid) {
    grid.note(format!("Population: {}", say::sentence(&sources.cohorts.population.description)));
    grid.note(
        "Values that are missing are left out for each variable and counted; nothing is imputed. Percentages are of subjects with a value.",
    );
    if design.arms.len() > 1 {
        grid.note(format!(
            "SMD: standardised mean difference to {} (for categories after Yang and Dalton, without a sign).",
            design.reference
        ));
    }
}

/// With so many decimals, "n/a" without one.
fn figure(figure: &Figure, places: usize) -> String {
    let told = |value: f64| match is_tiny(value, places) {
        true => scientific(value),
        false => say::decimal(value, places),
    };
    figure.value().map_or_else(|| "n/a".to_owned(), told)
}

/// Says of each variable how many of its values are implausible and yet in the table.
fn implausible(sources: &Sources, grid: &mut Grid) {
    let outside: BTreeSet<&str> = sources
        .head
        .flow
        .exclusions
        .iter()
        .filter(|e| e.what == "subject" && [Analysis::Baseline.name(), "analyses"].contains(&e.from.as_str()))
        .filter_map(|e| e.subject.as_deref())
        .collect();
    let flagged = &sources.head.quality_metrics.out_of_range;
    for path in &sources.head.protocol.table1.continuous {
        let found: Vec<_> =
            flagged.iter().filter(|o| o.field == *path && !outside.contains(o.subject_id.as_str())).collect();
        let Some(first) = found.first() else { continue };
        grid.note(format!(
            "{}: includes {} outside the plausible range ({} to {}), flagged and not repaired.",
            label(path),
            say::counted(found.len(), "value", "values"),
            say::given(first.low),
            say::given(first.high)
        ));
    }
}

/// Largest by its size.
fn largest<'f>(figures: impl Iterator<Item = &'f Figure>) -> Option<f64> {
    figures.filter_map(Figure::value).max_by(|a, b| a.abs().total_cmp(&b.abs()))
}

/// As a paper prints it.
pub(in crate::publication) fn manuscript(sources: &Sources, design: &Design) -> Grid {
    let heads = heads(sources);
    let is_compared = heads.len() > 1;
    // CONSORT 2010, item 15, advises against tests of baseline differences between randomised arms.
    let is_tested = is_compared && design.guideline != Guideline::Consort;
    let mut columns = vec![words("Characteristic")];
    columns.extend(heads.iter().map(|(_, head)| column(head.as_str(), Kind::Number)));
    if is_compared {
        columns.push(column(
            format!("All (N\u{a0}=\u{a0}{})", say::count(sources.cohorts.n_subjects)),
            Kind::Number,
        ));
        columns.push(column("SMD", Kind::Number));
    }
    if is_tested {
        columns.push(column("p", Kind::P));
    }
    let mut grid = Grid::new(title(sources), columns);
    let ends = |first: bool, smd: Option<f64>, p: Option<f64>| {
        let mut cells = Vec::new();
        if is_compared {
            cells.push(if first { Cell::number(smd, 2) } else { Cell::Empty });
        }
        if is_tested {
            cells.push(if first { Cell::p(p) } else { Cell::Empty });
        }
        cells
    };
    let table = &sources.statistics.table1;
    for path in &sources.head.protocol.table1.continuous {
        let Some(entry) = table.continuous.get(path) else { continue };
        let Some(of) = entry.described() else {
            not_described(&mut grid, path, entry.reason());
            continue;
        };
        grid.heading(of.label.as_str());
        let places = decimals(of.overall.sd.value());
        let mut row = |what: &str, say: &dyn Fn(&Spread) -> String, first: bool| {
            let mut cells = vec![Cell::text(what)];
            cells.extend(
                heads.iter().map(|(arm, _)| Cell::text(of.by_arm.get(arm).map_or_else(String::new, say))),
            );
            if is_compared {
                cells.push(Cell::text(say(&of.overall)));
            }
            cells.extend(ends(first, largest(of.smd_vs_reference.values()), of.test.p.value()));
            grid.under(cells);
        };
        let mean = |s: &Spread| format!("{}\u{a0}({})", figure(&s.mean, places), figure(&s.sd, places));
        let median = |s: &Spread| {
            format!(
                "{} [{},\u{a0}{}]",
                figure(&s.median, places),
                figure(&s.q1, places),
                figure(&s.q3, places)
            )
        };
        row("Mean (SD)", &mean, true);
        row("Median [Q1, Q3]", &median, false);
        missing_row(&mut grid, sources, &heads, of.missing, |arm| of.missing_by_arm.get(arm).copied());
        for (arm, _) in &heads {
            let Some(spread) = of.by_arm.get(arm).filter(|spread| spread.n > 0) else { continue };
            if let Some(reason) = spread.mean.reason() {
                grid.note(format!(
                    "{}: {} has {}, of which no mean or quartile is shown: {reason}.",
                    of.label,
                    arm,
                    say::counted(spread.n, "value", "values")
                ));
            }
        }
    }
    for path in &sources.head.protocol.table1.categorical {
        let Some(entry) = table.categorical.get(path) else { continue };
        let Some(of) = entry.described() else {
            not_described(&mut grid, path, entry.reason());
            continue;
        };
        grid.heading(format!("{}, n (%)", of.label));
        let share = |count: u64, pct: Option<f64>| Cell::Share(count, pct);
        for (at, level) in of.levels.iter().take(MOST_LEVELS).enumerate() {
            let mut cells = vec![Cell::text(level.as_str())];
            cells.extend(
                heads.iter().map(|(arm, _)| share(counts(of, level, arm).0, counts(of, level, arm).1)),
            );
            if is_compared {
                let pct = of.pct_overall.get(level).and_then(Figure::value);
                cells.push(share(of.counts_overall.get(level).copied().unwrap_or(0), pct));
            }
            cells.extend(ends(at == 0, largest(of.smd_vs_reference.values()), of.test.p.value()));
            grid.under(cells);
        }
        if of.levels.len() > MOST_LEVELS {
            grid.under([Cell::text(format!(
                "{} more categories: see the workbook",
                of.levels.len() - MOST_LEVELS
            ))]);
        }
        missing_row(&mut grid, sources, &heads, of.missing, |arm| of.missing_by_arm.get(arm).copied());
    }
    if grid.rows() == 0 {
        grid.note("The protocol names no baseline characteristic for this table.");
    }
    implausible(sources, &mut grid);
    shared_notes(sources, design, &mut grid);
    if heads.len() > 2 {
        grid.note("Of several arms the SMD that is largest in size is shown; the workbook has all.");
    }
    grid.note("SD: standard deviation. Q1, Q3: quartiles.");
    if is_compared && !is_tested {
        grid.note("Tests of baseline differences between randomised arms are not shown, as CONSORT advises; the workbook has them.");
    }
    grid
}

fn counts(of: &Categorical, level: &str, arm: &str) -> (u64, Option<f64>) {
    let n = of.counts.get(level).and_then(|c| c.get(arm)).copied().unwrap_or(0);
    (n, of.pct.get(level).and_then(|p| p.get(arm)).and_then(Figure::value))
}

fn not_described(grid: &mut Grid, path: &str, reason: Option<&str>) {
    grid.row([Cell::text(label(path)), Cell::text("n/a")]);
    grid.note(format!("{}: {}", label(path), say::sentence(reason.unwrap_or("not computable"))));
}

fn missing_row(
    grid: &mut Grid,
    sources: &Sources,
    heads: &[(String, String)],
    all: usize,
    of_arm: impl Fn(&str) -> Option<usize>,
) {
    if all == 0 {
        return;
    }
    let mut cells = vec![Cell::text("Missing")];
    cells.extend(heads.iter().map(|(arm, _)| Cell::count(of_arm(arm).unwrap_or(0))));
    if sources.cohorts.arms.len() > 1 {
        cells.push(Cell::count(all));
    }
    grid.under(cells);
}

/// Every figure in a cell of its own.
pub(in crate::publication) fn whole(sources: &Sources, design: &Design) -> Grid {
    let heads = heads(sources);
    let others: Vec<&String> = design.arms.iter().filter(|arm| **arm != design.reference).collect();
    let mut columns = vec![words("Characteristic"), words("Statistic")];
    columns.push(column(format!("All (N = {})", sources.cohorts.n_subjects), Kind::Number));
    columns.extend(heads.iter().map(|(_, head)| column(head.as_str(), Kind::Number)));
    if heads.len() > 1 {
        columns.extend([column("p", Kind::P), words("Test"), words("Why this test")]);
        columns.extend(
            others.iter().map(|arm| column(format!("SMD: {arm} vs {}", design.reference), Kind::Number)),
        );
    }
    let mut grid = Grid::new(title(sources), columns);
    let table = &sources.statistics.table1;
    for path in &sources.head.protocol.table1.continuous {
        match table.continuous.get(path).map(|entry| (entry.described(), entry.reason())) {
            Some((Some(of), _)) => continuous(&mut grid, of, &heads, &others),
            Some((None, reason)) => {
                grid.row([Cell::text(label(path)), Cell::text(reason.unwrap_or_default())]);
            }
            None => {}
        }
    }
    for path in &sources.head.protocol.table1.categorical {
        match table.categorical.get(path).map(|entry| (entry.described(), entry.reason())) {
            Some((Some(of), _)) => categorical(&mut grid, of, &heads, &others),
            Some((None, reason)) => {
                grid.row([Cell::text(label(path)), Cell::text(reason.unwrap_or_default())]);
            }
            None => {}
        }
    }
    implausible(sources, &mut grid);
    shared_notes(sources, design, &mut grid);
    grid
}

fn ends(
    test: &crate::cohort::ChosenTest,
    smd: &std::collections::BTreeMap<String, Figure>,
    others: &[&String],
) -> Vec<Cell> {
    let mut cells =
        vec![Cell::p(test.p.value()), Cell::text(test.name.as_str()), Cell::text(test.why.as_str())];
    cells.extend(others.iter().map(|arm| Cell::number(smd.get(*arm).and_then(Figure::value), 4)));
    cells
}

fn continuous(grid: &mut Grid, of: &Continuous, heads: &[(String, String)], others: &[&String]) {
    type Part = (&'static str, fn(&Spread) -> (&Figure, Option<&String>));
    let parts: [Part; 7] = [
        ("Mean", |s| (&s.mean, None)),
        ("SD", |s| (&s.sd, None)),
        ("Median", |s| (&s.median, None)),
        ("Q1", |s| (&s.q1, None)),
        ("Q3", |s| (&s.q3, None)),
        ("Minimum", |s| (&s.min, s.min_told.as_ref())),
        ("Maximum", |s| (&s.max, s.max_told.as_ref())),
    ];
    let mut cells = vec![Cell::text(of.label.as_str()), Cell::text("n"), Cell::count(of.overall.n)];
    cells.extend(heads.iter().map(|(arm, _)| Cell::count(of.by_arm.get(arm).map_or(0, |s| s.n))));
    if heads.len() > 1 {
        cells.extend(ends(&of.test, &of.smd_vs_reference, others));
    }
    grid.row(cells);
    for (name, part) in parts {
        let told = |spread: Option<&Spread>| match spread.map(part) {
            Some((_, Some(words))) => Cell::text(words.as_str()),
            Some((figure, None)) => Cell::figure(figure.value()),
            None => Cell::figure(None),
        };
        let mut cells = vec![Cell::text(of.label.as_str()), Cell::text(name), told(Some(&of.overall))];
        cells.extend(heads.iter().map(|(arm, _)| told(of.by_arm.get(arm))));
        grid.row(cells);
    }
    let mut cells = vec![Cell::text(of.label.as_str()), Cell::text("Missing"), Cell::count(of.missing)];
    cells.extend(heads.iter().map(|(arm, _)| Cell::count(of.missing_by_arm.get(arm).copied().unwrap_or(0))));
    grid.row(cells);
}

fn categorical(grid: &mut Grid, of: &Categorical, heads: &[(String, String)], others: &[&String]) {
    for (at, level) in of.levels.iter().enumerate() {
        let mut cells = vec![Cell::text(of.label.as_str()), Cell::text(format!("{level}: n"))];
        cells.push(Cell::count(of.counts_overall.get(level).copied().unwrap_or(0)));
        cells.extend(heads.iter().map(|(arm, _)| Cell::Count(counts(of, level, arm).0)));
        if at == 0 && heads.len() > 1 {
            cells.extend(ends(&of.test, &of.smd_vs_reference, others));
        }
        grid.row(cells);
        let overall = of.pct_overall.get(level).and_then(Figure::value);
        let mut cells =
            vec![Cell::text(of.label.as_str()), Cell::text(format!("{level}: %")), Cell::number(overall, 1)];
        cells.extend(heads.iter().map(|(arm, _)| Cell::number(counts(of, level, arm).1, 1)));
        grid.row(cells);
    }
    let mut cells = vec![Cell::text(of.label.as_str()), Cell::text("Missing"), Cell::count(of.missing)];
    cells.extend(heads.iter().map(|(arm, _)| Cell::count(of.missing_by_arm.get(arm).copied().unwrap_or(0))));
    grid.row(cells);
}

/// Balance before and after matching, where it was done.
pub(in crate::publication) fn matching(sources: &Sources) -> Option<Grid> {
    let propensity = &sources.statistics.propensity;
    if !propensity.performed {
        return None;
    }
    let mut grid = Grid::new(
        "Standardised differences before and after matching by propensity score",
        [words("Covariate"), column("Before matching", Kind::Number), column("After matching", Kind::Number)],
    );
    for (arm, entry) in &propensity.by_arm {
        match entry.described() {
            Some(matched) => {
                grid.heading(format!(
                    "{arm}: {}; {} and {} without a partner",
                    say::counted(matched.pairs, "pair", "pairs"),
                    say::counted(matched.unmatched_arm, "member of the arm", "members of the arm"),
                    say::counted(matched.unmatched_reference, "of the reference", "of the reference")
                ));
                for balance in &matched.balance {
                    grid.under([
                        Cell::text(balance.label.as_str()),
                        Cell::number(balance.before.value(), 3),
                        Cell::number(balance.after.value(), 3),
                    ]);
                }
                grid.note(format!("{arm}: {}", say::sentence(&matched.verdict)));
            }
            None => grid.note(format!("{arm}: {}", say::sentence(entry.reason().unwrap_or_default()))),
        }
    }
    grid.note(say::sentence(&propensity.method));
    grid.note("Subjects who lack a covariate are in neither model nor matching. The efficacy analyses are of the unmatched populations.");
    Some(grid)
}
