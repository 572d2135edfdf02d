//! Phase `priority_scoring`: how urgent each ticket is and why, who should look at it, and how long such tickets take.

pub(crate) mod context;
pub mod criticality;
mod matrix;
pub(crate) mod report;
pub mod resolution;
pub mod routing;
pub mod score;
pub mod survival;
pub mod teams;

use std::collections::BTreeMap;

use heddle_sdk::prelude::*;

use self::{
    context::{Categories, CategorizationFile},
    criticality::Found,
    resolution::{ExpectedResolution, ResolutionTimes},
    routing::{Route, Router, Routing},
    score::{Contribution, Facts, Scales, Scorer},
    teams::TeamInput,
};
pub use crate::standing::Standing;
use crate::{
    listed::{Listed, MOST_GROUPS, MOST_TICKETS, write_json},
    sla::{SlaClock, SlaPolicy, Verdict},
    standing::StateCounts,
    ticket::{Entities, Priority, StructuredTickets, Ticket},
};

/// Options; the tickets come from `tickets_structured.json` and `categorization_results.json`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {
    /// Targets by customer tier, and when the clock runs.
    pub sla_policy: Option<SlaPolicy>,
    /// To whom tickets can go.
    pub teams: Option<Vec<TeamInput>>,
}

/// A ticket's priority and what follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrioritizedTicket {
    /// The ticket.
    pub ticket_id: String,
    /// Its subject.
    pub subject: String,
    /// Its place among the tickets that wait or may wait, from 1; absent for the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// Where it stands at `as_of`.
    pub standing: Standing,
    /// P0 at once, P1 the same day, P2 in two or three days, P3 backlog.
    pub priority: Priority,
    /// The rule that gave the priority.
    pub rule: String,
    /// The sum of the contributions.
    pub score: f64,
    /// The sum of the contributions to impact.
    pub impact: f64,
    /// The sum of the contributions to urgency.
    pub urgency: f64,
    /// The parts of the score; those of no points are left out.
    pub contributions: Vec<Contribution>,
    /// Factors of which the data say nothing, and why.
    pub unknown: Vec<String>,
    /// Signs of criticality; their points are before the category's share.
    pub signs: Vec<Found>,
    /// The source's own priority, if it states one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_priority: Option<Priority>,
    /// Levels from the source's priority to this one: positive is more urgent than the source says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels_above_source: Option<i8>,
    /// How it stands towards its resolution target. Absent without a policy, or where it cannot be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sla: Option<Verdict>,
    /// How it stands towards its first-response target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_response_sla: Option<Verdict>,
    /// When it will be resolved, going by similar ones.
    pub expected_resolution: ExpectedResolution,
    /// Where it should go.
    pub route: Route,
}

/// Figures over all tickets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// All tickets.
    pub n: usize,
    /// Those that wait: open at `as_of`.
    pub n_waiting: usize,
    /// Where all tickets stand. Those of unknown state are ranked and routed as if they waited, and counted apart.
    pub states: StateCounts,
    /// Priorities of all tickets.
    pub by_priority: BTreeMap<String, usize>,
    /// Priorities of the ranked tickets: those that wait, and those of unknown state.
    pub waiting_by_priority: BTreeMap<String, usize>,
    /// Tickets whose source states a priority.
    pub n_source_priority: usize,
    /// Those of them that got another one here.
    pub n_disagree_with_source: usize,
    /// The counts that give full points.
    pub scales: Scales,
    /// `wall_clock` or `business`: what the hours of the SLA are. Absent without a policy.
    pub sla_hours: Option<String>,
    /// Factors of which nothing is known for a number of tickets, by reason.
    pub unknown: BTreeMap<String, usize>,
}

/// What the phase found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Output {
    /// Those that wait or may wait first, by priority and score; then the others.
    pub prioritized_tickets: Vec<PrioritizedTicket>,
    /// Who should look at what.
    pub routing: Routing,
    /// Figures over all tickets.
    pub summary: Summary,
    /// `template`: sentences are put together from the figures.
    pub prose_by: String,
    /// Present where the lists are cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
}

impl Output {
    /// Cut every list to what an output may hold.
    fn shorten(&mut self) {
        let n = self.prioritized_tickets.len();
        self.listed = Listed::of(n, n.min(MOST_TICKETS), "priority_scores.json");
        self.prioritized_tickets.truncate(MOST_TICKETS);
        self.routing.queues.truncate(MOST_GROUPS);
        self.routing.without_tickets.truncate(MOST_TICKETS);
    }
}

/// The phase.
pub struct PriorityScoring;

impl Phase for PriorityScoring {
    const NAME: &'static str = "priority_scoring";
    type Input = Input;
    type Output = Output;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new(
            "Priority scoring",
            "Scores impact and urgency of each ticket, assigns P0 to P3 with the reasons, suggests a team and estimates \
             the time to resolution.",
        )
        .agent_type("operations_analyst")
        .reads("tickets_structured.json")
        .reads("categorization_results.json")
        .deliverable("priority_scores.json", FileKind::Json, "Priority of each ticket with the parts of its score")
        .deliverable("priority_matrix.png", FileKind::Png, "Tickets by impact and urgency")
        .output("routing_plan.md", FileKind::Markdown)
        .limits(crate::listed::limits())
    }

    fn validate(input: &Input) -> Vec<Problem> {
        let mut problems = input.sla_policy.as_ref().map(|p| p.problems("/sla_policy")).unwrap_or_default();
        let mut names = Vec::new();
        for (i, team) in input.teams.iter().flatten().enumerate() {
            let name = team.team().name;
            if name.trim().is_empty() {
                problems.push(Problem::new(
                    format!("/teams/{i}"),
                    "the team has no name; give it one in \"name\"",
                ));
            } else if names.contains(&name) {
                let message = format!("there are two teams {name:?}; names must differ");
                problems.push(Problem::new(format!("/teams/{i}"), message));
            }
            names.push(name);
        }
        problems
    }

    fn execute(ctx: &mut Context<'_, NoConfig>, input: Input) -> PhaseResult<Output> {
        let problems = Self::validate(&input);
        if !problems.is_empty() {
            return Err(PhaseError::InvalidInput(problems));
        }
        let data: StructuredTickets = ctx.read_json("tickets_structured.json")?;
        let categories: CategorizationFile = ctx.read_json("categorization_results.json")?;
        let mut output = prioritize(&data, &Categories::new(categories), &input)?;
        ctx.progress(0.7, "writing");
        write_json(ctx, "priority_scores.json", &output)?;
        ctx.write("priority_matrix.png", matrix::png(&output)?)?;
        ctx.write("routing_plan.md", report::routing_plan(&data, &output))?;
        let Summary { n, n_waiting, states, .. } = output.summary;
        let unknown = states.unknown;
        ctx.info(format!("{n} tickets scored; {n_waiting} wait, of {unknown} that is not known"));
        output.shorten();
        done(output)
    }
}

fn prioritize(
    data: &StructuredTickets,
    categories: &Categories,
    input: &Input,
) -> Result<Output, PhaseError> {
    let tickets = &data.normalized_tickets;
    let as_of = data.as_of()?;
    let entities: BTreeMap<&str, &Entities> =
        data.extracted_entities.iter().map(|e| (e.ticket_id.as_str(), e)).collect();
    let policy = input.sla_policy.as_ref();
    let clock = policy
        .map(|policy| SlaClock::for_tickets(policy, tickets, as_of))
        .transpose()
        .map_err(PhaseError::InvalidInput)?;
    let scales = Scales::of(
        tickets.iter().filter_map(|t| t.votes).collect(),
        tickets.iter().filter_map(|t| t.comments).collect(),
        tickets.iter().filter_map(|t| categories.similar(&t.id)).map(|n| n as u64).collect(),
    );
    let scorer = Scorer::new(scales, policy);
    let router = Router::new(input.teams.as_deref().unwrap_or_default());
    let times = ResolutionTimes::new(tickets, categories, as_of);

    let scored = tickets.iter().map(|ticket| {
        let own = categories.of(&ticket.id);
        let entities = entities.get(ticket.id.as_str()).copied();
        let signs = criticality::signs(ticket, entities);
        let standing = Standing::of(ticket, as_of);
        let sla = clock.as_ref().map(|clock| clock.resolution(ticket));
        let similar = categories.similar(&ticket.id);
        let concerns_many = criticality::concerns_many(entities);
        let facts = Facts {
            ticket,
            standing,
            categories: own,
            similar,
            signs: &signs,
            concerns_many,
            sla: sla.as_ref(),
        };
        let score = scorer.score(&facts);
        PrioritizedTicket {
            ticket_id: ticket.id.clone(),
            subject: ticket.subject.clone(),
            rank: None,
            standing,
            priority: score.priority,
            rule: score.rule,
            score: ((score.impact + score.urgency) * 10.0).round() / 10.0,
            impact: score.impact,
            urgency: score.urgency,
            contributions: score.contributions,
            unknown: score.unknown,
            source_priority: ticket.priority,
            levels_above_source: ticket.priority.map(|source| source as i8 - score.priority as i8),
            sla: sla.and_then(Result::ok),
            first_response_sla: clock.as_ref().and_then(|clock| clock.first_response(ticket).ok()),
            expected_resolution: times.expected(ticket),
            route: router.route(ticket, own, entities, &signs),
            signs,
        }
    });
    let mut prioritized: Vec<(&Ticket, PrioritizedTicket)> = tickets.iter().zip(scored).collect();
    prioritized.sort_by(|(a, x), (b, y)| {
        (!x.standing.may_wait(), x.priority)
            .cmp(&(!y.standing.may_wait(), y.priority))
            .then(y.score.total_cmp(&x.score))
            .then_with(|| a.created_at.cmp(&b.created_at))
            .then_with(|| a.id.cmp(&b.id))
    });
    for (i, (_, ticket)) in prioritized.iter_mut().enumerate().filter(|(_, (_, t))| t.standing.may_wait()) {
        ticket.rank = Some(i + 1);
    }
    let resolvers = routing::resolvers(prioritized.iter().map(|(ticket, scored)| (*ticket, scored)));
    let prioritized: Vec<PrioritizedTicket> = prioritized.into_iter().map(|(_, scored)| scored).collect();
    Ok(Output {
        routing: router.plan(&prioritized, &resolvers),
        summary: summary(&prioritized, scales, clock.as_ref()),
        prioritized_tickets: prioritized,
        prose_by: "template".to_owned(),
        listed: None,
    })
}

fn summary(tickets: &[PrioritizedTicket], scales: Scales, clock: Option<&SlaClock<'_>>) -> Summary {
    let count = |waiting: bool| {
        let mut counts: BTreeMap<String, usize> = ["P0", "P1", "P2", "P3"].map(|p| (p.to_owned(), 0)).into();
        for ticket in tickets.iter().filter(|t| !waiting || t.standing.may_wait()) {
            *counts.entry(format!("{:?}", ticket.priority)).or_default() += 1;
        }
        counts
    };
    let mut unknown = BTreeMap::new();
    for reason in tickets.iter().flat_map(|t| &t.unknown) {
        *unknown.entry(reason.clone()).or_default() += 1;
    }
    let differences = || tickets.iter().filter_map(|t| t.levels_above_source);
    let states: StateCounts = tickets.iter().map(|t| t.standing).collect();
    Summary {
        n: tickets.len(),
        n_waiting: states.open,
        states,
        by_priority: count(false),
        waiting_by_priority: count(true),
        n_source_priority: differences().count(),
        n_disagree_with_source: differences().filter(|levels| *levels != 0).count(),
        scales,
        sla_hours: clock.map(|clock| clock.hours().to_owned()),
        unknown,
    }
}
