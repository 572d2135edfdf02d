//! Jira's CSV export: a header with repeated columns, one row an issue.

use heddle_sdk::prelude::*;
use serde_json::Value;

use crate::{
    ingestion::{
        decode::Table,
        draft::{Batch, Draft, Form, Reading, one_line, unix_lines},
    },
    ticket::Ticket,
};

/// Whether the columns are those of a Jira export.
pub(super) fn is_jira(header: &[String]) -> bool {
    let has = |name: &str| header.iter().any(|h| h.eq_ignore_ascii_case(name));
    has("Issue key") || (has("Summary") && has("Issue Type") && (has("Key") || has("Issue id")))
}

/// A row with the columns by name; a name may stand for several columns.
struct Row<'a> {
    header: &'a [String],
    cells: &'a csv::StringRecord,
}

impl Row<'_> {
    /// The cells of all columns of that name that are not blank.
    fn all(&self, name: &str) -> Vec<String> {
        let cells = self.header.iter().zip(self.cells.iter());
        cells
            .filter(|(header, cell)| header.eq_ignore_ascii_case(name) && !cell.trim().is_empty())
            .map(|(_, cell)| cell.trim().to_owned())
            .collect()
    }

    fn one(&self, name: &str) -> Option<String> {
        self.all(name).into_iter().next()
    }

    /// A field of Jira's own, or the custom field that an administrator made of it.
    fn custom(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.one(name).or_else(|| self.one(&format!("Custom field ({name})"))))
    }

    fn has(&self, name: &str) -> bool {
        self.header.iter().any(|h| h.eq_ignore_ascii_case(name))
    }
}

/// Read the rows. A row with more or fewer cells than the header is left out with its reason: a cell would be taken for
/// another.
///
/// # Errors
/// If there is no row at all.
pub(super) fn read(name: &str, table: &Table) -> Result<Batch, Vec<Problem>> {
    if table.rows.is_empty() {
        let message = format!(
            "{name} has a header and no row: give at least one ticket, or check the filter of the export"
        );
        return Err(vec![Problem::new("", message)]);
    }
    let mut readings = Vec::new();
    for (line, cells) in &table.rows {
        let place = format!("{name} line {line}");
        if cells.len() != table.header.len() {
            let reason = format!(
                "the row has {} cells, and the header {}: a quotation mark may be missing, or the file be cut off",
                cells.len(),
                table.header.len()
            );
            readings.push(Reading::excluded(place, None, reason));
            continue;
        }
        let row = Row { header: &table.header, cells };
        readings.push(Reading::of(draft(place, &row), "the column Issue key is blank"));
    }
    Ok(Batch { name: name.to_owned(), form: Form::JiraCsv, readings, notes: Vec::new() })
}

fn draft(place: String, row: &Row<'_>) -> Draft {
    let mut labels: Vec<String> =
        row.all("Labels").iter().flat_map(|cell| cell.split_whitespace()).map(str::to_owned).collect();
    let components =
        row.all("Component/s").into_iter().chain(row.all("Components")).chain(row.all("Component"));
    labels.extend(components.map(|component| format!("component:{component}")));
    let comments = (row.has("Comment") || row.has("Comments"))
        .then(|| (row.all("Comment").len() + row.all("Comments").len()) as u64);
    let cell = |text: Option<String>| text.map_or(Value::Null, Value::String);
    let ticket = Ticket {
        id: row
            .one("Issue key")
            .or_else(|| row.one("Key"))
            .or_else(|| row.one("Issue id"))
            .unwrap_or_default(),
        customer_tier: row.custom(&["Customer tier", "Customer Tier", "Tier", "Support tier"]),
        customer: row.one("Reporter").or_else(|| row.one("Creator")),
        product: row.one("Project name").or_else(|| row.one("Project")).or_else(|| row.one("Project key")),
        subject: one_line(&row.one("Summary").unwrap_or_default()),
        description: unix_lines(&row.one("Description").unwrap_or_default()),
        comments,
        votes: row.one("Votes").and_then(|votes| votes.parse().ok()),
        assignee: row.one("Assignee"),
        satisfaction: row
            .custom(&["Satisfaction rating", "Satisfaction", "CSAT"])
            .and_then(|score| score.parse().ok())
            .filter(|score: &f64| score.is_finite()),
        category: row.one("Issue Type"),
        labels,
        ..Ticket::default()
    };
    Draft {
        place,
        ticket,
        created: cell(row.one("Created")),
        resolved: cell(row.one("Resolved").or_else(|| row.one("Resolution date"))),
        first_response: cell(row.custom(&["First response at", "First response"])),
        status: row.one("Status"),
        status_hint: match row.one("Status Category").as_deref() {
            Some("To Do") => Some(crate::ticket::Status::Open),
            Some("In Progress") => Some(crate::ticket::Status::InProgress),
            Some("Done") => Some(crate::ticket::Status::Closed),
            _ => None,
        },
        priority: row.one("Priority"),
    }
}
