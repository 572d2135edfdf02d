//! The Cox model of the arms alone: its figures, and whether hazards are proportional.

use heddle_kit::{
    model::{ChiTest, indicators},
    stats::Computed,
    survival::{CoxFit, TimeTransform, proportional_hazards},
};
use serde_json::{Value, json};

use super::{
    adjusted,
    cox::{Model, hazard_ratio, named, slices},
    events::Followed,
    object::{Object, Said, object},
    pointing::NOT_PROPORTIONAL,
    words::{figure, p_text, reason},
};

/// Tests of proportional hazards by arm compared, and of all of them.
type Proportional = Said<(Vec<Said<ChiTest>>, Said<ChiTest>)>;

/// What the model of the arms alone says.
pub(super) struct ArmModel {
    pub(super) model: Model,
    pub(super) breslow: Computed<CoxFit>,
    /// Against the ranks of the times, ties sharing theirs.
    pub(super) proportional: Proportional,
    /// The same with tied events in the source's order, as the reference figures have it.
    pub(super) by_position: Proportional,
}

impl Followed<'_, '_> {
    pub(super) fn arm_model(&self) -> Said<ArmModel> {
        let frame = self.frame;
        if self.count(frame.reference).0 == 0 {
            return Err(format!("nobody of {} was followed", frame.reference_name()));
        }
        let columns = indicators(&self.arms, frame.n_arms(), frame.reference);
        let model = Model::fit(&self.follow_up, frame.compared_names(), &columns, frame.level)?;
        let breslow = Model::breslow(&self.follow_up, &columns, frame.level);
        let said = |why| reason(why, &[], &model.names);
        let test = |fit: &CoxFit, clock| {
            proportional_hazards(fit, &self.follow_up, &slices(&columns), clock)
                .map(|test| {
                    (test.columns.iter().map(|t| t.map_err(said)).collect(), test.global.map_err(said))
                })
                .map_err(said)
        };
        let proportional = test(&model.fit, TimeTransform::Rank);
        let by_position = test(model.reference(), TimeTransform::Position);
        Ok(ArmModel { model, breslow, proportional, by_position })
    }

    pub(super) fn model_json(&self, made: &mut Object, found: &Said<ArmModel>) {
        let frame = self.frame;
        let each = |of: &dyn Fn(&ArmModel, usize, usize) -> Value| -> Value {
            object(frame.compared().enumerate().map(|(at, arm)| {
                let value = match (found, &self.estimable(arm)) {
                    (Ok(model), Ok(())) => of(model, at, arm),
                    (Err(why), Ok(())) | (_, Err(why)) => {
                        let mut made = Object::new();
                        for key in ["coef", "se", "hr", "ci", "z", "p"] {
                            made.computed::<f64>(key, Err(why.to_owned()));
                        }
                        made.finish()
                    }
                };
                (frame.arm(arm), value)
            }))
        };
        let short = |fit: &Computed<&CoxFit>, at: usize| {
            let found = match fit {
                Ok(fit) => named(fit, at, &frame.compared_names()),
                Err(why) => Err(why.to_string()),
            };
            let mut made = Object::new();
            let ratio = found.clone().and_then(|c| hazard_ratio(&c));
            made.all(&ratio, &[("hr", &|r| json!(r.0)), ("ci", &|r| json!(r.1))]);
            made.all(&found, &[("se", &|c| json!(c.se)), ("p", &|c| json!(c.p))]);
            made.finish()
        };
        made.set("cox_arm", each(&|model, at, _| model.model.term(at)));
        made.set(
            "cox_note",
            "`cox_arm`, `cox_adjusted` and `subgroups` have the estimates where lifelines 0.30, whose form this is, ends its \
             iteration, which is short of the maximum by some 1e-3 standard errors at most. `converged` in them and \
             `cox_arm_statsmodels_efron` have the maximum, which the comparisons, the report and the pictures use.",
        );
        made.computed(
            "cox_arm_fit",
            found.as_ref().map(|m| fit_json(m.model.reference())).map_err(Clone::clone),
        );
        made.set("cox_arm_statsmodels_efron", each(&|model, at, _| short(&Ok(&model.model.fit), at)));
        made.set(
            "cox_arm_statsmodels_breslow",
            each(&|model, at, _| short(&model.breslow.as_ref().map_err(|why| *why), at)),
        );
        for (key, of) in [("ph_test_rank", false), ("ph_test_mean_rank", true)] {
            let tests = frame.compared().enumerate().map(|(at, arm)| {
                let tests = found.as_ref().map_err(Clone::clone);
                let tests =
                    tests.and_then(|m| if of { m.proportional.clone() } else { m.by_position.clone() });
                let test = self.estimable(arm).and(tests).and_then(|(columns, _)| {
                    columns.get(at).cloned().unwrap_or_else(|| Err("no such arm".to_owned()))
                });
                let mut made = Object::new();
                made.all(&test, &[("chi2", &|t| json!(t.chi_squared)), ("p", &|t| json!(t.p))]);
                (frame.arm(arm), made.finish())
            });
            made.set(key, object(tests));
        }
        made.set(
            "ph_test_note",
            "`ph_test_rank` ranks tied events in the order in which the source has them, as lifelines does; `ph_test_mean_rank`, which \
             the report uses, gives tied events their mean rank and depends on no order.",
        );
    }

    pub(super) fn assumptions(
        &self,
        found: &Said<ArmModel>,
        adjusted: &Said<adjusted::AdjustedModel>,
    ) -> Vec<String> {
        let mut said = Vec::new();
        let doubt = |p: f64| {
            if p < NOT_PROPORTIONAL {
                ": proportional hazards are doubtful, so read the hazard ratio as an average and look at the restricted means"
            } else {
                ""
            }
        };
        match found.as_ref().map(|m| &m.proportional) {
            Ok(Ok((columns, global))) => {
                for (arm, test) in self.frame.compared().zip(columns) {
                    said.push(match (&self.estimable(arm), test) {
                        (Ok(()), Ok(t)) => format!(
                            "Proportional hazards, {}: scaled Schoenfeld residuals against ranked time, χ² {}, p {}{}.",
                            self.frame.arm(arm), figure(t.chi_squared), p_text(t.p), doubt(t.p)
                        ),
                        (Err(why), _) | (_, Err(why)) => format!("Proportional hazards, {}: not tested ({why}).", self.frame.arm(arm)),
                    });
                }
                if let (true, Ok(t)) = (columns.len() > 1, global) {
                    said.push(format!(
                        "Proportional hazards of all arms: χ² {}, p {}{}.",
                        figure(t.chi_squared),
                        p_text(t.p),
                        doubt(t.p)
                    ));
                }
            }
            // A single arm has no hazards to be proportional to.
            _ if self.frame.compared().next().is_none() => {}
            Ok(Err(why)) | Err(why) => said.push(format!("Proportional hazards: not tested ({why}).")),
        }
        match adjusted {
            Ok(model) => said.extend(model.notes.iter().cloned()),
            Err(why) if !self.endpoint.covariates.is_empty() => {
                said.push(format!("The adjusted model is not computable: {why}."));
            }
            Err(_) => {}
        }
        said.push("Censoring is taken as unrelated to the event; the data cannot show it.".to_owned());
        said
    }
}

/// The tests of a whole model.
pub(super) fn fit_json(fit: &CoxFit) -> Value {
    let mut made = Object::new();
    made.set("n", fit.n).set("events", fit.events);
    made.set("log_likelihood", fit.likelihood.log).set("log_likelihood_null", fit.null.log);
    for (name, test) in [("lr", &fit.likelihood_ratio), ("wald", &fit.wald), ("score", &fit.score)] {
        let test = test.map_err(|why| why.to_string());
        made.all(
            &test,
            &[
                (&format!("{name}_chi2"), &|t: &ChiTest| json!(t.chi_squared)),
                (&format!("{name}_df"), &|t| json!(t.df as u64)),
                (&format!("{name}_p"), &|t| json!(t.p)),
            ],
        );
    }
    let concordance = fit.concordance.map_err(|why| why.to_string());
    let share = |concordant: u64, pairs: u64| concordant as f64 / pairs as f64;
    made.all(
        &concordance,
        &[
            ("concordance", &|c| json!(c.value)),
            // If all ties of the scores were broken the wrong or the right way.
            ("concordance_bounds", &|c| {
                json!([share(c.concordant, c.pairs), share(c.concordant + c.tied, c.pairs)])
            }),
        ],
    );
    made.set("iterations", fit.iterations);
    made.finish()
}
