//! Survival curves, medians and restricted means of the arms.

use heddle_kit::{
    model::Coefficient,
    stats::Computed,
    survival::{KaplanMeier, RestrictedMean, restricted_mean_difference},
};
use serde_json::{Value, json};

use super::{
    events::Followed,
    object::{Object, Said, object},
    words::percent,
};

/// The most times at which survival is told.
const MOST_TIMES: usize = 200;

impl Followed<'_, '_> {
    /// The horizon of the restricted mean and where it comes from.
    pub(super) fn horizon(&self, curves: &[Option<&KaplanMeier>]) -> (Said<f64>, String) {
        match self.endpoint.rmst_tau.filter(|t| t.is_finite() && *t > 0.0) {
            Some(tau) => (Ok(tau), format!("{tau}, from the protocol")),
            None => {
                let last = curves.iter().flatten().map(|c| c.last_time()).fold(f64::INFINITY, f64::min);
                if last.is_finite() && last > 0.0 {
                    (
                        Ok(last),
                        format!(
                            "{last}, the shortest of the arms' longest follow-ups, as the protocol names none: chosen from the data"
                        ),
                    )
                } else {
                    (Err("no arm was followed beyond time zero".to_owned()), "none".to_owned())
                }
            }
        }
    }

    pub(super) fn curve(
        &self,
        arm: usize,
        curves: &[Option<&KaplanMeier>],
        means: &[Said<RestrictedMean>],
    ) -> Value {
        let mut made = Object::new();
        let Some(curve) = curves.get(arm).copied().flatten() else {
            made.set("n", 0)
                .set("events", 0)
                .computed::<f64>("median", Err("nobody was followed".to_owned()));
            return made.finish();
        };
        let reached = |time: Computed<f64>| time.map_or_else(|_| json!("inf"), |t| json!(t));
        let (low, high) = curve.median_interval();
        made.set("n", curve.n).set("events", curve.events);
        made.set("median", reached(curve.median())).set("median_ci", [reached(low), reached(high)]);
        made.set("median_statement", self.median(curve));
        if let Some(level) = curve.level(0.5) {
            made.set("half_survive", level);
        }
        let at = self.endpoint.times.iter().take(MOST_TIMES).map(|time| {
            let (survival, interval) = curve.survival(*time);
            let mut value =
                json!({"survival": survival, "ci_loglog": interval, "at_risk": curve.at_risk(*time)});
            if *time > curve.last_time() {
                value["statement"] = json!("beyond the last follow-up: the curve is continued as it ended");
            }
            (time.to_string(), value)
        });
        made.set("at", object(at));
        let mean = means.get(arm).cloned().unwrap_or_else(|| Err("no curve".to_owned())).map(|m| {
            let mut value = json!({"tau": m.horizon, "value": m.value, "se": m.se});
            if m.horizon.fract() == 0.0 && m.horizon < 1e15 {
                value["tau"] = json!(m.horizon as i64);
            }
            if m.extrapolated {
                value["statement"] =
                    json!("the horizon lies beyond the last follow-up: the curve is continued as it ended");
            }
            value
        });
        made.computed("rmst", mean);
        made.finish()
    }

    /// The median in words.
    pub(super) fn median(&self, curve: &KaplanMeier) -> String {
        let unit = self.endpoint.unit.as_deref().map(|u| format!(" {u}")).unwrap_or_default();
        let word = |t: Computed<f64>| t.map_or_else(|_| "not reached".to_owned(), |t| format!("{t}"));
        let (low, high) = curve.median_interval();
        match curve.median() {
            Ok(median) => {
                let between = curve.level(0.5).map_or_else(String::new, |(from, to)| {
                    format!("; the curve stands at one half from {from} to {to}")
                });
                format!(
                    "median {median}{unit} ({} CI {} to {}{between})",
                    percent(self.frame.level),
                    word(low),
                    word(high)
                )
            }
            Err(_) => format!(
                "median not reached ({} CI {} to {}){}",
                percent(self.frame.level),
                word(low),
                word(high),
                if curve.events == 0 { ": no events" } else { "" }
            ),
        }
    }

    pub(super) fn mean_difference(&self, arm: usize, means: &[Said<RestrictedMean>]) -> Said<Coefficient> {
        let none = || Err("no curve".to_owned());
        let of = |arm: usize| means.get(arm).cloned().unwrap_or_else(none);
        let (own, other) = (of(arm)?, of(self.frame.reference)?);
        restricted_mean_difference(&own, &other, self.frame.level).map_err(|why| {
            // Without an event the curve stays at 1 up to the horizon.
            let is_whole = |mean: &RestrictedMean| mean.value >= mean.horizon;
            if is_whole(&own) && is_whole(&other) {
                let (name, reference) = (self.frame.arm(arm), self.frame.reference_name());
                format!("no events up to the horizon in {name} nor in {reference}")
            } else {
                why.to_string()
            }
        })
    }
}
