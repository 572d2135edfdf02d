//! Endpoints that are a time to an event.

use heddle_kit::{
    model::{Coefficient, Convergence, indicators, likelihood_ratio_test, products},
    stats::Computed,
    survival::{
        CoxFit, CoxOptions, FollowUp, KaplanMeier, Ties, TimeTransform, Weights, cox, log_rank,
        proportional_hazards, restricted_mean,
    },
};
use serde_json::{Value, json};

use crate::{
    object,
    study::{Study, Subject},
};

struct Endpoint<'a> {
    study: &'a Study,
    definition: &'a Value,
    subjects: Vec<Subject>,
    times: Vec<f64>,
    events: Vec<bool>,
}

pub(crate) fn time_to_event(study: &Study) -> Value {
    let all = study.list("/endpoints/time_to_event");
    all.iter().map(|definition| Endpoint::new(study, definition).value()).collect()
}

/// A time that is not reached is written as "inf".
fn reached(time: Computed<f64>) -> Value {
    time.map_or_else(|_| json!("inf"), |t| json!(t))
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

fn hazard_ratio(c: &Coefficient) -> (f64, (f64, f64)) {
    c.exponentiated().unwrap()
}

fn term(c: &Coefficient) -> Value {
    let (hr, ci) = hazard_ratio(c);
    json!({"coef": c.estimate, "se": c.se, "hr": hr, "ci": ci, "z": c.statistic, "p": c.p})
}

impl<'a> Endpoint<'a> {
    fn new(study: &'a Study, definition: &'a Value) -> Self {
        let id = definition["id"].as_str().unwrap();
        let of = |s: &Subject| -> Option<(f64, bool)> {
            let event = s.field(&format!("events.{id}"));
            Some((event["time"].as_f64()?, event["event"].as_bool()?))
        };
        let known: Vec<(Subject, (f64, bool))> = study
            .population("time_to_event")
            .into_iter()
            .filter_map(|s| Some((s.clone(), of(&s)?)))
            .collect();
        let (times, events) = known.iter().map(|k| k.1).unzip();
        Self { study, definition, subjects: known.into_iter().map(|k| k.0).collect(), times, events }
    }

    fn options(&self, ties: Ties, convergence: Convergence) -> CoxOptions {
        CoxOptions { ties, convergence, level: self.study.level, ..CoxOptions::default() }
    }

    fn arms_of(&self, rows: &[usize]) -> Vec<usize> {
        rows.iter().map(|r| self.subjects[*r].arm).collect()
    }

    fn follow_up(&self, rows: &[usize]) -> FollowUp {
        let times: Vec<f64> = rows.iter().map(|r| self.times[*r]).collect();
        let events: Vec<bool> = rows.iter().map(|r| self.events[*r]).collect();
        FollowUp::new(&times, &events).unwrap()
    }

    fn rows(&self, keep: impl Fn(&Subject) -> bool) -> Vec<usize> {
        (0..self.subjects.len()).filter(|r| keep(&self.subjects[*r])).collect()
    }

    fn by_arm(&self, arms: &[usize], of: impl Fn(usize, usize) -> Value) -> Value {
        object(arms.iter().enumerate().map(|(at, arm)| (&self.study.arms[*arm], of(at, *arm))))
    }

    fn value(&self) -> Value {
        let all = self.rows(|_| true);
        let follow_up = self.follow_up(&all);
        let (arms, compared) = (self.arms_of(&all), self.study.compared().collect::<Vec<_>>());
        let columns = indicators(&arms, self.study.arms.len(), self.study.reference);
        let fit = |options| cox(&follow_up, &slices(&columns), &options).unwrap();
        // What lifelines found is where it stopped; what statsmodels found is the maximum.
        let stopped = fit(self.options(Ties::Efron, Convergence::Lifelines));
        let efron = fit(self.options(Ties::Efron, Convergence::Full));
        let breslow = fit(self.options(Ties::Breslow, Convergence::Full));
        let short = |fit: &CoxFit| {
            self.by_arm(&compared, |at, _| {
                let c = fit.coefficients[at].unwrap();
                json!({"hr": hazard_ratio(&c).0, "se": c.se})
            })
        };
        let (test, concordance) = (stopped.likelihood_ratio.unwrap(), stopped.concordance.unwrap());
        let proportional =
            proportional_hazards(&stopped, &follow_up, &slices(&columns), TimeTransform::Position).unwrap();
        let overall =
            log_rank(&follow_up, &arms, self.study.arms.len(), Weights::LogRank, None).unwrap().test;
        json!({
            "id": self.definition["id"],
            "km": self.by_arm(&(0..self.study.arms.len()).collect::<Vec<_>>(), |_, arm| self.curve(arm)),
            "ties": "efron (lifelines); statsmodels Efron and Breslow beside it",
            "logrank_overall": {"chi2": overall.chi_squared, "df": overall.df as u64, "p": overall.p},
            "logrank_vs_reference": self.by_arm(&compared, |_, arm| self.log_rank(arm)),
            "cox_arm": self.by_arm(&compared, |at, _| term(&stopped.coefficients[at].unwrap())),
            "cox_arm_fit": {
                "log_likelihood": stopped.likelihood.log,
                "lr_chi2": test.chi_squared,
                "lr_df": test.df as u64,
                "lr_p": test.p,
                "concordance": concordance.value,
                "concordance_bounds": [
                    concordance.concordant as f64 / concordance.pairs as f64,
                    (concordance.concordant + concordance.tied) as f64 / concordance.pairs as f64,
                ],
            },
            "cox_arm_statsmodels_efron": short(&efron),
            "cox_arm_statsmodels_breslow": short(&breslow),
            "ph_test_rank": self.by_arm(&compared, |at, _| {
                let test = proportional.columns[at].unwrap();
                json!({"chi2": test.chi_squared, "p": test.p})
            }),
            "cox_adjusted": self.adjusted(),
            "subgroups": self.study.list("/subgroups").iter().map(|s| self.subgroup(s)).collect::<Vec<_>>(),
        })
    }

    fn curve(&self, arm: usize) -> Value {
        let follow_up = self.follow_up(&self.rows(|s| s.arm == arm));
        let curve = KaplanMeier::new(&follow_up, self.study.level).unwrap();
        let (low, high) = curve.median_interval();
        let at = self.definition["times"].as_array().unwrap().iter().map(|time| {
            let t = time.as_f64().unwrap();
            let (survival, interval) = curve.survival(t);
            (
                time.to_string(),
                json!({"survival": survival, "ci_loglog": interval, "at_risk": curve.at_risk(t)}),
            )
        });
        let tau = &self.definition["rmst_tau"];
        let mean = restricted_mean(&curve, tau.as_f64().unwrap()).unwrap();
        json!({
            "n": curve.n,
            "events": curve.events,
            "median": reached(curve.median()),
            "median_ci": [reached(low), reached(high)],
            "at": object(at),
            "rmst": {"tau": tau, "value": mean.value},
        })
    }

    fn pair(&self, arm: usize, keep: impl Fn(&Subject) -> bool) -> Vec<usize> {
        self.rows(|s| (s.arm == arm || s.arm == self.study.reference) && keep(s))
    }

    fn log_rank(&self, arm: usize) -> Value {
        let rows = self.pair(arm, |_| true);
        let (follow_up, arms) = (self.follow_up(&rows), self.arms_of(&rows));
        let test = |weights| log_rank(&follow_up, &arms, self.study.arms.len(), weights, None).unwrap().test;
        let (plain, gehan) = (test(Weights::LogRank), test(Weights::Gehan));
        json!({
            "chi2": plain.chi_squared,
            "p": plain.p,
            "gehan_wilcoxon_chi2": gehan.chi_squared,
            "gehan_wilcoxon_p": gehan.p,
        })
    }

    /// With covariates: numbers as they are, categories by their levels but the first.
    fn adjusted(&self) -> Value {
        let fields: Vec<&str> =
            self.definition["covariates"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
        let rows = self.rows(|s| fields.iter().all(|f| !s.field(f).is_null()));
        let mut names: Vec<String> = self.study.compared().map(|arm| self.study.arms[arm].clone()).collect();
        let mut columns = indicators(&self.arms_of(&rows), self.study.arms.len(), self.study.reference);
        for field in fields {
            if rows.iter().all(|r| self.subjects[*r].number(field).is_some()) {
                columns.push(rows.iter().map(|r| self.subjects[*r].number(field).unwrap()).collect());
                names.push(field.to_owned());
                continue;
            }
            let values: Vec<String> =
                rows.iter().map(|r| self.subjects[*r].category(field).unwrap()).collect();
            let mut levels = values.clone();
            levels.sort();
            levels.dedup();
            let codes: Vec<usize> =
                values.iter().map(|v| levels.iter().position(|l| l == v).unwrap()).collect();
            columns.extend(indicators(&codes, levels.len(), 0));
            names.extend(levels[1..].iter().map(|level| format!("{field}={level}")));
        }
        let options = self.options(Ties::Efron, Convergence::Lifelines);
        let fit = cox(&self.follow_up(&rows), &slices(&columns), &options).unwrap();
        let terms = names.iter().zip(&fit.coefficients).map(|(name, c)| (name, term(c.as_ref().unwrap())));
        json!({"n": fit.n, "terms": object(terms)})
    }

    fn subgroup(&self, subgroup: &Value) -> Value {
        let level = |s: &Subject| Study::level_of(subgroup, s);
        let mut names: Vec<String> = self.subjects.iter().filter_map(level).collect();
        names.sort();
        names.dedup();
        let options = self.options(Ties::Efron, Convergence::Lifelines);
        let levels = names.iter().map(|name| {
            let found = self.study.compared().map(|arm| {
                let rows = self.pair(arm, |s| level(s).as_ref() == Some(name));
                let column: Vec<f64> =
                    self.arms_of(&rows).iter().map(|a| f64::from(u8::from(*a == arm))).collect();
                let value = match cox(&self.follow_up(&rows), &[&column], &options) {
                    Ok(CoxFit { coefficients, n, events, .. }) if coefficients[0].is_ok() => {
                        let c = coefficients[0].unwrap();
                        let (hr, ci) = hazard_ratio(&c);
                        json!({"n": n, "events": events, "hr": hr, "ci": ci, "p": c.p})
                    }
                    _ => Value::Null,
                };
                (&self.study.arms[arm], value)
            });
            (name, object(found))
        });
        let levels = object(levels);
        let rows = self.rows(|s| level(s).is_some());
        let codes: Vec<usize> = rows
            .iter()
            .map(|r| names.iter().position(|n| Some(n) == level(&self.subjects[*r]).as_ref()).unwrap())
            .collect();
        let arms = indicators(&self.arms_of(&rows), self.study.arms.len(), self.study.reference);
        let groups = indicators(&codes, names.len(), 0);
        let mut columns = [arms.clone(), groups.clone()].concat();
        let follow_up = self.follow_up(&rows);
        let smaller = cox(&follow_up, &slices(&columns), &options).unwrap().likelihood;
        columns.extend(products(&arms, &groups));
        let larger = cox(&follow_up, &slices(&columns), &options).unwrap().likelihood;
        let test = likelihood_ratio_test(smaller, larger).unwrap();
        json!({
            "id": subgroup["id"],
            "levels": levels,
            "interaction": {"lr_chi2": test.chi_squared, "df": test.df as u64, "p": test.p},
        })
    }
}
