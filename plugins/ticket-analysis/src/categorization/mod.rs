//! Phase `categorization`: what each ticket is, and what the tickets have in common.
//!
//! `given` reads the run's `categories`; `author` takes the tickets' texts apart; `signs` and `evidence` weigh what
//! speaks for a bug, a wish or a question, `topics` finds what a ticket is about, and `scheme` makes of that a
//! probability for each category, without training data. Where the input has labels, `learned` learns from them, and
//! `decide` takes the better of the two. `subcategory` and `patterns` add areas, clusters, recurring and emerging
//! issues. Nothing here knows any product, project or tracker.

mod author;
mod chart;
mod decide;
mod evidence;
mod given;
pub mod learned;
pub mod patterns;
mod report;
pub mod results;
mod scheme;
mod signs;
mod subcategory;
mod topics;

use std::collections::{BTreeMap, BTreeSet};

use heddle_sdk::prelude::*;
use jiff::Timestamp;

use self::{
    decide::{Decision, best, decide, disagreements},
    given::Given,
    patterns::{Patterns, clusters, emerging, recurring, similar},
    results::{Basis, CategorizedTicket, CategorySummary, Count, Output, Scored, Subcategories},
    scheme::Meaning,
    subcategory::{Place, places},
};
use crate::{listed::write_json, ticket::StructuredTickets};

/// A second category is named from this probability on.
const SECOND: f64 = 0.2;
/// From this probability on a prediction counts as confident.
const CONFIDENT: f64 = 0.7;

/// Options; the tickets come from `tickets_structured.json`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {
    /// The categories to use: a list of names; a list of objects with `name` and optional `examples` (texts or ticket
    /// ids), `keywords`, `description`; an object of name → examples; an object of ticket id → name; or an object with
    /// `names` and `labels`. Without it bug, feature request, question, and topics such as billing or documentation.
    pub categories: Option<serde_json::Value>,
}

/// What is wrong with a run's `categories`. Without the tickets' `ids` nobody can tell a ticket's id from a category's name,
/// so that only a list of names is looked at.
pub(crate) fn problems(
    categories: Option<&serde_json::Value>,
    ids: Option<&BTreeSet<String>>,
) -> Vec<Problem> {
    let known: BTreeSet<&str> = ids.into_iter().flatten().map(String::as_str).collect();
    let names_only =
        || categories.and_then(|c| c.as_array()).is_some_and(|list| list.iter().all(|c| c.is_string()));
    match Given::read(categories, &known) {
        Err(PhaseError::InvalidInput(found)) if ids.is_some() || names_only() => found,
        _ => Vec::new(),
    }
}

/// The phase.
pub struct Categorization;

impl Phase for Categorization {
    const NAME: &'static str = "categorization";
    type Input = Input;
    type Output = Output;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new(
            "Categorisation",
            "Sorts the tickets into categories and finds what they have in common.",
        )
        .agent_type("ml_engineer")
        .reads("tickets_structured.json")
        .deliverable("categorization_results.json", FileKind::Json, "Categories and patterns")
        .deliverable("category_distribution.png", FileKind::Png, "How many tickets each category has")
        .output("pattern_analysis.md", FileKind::Markdown)
        .limits(crate::listed::limits())
    }

    fn execute(ctx: &mut Context<'_, NoConfig>, input: Input) -> PhaseResult<Output> {
        let structured: StructuredTickets = ctx.read_json("tickets_structured.json")?;
        let tickets = &structured.normalized_tickets;
        if tickets.is_empty() {
            return Err(PhaseError::failed("tickets_structured.json has no ticket in `normalized_tickets`"));
        }
        let ids: BTreeSet<&str> = tickets.iter().map(|ticket| ticket.id.as_str()).collect();
        let as_of = structured.as_of()?;
        let given = Given::read(input.categories.as_ref(), &ids)?;

        ctx.progress(0.05, format!("classifying {} tickets", tickets.len()));
        let mut rng = ctx.rng();
        let decision = decide(tickets, &given, &mut rng, |share| {
            ctx.progress(0.05 + 0.55 * share, "learning from the labels");
        });
        ctx.info(format!("classified by {:?}: {}", decision.classifier.used, decision.classifier.reason));

        ctx.progress(0.6, "looking for patterns");
        let mut output = assemble(&structured, as_of, decision);

        ctx.progress(0.9, "writing the results");
        write_json(ctx, "categorization_results.json", &output)?;
        ctx.write("category_distribution.png", chart::chart(&output)?.png)?;
        ctx.write("pattern_analysis.md", report::report(&output))?;
        output.shorten();
        done(output)
    }
}

fn assemble(structured: &StructuredTickets, as_of: Timestamp, decision: Decision) -> Output {
    let tickets = &structured.normalized_tickets;
    let disagreements = disagreements(tickets, &decision);
    let places = places(tickets, &structured.extracted_entities);
    let clusters = clusters::clusters(tickets, &decision.texts);
    let cluster_of: BTreeMap<&str, &str> = clusters
        .iter()
        .flat_map(|cluster| cluster.ticket_ids.iter().map(|id| (id.as_str(), cluster.cluster_id.as_str())))
        .collect();
    let categorized: Vec<CategorizedTicket> = tickets
        .iter()
        .zip(places)
        .enumerate()
        .map(|(at, (ticket, place))| {
            categorize(&decision, at, &ticket.id, place, cluster_of.get(ticket.id.as_str()).copied())
        })
        .collect();

    let mut groups: emerging::Groups = Vec::new();
    let mut of_cluster: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut of_category: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, ticket) in categorized.iter().enumerate() {
        if let Some(cluster) = &ticket.cluster_id {
            of_cluster.entry(cluster).or_default().push(at);
        }
        of_category.entry(&ticket.category).or_default().push(at);
    }
    for cluster in &clusters {
        let own = of_cluster.remove(cluster.cluster_id.as_str()).unwrap_or_default();
        groups.push((emerging::RisingKind::Cluster, cluster.cluster_id.clone(), own));
    }
    for category in &decision.scheme.categories {
        let own = of_category.remove(category.name.as_str()).unwrap_or_default();
        groups.push((emerging::RisingKind::Category, category.name.clone(), own));
    }
    let patterns = Patterns {
        similar: similar::similar(tickets),
        identical_subject_groups: similar::identical_subjects(tickets),
        recurring: recurring::recurring(tickets, &structured.extracted_entities, as_of),
        emerging: emerging::emerging(tickets, &decision.texts, groups, as_of),
        clusters,
    };
    let method = match decision.classifier.used {
        Basis::Learned => {
            "Tickets without a label got the category that a classifier learnt from the labels finds most probable."
        }
        Basis::BuiltIn | Basis::Stated => {
            "Tickets without a label got the category for which built-in signs in words, shape and form speak most; no \
             training data was used."
        }
    };
    Output {
        categories: summaries(&decision, &categorized),
        subcategories: Subcategories {
            product_areas: counts(categorized.iter().filter_map(|ticket| ticket.product_area.as_deref())),
            components: counts(categorized.iter().filter_map(|ticket| ticket.component.as_deref())),
        },
        categorized_tickets: categorized,
        patterns,
        classifier: decision.classifier,
        disagreements,
        method: method.to_owned(),
        notes: decision.notes,
        prose_by: "template".to_owned(),
        listed: None,
    }
}

fn categorize(
    decision: &Decision,
    at: usize,
    id: &str,
    place: Place,
    cluster: Option<&str>,
) -> CategorizedTicket {
    let row = &decision.probabilities[at];
    let chosen = decision.stated[at].unwrap_or_else(|| best(row));
    let (basis, confidence) = match decision.stated[at] {
        Some(_) => (Basis::Stated, 1.0),
        None => (decision.classifier.used, row[chosen]),
    };
    let name = |place: usize| decision.scheme.categories[place].name.clone();
    let mut others: Vec<usize> =
        (0..row.len()).filter(|other| *other != chosen && row[*other] >= SECOND).collect();
    others.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
    let others = others.into_iter().map(|other| Scored { name: name(other), confidence: row[other] });
    let reasons = match decision.scheme.categories[chosen].meaning {
        Meaning::Kind(kind) if basis == Basis::BuiltIn => decision.evidence[at].reasons(kind, 4),
        _ => Vec::new(),
    };
    CategorizedTicket {
        ticket_id: id.to_owned(),
        category: name(chosen),
        confidence,
        basis,
        categories: [Scored { name: name(chosen), confidence }].into_iter().chain(others).collect(),
        reasons,
        product_area: place.area,
        component: place.component,
        cluster_id: cluster.map(str::to_owned),
    }
}

fn summaries(decision: &Decision, categorized: &[CategorizedTicket]) -> Vec<CategorySummary> {
    let summary = |category: &scheme::Category| {
        let own: Vec<_> = categorized.iter().filter(|ticket| ticket.category == category.name).collect();
        let predicted: Vec<f64> = own
            .iter()
            .filter(|ticket| ticket.basis != Basis::Stated)
            .map(|ticket| ticket.confidence)
            .collect();
        CategorySummary {
            name: category.name.clone(),
            understood_as: category.meaning.describe().to_owned(),
            count: own.len(),
            share: own.len() as f64 / categorized.len().max(1) as f64,
            stated: own.len() - predicted.len(),
            confident: predicted.iter().filter(|confidence| **confidence >= CONFIDENT).count(),
            mean_confidence: (!predicted.is_empty())
                .then(|| predicted.iter().sum::<f64>() / predicted.len() as f64),
        }
    };
    decision.scheme.categories.iter().map(summary).collect()
}

fn counts<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Count> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<Count> =
        counts.into_iter().map(|(name, count)| Count { name: name.to_owned(), count }).collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    counts
}
