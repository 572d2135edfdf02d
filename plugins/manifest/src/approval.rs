//! What a phase asks a person, and what the person decides.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Schema;

/// A request as JSON has at most this many bytes.
pub const REQUEST_BYTES_MAX: usize = 512 << 10;
/// A title has at most this many characters.
pub const TITLE_MAX: usize = 200;
/// A message has at most this many bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// The schema of a modification has at most this many bytes of JSON.
pub const SCHEMA_BYTES_MAX: usize = 64 << 10;
/// There are at most this many options.
pub const OPTIONS_MAX: usize = 10;
/// A label has at most this many characters.
pub const LABEL_MAX: usize = 100;
/// A deadline is at most this far away, in seconds: a year.
pub const DEADLINE_SECONDS_MAX: u64 = 366 * 24 * 60 * 60;
/// The name of an option is at most this long, in bytes.
const NAME_MAX: usize = 63;

/// What a phase asks a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequest {
    /// The question in a line: 1 to 200 characters.
    pub title: String,
    /// What the person needs to know, as Markdown: at most 64 KiB.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What can be decided: 1 to 10 options. Absent: approve and reject.
    #[serde(default = "approve_or_reject")]
    pub options: Vec<ApprovalOption>,
    /// JSON Schema of the modification that may come with the decision: at most 64 KiB. Absent: none may come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Schema>,
    /// How long the person has, in seconds from when the question was asked. Absent: as long as it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u64>,
    /// The name of the option that is taken when the deadline passes. Absent, the question then ends with an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// One thing that can be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalOption {
    /// Lower-case letters, digits, `_` and `-`, starting with a letter: `approve`.
    pub name: String,
    /// For people: 1 to 100 characters.
    pub label: String,
}

fn approve_or_reject() -> Vec<ApprovalOption> {
    vec![ApprovalOption::new("approve", "Approve"), ApprovalOption::new("reject", "Reject")]
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The name of the option.
    pub option: String,
    /// What the person said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
    /// What the person changed; it fits the request's `input_schema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modification: Option<Value>,
    /// Whether somebody decided, or nobody in time.
    pub decided_by: DecidedBy,
}

/// Who decided. More than this a phase does not learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// A person.
    Person,
    /// The deadline passed, and the default was taken.
    Deadline,
}

/// One thing that is wrong with a request or a decision: a JSON Pointer (RFC 6901) and what is wrong there.
pub type Finding = (String, String);

impl ApprovalRequest {
    /// A question with the options approve and reject.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            message: String::new(),
            options: approve_or_reject(),
            input_schema: None,
            deadline_seconds: None,
            default: None,
        }
    }

    /// With what the person needs to know (Markdown).
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// With these options, each a name and a label, in place of approve and reject.
    #[must_use]
    pub fn options<N: Into<String>, L: Into<String>>(
        mut self,
        options: impl IntoIterator<Item = (N, L)>,
    ) -> Self {
        self.options = options.into_iter().map(|(name, label)| ApprovalOption::new(name, label)).collect();
        self
    }

    /// With a modification that may come with the decision, described by a JSON Schema.
    #[must_use]
    pub fn modification(mut self, schema: impl Into<Schema>) -> Self {
        self.input_schema = Some(schema.into());
        self
    }

    /// With a deadline. Without a default, the question then ends with an error.
    #[must_use]
    pub fn deadline_seconds(mut self, seconds: u64) -> Self {
        self.deadline_seconds = Some(seconds);
        self
    }

    /// With the option that is taken when the deadline passes.
    #[must_use]
    pub fn default_option(mut self, name: impl Into<String>) -> Self {
        self.default = Some(name.into());
        self
    }

    /// Everything that is wrong with the request, but for whether `input_schema` is a JSON Schema: that is the host's
    /// to say.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut add = |path: String, message: String| found.push((path, message));
        let length = self.title.chars().count();
        if !(1..=TITLE_MAX).contains(&length) {
            add("/title".to_owned(), format!("it has {length} characters; 1 to {TITLE_MAX} are possible"));
        }
        let bytes = self.message.len();
        if bytes > MESSAGE_BYTES_MAX {
            let message = format!("it has {bytes} bytes; at most {MESSAGE_BYTES_MAX} are possible");
            add("/message".to_owned(), message);
        }
        let count = self.options.len();
        if !(1..=OPTIONS_MAX).contains(&count) {
            add("/options".to_owned(), format!("there are {count} options; 1 to {OPTIONS_MAX} are possible"));
        }
        let mut names = BTreeSet::new();
        for (i, option) in self.options.iter().enumerate().take(OPTIONS_MAX) {
            if !is_name(&option.name) {
                let message = "an option's name is lower-case letters, digits, hyphens and underscores, starting \
                               with a letter, at most 63";
                add(format!("/options/{i}/name"), message.to_owned());
            } else if !names.insert(option.name.as_str()) {
                add(format!("/options/{i}/name"), format!("{:?} is there twice", option.name));
            }
            let length = option.label.chars().count();
            if !(1..=LABEL_MAX).contains(&length) {
                let message = format!("it has {length} characters; 1 to {LABEL_MAX} are possible");
                add(format!("/options/{i}/label"), message);
            }
        }
        let schema_bytes = self.input_schema.as_ref().map_or(0, |schema| schema.to_string().len());
        if schema_bytes > SCHEMA_BYTES_MAX {
            let message = format!("it has {schema_bytes} bytes; at most {SCHEMA_BYTES_MAX} are possible");
            add("/input_schema".to_owned(), message);
        }
        match self.deadline_seconds {
            Some(seconds) if !(1..=DEADLINE_SECONDS_MAX).contains(&seconds) => {
                let message = format!("{seconds} is not in 1..={DEADLINE_SECONDS_MAX}");
                add("/deadline_seconds".to_owned(), message);
            }
            None if self.default.is_some() => {
                let message = "a default is taken when the deadline passes, and there is no deadline_seconds";
                add("/default".to_owned(), message.to_owned());
            }
            _ => {}
        }
        if let Some(default) = &self.default
            && !names.contains(default.as_str())
        {
            add("/default".to_owned(), format!("it is none of the options, {}", listed(&names)));
        }
        found
    }

    /// Everything that makes a decision none of this request's, but for whether the modification fits `input_schema`:
    /// that is the host's to say.
    pub fn decision_findings(&self, decision: &Decision) -> Vec<Finding> {
        let mut found = Vec::new();
        let names: BTreeSet<&str> = self.options.iter().map(|option| option.name.as_str()).collect();
        if !names.contains(decision.option.as_str()) {
            found.push(("/option".to_owned(), format!("it is none of the options, {}", listed(&names))));
        }
        if decision.modification.is_some() && self.input_schema.is_none() {
            let message = "the request has no input_schema, so that nothing can be modified";
            found.push(("/modification".to_owned(), message.to_owned()));
        }
        found
    }
}

impl ApprovalOption {
    /// An option with a label for people.
    pub fn new(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self { name: name.into(), label: label.into() }
    }
}

impl Decision {
    /// A person's.
    pub fn by_person(option: impl Into<String>) -> Self {
        Self { option: option.into(), feedback: None, modification: None, decided_by: DecidedBy::Person }
    }

    /// That of a deadline which passed.
    pub fn by_deadline(option: impl Into<String>) -> Self {
        Self { decided_by: DecidedBy::Deadline, ..Self::by_person(option) }
    }

    /// With what the person said about it.
    #[must_use]
    pub fn feedback(mut self, feedback: impl Into<String>) -> Self {
        self.feedback = Some(feedback.into());
        self
    }

    /// With what the person changed.
    #[must_use]
    pub fn modification(mut self, modification: impl Into<Value>) -> Self {
        self.modification = Some(modification.into());
        self
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}

fn listed(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(found: &[Finding]) -> Vec<&str> {
        found.iter().map(|(path, _)| path.as_str()).collect()
    }

    #[test]
    fn the_least_request_has_the_usual_options() {
        let request: ApprovalRequest = serde_json::from_value(json!({ "title": "Go on?" })).unwrap();
        assert_eq!(request, ApprovalRequest::new("Go on?"));
        assert_eq!(
            request.options.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(),
            ["approve", "reject"]
        );
        assert!(request.findings().is_empty());
    }

    #[test]
    fn everything_wrong_with_a_request_is_found_at_once() {
        let mut request = ApprovalRequest::new("t".repeat(TITLE_MAX + 1))
            .message("m".repeat(MESSAGE_BYTES_MAX + 1))
            .options([("yes", "Yes"), ("yes", "Yes again"), ("No", ""), ("", "Empty")])
            .modification(json!({ "description": "d".repeat(SCHEMA_BYTES_MAX) }))
            .deadline_seconds(0)
            .default_option("maybe");
        assert_eq!(
            paths(&request.findings()),
            [
                "/title",
                "/message",
                "/options/1/name",
                "/options/2/name",
                "/options/2/label",
                "/options/3/name",
                "/input_schema",
                "/deadline_seconds",
                "/default",
            ]
        );
        request = ApprovalRequest::new("").options(Vec::<(String, String)>::new()).default_option("approve");
        assert_eq!(paths(&request.findings()), ["/title", "/options", "/default", "/default"]);
        let many: Vec<_> = (0..=OPTIONS_MAX).map(|i| (format!("o{i}"), "label")).collect();
        assert_eq!(paths(&ApprovalRequest::new("t").options(many).findings()), ["/options"]);
        // The limits themselves are possible, and counted in characters where people count.
        let largest = ApprovalRequest::new("ü".repeat(TITLE_MAX))
            .message("m".repeat(MESSAGE_BYTES_MAX))
            .options((0..OPTIONS_MAX).map(|i| (format!("o{i}"), "ü".repeat(LABEL_MAX))))
            .deadline_seconds(DEADLINE_SECONDS_MAX)
            .default_option("o9");
        assert_eq!(largest.findings(), []);
    }

    #[test]
    fn a_decision_is_one_of_the_options_and_modifies_only_what_may_be() {
        let request = ApprovalRequest::new("t");
        assert_eq!(request.decision_findings(&Decision::by_person("approve").feedback("fine")), []);
        let decision = Decision::by_deadline("maybe").modification(json!({ "x": 1 }));
        assert_eq!(paths(&request.decision_findings(&decision)), ["/option", "/modification"]);
        let request = request.modification(json!({ "type": "object" }));
        assert_eq!(paths(&request.decision_findings(&decision)), ["/option"]);
    }

    #[test]
    fn documents_are_as_published() {
        let decision = Decision::by_person("approve").feedback("fine").modification(json!([1]));
        let json =
            json!({ "option": "approve", "feedback": "fine", "modification": [1], "decided_by": "person" });
        assert_eq!(serde_json::to_value(&decision).unwrap(), json);
        assert_eq!(serde_json::from_value::<Decision>(json).unwrap(), decision);
        let least = json!({ "option": "reject", "decided_by": "deadline" });
        assert_eq!(serde_json::to_value(Decision::by_deadline("reject")).unwrap(), least);
        let misspelt = json!({ "title": "t", "deadline": 5 });
        let error = serde_json::from_value::<ApprovalRequest>(misspelt).unwrap_err().to_string();
        assert!(error.contains("deadline_seconds"), "{error}");
    }
}
