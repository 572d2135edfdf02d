//! `executive_report.md`: the findings in plain sentences, each with its number.

use heddle_kit::{
    report::{Markdown, markdown_escaped as escape},
    stats::wilson_interval,
};

use super::{
    data::Dataset,
    metrics::{Maybe, Metrics},
    predictions::{Finding, Forecast, Predictions},
    words::{hours, plural},
};

/// The Markdown.
pub(super) fn write(data: &Dataset, metrics: &Metrics, predictions: &Predictions) -> String {
    let mut out = Markdown::new("Tickets: executive report");
    let as_of = metrics.as_of.get(..10).unwrap_or(&metrics.as_of);
    let source = if data.source.is_empty() { String::new() } else { format!(", {}", escape(&data.source)) };
    out.paragraph(&format!(
        "{}{source}, as of {as_of}. prose_by: template.",
        plural(metrics.n_tickets, "ticket")
    ));
    section(&mut out, "In short", glance(metrics, &predictions.forecast_weekly));
    section(&mut out, "Volume", volume(metrics));
    section(&mut out, "Backlog and resolution", resolution(metrics));
    section(&mut out, "Service levels", service(metrics));
    section(&mut out, "What the tickets are about", matter(metrics));
    section(&mut out, "Who has the work", load(metrics));
    section(&mut out, "What to expect", outlook(predictions));
    findings(
        &mut out,
        "Resource planning",
        &predictions.recommendations,
        "The data do not support a recommendation.",
    );
    findings(&mut out, "Emerging issues", &predictions.emerging_issues, &predictions.emerging_summary);
    section(&mut out, "What to know about the data", metrics.notes.clone());
    section(&mut out, "Not computable", gaps(metrics, predictions));
    out.finish()
}

fn section(out: &mut Markdown, title: &str, lines: Vec<String>) {
    if !lines.is_empty() {
        out.heading(2, title).bullets(lines);
    }
}

fn findings(out: &mut Markdown, title: &str, list: &[Finding], none: &str) {
    out.heading(2, title);
    if list.is_empty() {
        out.paragraph(none);
    }
    out.bullets(list.iter().map(|finding| {
        let sums = match finding.arithmetic.trim_end_matches('.') {
            "" => String::new(),
            sums => format!(" ({})", escape(sums)),
        };
        format!("**{}.** {}{sums}", escape(&finding.title), escape(&finding.text))
    }));
}

fn glance(metrics: &Metrics, weekly: &Maybe<Forecast>) -> Vec<String> {
    let mut lines = Vec::new();
    let states = metrics.states;
    match (states.resolution_rate(), states.unknown) {
        (Some(rate), 0) => lines.push(format!(
            "{} open; {:.1} % are resolved.",
            plural(states.open, "ticket"),
            100.0 * rate
        )),
        (Some(rate), unknown) => lines.push(format!(
            "Of the {} whose state is known, {} open and {} resolved ({:.1} %); of {unknown} the state is not known.",
            plural(states.known(), "ticket"),
            is_or_are(states.open),
            is_or_are(states.resolved),
            100.0 * rate
        )),
        (None, 0) => {}
        (None, _) => {
            lines.push("How many tickets are open is not computable: none has a status or a resolution date.".to_owned());
        }
    }
    if let Some((sla, pct)) = metrics.sla.known().and_then(|s| Some((s, s.overall_compliance_pct?))) {
        let decided: usize = sla.by_tier.values().map(|t| t.tally.met + t.tally.breached).sum();
        lines.push(format!("{pct:.1} % of the {} whose SLA is decided met it.", plural(decided, "ticket")));
    }
    if let Some(next) = weekly.known().and_then(|f| f.ahead.first()) {
        let range = match (next.lower_80, next.upper_80) {
            (Some(low), Some(high)) => format!(" (80 % interval {low:.1} to {high:.1})"),
            _ => " (too few past forecasts for an interval)".to_owned(),
        };
        lines.push(format!("{:.1} tickets are expected in the week of {}{range}.", next.mean, next.start));
    }
    lines
}

fn volume(metrics: &Metrics) -> Vec<String> {
    let Some(volume) = metrics.volume.known() else { return Vec::new() };
    let mut lines = Vec::new();
    let weeks = volume.weekly.len();
    let total: u64 = volume.weekly.values().sum();
    if let (Some(first), Some((busiest, most))) = (
        volume.weekly.keys().next(),
        volume.weekly.iter().max_by_key(|(week, n)| (**n, std::cmp::Reverse(*week))),
    ) {
        lines.push(format!(
            "{total} tickets were created in the {weeks} weeks from {first} on, {:.1} a week; the busiest was that of {busiest} with {most}.",
            total as f64 / weeks as f64
        ));
    }
    if let (Some(now), Some(before)) = (volume.mean_last_8_weeks, volume.mean_8_weeks_before) {
        let verdict = match volume.difference_ci_95 {
            Some([low, _]) if low > 0.0 => "an increase",
            Some([_, high]) if high < 0.0 => "a decrease",
            _ => "no clear change",
        };
        let interval = volume.difference_ci_95.map_or_else(String::new, |[low, high]| {
            format!(" (difference {:+.1}, 95 % interval {low:+.1} to {high:+.1})", now - before)
        });
        lines.push(format!(
            "The last 8 complete weeks brought {now:.1} tickets a week, the 8 before {before:.1}: {verdict}{interval}."
        ));
    }
    if let Some(weeks) = volume.outlier_weeks_robust_z_gt_3.known().filter(|weeks| !weeks.is_empty()) {
        let shown: Vec<&str> = weeks.iter().rev().take(5).map(String::as_str).collect();
        lines.push(format!(
            "{} had unusually many tickets (robust z above 3): {}.",
            plural(weeks.len(), "week"),
            shown.join(", ")
        ));
    }
    lines
}

fn resolution(metrics: &Metrics) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(all) = metrics.resolution_hours.known().and_then(|r| r.all.known()) {
        lines.push(format!(
            "Half of the {} with both dates took no longer than {}, nine in ten no longer than {}; the mean is {}. Open tickets are not in it.",
            plural(all.n, "ticket"),
            hours(all.median),
            hours(all.p90),
            hours(all.mean)
        ));
    }
    if let Some(backlog) = metrics.backlog_at_week_end.known() {
        // The last week may not be over.
        let latest: Vec<(&String, &u64)> = backlog.iter().rev().skip(1).take(13).collect();
        if let (Some((_, now)), Some((then, before))) = (latest.first(), latest.last())
            && latest.len() == 13
        {
            lines.push(format!(
                "The backlog went from {before} at the end of the week of {then} to {now} twelve weeks later."
            ));
        }
        if let Some((week, most)) = backlog.iter().max_by_key(|(week, n)| (**n, std::cmp::Reverse(*week))) {
            lines.push(format!("It was largest in the week of {week}, with {most}."));
        }
    }
    lines
}

fn service(metrics: &Metrics) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(sla) = metrics.sla.known() {
        for (tier, t) in &sla.by_tier {
            let target = t.target_hours.map_or_else(String::new, |h| format!(", target {}", hours(h)));
            let pct = t.tally.compliance_pct.map_or_else(
                || "none decided".to_owned(),
                |p| format!("{p:.1} % met{}", interval(t.tally.met, t.tally.met + t.tally.breached)),
            );
            lines.push(format!(
                "{}{target}: {pct} ({} met, {} breached, {} pending).",
                escape(tier),
                t.tally.met,
                t.tally.breached,
                t.tally.pending
            ));
        }
    }
    if let Some(first) = metrics.first_response_hours.known() {
        lines.push(format!(
            "The first answer to {} came within {} in half of the cases and within {} in nine of ten.",
            plural(first.all.n, "ticket"),
            hours(first.all.median),
            hours(first.all.p90)
        ));
    }
    if let Some(s) = metrics.satisfaction.known() {
        let interval = s
            .mean_ci_95
            .map_or_else(String::new, |[low, high]| format!(" (95 % interval {low:.2} to {high:.2})"));
        lines.push(format!(
            "Satisfaction is {:.2} on average{interval}, from {} ({:.1} % of the tickets); who answers a survey is not a random choice.",
            s.mean,
            plural(s.n, "score"),
            100.0 * s.response_rate
        ));
    }
    lines
}

/// The interval of a share, so that one of few is seen to be one.
fn interval(part: usize, whole: usize) -> String {
    wilson_interval(part as u64, whole as u64, 0.95).map_or_else(String::new, |(low, high)| {
        format!(" (95 % interval {:.1} to {:.1} %)", 100.0 * low, 100.0 * high)
    })
}

fn matter(metrics: &Metrics) -> Vec<String> {
    let mut lines = Vec::new();
    let all = format!("% of all {}", plural(metrics.n_tickets, "ticket"));
    let mut ranked = |lead: &str, shares: Vec<(&String, usize, f64)>| {
        let mut shares = shares;
        shares.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let parts: Vec<String> = shares
            .iter()
            .take(5)
            .map(|(name, n, pct)| format!("{} {n} ({pct:.1} %)", escape(name)))
            .collect();
        let more = shares.len().saturating_sub(5);
        let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
        lines.push(format!("{lead} ({all}): {}{rest}.", parts.join(", ")));
    };
    if let Some(mix) = metrics.category_mix.known() {
        ranked("Categories", mix.overall.iter().map(|(k, s)| (k, s.n, s.pct)).collect());
    }
    if let Some(mix) = metrics.priority_mix.known() {
        let parts: Vec<String> = mix.iter().map(|(k, s)| format!("{k} {} ({:.1} %)", s.n, s.pct)).collect();
        lines.push(format!("Priorities ({all}): {}.", parts.join(", ")));
    }
    let mut ranked =
        |lead: &str, groups: &std::collections::BTreeMap<String, super::metrics::GroupSummary>| {
            let mut groups: Vec<_> = groups.iter().collect();
            groups.sort_by(|a, b| b.1.n.cmp(&a.1.n).then(a.0.cmp(b.0)));
            let parts: Vec<String> = groups
                .iter()
                .take(5)
                .map(|(k, g)| {
                    format!("{} {} ({:.1} %, {})", escape(k), g.n, g.pct, open(g.n, g.open, g.state_unknown))
                })
                .collect();
            let more = groups.len().saturating_sub(5);
            let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
            lines.push(format!("{lead} ({all}): {}{rest}.", parts.join(", ")));
        };
    if let Some(groups) = metrics.by_product.known() {
        ranked("Products", groups);
    }
    if let Some(groups) = metrics.by_component.known() {
        ranked("Components", groups);
    }
    lines
}

/// How many tickets of a group are open, and of how many that is known.
fn open(n: usize, open: usize, unknown: usize) -> String {
    match n - unknown.min(n) {
        0 if n > 0 => "open: not known".to_owned(),
        known if unknown > 0 => format!("{open} open of {known} whose state is known"),
        _ => format!("{open} open"),
    }
}

fn is_or_are(n: usize) -> String {
    format!("{n} {}", if n == 1 { "is" } else { "are" })
}

fn load(metrics: &Metrics) -> Vec<String> {
    let mut lines = Vec::new();
    for (word, load) in [("Team", &metrics.team_load), ("Assignee", &metrics.assignee_load)] {
        let Some(load) = load.known() else { continue };
        let mut rows: Vec<_> = load.iter().filter(|(_, l)| l.open > 0).collect();
        rows.sort_by(|a, b| b.1.open.cmp(&a.1.open).then(a.0.cmp(b.0)));
        for (name, l) in rows.iter().take(5) {
            lines.push(format!(
                "{word} {}: {} ({} of them P0 or P1), {} created and {} resolved in the last 28 days.",
                escape(name),
                open(l.n, l.open, l.state_unknown),
                l.open_p0_p1,
                l.created_last_28_days,
                l.resolved_last_28_days
            ));
        }
        if rows.len() > 5 {
            lines.push(format!("{} more with open tickets.", plural(rows.len() - 5, &word.to_lowercase())));
        }
    }
    lines
}

fn outlook(predictions: &Predictions) -> Vec<String> {
    let mut lines = Vec::new();
    for (unit, forecast) in [("week", &predictions.forecast_weekly), ("day", &predictions.forecast_daily)] {
        let Some(f) = forecast.known() else { continue };
        let total: f64 = f.ahead.iter().map(|p| p.mean).sum();
        let low = f.ahead.iter().map(|p| p.lower_80).try_fold(f64::INFINITY, |least, v| Some(least.min(v?)));
        let high = f.ahead.iter().map(|p| p.upper_80).try_fold(0.0_f64, |most, v| Some(most.max(v?)));
        let range = low.zip(high).map_or_else(
            || "too few past forecasts for intervals".to_owned(),
            |(low, high)| {
                format!("the 80 % intervals of the single {unit}s reach from {low:.1} to {high:.1}")
            },
        );
        let next = plural(f.ahead.len(), unit);
        lines.push(format!("{total:.0} tickets are expected in the next {next}; {range}."));
        lines.push(f.summary.clone());
        for check in &f.coverage {
            if let Some(share) = check.empirical {
                lines.push(format!(
                    "Intervals of {:.0} % made inside the {} series held {:.1} % of {} values.",
                    100.0 * check.level,
                    if unit == "day" { "daily" } else { "weekly" },
                    100.0 * share,
                    check.checked
                ));
            }
        }
    }
    lines
}

fn gaps(metrics: &Metrics, predictions: &Predictions) -> Vec<String> {
    let resolution = metrics.resolution_hours.known();
    let gaps = [
        ("Volume", metrics.volume.reason()),
        ("Backlog", metrics.backlog_at_week_end.reason()),
        ("Resolution", metrics.resolution_hours.reason().or_else(|| resolution.and_then(|r| r.all.reason()))),
        ("SLA", metrics.sla.reason()),
        ("First response", metrics.first_response_hours.reason()),
        ("Categories", metrics.category_mix.reason()),
        ("Priorities", metrics.priority_mix.reason()),
        ("Team load", metrics.team_load.reason()),
        ("Assignee load", metrics.assignee_load.reason()),
        ("Satisfaction", metrics.satisfaction.reason()),
        ("Products", metrics.by_product.reason()),
        ("Components", metrics.by_component.reason()),
        ("Weekly forecast", predictions.forecast_weekly.reason()),
        ("Daily forecast", predictions.forecast_daily.reason()),
    ];
    gaps.into_iter().filter_map(|(name, reason)| Some(format!("{name}: {}.", reason?))).collect()
}
