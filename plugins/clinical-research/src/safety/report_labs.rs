//! The report's part on laboratory values.

use std::collections::BTreeMap;

use heddle_kit::report::{Align, Markdown, markdown_escaped, thousands};

use super::{
    figures::SafetyMetrics,
    labs::{LabTest, Shift},
    report::{MOST_ROWS, arm_heads, with_interval},
};
use crate::study::Study;

pub(crate) fn labs(report: &mut Markdown, study: &Study, metrics: &SafetyMetrics) {
    report.heading(2, "Laboratory values");
    let labs = &metrics.labs;
    if labs.by_test.is_empty() {
        for why in labs.not_computable.values() {
            report.paragraph(&markdown_escaped(why));
        }
        return;
    }
    let r = &labs.records;
    report.paragraph(&format!(
        "Of {} records {} are of subjects outside the safety population, {} have no test, {} are baseline, {} from other visits before \
         treatment, {} after baseline ({} of these without a value), and of {} it is not known when they were taken.",
        r.records,
        r.outside_population,
        r.without_test,
        r.baseline,
        r.before,
        r.after,
        r.after_without_value,
        r.timing_unknown
    ));
    grades(report, metrics);
    normal(report, metrics);
    liver(report, metrics);
    trends(report, metrics);
    shifts(report, study, metrics);
    if labs.by_test.len() > MOST_ROWS {
        report.paragraph(&format!(
            "Tables show the first {MOST_ROWS} of {} tests; all are in safety\\_summary.json.",
            labs.by_test.len()
        ));
    }
}

fn name(code: &str, test: &LabTest) -> String {
    test.name.as_ref().map_or_else(|| code.to_owned(), |name| format!("{code}: {name}"))
}

fn grades(report: &mut Markdown, metrics: &SafetyMetrics) {
    report.heading(3, "Grade 3 or 4 after baseline");
    report.paragraph(
        "Subjects with a worst CTCAE grade of 3 or more in either direction, of those with any grade.",
    );
    let heads = arm_heads(metrics);
    let mut columns = vec![("Test", Align::Left)];
    columns.extend(heads.iter().map(|h| (h.as_str(), Align::Right)));
    let rows = metrics.labs.by_test.iter().take(MOST_ROWS).map(|(code, test)| {
        let mut row = vec![name(code, test)];
        row.extend(metrics.population.arms.iter().map(|arm| {
            let of = |counts: &BTreeMap<String, u64>| counts.get(arm).copied().unwrap_or(0);
            match of(&test.graded_subjects) {
                0 => "no grades".to_owned(),
                n => {
                    let high = of(&test.grade3_4_subjects);
                    format!("{high} of {n} ({:.1} %)", 100.0 * high as f64 / n as f64)
                }
            }
        }));
        row
    });
    report.table(&columns, rows);
}

fn normal(report: &mut Markdown, metrics: &SafetyMetrics) {
    report.heading(3, "Outside the normal range at any time after baseline");
    let heads = arm_heads(metrics);
    let mut columns = vec![("Test", Align::Left)];
    columns.extend(heads.iter().map(|h| (h.as_str(), Align::Right)));
    let rows = metrics.labs.by_test.iter().take(MOST_ROWS).map(|(code, test)| {
        let mut row = vec![name(code, test)];
        row.extend(metrics.population.arms.iter().map(|arm| {
            let w = test.worst_vs_normal.get(arm).copied().unwrap_or_default();
            format!("above {}, below {}, of {}", w.any_above_high, w.any_below_low, w.subjects)
        }));
        row
    });
    report.table(&columns, rows);
}

fn liver(report: &mut Markdown, metrics: &SafetyMetrics) {
    report.heading(3, "Liver: Hy's law");
    let count = |n: Option<u64>| n.map_or_else(|| "n/a".to_owned(), |n| n.to_string());
    let rows = metrics.population.arms.iter().filter_map(|arm| {
        let h = metrics.labs.hys_law.get(arm)?;
        Some(vec![
            arm.clone(),
            h.assessed.to_string(),
            count(h.alt_or_ast_gt_3uln),
            count(h.bili_gt_2uln),
            count(h.hys_law_candidates),
            count(h.candidates_without_cholestasis),
        ])
    });
    report.table(
        &[
            ("Arm", Align::Left),
            ("Assessed", Align::Right),
            ("ALT or AST > 3 × ULN", Align::Right),
            ("Bilirubin > 2 × ULN", Align::Right),
            ("Candidates", Align::Right),
            ("Of these ALP < 2 × ULN", Align::Right),
        ],
        rows,
    );
    let times = |v: Option<f64>| v.map_or_else(|| "n/a".to_owned(), |v| format!("{v:.1} × ULN"));
    let day = |d: Option<f64>| d.map_or_else(|| "n/a".to_owned(), |d| thousands(d, 0));
    if !metrics.labs.hys_law_subjects.is_empty() {
        let rows = metrics.labs.hys_law_subjects.iter().take(MOST_ROWS).map(|p| {
            vec![
                p.subject.clone(),
                p.arm.clone(),
                times(p.alt_or_ast),
                day(p.alt_or_ast_day),
                times(p.bilirubin),
                day(p.bilirubin_day),
                times(p.alkaline_phosphatase),
            ]
        });
        report.table(
            &[
                ("Subject (masked)", Align::Left),
                ("Arm", Align::Left),
                ("ALT or AST", Align::Right),
                ("Study day", Align::Right),
                ("Bilirubin", Align::Right),
                ("Study day", Align::Right),
                ("ALP", Align::Right),
            ],
            rows,
        );
        report.paragraph(
            "Candidates need a clinician's look for other causes; the criterion alone is no diagnosis.",
        );
    }
}

fn trends(report: &mut Markdown, metrics: &SafetyMetrics) {
    report.heading(3, "Mean change from baseline at the last visit with values");
    let rows: Vec<Vec<String>> = metrics
        .labs
        .by_test
        .iter()
        .take(MOST_ROWS)
        .filter_map(|(code, test)| Some((code, test, test.visits.last()?)))
        .flat_map(|(code, test, visit)| {
            metrics.population.arms.iter().filter_map(move |arm| {
                let change = test.mean_change_by_visit.get(arm)?.get(visit)?;
                Some(vec![
                    name(code, test),
                    visit.clone(),
                    arm.clone(),
                    change.n.to_string(),
                    with_interval(change.mean, change.ci, 1.0, 3),
                ])
            })
        })
        .collect();
    report.table(
        &[
            ("Test", Align::Left),
            ("Visit", Align::Left),
            ("Arm", Align::Left),
            ("Subjects", Align::Right),
            ("Mean change", Align::Right),
        ],
        rows,
    );
    report.paragraph("All visits are in safety\\_summary.json.");
}

fn shifts(report: &mut Markdown, study: &Study, metrics: &SafetyMetrics) {
    report.heading(3, "Shifts from baseline to the worst value after it");
    report.paragraph(&format!(
        "Subjects by grade (or by normal range where there are no grades) at baseline and after it; {} tests.",
        metrics.labs.by_test.len().min(study.labs.test.levels.len())
    ));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (code, test) in metrics.labs.by_test.iter().take(MOST_ROWS) {
        let graded = [("low grade", &test.shift_low), ("high grade", &test.shift_high)];
        let range = [("normal range", &test.shift_range)];
        let tables: Vec<(&str, &BTreeMap<String, Shift>)> =
            graded.into_iter().filter(|(_, t)| !t.is_empty()).collect();
        let tables = if tables.is_empty() { range.to_vec() } else { tables };
        for (what, table) in tables {
            for arm in &metrics.population.arms {
                let Some(shift) = table.get(arm).filter(|s| !s.is_empty()) else { continue };
                let cells: Vec<String> = shift
                    .iter()
                    .flat_map(|(from, to)| to.iter().map(move |(to, n)| format!("{from} → {to}: {n}")))
                    .collect();
                rows.push(vec![name(code, test), what.to_owned(), arm.clone(), cells.join("; ")]);
            }
        }
    }
    report.table(
        &[("Test", Align::Left), ("Direction", Align::Left), ("Arm", Align::Left), ("Subjects", Align::Left)],
        rows,
    );
}
