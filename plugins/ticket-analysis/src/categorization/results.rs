//! What the phase puts out: the types of `categorization_results.json`.

use heddle_sdk::prelude::*;

use super::{learned::Validation, patterns::Patterns};
use crate::listed::{Listed, MOST_GROUPS, MOST_TICKETS};

/// What the phase found; also the content of `categorization_results.json`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Output {
    /// One for each ticket, in the tickets' order.
    pub categorized_tickets: Vec<CategorizedTicket>,
    /// What the tickets have in common.
    pub patterns: Patterns,
    /// The categories, in the order in which they were given, with their sizes.
    pub categories: Vec<CategorySummary>,
    /// Product areas and components with their sizes.
    pub subcategories: Subcategories,
    /// How the tickets were classified and how well that agrees with the labels.
    pub classifier: Classifier,
    /// Labelled tickets that the classifier would have put elsewhere, the surest first.
    pub disagreements: Vec<Disagreement>,
    /// How the categories were found, in a sentence.
    pub method: String,
    /// What the reader should know of the input.
    pub notes: Vec<String>,
    /// Who wrote the prose of `pattern_analysis.md`: always `template`.
    pub prose_by: String,
    /// Present where the lists are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
}

impl Output {
    /// Cut every list to what an output may hold.
    pub(super) fn shorten(&mut self) {
        let n_tickets = self.categorized_tickets.len();
        self.listed = Listed::of(n_tickets, MOST_TICKETS.min(n_tickets), "categorization_results.json");
        self.categories.truncate(MOST_GROUPS);
        self.notes.truncate(MOST_GROUPS);
        if self.listed.is_some() {
            self.categorized_tickets.truncate(MOST_TICKETS);
            self.disagreements.truncate(MOST_TICKETS);
            self.subcategories.product_areas.truncate(MOST_GROUPS);
            self.subcategories.components.truncate(MOST_GROUPS);
            self.patterns.shorten();
        }
    }
}

/// A ticket's categories.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CategorizedTicket {
    /// The ticket.
    pub ticket_id: String,
    /// The category.
    pub category: String,
    /// The classifier's probability of the category, 0..=1; 1 where the input states it.
    pub confidence: f64,
    /// Where the category comes from.
    pub basis: Basis,
    /// The category first, and with it every other of at least 0.2.
    pub categories: Vec<Scored>,
    /// The signs that spoke most for it (built-in classifier; kinds only).
    pub reasons: Vec<String>,
    /// Product area: from a label, a prefix of the subject, or the product.
    pub product_area: Option<String>,
    /// Component: from a label, or a feature word that several subjects share.
    pub component: Option<String>,
    /// The cluster of like tickets that it belongs to.
    pub cluster_id: Option<String>,
}

/// A category and its probability.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Scored {
    /// The category.
    pub name: String,
    /// 0..=1.
    pub confidence: f64,
}

/// Where a ticket's category comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The input states it.
    Stated,
    /// A classifier learnt from the labels.
    Learned,
    /// The built-in signs.
    BuiltIn,
}

/// A category and how many tickets it has.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CategorySummary {
    /// Its name.
    pub name: String,
    /// How the built-in classifier understands the name.
    pub understood_as: String,
    /// Tickets.
    pub count: usize,
    /// Share of all tickets, 0..=1.
    pub share: f64,
    /// Of these tickets, those whose category the input states.
    pub stated: usize,
    /// Of the others, those with a confidence of at least 0.7.
    pub confident: usize,
    /// Mean confidence of the others; absent if there are none.
    pub mean_confidence: Option<f64>,
}

/// Product areas and components, the largest first.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Subcategories {
    /// Product areas.
    pub product_areas: Vec<Count>,
    /// Components.
    pub components: Vec<Count>,
}

/// A name and how many tickets have it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Count {
    /// The name.
    pub name: String,
    /// Tickets.
    pub count: usize,
}

/// How the tickets were classified.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Classifier {
    /// What classified the tickets without a label.
    pub used: Basis,
    /// Why that one.
    pub reason: String,
    /// Labels and examples in the input.
    pub n_labels: usize,
    /// Agreement with the labels, if there are enough of them.
    pub validations: Vec<Validation>,
}

/// A labelled ticket that the classifier would have put elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Disagreement {
    /// The ticket.
    pub ticket_id: String,
    /// What the input states.
    pub stated: String,
    /// What the classifier, which had not seen this label, says.
    pub predicted: String,
    /// How sure it is, 0..=1.
    pub confidence: f64,
}
