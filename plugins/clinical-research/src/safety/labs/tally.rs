//! Counts over the laboratory records, subject by subject in one pass.

use std::collections::BTreeMap;

use super::{
    figures::LabRecords,
    liver::Liver,
    timing::{Timing, Timings},
};
use crate::{safety::treated::Treated, study::Study};

/// Where a subject's value lies: below, within, above the limits, or both below and above at different times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Range {
    Low,
    Normal,
    High,
    LowAndHigh,
}

impl Range {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::LowAndHigh => "low and high",
        }
    }

    fn of(below: bool, above: bool) -> Self {
        match (below, above) {
            (true, true) => Self::LowAndHigh,
            (true, false) => Self::Low,
            (false, true) => Self::High,
            (false, false) => Self::Normal,
        }
    }
}

/// A test in an arm.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    /// Subjects by worst grade after baseline, low and high direction.
    pub(crate) worst: [BTreeMap<u8, u64>; 2],
    pub(crate) graded: u64,
    pub(crate) grade3_4: u64,
    pub(crate) subjects: u64,
    pub(crate) above: u64,
    pub(crate) below: u64,
    /// Subjects by grade at baseline and worst grade after it, low and high direction.
    pub(crate) shift: [BTreeMap<(u8, u8), u64>; 2],
    /// Subjects by range at baseline and after it.
    pub(crate) range: BTreeMap<(Range, Range), u64>,
}

/// All counts.
pub(crate) struct Tallied {
    /// By (test, arm).
    pub(crate) cells: BTreeMap<(u32, usize), Cell>,
    /// Changes from baseline by (test, visit, arm).
    pub(crate) changes: BTreeMap<(u32, u32, usize), Vec<f64>>,
    /// Sum and number of the days of each visit's records.
    pub(crate) visit_days: Vec<(f64, u64)>,
    pub(crate) liver: Liver,
    pub(crate) records: LabRecords,
}

/// A subject's state of one test.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    test: u32,
    /// Whether it is from the baseline visit, its day, and the record's row.
    base: Option<(bool, f64, usize)>,
    worst: [Option<u8>; 2],
    valued: bool,
    ranged: bool,
    above: bool,
    below: bool,
}

/// A subject's change from baseline: test, visit, study day, row, change.
type VisitChange = (u32, u32, f64, usize, f64);

/// A column's value of a row.
fn at(column: &[Option<f64>], row: usize) -> Option<f64> {
    column.get(row).copied().flatten()
}

fn grade(column: &[Option<f64>], row: usize, not_used: &mut u64) -> Option<u8> {
    let grade = at(column, row)?;
    let found = (0..=5u8).find(|g| f64::from(*g) == grade);
    *not_used += u64::from(found.is_none());
    found
}

pub(crate) fn tally(study: &Study, treated: &Treated) -> Tallied {
    let labs = &study.labs;
    let timings = Timings::new(labs);
    let mut all = Tallied {
        cells: BTreeMap::new(),
        changes: BTreeMap::new(),
        visit_days: vec![(0.0, 0); labs.visit.levels.len()],
        liver: Liver::new(labs, treated.arms.len()),
        records: LabRecords {
            rule: timings.rule().to_owned(),
            records: labs.subject.len() as u64,
            repeated: labs.repeated.len() as u64,
            ..LabRecords::default()
        },
    };
    // A subject's tests, and for each test's code its place among them.
    let mut states: Vec<State> = Vec::new();
    let mut places: Vec<u32> = vec![u32::MAX; labs.test.levels.len()];
    let mut changes: Vec<VisitChange> = Vec::new();
    let mut start = 0;
    for block in labs.subject.chunk_by(|a, b| a == b) {
        let (rows, subject) = (start..start + block.len(), block.first().copied().unwrap_or(0));
        start = rows.end;
        let Some(arm) = treated.arm(subject) else {
            all.records.outside_population += block.len() as u64;
            continue;
        };
        baselines(study, &timings, rows.clone(), &mut all, &mut states, &mut places);
        for row in rows {
            after(study, &timings, row, &mut all, &mut states, &places, &mut changes);
        }
        all.end_of_visits(&mut changes, arm);
        all.liver.end_of_subject(subject, arm);
        for state in states.drain(..) {
            if let Some(place) = places.get_mut(state.test as usize) {
                *place = u32::MAX;
            }
            all.end_of_test(study, &state, arm);
        }
    }
    all
}

/// The baseline record of each test, and a state for every test.
fn baselines(
    study: &Study,
    timings: &Timings,
    rows: std::ops::Range<usize>,
    all: &mut Tallied,
    states: &mut Vec<State>,
    places: &mut [u32],
) {
    let labs = &study.labs;
    for row in rows {
        let Some(test) = labs.test.codes.get(row).copied().flatten() else {
            all.records.without_test += 1;
            continue;
        };
        let Some(place) = places.get_mut(test as usize) else { continue };
        if *place == u32::MAX {
            *place = states.len() as u32;
            states.push(State { test, ..State::default() });
        }
        let Some(state) = states.get_mut(*place as usize) else { continue };
        let timing = timings.of(labs, row);
        match timing {
            Timing::Baseline => all.records.baseline += 1,
            Timing::Before => all.records.before += 1,
            Timing::After => all.records.after += 1,
            Timing::Unknown => all.records.timing_unknown += 1,
        }
        if matches!(timing, Timing::Baseline | Timing::Before) && at(&labs.value, row).is_some() {
            let found = (timing == Timing::Baseline, at(&labs.day, row).unwrap_or(f64::NEG_INFINITY), row);
            // Of two of one day the later record counts.
            if state.base.is_none_or(|(named, day, _)| (found.0, found.1) >= (named, day)) {
                state.base = Some(found);
            }
        }
    }
}

/// A record after baseline.
fn after(
    study: &Study,
    timings: &Timings,
    row: usize,
    all: &mut Tallied,
    states: &mut [State],
    places: &[u32],
    changes: &mut Vec<VisitChange>,
) {
    let labs = &study.labs;
    let Some(test) = labs.test.codes.get(row).copied().flatten() else { return };
    let Some(state) = places.get(test as usize).and_then(|place| states.get_mut(*place as usize)) else {
        return;
    };
    if timings.of(labs, row) != Timing::After {
        return;
    }
    for (worst, column) in state.worst.iter_mut().zip([&labs.grade_low, &labs.grade_high]) {
        *worst = (*worst).max(grade(column, row, &mut all.records.grades_not_used));
    }
    let day = at(&labs.day, row);
    let Some(value) = at(&labs.value, row) else {
        all.records.after_without_value += 1;
        return;
    };
    let (low, high) = (at(&labs.low, row), at(&labs.high, row));
    state.valued = true;
    state.ranged |= low.is_some() || high.is_some();
    state.above |= high.is_some_and(|h| value > h);
    state.below |= low.is_some_and(|l| value < l);
    all.liver.add(test, value, high, day);
    let Some(visit) = labs.visit.codes.get(row).copied().flatten() else { return };
    if let (Some(day), Some(days)) = (day, all.visit_days.get_mut(visit as usize)) {
        days.0 += day;
        days.1 += 1;
    }
    if let Some(base) = state.base.and_then(|(.., row)| at(&labs.value, row)) {
        changes.push((test, visit, day.unwrap_or(f64::NEG_INFINITY), row, value - base));
    }
}

impl Tallied {
    /// A subject counts once at each visit, with its last value there.
    fn end_of_visits(&mut self, changes: &mut Vec<VisitChange>, arm: usize) {
        changes.sort_unstable_by(|a, b| {
            (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)).then(a.3.cmp(&b.3))
        });
        for visit in changes.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            if let Some((test, visit, .., change)) = visit.last() {
                self.changes.entry((*test, *visit, arm)).or_default().push(*change);
            }
        }
        changes.clear();
    }

    /// A subject's records of a test are all read.
    fn end_of_test(&mut self, study: &Study, state: &State, arm: usize) {
        let labs = &study.labs;
        let cell = self.cells.entry((state.test, arm)).or_default();
        let columns = [&labs.grade_low, &labs.grade_high];
        let mut not_used = 0;
        for (at_direction, worst) in state.worst.iter().enumerate() {
            let Some(worst) = worst else { continue };
            *cell.worst[at_direction].entry(*worst).or_default() += 1;
            let before = state.base.and_then(|(.., row)| grade(columns[at_direction], row, &mut not_used));
            if let Some(before) = before {
                *cell.shift[at_direction].entry((before, *worst)).or_default() += 1;
            }
        }
        let worst = state.worst.iter().flatten().max();
        cell.graded += u64::from(worst.is_some());
        cell.grade3_4 += u64::from(worst.is_some_and(|g| *g >= 3));
        cell.subjects += u64::from(state.valued);
        cell.above += u64::from(state.above);
        cell.below += u64::from(state.below);
        let before = state.base.and_then(|(.., row)| {
            let (value, low, high) = (at(&labs.value, row)?, at(&labs.low, row), at(&labs.high, row));
            (low.is_some() || high.is_some())
                .then(|| Range::of(low.is_some_and(|l| value < l), high.is_some_and(|h| value > h)))
        });
        if let (Some(before), true) = (before, state.ranged) {
            *cell.range.entry((before, Range::of(state.below, state.above))).or_default() += 1;
        }
    }
}
