//! `ingestion_report.md`: the data-quality report for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::quality::DataQualityReport;
use crate::ticket::{Entities, StructuredTickets};

/// How many rows a table of single findings shows; `tickets_structured.json` has them all.
const ROWS: usize = 50;
/// How many of the most frequent entities are shown.
const TOP: usize = 15;

/// The report.
pub(super) fn markdown(structured: &StructuredTickets, quality: &DataQualityReport) -> String {
    let mut out = String::from("# Ticket ingestion\n\n");
    let period = match (&quality.first_created_at, &quality.last_created_at) {
        (Some(first), Some(last)) => format!(", created from {first} to {last}"),
        _ => String::new(),
    };
    let _ = writeln!(
        out,
        "Source: {}. Looked at as of {}.\n\n{} records were read: {} tickets{period}; {} left out.\n",
        cell(&structured.source),
        structured.as_of,
        quality.n_records,
        quality.n_tickets,
        quality.n_excluded
    );
    let sources = quality.sources.iter().map(|s| {
        vec![
            s.name.clone(),
            s.form.clone(),
            s.records.to_string(),
            s.tickets.to_string(),
            s.excluded.to_string(),
        ]
    });
    table(&mut out, &["Source", "Read as", "Records", "Tickets", "Left out"], sources.collect());
    if !quality.notes.is_empty() {
        out.push_str("## Notes on the sources\n\n");
        for note in &quality.notes {
            let _ = writeln!(out, "- {}", cell(note));
        }
        out.push('\n');
    }
    out.push_str("## Completeness\n\n");
    let missing = quality.missing.iter().map(|(field, &n)| {
        vec![field.clone(), (quality.n_tickets - n).to_string(), n.to_string(), share(n, quality.n_tickets)]
    });
    table(&mut out, &["Field", "Present", "Missing", "Missing, share"], missing.collect());
    out.push_str(
        "A time or word that the source has and that could not be read counts as present here and is listed below.\n\n",
    );
    checks(&mut out, quality);
    findings(&mut out, quality);
    for (title, groups) in [
        ("Product", &quality.by_product),
        ("Status", &quality.by_status),
        ("Priority in the source", &quality.by_priority),
        ("Customer tier", &quality.by_customer_tier),
    ] {
        if groups.is_empty() {
            continue;
        }
        let _ = writeln!(out, "## Tickets by {}\n", title.to_lowercase());
        let mut rows: Vec<_> = groups.iter().collect();
        rows.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let shown = rows.iter().take(ROWS);
        let rows = shown.map(|(name, n)| vec![(*name).clone(), n.to_string(), share(**n, quality.n_tickets)]);
        table(&mut out, &[title, "Tickets", "Share"], rows.collect());
        more(&mut out, groups.len());
    }
    entities(&mut out, &structured.extracted_entities);
    out.push_str("---\n\nComposed from the computed figures by a template; no model was asked.\n");
    out
}

fn checks(out: &mut String, quality: &DataQualityReport) {
    out.push_str("## Checks\n\n");
    let rows = [
        ("Records with the id of an earlier record", quality.duplicate_ids),
        ("Resolved before created", quality.resolved_before_created),
        ("First answered before created", quality.answered_before_created),
        ("Created after the as-of time", quality.created_in_future),
        ("Resolved after the as-of time", quality.resolved_in_future),
        ("Resolved or closed without a time of resolution", quality.closed_without_resolved_at),
        ("Neither resolved nor closed, with a time of resolution", quality.open_with_resolved_at),
        ("Times that could not be read", quality.unparseable_dates.len()),
        ("Unknown words for status or priority", quality.unknown_words.len()),
    ];
    table(
        out,
        &["Check", "Found"],
        rows.iter().map(|(name, n)| vec![(*name).to_owned(), n.to_string()]).collect(),
    );
    if quality.times_without_zone > 0 {
        let _ = writeln!(
            out,
            "{} times name no zone; they were read at the offset {} from UTC (`utc_offset` of the input changes it).\n",
            quality.times_without_zone, quality.utc_offset
        );
    }
}

fn findings(out: &mut String, quality: &DataQualityReport) {
    let dates = quality
        .impossible_dates
        .iter()
        .map(|d| vec![d.id.clone(), d.problem.replace('_', " "), d.created_at.clone(), d.other.clone()]);
    section(out, "Impossible times", &["Ticket", "Problem", "Created", "Against"], dates.collect());
    let unread = |list: &[super::UnreadValue]| -> Vec<Vec<String>> {
        list.iter().map(|u| vec![u.id.clone(), u.field.clone(), u.text.clone()]).collect()
    };
    section(
        out,
        "Times that could not be read",
        &["Ticket", "Field", "Text"],
        unread(&quality.unparseable_dates),
    );
    section(out, "Unknown words", &["Ticket", "Field", "Word"], unread(&quality.unknown_words));
    let doubles = quality.duplicates.iter().map(|d| vec![d.id.clone(), d.kept.clone(), d.dropped.join(", ")]);
    section(out, "Repeated ids", &["Id", "Kept", "Left out"], doubles.collect());
    let excluded = quality
        .excluded
        .iter()
        .map(|e| vec![e.position.clone(), e.id.clone().unwrap_or_default(), e.reason.clone()]);
    section(out, "Records left out", &["Where", "Id", "Reason"], excluded.collect());
}

/// One of the lists of a ticket's entities.
type Pick = fn(&Entities) -> &Vec<String>;

fn entities(out: &mut String, entities: &[Entities]) {
    out.push_str("## What the texts speak of\n\n");
    let kinds: [(&str, Pick); 5] = [
        ("Product and feature words", |e| &e.features),
        ("Error messages", |e| &e.error_messages),
        ("User actions", |e| &e.user_actions),
        ("Severity signs", |e| &e.severity_signs),
        ("Versions", |e| &e.versions),
    ];
    let rows = kinds.iter().map(|(name, list)| {
        let with = entities.iter().filter(|e| !list(e).is_empty()).count();
        vec![(*name).to_owned(), with.to_string(), share(with, entities.len())]
    });
    table(out, &["Found", "Tickets with it", "Share"], rows.collect());
    for (title, list) in [kinds[0], kinds[3], kinds[4]] {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        entities.iter().flat_map(list).for_each(|text| *counts.entry(text).or_default() += 1);
        let mut counts: Vec<_> = counts.into_iter().filter(|&(_, n)| n > 1).collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let rows = counts.iter().take(TOP).map(|(text, n)| vec![(*text).to_owned(), n.to_string()]);
        section(out, &format!("{title}: the most frequent"), &["Text", "Tickets"], rows.collect());
    }
}

fn section(out: &mut String, title: &str, header: &[&str], mut rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "### {title}\n");
    let count = rows.len();
    rows.truncate(ROWS);
    table(out, header, rows);
    more(out, count);
}

fn more(out: &mut String, count: usize) {
    if count > ROWS {
        let _ = writeln!(out, "And {} more: `tickets_structured.json` has them all.\n", count - ROWS);
    }
}

fn table(out: &mut String, header: &[&str], rows: Vec<Vec<String>>) {
    let _ = writeln!(out, "| {} |\n|{}", header.join(" | "), " --- |".repeat(header.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out.push('\n');
}

/// Text of a source in a table's cell: one line, and nothing that Markdown or HTML would act on.
fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '|' | '`' | '*' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

fn share(part: usize, whole: usize) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}
