//! Draft replies, suggestions for people, and response templates. All sentences are fixed ones around facts of the data;
//! what a person must add is a slot: `{{agent_name}}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ArticleFit, ResolvedFit, Step,
    groups::{Group, GroupBy},
};
use crate::{
    priority::{
        PrioritizedTicket,
        context::{Categorized, Kind},
    },
    ticket::{Entities, Ticket},
};

/// A place that a person fills in before a reply is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slot {
    /// As it stands in the text, without its braces.
    pub name: String,
    /// What belongs there.
    pub fill_with: String,
}

/// A reply that a person checks, completes and sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Draft {
    /// The text, with slots in double braces.
    pub body: String,
    /// The slots in it, in their order.
    pub slots: Vec<Slot>,
}

/// A reply for many tickets on the same matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResponseTemplate {
    /// `T1`, `T2` …
    pub id: String,
    /// What the tickets have in common.
    pub title: String,
    /// What makes the group.
    pub group_by: GroupBy,
    /// The cluster's id, the word or the category.
    pub group: String,
    /// Tickets of the group.
    pub n_tickets: usize,
    /// Those of them that wait or may wait.
    pub n_waiting: usize,
    /// Some of them.
    pub examples: Vec<String>,
    /// The article that fits at least half of them. The template is for those that it fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub article_id: Option<String>,
    /// The text, with slots in double braces.
    pub body: String,
    /// The slots in it, in their order.
    pub slots: Vec<Slot>,
}

/// What the slots mean.
const SLOTS: &[(&str, &str)] = &[
    ("customer_name", "how the customer is addressed"),
    ("ticket_id", "the ticket's id"),
    ("ticket_subject", "the ticket's subject"),
    ("what_we_found", "what was found out about this ticket"),
    ("solution", "the solution, or the steps to it"),
    ("planned_or_not", "whether the wish will be taken up, as decided"),
    ("next_step", "what happens next, and by when, as agreed"),
    ("agent_name", "who answers"),
];

/// The slots that a text has, in their order.
fn slots_of(body: &str) -> Vec<Slot> {
    let mut found: Vec<(usize, &(&str, &str))> =
        SLOTS.iter().filter_map(|slot| Some((body.find(&format!("{{{{{}}}}}", slot.0))?, slot))).collect();
    found.sort_by_key(|(at, _)| *at);
    found
        .into_iter()
        .map(|(_, (name, meaning))| Slot { name: (*name).to_owned(), fill_with: (*meaning).to_owned() })
        .collect()
}

/// A text of the data on its way into a reply: a slot's braces in it would be taken for a slot.
fn quoted(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("{{", "{ {").replace("}}", "} }")
}

/// What a fault report lacks, as far as ingestion looked for it; nothing for other kinds.
pub(crate) fn missing(categories: &Categorized, ticket: &Ticket, entities: Option<&Entities>) -> Vec<String> {
    let Some(entities) = entities.filter(|_| categories.kind() == Kind::Fault) else { return Vec::new() };
    let mut missing = Vec::new();
    let mut ask = |lacks: bool, what: &str| {
        if lacks {
            missing.push(what.to_owned());
        }
    };
    ask(entities.versions.is_empty(), "the version in use");
    ask(entities.user_actions.is_empty(), "the steps that lead to the problem");
    ask(entities.error_messages.is_empty(), "the exact error message, if there is one");
    ask(ticket.description.trim().is_empty(), "a description of what happens and what was expected");
    missing
}

/// The part of a reply that quotes steps.
fn quotation(body: &mut String, steps: &[&Step]) {
    for (i, step) in steps.iter().enumerate() {
        body.push_str(&format!("{}. \"{}\"\n", i + 1, quoted(&step.text)));
    }
}

/// A reply to the customer of a P2 or P3 ticket.
pub(crate) fn draft(
    ticket: &Ticket,
    categories: &Categorized,
    articles: &[ArticleFit],
    steps: &[Step],
    missing: &[String],
) -> Draft {
    let mut body = format!(
        "Hello {{{{customer_name}}}},\n\nthank you for your message \"{}\" ({}).\n\n",
        quoted(&ticket.subject),
        quoted(&ticket.id)
    );
    if let Some(article) = articles.first() {
        let place = article.url.as_ref().map(|url| format!(" ({})", quoted(url))).unwrap_or_default();
        body.push_str(&format!("Our article \"{}\"{place} seems to deal with this.", quoted(&article.title)));
        let own: Vec<&Step> = steps.iter().filter(|s| s.source.id == article.article_id).collect();
        body.push_str(if own.is_empty() { "\n" } else { " It says:\n" });
        quotation(&mut body, &own);
        body.push('\n');
    } else {
        let line = match categories.kind() {
            Kind::Fault => "{{what_we_found}}\n\n{{solution}}\n\n",
            Kind::Wish => "{{planned_or_not}}\n\n",
            Kind::Question => "{{solution}}\n\n",
            Kind::Other => "{{what_we_found}}\n\n",
        };
        body.push_str(line);
    }
    if !missing.is_empty() {
        body.push_str("To look into it further, we need:\n");
        for what in missing {
            body.push_str(&format!("- {what}\n"));
        }
        body.push('\n');
    }
    body.push_str("{{next_step}}\n\nKind regards,\n{{agent_name}}\n");
    Draft { slots: slots_of(&body), body }
}

/// Hints for whoever takes a P0 or P1 ticket.
pub(crate) fn suggestions(
    scored: &PrioritizedTicket,
    articles: &[ArticleFit],
    resolved: &[ResolvedFit],
    missing: &[String],
) -> Vec<String> {
    let mut all = vec![format!("{:?}, score {:.1}: {}.", scored.priority, scored.score, scored.rule)];
    if let Some(sign) = scored.signs.first() {
        all.push(format!("Strongest sign: {} (\"{}\").", sign.sign.words(), sign.words));
    }
    all.push(format!("Suggested team: {} ({}).", scored.route.team, scored.route.because));
    for fit in articles {
        all.push(format!(
            "Read article {} \"{}\" (relevance {:.2}).",
            fit.article_id, fit.title, fit.relevance
        ));
    }
    for fit in resolved {
        let took = fit.resolution_hours.map(|h| format!("; it took {h:.1} h")).unwrap_or_default();
        let who = fit.assignee.as_ref().map(|who| format!("; assignee {who}")).unwrap_or_default();
        all.push(format!(
            "Compare resolved ticket {} \"{}\" (relevance {:.2}{took}{who}).",
            fit.ticket_id, fit.subject, fit.relevance
        ));
    }
    if articles.is_empty() && resolved.is_empty() {
        all.push("No article and no resolved ticket fits.".to_owned());
    }
    if !missing.is_empty() {
        all.push(format!("Ask for {}.", missing.join(", ")));
    }
    all
}

/// A template for a group; `article` is the one that fits at least half of its tickets, with its steps.
pub(crate) fn template(
    number: usize,
    group: &Group,
    kind: Kind,
    n_waiting: usize,
    examples: Vec<String>,
    article: Option<(&ArticleFit, &[Step])>,
) -> ResponseTemplate {
    let about = match group.by {
        GroupBy::Category => String::new(),
        _ if group.words.is_empty() => String::new(),
        _ => format!(" about {}", group.words.join(", ")),
    };
    let mut body = format!(
        "Hello {{{{customer_name}}}},\n\nthank you for your message{about}: \"{{{{ticket_subject}}}}\" ({{{{ticket_id}}}}).\n\n"
    );
    if let Some((article, steps)) = article {
        let place = article.url.as_ref().map(|url| format!(" ({})", quoted(url))).unwrap_or_default();
        body.push_str(&format!("Our article \"{}\"{place} seems to deal with this", quoted(&article.title)));
        body.push_str(if steps.is_empty() { ".\n\n" } else { ". It says:\n" });
        quotation(&mut body, &steps.iter().collect::<Vec<_>>());
        if !steps.is_empty() {
            body.push('\n');
        }
    }
    body.push_str(match kind {
        Kind::Fault => "{{what_we_found}}\n\n{{solution}}\n\nIf it goes on, please send us the version in use, the steps that lead to it, and the exact error message.\n\n",
        Kind::Wish => "{{planned_or_not}}\n\n",
        Kind::Question => "{{solution}}\n\n",
        Kind::Other => "{{what_we_found}}\n\n",
    });
    body.push_str("{{next_step}}\n\nKind regards,\n{{agent_name}}\n");
    ResponseTemplate {
        id: format!("T{number}"),
        title: group.label(),
        group_by: group.by,
        group: group.name.clone(),
        n_tickets: group.members.len(),
        n_waiting,
        examples,
        article_id: article.map(|(article, _)| article.article_id.clone()),
        slots: slots_of(&body),
        body,
    }
}
