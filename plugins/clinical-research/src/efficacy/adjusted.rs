//! The Cox model of the arms with the protocol's covariates.

use heddle_kit::{
    model::indicators,
    report::counted,
    survival::{TimeTransform, proportional_hazards},
};
use serde_json::Value;

use super::{
    cox::{Model, slices},
    events::Followed,
    frame::Levels,
    hazards::fit_json,
    object::{Object, Said, by_arm, object},
    words::{figure, left_out_text, listed, p_text, reason},
};
use crate::study::Column;

/// Fewer events than this for each coefficient make estimates unsteady (Peduzzi et al. 1995).
const EVENTS_PER_COEFFICIENT: f64 = 10.0;

/// The model of those whose covariates are all known.
pub(super) struct AdjustedModel {
    pub(super) model: Model,
    /// What a reader should know of it.
    pub(super) notes: Vec<String>,
    /// Who is left out because a covariate is missing.
    pub(super) missing: Option<String>,
    pub(super) json: Value,
}

/// Numbers enter as they are, categories by their levels but the first. A subject without one of the values is left out.
pub(super) fn fit(followed: &Followed<'_, '_>) -> Said<AdjustedModel> {
    let (frame, endpoint) = (followed.frame, followed.endpoint);
    if endpoint.covariates.is_empty() {
        return Err("the protocol names no covariates".to_owned());
    }
    let mut names = frame.compared_names();
    let mut columns = indicators(&followed.arms, frame.n_arms(), frame.reference);
    let mut known = vec![true; followed.rows.len()];
    for path in &endpoint.covariates {
        let column =
            frame.study.subjects.field(path).ok_or_else(|| format!("no subject has a value of {path}"))?;
        match column {
            Column::Numeric(values) | Column::Day(values) => {
                let of = followed.rows.iter().map(|row| values.get(*row as usize).copied().flatten());
                columns.push(
                    of.zip(&mut known)
                        .map(|(value, known)| {
                            *known &= value.is_some();
                            value.unwrap_or(0.0)
                        })
                        .collect(),
                );
                names.push(path.clone());
            }
            Column::Boolean(_) | Column::Categorical(_) => {
                let levels = Levels::of_column(column, &followed.rows, path)?;
                for (code, known) in levels.codes.iter().zip(&mut known) {
                    *known &= code.is_some();
                }
                let codes: Vec<usize> = levels.codes.iter().map(|code| code.unwrap_or(0)).collect();
                columns.extend(indicators(&codes, levels.names.len(), 0));
                names.extend(levels.names.iter().skip(1).map(|level| format!("{path}={level}")));
            }
        }
    }
    let follow_up = followed.follow_up.filtered(|at| known.get(at) == Some(&true));
    let n_of =
        |arm: usize| follow_up.rows().iter().filter(|at| followed.arms.get(**at) == Some(&arm)).count();
    if follow_up.n() == 0 {
        return Err("nobody has all covariates".to_owned());
    }
    if n_of(frame.reference) == 0 {
        return Err(format!("nobody of {} has all covariates", frame.reference_name()));
    }
    let model = Model::fit(&follow_up, names, &columns, frame.level)?;
    let said = |why| reason(why, &[], &model.names);
    let proportional =
        proportional_hazards(&model.fit, &follow_up, &slices(&columns), TimeTransform::Rank).map_err(said);
    let left_out = followed.follow_up.n() - follow_up.n();
    let of_arms: Vec<usize> = (0..frame.n_arms()).map(n_of).collect();
    let left_out_of_arms: Vec<usize> =
        of_arms.iter().enumerate().map(|(arm, n)| followed.count(arm).0.saturating_sub(*n)).collect();
    let covariates = match endpoint.covariates.as_slice() {
        [only] => only.clone(),
        several => format!("all of {}", listed(several)),
    };
    let missing = left_out_text(frame, "Adjusted Cox model", &covariates, &left_out_of_arms);
    let mut notes = vec![format!(
        "Adjusted model: {} of {} ({left_out} left out for want of a covariate), {}.",
        follow_up.n(),
        counted(followed.follow_up.n(), "subject", "subjects"),
        counted(follow_up.event_count(), "event", "events")
    )];
    let share = follow_up.event_count() as f64 / model.names.len() as f64;
    if share < EVENTS_PER_COEFFICIENT {
        notes.push(format!(
            "The adjusted model has {} events for each coefficient; below {EVENTS_PER_COEFFICIENT} its estimates are unsteady (Peduzzi et al. 1995).",
            figure(share)
        ));
    }
    match proportional.as_ref().map(|t| t.global) {
        Ok(Ok(test)) => notes.push(format!(
            "Proportional hazards of the adjusted model: global test χ² {}, p {}.",
            figure(test.chi_squared),
            p_text(test.p)
        )),
        Ok(Err(why)) => {
            notes.push(format!("Proportional hazards of the adjusted model: not tested ({why})."));
        }
        Err(why) => notes.push(format!("Proportional hazards of the adjusted model: not tested ({why}).")),
    }
    let mut made = Object::new();
    made.set("n", model.fit.n).set("left_out", left_out);
    made.set("covariates", &endpoint.covariates);
    made.set("n_by_arm", by_arm(frame, &of_arms));
    made.set("left_out_by_arm", by_arm(frame, &left_out_of_arms));
    made.set(
        "terms",
        object(model.names.iter().enumerate().map(|(at, name)| (name.clone(), model.term(at)))),
    );
    made.set("fit", fit_json(model.reference()));
    let tests = proportional.map(|test| {
        object(model.names.iter().zip(&test.columns).map(|(name, test)| {
            let mut made = Object::new();
            let test = test.map_err(said);
            made.all(&test, &[("chi2", &|t| t.chi_squared.into()), ("p", &|t| t.p.into())]);
            (name.clone(), made.finish())
        }))
    });
    made.computed("ph_test_rank", tests);
    let json = made.finish();
    Ok(AdjustedModel { model, notes, missing, json })
}
