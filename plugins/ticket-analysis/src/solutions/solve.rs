//! From tickets, articles and priorities to solutions, templates and gaps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand::Rng;

use super::{
    Article, ArticleFit, Output, ResolvedFit, Step, StepSource, Summary, Threshold, TicketSolution,
    article::{sentences, steps},
    gaps,
    groups::{Group, by_category, groups},
    reply,
    search::{Bm25, Hit, Query, Vocabulary},
};
use crate::{
    priority::{PrioritizedTicket, context::Categories, criticality::prose},
    sla::instant,
    standing::{Standing, StateCounts},
    ticket::{Entities, Priority, StructuredTickets, Ticket},
};

/// Most articles and resolved tickets for a ticket.
const MOST_FITS: usize = 3;
/// Most templates for groups.
const MOST_TEMPLATES: usize = 20;
/// Words by which a reporter says that something helped.
const HELPED: &[&str] =
    &["workaround", "work-around", "solved by", "fixed by", "resolved by", "the fix is", "the solution is"];

pub(super) struct Solver<'a> {
    data: &'a StructuredTickets,
    as_of: Timestamp,
    categories: &'a Categories,
    scored: &'a BTreeMap<&'a str, &'a PrioritizedTicket>,
    articles: &'a [Article],
    by_id: BTreeMap<&'a str, &'a Ticket>,
    entities: BTreeMap<&'a str, &'a Entities>,
    vocabulary: Vocabulary,
    words: Vec<String>,
    queries: Vec<Query>,
    article_index: Bm25,
    /// Places of the resolved tickets among all.
    resolved: Vec<usize>,
    resolved_index: Bm25,
    /// For every ticket the articles that fit.
    fits: Vec<Vec<ArticleFit>>,
}

impl<'a> Solver<'a> {
    pub(super) fn new(
        data: &'a StructuredTickets,
        as_of: Timestamp,
        categories: &'a Categories,
        scored: &'a BTreeMap<&'a str, &'a PrioritizedTicket>,
        articles: &'a [Article],
        rng: &mut impl Rng,
    ) -> Self {
        let tickets = &data.normalized_tickets;
        let mut vocabulary = Vocabulary::default();
        let article_words: Vec<Vec<u32>> = articles.iter().map(|a| vocabulary.add(&a.searched())).collect();
        let ticket_words: Vec<Vec<u32>> = tickets
            .iter()
            .map(|t| vocabulary.add(&format!("{0} {0} {1}", t.subject, prose(&t.description))))
            .collect();
        let queries: Vec<Query> = tickets.iter().map(|t| vocabulary.query(t)).collect();
        let resolved: Vec<usize> =
            (0..tickets.len()).filter(|i| Standing::of(&tickets[*i], as_of) == Standing::Resolved).collect();
        let article_texts: Vec<&[u32]> = article_words.iter().map(Vec::as_slice).collect();
        let resolved_texts: Vec<&[u32]> = resolved.iter().map(|i| ticket_words[*i].as_slice()).collect();
        let article_index = Bm25::new(&vocabulary, &article_texts).calibrated(&vocabulary, &queries, rng);
        let resolved_index = Bm25::new(&vocabulary, &resolved_texts).calibrated(&vocabulary, &queries, rng);
        let words = vocabulary.words().into_iter().map(str::to_owned).collect();
        let entities = data.extracted_entities.iter().map(|e| (e.ticket_id.as_str(), e)).collect();
        let by_id = tickets.iter().map(|t| (t.id.as_str(), t)).collect();
        let fits = Vec::new();
        let mut solver = Self {
            data,
            as_of,
            categories,
            scored,
            articles,
            by_id,
            entities,
            vocabulary,
            words,
            queries,
            article_index,
            resolved,
            resolved_index,
            fits,
        };
        solver.fits = (0..tickets.len()).map(|i| solver.article_fits(i)).collect();
        solver
    }

    pub(super) fn output(&self) -> Output {
        let tickets = &self.data.normalized_tickets;
        let groups = groups(tickets, self.categories, &self.vocabulary);
        let (templates, template_of) = self.templates(&groups);
        let mut waiting: Vec<usize> = (0..tickets.len()).filter(|i| self.may_wait(*i)).collect();
        waiting.sort_by_key(|i| self.scored[tickets[*i].id.as_str()].rank);
        let ticket_solutions: Vec<TicketSolution> =
            waiting.iter().map(|i| self.solution(*i, template_of.get(i))).collect();
        let gaps = gaps::gaps(&groups, tickets, |i| self.may_wait(i), |i| !self.fits[i].is_empty());
        let count = |test: fn(&TicketSolution) -> bool| ticket_solutions.iter().filter(|s| test(s)).count();
        let mut not_computable = Vec::new();
        if self.articles.is_empty() {
            not_computable.push("articles that fit: the input has no knowledge_base".to_owned());
        }
        if self.resolved.is_empty() {
            not_computable.push("earlier resolved tickets that fit: no ticket is resolved".to_owned());
        } else {
            not_computable.push("how resolved tickets were solved: tickets carry no record of it, only what their reporters wrote".to_owned());
        }
        let states: StateCounts = tickets.iter().map(|t| Standing::of(t, self.as_of)).collect();
        let summary = Summary {
            n_waiting: states.open,
            states,
            n_resolved: self.resolved.len(),
            n_articles: self.articles.len(),
            n_with_article: count(|s| !s.articles.is_empty()),
            n_with_resolved_ticket: count(|s| !s.resolved_tickets.is_empty()),
            n_with_steps: count(|s| !s.steps.is_empty()),
            article_thresholds: thresholds(&self.article_index),
            resolved_thresholds: thresholds(&self.resolved_index),
            not_computable,
        };
        Output { ticket_solutions, templates, gaps, summary, prose_by: "template".to_owned(), listed: None }
    }

    fn may_wait(&self, i: usize) -> bool {
        Standing::of(&self.data.normalized_tickets[i], self.as_of).may_wait()
    }

    fn solution(&self, i: usize, template_id: Option<&String>) -> TicketSolution {
        let ticket = &self.data.normalized_tickets[i];
        let scored = self.scored[ticket.id.as_str()];
        let own = self.categories.of(&ticket.id);
        let articles = self.fits[i].clone();
        let resolved = self.resolved_fits(i);
        let (steps, no_steps_because) = self.steps(i, &articles, &resolved);
        let missing = reply::missing(own, ticket, self.entities.get(ticket.id.as_str()).copied());
        let by_person = scored.priority <= Priority::P1;
        TicketSolution {
            ticket_id: ticket.id.clone(),
            subject: ticket.subject.clone(),
            priority: scored.priority,
            category: own.category.clone(),
            draft_reply: (!by_person).then(|| reply::draft(ticket, own, &articles, &steps, &missing)),
            suggestions: by_person.then(|| reply::suggestions(scored, &articles, &resolved, &missing)),
            articles,
            resolved_tickets: resolved,
            steps,
            no_steps_because,
            missing_information: missing,
            template_id: template_id.cloned(),
        }
    }

    fn article_fits(&self, i: usize) -> Vec<ArticleFit> {
        let hits = self.article_index.fitting(&self.vocabulary, &self.queries[i], MOST_FITS);
        let fit = |hit: Hit| {
            let article = &self.articles[hit.at];
            ArticleFit {
                article_id: article.id_at(hit.at),
                title: article.title.clone(),
                url: article.url.clone(),
                relevance: rounded(hit.relevance),
                shared_words: self.telling(&hit.shared),
            }
        };
        hits.into_iter().map(fit).collect()
    }

    fn resolved_fits(&self, i: usize) -> Vec<ResolvedFit> {
        let hits = self.resolved_index.fitting(&self.vocabulary, &self.queries[i], MOST_FITS);
        let fit = |hit: Hit| {
            let other = &self.data.normalized_tickets[self.resolved[hit.at]];
            ResolvedFit {
                ticket_id: other.id.clone(),
                subject: other.subject.clone(),
                relevance: rounded(hit.relevance),
                shared_words: self.telling(&hit.shared),
                resolution_hours: resolution_hours(other),
                assignee: other.assignee.clone(),
            }
        };
        hits.into_iter().map(fit).collect()
    }

    /// The best article's steps; without any, what reporters of resolved tickets wrote of a way out.
    fn steps(
        &self,
        i: usize,
        articles: &[ArticleFit],
        resolved: &[ResolvedFit],
    ) -> (Vec<Step>, Option<String>) {
        let query = &self.queries[i];
        let weight = |word: &str| {
            let number = self.vocabulary.number(word).filter(|n| query.words.iter().any(|(own, _)| own == n));
            number.map_or(0.0, |number| self.vocabulary.idf(number))
        };
        for fit in articles {
            let steps = self.article_steps(&fit.article_id, weight);
            if !steps.is_empty() {
                return (steps, None);
            }
        }
        let mut quoted = Vec::new();
        for fit in resolved {
            let other = self.by_id.get(fit.ticket_id.as_str());
            let found = other.and_then(|other| {
                let sentences = sentences(&prose(&other.description));
                let helped = |s: &String| HELPED.iter().any(|words| s.to_lowercase().contains(words));
                sentences.into_iter().find(helped)
            });
            if let Some(text) = found.filter(|text| text.chars().count() <= 400) {
                let source = StepSource { kind: "resolved_ticket".to_owned(), id: fit.ticket_id.clone() };
                quoted.push(Step { text, shortened: false, source });
            }
        }
        let why = quoted.is_empty().then(|| {
            if articles.is_empty() && resolved.is_empty() {
                "no article and no resolved ticket fits"
            } else if articles.is_empty() {
                "no article fits, and the resolved tickets that fit do not say what helped"
            } else {
                "the articles that fit have no passage that shares words with the ticket"
            }
            .to_owned()
        });
        (quoted, why)
    }

    fn article_steps(&self, id: &str, weight: impl Fn(&str) -> f64) -> Vec<Step> {
        let found = self.articles.iter().enumerate().find(|(place, article)| article.id_at(*place) == id);
        let Some((_, article)) = found else { return Vec::new() };
        let source = StepSource { kind: "article".to_owned(), id: id.to_owned() };
        let step = |passage: super::article::Passage| Step {
            text: passage.text,
            shortened: passage.shortened,
            source: source.clone(),
        };
        steps(&article.body, weight).into_iter().map(step).collect()
    }

    /// Templates, and which one each ticket has: that of its group, else that of its category, as far as it suits it.
    fn templates(&self, groups: &[Group]) -> (Vec<super::ResponseTemplate>, BTreeMap<usize, String>) {
        let tickets = &self.data.normalized_tickets;
        let categories = by_category(tickets, self.categories);
        let (mut templates, mut template_of) = (Vec::new(), BTreeMap::new());
        for group in groups.iter().take(MOST_TEMPLATES).chain(&categories) {
            let fit = self.common_article(group);
            let words = |word: &str| if group.words.iter().any(|own| own == word) { 1.0 } else { 0.0 };
            let steps = fit.map(|fit| self.article_steps(&fit.article_id, words)).unwrap_or_default();
            let kind = self.kind(group);
            let n_waiting = group.members.iter().filter(|i| self.may_wait(**i)).count();
            let examples = group.members.iter().take(5).map(|i| tickets[*i].id.clone()).collect();
            let article = fit.map(|fit| (fit, steps.as_slice()));
            let template = reply::template(templates.len() + 1, group, kind, n_waiting, examples, article);
            // A template that quotes an article is for tickets that the article fits; the others have that of their category.
            let suits = |i: &&usize| {
                let fits = |id: &String| self.fits[**i].iter().any(|fit| fit.article_id == *id);
                template.article_id.as_ref().is_none_or(fits)
            };
            for i in group.members.iter().filter(suits) {
                template_of.entry(*i).or_insert_with(|| template.id.clone());
            }
            templates.push(template);
        }
        (templates, template_of)
    }

    /// The article that is the best one for at least half of the group's tickets.
    fn common_article(&self, group: &Group) -> Option<&ArticleFit> {
        let mut counts: BTreeMap<&str, (usize, &ArticleFit)> = BTreeMap::new();
        for fit in group.members.iter().filter_map(|i| self.fits[*i].first()) {
            counts.entry(&fit.article_id).or_insert((0, fit)).0 += 1;
        }
        counts.into_values().find(|(n, _)| n * 2 >= group.members.len()).map(|(_, fit)| fit)
    }

    fn kind(&self, group: &Group) -> crate::priority::context::Kind {
        let of_group =
            |i: &&usize| self.categories.of(&self.data.normalized_tickets[**i].id).category == group.category;
        let first = group.members.iter().find(of_group).or(group.members.first());
        first.map_or(crate::priority::context::Kind::Other, |i| {
            self.categories.of(&self.data.normalized_tickets[*i].id).kind()
        })
    }

    /// The words of most weight, at most eight.
    fn telling(&self, words: &[u32]) -> Vec<String> {
        let mut words = words.to_vec();
        words.sort_by(|a, b| self.vocabulary.idf(*b).total_cmp(&self.vocabulary.idf(*a)).then(a.cmp(b)));
        words.into_iter().take(8).map(|word| self.words[word as usize].clone()).collect()
    }
}

fn resolution_hours(ticket: &Ticket) -> Option<f64> {
    let (created, resolved) =
        (instant(ticket.created_at.as_deref())?, instant(ticket.resolved_at.as_deref())?);
    let hours = (resolved.as_millisecond() - created.as_millisecond()) as f64 / 3_600_000.0;
    (hours >= 0.0).then(|| (hours * 10.0).round() / 10.0)
}

fn thresholds(index: &Bm25) -> Vec<Threshold> {
    let all = index.thresholds().into_iter();
    all.map(|(most_words, relevance)| Threshold { most_words, relevance: rounded(relevance) }).collect()
}

fn rounded(relevance: f64) -> f64 {
    (relevance * 1e4).round() / 1e4
}
