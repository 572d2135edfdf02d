//! A large study: what it takes is bounded. How long it takes is measured by `cargo xtask bench-trial`.

use crate::{
    odd::nulls_have_reasons,
    study::{made_up, run},
};

#[test]
fn the_results_do_not_grow_with_the_subjects() {
    let run = run(&made_up(2_000, 42));
    nulls_have_reasons("", &run.json("efficacy_results.json"));
    let (size, output) = (run.bytes("efficacy_results.json").len(), run.output().to_string().len());
    assert!(size < 1 << 20 && output < 1 << 20, "{size} and {output} bytes");
}
