//! What the tickets' texts speak of: features, error messages, user actions, severity signs, versions.
//!
//! All rules are about how people write tickets, none about what any one project is called. What a project's own
//! template puts into many tickets is found by counting lines, and is not taken for what a user said.

mod actions;
mod errors;
mod features;
mod signs;
mod text;
mod versions;

use self::{features::Vocabulary, text::Parts};
use crate::ticket::{Entities, Ticket};

/// The entities of each ticket, in the same order.
pub(super) fn extract(tickets: &[Ticket]) -> Vec<Entities> {
    let templates = text::template_lines(tickets.iter().map(|t| t.description.as_str()));
    let vocabulary = Vocabulary::of(tickets.iter().map(|t| t.subject.as_str()));
    tickets
        .iter()
        .map(|ticket| {
            let parts = Parts::of(&ticket.subject, &ticket.description, &templates);
            Entities {
                ticket_id: ticket.id.clone(),
                features: features::find(ticket, &parts, &vocabulary),
                error_messages: errors::find(&parts),
                user_actions: actions::find(&parts),
                severity_signs: signs::find(&parts),
                versions: versions::find(&parts),
            }
        })
        .collect()
}

/// Collects findings without repeating one that differs only in case.
#[derive(Default)]
struct Findings {
    list: Vec<String>,
    seen: std::collections::BTreeSet<String>,
    most: usize,
}

impl Findings {
    fn at_most(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    fn add(&mut self, text: &str) {
        let text = text.trim();
        if self.list.len() < self.most && !text.is_empty() && self.seen.insert(text.to_lowercase()) {
            self.list.push(text.to_owned());
        }
    }
}
