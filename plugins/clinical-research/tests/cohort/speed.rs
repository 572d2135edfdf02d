//! A measurement: `cargo test … -- --ignored --nocapture measure`.

use std::time::Instant;

use clinical_research::{
    cohort::analyse,
    study::{Coded, Column},
};

use crate::support::{numbers, run, spread, study};

#[test]
#[ignore = "a measurement, which nothing is asserted of"]
fn measure_100_000_subjects() {
    let n = 100_000;
    let arm: Vec<Option<u32>> = (0..n).map(|row| Some(u32::from(spread(row, 0.1) < 0.5))).collect();
    let race = Column::Categorical(Coded::of((0..n).map(|row| Some(["a", "b", "c", "d"][row * 7 % 4]))));
    let sex = Column::Categorical(Coded::of(
        (0..n).map(|row| Some(["F", "M"][usize::from(spread(row, 0.7) < 0.4)])),
    ));
    let number = |salt: f64| numbers((0..n).map(move |row| (spread(row, salt) * 60.0).round() + 20.0));
    let site =
        Column::Categorical(Coded::of((0..n).map(|row| Some(["s1", "s2", "s3", "s4", "s5"][row % 5]))));
    let mut data = study(
        2,
        &arm,
        &[
            ("age", number(1.0)),
            ("baseline.bmi", number(2.0)),
            ("baseline.x", number(3.0)),
            ("sex", sex),
            ("race", race),
        ],
    );
    data.subjects.fields.insert("site".to_owned(), site);
    for randomised in [Some(true), None] {
        data.protocol.randomised = randomised;
        let start = Instant::now();
        let found = analyse(&data);
        let analysed = start.elapsed();
        let start = Instant::now();
        let phase = run(&data);
        println!(
            "{n} subjects, randomised {randomised:?}: analysis {analysed:?}; phase with reading and writing {:?}; output {} bytes, {} pairs",
            start.elapsed(),
            phase.output().to_string().len(),
            found
                .statistics
                .propensity
                .by_arm
                .values()
                .filter_map(|e| e.described())
                .map(|m| m.pairs)
                .sum::<usize>()
        );
    }
}
