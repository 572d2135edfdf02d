//! The safety profile: adverse events with risk differences, their severity, laboratory grades, and liver values.

use heddle_kit::plot::{
    Axis, BarChart, Chart as _, DotPlot, DotRow, Effect, Grouping, Measure, Orientation, Panels, PlotError,
    ScatterChart, ScatterPoint, Size,
};

use super::{compare::flagged, events::NOT_RECORDED, figures::CommonTerm, labs::liver, summary::Summary};
use crate::study::Study;

/// The most terms, tests, arms compared, arms in one panel, and points that can be told apart.
const MOST_TERMS: usize = 18;
const MOST_TESTS: usize = 12;
const MOST_COMPARED: usize = 2;
const MOST_ARMS: usize = 12;
const MOST_POINTS: usize = 2_000;
/// The most severities that are stacked.
const MOST_SEVERITIES: usize = 10;

/// Words for a panel, on one line and of a bounded length.
fn words(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 70 {
        line
    } else {
        format!("{}…", line.chars().take(69).collect::<String>())
    }
}

/// The picture as PNG.
///
/// # Errors
/// What the chart's library refuses.
pub(crate) fn picture(study: &Study, summary: &Summary) -> Result<Vec<u8>, PlotError> {
    let treated = &summary.treated;
    let nothing = ["population", "adverse_events"]
        .iter()
        .find_map(|part| summary.metrics.not_computable.get(*part))
        .cloned();
    let mut sheet = Panels::new("Safety profile", 1).subtitle(format!(
        "Safety population, {} subjects; compared with {}",
        treated.total(),
        words(treated.reference_name())
    ));
    let mut compared = 0;
    for arm in treated.others().take(MOST_COMPARED) {
        sheet = sheet.panel(dots(study, summary, arm, nothing.as_deref()));
        compared += 1;
    }
    if compared == 0 {
        let why = nothing.clone().unwrap_or_else(|| "the protocol has fewer than two arms".to_owned());
        sheet = sheet.panel(DotPlot::new("Most frequent adverse events").no_data_reason(why));
    }
    sheet = sheet.panel(severity(summary, nothing.as_deref())).panel(grades(summary)).panel(edish(summary));
    sheet.render(Size::new(1500, 2600)).map(|figure| figure.png)
}

/// The most frequent terms of an arm and the reference by descending risk difference (Amit, Heiberger and Lane 2008, "Graphical
/// approaches to the analysis of safety data from clinical trials", Pharmaceutical Statistics 7).
fn dots(study: &Study, summary: &Summary, arm: usize, nothing: Option<&str>) -> DotPlot {
    let treated = &summary.treated;
    let (name, reference) = (treated.arms[arm].as_str(), treated.reference_name());
    let level = study.protocol.confidence_level * 100.0;
    let mut rows: Vec<(f64, DotRow)> = summary
        .adverse_events
        .most_frequent
        .iter()
        .take(MOST_TERMS)
        .filter_map(|term| row(study, term, name, reference))
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    DotPlot::new(format!("Most frequent adverse events: {} and {}", words(name), words(reference)))
        .subtitle("Preferred terms of all classes, each subject once, by risk difference; * stands out among all terms (exploratory)")
        .series([words(reference), words(name)])
        .rows(rows.into_iter().map(|(_, row)| row))
        .value_axis(Axis::new("Subjects with the event").unit("%"))
        .effects(
            Measure::difference(format!("Risk difference, % points ({level} % CI, Newcombe)"))
                .decimals(1)
                .favours(format!("More with {}", words(reference)), format!("More with {}", words(name))),
        )
        .no_data_reason(nothing.unwrap_or("no report counts"))
}

fn row(study: &Study, term: &CommonTerm, arm: &str, reference: &str) -> Option<(f64, DotRow)> {
    let comparison = term.vs_reference.get(arm)?;
    let pct = |arm: &str| term.incidence.get(arm).and_then(|i| i.pct);
    let effect = match (comparison.risk_difference, comparison.rd_ci_newcombe) {
        (Some(value), Some((low, high))) => Effect::new(100.0 * value, 100.0 * low, 100.0 * high),
        _ => Effect::NotComputable("an arm is empty".to_owned()),
    };
    let star = if flagged(comparison, study.protocol.alpha) { " *" } else { "" };
    let row = DotRow::new(format!("{}{star}", words(&term.pt)), [pct(reference), pct(arm)]).effect(effect);
    Some((comparison.risk_difference.unwrap_or(0.0), row))
}

/// The share of each arm's subjects by the worst severity that they had.
fn severity(summary: &Summary, nothing: Option<&str>) -> BarChart {
    let (treated, any) = (&summary.treated, &summary.tables.any);
    let arms: Vec<usize> = treated.reference_first().into_iter().take(MOST_ARMS).collect();
    let mut chart = BarChart::new("Worst severity of adverse events")
        .subtitle("Each subject once, under the worst severity that it had")
        .orientation(Orientation::Horizontal)
        .grouping(Grouping::Stacked)
        .value_axis(Axis::new("Subjects").unit("%").decimals(1))
        .no_data_reason(nothing.unwrap_or("no report counts"));
    if any.total() == 0 {
        return chart;
    }
    chart = chart
        .categories(arms.iter().map(|arm| format!("{} (N={})", words(&treated.arms[*arm]), treated.n(*arm))));
    let severities = &summary.terms.severities;
    let more = severities.len().saturating_sub(MOST_SEVERITIES);
    let share = |arm: usize, is: &dyn Fn(usize) -> bool| {
        let cells = any.severity.iter().filter(|c| c.0 as usize == arm && is(c.1 as usize));
        let subjects: u64 = cells.map(|c| c.2).sum();
        if treated.n(arm) == 0 { 0.0 } else { 100.0 * subjects as f64 / treated.n(arm) as f64 }
    };
    // The mildest are the ones that are put together where there are too many.
    if more > 0 {
        chart = chart.series("other", arms.iter().map(|arm| share(*arm, &|place| place < more)));
    }
    for (place, name) in in_stacks(severities, more) {
        chart = chart.series(words(&name), arms.iter().map(|arm| share(*arm, &|p| p == place)));
    }
    chart
}

/// The severities that are shown, from the mildest on, each with its place among all. A word that nobody understands comes last and
/// says so: its place before the mildest is none in medicine.
fn in_stacks(severities: &[(u8, String)], more: usize) -> Vec<(usize, String)> {
    let mut shown: Vec<(bool, usize, String)> = severities
        .iter()
        .enumerate()
        .skip(more)
        .map(|(place, (rank, name))| match (rank, name.as_str()) {
            (0, NOT_RECORDED) => (true, place, name.clone()),
            (0, word) => (true, place, format!("{word} (not understood)")),
            _ => (false, place, name.clone()),
        })
        .collect();
    shown.sort();
    shown.into_iter().map(|(_, place, name)| (place, name)).collect()
}

/// The share of graded subjects with a grade of 3 or more, by test.
fn grades(summary: &Summary) -> BarChart {
    let metrics = &summary.metrics;
    let arms: Vec<&String> = metrics.population.arms.iter().take(MOST_ARMS).collect();
    let mut tests: Vec<(u64, &String)> = metrics
        .labs
        .by_test
        .iter()
        .filter(|(_, test)| test.graded_subjects.values().any(|n| *n > 0))
        .map(|(code, test)| (test.grade3_4_subjects.values().sum(), code))
        .collect();
    tests.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    tests.truncate(MOST_TESTS);
    let why = metrics.labs.not_computable.get("labs").or(metrics.not_computable.get("population"));
    let chart = BarChart::new("Laboratory values of grade 3 or 4 after baseline")
        .subtitle("Share of the subjects with a grade of the test")
        .value_axis(Axis::new("Subjects").unit("%").decimals(1))
        .no_data_reason(why.map_or("no laboratory value after baseline has a grade", String::as_str));
    if tests.is_empty() {
        return chart;
    }
    let mut chart = chart.categories(tests.iter().map(|(_, code)| words(code)));
    for arm in arms {
        let values: Vec<f64> = tests
            .iter()
            .map(|(_, code)| {
                let test = metrics.labs.by_test.get(*code);
                let of = |counts: Option<&std::collections::BTreeMap<String, u64>>| {
                    counts.and_then(|c| c.get(arm)).copied().unwrap_or(0)
                };
                let n = of(test.map(|t| &t.graded_subjects));
                let high = of(test.map(|t| &t.grade3_4_subjects));
                if n == 0 { 0.0 } else { 100.0 * high as f64 / n as f64 }
            })
            .collect();
        chart = chart.series(words(arm), values);
    }
    chart
}

/// Peaks of aminotransferases and bilirubin (eDISH: Watkins et al. 2011, Drug Safety 34).
fn edish(summary: &Summary) -> ScatterChart {
    let treated = &summary.treated;
    let arms = treated.reference_first();
    // The ones nearest to or beyond the criterion matter; the others crowd at one.
    let mut points = summary.liver_points.clone();
    let near = |p: &(usize, f64, f64)| (p.1 / liver::AMINOTRANSFERASE).max(p.2 / liver::BILIRUBIN);
    points.sort_by(|a, b| near(b).total_cmp(&near(a)).then(a.0.cmp(&b.0)));
    points.retain(|p| arms.iter().position(|a| *a == p.0).is_some_and(|at| at < MOST_ARMS));
    let all = points.len();
    points.truncate(MOST_POINTS);
    let subtitle = if points.len() < all {
        format!(
            "Each subject's highest values after baseline; the {MOST_POINTS} highest of {all} are shown; upper right: candidates"
        )
    } else {
        "Each subject's highest values after baseline; upper right: candidates for Hy's law".to_owned()
    };
    let why = summary
        .metrics
        .labs
        .not_computable
        .values()
        .next()
        .or(summary.metrics.not_computable.get("population"));
    let chart = ScatterChart::new("Liver values (eDISH)")
        .subtitle(subtitle)
        .x_axis(Axis::new("Highest ALT or AST, times the upper limit").decimals(1))
        .y_axis(Axis::new("Highest bilirubin, times the upper limit").decimals(1))
        .from_zero(true, true)
        .no_data_reason(
            why.map_or("no subject has ALT or AST and bilirubin with limits of normal", String::as_str),
        );
    if points.is_empty() {
        return chart;
    }
    chart
        .guides(Some(liver::AMINOTRANSFERASE), Some(liver::BILIRUBIN))
        .groups(arms.iter().take(MOST_ARMS).map(|arm| words(&treated.arms[*arm])))
        .points(points.iter().map(|(arm, x, y)| ScatterPoint {
            x: *x,
            y: *y,
            group: arms.iter().position(|a| a == arm).unwrap_or(0),
            ..ScatterPoint::default()
        }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_that_nobody_understands_is_not_the_mildest() {
        let all = [(0, NOT_RECORDED), (0, "schwer"), (1, "MILD"), (3, "SEVERE")];
        let all = all.map(|(rank, name)| (rank, name.to_owned()));
        let shown = |more| in_stacks(&all, more).into_iter().map(|(place, name)| format!("{place} {name}"));
        let recorded = format!("0 {NOT_RECORDED}");
        let wanted = ["2 MILD", "3 SEVERE", recorded.as_str(), "1 schwer (not understood)"];
        assert_eq!(shown(0).collect::<Vec<_>>(), wanted);
        assert_eq!(shown(2).collect::<Vec<_>>(), wanted[..2]);
    }
}
