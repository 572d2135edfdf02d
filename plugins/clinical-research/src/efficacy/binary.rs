//! Endpoints that are yes or no.

use heddle_kit::stats::{
    ChiSquared, Computed, Proportion, chi_squared, chi_squared_yates, fisher_exact, odds_ratio,
    risk_difference, risk_ratio, wilson_interval,
};
use serde_json::{Value, json};

use super::{
    favours::{Favours, OUTCOME},
    frame::{Frame, Members, booleans},
    object::{Object, Said, object},
    result::{Analysed, Comparison, Counted, Estimate, Role, Test},
    words::{benefit, figure, p_text, percent, reason},
};
use crate::study::Endpoint;

/// Below this expected count Fisher's test takes the place of χ² (Cochran 1954).
const LEAST_EXPECTED: f64 = 5.0;

struct Data<'a, 's> {
    frame: &'a Frame<'s>,
    endpoint: &'a Endpoint,
    sizes: &'a [usize],
    arms: Vec<Proportion>,
}

/// The analysis of a binary endpoint.
pub(super) fn analyse(
    frame: &Frame<'_>,
    members: &Members,
    endpoint: &Endpoint,
    role: Role,
) -> Said<Analysed> {
    let values = booleans(frame.study, &format!("endpoints.{}", endpoint.id))?;
    let mut arms = vec![Proportion { events: 0, n: 0 }; frame.n_arms()];
    for (row, arm) in members.rows.iter().zip(&members.arms) {
        if let (Some(value), Some(of)) = (values.get(*row as usize).copied().flatten(), arms.get_mut(*arm)) {
            of.n += 1;
            of.events += u64::from(value);
        }
    }
    if arms.iter().all(|p| p.n == 0) {
        return Err("nobody in the population has a value".to_owned());
    }
    Ok(Data { frame, endpoint, sizes: &members.sizes, arms }.analysed(role))
}

fn cells(p: Proportion) -> [u64; 2] {
    [p.events, p.n.saturating_sub(p.events)]
}

fn fisher(group: Proportion, reference: Proportion) -> Option<f64> {
    let [a, b] = cells(group);
    let [c, d] = cells(reference);
    fisher_exact((a, b), (c, d))
}

/// The test of two proportions that the counts allow: its name and p.
fn chosen(group: Proportion, reference: Proportion) -> (&'static str, Said<f64>) {
    match chi_squared(&[cells(group).to_vec(), cells(reference).to_vec()]) {
        Ok(test) if test.min_expected >= LEAST_EXPECTED => ("Pearson's χ² test", Ok(test.p)),
        _ => {
            let p = fisher(group, reference).ok_or_else(|| "an arm has no values".to_owned());
            ("Fisher's exact test", p)
        }
    }
}

/// Risks of an arm and of the reference, as a results file has them.
pub(super) fn versus(group: Proportion, reference: Proportion, names: [&str; 2], level: f64) -> Value {
    fn said<T>(value: Computed<T>, names: [&str; 2]) -> Said<T> {
        value.map_err(|why| reason(why, &names, &[]))
    }
    let empty = |p: Proportion, name: &str| {
        if p.n == 0 { Err(format!("no values in {name}")) } else { Ok(p.events as f64 / p.n as f64) }
    };
    let mut made = Object::new();
    made.set("events", group.events).set("n", group.n);
    made.set("events_ref", reference.events).set("n_ref", reference.n);
    made.computed("risk", empty(group, names[0])).computed("risk_ref", empty(reference, names[1]));
    let difference = said(risk_difference(group, reference, level), names);
    made.all(
        &difference,
        &[
            ("risk_difference", &|d| json!(d.value)),
            ("rd_ci_wald", &|d| json!(d.wald)),
            ("rd_ci_newcombe", &|d| json!(d.newcombe)),
        ],
    );
    made.computed("number_needed", difference.and_then(|d| said(d.number_needed, names)));
    let ratio = said(risk_ratio(group, reference, level), names);
    made.all(
        &ratio,
        &[
            ("zero_cell_correction", &|r| json!(r.correction)),
            ("risk_ratio", &|r| json!(r.value)),
            ("rr_ci", &|r| json!(r.interval)),
        ],
    );
    let odds = said(odds_ratio(group, reference, level), names);
    made.all(&odds, &[("odds_ratio", &|r| json!(r.value)), ("or_ci", &|r| json!(r.interval))]);
    made.computed("fisher_p", fisher(group, reference).ok_or_else(|| "an arm has no values".to_owned()));
    let plain = said(chi_squared(&[cells(group).to_vec(), cells(reference).to_vec()]), names);
    let yates = said(chi_squared_yates([cells(group), cells(reference)]), names);
    let statistic = |t: &ChiSquared| json!(t.statistic);
    let p = |t: &ChiSquared| json!(t.p);
    made.all(&plain, &[("chi2", &statistic), ("chi2_p", &p), ("min_expected", &|t| json!(t.min_expected))]);
    made.all(&yates, &[("chi2_yates", &statistic), ("chi2_yates_p", &p)]);
    made.finish()
}

impl Data<'_, '_> {
    fn of(&self, arm: usize) -> Proportion {
        self.arms.get(arm).copied().unwrap_or(Proportion { events: 0, n: 0 })
    }

    fn analysed(&self, role: Role) -> Analysed {
        let frame = self.frame;
        let rows: Vec<Vec<u64>> = self.arms.iter().map(|p| cells(*p).to_vec()).collect();
        let overall = chi_squared(&rows).map_err(|e| e.to_string());
        let mut made = Object::new();
        made.set("id", &self.endpoint.id).set("type", "binary");
        let compared = frame.compared().map(|arm| {
            let names = [frame.arm(arm), frame.reference_name()];
            (frame.arm(arm), versus(self.of(arm), self.of(frame.reference), names, frame.level))
        });
        made.set("vs_reference", object(compared));
        made.set("by_arm", object((0..frame.n_arms()).map(|arm| (frame.arm(arm), self.summary(arm)))));
        if frame.n_arms() > 2 {
            let mut test = Object::new();
            test.all(
                &overall,
                &[("chi2", &|t| json!(t.statistic)), ("df", &|t| json!(t.df as u64)), ("p", &|t| json!(t.p))],
            );
            made.set("overall_chi2", test.finish());
        }
        Analysed {
            id: self.endpoint.id.clone(),
            label: self.endpoint.label.clone(),
            kind: "binary",
            role,
            is_adopted: false,
            unit: None,
            direction: self.endpoint.direction,
            not_computable: None,
            counts: (0..frame.n_arms()).map(|arm| self.counted(arm)).collect(),
            comparisons: frame.compared().map(|arm| self.comparison(arm)).collect(),
            overall: (frame.n_arms() > 2).then(|| Test {
                name: "Pearson's χ² test of all arms".to_owned(),
                measure: "any difference between arms".to_owned(),
                estimate: Err("a test of all arms at once".to_owned()),
                point: None,
                p: overall.map(|t| t.p),
            }),
            missing: frame.compared().filter_map(|arm| self.bounds(arm)).collect(),
            assumptions: frame.compared().map(|arm| self.expected(arm)).collect(),
            curves: Vec::new(),
            forest: None,
            json: match made.finish() {
                Value::Object(map) => map,
                _ => serde_json::Map::new(),
            },
        }
    }

    fn summary(&self, arm: usize) -> Value {
        let p = self.of(arm);
        let mut made = Object::new();
        made.set("n", p.n).set("events", p.events);
        let none = || "no values".to_owned();
        made.computed("risk", if p.n > 0 { Ok(p.events as f64 / p.n as f64) } else { Err(none()) });
        made.computed("wilson_ci", wilson_interval(p.events, p.n, self.frame.level).ok_or_else(none));
        made.finish()
    }

    fn comparison(&self, arm: usize) -> Comparison {
        let (group, reference) = (self.of(arm), self.of(self.frame.reference));
        let names = [self.frame.arm(arm), self.frame.reference_name()];
        let level = self.frame.level;
        let said = |why| reason(why, &names, &[]);
        let difference = risk_difference(group, reference, level)
            .map(|d| Estimate { value: d.value, interval: d.newcombe })
            .map_err(said);
        let (name, p) = chosen(group, reference);
        let why = if name == "Fisher's exact test" {
            "yes or no, with an expected count below 5 (or an outcome that nobody or everybody has), where χ² is doubtful (Cochran 1954)"
        } else {
            "yes or no, with all expected counts at least 5 (Cochran 1954)"
        };
        let ratio =
            |name: &str, measure: &str, found: Computed<heddle_kit::stats::Ratio>, p: Said<f64>| Test {
                name: name.to_owned(),
                measure: measure.to_owned(),
                point: None,
                estimate: found.map(|r| Estimate { value: r.value, interval: r.interval }).map_err(said),
                p,
            };
        let yates = chi_squared_yates([cells(group), cells(reference)]).map(|t| t.p).map_err(said);
        let exact = fisher(group, reference).ok_or_else(|| "an arm has no values".to_owned());
        let sensitivity = vec![
            ratio("Fisher's exact test", "risk ratio", risk_ratio(group, reference, level), exact),
            ratio("χ² test with Yates' correction", "odds ratio", odds_ratio(group, reference, level), yates),
        ];
        let main = Test {
            name: name.to_owned(),
            measure: "risk difference (Newcombe interval)".to_owned(),
            estimate: difference,
            point: None,
            p,
        };
        let effect =
            main.estimate.as_ref().ok().map(|e| (e.value, format!("risk difference {}", figure(e.value))));
        let value = main.estimate.as_ref().ok().map(|e| e.value);
        let favours = Favours::of(self.frame, arm, value, self.endpoint.direction, OUTCOME);
        let benefit = benefit(self.frame, self.endpoint, arm, effect, &main.p);
        let n = (group.n as usize, reference.n as usize);
        Comparison {
            arm,
            n,
            main,
            why: why.to_owned(),
            sensitivity,
            benefit,
            favours,
            caution: None,
            adjusted: None,
        }
    }

    fn counted(&self, arm: usize) -> Counted {
        let p = self.of(arm);
        let summary = match wilson_interval(p.events, p.n, self.frame.level) {
            Some((low, high)) => format!(
                "{} of {} ({:.1} %; Wilson {} CI {:.1} to {:.1} %)",
                p.events,
                p.n,
                100.0 * p.events as f64 / p.n as f64,
                percent(self.frame.level),
                100.0 * low,
                100.0 * high
            ),
            None => "no values".to_owned(),
        };
        Counted {
            arm: self.frame.arm(arm).to_owned(),
            in_population: self.sizes.get(arm).copied().unwrap_or(0),
            analysed: p.n as usize,
            without_covariate: 0,
            summary,
        }
    }

    /// The risk difference if all without a value had had the outcome in one arm and not in the other, and the reverse.
    fn bounds(&self, arm: usize) -> Option<String> {
        let reference = self.frame.reference;
        let (group, other) = (self.of(arm), self.of(reference));
        let missing = |arm: usize, p: Proportion| {
            (self.sizes.get(arm).copied().unwrap_or(0) as u64).saturating_sub(p.n)
        };
        let (m, k) = (missing(arm, group), missing(reference, other));
        if m + k == 0 {
            return None;
        }
        let filled = |p: Proportion, missing: u64, yes: bool| Proportion {
            events: p.events + if yes { missing } else { 0 },
            n: p.n + missing,
        };
        let said = |yes: bool| {
            let (a, b) = (filled(group, m, yes), filled(other, k, !yes));
            let found = risk_difference(a, b, self.frame.level).ok()?;
            let p = chosen(a, b).1.ok()?;
            Some(format!("{} (p {})", figure(found.value), p_text(p)))
        };
        Some(format!(
            "{}: {m} of the arm and {k} of {} have no value. Bounds of the risk difference: {} if all of them had the outcome in the arm and none in the reference, {} the other way round.",
            self.frame.arm(arm),
            self.frame.reference_name(),
            said(true)?,
            said(false)?,
        ))
    }

    fn expected(&self, arm: usize) -> String {
        let rows = [cells(self.of(arm)).to_vec(), cells(self.of(self.frame.reference)).to_vec()];
        match chi_squared(&rows) {
            Ok(test) => {
                format!("{}: smallest expected count {}.", self.frame.arm(arm), figure(test.min_expected))
            }
            Err(why) => format!("{}: expected counts do not exist ({why}).", self.frame.arm(arm)),
        }
    }
}
