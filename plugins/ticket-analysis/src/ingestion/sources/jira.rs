//! Jira's REST search result, a bare array of its issues, or issues one a line.

use heddle_sdk::prelude::*;
use serde_json::{Map, Value};

use crate::{
    ingestion::draft::{Batch, Draft, Fields, Form, Located, Reading, name_of, one_line, unix_lines},
    ticket::{Status, Ticket},
};

/// Read issues.
///
/// # Errors
/// Fields of wrong types, each with its path.
pub(super) fn read(name: &str, records: &[Located<'_>]) -> Result<Batch, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut readings = Vec::new();
    for record in records {
        let Some(object) = record.value.as_object() else { continue };
        readings.push(Reading::of(draft(&record.place, object, &mut problems), "neither key nor id"));
    }
    if problems.is_empty() {
        Ok(Batch { name: name.to_owned(), form: Form::JiraJson, readings, notes: Vec::new() })
    } else {
        Err(problems)
    }
}

fn draft(place: &str, issue: &Map<String, Value>, problems: &mut Vec<Problem>) -> Draft {
    let id = Fields { place, object: issue, problems: &mut *problems }.text_of(&["key", "id"]);
    let none = Map::new();
    let object = issue.get("fields").and_then(Value::as_object).unwrap_or(&none);
    let inner = format!("{place}/fields");
    let mut fields = Fields { place: &inner, object, problems };
    let description = match object.get("description") {
        Some(document @ Value::Object(_)) => document_text(document),
        _ => fields.lines_of(&["description"]),
    };
    let comment = object.get("comment");
    let comments = comment.and_then(|c| {
        c.get("total")
            .and_then(Value::as_u64)
            .or_else(|| c.get("comments")?.as_array().map(|c| c.len() as u64))
    });
    let mut labels = fields.list("labels");
    labels.extend(fields.list("components").into_iter().map(|component| format!("component:{component}")));
    let reporter = object.get("reporter").or_else(|| object.get("creator"));
    let ticket = Ticket {
        id: id.unwrap_or_default(),
        customer: reporter.and_then(name_of),
        product: object.get("project").and_then(|p| p.get("name").or_else(|| p.get("key"))).and_then(name_of),
        subject: one_line(&fields.text("summary").unwrap_or_default()),
        description,
        comments,
        votes: object.get("votes").and_then(|v| v.get("votes")).and_then(Value::as_u64),
        assignee: fields.name("assignee"),
        satisfaction: satisfaction(object),
        category: fields.name("issuetype"),
        labels,
        ..Ticket::default()
    };
    let category = object.get("status").and_then(|s| s.get("statusCategory")?.get("key")?.as_str());
    let status_hint = match category {
        Some("new") => Some(Status::Open),
        Some("indeterminate") => Some(Status::InProgress),
        Some("done") => Some(Status::Closed),
        _ => None,
    };
    Draft {
        place: place.to_owned(),
        ticket,
        created: fields.raw("created"),
        resolved: fields.raw("resolutiondate"),
        first_response: first_answer(comment, reporter),
        status: fields.name("status"),
        status_hint,
        priority: fields.name("priority"),
    }
}

/// The rating of a Jira Service Management request: the custom field that is an object with a number `rating`.
fn satisfaction(object: &Map<String, Value>) -> Option<f64> {
    let custom = object.iter().filter(|(key, _)| key.starts_with("customfield_"));
    custom.filter_map(|(_, value)| value.as_object()?.get("rating")?.as_f64()).next()
}

/// The first public comment by an account of the organisation (`accountType` `atlassian`; a portal's customers are
/// `customer`) on somebody else's issue.
fn first_answer(comment: Option<&Value>, reporter: Option<&Value>) -> Value {
    let comments = comment.and_then(|c| c.get("comments")).and_then(Value::as_array);
    let from_portal = reporter.and_then(|r| r.get("accountType")).and_then(Value::as_str) == Some("customer");
    if !from_portal {
        return Value::Null;
    }
    comments
        .into_iter()
        .flatten()
        .find(|c| {
            let kind = c.get("author").and_then(|a| a.get("accountType")).and_then(Value::as_str);
            kind == Some("atlassian") && c.get("jsdPublic") != Some(&Value::Bool(false))
        })
        .and_then(|c| c.get("created").cloned())
        .unwrap_or(Value::Null)
}

/// The text of an Atlassian document (ADF), with Markdown marks for headings, lists and code.
fn document_text(document: &Value) -> String {
    let mut text = String::new();
    block(document, &mut text);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    unix_lines(lines.join("\n").trim())
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node.get("content").and_then(Value::as_array).into_iter().flatten()
}

fn attribute<'a>(node: &'a Value, key: &str) -> Option<&'a str> {
    node.get("attrs")?.get(key)?.as_str()
}

fn block(node: &Value, out: &mut String) {
    match node.get("type").and_then(Value::as_str).unwrap_or_default() {
        "heading" => {
            let level = node.get("attrs").and_then(|a| a.get("level")).and_then(Value::as_u64).unwrap_or(1);
            out.push_str(&"#".repeat(level.clamp(1, 6) as usize));
            out.push(' ');
            inline(node, out);
            out.push_str("\n\n");
        }
        "paragraph" => {
            inline(node, out);
            out.push_str("\n\n");
        }
        "codeBlock" => {
            out.push_str("```");
            out.push_str(attribute(node, "language").unwrap_or_default());
            out.push('\n');
            inline(node, out);
            out.push_str("\n```\n\n");
        }
        "bulletList" | "taskList" | "decisionList" => {
            children(node).for_each(|item| list_item(item, "- ", out));
            out.push('\n');
        }
        "orderedList" => {
            let first = node.get("attrs").and_then(|a| a.get("order")).and_then(Value::as_u64).unwrap_or(1);
            for (item, number) in children(node).zip(first..) {
                list_item(item, &format!("{number}. "), out);
            }
            out.push('\n');
        }
        "blockquote" => {
            let mut inside = String::new();
            children(node).for_each(|child| block(child, &mut inside));
            for line in inside.trim().lines() {
                out.push_str(&format!("> {line}\n"));
            }
            out.push('\n');
        }
        "tableRow" => {
            let cells = children(node).map(|cell| {
                let mut inside = String::new();
                children(cell).for_each(|child| block(child, &mut inside));
                one_line(&inside)
            });
            out.push_str(&cells.collect::<Vec<_>>().join(" | "));
            out.push('\n');
        }
        "rule" => out.push_str("---\n\n"),
        "text" | "hardBreak" | "mention" | "emoji" | "inlineCard" | "date" | "status" => leaf(node, out),
        _ => children(node).for_each(|child| block(child, out)),
    }
}

fn list_item(item: &Value, mark: &str, out: &mut String) {
    let mut inside = String::new();
    children(item).for_each(|child| block(child, &mut inside));
    let indent = " ".repeat(mark.len());
    for (index, line) in inside.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        out.push_str(if index == 0 { mark } else { &indent });
        out.push_str(line);
        out.push('\n');
    }
}

fn inline(node: &Value, out: &mut String) {
    children(node).for_each(|child| leaf(child, out));
}

fn leaf(node: &Value, out: &mut String) {
    match node.get("type").and_then(Value::as_str).unwrap_or_default() {
        "text" => {
            let text = node.get("text").and_then(Value::as_str).unwrap_or_default();
            let marks = node.get("marks").and_then(Value::as_array).into_iter().flatten();
            let code = marks.filter_map(|m| m.get("type")?.as_str()).any(|kind| kind == "code");
            out.push_str(&if code { format!("`{text}`") } else { text.to_owned() });
        }
        "hardBreak" => out.push('\n'),
        "mention" | "status" => out.push_str(attribute(node, "text").unwrap_or_default()),
        "emoji" => out.push_str(attribute(node, "text").or(attribute(node, "shortName")).unwrap_or_default()),
        "inlineCard" => out.push_str(attribute(node, "url").unwrap_or_default()),
        _ => inline(node, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_become_text() {
        let text = |t: &str| json!({ "type": "text", "text": t });
        let paragraph = |t: &str| json!({ "type": "paragraph", "content": [text(t)] });
        let item = |t: &str| json!({ "type": "listItem", "content": [paragraph(t)] });
        let document = json!({ "type": "doc", "version": 1, "content": [
            { "type": "heading", "attrs": { "level": 2 }, "content": [text("Steps")] },
            { "type": "orderedList", "content": [item("Open it"), item("Press save")] },
            { "type": "paragraph", "content": [
                text("It says "), { "type": "text", "text": "E42", "marks": [{ "type": "code" }] }, { "type": "hardBreak" }, text("twice")
            ] },
            { "type": "codeBlock", "attrs": { "language": "sh" }, "content": [text("run --now")] },
            { "type": "table", "content": [{ "type": "tableRow", "content": [
                { "type": "tableCell", "content": [paragraph("a")] }, { "type": "tableCell", "content": [paragraph("b")] }
            ] }] },
        ] });
        assert_eq!(
            document_text(&document),
            "## Steps\n\n1. Open it\n2. Press save\n\nIt says `E42`\ntwice\n\n```sh\nrun --now\n```\n\na | b"
        );
    }
}
