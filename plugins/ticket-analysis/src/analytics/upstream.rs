//! What this phase reads of the files of the phases before it: few fields, each of them optional.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ticket::Priority;

/// `categorization_results.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Categories {
    categorized_tickets: Vec<Categorized>,
    pub(super) patterns: Patterns,
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

/// What the tickets have in common.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Patterns {
    clusters: Vec<Cluster>,
    pub(super) emerging: Emerging,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cluster {
    cluster_id: String,
    terms: Vec<String>,
}

/// What has become more frequent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Emerging {
    /// RFC 3339: where the recent time begins.
    pub(super) recent_from: Option<String>,
    pub(super) n_recent: usize,
    pub(super) n_earlier: usize,
    pub(super) n_tested: usize,
    pub(super) items: Vec<Rising>,
    pub(super) not_computable: Option<String>,
}

/// A term, a cluster or a category whose share has risen.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rising {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) recent: usize,
    pub(super) earlier: usize,
    pub(super) p_value: f64,
    pub(super) q_value: f64,
    pub(super) examples: Vec<String>,
}

impl Patterns {
    /// What a rising thing is called: a cluster by its words.
    pub(super) fn name<'a>(&'a self, rising: &'a Rising) -> String {
        let cluster = self.clusters.iter().find(|c| rising.kind == "cluster" && c.cluster_id == rising.name);
        match cluster {
            Some(cluster) if !cluster.terms.is_empty() => {
                cluster.terms[..cluster.terms.len().min(4)].join(", ")
            }
            _ => rising.name.clone(),
        }
    }
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
