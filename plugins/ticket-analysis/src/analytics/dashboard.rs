//! `dashboard.html`: one file with its style, its script and the tickets inside.
//!
//! Nothing of the input becomes markup. The data is JSON in a data block with `<`, `>` and `&` escaped, so no ticket can
//! close the block; the script puts text on the page by `textContent` only; and the page's content security policy lets
//! only our own script run (by its hash) and nothing at all be loaded or sent.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use heddle_kit::report::json_for_script;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    calendar::{day_of, seconds},
    data::{Dataset, Row},
    metrics::{Maybe, Metrics},
    predictions::{Forecast, Predictions},
    words::{hours, priority_name, sla_name, status_name},
};
use crate::standing::Standing;

const PAGE: &str = include_str!("web/dashboard.html");
const STYLE: &str = include_str!("web/style.css");
const SCRIPT: &str = concat!(
    include_str!("web/core.js"),
    include_str!("web/chart.js"),
    include_str!("web/table.js"),
    include_str!("web/views.js"),
    include_str!("web/main.js"),
);

/// The whole page.
pub(super) fn page(
    data: &Dataset,
    metrics: &Metrics,
    predictions: &Predictions,
) -> serde_json::Result<String> {
    let json = json_for_script(&payload(data, metrics, predictions))?;
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    Ok(fill(PAGE, &[("@@CSP@@", &policy), ("@@STYLE@@", STYLE), ("@@DATA@@", &json), ("@@SCRIPT@@", SCRIPT)]))
}

/// Source expression of CSP level 2 for an inline block.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Replace each marker once, in one pass: what was put in is not searched again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + values.iter().map(|(_, v)| v.len()).sum::<usize>());
    let mut rest = template;
    while let Some((at, marker, value)) =
        values.iter().filter_map(|(m, v)| rest.find(m).map(|at| (at, *m, *v))).min_by_key(|(at, ..)| *at)
    {
        out.push_str(&rest[..at]);
        out.push_str(value);
        rest = &rest[at + marker.len()..];
    }
    out.push_str(rest);
    out
}

/// The values of one property, the frequent ones first, and each ticket's index into them (-1: none).
fn dimension<'a>(
    rows: &'a [Row],
    key: impl Fn(&'a Row) -> Option<&'a str>,
    by_name: bool,
) -> (Vec<&'a str>, Vec<i64>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for key in rows.iter().filter_map(&key) {
        *counts.entry(key).or_default() += 1;
    }
    let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
    if !by_name {
        names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    }
    let index: BTreeMap<&str, i64> = (0..).zip(&names).map(|(i, (name, _))| (*name, i)).collect();
    let column = rows.iter().map(|row| key(row).and_then(|k| index.get(k).copied()).unwrap_or(-1)).collect();
    (names.into_iter().map(|(name, _)| name).collect(), column)
}

fn payload(data: &Dataset, metrics: &Metrics, predictions: &Predictions) -> Value {
    let rows = &data.rows;
    let priorities: Vec<Option<String>> = rows.iter().map(|r| r.priority.map(priority_name)).collect();
    let by_row: BTreeMap<*const Row, &str> = rows
        .iter()
        .zip(&priorities)
        .filter_map(|(row, p)| Some((std::ptr::from_ref(row), p.as_deref()?)))
        .collect();
    let mut dims = serde_json::Map::new();
    let mut tickets = serde_json::Map::new();
    let mut add = |name: &str, (names, column): (Vec<&str>, Vec<i64>)| {
        dims.insert(name.to_owned(), json!(names));
        tickets.insert(name.to_owned(), json!(column));
    };
    add("category", dimension(rows, |r| r.category.as_deref(), false));
    add("priority", dimension(rows, |r| by_row.get(&std::ptr::from_ref(r)).copied(), true));
    add("product", dimension(rows, |r| r.product.as_deref(), false));
    add("tier", dimension(rows, |r| r.tier.as_deref(), false));
    add("team", dimension(rows, |r| r.team.as_deref(), false));
    add("status", dimension(rows, |r| r.status.map(status_name), false));
    add("component", dimension(rows, |r| r.component.as_deref(), false));
    add("assignee", dimension(rows, |r| r.assignee.as_deref(), false));
    let mut column = |name: &str, values: Vec<Value>| tickets.insert(name.to_owned(), Value::Array(values));
    column("id", rows.iter().map(|r| json!(r.id)).collect());
    column("subject", rows.iter().map(|r| json!(r.subject)).collect());
    column("created", rows.iter().map(|r| json!(r.dated)).collect());
    column("resolved", rows.iter().map(|r| json!(r.resolved)).collect());
    column("response", rows.iter().map(|r| json!(r.response)).collect());
    column("satisfaction", rows.iter().map(|r| json!(r.satisfaction)).collect());
    let state = |r: &Row| match (r.standing, r.resolved) {
        (Standing::NotYet, _) => 4,
        // Also what was resolved after as_of: whether it was open then is told by the date.
        (_, Some(_)) => 1,
        (Standing::Open, None) => 0,
        (Standing::Resolved, None) => 2,
        (Standing::Unknown, None) => 3,
    };
    column("state", rows.iter().map(|r| json!(state(r))).collect());
    let sla =
        |r: &Row| ["met", "breached", "pending"].iter().position(|name| r.sla.map(sla_name) == Some(name));
    column("sla", rows.iter().map(|r| sla(r).map_or(json!(-1), |k| json!(k))).collect());

    let range = data.range();
    let outliers = metrics.volume.known().and_then(|v| v.outlier_weeks_robust_z_gt_3.known());
    let day = |iso: &String| seconds(&format!("{iso}T00:00:00Z")).map(day_of);
    json!({
        "title": "Ticket analysis",
        "source": data.source,
        "as_of": data.as_of,
        "made_by": concat!("Heddle, plugin ticket-analysis ", env!("CARGO_PKG_VERSION")),
        "range": { "from": range.map_or(0, |r| r.0), "to": range.map_or(0, |r| r.1) },
        "dims": dims,
        "tickets": tickets,
        "reasons": reasons(metrics, range.is_some()),
        "sla_targets": targets(data),
        "outlier_weeks": outliers.map(|weeks| weeks.iter().filter_map(day).collect::<Vec<_>>()).unwrap_or_default(),
        "forecast": { "weekly": forecast(&predictions.forecast_weekly), "daily": forecast(&predictions.forecast_daily) },
        "recommendations": predictions.recommendations,
        "emerging": predictions.emerging_issues,
        "emerging_summary": predictions.emerging_summary,
        "notes": data.notes,
    })
}

/// Why a card is empty whatever the filters are.
fn reasons(metrics: &Metrics, dated: bool) -> BTreeMap<&'static str, String> {
    let mut reasons = BTreeMap::new();
    let mut note = |key: &'static str, reason: Option<&str>| {
        if let Some(reason) = reason {
            reasons.insert(key, format!("Not computable: {reason}."));
        }
    };
    note("dates", (!dated).then_some("no ticket has a creation date at or before as_of"));
    note("backlog", metrics.backlog_at_week_end.reason());
    let stateless = metrics.states.known() == 0 && metrics.states.unknown > 0;
    note("open", stateless.then_some("no ticket has a status or a resolution date"));
    let all = metrics.resolution_hours.known().map(|r| &r.all);
    note("resolution", metrics.resolution_hours.reason().or_else(|| all.and_then(Maybe::reason)));
    note("sla", metrics.sla.reason());
    note("first_response", metrics.first_response_hours.reason());
    note("category", metrics.category_mix.reason());
    note("priority", metrics.priority_mix.reason());
    note("team", metrics.team_load.reason());
    note("assignee", metrics.assignee_load.reason());
    note("satisfaction", metrics.satisfaction.reason());
    note("product", metrics.by_product.reason());
    note("component", metrics.by_component.reason());
    reasons
}

/// The targets in words, by tier; tickets of another tier have that of `default`.
fn targets(data: &Dataset) -> BTreeMap<String, String> {
    let Some(facts) = &data.sla else { return BTreeMap::new() };
    let kind = if facts.hours == "business" { " of business hours" } else { "" };
    let mut targets: BTreeMap<String, f64> = facts.targets.clone();
    if let Some(default) = facts.targets.get("default") {
        for row in &data.rows {
            let tier = row.tier.clone().unwrap_or_else(|| "(not stated)".to_owned());
            targets.entry(tier).or_insert(*default);
        }
    }
    targets.into_iter().map(|(tier, target)| (tier, format!("{}{kind}", hours(target)))).collect()
}

fn forecast(forecast: &Maybe<Forecast>) -> Value {
    let day = |iso: &str| seconds(&format!("{iso}T00:00:00Z")).map(day_of);
    match forecast {
        Maybe::Unknown { not_computable } => {
            json!({ "not_computable": format!("Not computable: {not_computable}.") })
        }
        Maybe::Known(f) => json!({
            "summary": f.summary,
            "history": f.recent.values().collect::<Vec<_>>(),
            "history_start": f.recent.keys().next().and_then(|d| day(d)),
            "start": f.ahead.first().and_then(|p| day(&p.start)),
            "points": f.ahead.iter().map(|p| json!({
                "mean": p.mean, "lower_80": p.lower_80, "upper_80": p.upper_80, "lower_95": p.lower_95, "upper_95": p.upper_95,
            })).collect::<Vec<_>>(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_in_is_not_filled_again() {
        assert_eq!(fill("a@@X@@b@@Y@@", &[("@@X@@", "@@Y@@"), ("@@Y@@", "2")]), "a@@Y@@b2");
    }

    #[test]
    fn the_page_names_no_address_and_no_loader() {
        for part in [PAGE, STYLE, SCRIPT] {
            for word in [
                "http:",
                "https:",
                "@import",
                "url(",
                "innerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!part.contains(word), "{word} in the page's own text");
            }
        }
        assert!(!SCRIPT.contains("</script"), "the script would end itself");
        assert!(!STYLE.contains("</style"), "the style would end itself");
    }
}
