//! Our own form: objects (or CSV columns) named like the fields of [`Ticket`].

use std::collections::BTreeSet;

use heddle_sdk::prelude::*;
use serde_json::{Map, Value};

use crate::{
    ingestion::{
        decode::Table,
        draft::{Batch, Draft, Fields, Form, Located, Reading, one_line},
    },
    ticket::Ticket,
};

/// The fields besides `id`. `title`, `body`, `closed_at` and `tags` are read as `subject`, `description`,
/// `resolved_at` and `labels`.
const FIELDS: [&str; 21] = [
    "created_at",
    "resolved_at",
    "closed_at",
    "first_response_at",
    "status",
    "priority",
    "customer_tier",
    "customer",
    "product",
    "subject",
    "title",
    "description",
    "body",
    "comments",
    "votes",
    "assignee",
    "satisfaction",
    "category",
    "labels",
    "tags",
    "state",
];

/// Whether the keys are those of our form: an id and one field at least, or three fields.
pub(super) fn is_own(keys: &BTreeSet<&str>) -> bool {
    let known = FIELDS.iter().filter(|field| keys.contains(*field)).count();
    (keys.contains("id") && known >= 1) || known >= 3
}

/// Whether the columns are those of our form.
pub(super) fn is_own_header(header: &[String]) -> bool {
    let lower: Vec<String> = header.iter().map(|h| column(h)).collect();
    let keys: BTreeSet<&str> = lower.iter().map(String::as_str).collect();
    keys.contains("id") && FIELDS.iter().filter(|field| keys.contains(*field)).count() >= 2
}

fn column(header: &str) -> String {
    header.trim().to_lowercase().replace([' ', '-'], "_")
}

/// Read records.
///
/// # Errors
/// Fields of wrong types, each with its path.
pub(super) fn read(name: &str, records: &[Located<'_>]) -> Result<Batch, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut readings = Vec::new();
    for record in records {
        if let Some(object) = record.value.as_object() {
            readings
                .push(Reading::of(draft(&record.place, object, &mut problems), "the field id is missing"));
        }
    }
    if problems.is_empty() {
        Ok(Batch { name: name.to_owned(), form: Form::Own, readings, notes: Vec::new() })
    } else {
        Err(problems)
    }
}

/// Read a CSV table. Several labels stand in one cell, separated by commas or semicolons.
///
/// # Errors
/// Cells that must be numbers and are not, each with its line.
pub(super) fn read_table(name: &str, table: &Table) -> Result<Batch, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut readings = Vec::new();
    for (line, row) in &table.rows {
        let place = format!("{name} line {line}");
        if row.len() != table.header.len() {
            let reason = format!("the row has {} cells, and the header {}", row.len(), table.header.len());
            readings.push(Reading::excluded(place, None, reason));
            continue;
        }
        let mut object = Map::new();
        for (header, cell) in table.header.iter().zip(row.iter()) {
            let key = column(header);
            let value = if matches!(key.as_str(), "labels" | "tags") {
                let labels = cell.split([',', ';']).map(str::trim).filter(|l| !l.is_empty());
                Value::Array(labels.map(|l| Value::String(l.to_owned())).collect())
            } else {
                Value::String(cell.to_owned())
            };
            object.insert(key, value);
        }
        readings.push(Reading::of(draft(&place, &object, &mut problems), "the column id is blank"));
    }
    if problems.is_empty() {
        Ok(Batch { name: name.to_owned(), form: Form::OwnCsv, readings, notes: Vec::new() })
    } else {
        Err(problems)
    }
}

fn draft(place: &str, object: &Map<String, Value>, problems: &mut Vec<Problem>) -> Draft {
    let mut fields = Fields { place, object, problems };
    let mut labels = fields.list("labels");
    if labels.is_empty() {
        labels = fields.list("tags");
    }
    let ticket = Ticket {
        id: fields.text("id").unwrap_or_default(),
        customer_tier: fields.text("customer_tier"),
        customer: fields.text("customer"),
        product: fields.text("product"),
        subject: one_line(&fields.text_of(&["subject", "title"]).unwrap_or_default()),
        description: fields.lines_of(&["description", "body"]),
        comments: fields.count("comments"),
        votes: fields.count("votes"),
        assignee: fields.text("assignee"),
        satisfaction: fields.number("satisfaction"),
        category: fields.text("category"),
        labels,
        ..Ticket::default()
    };
    let resolved = match fields.raw("resolved_at") {
        Value::Null => fields.raw("closed_at"),
        value => value,
    };
    Draft {
        place: place.to_owned(),
        ticket,
        created: fields.raw("created_at"),
        resolved,
        first_response: fields.raw("first_response_at"),
        status: fields.text_of(&["status", "state"]),
        status_hint: None,
        priority: fields.text("priority"),
    }
}
