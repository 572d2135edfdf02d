//! `priority_matrix.png`: how many tickets there are at each impact and urgency.

use heddle_kit::plot::{Axis, Chart as _, HeatMatrix, PlotError, Size};

use super::{Output, PrioritizedTicket};
use crate::ticket::Priority;

/// Upper ends of the bands of impact, the last one open.
const IMPACT: [(f64, &str); 4] =
    [(5.0, "below 5"), (10.0, "5 to 10"), (15.0, "10 to 15"), (f64::INFINITY, "15 and more")];
/// Upper ends of the bands of urgency, the last one open.
const URGENCY: [(f64, &str); 5] = [
    (10.0, "below 10"),
    (20.0, "10 to 20"),
    (30.0, "20 to 30"),
    (40.0, "30 to 40"),
    (f64::INFINITY, "40 and more"),
];

/// The tickets that wait or may wait; all of them where there is none.
pub(super) fn png(output: &Output) -> Result<Vec<u8>, PlotError> {
    let states = output.summary.states;
    let (all, unknown) = (states.open + states.unknown == 0, states.unknown > 0);
    let shown: Vec<&PrioritizedTicket> =
        output.prioritized_tickets.iter().filter(|t| all || t.standing.may_wait()).collect();
    let title = match (all, unknown) {
        (true, _) => "Impact and urgency of all tickets",
        (false, false) => "Impact and urgency of the tickets that wait",
        (false, true) => "Impact and urgency of the tickets that wait or may wait",
    };
    let which = if all { "None waits; all" } else { "Counts of" };
    let mut matrix = HeatMatrix::new(title)
        .subtitle(match states.unknown {
            unknown @ 1.. => format!("{which} {} tickets, with their priorities; the state of {unknown} is unknown", shown.len()),
            0 => format!("{which} {} tickets, with their priorities", shown.len()),
        })
        .note("Impact: votes, comments, similar tickets, customer tier. Urgency: criticality, SLA, category, source's priority.")
        .no_data_reason("There are no tickets.")
        .columns(if shown.is_empty() { Vec::new() } else { URGENCY.map(|band| band.1).to_vec() })
        .row_axis(Axis::new("Impact (points)"))
        .column_axis(Axis::new("Urgency (points)"));
    let mut tags = Vec::new();
    // The gravest corner is the upper right one.
    for (row, (_, name)) in IMPACT.iter().enumerate().rev().filter(|_| !shown.is_empty()) {
        let cells = URGENCY.iter().enumerate().map(|(column, _)| {
            let here = shown
                .iter()
                .filter(|t| band(t.impact, &IMPACT) == row && band(t.urgency, &URGENCY) == column);
            here.map(|t| t.priority).collect::<Vec<_>>()
        });
        let cells: Vec<Vec<Priority>> = cells.collect();
        matrix = matrix.row(*name, cells.iter().map(|cell| Some(cell.len() as f64)));
        tags.push(cells.iter().map(|cell| mix(cell)).collect());
    }
    Ok(matrix.tags(tags).render(Size::new(1200, 700))?.png)
}

fn band(points: f64, bands: &[(f64, &str)]) -> usize {
    bands.iter().position(|(end, _)| points < *end).unwrap_or(bands.len() - 1)
}

/// `3 P1, 5 P2`
fn mix(cell: &[Priority]) -> String {
    let levels = [Priority::P0, Priority::P1, Priority::P2, Priority::P3];
    let counts = levels.map(|level| (level, cell.iter().filter(|p| **p == level).count()));
    let parts: Vec<String> =
        counts.iter().filter(|(_, n)| *n > 0).map(|(level, n)| format!("{n} {level:?}")).collect();
    parts.join(", ")
}
