//! Primary, secondary and exploratory endpoints: results, sensitivity analyses, families of hypotheses.

use crate::publication::{
    design::Design,
    grid::{Cell, Grid, Kind, column, words},
    say,
    sources::{ComparisonResult, EndpointResult, Sources},
};

/// An endpoint with its place in the hierarchy.
fn title(endpoint: &EndpointResult) -> String {
    let unit = endpoint.unit.as_deref().map_or_else(String::new, |unit| format!(", {unit}"));
    format!("{} ({}{unit})", endpoint.label, endpoint.place())
}

fn populations(sources: &Sources, grid: &mut Grid) {
    for (name, population) in &sources.efficacy.populations {
        let name = crate::publication::flow::name(name);
        grid.note(format!("Population of the {name} analysis: {}.", population.who));
    }
    grid.note("Subjects without a value are left out of the endpoint's analysis; nothing is imputed.");
}

fn reasons(endpoint: &EndpointResult, of: &ComparisonResult, grid: &mut Grid) {
    for figure in ["estimate", "p"] {
        let is_there = if figure == "p" { of.main.p.is_some() } else { of.main.estimate.is_some() };
        if !is_there {
            let why = of.main.reason(figure);
            grid.note(format!(
                "{}, {}: {figure} not computable: {}",
                endpoint.label,
                of.arm,
                say::sentence(why)
            ));
        }
    }
}

/// Measure and test of a comparison.
fn method(of: &ComparisonResult) -> String {
    format!("{}; {}", of.main.measure, of.main.test)
}

/// The table for documents, where measure and test stand over their rows; for the workbook they have a column.
pub(in crate::publication) fn outcomes(sources: &Sources, design: &Design) -> Option<(Grid, Grid)> {
    Some((layout(sources, design, false)?, layout(sources, design, true)?))
}

/// What each arm had, and each arm against the reference.
fn layout(sources: &Sources, design: &Design, has_column: bool) -> Option<Grid> {
    let all = sources.efficacy.all();
    if all.is_empty() {
        return None;
    }
    let is_compared = design.arms.len() > 1;
    let mut columns = vec![words("Arm"), column("n", Kind::Number), words("Result")];
    if is_compared {
        if has_column {
            columns.push(words("Measure and test"));
        }
        columns.push(column(format!("Estimate ({} CI)", design.level), Kind::Estimate));
        columns.extend([column("p", Kind::P), column("Holm p", Kind::P)]);
    }
    let title_words = if all.iter().any(|e| e.is_adopted()) {
        "Outcomes (the protocol names no primary one; one was taken as primary)"
    } else {
        "Primary and secondary outcomes"
    };
    let mut grid = Grid::new(title_words, columns);
    for endpoint in all {
        let mut methods: Vec<String> = endpoint.compared(&design.arms).map(method).collect();
        methods.dedup();
        let is_shared = methods.len() == 1;
        match methods.first().filter(|_| is_shared && !has_column && endpoint.reason().is_none()) {
            Some(method) => grid.heading(format!("{}: {method}", title(endpoint))),
            None => grid.heading(title(endpoint)),
        }
        if let Some(why) = endpoint.reason() {
            grid.under([Cell::text("not computable")]);
            grid.note(format!("{}: not computable: {}", endpoint.label, say::sentence(why)));
            continue;
        }
        grid.note(say::loss(endpoint, design).unwrap_or_default());
        for arm in design.reference_first() {
            let Some(found) = endpoint.analysed.get(arm) else { continue };
            let compared = endpoint.comparisons.get(arm);
            let name = match compared.filter(|_| !is_shared && !has_column) {
                Some(of) => format!("{arm} ({})", method(of)),
                None => arm.clone(),
            };
            let mut cells =
                vec![Cell::text(name), Cell::Count(found.analysed), Cell::text(found.summary.as_str())];
            if let Some(of) = compared {
                if has_column {
                    cells.push(Cell::text(method(of)));
                }
                cells.push(Cell::estimate(of.main.estimate, of.main.ci));
                cells.push(Cell::p(of.main.p));
                cells.push(of.p_holm.filter(|_| of.main.p.is_some()).map_or(Cell::text("–"), Cell::P));
                reasons(endpoint, of, &mut grid);
            } else if is_compared {
                cells.push(Cell::text("reference"));
            }
            grid.under(cells);
        }
    }
    if is_compared {
        grid.note(format!("Estimates compare each arm with {}. Tests are two-sided.", design.reference));
        grid.note(
            "Holm p: adjusted within the endpoint's family (primary, or secondary behind the gate). Exploratory endpoints are in no family \
             (–), and their p-values confirm nothing.",
        );
    }
    populations(sources, &mut grid);
    Some(grid)
}

/// The main test of each comparison and those beside it.
pub(in crate::publication) fn sensitivity(sources: &Sources, design: &Design) -> Option<Grid> {
    let mut grid = Grid::new(
        "Main and sensitivity analyses of all endpoints",
        [
            words("Comparison"),
            column("Analysis", Kind::Label),
            words("Test"),
            words("Measure"),
            column(format!("Estimate ({} CI)", design.level), Kind::Estimate),
            column("p", Kind::P),
        ],
    );
    for endpoint in sources.efficacy.all() {
        grid.heading(title(endpoint));
        grid.note(say::loss(endpoint, design).unwrap_or_default());
        for of in endpoint.compared(&design.arms) {
            let tests = std::iter::once(("main", &of.main))
                .chain(of.sensitivity.iter().map(|test| ("sensitivity", test)));
            for (what, test) in tests {
                grid.under([
                    Cell::text(format!("{} vs {}", of.arm, of.reference)),
                    Cell::text(what),
                    Cell::text(test.test.as_str()),
                    Cell::text(test.measure.as_str()),
                    match test.has_own_estimate() {
                        true => Cell::estimate(test.estimate, test.ci),
                        false => Cell::text("–"),
                    },
                    Cell::p(test.p),
                ]);
                if what == "sensitivity" && test.p.is_none() {
                    grid.note(format!(
                        "{}, {} vs {}: {}: not computable: {}",
                        endpoint.label.trim_end_matches('.'),
                        of.arm,
                        of.reference,
                        test.test,
                        say::sentence(test.reason("p"))
                    ));
                }
            }
        }
        if let Some(overall) = &endpoint.overall_test {
            grid.under([
                Cell::text("all arms"),
                Cell::text("overall"),
                Cell::text(overall.test.as_str()),
                Cell::Empty,
                Cell::Empty,
                Cell::p(overall.p),
            ]);
        }
    }
    if grid.rows() == 0 {
        return None;
    }
    grid.note(
        "Sensitivity analyses and overall tests are in no family and are not adjusted for multiplicity.",
    );
    populations(sources, &mut grid);
    Some(grid)
}

/// The hypotheses, their p-values and what may be concluded.
pub(in crate::publication) fn families(sources: &Sources, design: &Design) -> Option<Grid> {
    let mut grid = Grid::new(
        "Families of hypotheses and adjusted p-values",
        [
            column("Family", Kind::Label),
            words("Hypothesis"),
            column("p", Kind::P),
            column("Holm p", Kind::P),
            column("Hochberg p", Kind::P),
            words("Conclusion"),
        ],
    );
    for endpoint in sources.efficacy.all() {
        for of in endpoint.compared(&design.arms) {
            let family = match of.family_size {
                Some(size) => format!("{} ({size})", endpoint.place()),
                None => "none".to_owned(),
            };
            let conclusion = of.conclusion.clone().unwrap_or_else(|| "not adjusted".to_owned());
            grid.row([
                Cell::text(family),
                Cell::text(format!("{}: {} vs {}", endpoint.label, of.arm, of.reference)),
                Cell::p(of.main.p),
                Cell::p(of.p_holm),
                Cell::p(of.p_hochberg),
                Cell::text(conclusion),
            ]);
        }
    }
    if grid.rows() == 0 {
        return None;
    }
    let families = &sources.efficacy.multiplicity;
    grid.note(families.gate.as_str());
    grid.note(
        "A hypothesis whose test is not computable stays in its family with p = 1. Tests are two-sided.",
    );
    Some(grid)
}
