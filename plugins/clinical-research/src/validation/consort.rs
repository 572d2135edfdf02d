//! The flow of records from the source to the analyses.

use crate::{
    raw::Table,
    study::{Analysis, ArmFlow, Coded, Column, Exclusion, Flow, LeftOut, PopulationFlow, Study},
};

use super::{arm_names, frame::Frame, rows::Rows};

/// Count the way of all records. `arms` are the subjects' arms as the source names them.
pub(super) fn flow(study: &Study, table: &Table, frame: &Frame, arms: &Coded, tables: Vec<Rows<'_>>) -> Flow {
    let mut flow = Flow {
        subject_records: table.records(),
        unreadable_records: table.unreadable.len(),
        repeated_records: frame.repeated.len(),
        subjects: frame.len(),
        ..Flow::default()
    };
    for unreadable in &table.unreadable {
        flow.exclusions.push(Exclusion {
            what: "subject_record".to_owned(),
            subject: None,
            position: Some(unreadable.position),
            from: "study".to_owned(),
            reason: format!("{} stands in place of a record", unreadable.what),
        });
    }
    for row in &frame.repeated {
        flow.exclusions.push(Exclusion {
            what: "subject_record".to_owned(),
            subject: Some(frame.mask_of_row(*row as usize).to_owned()),
            position: None,
            from: "study".to_owned(),
            reason: differences(table, frame, *row),
        });
    }
    for ((arm, named), mask) in study.subjects.arm.iter().zip(arms.iter()).zip(&frame.masks) {
        let reason = match (arm, named) {
            (Some(_), _) => continue,
            (None, Some(name)) => {
                flow.unknown_arm += 1;
                match arm_names::is_tellable(name, &study.protocol) {
                    true => format!("the arm {name:?} is not among the protocol's"),
                    false => "its arm is not among the protocol's, and its name, which may be a person's, is withheld".to_owned(),
                }
            }
            (None, None) => {
                flow.without_arm += 1;
                "it has no arm".to_owned()
            }
        };
        flow.exclusions.push(exclusion(mask, "analyses", reason));
    }
    flow.arms = study.protocol.arms.iter().enumerate().map(|(at, name)| arm_flow(study, at, name)).collect();
    for analysis in Analysis::ALL {
        populations(study, analysis, &mut flow);
    }
    for rows in tables {
        flow.exclusions.extend(rows.exclusions);
        flow.tables.insert(rows.name.to_owned(), rows.flow);
    }
    flow
}

fn exclusion(mask: &str, from: &str, reason: String) -> Exclusion {
    Exclusion {
        what: "subject".to_owned(),
        subject: Some(mask.to_owned()),
        position: None,
        from: from.to_owned(),
        reason,
    }
}

/// Why a repeated record is left out, with the fields in which it says something else than the first.
fn differences(table: &Table, frame: &Frame, row: u32) -> String {
    let subject = frame.subject_of.get(row as usize).copied().unwrap_or(u32::MAX);
    let first = frame.rows.get(subject as usize).copied().unwrap_or(row);
    let differing: Vec<&str> = table
        .columns
        .iter()
        .filter(|column| !column.same(first as usize, row as usize))
        .map(|column| column.path.as_str())
        .collect();
    match differing.len() {
        0 => "it repeats the subject's first record in everything".to_owned(),
        n => {
            format!(
                "it repeats the id of an earlier record, which counts, and differs from it in {}",
                heddle_kit::report::counted(n, "field", "fields")
            )
        }
    }
}

fn arm_flow(study: &Study, at: usize, name: &str) -> ArmFlow {
    let is_member: Vec<bool> = study.subjects.arm.iter().map(|arm| *arm == Some(at as u32)).collect();
    let members = is_member.iter().filter(|is| **is).count();
    let count = |field: &str, wanted: Option<bool>| {
        let values = study.subjects.field(field).and_then(Column::booleans)?;
        values
            .iter()
            .any(Option::is_some)
            .then(|| values.iter().zip(&is_member).filter(|(value, is)| **is && **value == wanted).count())
    };
    let mut flow = ArmFlow {
        arm: name.to_owned(),
        subjects: members,
        completed: count("completed", Some(true)),
        discontinued: count("completed", Some(false)),
        completion_unknown: count("completed", None),
        deaths: count("death", Some(true)),
        ..ArmFlow::default()
    };
    let reasons = study.subjects.field("discontinuation_reason").map(Column::categories);
    let completed = study.subjects.field("completed").and_then(Column::booleans);
    if let (Some(reasons), Some(completed)) = (reasons, completed) {
        for ((reason, completed), is_member) in reasons.iter().zip(completed.iter()).zip(&is_member) {
            if *is_member && *completed == Some(false) {
                *flow
                    .discontinuation_reasons
                    .entry(reason.unwrap_or("not recorded").to_owned())
                    .or_default() += 1;
            }
        }
    }
    flow
}

fn populations(study: &Study, analysis: Analysis, flow: &mut Flow) {
    let population = study.population(analysis);
    for (at, arm) in flow.arms.iter_mut().enumerate() {
        let analysed = population.in_arm(at).len();
        let of = PopulationFlow {
            flag: population.flag.clone().filter(|_| !population.stands_in),
            analysed,
            not_in_population: arm.subjects - analysed.min(arm.subjects),
        };
        arm.populations.insert(analysis.name().to_owned(), of);
    }
    let flag = population.flag.as_deref().unwrap_or_default();
    for (row, why) in &population.left_out {
        let Some(mask) = study.subjects.id.get(*row as usize) else { continue };
        let reason = match why {
            LeftOut::Flagged => format!("populations.{flag} is false"),
            LeftOut::Unflagged => format!("populations.{flag} is missing"),
            LeftOut::Untreated => "no treatment is recorded".to_owned(),
        };
        flow.exclusions.push(exclusion(mask, analysis.name(), reason));
    }
}
