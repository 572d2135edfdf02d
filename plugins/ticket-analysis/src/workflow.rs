//! The workflow `ticket_analysis`: its steps, and the schema of a run's input.

use heddle_sdk::prelude::*;
use serde_json::{Value, json};

use crate::{analytics::predictions::Horizon, ingestion::MOST_RECORDS};

/// A local time of a day, up to its end.
const TIME: &str = "^([01]?[0-9]|2[0-3]):[0-5][0-9]$|^24:00$";

/// The workflows that the plugin ships.
pub(crate) fn all() -> Vec<Workflow> {
    let phase = |name: &str| format!("ticket-analysis/{name}");
    vec![Workflow {
        display_name: "Ticket analysis".to_owned(),
        description:
            "Structures support and bug tickets, sorts, ranks and answers them, and shows where things stand."
                .to_owned(),
        input_schema: input_schema(),
        files: Some(FilesSpec {
            accept: [".json", ".jsonl", ".ndjson", ".csv"].map(str::to_owned).to_vec(),
            description: "Exports of GitHub (gh issue list --json, or the REST API), Jira (CSV or JSON) or Zendesk (JSON, or JSON \
                          lines); tickets in our own form as JSON or CSV. Several at once are read together."
                .to_owned(),
        }),
        steps: vec![
            Step::phase("ticket_ingestion", phase("ticket_ingestion")),
            Step::phase("categorization", phase("categorization"))
                .after("ticket_ingestion")
                .map("categories", "input.categories"),
            Step::phase("priority_scoring", phase("priority_scoring"))
                .after("categorization")
                .map("sla_policy", "input.sla_policy")
                .map("teams", "input.teams"),
            Step::phase("solution_generation", phase("solution_generation"))
                .after("priority_scoring")
                .map("knowledge_base", "input.knowledge_base"),
            Step::phase("analytics_dashboard", phase("analytics_dashboard"))
                .after("priority_scoring")
                .map("sla_policy", "input.sla_policy")
                .map("teams", "input.teams")
                .map("forecast", "input.forecast"),
        ],
        ..Workflow::new("ticket_analysis")
    }]
}

/// The schema of a run's input. What can be said by a schema is said here and not only by the phases' `validate`: the
/// schema finds all mistakes at once, and also where the tickets come in files. `ticket_data` is not required, because uploaded files may stand in for it; the phase
/// `ticket_ingestion` says what is missing where there are neither. Keys of tickets that are not named here are
/// allowed: other trackers' records are recognised by theirs.
fn input_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ticket analysis",
        "type": "object",
        "properties": {
            "ticket_data": {
                "description": format!("The tickets: an array of objects, or a Jira search result ({{\"issues\": […]}}) or \
                    Zendesk page ({{\"tickets\": […]}}). Records of gh issue list --json, GitHub's REST API, Jira and Zendesk \
                    are recognised by their keys. At most {MOST_RECORDS} tickets and 32 MiB; files may have 64 MiB. May be \
                    absent where files are uploaded."),
                "type": ["array", "object", "null"],
                "items": ticket(),
            },
            "source": {
                "description": "Where the tickets come from, in words; shown in the reports.",
                "type": ["string", "null"],
            },
            "as_of": time("The moment as of which the tickets are looked at: open tickets are as old as this says. Absent, \
                the time at which the run started."),
            "utc_offset": {
                "description": "Offset from UTC of times that name no zone, such as those of Jira's CSV export. Absent, UTC.",
                "type": ["string", "null"],
                "pattern": r"^(Z|z|UTC|[+-](0[0-9]|1[0-4]):?[0-5][0-9])$",
                "examples": ["+02:00", "Z"],
            },
            "on_duplicate": {
                "description": "What to do with ids that occur more than once: error names them all; keep_first keeps the \
                    first record of each and lists the others as left out.",
                "enum": ["error", "keep_first"],
                "default": "error",
            },
            "categories": {
                "description": "The categories to sort the tickets into. Absent, those that the plugin knows (bug, feature \
                    request, question and so on), or those that tickets state in category.",
                "type": ["array", "null"],
                "items": { "type": "string", "minLength": 1 },
                "examples": [["bug", "feature", "question"]],
            },
            "sla_policy": sla_policy(),
            "knowledge_base": {
                "description": "Articles that solutions and drafts of replies may point to.",
                "type": ["array", "null"],
                "items": article(),
            },
            "teams": {
                "description": "Who tickets can be routed to. Absent, they are routed by component or product area.",
                "type": ["array", "null"],
                "items": team(),
            },
            "forecast": {
                "description": "How far ahead the number of new tickets is forecast.",
                "type": ["object", "null"],
                "properties": {
                    "weeks_ahead": {
                        "description": "Weeks, from Monday to Sunday in UTC.",
                        "type": "integer",
                        "minimum": 1,
                        "maximum": Horizon::MOST_WEEKS,
                    },
                    "days_ahead": {
                        "description": "Days in UTC.",
                        "type": "integer",
                        "minimum": 1,
                        "maximum": Horizon::MOST_DAYS,
                    },
                },
            },
        },
    })
}

fn time(description: &str) -> Value {
    json!({
        "description": format!("{description} RFC 3339, a date, or seconds or milliseconds since 1970."),
        "type": ["string", "number", "null"],
        "examples": ["2024-09-30T08:15:00Z"],
    })
}

fn text(description: &str) -> Value {
    json!({ "description": description, "type": ["string", "number", "null"] })
}

/// Types are as wide as the trackers' own records need: GitHub has objects where we have names.
fn ticket() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": { "description": "Unique among the tickets. GitHub: number; Jira: key.", "type": ["string", "number"] },
            "created_at": time("When it was opened."),
            "resolved_at": time("When it was resolved; null while it is not."),
            "first_response_at": time("When somebody of the team first answered."),
            "status": text("Any tracker's word: open, in progress, pending, resolved, closed …"),
            "priority": text("Any tracker's word, P0 to P4, or a number."),
            "customer_tier": text("Kind of customer: a key of sla_policy."),
            "customer": text("Who asked. Mail addresses are masked."),
            "product": text("Product or repository."),
            "subject": text("One line."),
            "description": { "description": "The text. Jira: a text or an Atlassian document.", "type": ["string", "object", "null"] },
            "comments": { "description": "Number of comments, or the comments.", "type": ["integer", "string", "array", "null"] },
            "votes": { "description": "Number of votes.", "type": ["integer", "string", "object", "null"] },
            "assignee": { "description": "Who works on it.", "type": ["string", "number", "object", "null"] },
            "satisfaction": { "description": "Score that the customer gave.", "type": ["number", "string", "null"] },
            "category": text("The ticket's category, where it is known: a label to learn from."),
            "labels": { "description": "Labels or tags.", "type": ["array", "string", "null"] },
        },
        "additionalProperties": true,
    })
}

/// The names of all time zones that are known here. A name that is none is then told with the other mistakes of the input.
fn zones() -> Vec<String> {
    jiff::tz::db().available().map(|name| name.to_string()).collect()
}

fn sla_policy() -> Value {
    json!({
        "description": "What each customer tier is promised, and when the clock runs. Tiers stand at the top or under \
            targets; default holds for tickets of any other tier. Without business_hours and holidays the clock runs always.",
        "type": ["object", "null"],
        "properties": {
            "time_zone": {
                "description": "IANA name of the zone of business hours and holidays. Absent, UTC.",
                "type": "string",
                "enum": zones(),
                "examples": ["Europe/Berlin"],
            },
            "business_hours": {
                "description": "Local opening hours by day or span of days: a pair, a list of pairs, or [] for a closed \
                    day. Or the same on several days: {days, start, end}. Times are written 09:00, at most 24:00.",
                "type": "object",
                "properties": {
                    "days": { "type": ["array", "null"], "items": { "type": "string" } },
                    "start": { "type": ["string", "null"], "pattern": TIME },
                    "end": { "type": ["string", "null"], "pattern": TIME },
                },
                // A pair of times, or a list of such pairs: the pattern is for texts, the bounds are for lists.
                "additionalProperties": {
                    "type": "array",
                    "items": {
                        "type": ["string", "array"],
                        "pattern": TIME,
                        "items": { "type": "string", "pattern": TIME },
                        "minItems": 2,
                        "maxItems": 2,
                    },
                },
                "examples": [{ "mon-thu": [["09:00", "17:00"]], "fri": [["09:00", "12:00"], ["13:00", "15:00"]] }],
            },
            "holidays": {
                "description": "Days on which the clock stands still: 2024-12-25, or 12-25 for every year.",
                "type": "array",
                "items": {
                    "type": "string",
                    "pattern": "^([0-9]{4}-|-{0,2})(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
                },
            },
            "targets": { "description": "Targets by tier.", "type": "object", "additionalProperties": target() },
        },
        "additionalProperties": target(),
        "examples": [{ "gold": { "first_response_hours": 1, "resolution_hours": 8 }, "default": { "resolution_hours": 40 } }],
    })
}

fn target() -> Value {
    json!({
        "description": "Targets of a tier, in hours from the ticket's creation.",
        "type": "object",
        "properties": {
            "resolution_hours": { "type": "number", "minimum": 0 },
            "first_response_hours": { "type": "number", "minimum": 0 },
        },
        "additionalProperties": false,
    })
}

fn article() -> Value {
    json!({
        "type": "object",
        "required": ["id", "title", "body"],
        "properties": {
            "id": { "type": ["string", "integer"] },
            "title": { "type": "string" },
            "body": { "description": "Text or Markdown.", "type": "string" },
            "url": { "description": "Where readers find it.", "type": ["string", "null"] },
            "tags": { "type": ["array", "null"], "items": { "type": "string" } },
        },
    })
}

fn team() -> Value {
    let words = |description: &str| json!({ "description": description, "type": "array", "items": { "type": "string" } });
    json!({
        "type": ["string", "object"],
        "required": ["name"],
        "properties": {
            "name": { "description": "As it is called; unique.", "type": "string", "minLength": 1 },
            "components": words("Components that it looks after."),
            "product_areas": words("Product areas that it looks after."),
            "products": words("Products or repositories that it looks after."),
            "categories": words("Categories of tickets that it takes."),
            "tiers": words("Customer tiers that it serves."),
            "skills": words("What its people know, matched with a ticket's labels, features and subject."),
            "members": words("Assignees who belong to it."),
            "capacity": { "description": "Tickets that it can resolve in a week.", "type": ["number", "null"], "exclusiveMinimum": 0 },
        },
    })
}
