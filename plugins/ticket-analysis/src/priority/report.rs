//! `routing_plan.md`.

use std::fmt::Write as _;

use heddle_kit::report::markdown_escaped;

use super::{
    Output, PrioritizedTicket, Summary,
    resolution::ExpectedResolution,
    routing::{Queue, TRIAGE},
    score::{MANY, P0_FROM, P1_FROM, P2_FROM},
};
use crate::ticket::{Priority, StructuredTickets};

/// How many tickets a table shows.
const SHOWN: usize = 15;
const LONGEST_SUBJECT: usize = 90;

/// The routing plan, put together from the results.
pub(super) fn routing_plan(data: &StructuredTickets, output: &Output) -> String {
    let mut md = String::new();
    let s = &output.summary;
    let _ = writeln!(md, "# Routing plan\n");
    let _ = writeln!(
        md,
        "Source: {}. As of {}. {} tickets: {}. Every team named below is a suggestion.\n",
        markdown_escaped(&data.source),
        data.as_of,
        s.n,
        waiting(s)
    );
    for remark in s.states.remarks(&data.as_of) {
        let _ = writeln!(md, "{remark}\n");
    }
    let _ = writeln!(md, "| priority | means | {} | all |\n|---|---|---:|---:|", ranked(s));
    for (priority, means) in
        [("P0", "at once"), ("P1", "the same day"), ("P2", "in two or three days"), ("P3", "backlog")]
    {
        let _ = writeln!(
            md,
            "| {priority} | {means} | {} | {} |",
            s.waiting_by_priority.get(priority).unwrap_or(&0),
            s.by_priority.get(priority).unwrap_or(&0)
        );
    }
    md.push('\n');
    first_tickets(&mut md, output);
    queues(&mut md, output);
    disagreements(&mut md, output);
    method(&mut md, output);
    md
}

/// How many wait, of those of whom it is known.
fn waiting(s: &Summary) -> String {
    match (s.states.known(), s.states.unknown) {
        (0, 1..) => "which of them wait is not known, so all are ranked as if they did".to_owned(),
        (known, 1..) => format!(
            "{} of the {known} whose state is known wait to be worked on; the others are ranked as if they did",
            s.n_waiting
        ),
        (_, 0) => format!("{} wait to be worked on", s.n_waiting),
    }
}

/// What a column of ranked tickets is called.
fn ranked(s: &Summary) -> &'static str {
    if s.states.unknown > 0 { "waiting or unknown" } else { "waiting" }
}

fn first_tickets(md: &mut String, output: &Output) {
    let urgent: Vec<&PrioritizedTicket> = output
        .prioritized_tickets
        .iter()
        .filter(|t| t.standing.may_wait() && t.priority <= Priority::P1)
        .collect();
    let _ = writeln!(md, "## First\n");
    if urgent.is_empty() {
        let _ = writeln!(md, "None of these tickets is P0 or P1.\n");
        return;
    }
    let _ = writeln!(md, "| rank | ticket | priority | score | why | team | expected resolution |");
    let _ = writeln!(md, "|---:|---|---|---:|---|---|---|");
    for ticket in urgent.iter().take(SHOWN) {
        let mut reasons: Vec<_> = ticket.contributions.iter().filter(|c| c.points > 0.0).collect();
        reasons.sort_by(|a, b| b.points.total_cmp(&a.points));
        let why: Vec<String> = reasons
            .iter()
            .take(2)
            .map(|c| {
                format!("{:+.1} {}: {}", c.points, c.factor.replace('_', " "), markdown_escaped(&c.because))
            })
            .collect();
        let _ = writeln!(
            md,
            "| {} | {} {} | {:?} | {:.1} | {} | {} | {} |",
            ticket.rank.unwrap_or_default(),
            markdown_escaped(&ticket.ticket_id),
            markdown_escaped(&shortened(&ticket.subject)),
            ticket.priority,
            ticket.score,
            why.join("; "),
            markdown_escaped(&ticket.route.team),
            expected(&ticket.expected_resolution)
        );
    }
    if urgent.len() > SHOWN {
        let _ = writeln!(md, "\n{} more of P0 and P1 are in `priority_scores.json`.", urgent.len() - SHOWN);
    }
    md.push('\n');
}

fn queues(md: &mut String, output: &Output) {
    let routing = &output.routing;
    let _ = writeln!(md, "## Queues\n");
    let basis = if routing.basis == "teams" {
        "Teams are matched by assignee, component, product area, category, product, customer tier and expertise."
    } else {
        "The input names no teams, so the queues are named after product area, component or product."
    };
    let _ = writeln!(md, "{basis}\n");
    if routing.queues.is_empty() {
        let _ = writeln!(md, "None of the tickets waits.\n");
        return;
    }
    let _ = writeln!(
        md,
        "| queue | {} | P0 | P1 | P2 | P3 | expertise asked for | has resolved such tickets |",
        ranked(&output.summary)
    );
    let _ = writeln!(md, "|---|---:|---:|---:|---:|---:|---|---|");
    for Queue { team, n, by_priority, expertise, has_resolved, .. } in &routing.queues {
        let level = |p: &str| by_priority.get(p).copied().unwrap_or(0);
        let counted = |list: &[(String, usize)]| {
            let list: Vec<_> =
                list.iter().take(4).map(|(what, n)| format!("{} ({n})", markdown_escaped(what))).collect();
            if list.is_empty() { "not known".to_owned() } else { list.join(", ") }
        };
        let (p0, p1, p2, p3) = (level("P0"), level("P1"), level("P2"), level("P3"));
        let (expertise, people) = (counted(expertise), counted(has_resolved));
        let _ = writeln!(
            md,
            "| {} | {n} | {p0} | {p1} | {p2} | {p3} | {expertise} | {people} |",
            markdown_escaped(team)
        );
    }
    md.push('\n');
    if routing.n_triage > 0 {
        let _ = writeln!(
            md,
            "{} of these tickets are in `{TRIAGE}`: nothing in them points to a queue.\n",
            routing.n_triage
        );
    }
    if !routing.without_tickets.is_empty() {
        let names: Vec<_> = routing.without_tickets.iter().map(|name| markdown_escaped(name)).collect();
        let _ = writeln!(md, "Nothing was routed to {}.\n", names.join(", "));
    }
}

fn disagreements(md: &mut String, output: &Output) {
    let s = &output.summary;
    let _ = writeln!(md, "## Compared with the source's priorities\n");
    if s.n_source_priority == 0 {
        let _ = writeln!(md, "Not computable: the source states no priorities.\n");
        return;
    }
    let _ = writeln!(
        md,
        "The source states a priority for {} tickets; {} of them got another one here.\n",
        s.n_source_priority, s.n_disagree_with_source
    );
    let mut apart: Vec<&PrioritizedTicket> = output
        .prioritized_tickets
        .iter()
        .filter(|t| t.standing.may_wait() && t.levels_above_source.is_some_and(|levels| levels.abs() >= 2))
        .collect();
    apart.sort_by_key(|t| std::cmp::Reverse(t.levels_above_source.map(i8::abs)));
    if !apart.is_empty() {
        let _ = writeln!(md, "Of those that wait or may wait, two or more levels apart:\n");
        let _ = writeln!(md, "| ticket | source | here | score |\n|---|---|---|---:|");
        for t in apart.iter().take(SHOWN) {
            let source = t.source_priority.map(|p| format!("{p:?}")).unwrap_or_default();
            let _ = writeln!(
                md,
                "| {} {} | {source} | {:?} | {:.1} |",
                markdown_escaped(&t.ticket_id),
                markdown_escaped(&shortened(&t.subject)),
                t.priority,
                t.score
            );
        }
        md.push('\n');
    }
}

fn method(md: &mut String, output: &Output) {
    let s = &output.summary;
    let _ = writeln!(md, "## How the priorities come about\n");
    let _ = writeln!(
        md,
        "The score is the sum of impact (votes up to 9, similar tickets up to 8, customer tier up to 7, comments up to 6, many affected 3) and \
         urgency (criticality up to 45, faults up to 5, SLA up to 10, the source's priority -8 to 15). P0 from {P0_FROM} where \
         the strongest sign is outage, data loss, security or payment, or a crash with an impact of at least {MANY}, or where \
         the source says P0; P1 from {P1_FROM}; P2 from {P2_FROM}; else P3. \
         Full points at {} votes, {} comments, {} similar tickets.\n",
        s.scales.votes, s.scales.comments, s.scales.similar_tickets
    );
    let _ = writeln!(
        md,
        "Expected resolution: hours until a half, and 10 % to 90 %, of the similar tickets that had been open as long were \
         resolved (Kaplan–Meier; open tickets are censored), by the wall clock.\n"
    );
    match &s.sla_hours {
        Some(hours) => {
            let _ = writeln!(md, "SLA hours are {} hours.\n", hours.replace('_', "-"));
        }
        None => {
            let _ = writeln!(md, "SLA urgency: not computable, no SLA policy is given.\n");
        }
    }
    if !s.unknown.is_empty() {
        let _ = writeln!(md, "Not known, and without influence on the score:\n");
        for (reason, n) in &s.unknown {
            let _ = writeln!(md, "- {} ({n} tickets)", markdown_escaped(&reason.replace('_', " ")));
        }
        md.push('\n');
    }
    let _ = writeln!(md, "Sentences are composed by a template from the results.");
}

fn expected(expected: &ExpectedResolution) -> String {
    let (Some(median), Some(n)) = (expected.median_hours, expected.n_at_risk) else {
        return format!(
            "not computable: {}",
            markdown_escaped(expected.not_computable.as_deref().unwrap_or("no data"))
        );
    };
    let range = match (expected.low_hours, expected.high_hours) {
        (Some(low), Some(high)) => format!("{} to {}", duration(low), duration(high)),
        (Some(low), None) => format!("{} to more than is known", duration(low)),
        _ => "interval not known".to_owned(),
    };
    format!("{} ({range}; n = {n})", duration(median))
}

fn duration(hours: f64) -> String {
    if hours < 72.0 { format!("{hours:.1} h") } else { format!("{:.0} days", hours / 24.0) }
}

/// At most so many characters, with an ellipsis where some are left out.
pub(crate) fn shortened(subject: &str) -> String {
    if subject.chars().count() <= LONGEST_SUBJECT {
        return subject.to_owned();
    }
    let mut short: String = subject.chars().take(LONGEST_SUBJECT - 1).collect();
    short.push('…');
    short
}
