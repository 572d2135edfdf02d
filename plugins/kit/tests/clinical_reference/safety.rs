//! Adverse events.

use std::collections::{BTreeMap, BTreeSet};

use heddle_kit::stats::{Proportion, Reports, SignalCriterion, disproportion};
use serde_json::{Value, json};

use crate::{
    endpoints::risks,
    object,
    study::{Study, Subject},
    table_one::of_arm,
};

/// An adverse event of a subject in the analysis.
struct Event<'a> {
    subject: &'a str,
    arm: usize,
    record: &'a Value,
}

struct Safety<'a> {
    study: &'a Study,
    subjects: &'a [Subject],
    events: Vec<Event<'a>>,
}

pub(crate) fn safety(study: &Study) -> Value {
    let subjects = study.population("safety");
    let arms: BTreeMap<&str, usize> = subjects.iter().map(|s| (s.id.as_str(), s.arm)).collect();
    let emergent = study.protocol["ae"]["analysis_set"] == "treatment_emergent";
    let records = study.data["adverse_events"].as_array().unwrap();
    let events = records
        .iter()
        .filter(|r| !emergent || r["treatment_emergent"] == true)
        .filter_map(|record| {
            let subject = record["subject_id"].as_str()?;
            Some(Event { subject, arm: *arms.get(subject)?, record })
        })
        .collect();
    Safety { study, subjects: &subjects, events }.value()
}

impl Safety<'_> {
    fn n(&self, arm: usize) -> u64 {
        of_arm(self.subjects, arm).count() as u64
    }

    fn by_arm(&self, of: impl Fn(usize) -> Value) -> Value {
        object(self.study.arms.iter().enumerate().map(|(arm, name)| (name, of(arm))))
    }

    fn value(&self) -> Value {
        let flagged = |flag: &'static str| move |e: &Event<'_>| e.record[flag] == true;
        let exposure: Vec<f64> = (0..self.study.arms.len()).map(|arm| self.patient_years(arm)).collect();
        let events_of = |arm| self.events.iter().filter(move |e| e.arm == arm);
        let socs: BTreeSet<&str> = self.events.iter().filter_map(|e| e.record["soc"].as_str()).collect();
        json!({
            "n": self.by_arm(|arm| json!(self.n(arm))),
            "overview": {
                "any": self.row(&|_| true),
                "serious": self.row(&flagged("serious")),
                "related": self.row(&flagged("related")),
                "severe": self.row(&|e| e.record["severity"] == "SEVERE"),
                "fatal": self.row(&flagged("fatal")),
            },
            "exposure_patient_years": self.by_arm(|arm| json!(exposure[arm])),
            "events_per_100_patient_years":
                self.by_arm(|arm| json!(100.0 * events_of(arm).count() as f64 / exposure[arm])),
            "by_soc": object(socs.into_iter().map(|soc| (soc, self.soc(soc)))),
            "severity_counts": self.by_arm(|arm| counted(events_of(arm).map(|e| &e.record["severity"]))),
            "disproportionality": object(
                self.study.compared().map(|arm| (&self.study.arms[arm], self.disproportionality(arm))),
            ),
            "deaths": self.by_arm(|arm| {
                json!(of_arm(self.subjects, arm).filter(|s| s.record["death"] == true).count())
            }),
            "discontinuation_reasons": self.by_arm(|arm| {
                let stopped = of_arm(self.subjects, arm).filter(|s| s.record["completed"] == false);
                counted(stopped.map(|s| &s.record["discontinuation_reason"]))
            }),
        })
    }

    /// Days of treatment, the first and the last included; the reference sums impossible stretches, too, which are negative.
    fn patient_years(&self, arm: usize) -> f64 {
        let days = |s: &Subject| {
            let date = |field: &str| s.field(field).as_str().map(|d| d.parse::<jiff::civil::Date>().unwrap());
            let (start, end) = (date("treatment_start")?, date("treatment_end")?);
            Some(f64::from((end - start).get_days() + 1))
        };
        of_arm(self.subjects, arm).filter_map(days).sum::<f64>() / 365.25
    }

    /// Incidence in each arm and against the reference.
    fn row(&self, which: &dyn Fn(&Event<'_>) -> bool) -> Value {
        let of = |arm: usize| -> (u64, u64) {
            let chosen: Vec<&str> =
                self.events.iter().filter(|e| e.arm == arm && which(e)).map(|e| e.subject).collect();
            (chosen.iter().collect::<BTreeSet<_>>().len() as u64, chosen.len() as u64)
        };
        let proportion = |arm| Proportion { events: of(arm).0, n: self.n(arm) };
        let compared = self.study.compared().map(|arm| {
            let found = risks(proportion(arm), proportion(self.study.reference), self.study.level);
            (&self.study.arms[arm], found)
        });
        json!({
            "incidence": self.by_arm(|arm| {
                let (subjects, events) = of(arm);
                json!({"subjects": subjects, "events": events, "pct": 100.0 * subjects as f64 / self.n(arm) as f64})
            }),
            "vs_reference": object(compared),
        })
    }

    fn soc(&self, soc: &str) -> Value {
        let within = |e: &Event<'_>| e.record["soc"] == soc;
        let terms: BTreeSet<&str> =
            self.events.iter().filter(|e| within(e)).filter_map(|e| e.record["pt"].as_str()).collect();
        let mut found = self.row(&within);
        found["pt"] =
            object(terms.into_iter().map(|pt| (pt, self.row(&|e| within(e) && e.record["pt"] == pt))));
        found
    }

    /// Reports of each term with the arm against all other arms.
    fn disproportionality(&self, arm: usize) -> Value {
        let signal = &self.study.protocol["ae"]["signal"];
        let criterion = SignalCriterion {
            prr: signal["prr_min"].as_f64().unwrap(),
            chi_squared: signal["chi2_min"].as_f64().unwrap(),
            reports: signal["min_reports"].as_u64().unwrap(),
        };
        let terms: BTreeSet<&str> = self.events.iter().filter_map(|e| e.record["pt"].as_str()).collect();
        let count = |ours: bool, term: Option<&str>| {
            let counts = |e: &&Event<'_>| (e.arm == arm) == ours && term.is_none_or(|t| e.record["pt"] == t);
            self.events.iter().filter(counts).count() as u64
        };
        object(terms.into_iter().filter_map(|term| {
            let (a, c) = (count(true, Some(term)), count(false, Some(term)));
            let (b, d) = (count(true, None) - a, count(false, None) - c);
            let reports =
                Reports { event: a, other_events: b, comparator_event: c, comparator_other_events: d };
            let found = disproportion(reports, criterion, self.study.level);
            let (prr, ror, test) = (found.prr.ok()?, found.ror.ok()?, found.chi_squared.ok()?);
            let value = json!({
                "a": a, "b": b, "c": c, "d": d,
                "prr": prr.value, "prr_ci": prr.interval,
                "ror": ror.value, "ror_ci": ror.interval,
                "chi2_yates": test.statistic,
                "signal": found.signal,
            });
            Some((term, value))
        }))
    }
}

fn counted<'a>(values: impl Iterator<Item = &'a Value>) -> Value {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for value in values.filter_map(Value::as_str) {
        *counts.entry(value).or_default() += 1;
    }
    object(counts.into_iter().map(|(k, v)| (k, json!(v))))
}
