//! Laboratory values.

use crate::{
    publication::{
        design::Design,
        grid::{Cell, Grid, Kind, column, words},
        say,
        sources::Sources,
    },
    safety::LabTest,
};

fn name(code: &str, test: &LabTest) -> String {
    match &test.name {
        Some(name) if name != code => format!("{name} ({code})"),
        _ => code.to_owned(),
    }
}

/// Grade 3 or 4 after baseline, and values outside the normal range.
pub(in crate::publication) fn grades(sources: &Sources, design: &Design) -> Option<Grid> {
    let labs = &sources.safety.labs;
    if labs.by_test.is_empty() {
        return None;
    }
    let arms = &sources.safety.population.arms;
    let mut columns = vec![words("Test"), column("Arm", Kind::Label)];
    columns.push(column("Graded", Kind::Number));
    columns.push(column("Grade 3 or 4, n (%)", Kind::Share));
    columns.push(column("With values", Kind::Number));
    columns.push(column("Above normal, n (%)", Kind::Share));
    columns.push(column("Below normal, n (%)", Kind::Share));
    if arms.len() > 1 {
        columns.push(column(format!("Grade 3 or 4: risk difference ({} CI)", design.level), Kind::Estimate));
    }
    let mut grid = Grid::new("Laboratory values after baseline: grades and normal ranges", columns);
    let share = |n: u64, of: u64| Cell::Share(n, (of > 0).then(|| 100.0 * n as f64 / of as f64));
    for (code, test) in &labs.by_test {
        for arm in arms {
            let graded = test.graded_subjects.get(arm).copied().unwrap_or(0);
            let normal = test.worst_vs_normal.get(arm).copied().unwrap_or_default();
            let mut cells = vec![
                Cell::text(name(code, test)),
                Cell::text(arm.as_str()),
                Cell::Count(graded),
                share(test.grade3_4_subjects.get(arm).copied().unwrap_or(0), graded),
                Cell::Count(normal.subjects),
                share(normal.any_above_high, normal.subjects),
                share(normal.any_below_low, normal.subjects),
            ];
            if *arm != sources.safety.population.reference_arm {
                let of = test.grade3_4_vs_reference.get(arm);
                cells.push(
                    of.map_or(Cell::missing(), |c| Cell::fraction(c.risk_difference, c.rd_ci_newcombe)),
                );
            }
            grid.row(cells);
        }
    }
    for (arm, law) in &labs.hys_law {
        if let Some(n) = law.hys_law_candidates {
            grid.note(format!(
                "Hy's law candidates in {arm}: {n} of {} assessed.",
                say::counted(law.assessed as usize, "subject", "subjects")
            ));
        }
    }
    for why in labs.not_computable.values() {
        grid.note(say::sentence(why));
    }
    grid.note("CTCAE grades as recorded, the worst of either direction after baseline; percentages are of graded subjects, or of those with values. Missing values are left out.");
    Some(grid)
}

/// Mean changes from baseline by visit.
pub(in crate::publication) fn changes(sources: &Sources, design: &Design) -> Option<Grid> {
    let mut grid = Grid::new(
        "Laboratory values: mean change from baseline by visit",
        [
            words("Test"),
            words("Visit"),
            column("Arm", Kind::Label),
            column("n", Kind::Number),
            column("SD", Kind::Number),
            column(format!("Mean change ({} CI)", design.level), Kind::Estimate),
        ],
    );
    for (code, test) in &sources.safety.labs.by_test {
        for visit in &test.visits {
            for arm in &sources.safety.population.arms {
                let Some(of) = test.mean_change_by_visit.get(arm).and_then(|visits| visits.get(visit)) else {
                    continue;
                };
                grid.row([
                    Cell::text(name(code, test)),
                    Cell::text(visit.as_str()),
                    Cell::text(arm.as_str()),
                    Cell::Count(of.n),
                    Cell::figure(of.sd),
                    Cell::estimate(of.mean, of.ci),
                ]);
            }
        }
    }
    if grid.rows() == 0 {
        return None;
    }
    grid.note("Subjects with a value at baseline and at the visit; the last value of a visit counts. In the unit of the source, Student's t intervals, not adjusted for multiplicity.");
    Some(grid)
}
