//! The normalised ticket: what `ticket_ingestion` makes of every source, and what the later phases read.

use heddle_sdk::PhaseError;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A normalised ticket. Absent means that the source did not say; nothing is guessed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ticket {
    /// As in the source.
    pub id: String,
    /// RFC 3339 in UTC, seconds: `2024-09-30T00:00:00Z`.
    pub created_at: Option<String>,
    /// RFC 3339 in UTC.
    pub resolved_at: Option<String>,
    /// RFC 3339 in UTC: when somebody of the team first answered.
    pub first_response_at: Option<String>,
    /// Normalised status.
    pub status: Option<Status>,
    /// The source's priority, normalised.
    pub priority: Option<Priority>,
    /// The source's own word for the priority.
    pub source_priority: Option<String>,
    /// Kind of customer: the keys of the SLA policy.
    pub customer_tier: Option<String>,
    /// Who asked, masked where it was a mail address.
    pub customer: Option<String>,
    /// Product or repository.
    pub product: Option<String>,
    /// One line.
    pub subject: String,
    /// The text, line ends normalised.
    pub description: String,
    /// Number of comments.
    pub comments: Option<u64>,
    /// Number of votes (+1).
    pub votes: Option<u64>,
    /// Who works on it.
    pub assignee: Option<String>,
    /// Satisfaction score as the source gives it; Zendesk's `good` is 1, `bad` is 0.
    pub satisfaction: Option<f64>,
    /// The category that the input states (a label to learn from): our form's `category`, Jira's and GitHub's issue
    /// type, Zendesk's `type`.
    pub category: Option<String>,
    /// The source's labels or tags. Jira's components are among them as `component:NAME`, GitHub's milestone as
    /// `milestone:NAME`, Zendesk's organisation as `organization:NAME`.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has begun.
    Open,
    /// Somebody works on it.
    InProgress,
    /// It waits for the customer or a third party.
    Waiting,
    /// Solved, not yet closed.
    Resolved,
    /// Done with.
    Closed,
}

/// How urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Priority {
    /// At once.
    P0,
    /// The same day.
    P1,
    /// In two or three days.
    P2,
    /// Backlog.
    P3,
}

/// What `tickets_structured.json` holds; the later phases read the tickets from it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StructuredTickets {
    /// Where the tickets came from.
    pub source: String,
    /// RFC 3339 in UTC: the input's `as_of`, else the run's as-of time.
    pub as_of: String,
    /// In the input's order.
    pub normalized_tickets: Vec<Ticket>,
    /// One for each ticket, in the same order.
    pub extracted_entities: Vec<Entities>,
}

impl StructuredTickets {
    /// The moment as of which the tickets are looked at.
    ///
    /// # Errors
    /// If the file holds no time there.
    pub fn as_of(&self) -> Result<Timestamp, PhaseError> {
        self.as_of.parse().map_err(|_| {
            PhaseError::failed(format!(
                "as_of in tickets_structured.json is {:?}, which is no RFC 3339 time",
                self.as_of
            ))
        })
    }
}

/// What a ticket says, word for word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// Of what it is a sign: a name of [`Entities::severity_signs`].
    pub sign: String,
    /// As written.
    pub words: String,
    /// Whether they stand in the subject; else in the description.
    pub in_subject: bool,
}

/// What was found in a ticket's text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entities {
    /// The ticket.
    pub ticket_id: String,
    /// Product and feature words (`[Area]` prefixes, labels, code identifiers, menu paths, names of buttons, and terms
    /// that recur in the tickets' subjects), those that the writer set apart first.
    pub features: Vec<String>,
    /// Error messages, as written: exception lines, `Error: …`, error codes.
    pub error_messages: Vec<String>,
    /// What the user did: steps to reproduce, then clauses that tell an action.
    pub user_actions: Vec<String>,
    /// Names of the signs of severity in the prose, most severe first: `security`, `data loss`, `production down`,
    /// `crash`, `hang`, `regression`, `blocked`, `many affected`, `payment`, `wrong data`, `memory or load`, `slow`,
    /// `intermittent`, `urgent`. What is denied ("not a regression") is no sign.
    pub severity_signs: Vec<String>,
    /// The words of the signs, as they stand in the ticket: one for each sign whose words could be quoted.
    #[serde(default)]
    pub severity_quotes: Vec<Quote>,
    /// Versions mentioned, with the name before them where there is one: `Node 18.12.1`.
    pub versions: Vec<String>,
}
