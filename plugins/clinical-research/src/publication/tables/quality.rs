//! Exclusions with their reasons, and what in the data departs from the protocol.

use std::collections::BTreeMap;

use crate::publication::{
    grid::{Cell, Grid, Kind, MOST_IN_SHEET, column, words},
    say,
    sources::Sources,
};

/// The most single deviations of a kind that are listed.
const MOST_OF_A_KIND: usize = 2_000;

/// How many are left out from what, for which reason; then each one.
pub(in crate::publication) fn exclusions(sources: &Sources) -> Grid {
    let all = &sources.head.flow.exclusions;
    let mut grid = Grid::new(
        "Exclusions with their reasons",
        [
            words("What"),
            words("Left out from"),
            words("Masked id"),
            column("Place in the source", Kind::Number),
            words("Reason"),
            column("Count", Kind::Number),
        ],
    );
    let mut sums: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for exclusion in all {
        *sums.entry((&exclusion.what, &exclusion.from, &exclusion.reason)).or_default() += 1;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let kinds = sums.len();
    grid.heading("By reason");
    for ((what, from, reason), n) in sums.into_iter().take(MOST_OF_A_KIND) {
        grid.under([
            Cell::text(what.replace('_', " ")),
            Cell::text(from.replace('_', " ")),
            Cell::text("all"),
            Cell::Empty,
            Cell::text(reason),
            Cell::Count(n),
        ]);
    }
    let room = MOST_IN_SHEET - MOST_OF_A_KIND - 10;
    grid.heading("One by one");
    for exclusion in all.iter().take(room) {
        grid.under([
            Cell::text(exclusion.what.replace('_', " ")),
            Cell::text(exclusion.from.replace('_', " ")),
            Cell::text(exclusion.subject.as_deref().unwrap_or("none")),
            exclusion.position.map_or(Cell::Empty, Cell::count),
            Cell::text(exclusion.reason.as_str()),
            Cell::Count(1),
        ]);
    }
    let left = all.len().saturating_sub(room);
    if left > 0 || kinds > MOST_OF_A_KIND {
        grid.leave_out(format!(
            "{} more exclusions are not listed here; validated_data.json (flow.exclusions) has all {}.",
            say::count(left),
            say::count(all.len())
        ));
    }
    if all.is_empty() {
        grid.note("No record was left out.");
    }
    grid.note("Subjects are named by masked ids. Places count from 0. A subject outside several populations has a row for each.");
    grid
}

/// What departs from the protocol or from what is possible; nothing of it was repaired.
pub(in crate::publication) fn deviations(sources: &Sources) -> Grid {
    let quality = &sources.head.quality_metrics;
    let mut grid = Grid::new(
        "Protocol deviations and data-quality findings",
        [words("Finding"), words("Masked id"), words("Where"), words("What is there")],
    );
    let mut left = 0;
    let mut rule = |grid: &mut Grid, heading: &str, rows: Vec<[String; 3]>, n: usize| {
        if n == 0 {
            return;
        }
        grid.heading(format!("{heading}: {}", say::count(n)));
        left += n.saturating_sub(rows.len().min(MOST_OF_A_KIND));
        if rows.is_empty() {
            grid.under([Cell::text(heading), Cell::text("–"), Cell::text("–"), Cell::text("counted only")]);
        }
        for row in rows.into_iter().take(MOST_OF_A_KIND) {
            let mut cells = vec![Cell::text(heading)];
            cells.extend(row.into_iter().map(Cell::Text));
            grid.under(cells);
        }
    };
    let windows = quality.visits_out_of_window.iter().take(MOST_OF_A_KIND + 1);
    rule(
        &mut grid,
        "Visit outside its window",
        windows.map(|v| [v.subject_id.clone(), v.visit.clone(), format!("day {}", v.day)]).collect(),
        quality.visits_out_of_window.len(),
    );
    let dates = quality.date_order_violations.iter().take(MOST_OF_A_KIND + 1);
    rule(
        &mut grid,
        "Dates in the wrong order",
        dates
            .map(|d| [d.subject_id.clone(), d.fields.join(", "), "the later one comes first".to_owned()])
            .collect(),
        quality.date_order_violations.len(),
    );
    let ranges = quality.out_of_range.iter().take(MOST_OF_A_KIND + 1);
    let is_age = |field: &str| field == "age" || field.ends_with(".age");
    rule(
        &mut grid,
        "Value outside the plausible range",
        ranges
            .map(|r| {
                // An exact age of a single subject is not told (Safe Harbor).
                let value = if is_age(&r.field) { "an age".to_owned() } else { say::figure(r.value) };
                let text = format!("{value} is outside {} to {}", say::given(r.low), say::given(r.high));
                [r.subject_id.clone(), r.field.clone(), text]
            })
            .collect(),
        quality.out_of_range.len(),
    );
    for (name, n) in &quality.other_rules {
        let of = quality.findings.iter().filter(|f| f.rule == *name).take(MOST_OF_A_KIND + 1);
        let rows = of
            .map(|f| [f.subject_id.clone().unwrap_or_default(), f.field.clone(), f.value.clone()])
            .collect();
        rule(&mut grid, &say::capitalised(&name.replace('_', " ")), rows, *n);
    }
    for (name, n) in [
        ("Adverse event that ends before it starts", quality.ae_end_before_start),
        ("Adverse event without a start day", quality.ae_missing_start_day),
        ("Adverse event that repeats an earlier one", quality.duplicate_adverse_events),
        ("Laboratory value outside the plausible range", quality.lab_out_of_range),
        ("Laboratory record without a value", quality.lab_missing_value),
        ("Laboratory value that repeats an earlier one", quality.duplicate_labs),
        ("Visit that repeats an earlier one", quality.duplicate_visits),
        ("Value that could not be read", quality.n_unreadable_values),
    ] {
        rule(&mut grid, name, Vec::new(), n);
    }
    if grid.rows() == 0 {
        grid.note("No deviation was found.");
    }
    if left > 0 {
        grid.leave_out(format!(
            "{} findings are counted and not listed here; validated_data.json (quality_metrics) and validation_report.md have them.",
            say::count(left)
        ));
    }
    grid.note("Found by the rules of the protocol (ranges, windows, order of dates). Values were kept as they are and nothing was repaired; a value that could not be read counts as missing. Whether a deviation is important is for a person to judge.");
    grid
}
