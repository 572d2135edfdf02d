//! Every statistic of the clinical reference data, computed anew and compared with what established libraries found.
//! The data are beside the repository, or where HEDDLE_SHARED_DATA says.
#![allow(clippy::unwrap_used)]

mod compare;
mod endpoints;
mod events;
mod safety;
mod study;
mod table_one;

use serde_json::{Map, Value};

use crate::{compare::Comparison, study::Study};

const SECTIONS: [&str; 5] = ["table1", "endpoints", "time_to_event", "primary_subgroups", "safety"];

fn computed(study: &Study, section: &str) -> Value {
    match section {
        "table1" => table_one::table_one(study),
        "endpoints" => endpoints::endpoints(study),
        "time_to_event" => events::time_to_event(study),
        "primary_subgroups" => endpoints::primary_subgroups(study),
        _ => safety::safety(study),
    }
}

/// Compares all sections that the case has; the number of leaves.
fn check(case: &str) -> Option<usize> {
    let (study, expected) = Study::load(case)?;
    let mut comparison = Comparison::default();
    let mut wanted = 0;
    for section in SECTIONS {
        let Some(section_expected) = expected.get(section) else { continue };
        wanted += compare::leaves(section_expected);
        comparison.compare(section, section_expected, &computed(&study, section));
    }
    println!("{case}: {} of {wanted} leaves compared", comparison.seen);
    assert!(
        comparison.wrong.is_empty(),
        "{case}: {} wrong:\n{}",
        comparison.wrong.len(),
        comparison.wrong.join("\n")
    );
    assert_eq!(comparison.seen, wanted, "{case}: leaves left unseen");
    assert_eq!(
        comparison.split_ties,
        usize::from(case == "cdisc_pilot_defects"),
        "{case}: other concordances"
    );
    Some(wanted)
}

#[test]
fn streptomycin() {
    assert!(check("strep_tb").is_none_or(|seen| seen > 200));
}

#[test]
fn veterans() {
    assert!(check("veteran_lung").is_none_or(|seen| seen > 250));
}

#[test]
fn pilot_study() {
    assert!(check("cdisc_pilot_sites_a").is_none_or(|seen| seen > 4_000));
}

#[test]
fn pilot_study_with_defects() {
    assert!(check("cdisc_pilot_defects").is_none_or(|seen| seen > 2_500));
}

/// An object from names and values; a value that is not computable is null.
fn object(pairs: impl IntoIterator<Item = (impl Into<String>, Value)>) -> Value {
    Value::Object(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect::<Map<_, _>>())
}
