//! Endpoints that are a time to an event.

use heddle_kit::{
    model::Coefficient,
    stats::Computed,
    survival::{FollowUp, KaplanMeier, LogRank, RestrictedMean, Weights, log_rank, restricted_mean},
};
use serde_json::{Map, Value, json};

use super::{
    adjusted,
    cox::hazard_ratio,
    frame::{Frame, Members},
    hazards::ArmModel,
    object::{Object, Said, object},
    pointing::Found,
    result::{Analysed, Comparison, Counted, Estimate, Forest, NO_ESTIMATE, Role, Test},
    time_subgroups,
    words::reason,
};
use crate::study::TimeToEventEndpoint;

/// The subjects whose time and event are known, by position.
pub(super) struct Followed<'a, 's> {
    pub(super) frame: &'a Frame<'s>,
    pub(super) endpoint: &'a TimeToEventEndpoint,
    /// Rows in the study.
    pub(super) rows: Vec<u32>,
    /// The arm of each.
    pub(super) arms: Vec<usize>,
    /// Sorted by time, once for all that follows.
    pub(super) follow_up: FollowUp,
    /// (subjects, events) by arm.
    pub(super) counts: Vec<(usize, usize)>,
    sizes: &'a [usize],
}

/// The analysis of a time to an event.
pub(super) fn analyse(
    frame: &Frame<'_>,
    members: &Members,
    endpoint: &TimeToEventEndpoint,
    role: Role,
) -> Said<Analysed> {
    let events = frame
        .study
        .subjects
        .event(&endpoint.id)
        .ok_or_else(|| format!("no subject has a time of events.{}", endpoint.id))?;
    let (mut rows, mut arms, mut times, mut had) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut counts = vec![(0, 0); frame.n_arms()];
    let mut ordered: Vec<(&u32, &usize)> = members.rows.iter().zip(&members.arms).collect();
    // Tied events are ranked in this order.
    ordered.sort_unstable_by_key(|(row, _)| events.order(**row));
    for (row, arm) in ordered {
        if let (Some((time, event)), Some(count)) = (events.get(*row as usize), counts.get_mut(*arm)) {
            rows.push(*row);
            arms.push(*arm);
            times.push(time);
            had.push(event);
            count.0 += 1;
            count.1 += usize::from(event);
        }
    }
    if rows.is_empty() {
        return Err("nobody in the population has a time and an event".to_owned());
    }
    let follow_up = FollowUp::new(&times, &had).map_err(|why| why.to_string())?;
    Ok(Followed { frame, endpoint, rows, arms, follow_up, counts, sizes: &members.sizes }.analysed(role))
}

impl<'s> Followed<'_, 's> {
    /// The column numbers of those in an arm or in the reference.
    pub(super) fn pair(&self, arm: usize) -> FollowUp {
        self.follow_up
            .filtered(|at| self.arms.get(at).is_some_and(|a| *a == arm || *a == self.frame.reference))
    }

    /// (subjects, events) of an arm.
    pub(super) fn count(&self, arm: usize) -> (usize, usize) {
        self.counts.get(arm).copied().unwrap_or((0, 0))
    }

    /// Why an arm cannot be compared with the reference at all.
    fn comparable(&self, arm: usize) -> Said<()> {
        let of = |arm: usize| match self.count(arm).0 {
            0 => Err(format!("nobody of {} was followed", self.frame.arm(arm))),
            _ => Ok(()),
        };
        of(self.frame.reference).and_then(|()| of(arm))
    }

    /// Why an arm's hazard ratio is not finite, where that is so.
    pub(super) fn estimable(&self, arm: usize) -> Said<()> {
        self.comparable(arm)?;
        let (events, other) = (self.count(arm).1, self.count(self.frame.reference).1);
        let (name, reference) = (self.frame.arm(arm), self.frame.reference_name());
        match (events, other) {
            (0, 0) => Err(format!("no events in {name} nor in {reference}")),
            (0, _) => Err(format!(
                "no events in {name}: the hazard ratio tends to zero (monotone likelihood); the log-rank and the likelihood-ratio test stand"
            )),
            (_, 0) => Err(format!(
                "no events in {reference}: the hazard ratio tends to infinity (monotone likelihood); the log-rank and the likelihood-ratio test stand"
            )),
            _ => Ok(()),
        }
    }

    fn analysed(&self, role: Role) -> Analysed {
        let frame = self.frame;
        let curves: Vec<Computed<KaplanMeier>> = (0..frame.n_arms())
            .map(|arm| {
                KaplanMeier::new(&self.follow_up.filtered(|at| self.arms.get(at) == Some(&arm)), frame.level)
            })
            .collect();
        let ok: Vec<Option<&KaplanMeier>> = curves.iter().map(|c| c.as_ref().ok()).collect();
        let (tau, tau_source) = self.horizon(&ok);
        let means: Vec<Said<RestrictedMean>> = (0..frame.n_arms())
            .map(|arm| {
                let curve = ok
                    .get(arm)
                    .copied()
                    .flatten()
                    .ok_or_else(|| format!("nobody of {} was followed", frame.arm(arm)))?;
                restricted_mean(curve, tau.clone()?).map_err(|why| why.to_string())
            })
            .collect();
        let arm_model = self.arm_model();
        let overall = self.log_rank(&self.follow_up, Weights::LogRank);
        let mut made = Object::new();
        made.set("id", &self.endpoint.id);
        made.set("km", object((0..frame.n_arms()).map(|arm| (frame.arm(arm), self.curve(arm, &ok, &means)))));
        made.set("rmst_horizon", tau_source);
        made.set("ties", "Efron; Breslow beside it");
        if frame.n_arms() > 2 {
            let mut test = Object::new();
            test.all(
                &overall,
                &[
                    ("chi2", &|t| json!(t.test.chi_squared)),
                    ("df", &|t| json!(t.test.df as u64)),
                    ("p", &|t| json!(t.test.p)),
                ],
            );
            made.set("logrank_overall", test.finish());
        }
        let tests: Vec<(Said<LogRank>, Said<LogRank>)> =
            frame.compared().map(|arm| self.tests(arm)).collect();
        let compared = frame.compared().zip(&tests).map(|(arm, (plain, gehan))| {
            let mut made = Object::new();
            made.all(plain, &[("chi2", &|t| json!(t.test.chi_squared)), ("p", &|t| json!(t.test.p))]);
            made.all(
                gehan,
                &[
                    ("gehan_wilcoxon_chi2", &|t| json!(t.test.chi_squared)),
                    ("gehan_wilcoxon_p", &|t| json!(t.test.p)),
                ],
            );
            made.all(
                plain,
                &[
                    ("observed", &|t| self.by_arm(&t.observed, arm)),
                    ("expected", &|t| self.by_arm(&t.expected, arm)),
                ],
            );
            (frame.arm(arm), made.finish())
        });
        made.set("logrank_vs_reference", object(compared));
        self.model_json(&mut made, &arm_model);
        let adjusted = adjusted::fit(self);
        made.computed("cox_adjusted", adjusted.as_ref().map(|a| a.json.clone()).map_err(Clone::clone));
        let differences: Vec<Said<Coefficient>> =
            frame.compared().map(|arm| self.mean_difference(arm, &means)).collect();
        let compared = frame.compared().zip(&differences).map(|(arm, difference)| {
            let mut made = Object::new();
            made.all(
                difference,
                &[
                    ("difference", &|d| json!(d.estimate)),
                    ("se", &|d| json!(d.se)),
                    ("ci", &|d| json!(d.interval)),
                    ("p", &|d| json!(d.p)),
                ],
            );
            (frame.arm(arm), made.finish())
        });
        made.set("rmst_vs_reference", object(compared));
        let subgroups = time_subgroups::of_times(self);
        made.set("subgroups", subgroups.iter().map(|s| s.json.clone()).collect::<Vec<_>>());
        let comparisons: Vec<Comparison> = frame
            .compared()
            .enumerate()
            .zip(tests.iter().zip(&differences))
            .map(|((at, arm), (tests, difference))| {
                self.comparison((at, arm), &arm_model, tests, difference, &adjusted, &ok)
            })
            .collect();
        let forest = Forest {
            measure: "Hazard ratio".to_owned(),
            is_ratio: true,
            overall: comparisons.iter().map(|c| self.cell(c)).collect(),
            subgroups,
        };
        Analysed {
            id: self.endpoint.id.clone(),
            label: self.endpoint.label.clone(),
            kind: "time_to_event",
            role,
            is_adopted: false,
            unit: self.endpoint.unit.clone(),
            direction: self.endpoint.direction,
            not_computable: None,
            counts: (0..frame.n_arms()).map(|arm| self.counted(arm, &ok)).collect(),
            comparisons,
            overall: (frame.n_arms() > 2).then(|| Test {
                name: "Log-rank test of all arms".to_owned(),
                measure: "any difference between arms".to_owned(),
                estimate: Err("a test of all arms at once".to_owned()),
                point: None,
                p: overall.map(|t| t.test.p),
            }),
            missing: self.missing(&adjusted),
            assumptions: self.assumptions(&arm_model, &adjusted),
            curves: curves
                .into_iter()
                .enumerate()
                .filter_map(|(arm, curve)| Some((arm, curve.ok()?)))
                .collect(),
            forest: Some(forest),
            json: match made.finish() {
                Value::Object(map) => map,
                _ => Map::new(),
            },
        }
    }

    fn by_arm(&self, values: &[f64], arm: usize) -> Value {
        let of = |arm: usize| (self.frame.arm(arm), json!(values.get(arm).copied().unwrap_or(0.0)));
        object([of(self.frame.reference), of(arm)])
    }

    fn log_rank(&self, follow_up: &FollowUp, weights: Weights) -> Said<LogRank> {
        log_rank(follow_up, &self.arms, self.frame.n_arms(), weights, None)
            .map_err(|why| reason(why, &[], &[]))
    }

    /// The log-rank and the Gehan–Wilcoxon test of an arm against the reference.
    fn tests(&self, arm: usize) -> (Said<LogRank>, Said<LogRank>) {
        if let Err(why) = self.comparable(arm) {
            return (Err(why.clone()), Err(why));
        }
        let pair = self.pair(arm);
        (self.log_rank(&pair, Weights::LogRank), self.log_rank(&pair, Weights::Gehan))
    }

    fn comparison(
        &self,
        (at, arm): (usize, usize),
        model: &Said<ArmModel>,
        (plain, gehan): &(Said<LogRank>, Said<LogRank>),
        difference: &Said<Coefficient>,
        adjusted: &Said<adjusted::AdjustedModel>,
        curves: &[Option<&KaplanMeier>],
    ) -> Comparison {
        let frame = self.frame;
        let coefficient = self
            .estimable(arm)
            .and_then(|()| model.as_ref().map_err(Clone::clone).and_then(|m| m.model.coefficient(at)));
        let ratio = |c: &Said<Coefficient>| {
            c.clone().and_then(|c| hazard_ratio(&c)).map(|(value, interval)| Estimate { value, interval })
        };
        let hr = ratio(&coefficient);
        let p = |c: &Said<Coefficient>| c.as_ref().map(|c| c.p).map_err(Clone::clone);
        let test = |name: &str, measure: &str, estimate, p| Test {
            name: name.to_owned(),
            measure: measure.to_owned(),
            estimate,
            point: None,
            p,
        };
        let mean = difference.as_ref().map(|d| Estimate { value: d.estimate, interval: d.interval });
        let adjusted_for = adjusted
            .as_ref()
            .map_or_else(|_| self.endpoint.covariates.clone(), |model| model.adjusted_for(at));
        let adjusted = adjusted.as_ref().map_err(Clone::clone).and_then(|a| a.coefficient(frame, at, arm));
        let mut sensitivity = vec![
            test(
                "Gehan–Wilcoxon test",
                "none of its own",
                Err(NO_ESTIMATE.to_owned()),
                gehan.as_ref().map(|t| t.test.p).map_err(Clone::clone),
            ),
            test("Wald test of the Cox model of the arms", "hazard ratio", hr.clone(), p(&coefficient)),
        ];
        if !self.endpoint.covariates.is_empty() {
            sensitivity.push(test(
                &format!("Cox model adjusted for {}", adjusted_for.join(", ")),
                "adjusted hazard ratio",
                ratio(&adjusted),
                p(&adjusted),
            ));
        }
        sensitivity.push(test(
            "Restricted mean survival time",
            "difference of the means",
            mean.map_err(Clone::clone),
            p(difference),
        ));
        let excess = plain.as_ref().ok().and_then(|t| Some(t.observed.get(arm)? - t.expected.get(arm)?));
        let p_value = plain.as_ref().map(|t| t.test.p).map_err(Clone::clone);
        let pointing = self.pointing(&Found {
            arm: (arm, at),
            ratio: &hr,
            excess,
            p: &p_value,
            model,
            difference,
            curves,
        });
        Comparison {
            arm,
            n: (self.count(arm).0, self.count(frame.reference).0),
            main: test("Log-rank test", "hazard ratio (Cox model, Efron ties)", hr, p_value),
            why: "a time to an event with censoring: the log-rank test assumes nothing of the shape of the curves and is the most powerful one under proportional hazards; the Cox model measures the effect".to_owned(),
            sensitivity,
            benefit: pointing.benefit,
            favours: pointing.favours,
            caution: pointing.caution,
            adjusted: None,
        }
    }

    fn cell(&self, comparison: &Comparison) -> super::result::Cell {
        let events = |arm: usize| self.count(arm).1 as u64;
        super::result::Cell {
            arm: comparison.arm,
            n: comparison.n,
            events: Some((events(comparison.arm), events(self.frame.reference))),
            estimate: comparison.main.estimate.clone(),
            p: comparison.main.p.clone(),
        }
    }

    fn counted(&self, arm: usize, curves: &[Option<&KaplanMeier>]) -> Counted {
        let (n, events) = self.count(arm);
        let summary = match curves.get(arm).copied().flatten() {
            Some(curve) => {
                format!("{events} with the event, {} censored; {}", n - events, self.median(curve))
            }
            None => "nobody was followed".to_owned(),
        };
        Counted {
            arm: self.frame.arm(arm).to_owned(),
            in_population: self.sizes.get(arm).copied().unwrap_or(0),
            analysed: n,
            without_covariate: 0,
            summary,
        }
    }

    fn missing(&self, adjusted: &Said<adjusted::AdjustedModel>) -> Vec<String> {
        let of = |(arm, size): (usize, &usize)| {
            let missing = size.saturating_sub(self.count(arm).0);
            (missing > 0).then(|| {
                format!(
                    "{}: {missing} of {size} have no time or no event status, and are left out.",
                    self.frame.arm(arm)
                )
            })
        };
        let of_model = adjusted.as_ref().ok().and_then(|model| model.missing.clone());
        of_model.into_iter().chain(self.sizes.iter().enumerate().filter_map(of)).collect()
    }
}
