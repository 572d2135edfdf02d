//! Endpoints that are measurements or scores.

use heddle_kit::{
    report::thousands,
    stats::{
        Computed, NotComputable, Sample, TTest, anova, brown_forsythe, cohens_d, hedges_g, hodges_lehmann,
        kruskal_wallis, mann_whitney, sample_mean_interval, shapiro_wilk, student_test, welch_test,
    },
};
use serde_json::{Value, json};

use super::{
    covariance::{Adjusted, adjust},
    favours::{Favours, MEAN, SCORE},
    frame::{Frame, Members, numbers},
    object::{Object, Said, object},
    result::{Analysed, Comparison, Counted, Estimate, Role, Test},
    words::{benefit, figure, left_out_text, p_text, reason},
};
use crate::study::{Endpoint, EndpointKind};

/// The planned test where the protocol names a covariate.
pub(super) const COVARIANCE: &str = "Analysis of covariance";

/// Why two arms of one value each have a difference and no more.
const CONSTANT: &str = "the outcome does not vary within the arms";

/// The values of an endpoint, and of its covariate, in the rows of the population.
struct Data<'a, 's> {
    frame: &'a Frame<'s>,
    endpoint: &'a Endpoint,
    sizes: &'a [usize],
    samples: Vec<Computed<Sample>>,
    adjusted: Option<Said<Adjusted>>,
}

/// The analysis of a continuous or ordinal endpoint.
pub(super) fn analyse(
    frame: &Frame<'_>,
    members: &Members,
    endpoint: &Endpoint,
    role: Role,
) -> Said<Analysed> {
    let path = format!("endpoints.{}", endpoint.id);
    let values = numbers(frame.study, &path)?;
    let value = |row: u32| values.get(row as usize).copied().flatten();
    let mut by_arm: Vec<Vec<f64>> = vec![Vec::new(); frame.n_arms()];
    for (row, arm) in members.rows.iter().zip(&members.arms) {
        if let (Some(v), Some(list)) = (value(*row), by_arm.get_mut(*arm)) {
            list.push(v);
        }
    }
    if by_arm.iter().all(Vec::is_empty) {
        return Err("nobody in the population has a value".to_owned());
    }
    let data = Data {
        frame,
        endpoint,
        sizes: &members.sizes,
        samples: by_arm.into_iter().map(Sample::new).collect(),
        adjusted: endpoint.baseline_field.as_deref().map(|field| adjust(frame, members, &value, field)),
    };
    Ok(data.analysed(role))
}

fn t_value(test: &TTest) -> Value {
    json!({"t": test.t, "df": test.df, "p": test.p, "ci": test.interval})
}

/// A sample as a table describes it: mean, SD, quartiles and extremes in the endpoint's unit.
fn summary(sample: &Sample, level: f64) -> Value {
    let s = sample.summary();
    let mut made = Object::new();
    made.set("n", s.n).set("mean", s.mean);
    made.computed("sd", s.sd.ok_or_else(|| "a single value has no standard deviation".to_owned()));
    made.computed("mean_ci", sample_mean_interval(sample, level).map_err(|e| e.to_string()));
    made.set("median", s.median).set("q1", s.q1).set("q3", s.q3).set("min", s.min).set("max", s.max);
    made.finish()
}

fn of_t(test: &Said<TTest>) -> (Said<Estimate>, Said<f64>) {
    let estimate = test.as_ref().map(|t| Estimate { value: t.difference, interval: t.interval });
    (estimate.map_err(Clone::clone), test.as_ref().map(|t| t.p).map_err(Clone::clone))
}

impl Data<'_, '_> {
    /// The samples of an arm and of the reference.
    fn pair(&self, arm: usize) -> Said<(&Sample, &Sample)> {
        let of = |arm: usize| {
            let missing = || format!("no values in {}", self.frame.arm(arm));
            self.samples.get(arm).ok_or_else(missing)?.as_ref().map_err(|why| match why {
                NotComputable::TooFew { .. } => missing(),
                other => format!("{}: {other}", self.frame.arm(arm)),
            })
        };
        Ok((of(arm)?, of(self.frame.reference)?))
    }

    fn n(&self, arm: usize) -> usize {
        self.samples.get(arm).and_then(|s| s.as_ref().ok()).map_or(0, Sample::n)
    }

    /// A statistic of an arm and the reference.
    fn between<T>(&self, arm: usize, of: impl Fn(&Sample, &Sample) -> Computed<T>) -> Said<T> {
        let (sample, other) = self.pair(arm)?;
        let names = [self.frame.arm(arm), self.frame.reference_name()];
        of(sample, other).map_err(|why| reason(why, &names, &[]))
    }

    /// The samples of all arms, if none is empty.
    fn all(&self) -> Said<Vec<&Sample>> {
        let of = |(arm, sample): (usize, &'_ Computed<Sample>)| match sample {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("no values in {}", self.frame.arm(arm))),
        };
        self.samples.iter().enumerate().try_for_each(of)?;
        Ok(self.samples.iter().filter_map(|s| s.as_ref().ok()).collect())
    }

    fn kind(&self) -> &'static str {
        if self.endpoint.kind == EndpointKind::Ordinal { "ordinal" } else { "continuous" }
    }

    fn analysed(&self, role: Role) -> Analysed {
        let frame = self.frame;
        let anova = self.all().and_then(|all| anova(&all).map_err(|e| e.to_string()));
        let kruskal = self.all().and_then(|all| kruskal_wallis(&all).map_err(|e| e.to_string()));
        let mut made = Object::new();
        made.set("id", &self.endpoint.id).set("type", self.kind());
        made.set("vs_reference", object(frame.compared().map(|arm| (frame.arm(arm), self.versus(arm)))));
        made.set("by_arm", object((0..frame.n_arms()).map(|arm| (frame.arm(arm), self.summary(arm)))));
        if frame.n_arms() > 2 {
            let (mut f, mut h) = (Object::new(), Object::new());
            f.all(
                &anova,
                &[("f", &|t| json!(t.f)), ("df", &|t| json!([t.df, t.residual_df])), ("p", &|t| json!(t.p))],
            );
            h.all(&kruskal, &[("h", &|t| json!(t.h)), ("df", &|t| json!(t.df)), ("p", &|t| json!(t.p))]);
            made.set("anova", f.finish()).set("kruskal", h.finish());
        }
        if let Some(adjusted) = &self.adjusted {
            made.computed("ancova", adjusted.as_ref().map(|a| a.json(frame)).map_err(Clone::clone));
        }
        let overall = (frame.n_arms() > 2).then(|| {
            let (name, p) = if self.kind() == "ordinal" {
                ("Kruskal–Wallis test of all arms", kruskal.map(|t| t.p))
            } else {
                ("One-way analysis of variance of all arms", anova.map(|t| t.p))
            };
            let measure = "any difference between arms".to_owned();
            let estimate = Err("a test of all arms at once".to_owned());
            Test { name: name.to_owned(), measure, estimate, point: None, p }
        });
        let comparisons: Vec<Comparison> =
            frame.compared().enumerate().map(|(at, arm)| self.comparison(at, arm)).collect();
        let counts: Vec<Counted> = (0..frame.n_arms()).map(|arm| self.counted(arm, &comparisons)).collect();
        let without: Vec<usize> = counts.iter().map(|c| c.without_covariate).collect();
        let covariate = self.endpoint.baseline_field.as_deref().unwrap_or_default();
        Analysed {
            id: self.endpoint.id.clone(),
            label: self.endpoint.label.clone(),
            kind: self.kind(),
            role,
            is_adopted: false,
            unit: self.endpoint.unit.clone(),
            direction: self.endpoint.direction,
            not_computable: None,
            counts,
            comparisons,
            overall,
            missing: left_out_text(frame, COVARIANCE, covariate, &without)
                .into_iter()
                .chain(frame.compared().filter_map(|arm| self.tipping(arm)))
                .collect(),
            assumptions: self.assumptions(),
            curves: Vec::new(),
            forest: None,
            json: match made.finish() {
                Value::Object(map) => map,
                _ => serde_json::Map::new(),
            },
        }
    }

    fn summary(&self, arm: usize) -> Value {
        match self.samples.get(arm) {
            Some(Ok(sample)) => summary(sample, self.frame.level),
            Some(Err(NotComputable::TooFew { .. })) | None => {
                json!({"n": 0, "mean": null, "not_computable": {"mean": "no values"}})
            }
            Some(Err(why)) => json!({"mean": null, "not_computable": {"mean": why.to_string()}}),
        }
    }

    fn versus(&self, arm: usize) -> Value {
        let level = self.frame.level;
        let ranks = self.between(arm, mann_whitney);
        let mut made = Object::new();
        made.set("n", self.n(arm)).set("n_ref", self.n(self.frame.reference));
        made.computed("mean_difference", self.between(arm, |a, b| Ok(a.mean() - b.mean())));
        made.computed("welch", self.between(arm, |a, b| welch_test(a, b, level)).map(|t| t_value(&t)));
        made.computed("student", self.between(arm, |a, b| student_test(a, b, level)).map(|t| t_value(&t)));
        made.computed(
            "mann_whitney",
            ranks.as_ref().map(|r| json!({"u": r.u, "p_asymptotic_continuity": r.p})).map_err(Clone::clone),
        );
        let shift = self.between(arm, |a, b| hodges_lehmann(a, b, level));
        made.all(
            &shift,
            &[("hodges_lehmann", &|s| json!(s.value)), ("hodges_lehmann_ci", &|s| json!(s.interval))],
        );
        let d = self.between(arm, |a, b| cohens_d(a, b, level));
        made.all(&d, &[("cohens_d", &|e| json!(e.value)), ("cohens_d_ci", &|e| json!(e.interval))]);
        let g = self.between(arm, |a, b| hedges_g(a, b, level));
        made.all(&g, &[("hedges_g", &|e| json!(e.value)), ("hedges_g_ci", &|e| json!(e.interval))]);
        made.computed("cliffs_delta", ranks.map(|r| r.cliffs_delta));
        made.finish()
    }

    /// The difference of the means of two arms within which nothing varies.
    fn constant_difference(&self, arm: usize) -> Option<f64> {
        let (sample, other) = self.pair(arm).ok()?;
        let is_constant = |sample: &Sample| {
            let s = sample.summary();
            s.n > 1 && s.min == s.max
        };
        (is_constant(sample) && is_constant(other)).then(|| sample.mean() - other.mean())
    }

    fn comparison(&self, at: usize, arm: usize) -> Comparison {
        let level = self.frame.level;
        let unit = self.endpoint.unit.as_deref().map(|u| format!(" ({u})")).unwrap_or_default();
        let test = |name: &str, measure: &str, (estimate, p): (Said<Estimate>, Said<f64>)| Test {
            name: name.to_owned(),
            measure: format!("{measure}{unit}"),
            estimate,
            point: None,
            p,
        };
        // Where nothing varies within the arms there is a difference all the same.
        let means = |name: &str, found: Said<TTest>| {
            let point = self.constant_difference(arm);
            let found = if point.is_some() { found.map_err(|_| CONSTANT.to_owned()) } else { found };
            Test { point, ..test(name, "mean difference", of_t(&found)) }
        };
        let welch = means("Welch's t test", self.between(arm, |a, b| welch_test(a, b, level)));
        let student = means("Student's t test", self.between(arm, |a, b| student_test(a, b, level)));
        let shift = self
            .between(arm, |a, b| hodges_lehmann(a, b, level))
            .map(|s| Estimate { value: s.value, interval: s.interval });
        let ranks = self.between(arm, mann_whitney);
        let rank_test = test(
            "Mann–Whitney test",
            "Hodges–Lehmann shift",
            (shift, ranks.as_ref().map(|r| r.p).map_err(Clone::clone)),
        );
        let adjusted = self.adjusted.as_ref().map(|adjusted| {
            let effect = adjusted.as_ref().map_err(Clone::clone).and_then(|a| a.effect(self.frame, at, arm));
            let estimate = effect.as_ref().map(|e| Estimate { value: e.estimate, interval: e.interval });
            let p = effect.as_ref().map(|e| e.p).map_err(Clone::clone);
            test(COVARIANCE, "adjusted mean difference", (estimate.map_err(Clone::clone), p))
        });
        let (main, why, sensitivity) = if self.endpoint.kind == EndpointKind::Ordinal {
            let why = "a score whose order counts: a rank test assumes no equal distances between its values";
            (rank_test, why.to_owned(), vec![welch])
        } else {
            match adjusted {
                Some(adjusted) if adjusted.p.is_ok() => {
                    let field = self.endpoint.baseline_field.as_deref().unwrap_or_default();
                    let why = format!(
                        "the protocol names {field} as the covariate of this endpoint; {} (ICH E9, 5.7)",
                        if self.frame.study.protocol.randomised == Some(true) {
                            "adjusting for it removes chance imbalance and gains precision"
                        } else {
                            "adjusting for it gains precision and takes away the part of the arms' difference that goes with it, but no other confounding"
                        }
                    );
                    (adjusted, why, vec![welch, student, rank_test])
                }
                Some(adjusted) => {
                    let why = format!(
                        "a measurement; the planned analysis of covariance is not computable ({}), so the unadjusted test that needs no equal variances stands for it",
                        adjusted.p.as_ref().err().map_or("", String::as_str)
                    );
                    (welch, why, vec![adjusted, student, rank_test])
                }
                None => {
                    let why = "a measurement without a covariate in the protocol; the test assumes no equal variances, and at these sizes means need no normal values; no preliminary test of normality chooses it";
                    (welch, why.to_owned(), vec![student, rank_test])
                }
            }
        };
        let effect = if self.endpoint.kind == EndpointKind::Ordinal {
            ranks.as_ref().ok().map(|r| (r.cliffs_delta, format!("Cliff's delta {}", figure(r.cliffs_delta))))
        } else {
            main.value().ok().map(|value| (value, format!("{} {}", main.measure, figure(value))))
        };
        let value = effect.as_ref().map(|(value, _)| *value);
        let phrases = if self.endpoint.kind == EndpointKind::Ordinal { SCORE } else { MEAN };
        let favours = Favours::of(self.frame, arm, value, self.endpoint.direction, phrases);
        let benefit = benefit(self.frame, self.endpoint, arm, effect, &main.p);
        let left_out = |of: usize| self.left_out(&main, of);
        let n = (self.n(arm) - left_out(arm), self.n(self.frame.reference) - left_out(self.frame.reference));
        Comparison { arm, n, main, why, sensitivity, benefit, favours, caution: None, adjusted: None }
    }

    /// Those of an arm who have a value and are not in a test, because its covariate is missing.
    fn left_out(&self, main: &Test, arm: usize) -> usize {
        match &self.adjusted {
            Some(Ok(adjusted)) if main.name == COVARIANCE => {
                adjusted.left_out.get(arm).copied().unwrap_or(0).min(self.n(arm))
            }
            _ => 0,
        }
    }

    /// How many of an arm are in the comparison that it is in; of the reference, in any.
    fn counted(&self, arm: usize, comparisons: &[Comparison]) -> Counted {
        let is_of = |c: &&Comparison| c.arm == arm || arm == self.frame.reference;
        let without =
            comparisons.iter().filter(is_of).map(|c| self.left_out(&c.main, arm)).max().unwrap_or(0);
        let unit = self.endpoint.unit.as_deref().map(|u| format!(" {u}")).unwrap_or_default();
        let summary = match self.samples.get(arm).and_then(|s| s.as_ref().ok()) {
            None => "no values".to_owned(),
            Some(sample) => {
                let s = sample.summary();
                let spread =
                    s.sd.map_or_else(|| "no SD of one value".to_owned(), |sd| format!("SD {}", figure(sd)));
                let of = if without > 0 {
                    format!("; of the {} with a value", thousands(s.n as f64, 0))
                } else {
                    String::new()
                };
                format!(
                    "mean {}{unit} ({spread}); median {} (Q1 to Q3: {} to {}){of}",
                    figure(s.mean),
                    figure(s.median),
                    figure(s.q1),
                    figure(s.q3)
                )
            }
        };
        Counted {
            arm: self.frame.arm(arm).to_owned(),
            in_population: self.sizes.get(arm).copied().unwrap_or(0),
            analysed: self.n(arm) - without,
            without_covariate: without,
            summary,
        }
    }

    /// By how much those without a value would have to differ for the difference of the means to vanish.
    fn tipping(&self, arm: usize) -> Option<String> {
        let (sample, other) = self.pair(arm).ok()?;
        let missing = self.sizes.get(arm)?.checked_sub(sample.n()).filter(|m| *m > 0)?;
        let difference = sample.mean() - other.mean();
        let all = (sample.n() + missing) as f64;
        let shift = -difference * all / missing as f64;
        let name = self.frame.arm(arm);
        Some(format!(
            "{name}: {missing} of {} have no value. The unadjusted difference of the means ({}) would be zero if their mean were {} {} than that of the others of {name}, those missing in {} being like the others there (tipping point of the estimate, not of its test).",
            self.sizes.get(arm)?,
            figure(difference),
            figure(shift.abs()),
            if shift < 0.0 { "lower" } else { "higher" },
            self.frame.reference_name(),
        ))
    }

    fn assumptions(&self) -> Vec<String> {
        let mut said = Vec::new();
        for (arm, sample) in self.samples.iter().enumerate() {
            let Ok(sample) = sample else { continue };
            said.push(match shapiro_wilk(sample) {
                Ok(test) => format!(
                    "Normality in {}: Shapiro–Wilk W {:.3}, p {}.",
                    self.frame.arm(arm),
                    test.w,
                    p_text(test.p)
                ),
                Err(why) => format!("Normality in {}: not tested ({why}).", self.frame.arm(arm)),
            });
        }
        said.push(match self.all().and_then(|all| brown_forsythe(&all).map_err(|e| e.to_string())) {
            Ok(test) => {
                format!("Equal variances: Brown–Forsythe F {}, p {}.", figure(test.f), p_text(test.p))
            }
            Err(why) => format!("Equal variances: not tested ({why})."),
        });
        if let Some(Ok(adjusted)) = &self.adjusted {
            said.push(match &adjusted.slopes_p {
                Ok(p) => {
                    format!("Parallel slopes of the covariate in all arms: nested F test, p {}.", p_text(*p))
                }
                Err(why) => format!("Parallel slopes of the covariate: not tested ({why})."),
            });
        }
        for arm in self.frame.compared() {
            let shift = self.between(arm, |a, b| hodges_lehmann(a, b, self.frame.level));
            if shift.is_ok_and(|s| s.interval.0 == s.interval.1) {
                said.push(format!(
                    "The interval of the shift of {} has no width, as most differences are tied: it says nothing of the precision; Cliff's delta and the test do.",
                    self.frame.arm(arm)
                ));
            }
        }
        said.push("These checks describe the data; none of them chose a test.".to_owned());
        said
    }
}
