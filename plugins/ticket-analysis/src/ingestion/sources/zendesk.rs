//! Zendesk's tickets: the API's pages, arrays, or one ticket a line, with metric sets and users where they are there.

use std::collections::BTreeMap;

use heddle_sdk::prelude::*;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::{
    ingestion::draft::{Batch, Draft, Fields, Form, Located, Reading, name_of, one_line},
    ticket::Ticket,
};

/// Names of people and things by id, from the API's side-loads.
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(envelope: &Map<String, Value>, kind: &str) -> Self {
        let items = envelope.get(kind).and_then(Value::as_array).into_iter().flatten();
        Self(items.filter_map(|item| Some((name_of(item.get("id")?)?, named(item)?))).collect())
    }

    fn get(&self, id: Option<&Value>) -> Option<String> {
        let id = name_of(id?)?;
        self.0.get(&id).cloned()
    }
}

/// A mail address tells a customer better than a name that several may have.
fn named(item: &Value) -> Option<String> {
    item.get("email").and_then(name_of).or_else(|| name_of(item))
}

/// Read tickets.
///
/// # Errors
/// Fields of wrong types, each with its path.
pub(super) fn read(
    name: &str,
    records: &[Located<'_>],
    envelope: &Map<String, Value>,
) -> Result<Batch, Vec<Problem>> {
    let side = ["users", "groups", "brands", "organizations"].map(|kind| Names::of(envelope, kind));
    let metrics: BTreeMap<String, &Value> = envelope
        .get("metric_sets")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|set| Some((name_of(set.get("ticket_id")?)?, set)))
        .collect();
    let mut problems = Vec::new();
    let mut readings = Vec::new();
    let mut without_solved = 0;
    for record in records {
        let Some(object) = record.value.as_object() else { continue };
        let draft = draft(&record.place, object, &side, &metrics, &mut problems);
        let ended = matches!(draft.status.as_deref(), Some("solved" | "closed"));
        without_solved += usize::from(ended && draft.resolved.is_null());
        readings.push(Reading::of(draft, "the field id is missing"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut notes = Vec::new();
    if without_solved > 0 {
        notes.push(format!(
            "{name}: {without_solved} solved or closed tickets have no metric set, so that the time of their solution is \
             not known (updated_at is not it); export with include=metric_sets"
        ));
    }
    if records.iter().any(|r| score(r.value).is_some()) {
        notes.push(format!("{name}: the satisfaction ratings good and bad are counted as 1 and 0"));
    }
    Ok(Batch { name: name.to_owned(), form: Form::Zendesk, readings, notes })
}

fn draft(
    place: &str,
    object: &Map<String, Value>,
    [users, groups, brands, organisations]: &[Names; 4],
    metrics: &BTreeMap<String, &Value>,
    problems: &mut Vec<Problem>,
) -> Draft {
    let mut fields = Fields { place, object, problems };
    let id = fields.text("id").unwrap_or_default();
    let metric = object.get("metric_set").filter(|m| m.is_object()).or_else(|| metrics.get(&id).copied());
    let requester = object
        .get("requester")
        .and_then(named)
        .or_else(|| users.get(object.get("requester_id")))
        .or_else(|| fields.text("requester_id").map(|id| format!("requester {id}")));
    let assignee = object
        .get("assignee")
        .and_then(name_of)
        .or_else(|| users.get(object.get("assignee_id")))
        .or_else(|| fields.text("assignee_id").map(|id| format!("agent {id}")))
        .or_else(|| groups.get(object.get("group_id")).map(|group| format!("group {group}")));
    let mut labels = fields.list("tags");
    if let Some(organisation) = organisations.get(object.get("organization_id")) {
        labels.push(format!("organization:{organisation}"));
    }
    let ticket = Ticket {
        customer: requester,
        customer_tier: fields.text("customer_tier"),
        product: object.get("brand").and_then(name_of).or_else(|| brands.get(object.get("brand_id"))),
        subject: one_line(&fields.text_of(&["subject", "raw_subject"]).unwrap_or_default()),
        description: fields.lines_of(&["description"]),
        comments: fields.count("comment_count").or_else(|| fields.count("comments")),
        assignee,
        satisfaction: object.get("satisfaction_rating").and_then(|_| score(&Value::Object(object.clone()))),
        category: fields.text("type"),
        labels,
        id,
        ..Ticket::default()
    };
    Draft {
        place: place.to_owned(),
        ticket,
        created: fields.raw("created_at"),
        resolved: metric
            .and_then(|m| m.get("solved_at"))
            .or_else(|| object.get("solved_at"))
            .cloned()
            .unwrap_or(Value::Null),
        first_response: first_reply(object, metric),
        status: fields.text("status"),
        status_hint: None,
        priority: fields.text("priority"),
    }
}

/// Good is 1, bad is 0; offered and not yet given is none.
fn score(ticket: &Value) -> Option<f64> {
    match ticket.get("satisfaction_rating")?.get("score")? {
        Value::Number(number) => number.as_f64(),
        Value::String(word) if word.starts_with("good") => Some(1.0),
        Value::String(word) if word.starts_with("bad") => Some(0.0),
        _ => None,
    }
}

/// The creation plus the metric set's calendar minutes to the first reply.
fn first_reply(object: &Map<String, Value>, metric: Option<&Value>) -> Value {
    let reply = || {
        let metric = metric?;
        if let Some(seconds) = metric.get("reply_time_in_seconds").and_then(|t| t.get("calendar")) {
            return seconds.as_i64();
        }
        metric.get("reply_time_in_minutes")?.get("calendar")?.as_i64()?.checked_mul(60)
    };
    let at = || {
        let created: Timestamp = object.get("created_at")?.as_str()?.parse().ok()?;
        created.checked_add(SignedDuration::from_secs(reply()?)).ok()
    };
    at().map_or(Value::Null, |at| Value::String(at.to_string()))
}
