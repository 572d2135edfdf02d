//! Effects within the pre-specified subgroups, and whether they differ.

use heddle_kit::{
    model::{
        LogisticOptions, indicators, least_squares, likelihood_ratio_test, logistic, nested_f_test, products,
    },
    stats::{Computed, Proportion, Sample, chi_squared, fisher_exact, odds_ratio, welch_test},
};
use serde_json::{Value, json};

use super::{
    binary,
    cox::slices,
    empty::EmptyCells,
    frame::{Frame, Levels, Members, booleans, numbers},
    object::{Object, Said, object},
    result::{Cell, Estimate, Forest, SubgroupResult},
    words::reason,
};
use crate::study::{Endpoint, EndpointKind, Subgroup};

/// The most subgroup variables that are analysed.
pub(super) const MOST_SUBGROUPS: usize = 40;

/// A level with the effect of each arm compared, for plots and in the form of the results file.
pub(super) type Level = (String, Vec<(Cell, Said<Value>)>);

/// Columns of the arms and levels without and with their interaction, for those in `positions`.
pub(super) fn interaction_columns(
    frame: &Frame<'_>,
    arms: &[usize],
    codes: &[usize],
    levels: usize,
) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let arms = indicators(arms, frame.n_arms(), frame.reference);
    let groups = indicators(codes, levels, 0);
    let crossed = products(&arms, &groups);
    let smaller: Vec<Vec<f64>> = arms.into_iter().chain(groups).collect();
    let larger = smaller.iter().cloned().chain(crossed).collect();
    (smaller, larger)
}

/// The levels of a subgroup in the form of the results file: a cell without an effect is null, and `levels_not_computable` says
/// why.
fn levels_json(frame: &Frame<'_>, levels: &[Level], made: &mut Object) {
    let mut reasons = Vec::new();
    let tree = levels.iter().map(|(name, cells)| {
        let mut why = Vec::new();
        let cells: Vec<(&str, Value)> = cells
            .iter()
            .map(|(cell, value)| {
                let arm = frame.arm(cell.arm);
                let value = value.clone().unwrap_or_else(|reason| {
                    why.push((arm, json!({"n": cell.n.0, "n_ref": cell.n.1, "reason": reason})));
                    Value::Null
                });
                (arm, value)
            })
            .collect();
        if !why.is_empty() {
            reasons.push((name.clone(), object(why)));
        }
        (name.clone(), object(cells))
    });
    let tree = object(tree);
    made.set("levels", tree);
    if !reasons.is_empty() {
        made.set("levels_not_computable", object(reasons));
    }
}

pub(super) fn result(
    frame: &Frame<'_>,
    subgroup: &Subgroup,
    levels: Vec<Level>,
    (interaction, interaction_p): (Value, Said<f64>),
    without_level: usize,
) -> SubgroupResult {
    let mut made = Object::new();
    made.set("id", &subgroup.id).set("label", &subgroup.label).set("field", &subgroup.field);
    levels_json(frame, &levels, &mut made);
    made.set("interaction", interaction).set("without_level", without_level);
    let levels = levels
        .into_iter()
        .map(|(name, cells)| (name, cells.into_iter().map(|(cell, _)| cell).collect()))
        .collect();
    SubgroupResult {
        label: subgroup.label.clone(),
        levels,
        interaction_p,
        without_level,
        json: made.finish(),
    }
}

/// A subgroup of which nothing can be said but why.
pub(super) fn impossible(subgroup: &Subgroup, why: &str) -> SubgroupResult {
    let mut made = Object::new();
    made.set("id", &subgroup.id).set("label", &subgroup.label).set("field", &subgroup.field);
    made.set("levels", object::<String>([]));
    made.computed::<Value>("interaction", Err(why.to_owned()));
    SubgroupResult {
        label: subgroup.label.clone(),
        levels: Vec::new(),
        interaction_p: Err(why.to_owned()),
        without_level: 0,
        json: made.finish(),
    }
}

/// The values of the primary endpoint by position in the population.
enum Outcome {
    Numbers(Vec<Option<f64>>),
    YesNo(Vec<Option<bool>>),
}

impl Outcome {
    fn is_known(&self, at: usize) -> bool {
        match self {
            Self::Numbers(values) => values.get(at).is_some_and(Option::is_some),
            Self::YesNo(values) => values.get(at).is_some_and(Option::is_some),
        }
    }
}

/// The subgroups of an endpoint at a visit, and the effect in all subjects in the same measure.
pub(super) fn of_endpoint(frame: &Frame<'_>, members: &Members, endpoint: &Endpoint) -> Said<Forest> {
    let path = format!("endpoints.{}", endpoint.id);
    let outcome = if endpoint.kind == EndpointKind::Binary {
        let values = booleans(frame.study, &path)?;
        Outcome::YesNo(members.rows.iter().map(|row| values.get(*row as usize).copied().flatten()).collect())
    } else {
        let values = numbers(frame.study, &path)?;
        Outcome::Numbers(
            members.rows.iter().map(|row| values.get(*row as usize).copied().flatten()).collect(),
        )
    };
    let everybody = vec![Some(0); members.rows.len()];
    let overall =
        cells(frame, members, &outcome, &everybody, 1).into_iter().flatten().map(|(cell, _)| cell).collect();
    let subgroups = frame.study.protocol.subgroups.iter().take(MOST_SUBGROUPS);
    let subgroups = subgroups
        .map(|subgroup| {
            let levels = match Levels::of_subgroup(frame.study, subgroup, &members.rows) {
                Ok(levels) => levels,
                Err(why) => return impossible(subgroup, &why),
            };
            let found = cells(frame, members, &outcome, &levels.codes, levels.names.len());
            let by_level = levels.names.iter().cloned().zip(found).collect();
            let test = interaction(frame, members, &outcome, &levels);
            let without = (0..members.rows.len())
                .filter(|at| outcome.is_known(*at) && levels.codes.get(*at) == Some(&None))
                .count();
            result(frame, subgroup, by_level, test, without)
        })
        .collect();
    let is_binary = endpoint.kind == EndpointKind::Binary;
    let measure = if is_binary { "Odds ratio" } else { "Mean difference" }.to_owned();
    Ok(Forest { measure, is_ratio: is_binary, overall, subgroups })
}

/// The effect of each arm compared in each level.
fn cells(
    frame: &Frame<'_>,
    members: &Members,
    outcome: &Outcome,
    codes: &[Option<usize>],
    levels: usize,
) -> Vec<Vec<(Cell, Said<Value>)>> {
    let width = frame.n_arms();
    // One pass over the subjects for all levels and arms.
    let place = |at: usize| {
        let level = codes.get(at).copied().flatten()?;
        Some(level * width + members.arms.get(at)?)
    };
    match outcome {
        Outcome::Numbers(values) => {
            let mut groups: Vec<Vec<f64>> = vec![Vec::new(); levels * width];
            for (at, value) in values.iter().enumerate() {
                if let (Some(value), Some(group)) = (value, place(at).and_then(|p| groups.get_mut(p))) {
                    group.push(*value);
                }
            }
            let samples: Vec<Computed<Sample>> = groups.into_iter().map(Sample::new).collect();
            samples
                .chunks(width.max(1))
                .map(|arms| frame.compared().map(|arm| numeric_cell(frame, arms, arm)).collect())
                .collect()
        }
        Outcome::YesNo(values) => {
            let mut groups = vec![Proportion { events: 0, n: 0 }; levels * width];
            for (at, value) in values.iter().enumerate() {
                if let (Some(value), Some(group)) = (value, place(at).and_then(|p| groups.get_mut(p))) {
                    group.n += 1;
                    group.events += u64::from(*value);
                }
            }
            groups
                .chunks(width.max(1))
                .map(|arms| frame.compared().map(|arm| binary_cell(frame, arms, arm)).collect())
                .collect()
        }
    }
}

fn numeric_cell(frame: &Frame<'_>, arms: &[Computed<Sample>], arm: usize) -> (Cell, Said<Value>) {
    let of = |arm: usize| {
        let found = arms.get(arm).and_then(|s| s.as_ref().ok());
        found.ok_or_else(|| format!("no values in {}", frame.arm(arm)))
    };
    let n = |arm: usize| of(arm).map_or(0, Sample::n);
    let n = (n(arm), n(frame.reference));
    let test = of(arm)
        .and_then(|sample| Ok((sample, of(frame.reference)?)))
        .and_then(|(a, b)| welch_test(a, b, frame.level).map_err(|why| reason(why, &[], &[])));
    let value = test.as_ref().map_err(Clone::clone).map(
        |t| json!({"n": n.0, "n_ref": n.1, "mean_difference": t.difference, "ci": t.interval, "p": t.p}),
    );
    let estimate =
        test.as_ref().map(|t| Estimate { value: t.difference, interval: t.interval }).map_err(Clone::clone);
    (Cell { arm, n, events: None, estimate, p: test.map(|t| t.p) }, value)
}

fn binary_cell(frame: &Frame<'_>, arms: &[Proportion], arm: usize) -> (Cell, Said<Value>) {
    let of = |arm: usize| arms.get(arm).copied().unwrap_or(Proportion { events: 0, n: 0 });
    let (group, reference) = (of(arm), of(frame.reference));
    let names = [frame.arm(arm), frame.reference_name()];
    let odds = odds_ratio(group, reference, frame.level).map_err(|why| reason(why, &names, &[]));
    let value = odds.clone().map(|_| binary::versus(group, reference, names, frame.level));
    let p = match chi_squared(&[
        vec![group.events, group.n - group.events],
        vec![reference.events, reference.n - reference.events],
    ]) {
        Ok(test) if test.min_expected >= 5.0 => Ok(test.p),
        _ => fisher_exact(
            (group.events, group.n - group.events),
            (reference.events, reference.n - reference.events),
        )
        .ok_or_else(|| "an arm has no values".to_owned()),
    };
    let estimate = odds.map(|o| Estimate { value: o.value, interval: o.interval });
    let n = (group.n as usize, reference.n as usize);
    (Cell { arm, n, events: Some((group.events, reference.events)), estimate, p }, value)
}

/// Whether the effects of the arms differ between levels: nested least squares for numbers, the likelihood ratio of logistic
/// models for yes and no.
fn interaction(
    frame: &Frame<'_>,
    members: &Members,
    outcome: &Outcome,
    levels: &Levels,
) -> (Value, Said<f64>) {
    let is_binary = matches!(outcome, Outcome::YesNo(_));
    let mut made = Object::new();
    made.set("test", if is_binary { "logistic LR" } else { "nested OLS F" });
    let known: Vec<(usize, usize, usize)> = members
        .arms
        .iter()
        .zip(&levels.codes)
        .enumerate()
        .filter_map(|(at, (arm, code))| Some((at, *arm, (*code)?)))
        .filter(|(at, ..)| outcome.is_known(*at))
        .collect();
    let arms: Vec<usize> = known.iter().map(|k| k.1).collect();
    let codes: Vec<usize> = known.iter().map(|k| k.2).collect();
    let p = if levels.names.len() < 2 {
        let why = "fewer than two levels occur".to_owned();
        made.computed::<f64>(if is_binary { "chi2" } else { "f" }, Err(why.clone()));
        made.computed::<f64>("p", Err(why.clone()));
        Err(why)
    } else {
        let (smaller, larger) = interaction_columns(frame, &arms, &codes, levels.names.len());
        let (smaller, larger) = (slices(&smaller), slices(&larger));
        let empty = EmptyCells::of(frame, &levels.names, arms.iter().copied().zip(codes.iter().copied()));
        empty.told(&mut made);
        match outcome {
            Outcome::Numbers(values) => {
                let y: Vec<f64> = known.iter().filter_map(|k| values.get(k.0).copied().flatten()).collect();
                let fit = |columns: &[&[f64]]| least_squares(columns, &y, frame.level);
                let test = fit(&smaller)
                    .and_then(|smaller| nested_f_test(&smaller, &fit(&larger)?))
                    .map_err(|why| empty.why(why));
                made.all(
                    &test,
                    &[
                        ("f", &|t| json!(t.f)),
                        ("df", &|t| json!(t.df)),
                        ("residual_df", &|t| json!(t.residual_df)),
                        ("p", &|t| json!(t.p)),
                    ],
                );
                test.map(|t| t.p)
            }
            Outcome::YesNo(values) => {
                let y: Vec<bool> = known.iter().filter_map(|k| values.get(k.0).copied().flatten()).collect();
                let fit = |columns: &[&[f64]]| {
                    logistic(
                        columns,
                        &y,
                        &LogisticOptions { level: frame.level, ..LogisticOptions::default() },
                    )
                };
                let fits = fit(&smaller).and_then(|smaller| Ok((smaller, fit(&larger)?)));
                if fits.as_ref().is_ok_and(|(_, larger)| larger.separated) {
                    made.set(
                        "statement",
                        "some cells have the outcome in nobody or in everybody, so that coefficients are infinite (separation); the likelihood ratio stands at its bound",
                    );
                }
                let test = fits
                    .and_then(|(smaller, larger)| {
                        likelihood_ratio_test(smaller.likelihood, larger.likelihood)
                    })
                    .map_err(|why| empty.why(why));
                made.all(
                    &test,
                    &[
                        ("chi2", &|t| json!(t.chi_squared)),
                        ("df", &|t| json!(t.df as u64)),
                        ("p", &|t| json!(t.p)),
                    ],
                );
                test.map(|t| t.p)
            }
        }
    };
    (made.finish(), p)
}
