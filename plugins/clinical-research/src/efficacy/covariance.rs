//! The analysis of covariance of an endpoint.

use heddle_kit::{
    model::{Ancova, Coefficient, ancova, indicators, least_squares, nested_f_test, products},
    stats::{Computed, NotComputable},
};
use serde_json::{Value, json};

use super::{
    frame::{Frame, Members, numbers},
    object::{Object, Said, by_arm, object},
    words::reason,
};

/// The analysis of covariance of those who have a value of the outcome and of the covariate.
pub(super) struct Adjusted {
    /// The covariate's dotted path.
    field: String,
    fit: Ancova,
    n: usize,
    pub(super) n_by_arm: Vec<usize>,
    /// Those who have a value of the outcome and none of the covariate.
    pub(super) left_out: Vec<usize>,
    /// Whether the slope of the covariate differs between arms.
    pub(super) slopes_p: Said<f64>,
}

/// Fits the model to those who have both values; `value` is the outcome of a row.
pub(super) fn adjust(
    frame: &Frame<'_>,
    members: &Members,
    value: &dyn Fn(u32) -> Option<f64>,
    field: &str,
) -> Said<Adjusted> {
    let covariate = numbers(frame.study, field)?;
    let (mut outcome, mut baseline, mut arms) = (Vec::new(), Vec::new(), Vec::new());
    let (mut n_by_arm, mut left_out) = (vec![0; frame.n_arms()], vec![0; frame.n_arms()]);
    for (row, arm) in members.rows.iter().zip(&members.arms) {
        let Some(y) = value(*row) else { continue };
        let count = match covariate.get(*row as usize).copied().flatten() {
            Some(x) => {
                outcome.push(y);
                baseline.push(x);
                arms.push(*arm);
                n_by_arm.get_mut(*arm)
            }
            None => left_out.get_mut(*arm),
        };
        if let Some(n) = count {
            *n += 1;
        }
    }
    if n_by_arm.get(frame.reference).copied().unwrap_or(0) == 0 {
        return Err(format!("nobody of {} has both outcome and {field}", frame.reference_name()));
    }
    let mut names = vec![field.to_owned()];
    names.extend(frame.compared_names());
    let said = |why| reason(why, &[], &names);
    let fit =
        ancova(&outcome, &baseline, &arms, frame.n_arms(), frame.reference, frame.level).map_err(said)?;
    let slopes = || -> Computed<f64> {
        let groups = indicators(&arms, frame.n_arms(), frame.reference);
        let crossed = products(&groups, std::slice::from_ref(&baseline));
        let columns: Vec<&[f64]> =
            std::iter::once(&baseline).chain(&groups).chain(&crossed).map(Vec::as_slice).collect();
        Ok(nested_f_test(&fit.fit, &least_squares(&columns, &outcome, frame.level)?)?.p)
    };
    let slopes_p = slopes().map_err(said);
    Ok(Adjusted { field: field.to_owned(), fit, n: outcome.len(), n_by_arm, left_out, slopes_p })
}

impl Adjusted {
    /// In the form of the results file.
    pub(super) fn json(&self, frame: &Frame<'_>) -> Value {
        let effects = frame.compared().enumerate().map(|(at, arm)| {
            let mut made = Object::new();
            let effect = self.effect(frame, at, arm);
            made.all(
                &effect,
                &[
                    ("adjusted_difference", &|e| json!(e.estimate)),
                    ("se", &|e| json!(e.se)),
                    ("t", &|e| json!(e.statistic)),
                    ("p", &|e| json!(e.p)),
                    ("ci", &|e| json!(e.interval)),
                ],
            );
            (frame.arm(arm), made.finish())
        });
        let mut made = Object::new();
        made.set("n", self.n);
        made.set("n_by_arm", by_arm(frame, &self.n_by_arm));
        made.set("left_out_by_arm", by_arm(frame, &self.left_out));
        made.set("covariate", &self.field);
        let names = std::slice::from_ref(&self.field);
        made.computed(
            "covariate_slope",
            self.fit.slope.map(|s| s.estimate).map_err(|why| reason(why, &[], names)),
        );
        made.set("residual_df", self.fit.fit.residual_df() as f64);
        made.set("effects", object(effects));
        made.computed("parallel_slopes_p", self.slopes_p.clone());
        made.finish()
    }

    /// The adjusted difference of the arm that is compared in that place.
    pub(super) fn effect(&self, frame: &Frame<'_>, at: usize, arm: usize) -> Said<Coefficient> {
        if self.n_by_arm.get(arm).copied().unwrap_or(0) == 0 {
            return Err(format!("nobody of {} has both outcome and covariate", frame.arm(arm)));
        }
        let found = self.fit.differences.get(at).copied().unwrap_or(Err(NotComputable::BadGroups));
        let mut names = frame.compared_names();
        names.insert(0, self.field.clone());
        found.map_err(|why| reason(why, &[], &names))
    }
}
