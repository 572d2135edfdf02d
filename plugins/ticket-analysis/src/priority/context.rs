//! What the phases know of a ticket besides itself: its categories and its cluster.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// What this module reads of `categorization_results.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CategorizationFile {
    categorized_tickets: Vec<Categorized>,
    patterns: PatternsPart,
}

/// Of the patterns the clusters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PatternsPart {
    clusters: Vec<ClusterPart>,
}

/// A cluster's id and the words that set it apart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClusterPart {
    #[serde(deserialize_with = "text_or_number")]
    cluster_id: Option<String>,
    terms: Vec<String>,
}

/// A ticket's categories.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Categorized {
    pub(crate) ticket_id: String,
    pub(crate) category: Option<String>,
    pub(crate) categories: Vec<Scored>,
    pub(crate) product_area: Option<String>,
    pub(crate) component: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub(crate) cluster_id: Option<String>,
}

/// A category and how sure the classifier is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Scored {
    pub(crate) name: String,
    pub(crate) confidence: Option<f64>,
}

fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

/// What kind of matter a category is, by the words of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something is wrong.
    Fault,
    /// Something is wished for.
    Wish,
    /// Something is asked.
    Question,
    /// The name does not say.
    Other,
}

impl Categorized {
    /// The chosen category's confidence, if stated.
    pub(crate) fn confidence(&self) -> Option<f64> {
        let chosen = self.category.as_deref()?;
        self.categories
            .iter()
            .find(|c| c.name == chosen)
            .and_then(|c| c.confidence)
            .map(|c| c.clamp(0.0, 1.0))
    }

    /// The kind of the chosen category.
    pub(crate) fn kind(&self) -> Kind {
        let name = self.category.as_deref().unwrap_or_default().to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if has(&["feature", "enhancement", "improvement", "idea", "wish", "suggestion"]) {
            Kind::Wish
        } else if has(&["question", "how-to", "howto", "how to", "usage", "documentation", "docs"]) {
            Kind::Question
        } else if has(&["bug", "defect", "fault", "incident", "problem", "outage", "crash", "error"]) {
            Kind::Fault
        } else {
            Kind::Other
        }
    }
}

/// The categories of all tickets.
#[derive(Debug, Default)]
pub(crate) struct Categories {
    by_id: BTreeMap<String, Categorized>,
    cluster_sizes: BTreeMap<String, usize>,
    cluster_terms: BTreeMap<String, Vec<String>>,
    none: Categorized,
}

impl Categories {
    pub(crate) fn new(file: CategorizationFile) -> Self {
        let mut cluster_sizes = BTreeMap::new();
        for cluster in file.categorized_tickets.iter().filter_map(|c| c.cluster_id.as_ref()) {
            *cluster_sizes.entry(cluster.clone()).or_default() += 1;
        }
        let clusters = file.patterns.clusters.into_iter();
        let cluster_terms = clusters.filter_map(|c| Some((c.cluster_id?, c.terms))).collect();
        let by_id = file.categorized_tickets.into_iter().map(|c| (c.ticket_id.clone(), c)).collect();
        Self { by_id, cluster_sizes, cluster_terms, none: Categorized::default() }
    }

    /// The ticket's categories; empty ones if it has none.
    pub(crate) fn of(&self, ticket_id: &str) -> &Categorized {
        self.by_id.get(ticket_id).unwrap_or(&self.none)
    }

    /// The words that set a cluster apart; none if it is not described.
    pub(crate) fn cluster_terms(&self, cluster: &str) -> &[String] {
        self.cluster_terms.get(cluster).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many other tickets are in the ticket's cluster; `None` if no ticket has a cluster.
    pub(crate) fn similar(&self, ticket_id: &str) -> Option<usize> {
        if self.by_id.is_empty() {
            return None;
        }
        let size = self.of(ticket_id).cluster_id.as_ref().and_then(|cluster| self.cluster_sizes.get(cluster));
        Some(size.map_or(0, |size| size - 1))
    }
}
