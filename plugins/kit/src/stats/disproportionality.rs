//! Whether an event makes up more of one treatment's reports than of the others'.

use super::{ChiSquared, Computed, Proportion, Ratio, chi_squared_yates, odds_ratio, risk_ratio};

/// Counts of reports, not of subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reports {
    /// Of the event with the treatment.
    pub event: u64,
    /// Of other events with the treatment.
    pub other_events: u64,
    /// Of the event with the other treatments.
    pub comparator_event: u64,
    /// Of other events with the other treatments.
    pub comparator_other_events: u64,
}

/// When a disproportion counts as a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignalCriterion {
    /// The least proportional reporting ratio.
    pub prr: f64,
    /// The least χ² with Yates' correction.
    pub chi_squared: f64,
    /// The least number of reports of the event with the treatment.
    pub reports: u64,
}

impl Default for SignalCriterion {
    /// A ratio of 2, χ² of 4 and 3 reports (Evans et al. 2001).
    fn default() -> Self {
        Self { prr: 2.0, chi_squared: 4.0, reports: 3 }
    }
}

/// The disproportion of one event with one treatment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disproportion {
    /// The proportional reporting ratio: the event's share of the treatment's reports over its share of the others' reports.
    pub prr: Computed<Ratio>,
    /// The reporting odds ratio (van Puijenbroek et al. 2002).
    pub ror: Computed<Ratio>,
    /// The test of independence with Yates' correction.
    pub chi_squared: Computed<ChiSquared>,
    /// Whether all three thresholds of the criterion are met; without a ratio or a test there is no signal.
    pub signal: bool,
}

/// PRR, ROR, χ² and whether they make a signal (Evans, Waller and Davis 2001, "Use of proportional reporting ratios (PRRs) for
/// signal generation from spontaneous adverse drug reaction reports", Pharmacoepidemiology and Drug Safety 10). Where a cell
/// is zero, both ratios have 0.5 added to all four.
pub fn disproportion(reports: Reports, criterion: SignalCriterion, level: f64) -> Disproportion {
    let Reports { event: a, other_events: b, comparator_event: c, comparator_other_events: d } = reports;
    let (treatment, others) = (Proportion { events: a, n: a + b }, Proportion { events: c, n: c + d });
    let prr = risk_ratio(treatment, others, level);
    let chi_squared = chi_squared_yates([[a, b], [c, d]]);
    let signal = a >= criterion.reports
        && prr.is_ok_and(|r| r.value >= criterion.prr)
        && chi_squared.is_ok_and(|c| c.statistic >= criterion.chi_squared);
    Disproportion { prr, ror: odds_ratio(treatment, others, level), chi_squared, signal }
}
