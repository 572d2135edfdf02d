//! The forms that tickets come in: recognised by their keys, read one module each.

mod github;
mod jira;
mod jira_csv;
mod own;
mod zendesk;

use std::collections::BTreeSet;

use heddle_sdk::prelude::*;
use serde_json::{Map, Value};

use super::{
    decode,
    draft::{Batch, Form, Located, kind_of, problem_at},
};

/// What is accepted, for error messages.
const ACCEPTED: &str = "Accepted are: an array of objects with id, created_at, subject, description …; \
    `gh issue list --json number,title,body,state,createdAt,closedAt,labels,author`; GitHub's REST API; \
    a Jira CSV export; a Jira REST search result ({\"issues\": […]}); Zendesk tickets ({\"tickets\": […]} or one a line)";

/// The keys of the run's input besides the tickets; in an uploaded file they are of no effect.
const RUN_KEYS: [&str; 7] =
    ["categories", "as_of", "sla_policy", "knowledge_base", "teams", "forecast", "on_duplicate"];

/// Read the run's `ticket_data`.
///
/// # Errors
/// Everything that is wrong with it, each with its JSON Pointer.
pub(super) fn read_value(value: &Value) -> Result<Batch, Vec<Problem>> {
    let mut found = Found::default();
    let name = "ticket_data";
    found.collect("/ticket_data", value).map_err(|problem| vec![problem])?;
    read_records(name, &found)
}

/// Read an uploaded file.
///
/// # Errors
/// Everything that is wrong with it, each with its place in the file.
pub(super) fn read_file(name: &str, bytes: &[u8]) -> Result<Batch, Vec<Problem>> {
    let one = |problem| vec![problem];
    let text = decode::text(name, bytes).map_err(one)?;
    let text = text.as_ref();
    let begin = text.trim_start();
    if begin.is_empty() {
        return Err(one(Problem::new(
            "",
            format!("{name} is empty: give an export with at least one ticket"),
        )));
    }
    if !begin.starts_with(['{', '[']) && !name.to_lowercase().ends_with(".json") {
        return read_table(name, text);
    }
    let values = decode::json(name, text).map_err(one)?;
    let mut found = Found::default();
    let several = values.len() > 1;
    for (line, value) in &values {
        let place = if several { format!("{name} line {line} ") } else { format!("{name}#") };
        found.collect(&place, value).map_err(one)?;
    }
    read_records(name, &found)
}

fn read_table(name: &str, text: &str) -> Result<Batch, Vec<Problem>> {
    let table = decode::table(name, text).map_err(|problem| vec![problem])?;
    if jira_csv::is_jira(&table.header) {
        return jira_csv::read(name, &table);
    }
    if own::is_own_header(&table.header) {
        return own::read_table(name, &table);
    }
    let header: Vec<String> = table.header.iter().take(20).map(|h| shorten(h, 40)).collect();
    let message = format!(
        "{name}: the form is not known. Seen: text that is no JSON, whose first line read as a CSV header is {header:?}. {ACCEPTED}"
    );
    Err(vec![Problem::new("", message)])
}

/// The records of a document, taken out of their envelope.
#[derive(Default)]
struct Found<'v> {
    records: Vec<Located<'v>>,
    /// What the envelopes say besides: Zendesk's side-loaded users, a source's name.
    envelope: Map<String, Value>,
    notes: Vec<String>,
}

impl<'v> Found<'v> {
    fn collect(&mut self, place: &str, value: &'v Value) -> Result<(), Problem> {
        match value {
            Value::Array(items) => self.items(place, items, true),
            Value::Object(object) => {
                for key in ["ticket_data", "issues", "tickets", "items"] {
                    if let Some(Value::Array(items)) = object.get(key) {
                        self.items(&format!("{place}/{key}"), items, true);
                        self.keep_envelope(place, key, object);
                        return Ok(());
                    }
                }
                if let Some(ticket @ Value::Object(_)) = object.get("ticket") {
                    self.records.push(Located { place: format!("{place}/ticket"), value: ticket });
                    self.keep_envelope(place, "ticket", object);
                    return Ok(());
                }
                self.records.push(Located { place: place.to_owned(), value });
            }
            other => {
                return Err(problem_at(
                    place,
                    format!("tickets are expected, and this is {}. {ACCEPTED}", kind_of(other)),
                ));
            }
        }
        Ok(())
    }

    fn items(&mut self, place: &str, items: &'v [Value], outer: bool) {
        for (index, value) in items.iter().enumerate() {
            let place = format!("{place}/{index}");
            match value {
                // `gh api --paginate --slurp` puts pages into an array of arrays.
                Value::Array(page) if outer => self.items(&place, page, false),
                value => self.records.push(Located { place, value }),
            }
        }
    }

    fn keep_envelope(&mut self, place: &str, taken: &str, object: &Map<String, Value>) {
        for (key, value) in object.iter().filter(|(key, _)| *key != taken) {
            if taken == "ticket_data" && RUN_KEYS.contains(&key.as_str()) {
                self.notes.push(format!(
                    "{place}/{key} has no effect in an uploaded file: give it as {key} of the run's input"
                ));
                continue;
            }
            match (self.envelope.get_mut(key), value) {
                (Some(Value::Array(old)), Value::Array(new)) => old.extend(new.iter().cloned()),
                (_, value) => {
                    self.envelope.insert(key.clone(), value.clone());
                }
            }
        }
    }
}

fn read_records(name: &str, found: &Found<'_>) -> Result<Batch, Vec<Problem>> {
    let Found { records, envelope, notes } = found;
    let place = if name == "ticket_data" { "/ticket_data" } else { name };
    if records.is_empty() {
        return Err(vec![problem_at(
            place,
            "there is no ticket in it (the array is empty): give at least one ticket, or check the filter of the export",
        )]);
    }
    let wrong = records.iter().filter(|record| !record.value.is_object());
    let problems: Vec<Problem> = wrong
        .map(|record| {
            let kind = kind_of(record.value);
            problem_at(&record.place, format!("a ticket must be an object, and this is {kind}"))
        })
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let Some(form) = recognise(records) else {
        return Err(vec![problem_at(place, unknown(records, envelope))]);
    };
    let mut batch = match form {
        Form::Own | Form::OwnCsv => own::read(name, records),
        Form::GithubCli | Form::GithubRest => github::read(name, form, records),
        Form::JiraJson | Form::JiraCsv => jira::read(name, records),
        Form::Zendesk => zendesk::read(name, records, envelope),
    }?;
    batch.notes.extend(notes.iter().cloned());
    Ok(batch)
}

fn keys_of<'r>(records: &'r [Located<'_>]) -> BTreeSet<&'r str> {
    records
        .iter()
        .take(50)
        .filter_map(|r| r.value.as_object())
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect()
}

/// The form whose own keys the first records have.
fn recognise(records: &[Located<'_>]) -> Option<Form> {
    let keys = keys_of(records);
    let any = |wanted: &[&str]| wanted.iter().any(|key| keys.contains(key));
    let fields = records.iter().take(50).any(|r| r.value.get("fields").is_some_and(Value::is_object));
    if fields {
        Some(Form::JiraJson)
    } else if keys.contains("number")
        && any(&["created_at", "html_url", "node_id", "user", "author_association"])
    {
        Some(Form::GithubRest)
    } else if any(&["createdAt", "closedAt", "updatedAt", "stateReason"])
        || (keys.contains("number") && any(&["title", "body", "state", "labels", "author"]))
        || (!keys.contains("id") && keys.contains("title") && any(&["body", "url"]))
    {
        Some(Form::GithubCli)
    } else if any(&[
        "requester_id",
        "submitter_id",
        "satisfaction_rating",
        "metric_set",
        "brand_id",
        "raw_subject",
    ]) {
        Some(Form::Zendesk)
    } else if own::is_own(&keys) {
        Some(Form::Own)
    } else {
        None
    }
}

fn unknown(records: &[Located<'_>], envelope: &Map<String, Value>) -> String {
    let list = |keys: Vec<&str>| {
        let shown: Vec<String> = keys.iter().take(20).map(|key| shorten(key, 40)).collect();
        if shown.is_empty() { "no keys".to_owned() } else { format!("the keys {}", shown.join(", ")) }
    };
    let count = records.len();
    let records = format!(
        "{count} {} with {}",
        if count == 1 { "object" } else { "objects" },
        list(keys_of(records).into_iter().collect())
    );
    let around = if envelope.is_empty() {
        String::new()
    } else {
        format!(", in an object with {}", list(envelope.keys().map(String::as_str).collect()))
    };
    format!("the form is not known. Seen: {records}{around}. {ACCEPTED}")
}

fn shorten(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        text.to_owned()
    } else {
        text.chars().take(length).chain(std::iter::once('…')).collect()
    }
}
