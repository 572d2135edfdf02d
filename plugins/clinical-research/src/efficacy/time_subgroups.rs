//! Subgroups of a time to an event.

use heddle_kit::model::likelihood_ratio_test;
use serde_json::{Value, json};

use super::{
    cox::{Model, hazard_ratio, term},
    empty::EmptyCells,
    events::Followed,
    frame::Levels,
    object::{Object, Said, object},
    result::{Cell, Estimate, SubgroupResult},
    subgroups::{MOST_SUBGROUPS, impossible, interaction_columns, result},
};
use crate::study::Subgroup;

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
    let known = followed.arms.iter().zip(&levels.codes).filter_map(|(arm, code)| Some((*arm, (*code)?)));
    let empty = EmptyCells::of(frame, &levels.names, known);
    let test = (|| {
        if levels.names.len() < 2 {
            return Err("fewer than two levels occur".to_owned());
        }
        let (smaller, larger) = interaction_columns(frame, &followed.arms, &codes, levels.names.len());
        let names = |n: usize| (0..n).map(|at| format!("column {}", at + 1)).collect();
        let smaller = Model::fit(&follow_up, names(smaller.len()), &smaller, frame.level)?;
        let larger = Model::fit(&follow_up, names(larger.len()), &larger, frame.level)?;
        likelihood_ratio_test(smaller.fit.likelihood, larger.fit.likelihood).map_err(|why| empty.why(why))
    })();
    let mut made = Object::new();
    made.set("test", "Cox LR");
    empty.told(&mut made);
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
    // Where there is somebody of both arms, subjects and events are told without a hazard ratio as well.
    let counted = if n.0 > 0 && n.1 > 0 { Ok(()) } else { ratio.clone().map(drop) };
    let value = counted.map(|()| {
        let mut value = match (&model, &ratio) {
            (Ok(model), Ok(_)) => model.term(0),
            (_, ratio) => term(&ratio.clone().and_then(|_| coefficient.clone())).finish(),
        };
        value["n"] = json!(n.0 + n.1);
        value["events"] = json!(events.0 + events.1);
        value["by_arm"] = object([
            (name, json!({"n": n.0, "events": events.0})),
            (reference, json!({"n": n.1, "events": events.1})),
        ]);
        value
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
