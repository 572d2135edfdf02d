//! The table of adverse events as CSV.

use std::fmt::Write as _;

use super::{
    compare::{Comparison, Incidence},
    summary::{Summary, by_frequency},
    tally::{Counts, Term, term},
};

/// What stands for all severities.
const ALL: &str = "ALL";

/// A text that a spreadsheet takes as text: one that it could take as a formula has an apostrophe before it (OWASP, "CSV
/// Injection").
fn text(cell: &str) -> String {
    let formula = cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        || cell.starts_with(['\t', '\r', '\n']);
    if formula { format!("'{cell}") } else { cell.to_owned() }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "n/a".to_owned(), |v| if v == 0.0 { "0".to_owned() } else { v.to_string() })
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "n/a".to_owned(), |v| format!("{v:.1}"))
}

/// The head: terms, then subjects, per cent and reports of each arm, then the comparisons of each arm with the reference.
fn head(summary: &Summary) -> Vec<String> {
    let mut head: Vec<String> =
        ["level", "soc", "pt", "severity", "subjects_all_arms"].map(str::to_owned).to_vec();
    for arm in summary.treated.reference_first() {
        let (name, n) = (&summary.treated.arms[arm], summary.treated.n(arm));
        head.extend(["subjects", "pct", "events"].map(|what| text(&format!("{name} (N={n}) {what}"))));
    }
    for arm in summary.treated.others() {
        let name = &summary.treated.arms[arm];
        head.extend(
            [
                "risk_difference",
                "rd_newcombe_low",
                "rd_newcombe_high",
                "risk_ratio",
                "rr_low",
                "rr_high",
                "number_needed",
                "fisher_p",
                "fdr_p",
            ]
            .map(|what| text(&format!("{name} vs reference {what}"))),
        );
    }
    head
}

fn compared(comparison: Option<&Comparison>) -> [String; 9] {
    let Some(c) = comparison else { return Default::default() };
    [
        c.risk_difference,
        c.rd_ci_newcombe.map(|i| i.0),
        c.rd_ci_newcombe.map(|i| i.1),
        c.risk_ratio,
        c.rr_ci.map(|i| i.0),
        c.rr_ci.map(|i| i.1),
        c.number_needed,
        c.fisher_p,
        c.fdr_p,
    ]
    .map(number)
}

/// The rows of a term: one for all severities, then one for each that occurs, from the mildest.
fn rows(
    summary: &Summary,
    level: &str,
    soc: &str,
    pt: &str,
    counts: &Counts,
    figures: &Term,
    out: &mut Vec<Vec<String>>,
) {
    let treated = &summary.treated;
    let head = |severity: &str, total: u64| {
        vec![level.to_owned(), text(soc), text(pt), text(severity), total.to_string()]
    };
    let cells = |row: &mut Vec<String>, found: &Incidence| {
        row.extend([found.subjects.to_string(), percent(found.pct), found.events.to_string()]);
    };
    let mut row = head(ALL, counts.total());
    for arm in treated.reference_first() {
        cells(&mut row, &figures.incidence.get(&treated.arms[arm]).cloned().unwrap_or_default());
    }
    for arm in treated.others() {
        row.extend(compared(figures.vs_reference.get(&treated.arms[arm])));
    }
    out.push(row);
    let mut severities: Vec<u32> = counts.severity.iter().map(|c| c.1).collect();
    severities.sort_unstable();
    severities.dedup();
    for place in severities {
        let name = summary.terms.severities.get(place as usize).map_or("", |s| s.1.as_str());
        let of = |arm: usize| {
            let cell = counts.severity.iter().find(|c| (c.0 as usize, c.1) == (arm, place));
            cell.map_or((0, 0), |c| (c.2, c.3))
        };
        let mut row = head(name, (0..treated.arms.len()).map(|arm| of(arm).0).sum());
        for arm in treated.reference_first() {
            let (subjects, events) = of(arm);
            cells(&mut row, &Incidence::of(subjects, events, treated.n(arm)));
        }
        row.extend(treated.others().flat_map(|_| compared(None)));
        out.push(row);
    }
}

/// The whole table: any event, then classes and within them terms, by descending number of subjects and then by name, each with
/// its severities. Without adverse events a row says why. RFC 4180 (a comma between cells, CRLF after rows).
///
/// # Errors
/// If a row cannot be written, which memory alone could cause.
pub(crate) fn csv(summary: &Summary, level: f64) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let head = head(summary);
    out.write_record(&head)?;
    let mut table = Vec::new();
    let metrics = &summary.metrics;
    let why = ["population", "adverse_events"].iter().find_map(|part| metrics.not_computable.get(*part));
    match why {
        Some(why) => {
            let mut row = vec!["none".to_owned(), text(why)];
            row.resize(head.len(), String::new());
            table.push(row);
        }
        None => {
            let (any, treated) = (&summary.tables.any, &summary.treated);
            let figures = term(any, treated, &summary.terms.severities, level);
            rows(summary, "any", "ANY ADVERSE EVENT", "", any, &figures, &mut table);
            terms(summary, &mut table);
        }
    }
    for row in table {
        out.write_record(&row)?;
    }
    out.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

fn terms(summary: &Summary, table: &mut Vec<Vec<String>>) {
    let (terms, tables) = (&summary.terms, &summary.tables);
    let socs = by_frequency(&tables.socs, |at| terms.socs.get(at).map_or("", String::as_str));
    let pts = by_frequency(&tables.pts, |at| terms.pts.get(at).map_or("", |(_, name)| name));
    let mut within: Vec<Vec<usize>> = vec![Vec::new(); terms.socs.len()];
    for pt in pts {
        if let Some(list) = terms.pts.get(pt).and_then(|(soc, _)| within.get_mut(*soc as usize)) {
            list.push(pt);
        }
    }
    for soc in socs {
        let (Some(name), Some(counts)) = (terms.socs.get(soc), tables.socs.get(soc)) else { continue };
        let Some(figures) = tables.by_soc.get(name) else { continue };
        rows(summary, "soc", name, "", counts, &figures.term, table);
        for pt in within.get(soc).into_iter().flatten() {
            let (Some((_, pt_name)), Some(counts)) = (terms.pts.get(*pt), tables.pts.get(*pt)) else {
                continue;
            };
            if let Some(figures) = figures.pt.get(pt_name) {
                rows(summary, "pt", name, pt_name, counts, figures, table);
            }
        }
    }
}

/// A p-value for people.
pub(crate) fn p_value(p: Option<f64>) -> String {
    match p {
        None => "n/a".to_owned(),
        Some(p) if p < 0.001 => "<0.001".to_owned(),
        Some(p) => {
            let mut out = String::new();
            let _ = write!(out, "{p:.3}");
            out
        }
    }
}
