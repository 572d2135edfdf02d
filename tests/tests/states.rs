//! The state machines that ARCHITECTURE.md draws are those of the code.

use std::collections::BTreeSet;

use heddle::model::{RunState, StepState};

type Arrows = BTreeSet<(String, String)>;

/// The arrows of the diagram whose state is named so.
fn drawn(page: &str, name: &str) -> Arrows {
    let start = page.find(&format!("state {name} {{")).unwrap_or_else(|| panic!("{name} is not drawn"));
    page[start..]
        .lines()
        .skip(1)
        .take_while(|line| line.trim() != "}")
        .map(|line| {
            let (from, to) = line.split_once("-->").unwrap_or_else(|| panic!("{line:?} is no arrow"));
            (from.trim().to_owned(), to.trim().to_owned())
        })
        .collect()
}

#[test]
fn the_drawings_are_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ARCHITECTURE.md");
    let page = std::fs::read_to_string(path).expect("ARCHITECTURE.md is at the top level");
    let mut run = Arrows::new();
    for state in RunState::ALL {
        run.extend(state.next().iter().map(|next| (state.to_string(), next.to_string())));
    }
    let mut step = Arrows::new();
    for state in StepState::ALL {
        step.extend(state.next().iter().map(|next| (state.to_string(), next.to_string())));
    }
    assert_eq!(drawn(&page, "Run"), run);
    assert_eq!(drawn(&page, "Step"), step);
}
