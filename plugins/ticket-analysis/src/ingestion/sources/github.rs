//! GitHub: `gh issue list --json …` with any subset of its fields, and the REST API's issues.

use heddle_sdk::prelude::*;
use serde_json::{Map, Value};

use crate::{
    ingestion::{
        draft::{Batch, Draft, Fields, Form, Located, Reading, name_of, one_line},
        words,
    },
    ticket::Ticket,
};

/// Read records of either form.
///
/// # Errors
/// Fields of wrong types, each with its path.
pub(super) fn read(name: &str, form: Form, records: &[Located<'_>]) -> Result<Batch, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut readings = Vec::new();
    for record in records {
        let Some(object) = record.value.as_object() else { continue };
        let draft = draft(&record.place, object, &mut problems);
        if is_pull_request(object) {
            let id = Some(draft.ticket.id).filter(|id| !id.is_empty());
            readings.push(Reading::excluded(record.place.clone(), id, "it is a pull request, not an issue"));
        } else {
            readings.push(Reading::of(draft, "neither number nor url: add them to --json"));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut notes = Vec::new();
    let has = |key: &str| records.iter().any(|r| r.value.get(key).is_some());
    if form == Form::GithubCli && !has("createdAt") {
        notes.push(format!(
            "{name} has no createdAt: export it with --json createdAt,closedAt for times and trends"
        ));
    }
    if form == Form::GithubCli && !has("body") {
        notes.push(format!("{name} has no body: export it with --json body, else only titles are analysed"));
    }
    Ok(Batch { name: name.to_owned(), form, readings, notes })
}

fn is_pull_request(object: &Map<String, Value>) -> bool {
    object.get("pull_request").is_some_and(|v| !v.is_null())
        || object.get("isPullRequest") == Some(&Value::Bool(true))
        || [object.get("url"), object.get("html_url")]
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(|url| url.contains("/pull/"))
}

/// `owner/name` and the number from `https://HOST/owner/name/issues/12` (or `…/pull/12`, or the API's `/repos/…`).
fn from_url(url: &str) -> Option<(String, Option<String>)> {
    let path = url.split_once("://")?.1.split_once('/')?.1;
    let path = path.strip_prefix("api/v3/").unwrap_or(path);
    let path = path.strip_prefix("repos/").unwrap_or(path);
    let mut parts = path.split('/');
    let (owner, repository) = (parts.next()?, parts.next()?);
    if owner.is_empty() || repository.is_empty() {
        return None;
    }
    let number = match parts.next() {
        Some("issues" | "pull") => parts.next(),
        _ => None,
    };
    let number = number.map(|n| n.chars().take_while(char::is_ascii_digit).collect::<String>());
    Some((format!("{owner}/{repository}"), number.filter(|n| !n.is_empty())))
}

fn draft(place: &str, object: &Map<String, Value>, problems: &mut Vec<Problem>) -> Draft {
    let mut fields = Fields { place, object, problems };
    let urls = ["html_url", "repository_url", "url"].map(|key| object.get(key).and_then(Value::as_str));
    let located: Vec<_> = urls.into_iter().flatten().filter_map(from_url).collect();
    let number = fields.text("number").or_else(|| located.iter().find_map(|(_, number)| number.clone()));
    let repository = match object.get("repository") {
        Some(Value::Object(r)) => {
            let keys = ["nameWithOwner", "full_name", "name"];
            keys.iter().find_map(|key| r.get(*key)?.as_str()).map(str::to_owned)
        }
        _ => None,
    };
    let author = fields.name("author").or_else(|| fields.name("user"));
    let mut labels = fields.list("labels");
    let kind = fields.name("issueType").or_else(|| fields.name("type"));
    if let Some(milestone) = object.get("milestone").and_then(|m| m.get("title")).and_then(Value::as_str) {
        labels.push(format!("milestone:{milestone}"));
    }
    let assignee = fields.list("assignees").into_iter().next().or_else(|| fields.name("assignee"));
    let association = fields.text_of(&["authorAssociation", "author_association"]);
    let ticket = Ticket {
        id: number.unwrap_or_default(),
        customer_tier: association.and_then(|a| tier(&a)).map(str::to_owned),
        customer: author.clone(),
        product: repository.or_else(|| located.first().map(|(repository, _)| repository.clone())),
        subject: one_line(&fields.text("title").unwrap_or_default()),
        description: fields.lines_of(&["body"]),
        comments: fields.count("comments"),
        votes: votes(object),
        assignee: assignee.or_else(|| fields.list("assignees").into_iter().next()),
        category: kind,
        labels: labels.clone(),
        ..Ticket::default()
    };
    let raw_first = |fields: &Fields<'_>, keys: [&str; 2]| match fields.raw(keys[0]) {
        Value::Null => fields.raw(keys[1]),
        value => value,
    };
    Draft {
        place: place.to_owned(),
        ticket,
        created: raw_first(&fields, ["createdAt", "created_at"]),
        resolved: raw_first(&fields, ["closedAt", "closed_at"]),
        first_response: first_answer(object, author.as_deref()),
        status: fields.text("state"),
        status_hint: None,
        priority: words::priority_label(&labels),
    }
}

/// The author's relation to the project as kind of customer.
fn tier(association: &str) -> Option<&'static str> {
    match association.to_uppercase().as_str() {
        "MEMBER" | "OWNER" | "COLLABORATOR" => Some("internal"),
        "CONTRIBUTOR" => Some("contributor"),
        "NONE" | "FIRST_TIMER" | "FIRST_TIME_CONTRIBUTOR" | "MANNEQUIN" => Some("community"),
        _ => None,
    }
}

/// Thumbs up: `reactionGroups` of the CLI, `reactions` of the API.
fn votes(object: &Map<String, Value>) -> Option<u64> {
    if let Some(votes) = object.get("reactions").and_then(|r| r.get("+1")) {
        return votes.as_u64();
    }
    let groups = object.get("reactionGroups")?.as_array()?;
    let up = groups.iter().find(|g| g.get("content").and_then(Value::as_str) == Some("THUMBS_UP"));
    up.map_or(Some(0), |group| group.get("users")?.get("totalCount")?.as_u64())
}

/// When a member of the project first commented on somebody else's issue. The CLI states in each comment how its
/// author relates to the project; where it does not, nobody can tell an answer from a further question.
fn first_answer(object: &Map<String, Value>, author: Option<&str>) -> Value {
    let Some(comments) = object.get("comments").and_then(Value::as_array) else { return Value::Null };
    comments
        .iter()
        .filter(|c| {
            let association = c.get("authorAssociation").and_then(Value::as_str).unwrap_or_default();
            let by = c.get("author").and_then(name_of);
            tier(association) == Some("internal") && by.is_some() && by.as_deref() != author
        })
        .filter_map(|c| c.get("createdAt")?.as_str())
        .min()
        .map_or(Value::Null, |at| Value::String(at.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let found = |url: &str| from_url(url).map(|(r, n)| (r, n.unwrap_or_default()));
        let is = |r: &str, n: &str| Some((r.to_owned(), n.to_owned()));
        assert_eq!(found("https://github.com/acme/app/issues/12"), is("acme/app", "12"));
        assert_eq!(found("https://api.github.com/repos/acme/app/issues/12"), is("acme/app", "12"));
        assert_eq!(found("https://git.acme.example/api/v3/repos/acme/app"), is("acme/app", ""));
        assert_eq!(found("nonsense"), None);
    }
}
