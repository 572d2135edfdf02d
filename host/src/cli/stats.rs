//! `heddle stats`: how often, how well and how fast workflows and phases run.

use std::process::ExitCode;

use reqwest::Method;

use super::{
    access::Ask,
    output,
    span::{Moment, query},
};
use crate::api::wire::{DistributionBody, RunStatisticsBody, StatisticsBody};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only over runs of this workflow
    #[arg(long)]
    workflow: Option<String>,
    /// Only over runs created then or later: a moment, or how long ago it was (7d, 12h)
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only over runs created before
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    #[command(flatten)]
    ask: Ask,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let query = query(&[
        ("workflow", args.workflow),
        ("since", args.since.map(|at| at.0.to_string())),
        ("until", args.until.map(|at| at.0.to_string())),
    ]);
    let found: StatisticsBody = args.ask.call(Method::GET, &format!("/statistics{query}"), None).await?;
    match args.ask.json {
        true => output::json(&found)?,
        false => output::say(&text(&found))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(statistics: &StatisticsBody) -> String {
    let all = [("all".to_owned(), &statistics.overall)];
    let each = statistics.workflows.iter().map(|(name, runs)| (output::plain(name), runs));
    let rows = all.into_iter().chain(each).map(|(name, runs)| {
        let RunStatisticsBody { count, success_rate, retries, duration_us, .. } = runs;
        let mut row = vec![name, count.to_string(), percent(*success_rate), retries.to_string()];
        row.extend(figures(*duration_us, output::micros));
        row
    });
    let headings = ["WORKFLOW", "RUNS", "SUCCESS", "RETRIES", "MIN", "AVG", "P50", "P95", "MAX"];
    let mut text = output::table(&headings, &[1, 2, 3, 4, 5, 6, 7, 8], rows.collect());
    if statistics.workflows_truncated {
        text.push_str("\n(and more workflows, with fewer runs)");
    }
    if !statistics.phases.is_empty() {
        let rows = statistics.phases.iter().map(|(name, phase)| {
            let time = |measure: Option<DistributionBody>, figure: fn(DistributionBody) -> u64| {
                measure.map_or_else(String::new, |found| output::micros(figure(found)))
            };
            vec![
                output::plain(name),
                phase.count.to_string(),
                percent(phase.success_rate),
                phase.retries.to_string(),
                time(phase.wall_us, |wall| wall.p50),
                time(phase.wall_us, |wall| wall.p95),
                time(phase.wall_us, |wall| wall.max),
                time(phase.cpu_us, |cpu| cpu.p95),
                phase.peak_memory_bytes.map_or_else(String::new, |memory| output::bytes(memory.max)),
                time(phase.queued_us, |queued| queued.p95),
            ]
        });
        let headings = [
            "PHASE",
            "ATTEMPTS",
            "SUCCESS",
            "RETRIES",
            "WALL P50",
            "P95",
            "MAX",
            "CPU P95",
            "MEMORY MAX",
            "QUEUED P95",
        ];
        text.push_str("\n\n");
        text.push_str(&output::table(&headings, &[1, 2, 3, 4, 5, 6, 7, 8, 9], rows.collect()));
        if statistics.phases_truncated {
            text.push_str("\n(and more phases, with fewer attempts)");
        }
    }
    text
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(String::new, |share| format!("{:.1} %", share * 100.0))
}

fn figures(measure: Option<DistributionBody>, show: fn(u64) -> String) -> Vec<String> {
    let Some(DistributionBody { min, avg, p50, p95, max, .. }) = measure else {
        return vec![String::new(); 5];
    };
    [min, avg as u64, p50, p95, max].map(show).to_vec()
}
