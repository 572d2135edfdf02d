//! From drafts to tickets, and the account of what was wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use heddle_sdk::prelude::*;
use jiff::{Timestamp, tz::Offset};
use serde_json::Value;

use super::{
    OnDuplicate,
    draft::{Batch, Draft, Form, Reading},
    quality::{DataQualityReport, Duplicate, ExcludedRecord, ImpossibleDate, SourceSummary, UnreadValue},
    time::{Read, Reader, rfc3339, slash_order},
    words::{self, Masks},
};
use crate::ticket::{Status, Ticket};

/// How many ids an error names.
const SHOWN: usize = 20;

/// Settings of the normalisation.
pub(super) struct Rules {
    pub(super) as_of: Timestamp,
    pub(super) offset: Offset,
    pub(super) on_duplicate: OnDuplicate,
}

/// GitHub numbers its issues in each repository anew: with more than one repository the ids get its name in front.
pub(super) fn qualify_github_ids(batches: &mut [Batch]) {
    let github = |batch: &&mut Batch| matches!(batch.form, Form::GithubCli | Form::GithubRest);
    let mut drafts: Vec<&mut Draft> = batches
        .iter_mut()
        .filter(github)
        .flat_map(|batch| &mut batch.readings)
        .filter_map(|reading| match reading {
            Reading::Ticket(draft) => Some(draft.as_mut()),
            Reading::Excluded(_) => None,
        })
        .collect();
    let products: BTreeSet<Option<String>> = drafts.iter().map(|d| d.ticket.product.clone()).collect();
    if products.len() > 1 {
        for draft in &mut drafts {
            if let Some(product) = &draft.ticket.product {
                draft.ticket.id = format!("{product}#{}", draft.ticket.id);
            }
        }
    }
}

fn drafts(batches: &[Batch]) -> impl Iterator<Item = &Draft> {
    batches.iter().flat_map(|batch| &batch.readings).filter_map(|reading| match reading {
        Reading::Ticket(draft) => Some(draft.as_ref()),
        Reading::Excluded(_) => None,
    })
}

/// The ids that occur more than once, with their places, in the order of their first occurrence.
fn repeated(batches: &[Batch]) -> Vec<(&str, Vec<&str>)> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for draft in drafts(batches) {
        places.entry(&draft.ticket.id).or_default().push(&draft.place);
    }
    let mut seen = BTreeSet::new();
    drafts(batches)
        .filter(|draft| seen.insert(draft.ticket.id.as_str()))
        .filter_map(|draft| {
            let id = draft.ticket.id.as_str();
            places.get(id).filter(|places| places.len() > 1).map(|places| (id, places.clone()))
        })
        .collect()
}

/// The problem that repeated ids are; none if there are none.
pub(super) fn duplicate_problem(batches: &[Batch]) -> Option<Problem> {
    let repeated = repeated(batches);
    if repeated.is_empty() {
        return None;
    }
    let shown: Vec<String> = repeated
        .iter()
        .take(SHOWN)
        .map(|(id, places)| {
            let more = places.len().saturating_sub(5);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{id:?} at {}{more}", places[..places.len().min(5)].join(", "))
        })
        .collect();
    let more = repeated.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let count = repeated.len();
    let inside = repeated.iter().flat_map(|(_, places)| places).all(|place| place.starts_with('/'));
    Some(Problem::new(
        if inside { "/ticket_data" } else { "" },
        format!(
            "{count} {} more than once: {}{more}. Give each ticket an id of its own, or set on_duplicate to \
             \"keep_first\" to keep the first record of each id",
            if count == 1 { "id occurs" } else { "ids occur" },
            shown.join("; ")
        ),
    ))
}

/// Make tickets of the drafts.
///
/// # Errors
/// Repeated ids, if the rules do not allow them.
pub(super) fn normalise(
    batches: Vec<Batch>,
    rules: &Rules,
) -> Result<(Vec<Ticket>, DataQualityReport), Problem> {
    let mut report =
        DataQualityReport { utc_offset: rules.offset.to_string(), ..DataQualityReport::default() };
    if rules.on_duplicate == OnDuplicate::Error
        && let Some(problem) = duplicate_problem(&batches)
    {
        return Err(problem);
    }
    report.duplicates = repeated(&batches)
        .into_iter()
        .map(|(id, places)| Duplicate {
            id: id.to_owned(),
            kept: places[0].to_owned(),
            dropped: places[1..].iter().map(|&place| place.to_owned()).collect(),
        })
        .collect();
    report.duplicate_ids = report.duplicates.iter().map(|d| d.dropped.len()).sum();

    let mut tickets = Vec::new();
    let mut masks = Masks::default();
    let mut ids = BTreeSet::new();
    for batch in batches {
        let reader = Reader { offset: rules.offset, slash_order: order_of(&batch) };
        let zero_based = drafts(std::slice::from_ref(&batch))
            .any(|draft| draft.priority.as_deref().is_some_and(words::is_zero));
        let mut source = SourceSummary {
            name: batch.name,
            form: batch.form.name().to_owned(),
            ..SourceSummary::default()
        };
        report.notes.extend(batch.notes);
        for reading in batch.readings {
            source.records += 1;
            let excluded = match reading {
                Reading::Ticket(draft) if ids.insert(draft.ticket.id.clone()) => {
                    source.tickets += 1;
                    tickets.push(finish(*draft, &reader, zero_based, &mut masks, &mut report));
                    continue;
                }
                Reading::Ticket(draft) => ExcludedRecord {
                    position: draft.place,
                    id: Some(draft.ticket.id),
                    reason: "an earlier record has the same id (on_duplicate: keep_first)".to_owned(),
                },
                Reading::Excluded(rejected) => {
                    ExcludedRecord { position: rejected.place, id: rejected.id, reason: rejected.reason }
                }
            };
            source.excluded += 1;
            report.excluded.push(excluded);
        }
        report.n_records += source.records;
        report.sources.push(source);
    }
    report.n_tickets = tickets.len();
    report.n_excluded = report.excluded.len();
    for ticket in &mut tickets {
        if let Some(subject) = masks.text(&ticket.subject) {
            ticket.subject = subject;
        }
        if let Some(description) = masks.text(&ticket.description) {
            ticket.description = description;
        }
    }
    report.n_unparseable_dates = report.unparseable_dates.len();
    report.n_unknown_words = report.unknown_words.len();
    examine(&tickets, rules.as_of, &mut report);
    Ok((tickets, report))
}

/// The order of day and month in the numeric dates of a source.
fn order_of(batch: &Batch) -> Option<super::time::SlashOrder> {
    let batch = std::slice::from_ref(batch);
    slash_order(
        drafts(batch).flat_map(|d| [&d.created, &d.resolved, &d.first_response]).filter_map(Value::as_str),
    )
}

fn finish(
    draft: Draft,
    reader: &Reader,
    zero_based: bool,
    masks: &mut Masks,
    report: &mut DataQualityReport,
) -> Ticket {
    let Draft { mut ticket, created, resolved, first_response, status, status_hint, priority, .. } = draft;
    let mut unread =
        |list: fn(&mut DataQualityReport) -> &mut Vec<UnreadValue>, field: &str, text: String| {
            list(report).push(UnreadValue { id: ticket.id.clone(), field: field.to_owned(), text });
        };
    let mut without_zone = 0;
    let mut missing = Vec::new();
    let mut time = |field: &'static str, value: &Value| match reader.read(value) {
        Read::Missing => {
            missing.push(field);
            None
        }
        Read::At { at, zoned } => {
            without_zone += usize::from(!zoned);
            Some(rfc3339(at))
        }
        Read::Unreadable => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            unread(|r| &mut r.unparseable_dates, field, text.chars().take(80).collect());
            None
        }
    };
    let times = (
        time("created_at", &created),
        time("resolved_at", &resolved),
        time("first_response_at", &first_response),
    );
    (ticket.created_at, ticket.resolved_at, ticket.first_response_at) = times;
    match &status {
        None => missing.push("status"),
        Some(word) => {
            ticket.status = words::status(word).or(status_hint);
            if ticket.status.is_none() {
                report.unknown_words.push(UnreadValue {
                    id: ticket.id.clone(),
                    field: "status".to_owned(),
                    text: word.clone(),
                });
            }
        }
    }
    match priority.filter(|word| !words::says_none(word)) {
        None => missing.push("priority"),
        Some(word) => {
            ticket.priority = words::priority(&word, zero_based);
            if ticket.priority.is_none() {
                report.unknown_words.push(UnreadValue {
                    id: ticket.id.clone(),
                    field: "priority".to_owned(),
                    text: word.clone(),
                });
            }
            ticket.source_priority = Some(word);
        }
    }
    for field in missing {
        *report.missing.entry(field.to_owned()).or_default() += 1;
    }
    report.times_without_zone += without_zone;
    ticket.customer = ticket.customer.map(|customer| masks.customer(&customer));
    ticket
}

/// Count what the finished tickets lack and what cannot be right.
fn examine(tickets: &[Ticket], as_of: Timestamp, report: &mut DataQualityReport) {
    let as_of = rfc3339(as_of);
    for field in ["created_at", "resolved_at", "first_response_at", "status", "priority"] {
        report.missing.entry(field.to_owned()).or_default();
    }
    let count = |absent: fn(&Ticket) -> bool| tickets.iter().filter(|t| absent(t)).count();
    for (field, n) in [
        ("subject", count(|t| t.subject.is_empty())),
        ("description", count(|t| t.description.trim().is_empty())),
        ("customer_tier", count(|t| t.customer_tier.is_none())),
        ("customer", count(|t| t.customer.is_none())),
        ("product", count(|t| t.product.is_none())),
        ("assignee", count(|t| t.assignee.is_none())),
        ("satisfaction", count(|t| t.satisfaction.is_none())),
        ("category", count(|t| t.category.is_none())),
    ] {
        report.missing.insert(field.to_owned(), n);
    }
    let mut groups = [BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new()];
    for ticket in tickets {
        let names = [
            ticket.product.clone(),
            ticket.status.map(|status| word_of(&status)),
            ticket.priority.map(|priority| word_of(&priority)),
            ticket.customer_tier.clone(),
        ];
        for (group, name) in groups.iter_mut().zip(names) {
            if let Some(name) = name {
                *group.entry(name).or_insert(0) += 1;
            }
        }
        let ended = matches!(ticket.status, Some(Status::Resolved | Status::Closed));
        report.closed_without_resolved_at += usize::from(ended && ticket.resolved_at.is_none());
        let going = ticket.status.is_some() && !ended;
        report.open_with_resolved_at += usize::from(going && ticket.resolved_at.is_some());
        times(ticket, &as_of, report);
    }
    [report.by_product, report.by_status, report.by_priority, report.by_customer_tier] = groups;
    report.first_created_at = tickets.iter().filter_map(|t| t.created_at.clone()).min();
    report.last_created_at = tickets.iter().filter_map(|t| t.created_at.clone()).max();
}

/// RFC 3339 in UTC with whole seconds sorts as text.
fn times(ticket: &Ticket, as_of: &str, report: &mut DataQualityReport) {
    let mut list = |problem: &str, other: &str| {
        report.impossible_dates.push(ImpossibleDate {
            id: ticket.id.clone(),
            problem: problem.to_owned(),
            created_at: ticket.created_at.clone().unwrap_or_default(),
            other: other.to_owned(),
        });
    };
    let created = ticket.created_at.as_deref();
    let before = |time: Option<&str>| created.zip(time).is_some_and(|(created, time)| time < created);
    let (resolved, answered) = (ticket.resolved_at.as_deref(), ticket.first_response_at.as_deref());
    if before(resolved) {
        report.resolved_before_created += 1;
        list("resolved_before_created", resolved.unwrap_or_default());
    }
    if before(answered) {
        report.answered_before_created += 1;
        list("answered_before_created", answered.unwrap_or_default());
    }
    if created.is_some_and(|created| created > as_of) {
        report.created_in_future += 1;
        list("created_in_future", as_of);
    }
    if resolved.is_some_and(|resolved| resolved > as_of) {
        report.resolved_in_future += 1;
        list("resolved_in_future", resolved.unwrap_or_default());
    }
}

/// The word that serde writes for a value.
fn word_of(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
