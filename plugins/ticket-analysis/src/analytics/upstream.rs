//! What this phase reads of the files of the phases before it: few fields, each of them optional.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::ticket::Priority;

/// `categorization_results.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Categories {
    categorized_tickets: Vec<Categorized>,
    patterns: Value,
}

/// A ticket's category.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Categorized {
    ticket_id: String,
    pub(super) category: Option<String>,
    product_area: Option<String>,
    component: Option<String>,
}

/// A pattern that grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Emerging {
    /// What it is about.
    pub(super) title: String,
    /// The figures behind it, as sentences.
    pub(super) text: String,
}

impl Categorized {
    /// The component, or the product area where there is none.
    pub(super) fn component(&self) -> Option<String> {
        self.component.clone().or_else(|| self.product_area.clone())
    }
}

impl Categories {
    /// By ticket id.
    pub(super) fn by_id(&self) -> BTreeMap<&str, &Categorized> {
        self.categorized_tickets.iter().map(|c| (c.ticket_id.as_str(), c)).collect()
    }

    /// The patterns that the categorisation calls emerging.
    pub(super) fn emerging(&self) -> Vec<Emerging> {
        let list = self.patterns.get("emerging").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(emerging).collect()
    }
}

fn emerging(pattern: &Value) -> Option<Emerging> {
    let text = |key: &str| pattern.get(key).and_then(Value::as_str).map(str::to_owned);
    let title = text("label").or_else(|| text("title")).or_else(|| text("name")).or_else(|| text("term"))?;
    let body =
        text("statement").or_else(|| text("summary")).or_else(|| text("description")).unwrap_or_default();
    Some(Emerging { title, text: body })
}

/// `priority_scores.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Priorities {
    prioritized_tickets: Vec<Prioritized>,
}

/// A ticket's priority and team.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Prioritized {
    ticket_id: String,
    pub(super) priority: Option<Priority>,
    route: Route,
}

/// To whom the ticket goes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Route {
    team: Option<String>,
}

impl Prioritized {
    pub(super) fn team(&self) -> Option<String> {
        self.route.team.clone()
    }
}

impl Priorities {
    /// By ticket id.
    pub(super) fn by_id(&self) -> BTreeMap<&str, &Prioritized> {
        self.prioritized_tickets.iter().map(|p| (p.ticket_id.as_str(), p)).collect()
    }
}
