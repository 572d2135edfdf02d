//! Laboratory values: worst grades, shifts, changes from baseline, liver injury.

mod figures;
pub(crate) mod liver;
mod tally;
mod timing;

use std::collections::BTreeMap;

use heddle_kit::stats::{Sample, sample_mean_interval};

use self::tally::{Cell, Tallied};
pub use self::{
    figures::{Change, LabMetrics, LabRecords, LabTest, Shift, WorstVsNormal},
    liver::{HysLaw, LiverPeak},
};
use super::{compare::compare, treated::Treated};
use crate::study::Study;

/// The most candidates for Hy's law that a file lists.
const MOST_CANDIDATES: usize = 10_000;

/// What is told of the laboratory values, and a point for each subject's liver: arm, peak ALT or AST and peak bilirubin, in
/// multiples of the upper limit.
pub(crate) struct Labs {
    pub(crate) metrics: LabMetrics,
    pub(crate) liver_points: Vec<(usize, f64, f64)>,
}

pub(crate) fn labs(study: &Study, treated: &Treated, level: f64) -> Labs {
    let mut metrics = LabMetrics::default();
    if study.labs.subject.is_empty() {
        metrics.not_computable.insert(
            "labs".to_owned(),
            "not computable: the data have no laboratory values of the study's subjects".to_owned(),
        );
        return Labs { metrics, liver_points: Vec::new() };
    }
    let mut tallied = tally::tally(study, treated);
    let mut tests: Vec<u32> = tallied.cells.keys().map(|(test, _)| *test).collect();
    tests.dedup();
    for code in tests {
        let name = study.labs.test.levels.get(code as usize).cloned().unwrap_or_default();
        let mut test = test(code, &mut tallied, study, treated, level);
        test.name = study.labs.tests.get(&name).cloned();
        metrics.by_test.insert(name, test);
    }
    match tallied.liver.by_arm(treated) {
        Ok(by_arm) => metrics.hys_law = by_arm,
        Err(why) => {
            metrics.not_computable.insert("hys_law".to_owned(), why);
        }
    }
    if let Some(why) = tallied.liver.missing() {
        metrics.not_computable.insert("hys_law_candidates".to_owned(), why);
    }
    metrics.hys_law_subjects = tallied.liver.candidates(study, treated, MOST_CANDIDATES);
    metrics.records = tallied.records;
    if metrics.by_test.is_empty() {
        metrics.not_computable.insert(
            "by_test".to_owned(),
            "not computable: no record has a test and a subject of the safety population".to_owned(),
        );
    }
    let liver_points = tallied.liver.points.iter().map(|(_, arm, x, y)| (*arm, *x, *y)).collect();
    Labs { metrics, liver_points }
}

fn grades(counts: &BTreeMap<u8, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(grade, n)| (grade.to_string(), *n)).collect()
}

fn shift<K: Ord + Copy>(counts: &BTreeMap<(K, K), u64>, name: impl Fn(K) -> String) -> Shift {
    let mut shift = Shift::new();
    for ((from, to), n) in counts {
        *shift.entry(name(*from)).or_default().entry(name(*to)).or_default() += n;
    }
    shift
}

fn test(code: u32, tallied: &mut Tallied, study: &Study, treated: &Treated, level: f64) -> LabTest {
    let cells: Vec<Cell> = (0..treated.arms.len())
        .map(|arm| tallied.cells.get(&(code, arm)).cloned().unwrap_or_default())
        .collect();
    let reference = cells.get(treated.reference).map_or((0, 0), |c| (c.grade3_4, c.graded));
    let graded = cells.iter().any(|c| c.graded > 0);
    let mut test = LabTest {
        worst_grade_low: treated.by_arm(|arm| grades(&cells[arm].worst[0])),
        worst_grade_high: treated.by_arm(|arm| grades(&cells[arm].worst[1])),
        grade3_4_subjects: treated.by_arm(|arm| cells[arm].grade3_4),
        graded_subjects: treated.by_arm(|arm| cells[arm].graded),
        worst_vs_normal: treated.by_arm(|arm| WorstVsNormal {
            subjects: cells[arm].subjects,
            any_above_high: cells[arm].above,
            any_below_low: cells[arm].below,
        }),
        ..LabTest::default()
    };
    if graded {
        test.grade3_4_vs_reference =
            treated.by_other_arm(|arm| compare(cells[arm].grade3_4, cells[arm].graded, reference, level));
    } else {
        test.not_computable.insert(
            "grade3_4_subjects".to_owned(),
            "not computable: no value after baseline has a grade; the zeros say nothing".to_owned(),
        );
    }
    for (direction, table) in [&mut test.shift_low, &mut test.shift_high].into_iter().enumerate() {
        if cells.iter().any(|c| !c.shift[direction].is_empty()) {
            *table = treated.by_arm(|arm| shift(&cells[arm].shift[direction], |g: u8| g.to_string()));
        }
    }
    if cells.iter().any(|c| !c.range.is_empty()) {
        test.shift_range = treated.by_arm(|arm| shift(&cells[arm].range, |r| r.name().to_owned()));
    } else {
        let why = "not computable: no subject has values and limits of normal both at baseline and after it";
        test.not_computable.insert("shift_range".to_owned(), why.to_owned());
    }
    changes(&mut test, code, tallied, study, treated, level);
    test
}

/// The changes of a test by arm and visit.
fn changes(
    test: &mut LabTest,
    code: u32,
    tallied: &mut Tallied,
    study: &Study,
    treated: &Treated,
    level: f64,
) {
    let days = &tallied.visit_days;
    let mean_day = |visit: u32| match days.get(visit as usize) {
        Some((sum, n)) if *n > 0 => sum / *n as f64,
        _ => f64::INFINITY,
    };
    let mut visits: Vec<u32> =
        tallied.changes.range((code, 0, 0)..(code + 1, 0, 0)).map(|((_, visit, _), _)| *visit).collect();
    visits.dedup();
    visits.sort_by(|a, b| mean_day(*a).total_cmp(&mean_day(*b)).then(a.cmp(b)));
    let name = |visit: u32| study.labs.visit.levels.get(visit as usize).cloned().unwrap_or_default();
    test.visits = visits.iter().map(|v| name(*v)).collect();
    if visits.is_empty() {
        let why = "not computable: no subject has a value both at baseline and at a named visit after it";
        test.not_computable.insert("mean_change_by_visit".to_owned(), why.to_owned());
    }
    test.mean_change_by_visit = treated.by_arm(|arm| {
        visits
            .iter()
            .map(|visit| {
                let values = tallied.changes.remove(&(code, *visit, arm)).unwrap_or_default();
                (name(*visit), change(values, level))
            })
            .collect()
    });
}

fn change(values: Vec<f64>, level: f64) -> Change {
    let n = values.len() as u64;
    let found = Sample::new(values).map(|sample| {
        let spread = sample.variance().and_then(|v| Ok((v.sqrt(), sample_mean_interval(&sample, level)?)));
        (sample.mean(), spread)
    });
    let (mean, spread, why) = match found {
        Ok((mean, Ok(spread))) => (Some(mean), Some(spread), None),
        Ok((mean, Err(why))) => (Some(mean), None, Some(why)),
        Err(why) => (None, None, Some(why)),
    };
    Change {
        n,
        mean,
        sd: spread.map(|s| s.0),
        ci: spread.map(|s| s.1),
        not_computable: why.map(|why| format!("not computable: {why}")),
    }
}
