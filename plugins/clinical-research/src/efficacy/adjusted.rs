//! The Cox model of the arms with the protocol's covariates.

use heddle_kit::{
    model::{Coefficient, indicators},
    report::counted,
    survival::{FollowUp, TimeTransform, proportional_hazards},
};
use serde_json::{Value, json};

use super::{
    cox::{Model, slices, term},
    events::Followed,
    frame::{Frame, Levels},
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
    /// The covariates that the model has.
    fitted: Vec<String>,
    /// By arm compared: with which covariates it is confounded wholly, if with any.
    confounded: Vec<Option<Vec<String>>>,
}

impl AdjustedModel {
    /// The adjusted effect of the arm that is compared in that place.
    pub(super) fn coefficient(&self, frame: &Frame<'_>, at: usize, arm: usize) -> Said<Coefficient> {
        match self.confounded.get(at) {
            Some(Some(with)) => Err(confounding(frame.arm(arm), with)),
            _ => self.model.coefficient(at),
        }
    }

    /// What the effect in that place is adjusted for: the covariates of the model, and where there is none those that prevent it.
    pub(super) fn adjusted_for(&self, at: usize) -> Vec<String> {
        let prevented = self.confounded.get(at).cloned().flatten().unwrap_or_default();
        let more = prevented.into_iter().filter(|path| !self.fitted.contains(path));
        self.fitted.iter().cloned().chain(more).collect()
    }
}

fn confounding(arm: &str, with: &[String]) -> String {
    format!("{arm} and {} cannot be told apart (collinear)", listed(with))
}

/// The columns of a model and where they come from.
struct Design {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
    /// For each column behind those of the arms the place of its covariate.
    owners: Vec<usize>,
    follow_up: FollowUp,
}

impl Design {
    /// Numbers enter as they are, categories by their levels but the first. A subject without one of the values is left out.
    fn of(followed: &Followed<'_, '_>, paths: &[String]) -> Said<Self> {
        let frame = followed.frame;
        let mut names = frame.compared_names();
        let mut columns = indicators(&followed.arms, frame.n_arms(), frame.reference);
        let mut owners = Vec::new();
        let mut known = vec![true; followed.rows.len()];
        for (at, path) in paths.iter().enumerate() {
            let column = frame.study.subjects.field(path).ok_or_else(|| absent(path))?;
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
            owners.resize(names.len() - frame.compared().count(), at);
        }
        let follow_up = followed.follow_up.filtered(|at| known.get(at) == Some(&true));
        let design = Self { names, columns, owners, follow_up };
        if design.follow_up.n() == 0 {
            return Err("nobody has all covariates".to_owned());
        }
        if design.n_of(followed, frame.reference) == 0 {
            return Err(format!("nobody of {} has all covariates", frame.reference_name()));
        }
        Ok(design)
    }

    fn n_of(&self, followed: &Followed<'_, '_>, arm: usize) -> usize {
        self.follow_up.rows().iter().filter(|at| followed.arms.get(**at) == Some(&arm)).count()
    }

    fn model(&self, level: f64) -> Said<Model> {
        Model::fit(&self.follow_up, self.names.clone(), &self.columns, level)
    }

    /// The places of the covariates with a column that could not be fitted, because it is constant or follows from others, and
    /// whether that is so of all of its columns.
    fn collinear(&self, model: &Model, covariates: usize) -> Vec<(usize, bool)> {
        let first = self.names.len() - self.owners.len();
        let of = |covariate: usize| {
            let columns = self.owners.iter().enumerate().filter(|(_, owner)| **owner == covariate);
            let flags: Vec<bool> = columns.map(|(at, _)| model.is_collinear(first + at)).collect();
            let all = flags.iter().all(|flag| *flag);
            (all || flags.contains(&true)).then_some((covariate, all))
        };
        (0..covariates).filter_map(of).collect()
    }

    /// Whether the column of an arm follows from all the others, so that its effect is anything one likes.
    fn is_confounded(&self, arm: usize, level: f64) -> bool {
        let last = |list: &mut Vec<usize>| list.sort_by_key(|at| *at == arm);
        let mut order: Vec<usize> = (0..self.columns.len()).collect();
        last(&mut order);
        let columns: Vec<Vec<f64>> = order.iter().filter_map(|at| self.columns.get(*at).cloned()).collect();
        let names = order.iter().filter_map(|at| self.names.get(*at).cloned()).collect();
        Model::fit(&self.follow_up, names, &columns, level)
            .is_ok_and(|model| model.is_collinear(columns.len() - 1))
    }
}

fn absent(path: &str) -> String {
    format!("no subject has a value of {path}")
}

/// The model of the covariates that the data have and that can be fitted; the others are named with their reasons.
pub(super) fn fit(followed: &Followed<'_, '_>) -> Said<AdjustedModel> {
    let (frame, endpoint) = (followed.frame, followed.endpoint);
    if endpoint.covariates.is_empty() {
        return Err("the protocol names no covariates".to_owned());
    }
    let (mut fitted, without): (Vec<String>, Vec<String>) =
        endpoint.covariates.iter().cloned().partition(|path| frame.study.subjects.field(path).is_some());
    let mut not_fitted: Vec<(String, String)> = without.into_iter().map(|p| (absent(&p), p)).collect();
    if fitted.is_empty() {
        return Err(format!("no subject has a value of {}", listed(&endpoint.covariates)));
    }
    let mut confounded = vec![None; frame.compared().count()];
    let mut design = Design::of(followed, &fitted)?;
    let mut model = design.model(frame.level)?;
    let collinear = design.collinear(&model, fitted.len());
    let path = |(at, _): &(usize, bool)| fitted.get(*at).cloned();
    let suspects: Vec<String> = collinear.iter().filter_map(path).collect();
    let dropped: Vec<String> = collinear.iter().filter(|(_, all)| *all).filter_map(path).collect();
    if !suspects.is_empty() {
        for (at, (arm, with)) in frame.compared().zip(&mut confounded).enumerate() {
            // An arm without anybody, or one that follows from the other arms, has its own reason.
            if design.n_of(followed, arm) > 0
                && !model.is_collinear(at)
                && design.is_confounded(at, frame.level)
            {
                *with = Some(suspects.clone());
            }
        }
        let with_arms = confounded.iter().any(Option::is_some);
        for path in dropped {
            let why = if with_arms {
                format!("{path} is constant or follows from the arms and the other covariates (collinear)")
            } else {
                format!("{path} is constant or follows from the other covariates (collinear)")
            };
            fitted.retain(|p| *p != path);
            not_fitted.push((why, path));
        }
        if fitted.is_empty() {
            let pairs = frame.compared().zip(&confounded);
            let whole: Vec<String> =
                pairs.filter_map(|(arm, with)| Some(confounding(frame.arm(arm), with.as_deref()?))).collect();
            let reasons: Vec<String> = not_fitted.iter().map(|(why, _)| why.clone()).collect();
            return Err(if whole.is_empty() { reasons.join("; ") } else { whole.join("; ") });
        }
        design = Design::of(followed, &fitted)?;
        model = design.model(frame.level)?;
    }
    let Design { columns, follow_up, .. } = &design;
    let n_of = |arm: usize| design.n_of(followed, arm);
    let said = |why| reason(why, &[], &model.names);
    let proportional =
        proportional_hazards(&model.fit, follow_up, &slices(columns), TimeTransform::Rank).map_err(said);
    let left_out = followed.follow_up.n() - follow_up.n();
    let of_arms: Vec<usize> = (0..frame.n_arms()).map(n_of).collect();
    let left_out_of_arms: Vec<usize> =
        of_arms.iter().enumerate().map(|(arm, n)| followed.count(arm).0.saturating_sub(*n)).collect();
    let covariates = match fitted.as_slice() {
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
    for (why, path) in &not_fitted {
        notes.push(format!("The adjusted model is fitted without {path}: {why}."));
    }
    for (arm, with) in frame.compared().zip(&confounded) {
        if let Some(with) = with {
            notes.push(format!(
                "The adjusted hazard ratio of {} is not computable: {}.",
                frame.arm(arm),
                confounding(frame.arm(arm), with)
            ));
        }
    }
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
    made.set("covariates", &fitted);
    if !not_fitted.is_empty() {
        made.set("not_fitted", object(not_fitted.iter().map(|(why, path)| (path.clone(), json!(why)))));
    }
    made.set("n_by_arm", by_arm(frame, &of_arms));
    made.set("left_out_by_arm", by_arm(frame, &left_out_of_arms));
    let of_model = model.names.iter().enumerate().map(|(at, name)| {
        let value = match confounded.get(at) {
            Some(Some(with)) => term(&Err(confounding(name, with))).finish(),
            _ => model.term(at),
        };
        (name.clone(), value)
    });
    let without = not_fitted.iter().map(|(why, path)| (path.clone(), term(&Err(why.clone())).finish()));
    made.set("terms", object(of_model.chain(without)));
    made.set("fit", fit_json(model.reference()));
    let tests = proportional.map(|test| {
        object(model.names.iter().zip(&test.columns).map(|(name, test)| {
            let mut made = Object::new();
            let test = test.map_err(said);
            made.all(&test, &[("chi2", &|t| t.chi_squared.into()), ("p", &|t| t.p.into())]);
            (name.clone(), made.finish())
        }))
    });
    made.computed("ph_test_mean_rank", tests);
    let json = made.finish();
    Ok(AdjustedModel { model, notes, missing, json, fitted, confounded })
}
