//! The report in plain English, with tables. Terms, arms and reasons come from the data and are escaped.

use heddle_kit::report::{Align, Markdown, counted, markdown_escaped, thousands};

use super::{figures::SafetyMetrics, overview::Kind, report_events, report_labs, summary::Summary};
use crate::study::Study;

/// The most terms, classes or reports that a table of the report shows.
pub(crate) const MOST_ROWS: usize = 30;

/// A value with its interval.
pub(crate) fn with_interval(
    value: Option<f64>,
    interval: Option<(f64, f64)>,
    scale: f64,
    decimals: usize,
) -> String {
    let show = |v: f64| thousands(v * scale, decimals);
    match (value, interval) {
        (None, _) => "n/a".to_owned(),
        (Some(v), None) => show(v),
        (Some(v), Some((low, high))) => format!("{} ({} to {})", show(v), show(low), show(high)),
    }
}

/// The arms, the reference first, with their numbers.
pub(crate) fn arm_heads(metrics: &SafetyMetrics) -> Vec<String> {
    let n = |arm: &String| metrics.safety.n.get(arm).copied().unwrap_or(0);
    metrics.population.arms.iter().map(|arm| format!("{arm} (N={})", n(arm))).collect()
}

/// The report.
pub(crate) fn report(study: &Study, summary: &Summary) -> String {
    let metrics = &summary.metrics;
    let mut report = Markdown::new("Safety analysis");
    report.heading(2, "In short").bullets(headline(summary));
    report.heading(2, "Methods").bullets(metrics.methods.iter().map(|m| markdown_escaped(m)));
    if !metrics.caveats.is_empty() {
        report.heading(2, "To bear in mind").bullets(metrics.caveats.iter().map(|c| markdown_escaped(c)));
    }
    let reasons: Vec<String> =
        [&metrics.not_computable, &metrics.labs.not_computable, &summary.adverse_events.not_computable]
            .into_iter()
            .flatten()
            .map(|(part, why)| format!("{}: {}", markdown_escaped(part), markdown_escaped(why)))
            .collect();
    if !reasons.is_empty() {
        report.heading(2, "What could not be computed").bullets(reasons);
    }
    report.heading(2, "Picture").image(
        "Adverse events by risk difference, severity, laboratory grades and liver values",
        "safety_profile.png",
    );
    exposure(&mut report, metrics);
    if !metrics.safety.overview.is_empty() {
        report_events::adverse_events(&mut report, summary);
    }
    disposition(&mut report, metrics);
    report_labs::labs(&mut report, study, metrics);
    report.finish()
}

fn headline(summary: &Summary) -> Vec<String> {
    let metrics = &summary.metrics;
    let reference = &metrics.population.reference_arm;
    let mut lines = Vec::new();
    for kind in [Kind::Any, Kind::Serious, Kind::Related] {
        let Some(term) = metrics.safety.overview.get(kind.name()) else { continue };
        let arms: Vec<String> = metrics
            .population
            .arms
            .iter()
            .map(|arm| {
                let found = term.incidence.get(arm).cloned().unwrap_or_default();
                let share = found.pct.map_or_else(String::new, |p| format!(" ({p:.1} %)"));
                format!(
                    "{} of {}{share} in {}",
                    found.subjects,
                    metrics.safety.n.get(arm).unwrap_or(&0),
                    markdown_escaped(arm)
                )
            })
            .collect();
        lines.push(format!("{}: {}.", kind.title(), arms.join(", ")));
    }
    if let Some(deaths) = &metrics.safety.deaths {
        let arms: Vec<String> = metrics
            .population
            .arms
            .iter()
            .map(|arm| format!("{} in {}", deaths.get(arm).unwrap_or(&0), markdown_escaped(arm)))
            .collect();
        lines.push(format!("Deaths: {}.", arms.join(", ")));
    }
    let pts = metrics.flagged_terms.iter().filter(|f| f.pt.is_some()).count();
    if !metrics.safety.by_soc.is_empty() && metrics.population.arms.len() > 1 {
        lines.push(if pts == 0 {
            format!(
                "No preferred term is flagged against {} after adjustment for the number of comparisons (exploratory), which does not show \
                 that there is no difference.",
                markdown_escaped(reference)
            )
        } else {
            format!("{pts} differences of preferred terms from {} stand out among all terms (exploratory).", markdown_escaped(reference))
        });
        let signals: usize = metrics
            .safety
            .disproportionality
            .values()
            .flat_map(|terms| terms.values())
            .filter(|d| d.signal)
            .count();
        lines.push(format!("Signals of disproportionality: {signals}."));
    }
    let high: u64 = metrics.labs.by_test.values().flat_map(|t| t.grade3_4_subjects.values()).sum();
    if !metrics.labs.by_test.is_empty() {
        let candidates: u64 = metrics.labs.hys_law.values().filter_map(|h| h.hys_law_candidates).sum();
        let ungraded = metrics.labs.ungraded();
        let graded = metrics.labs.by_test.len() - ungraded.len();
        lines.push(match (graded, ungraded.len()) {
            (0, _) => "Laboratory values of grade 3 or 4: not assessed, as no value after baseline has a usable grade."
                .to_owned(),
            (_, 0) => format!("Laboratory values of grade 3 or 4: {high} (subjects, summed over tests)."),
            (graded, n) => format!(
                "Laboratory values of grade 3 or 4: {high} (subjects, summed over the {graded} of {} with grades; {n} without \
                 grades not assessed).",
                counted(graded + n, "test", "tests")
            ),
        });
        if let Some(words) = metrics.labs.impossible_grades() {
            lines.push(format!("{words}."));
        }
        let assessed = metrics.labs.hys_law.values().any(|h| h.hys_law_candidates.is_some());
        lines.push(if assessed {
            format!("Candidates for Hy's law: {candidates}.")
        } else {
            "Candidates for Hy's law: not assessed.".to_owned()
        });
    }
    if lines.is_empty() {
        lines.push("There is nothing to analyse; the reasons are below.".to_owned());
    }
    lines
}

fn exposure(report: &mut Markdown, metrics: &SafetyMetrics) {
    report.heading(2, "Exposure");
    let rows: Vec<Vec<String>> = metrics
        .population
        .arms
        .iter()
        .filter_map(|arm| {
            let e = metrics.exposure.get(arm)?;
            Some(vec![
                arm.clone(),
                metrics.safety.n.get(arm).unwrap_or(&0).to_string(),
                e.subjects.to_string(),
                with_interval(e.patient_years, None, 1.0, 2),
                with_interval(e.mean_days, None, 1.0, 1),
                e.without_dates.to_string(),
                e.end_before_start.to_string(),
            ])
        })
        .collect();
    report.table(
        &[
            ("Arm", Align::Left),
            ("Subjects", Align::Right),
            ("With dates", Align::Right),
            ("Patient-years", Align::Right),
            ("Mean days", Align::Right),
            ("Without dates", Align::Right),
            ("End before start", Align::Right),
        ],
        rows,
    );
}

fn disposition(report: &mut Markdown, metrics: &SafetyMetrics) {
    report.heading(2, "Deaths and discontinuations");
    if let Some(deaths) = &metrics.safety.deaths {
        let rows = metrics
            .population
            .arms
            .iter()
            .map(|arm| [arm.clone(), deaths.get(arm).unwrap_or(&0).to_string()]);
        report.table(&[("Arm", Align::Left), ("Deaths", Align::Right)], rows);
    }
    if let Some(reasons) = &metrics.safety.discontinuation_reasons {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for arm in &metrics.population.arms {
            let mut of_arm: Vec<(&String, u64)> =
                reasons.get(arm).into_iter().flatten().map(|(reason, n)| (reason, *n)).collect();
            of_arm.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            rows.extend(
                of_arm
                    .iter()
                    .take(MOST_ROWS)
                    .map(|(reason, n)| vec![arm.clone(), (*reason).clone(), n.to_string()]),
            );
            if let Some(n) = metrics.discontinued_without_reason.get(arm) {
                rows.push(vec![arm.clone(), "no reason recorded".to_owned(), n.to_string()]);
            }
        }
        report.table(
            &[
                ("Arm", Align::Left),
                ("Reason for leaving the study", Align::Left),
                ("Subjects", Align::Right),
            ],
            rows,
        );
    }
}
