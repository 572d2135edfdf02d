//! `data_quality_metrics.png`: completeness, findings, flow and identifiers on one sheet.

use std::collections::BTreeMap;

use heddle_kit::{
    plot::{Axis, BarChart, Chart, Grouping, Panels, PlotError, Size},
    report::counted,
};

use super::quality::QualityMetrics;
use crate::study::{Analysis, Study};

/// Bars of a panel.
const BARS: usize = 20;

/// The PNG.
pub(super) fn draw(study: &Study, quality: &QualityMetrics) -> Result<Vec<u8>, PlotError> {
    let subtitle = format!(
        "{}, {}, {}, {}",
        counted(quality.n_subjects, "subject", "subjects"),
        counted(quality.n_visits, "visit", "visits"),
        counted(quality.n_adverse_events, "adverse event", "adverse events"),
        counted(quality.n_labs, "laboratory value", "laboratory values")
    );
    let sheet = Panels::new("Data quality", 2)
        .subtitle(subtitle)
        .panel(completeness(quality))
        .panel(findings(quality))
        .panel(populations(study))
        .panel(identifiers(quality));
    Ok(sheet.render(Size::new(1680, 1400))?.png)
}

fn completeness(quality: &QualityMetrics) -> impl Chart + 'static {
    let chart = BarChart::new("Required fields that are present")
        .value_axis(Axis::new("Records").unit("%"))
        .category_axis(Axis::new("Field"))
        .no_data_reason("the protocol requires no field");
    let all = quality.n_subject_records as f64;
    if quality.missing.is_empty() || all == 0.0 {
        return chart;
    }
    let mut fields: Vec<(&String, usize)> = quality.missing.iter().map(|(field, n)| (field, *n)).collect();
    fields.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let shown = fields.iter().take(BARS);
    let chart = if fields.len() > BARS {
        chart.subtitle(format!("The {BARS} of {} with the most missing", fields.len()))
    } else {
        chart
    };
    chart.bars(shown.map(|(field, n)| ((*field).clone(), (1000.0 * (1.0 - *n as f64 / all)).round() / 10.0)))
}

fn findings(quality: &QualityMetrics) -> impl Chart + 'static {
    let mut rules: Vec<(String, usize)> = [
        ("Out of range", quality.out_of_range.len()),
        ("Unreadable value", quality.n_unreadable_values),
        ("Subject id repeated", quality.duplicate_subject_ids.len()),
        ("Dates in the wrong order", quality.date_order_violations.len()),
        ("Unknown or missing arm", quality.unknown_arm.len() + quality.missing_arm.len()),
        ("Visit out of window", quality.visits_out_of_window.len()),
        ("Adverse event ends before start", quality.ae_end_before_start),
        ("Adverse event without start", quality.ae_missing_start_day),
        (
            "Exact repetition in a list",
            quality.duplicate_adverse_events + quality.duplicate_labs + quality.duplicate_visits,
        ),
        (
            "Record without its subject",
            quality.orphan_adverse_events + quality.orphan_labs + quality.orphan_visits,
        ),
        ("Laboratory value out of range", quality.lab_out_of_range),
        ("Laboratory value missing", quality.lab_missing_value),
    ]
    .map(|(name, n)| (name.to_owned(), n))
    .to_vec();
    rules.extend(quality.other_rules.iter().map(|(rule, n)| (rule.replace('_', " "), *n)));
    rules.retain(|(_, n)| *n > 0);
    rules.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    BarChart::new("Findings by rule")
        .value_axis(Axis::new("Findings"))
        .category_axis(Axis::new("Rule"))
        .no_data_reason("nothing was found")
        .bars(rules.into_iter().take(BARS).map(|(name, n)| (name, n as f64)))
}

fn populations(study: &Study) -> impl Chart + 'static {
    let arms = &study.flow.arms;
    let mut chart = BarChart::new("Subjects by arm and analysis")
        .value_axis(Axis::new("Subjects"))
        .category_axis(Axis::new("Arm"))
        .grouping(Grouping::Grouped)
        .no_data_reason("no subject has an arm");
    if arms.is_empty() {
        return chart;
    }
    chart = chart.categories(arms.iter().take(BARS).map(|arm| arm.arm.clone()));
    chart =
        chart.series("assigned", arms.iter().take(BARS).map(|arm| arm.subjects as f64).collect::<Vec<_>>());
    for analysis in Analysis::ALL {
        let of = |arm: &crate::study::ArmFlow| {
            arm.populations.get(analysis.name()).map_or(0.0, |p| p.analysed as f64)
        };
        chart = chart
            .series(analysis.name().replace('_', " "), arms.iter().take(BARS).map(of).collect::<Vec<_>>());
    }
    chart
}

fn identifiers(quality: &QualityMetrics) -> impl Chart + 'static {
    let mut kinds = BTreeMap::new();
    for found in &quality.identifiers {
        *kinds.entry(found.kind).or_insert(0) += found.n;
    }
    BarChart::new("Direct identifiers in the input")
        .subtitle("None is passed on")
        .value_axis(Axis::new("Values"))
        .category_axis(Axis::new("Identifier"))
        .no_data_reason("no direct identifier was found")
        .bars(kinds.into_iter().map(|(kind, n)| (kind.label().to_owned(), f64::from(n as u32))))
}
