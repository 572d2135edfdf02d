//! A record on its way from a source to a ticket: texts are taken over, times and words are not yet read.

use heddle_sdk::prelude::*;
use serde_json::{Map, Value};

use crate::ticket::{Status, Ticket};

/// What a source is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Own,
    OwnCsv,
    GithubCli,
    GithubRest,
    JiraCsv,
    JiraJson,
    Zendesk,
}

impl Form {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Own => "tickets (JSON)",
            Self::OwnCsv => "tickets (CSV)",
            Self::GithubCli => "GitHub (gh issue list --json)",
            Self::GithubRest => "GitHub (REST API)",
            Self::JiraCsv => "Jira (CSV)",
            Self::JiraJson => "Jira (JSON)",
            Self::Zendesk => "Zendesk (JSON)",
        }
    }
}

/// A ticket whose times, status and priority are still as the source wrote them.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Where it is: a JSON Pointer into the run's input, or `FILE#POINTER`, or `FILE line N`.
    pub(super) place: String,
    pub(super) ticket: Ticket,
    pub(super) created: Value,
    pub(super) resolved: Value,
    pub(super) first_response: Value,
    pub(super) status: Option<String>,
    /// What the source's own grouping of its status words says, where the word itself is not known.
    pub(super) status_hint: Option<Status>,
    pub(super) priority: Option<String>,
}

/// A record that is no ticket or that cannot be used.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) place: String,
    pub(super) id: Option<String>,
    pub(super) reason: String,
}

#[derive(Debug)]
pub(super) enum Reading {
    Ticket(Box<Draft>),
    Excluded(Rejected),
}

impl Reading {
    /// A ticket, unless it has no id: without one no result could be traced back to it.
    pub(super) fn of(draft: Draft, id_fields: &str) -> Self {
        if draft.ticket.id.is_empty() {
            Self::excluded(draft.place, None, format!("it has no id ({id_fields})"))
        } else {
            Self::Ticket(Box::new(draft))
        }
    }

    pub(super) fn excluded(place: String, id: Option<String>, reason: impl Into<String>) -> Self {
        Self::Excluded(Rejected { place, id, reason: reason.into() })
    }
}

/// What one source held.
#[derive(Debug)]
pub(super) struct Batch {
    /// `ticket_data`, or the file's name.
    pub(super) name: String,
    pub(super) form: Form,
    /// In the source's order.
    pub(super) readings: Vec<Reading>,
    /// What a reader of the results has to know about how the source was read.
    pub(super) notes: Vec<String>,
}

/// A JSON record and where it is.
#[derive(Debug)]
pub(super) struct Located<'v> {
    pub(super) place: String,
    pub(super) value: &'v Value,
}

/// A problem at a place: a pointer into the input becomes its path, a place in a file goes into the message.
pub(super) fn problem_at(place: &str, message: impl AsRef<str>) -> Problem {
    let message = message.as_ref();
    if place.starts_with('/') {
        Problem::new(place, message)
    } else {
        Problem::new("", format!("{place}: {message}"))
    }
}

/// What a JSON value is, for error messages.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Reads the fields of one record; a field of a wrong type is a problem at its path.
pub(super) struct Fields<'a> {
    pub(super) place: &'a str,
    pub(super) object: &'a Map<String, Value>,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Fields<'_> {
    fn wrong(&mut self, key: &str, wanted: &str, found: &Value) {
        let path = format!("{}/{}", self.place, key.replace('~', "~0").replace('/', "~1"));
        let message = format!("{key} must be {wanted}, and it is {}", kind_of(found));
        self.problems.push(problem_at(&path, message));
    }

    /// The value as it is; null where there is none.
    pub(super) fn raw(&self, key: &str) -> Value {
        self.object.get(key).cloned().unwrap_or(Value::Null)
    }

    /// A text or a number as text; blank and null are none.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.object.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => (!text.trim().is_empty()).then(|| text.trim().to_owned()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(other) => {
                self.wrong(key, "a text", other);
                None
            }
        }
    }

    /// The first of the keys that has a text.
    pub(super) fn text_of(&mut self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.text(key))
    }

    /// A text with its line ends made `\n`; empty where there is none.
    pub(super) fn lines_of(&mut self, keys: &[&str]) -> String {
        for &key in keys {
            match self.object.get(key) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => return unix_lines(text),
                Some(other) => {
                    self.wrong(key, "a text", other);
                }
            }
        }
        String::new()
    }

    /// A whole number, or the length of an array.
    pub(super) fn count(&mut self, key: &str) -> Option<u64> {
        match self.object.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::Array(items)) => Some(items.len() as u64),
            Some(value) => {
                let number = match value {
                    Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
                    Value::String(text) if text.trim().is_empty() => return None,
                    Value::String(text) => text.trim().parse().ok(),
                    _ => None,
                };
                if number.is_none() {
                    self.wrong(key, "a whole number of at least 0", value);
                }
                number
            }
        }
    }

    /// A number.
    pub(super) fn number(&mut self, key: &str) -> Option<f64> {
        match self.object.get(key) {
            None | Some(Value::Null) => None,
            Some(value) => {
                let number = match value {
                    Value::Number(number) => number.as_f64(),
                    Value::String(text) if text.trim().is_empty() => return None,
                    Value::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
                    _ => None,
                };
                if number.is_none() {
                    self.wrong(key, "a number", value);
                }
                number
            }
        }
    }

    /// A list of texts, or of objects with a `name`; a single text is a list of one.
    pub(super) fn list(&mut self, key: &str) -> Vec<String> {
        match self.object.get(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) if text.trim().is_empty() => Vec::new(),
            Some(Value::String(text)) => vec![text.trim().to_owned()],
            Some(Value::Array(items)) => items.iter().filter_map(name_of).collect(),
            Some(other) => {
                self.wrong(key, "an array of texts", other);
                Vec::new()
            }
        }
    }

    /// A person or thing: a text, a number, or an object with a name in it.
    pub(super) fn name(&mut self, key: &str) -> Option<String> {
        name_of(self.object.get(key)?)
    }
}

fn whole(number: f64) -> Option<u64> {
    (number >= 0.0 && number.fract() == 0.0 && number < 9e15).then_some(number as u64)
}

/// The name in a text, a number or an object such as `{"login": …}` or `{"displayName": …}`.
pub(super) fn name_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Object(object) => ["login", "displayName", "name", "value", "emailAddress", "email"]
            .iter()
            .find_map(|key| object.get(*key)?.as_str())?
            .trim()
            .to_owned(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Line ends as `\n`, without NUL.
pub(super) fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "")
}

/// One line: every run of white space is a blank.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
