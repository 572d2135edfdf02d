//! How long a large study takes: measured and printed, not asserted, as it depends on the machine.

use std::time::Instant;

use crate::{
    odd::nulls_have_reasons,
    study::{made_up, run},
};

/// With HEDDLE_SUBJECTS so many, such as 100,000; a small study without it.
#[test]
fn a_large_study() {
    let subjects = std::env::var("HEDDLE_SUBJECTS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let study = made_up(subjects, 42);
    let start = Instant::now();
    let run = run(&study);
    let seconds = start.elapsed().as_secs_f64();
    let size = run.bytes("efficacy_results.json").len();
    let output = run.output().to_string().len();
    println!("{subjects} subjects: {seconds:.2} s, results {size} bytes, output {output} bytes");
    nulls_have_reasons("", &run.json("efficacy_results.json"));
    assert!(size < 1 << 20 && output < 1 << 20, "results do not grow with the subjects");
}
