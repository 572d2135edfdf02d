//! Who should look at a ticket, and what they should know. All of it is a suggestion; each comes with its reason.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    PrioritizedTicket,
    context::Categorized,
    criticality::{Found, Sign},
    teams::{Matter, Scope, TeamInput},
};
use crate::{
    standing::Standing,
    ticket::{Entities, Priority, Ticket},
};

/// The name of the queue of tickets that nothing assigns to anyone.
pub const TRIAGE: &str = "triage";
/// How many tickets a queue lists.
const LISTED: usize = 25;

/// Where a ticket should go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// A team of the input; without teams, a queue named after the product area, component or product. `triage` if
    /// nothing points anywhere.
    pub team: String,
    /// What speaks for it.
    pub because: String,
    /// Another team whose claim is as strong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tied_with: Option<String>,
    /// What whoever takes it should know, each with its reason.
    pub expertise: Vec<String>,
}

/// The plan: queues of the tickets that wait, or may wait for all that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Routing {
    /// `teams` (the input's), or `areas` (product area, component or product).
    pub basis: String,
    /// Always true: a person decides.
    pub is_suggestion: bool,
    /// The queues, that with the most urgent work first.
    pub queues: Vec<Queue>,
    /// Teams of the input to which nothing was routed.
    pub without_tickets: Vec<String>,
    /// Tickets of the queues that go to triage.
    pub n_triage: usize,
}

/// The tickets for one team.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// See [`Route::team`].
    pub team: String,
    /// Tickets that wait or may wait.
    pub n: usize,
    /// Those of them whose state is unknown.
    pub n_state_unknown: usize,
    /// How many of each priority.
    pub by_priority: BTreeMap<String, usize>,
    /// The first of them by rank, at most 25.
    pub first_tickets: Vec<String>,
    /// Expertise that at least a tenth of them ask for: (what, in how many tickets), the commonest first.
    pub expertise: Vec<(String, usize)>,
    /// Assignees of the queue's resolved tickets: (who, how many), the most first.
    pub has_resolved: Vec<(String, usize)>,
}

/// Routes tickets.
pub(crate) struct Router {
    scopes: Vec<Scope>,
}

impl Router {
    pub(crate) fn new(teams: &[TeamInput]) -> Self {
        Self { scopes: teams.iter().map(|team| Scope::new(team.team())).collect() }
    }

    pub(crate) fn route(
        &self,
        ticket: &Ticket,
        categories: &Categorized,
        entities: Option<&Entities>,
        signs: &[Found],
    ) -> Route {
        let expertise = expertise(ticket, categories, signs);
        if self.scopes.is_empty() {
            let areas = [
                // The widest first: a queue for each component would be as many queues as words.
                ("product area", &categories.product_area),
                ("component", &categories.component),
                ("product", &ticket.product),
            ];
            let named = areas.into_iter().find_map(|(what, value)| Some((what, value.clone()?)));
            let (team, because) = match named {
                Some((what, value)) => (value.clone(), format!("no teams are given; {what} {value}")),
                None => (
                    TRIAGE.to_owned(),
                    "no teams are given; no product area, component or product".to_owned(),
                ),
            };
            return Route { team, because, tied_with: None, expertise };
        }
        let matter = Matter::of(ticket, categories, entities);
        let mut claims: Vec<_> =
            self.scopes.iter().filter_map(|scope| Some((scope, scope.claim(&matter)?))).collect();
        // A stable sort: of equal claims the first in the input comes first.
        claims.sort_by(|a, b| b.1.points.total_cmp(&a.1.points));
        let Some((scope, claim)) = claims.first() else {
            let because = "nothing of the ticket is in the matter of any team".to_owned();
            return Route { team: TRIAGE.to_owned(), because, tied_with: None, expertise };
        };
        let tied = claims.get(1).filter(|(_, second)| second.points == claim.points);
        Route {
            team: scope.team.name.clone(),
            because: claim.because.join(", "),
            tied_with: tied.map(|(scope, _)| scope.team.name.clone()),
            expertise,
        }
    }

    /// The queues of the tickets that wait or may wait. `tickets` are in order of rank; `resolvers` are (team, assignee) of resolved
    /// tickets.
    pub(crate) fn plan(&self, tickets: &[PrioritizedTicket], resolvers: &[(String, String)]) -> Routing {
        let mut queues: BTreeMap<&str, Queue> = BTreeMap::new();
        let mut wanted: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for ticket in tickets.iter().filter(|t| t.standing.may_wait()) {
            let team = ticket.route.team.as_str();
            let queue = queues.entry(team).or_insert_with(|| Queue {
                team: team.to_owned(),
                n: 0,
                n_state_unknown: 0,
                by_priority: [Priority::P0, Priority::P1, Priority::P2, Priority::P3]
                    .map(|p| (format!("{p:?}"), 0))
                    .into(),
                first_tickets: Vec::new(),
                expertise: Vec::new(),
                has_resolved: Vec::new(),
            });
            queue.n += 1;
            queue.n_state_unknown += usize::from(ticket.standing == Standing::Unknown);
            *queue.by_priority.entry(format!("{:?}", ticket.priority)).or_default() += 1;
            if queue.first_tickets.len() < LISTED {
                queue.first_tickets.push(ticket.ticket_id.clone());
            }
            for what in &ticket.route.expertise {
                *wanted.entry(team).or_default().entry(what).or_default() += 1;
            }
        }
        let mut by_team: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for (team, who) in resolvers {
            *by_team.entry(team).or_default().entry(who).or_default() += 1;
        }
        for (team, queue) in &mut queues {
            let wanted = wanted.remove(team).unwrap_or_default();
            queue.expertise = commonest(wanted.into_iter().filter(|(_, n)| n * 10 >= queue.n));
            queue.has_resolved = commonest(by_team.remove(team).unwrap_or_default());
            queue.has_resolved.truncate(5);
        }
        let n_triage = queues.get(TRIAGE).map_or(0, |queue| queue.n);
        let without_tickets = self
            .scopes
            .iter()
            .map(|scope| scope.team.name.clone())
            .filter(|name| !queues.contains_key(name.as_str()))
            .collect();
        let mut queues: Vec<Queue> = queues.into_values().collect();
        let load = |q: &Queue| ["P0", "P1", "P2", "P3"].map(|p| q.by_priority.get(p).copied().unwrap_or(0));
        queues.sort_by(|a, b| load(b).cmp(&load(a)).then_with(|| a.team.cmp(&b.team)));
        Routing {
            basis: if self.scopes.is_empty() { "areas" } else { "teams" }.to_owned(),
            is_suggestion: true,
            queues,
            without_tickets,
            n_triage,
        }
    }
}

fn commonest<'a>(counts: impl IntoIterator<Item = (&'a str, usize)>) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = counts.into_iter().map(|(what, n)| (what.to_owned(), n)).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

/// What whoever takes the ticket should know, as far as the ticket shows it.
fn expertise(ticket: &Ticket, categories: &Categorized, signs: &[Found]) -> Vec<String> {
    let mut known = Vec::new();
    for area in [&categories.component, &categories.product_area].into_iter().flatten() {
        if !known.contains(area) {
            known.push(area.clone());
        }
    }
    if known.is_empty() {
        known.extend(ticket.product.clone());
    }
    for found in signs {
        let what = match found.sign {
            Sign::Outage => "incident response",
            Sign::DataLoss => "data recovery",
            Sign::Security => "security",
            Sign::Payment => "billing",
            Sign::Crash => "crash diagnosis",
            Sign::Hang => "performance diagnosis",
            Sign::Regression => "release history",
            Sign::Blocked | Sign::Urgent | Sign::Malfunction => continue,
        };
        known.push(what.to_owned());
    }
    known
}

/// (team, assignee) of the resolved tickets.
pub(crate) fn resolvers<'a>(
    tickets: impl IntoIterator<Item = (&'a Ticket, &'a PrioritizedTicket)>,
) -> Vec<(String, String)> {
    tickets
        .into_iter()
        .filter(|(_, scored)| scored.standing == Standing::Resolved)
        .filter_map(|(ticket, scored)| Some((scored.route.team.clone(), ticket.assignee.clone()?)))
        .collect()
}
