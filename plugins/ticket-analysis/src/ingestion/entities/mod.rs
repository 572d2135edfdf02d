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
            let (severity_signs, severity_quotes) = signs::find(&parts, ticket);
            Entities {
                ticket_id: ticket.id.clone(),
                features: features::find(ticket, &parts, &vocabulary),
                error_messages: errors::find(&parts),
                user_actions: actions::find(&parts),
                severity_signs,
                severity_quotes,
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ticket(subject: &str, description: &str) -> Ticket {
        Ticket {
            id: "1".to_owned(),
            subject: subject.to_owned(),
            description: description.to_owned(),
            ..Ticket::default()
        }
    }

    #[test]
    fn a_bug_report_in_markdown() {
        let mut report = ticket(
            "[Importer Bug] `parseRows()` fails with quoted cells",
            "<!-- Search for security issues first -->\n**Version:** 3.2.1\n\n## Steps to reproduce\n\n\
             1. Open Settings > Import\n2. Choose a file with `\"` in it\n3. Press **Start import**\n4. See error\n\n\
             ## What happens\n\n```\nTypeError: rows is undefined\n    at parseRows (importer.js:10:3)\n```\n\n\
             It worked in 3.1.9. When I remove the quotes it is fine. We have Node 20.1 and CSV of 1.5 MB.\n",
        );
        report.labels = vec!["bug".to_owned(), "area: csv".to_owned(), "P1".to_owned()];
        let found = extract(&[report]).remove(0);
        assert_eq!(found.features, ["Importer", "csv", "parseRows", "Settings > Import"]);
        assert_eq!(found.error_messages, ["TypeError: rows is undefined"]);
        assert_eq!(
            found.user_actions,
            [
                "Open Settings > Import",
                "Choose a file with \" in it",
                "Press Start import",
                "I remove the quotes it is fine"
            ]
        );
        assert_eq!(found.severity_signs, ["regression"]);
        assert_eq!(found.versions, ["3.2.1", "3.1.9", "Node 20.1"]);
    }

    #[test]
    fn a_mail_to_support() {
        let found = extract(&[ticket(
            "Cannot pay",
            "Hello,\n\nafter updating to v2.4 the checkout says \"Your card was declined\" for every customer. \
             I cleared the cache and signed in again. Our shop is down, HTTP 503 Service Unavailable.\n\nJane",
        )])
        .remove(0);
        assert_eq!(found.error_messages, ["Your card was declined", "HTTP 503 Service Unavailable"]);
        assert_eq!(
            found.user_actions,
            [
                "cleared the cache and signed in again",
                "updating to v2.4 the checkout says \"Your card was declined\" for every customer"
            ]
        );
        assert_eq!(found.severity_signs, ["production down", "many affected", "payment"]);
        assert_eq!(found.versions, ["2.4"]);
    }

    #[test]
    fn what_a_template_says_is_not_what_the_user_says() {
        let asks = "Is this a security issue or did the app crash? Tell us.";
        let tickets: Vec<Ticket> =
            (0..10).map(|i| ticket(&format!("Ticket {i}"), &format!("{asks}\nText {i}\n"))).collect();
        assert!(extract(&tickets).iter().all(|e| e.severity_signs.is_empty()));
        assert_eq!(extract(&tickets[..1])[0].severity_signs, ["security", "crash"]);
    }

    #[test]
    fn terms_that_recur_in_subjects_are_features() {
        let subjects = [
            "Invoice totals are wrong",
            "Wrong invoice totals",
            "The invoice totals changed",
            "Something else",
        ];
        let tickets: Vec<Ticket> = subjects.iter().map(|s| ticket(s, "")).collect();
        let found = extract(&tickets);
        assert_eq!(found[0].features, ["invoice totals"]);
        assert!(found[3].features.is_empty());
    }
}
