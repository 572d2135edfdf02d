//! Phase `solution_generation`: what helps with each ticket that waits, replies to it, and what the documentation lacks.
//!
//! Everything is drawn from the knowledge base and from earlier resolved tickets, quoted with its source.

mod article;
mod gaps;
mod groups;
mod reply;
mod search;
mod solve;

use std::collections::BTreeMap;

use heddle_sdk::prelude::*;

pub use self::{
    article::{Article, ArticleId},
    gaps::Gap,
    groups::GroupBy,
    reply::{Draft, ResponseTemplate, Slot},
};
use crate::{
    listed::{Listed, MOST_GROUPS, MOST_TICKETS, write_json},
    priority::{
        PrioritizedTicket,
        context::{Categories, CategorizationFile},
    },
    standing::StateCounts,
    ticket::{Priority, StructuredTickets},
};

/// Options; the tickets come from `tickets_structured.json`, `categorization_results.json` and `priority_scores.json`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {
    /// Articles that may solve tickets.
    pub knowledge_base: Option<Vec<Article>>,
}

/// What helps with a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TicketSolution {
    /// The ticket.
    pub ticket_id: String,
    /// Its subject.
    pub subject: String,
    /// Its priority.
    pub priority: Priority,
    /// Its category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Articles that fit, the best first, at most three.
    pub articles: Vec<ArticleFit>,
    /// Earlier resolved tickets that fit, the best first, at most three.
    pub resolved_tickets: Vec<ResolvedFit>,
    /// Steps quoted from them.
    pub steps: Vec<Step>,
    /// Why there are no steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_steps_because: Option<String>,
    /// What a fault report lacks.
    pub missing_information: Vec<String>,
    /// P2 and P3: a reply for a person to check and send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft_reply: Option<Draft>,
    /// P0 and P1: hints for whoever takes it; no reply is drafted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestions: Option<Vec<String>>,
    /// The template of its group, or of its category: one without an article, or with one that fits this ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<String>,
}

/// An article that fits a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArticleFit {
    /// The article.
    pub article_id: String,
    /// Its title.
    pub title: String,
    /// Where it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Normalised BM25, 0 to 1.
    pub relevance: f64,
    /// Words that it shares with the ticket, the most telling first, at most eight.
    pub shared_words: Vec<String>,
}

/// A resolved ticket that fits another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResolvedFit {
    /// The resolved ticket.
    pub ticket_id: String,
    /// Its subject.
    pub subject: String,
    /// Normalised BM25, 0 to 1.
    pub relevance: f64,
    /// Words that it shares with the ticket, the most telling first, at most eight.
    pub shared_words: Vec<String>,
    /// How long it took, by the wall clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution_hours: Option<f64>,
    /// Who worked on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
}

/// A quotation that may help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// As it stands in the source, white space aside.
    pub text: String,
    /// Whether the end is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shortened: bool,
    /// Where it stands.
    pub source: StepSource,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepSource {
    /// `article` or `resolved_ticket`.
    pub kind: String,
    /// The article's or ticket's id.
    pub id: String,
}

/// Figures over all tickets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Tickets that wait. They have a solution below, and those of unknown state have one as well.
    pub n_waiting: usize,
    /// Where all tickets stand.
    pub states: StateCounts,
    /// Resolved tickets; they need no solution.
    pub n_resolved: usize,
    /// Articles.
    pub n_articles: usize,
    /// Tickets with a solution below for which an article fits.
    pub n_with_article: usize,
    /// Tickets with a solution below for which a resolved ticket fits.
    pub n_with_resolved_ticket: usize,
    /// Tickets with quoted steps.
    pub n_with_steps: usize,
    /// Calibrated relevance from which an article fits, by length of query; where there is none, 0.2 holds.
    pub article_thresholds: Vec<Threshold>,
    /// Calibrated relevance from which a resolved ticket fits, by length of query; where there is none, 0.2 holds.
    pub resolved_thresholds: Vec<Threshold>,
    /// What could not be computed, and why.
    pub not_computable: Vec<String>,
}

/// The least relevance that counts for queries of a length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// Most words of such queries. Absent for those longer than all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_words: Option<usize>,
    /// Normalised BM25, 0 to 1.
    pub relevance: f64,
}

/// What the phase found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Output {
    /// One for each ticket that waits or may wait, by rank.
    pub ticket_solutions: Vec<TicketSolution>,
    /// Replies for the common issues, those of most tickets first, then one for each category.
    pub templates: Vec<ResponseTemplate>,
    /// Matters for which the knowledge base has no fitting article.
    pub gaps: Vec<Gap>,
    /// Figures over all tickets.
    pub summary: Summary,
    /// `template`: sentences are put together from the data.
    pub prose_by: String,
    /// Present where the lists are cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
}

impl Output {
    /// Cut every list to what an output may hold.
    fn shorten(&mut self) {
        let n = self.ticket_solutions.len();
        self.listed = Listed::of(n, n.min(MOST_TICKETS), "solutions.json");
        self.ticket_solutions.truncate(MOST_TICKETS);
        self.templates.truncate(MOST_GROUPS);
        self.gaps.truncate(MOST_GROUPS);
    }
}

/// What this phase reads of `priority_scores.json`.
#[derive(Debug, Deserialize)]
struct PriorityFile {
    prioritized_tickets: Vec<PrioritizedTicket>,
}

#[derive(Serialize)]
struct TemplatesFile<'a> {
    templates: &'a [ResponseTemplate],
    prose_by: &'a str,
}

/// The phase.
pub struct SolutionGeneration;

impl Phase for SolutionGeneration {
    const NAME: &'static str = "solution_generation";
    type Input = Input;
    type Output = Output;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new(
            "Solution generation",
            "Finds articles and earlier resolved tickets that fit, quotes their steps, drafts replies and templates, and \
             lists what the documentation lacks.",
        )
        .agent_type("technical_writer")
        .reads("tickets_structured.json")
        .reads("categorization_results.json")
        .reads("priority_scores.json")
        .deliverable("solutions.json", FileKind::Json, "What helps with each ticket, with draft replies")
        .output("response_templates.json", FileKind::Json)
        .output("kb_gaps.md", FileKind::Markdown)
        .limits(crate::listed::limits())
    }

    fn validate(input: &Input) -> Vec<Problem> {
        article::problems(input.knowledge_base.as_deref().unwrap_or_default())
    }

    fn execute(ctx: &mut Context<'_, NoConfig>, input: Input) -> PhaseResult<Output> {
        let problems = Self::validate(&input);
        if !problems.is_empty() {
            return Err(PhaseError::InvalidInput(problems));
        }
        let data: StructuredTickets = ctx.read_json("tickets_structured.json")?;
        let categories: CategorizationFile = ctx.read_json("categorization_results.json")?;
        let scored: PriorityFile = ctx.read_json("priority_scores.json")?;
        let scored: BTreeMap<&str, &PrioritizedTicket> =
            scored.prioritized_tickets.iter().map(|t| (t.ticket_id.as_str(), t)).collect();
        if let Some(missing) = data.normalized_tickets.iter().find(|t| !scored.contains_key(t.id.as_str())) {
            return Err(PhaseError::Failed(format!(
                "priority_scores.json has no ticket {:?}, which tickets_structured.json has: run priority_scoring again",
                missing.id
            )));
        }
        let as_of = data.as_of()?;
        let categories = Categories::new(categories);
        let articles = input.knowledge_base.unwrap_or_default();
        ctx.progress(0.1, "indexing");
        let mut rng = ctx.rng();
        let mut output = solve::Solver::new(&data, as_of, &categories, &scored, &articles, &mut rng).output();
        ctx.progress(0.9, "writing");
        write_json(ctx, "solutions.json", &output)?;
        let templates = TemplatesFile { templates: &output.templates, prose_by: &output.prose_by };
        ctx.write_json("response_templates.json", &templates)?;
        ctx.write("kb_gaps.md", gaps::markdown(&data, &output))?;
        let s = &output.summary;
        ctx.info(format!(
            "{} tickets wait, of {} that is not known; an article fits {}",
            s.n_waiting, s.states.unknown, s.n_with_article
        ));
        output.shorten();
        done(output)
    }
}
