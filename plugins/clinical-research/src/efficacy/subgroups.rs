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
    cox::{Model, hazard_ratio, slices},
    events::Followed,
    frame::{Frame, Levels, Members, booleans, numbers},
    object::{Object, Said, object},
    result::{Cell, Estimate, Forest, SubgroupResult},
    words::reason,
};
use crate::study::{Endpoint, EndpointKind, Subgroup};

/// The most subgroup variables that are analysed.
pub(super) const MOST_SUBGROUPS: usize = 40;

/// A level with the effect of each arm compared, for plots and in the form of the results file.
type Level = (String, Vec<(Cell, Said<Value>)>);

/// Columns of the arms and levels without and with their interaction, for those in `positions`.
fn interaction_columns(
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

fn result(
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
fn impossible(subgroup: &Subgroup, why: &str) -> SubgroupResult {
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

/// The subgroups of a time to an event: a Cox model of arm and reference in each level; the interaction by the likelihood ratio.
pub(super) fn of_times(followed: &Followed<'_, '_>) -> Vec<SubgroupResult> {
    let subgroups = followed.frame.study.protocol.subgroups.iter().take(MOST_SUBGROUPS);
    subgroups
        .map(|subgroup| match Levels::of_subgroup(followed.frame.study, subgroup, &followed.rows) {
            Ok(levels) => of_time(followed, subgroup, &levels),
            Err(why) => impossible(subgroup, &why),
        })
        .collect()
}

fn of_time(followed: &Followed<'_, '_>, subgroup: &Subgroup, levels: &Levels) -> SubgroupResult {
    let frame = followed.frame;
    let by_level = levels.names.iter().enumerate().map(|(level, name)| {
        let cells = frame.compared().map(|arm| time_cell(followed, levels, level, arm)).collect();
        (name.clone(), cells)
    });
    let by_level = by_level.collect();
    let follow_up = followed.follow_up.filtered(|at| levels.codes.get(at).is_some_and(Option::is_some));
    let codes: Vec<usize> = levels.codes.iter().map(|c| c.unwrap_or(0)).collect();
    let test = (|| {
        if levels.names.len() < 2 {
            return Err("fewer than two levels occur".to_owned());
        }
        let (smaller, larger) = interaction_columns(frame, &followed.arms, &codes, levels.names.len());
        let names = |n: usize| (0..n).map(|at| format!("column {}", at + 1)).collect();
        let smaller = Model::fit(&follow_up, names(smaller.len()), &smaller, frame.level)?;
        let larger = Model::fit(&follow_up, names(larger.len()), &larger, frame.level)?;
        likelihood_ratio_test(smaller.fit.likelihood, larger.fit.likelihood).map_err(|why| why.to_string())
    })();
    let mut made = Object::new();
    made.set("test", "Cox LR");
    made.all(
        &test,
        &[("lr_chi2", &|t| json!(t.chi_squared)), ("df", &|t| json!(t.df as u64)), ("p", &|t| json!(t.p))],
    );
    let without = levels.codes.iter().filter(|c| c.is_none()).count();
    result(frame, subgroup, by_level, (made.finish(), test.map(|t| t.p)), without)
}

fn time_cell(followed: &Followed<'_, '_>, levels: &Levels, level: usize, arm: usize) -> (Cell, Said<Value>) {
    let frame = followed.frame;
    let follow_up = followed.follow_up.filtered(|at| {
        levels.codes.get(at) == Some(&Some(level))
            && followed.arms.get(at).is_some_and(|a| *a == arm || *a == frame.reference)
    });
    let (mut n, mut events) = ((0, 0), (0, 0));
    for (at, event) in follow_up.rows().iter().zip(follow_up.events()) {
        if followed.arms.get(*at) == Some(&arm) {
            n.0 += 1;
            events.0 += u64::from(*event);
        } else {
            n.1 += 1;
            events.1 += u64::from(*event);
        }
    }
    let (name, reference) = (frame.arm(arm), frame.reference_name());
    let model = if n.0 == 0 || n.1 == 0 {
        Err(format!("nobody of {}", if n.0 == 0 { name } else { reference }))
    } else if events.0 == 0 || events.1 == 0 {
        Err(match events {
            (0, 0) => "no events".to_owned(),
            (0, _) => format!("no events in {name}: the hazard ratio tends to zero"),
            _ => format!("no events in {reference}: the hazard ratio tends to infinity"),
        })
    } else {
        let column = followed.arms.iter().map(|a| f64::from(u8::from(*a == arm))).collect();
        Model::fit(&follow_up, vec![name.to_owned()], &[column], frame.level)
    };
    let coefficient = model.as_ref().map_err(Clone::clone).and_then(|m| m.coefficient(0));
    let ratio = coefficient.clone().and_then(|c| hazard_ratio(&c));
    let value = ratio.clone().and_then(|_| {
        let model = model.as_ref().map_err(Clone::clone)?;
        let mut value = model.term(0);
        value["n"] = json!(n.0 + n.1);
        value["events"] = json!(events.0 + events.1);
        value["by_arm"] = object([
            (name, json!({"n": n.0, "events": events.0})),
            (reference, json!({"n": n.1, "events": events.1})),
        ]);
        Ok(value)
    });
    let cell = Cell {
        arm,
        n,
        events: Some(events),
        estimate: ratio.map(|(value, interval)| Estimate { value, interval }),
        p: coefficient.map(|c| c.p),
    };
    (cell, value)
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
        match outcome {
            Outcome::Numbers(values) => {
                let y: Vec<f64> = known.iter().filter_map(|k| values.get(k.0).copied().flatten()).collect();
                let fit = |columns: &[&[f64]]| least_squares(columns, &y, frame.level);
                let test = fit(&smaller)
                    .and_then(|smaller| nested_f_test(&smaller, &fit(&larger)?))
                    .map_err(|why| reason(why, &[], &[]));
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
                    .map_err(|why| reason(why, &[], &[]));
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
