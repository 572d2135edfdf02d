//! `trend_analysis.png`: volume with forecast, backlog, category mix and SLA on one sheet.

use heddle_kit::plot::{
    Axis, BarChart, Chart, Grouping, LineChart, LineSeries, Orientation, Panels, PlotError, Size, Stroke,
};

use super::{
    calendar::{day_of, seconds},
    data::Dataset,
    metrics::{Maybe, Metrics},
    predictions::{Forecast, Predictions},
    words::plural,
};

/// The months of the category panel.
const MONTHS: usize = 18;
/// The categories shown by name.
const CATEGORIES: usize = 5;

/// The PNG.
pub(super) fn draw(
    data: &Dataset,
    metrics: &Metrics,
    predictions: &Predictions,
) -> Result<Vec<u8>, PlotError> {
    let as_of = &metrics.as_of;
    let sheet = Panels::new("Ticket trends", 2)
        .subtitle(format!(
            "{}, as of {}",
            plural(metrics.n_tickets, "ticket"),
            as_of.get(..10).unwrap_or(as_of)
        ))
        .panel(volume(data, metrics))
        .panel(forecast(&predictions.forecast_weekly))
        .panel(backlog(metrics))
        .panel(sla(metrics))
        .panel(categories(metrics))
        .panel(resolution(metrics));
    Ok(sheet.render(Size::new(1680, 1560))?.png)
}

/// Days since 1970 of `2024-09-30`.
fn day(iso: &str) -> Option<f64> {
    seconds(&format!("{iso}T00:00:00Z")).map(|s| day_of(s) as f64)
}

fn why<T>(maybe: &Maybe<T>) -> String {
    maybe.reason().unwrap_or("there is no data").to_owned()
}

fn volume(data: &Dataset, metrics: &Metrics) -> impl Chart + 'static {
    let chart = LineChart::new("Tickets created by week")
        .dates()
        .x_axis(Axis::new("Week starting (Monday, UTC)"))
        .y_axis(Axis::new("Tickets"))
        .no_data_reason(why(&metrics.volume));
    let Some(volume) = metrics.volume.known() else { return chart };
    let mut weeks: Vec<(f64, f64)> =
        volume.weekly.iter().filter_map(|(w, n)| Some((day(w)?, *n as f64))).collect();
    if volume.last_week_is_incomplete {
        weeks.pop();
    }
    // A silence at the end of an old export is told by the notes; drawn, it would hide the rest.
    if let Some((_, last)) = data.range() {
        weeks.retain(|(w, _)| *w <= last as f64);
    }
    let outliers: Vec<(f64, f64)> = volume
        .outlier_weeks_robust_z_gt_3
        .known()
        .into_iter()
        .flatten()
        .filter_map(|w| Some((day(w)?, *volume.weekly.get(w)? as f64)))
        .collect();
    let average: Vec<(f64, f64)> =
        weeks.windows(8).map(|w| (w[7].0, w.iter().map(|(_, n)| n).sum::<f64>() / 8.0)).collect();
    let mut chart = chart.subtitle("Complete weeks").series(LineSeries::new("Created", weeks));
    if !average.is_empty() {
        chart = chart.series(LineSeries::new("Mean of 8 weeks", average));
    }
    if !outliers.is_empty() {
        chart = chart.series(LineSeries::new("Unusual week (robust z > 3)", outliers).stroke(Stroke::Points));
    }
    chart
}

fn forecast(weekly: &Maybe<Forecast>) -> impl Chart + 'static {
    let chart = LineChart::new("Forecast of weekly tickets")
        .dates()
        .x_axis(Axis::new("Week starting (Monday, UTC)"))
        .y_axis(Axis::new("Tickets"))
        .no_data_reason(why(weekly));
    let Some(f) = weekly.known() else { return chart };
    let recent = f.recent.iter().filter_map(|(w, n)| Some((day(w)?, *n as f64)));
    let ahead = || f.ahead.iter().filter_map(|p| Some((day(&p.start)?, p)));
    let wide: Vec<_> = ahead().filter_map(|(d, p)| Some((d, p.lower_95?, p.upper_95?))).collect();
    let mean: Vec<(f64, f64)> = ahead().map(|(d, p)| (d, p.mean)).collect();
    let mut expected = LineSeries::new("Expected", mean).stroke(Stroke::Dashed);
    if !wide.is_empty() {
        expected = expected.band("95 % interval", wide);
    }
    let chart = chart.subtitle(f.model.clone()).series(LineSeries::new("Created", recent));
    let test = f.held_out.known().map(|t| format!("Held-out MAE over {} weeks: {:.2} tickets.", t.n, t.mae));
    chart
        .series(expected)
        .note(test.unwrap_or_else(|| "The forecast could not be tested: the series is too short.".to_owned()))
}

fn backlog(metrics: &Metrics) -> impl Chart + 'static {
    let chart = LineChart::new("Backlog")
        .dates()
        .x_axis(Axis::new("Week starting (Monday, UTC)"))
        .y_axis(Axis::new("Tickets open at week's end"))
        .no_data_reason(why(&metrics.backlog_at_week_end));
    match metrics.backlog_at_week_end.known() {
        None => chart,
        Some(weeks) => chart.series(LineSeries::new(
            "Open",
            weeks.iter().filter_map(|(w, n)| Some((day(w)?, *n as f64))).collect::<Vec<_>>(),
        )),
    }
}

fn sla(metrics: &Metrics) -> impl Chart + 'static {
    let chart = BarChart::new("SLA by customer tier")
        .category_axis(Axis::new("Tier"))
        .value_axis(Axis::new("Tickets"))
        .grouping(Grouping::Stacked)
        .no_data_reason(why(&metrics.sla));
    let Some(sla) = metrics.sla.known() else { return chart };
    let tiers = sla.by_tier.iter().map(|(tier, t)| match t.tally.compliance_pct {
        Some(pct) => format!("{tier} ({pct:.0} % of {} met)", t.tally.met + t.tally.breached),
        None => tier.clone(),
    });
    let count = |pick: fn(&crate::sla::Tally) -> usize| {
        sla.by_tier.values().map(|t| pick(&t.tally) as f64).collect::<Vec<_>>()
    };
    chart
        .categories(tiers)
        .series("Met", count(|t| t.met))
        .series("Breached", count(|t| t.breached))
        .series("Pending", count(|t| t.pending))
}

fn categories(metrics: &Metrics) -> impl Chart + 'static {
    let chart = BarChart::new("Categories by month of creation")
        .orientation(Orientation::Vertical)
        .grouping(Grouping::Stacked)
        .category_axis(Axis::new("Month"))
        .value_axis(Axis::new("Tickets"));
    let mix = match &metrics.category_mix {
        Maybe::Known(mix) => mix,
        unknown => return chart.no_data_reason(why(unknown)),
    };
    let Some(months) = mix.over_time.known() else { return chart.no_data_reason(why(&mix.over_time)) };
    let mut names: Vec<(&String, usize)> = mix.overall.iter().map(|(name, share)| (name, share.n)).collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let shown: Vec<_> = months.iter().skip(months.len().saturating_sub(MONTHS)).collect();
    let latest = metrics.as_of.get(..7).unwrap_or_default();
    let running = match shown.last() {
        Some((month, _)) if *month == latest => format!("; up to as_of in {month}"),
        _ => String::new(),
    };
    let mut chart = chart
        .subtitle(if shown.len() < months.len() {
            format!("The last {} months with tickets, of {}{running}", shown.len(), months.len())
        } else {
            format!("Months with tickets{running}")
        })
        .categories(shown.iter().map(|(m, _)| m.as_str()));
    let of = |month: &std::collections::BTreeMap<String, usize>, name: &str| {
        month.get(name).copied().unwrap_or(0) as f64
    };
    for (name, _) in names.iter().take(CATEGORIES) {
        chart = chart.series(name.as_str(), shown.iter().map(|(_, m)| of(m, name)).collect::<Vec<_>>());
    }
    if names.len() > CATEGORIES {
        let rest = |m: &std::collections::BTreeMap<String, usize>| {
            names[CATEGORIES..].iter().map(|(name, _)| of(m, name)).sum::<f64>()
        };
        chart = chart.series("Others", shown.iter().map(|(_, m)| rest(m)).collect::<Vec<_>>());
    }
    chart
}

fn resolution(metrics: &Metrics) -> impl Chart + 'static {
    let chart = BarChart::new("Time to resolution by customer tier")
        .category_axis(Axis::new("Tier"))
        .value_axis(Axis::new("Days from creation to resolution"));
    let groups = match &metrics.resolution_hours {
        Maybe::Known(r) => &r.by_tier,
        unknown => return chart.no_data_reason(why(unknown)),
    };
    let Some(tiers) = groups.known() else { return chart.no_data_reason(why(groups)) };
    chart
        .categories(tiers.iter().map(|(tier, t)| format!("{tier} (n = {})", t.n)))
        .series("Median", tiers.values().map(|t| t.median / 24.0).collect::<Vec<_>>())
        .series("90th percentile", tiers.values().map(|t| t.p90 / 24.0).collect::<Vec<_>>())
}
