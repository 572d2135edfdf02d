//! The teams as the input states them, and which of them a ticket's matter belongs to.

use std::collections::BTreeSet;

use heddle_kit::text::tokens;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::context::Categorized;
use crate::ticket::{Entities, Ticket};

/// A team: its name alone, or with what it is there for.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a team is a name, or an object with a name: {\"name\": \"Web\", \"components\": [\"editor\"]}"
)]
pub enum TeamInput {
    /// The words of the name tell its matter.
    Name(String),
    /// With its matter.
    Team(Team),
}

/// A team and its matter. All lists but `members` are matched with the ticket word by word, without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Team {
    /// As it is called.
    pub name: String,
    /// Product areas.
    #[serde(alias = "areas")]
    pub product_areas: Vec<String>,
    /// Components.
    pub components: Vec<String>,
    /// Products or repositories.
    pub products: Vec<String>,
    /// Ticket categories.
    pub categories: Vec<String>,
    /// Customer tiers.
    #[serde(alias = "customer_tiers")]
    pub tiers: Vec<String>,
    /// What its people know: matched with a ticket's labels, features and subject.
    #[serde(alias = "skills", alias = "keywords")]
    pub expertise: Vec<String>,
    /// Assignees that belong to it.
    pub members: Vec<String>,
    /// Tickets that it can resolve in a week.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<f64>,
}

impl TeamInput {
    /// The team.
    pub fn team(&self) -> Team {
        match self {
            Self::Name(name) => Team { name: name.clone(), ..Team::default() },
            Self::Team(team) => team.clone(),
        }
    }
}

/// A team's claim to a ticket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim {
    pub(crate) points: f64,
    pub(crate) because: Vec<String>,
}

/// A ticket's words, by where they stand.
pub(crate) struct Matter {
    component: Option<(String, BTreeSet<String>)>,
    area: Option<(String, BTreeSet<String>)>,
    category: Option<(String, BTreeSet<String>)>,
    product: Option<(String, BTreeSet<String>)>,
    tier: Option<(String, BTreeSet<String>)>,
    assignee: Option<String>,
    labels: Vec<(String, BTreeSet<String>)>,
    /// Labels, features and the subject.
    words: BTreeSet<String>,
}

impl Matter {
    pub(crate) fn of(ticket: &Ticket, categories: &Categorized, entities: Option<&Entities>) -> Self {
        let field = |value: &Option<String>| value.as_ref().map(|v| (v.clone(), word_set(v)));
        let features = entities.map(|e| e.features.as_slice()).unwrap_or_default();
        let mut words = word_set(&ticket.subject);
        words.extend(ticket.labels.iter().chain(features).flat_map(|text| word_set(text)));
        Self {
            component: field(&categories.component),
            area: field(&categories.product_area),
            category: field(&categories.category),
            product: field(&ticket.product),
            tier: field(&ticket.customer_tier),
            assignee: ticket.assignee.clone(),
            labels: ticket.labels.iter().map(|label| (label.clone(), word_set(label))).collect(),
            words,
        }
    }
}

/// A team's matter as word sets.
pub(crate) struct Scope {
    pub(crate) team: Team,
    fields: [Vec<BTreeSet<String>>; 5],
    expertise: Vec<(String, BTreeSet<String>)>,
    members: BTreeSet<String>,
    name: BTreeSet<String>,
}

impl Scope {
    pub(crate) fn new(team: Team) -> Self {
        let sets =
            |list: &[String]| list.iter().map(|text| word_set(text)).filter(|s| !s.is_empty()).collect();
        let mut name = word_set(&team.name);
        for word in ["team", "squad", "group", "support", "the", "and"] {
            name.remove(word);
        }
        Self {
            fields: [
                sets(&team.components),
                sets(&team.product_areas),
                sets(&team.categories),
                sets(&team.products),
                sets(&team.tiers),
            ],
            expertise: team.expertise.iter().map(|text| (text.clone(), word_set(text))).collect(),
            members: team.members.iter().map(|m| m.to_lowercase()).collect(),
            name,
            team,
        }
    }

    /// The team's claim: 8 points if the assignee belongs to it; 4, 3, 2, 2 and 1 for component, product area, category,
    /// product and tier; 3 for a label that is one of its components or product areas; 2 for a word of its name in component or
    /// area; 1 for each expertise, up to 3. `None` without any.
    pub(crate) fn claim(&self, matter: &Matter) -> Option<Claim> {
        let mut claim = Claim { points: 0.0, because: Vec::new() };
        let mut add = |points: f64, because: String| {
            claim.points += points;
            claim.because.push(because);
        };
        if let Some(assignee) = matter.assignee.as_ref().filter(|a| self.members.contains(&a.to_lowercase()))
        {
            add(8.0, format!("assignee {assignee}"));
        }
        let fields = [
            (4.0, "component", &matter.component),
            (3.0, "product area", &matter.area),
            (2.0, "category", &matter.category),
            (2.0, "product", &matter.product),
            (1.0, "customer tier", &matter.tier),
        ];
        for (own, (points, what, value)) in self.fields.iter().zip(fields) {
            if let Some((text, words)) = value
                && own.iter().any(|scope| scope.is_subset(words))
            {
                add(points, format!("{what} {text}"));
            }
        }
        // Components and product areas: what trackers put into labels.
        let own = || self.fields[..2].iter().flatten();
        if let Some((label, _)) =
            matter.labels.iter().find(|(_, words)| own().any(|scope| scope.is_subset(words)))
        {
            add(3.0, format!("label {label}"));
        }
        for (what, value) in [("component", &matter.component), ("product area", &matter.area)] {
            if let Some((text, words)) = value
                && !self.name.is_disjoint(words)
            {
                add(2.0, format!("{what} {text} in the team's name"));
                break;
            }
        }
        let known =
            self.expertise.iter().filter(|(_, words)| !words.is_empty() && words.is_subset(&matter.words));
        for (text, _) in known.take(3) {
            add(1.0, format!("expertise {text}"));
        }
        (claim.points > 0.0).then_some(claim)
    }
}

fn word_set(text: &str) -> BTreeSet<String> {
    tokens(text).into_iter().collect()
}
