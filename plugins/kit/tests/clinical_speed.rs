//! How long the clinical statistics of a large trial take. Run with
//! `cargo test --release -p heddle-kit --test clinical_speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)]

use std::{hint::black_box, time::Instant};

use heddle_kit::{
    model::{LogisticOptions, ancova, balance, logistic, match_nearest, propensity_logits},
    stats::{
        Sample, anova, brown_forsythe, fisher_exact, hodges_lehmann, kruskal_wallis, mann_whitney,
        standardised_difference, welch_test,
    },
    survival::{
        CoxOptions, FollowUp, KaplanMeier, TimeTransform, Weights, cox, log_rank, proportional_hazards,
        restricted_mean,
    },
};

const N: usize = 100_000;

/// Numbers between 0 and 1 (Marsaglia 2003, "Xorshift RNGs").
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = black_box(run());
    println!("{what:<44} {:>8.1} ms", start.elapsed().as_secs_f64() * 1e3);
    value
}

#[test]
#[ignore = "a measurement, not a test"]
fn a_hundred_thousand_subjects_with_six_covariates() {
    let mut uniform = Uniform(0x9E37_79B9_7F4A_7C15);
    let arms: Vec<usize> = (0..N).map(|_| usize::from(uniform.next() < 0.5)).collect();
    let mut columns: Vec<Vec<f64>> = vec![arms.iter().map(|a| *a as f64).collect()];
    columns.extend((0..5).map(|_| (0..N).map(|_| uniform.normal()).collect::<Vec<f64>>()));
    let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let risk: Vec<f64> =
        (0..N).map(|i| -0.3 * columns[0][i] + 0.2 * columns[1][i] + 0.1 * columns[2][i]).collect();
    let exact: Vec<f64> = risk.iter().map(|r| -uniform.next().ln() * 400.0 / r.exp()).collect();
    let censored: Vec<f64> = (0..N).map(|_| uniform.next() * 730.0).collect();
    let events: Vec<bool> = exact.iter().zip(&censored).map(|(t, c)| t <= c).collect();
    for (name, whole) in [("distinct times", false), ("whole days, many ties", true)] {
        let round = |t: f64| if whole { t.ceil() } else { t };
        let times: Vec<f64> = exact.iter().zip(&censored).map(|(t, c)| round(t.min(*c))).collect();
        println!("-- {name}");
        let follow_up = timed("sort", || FollowUp::new(&times, &events).unwrap());
        let curve = timed("Kaplan-Meier", || KaplanMeier::new(&follow_up, 0.95).unwrap());
        timed("restricted mean", || restricted_mean(&curve, 365.0).unwrap());
        timed("log-rank", || log_rank(&follow_up, &arms, 2, Weights::LogRank, None).unwrap());
        let fit = timed("Cox, 6 columns, with concordance", || {
            cox(&follow_up, &slices, &CoxOptions::default()).unwrap()
        });
        println!("   {} events, {} iterations", fit.events, fit.iterations);
        timed("proportional hazards", || {
            proportional_hazards(&fit, &follow_up, &slices, TimeTransform::Rank).unwrap()
        });
    }
    println!("-- samples");
    let split = |column: &[f64], arm: usize| {
        Sample::new(column.iter().zip(&arms).filter(|(_, a)| **a == arm).map(|(v, _)| *v).collect()).unwrap()
    };
    let (a, b) = timed("sort two samples", || (split(&columns[1], 1), split(&columns[1], 0)));
    timed("merge and summarise", || Sample::merged(&[&a, &b]).unwrap().summary());
    timed("Welch, SMD, ANOVA", || {
        (
            welch_test(&a, &b, 0.95).unwrap(),
            standardised_difference(&a, &b).unwrap(),
            anova(&[&a, &b]).unwrap(),
        )
    });
    timed("Mann-Whitney", || mann_whitney(&a, &b).unwrap());
    timed("Kruskal-Wallis", || kruskal_wallis(&[&a, &b]).unwrap());
    timed("Hodges-Lehmann with interval", || hodges_lehmann(&a, &b, 0.95).unwrap());
    timed("Brown-Forsythe", || brown_forsythe(&[&a, &b]).unwrap());
    timed("Fisher", || fisher_exact((25_100, 24_900), (24_800, 25_200)).unwrap());
    println!("-- models");
    timed("ANCOVA", || ancova(&columns[1], &columns[2], &arms, 2, 0, 0.95).unwrap());
    timed("logistic, 6 columns", || logistic(&slices, &events, &LogisticOptions::default()).unwrap());
    let treated: Vec<bool> = arms.iter().map(|a| *a == 1).collect();
    let logits = timed("propensity, 5 columns", || propensity_logits(&slices[1..], &treated).unwrap());
    let matching = timed("matching", || match_nearest(&logits, &treated, 0.2).unwrap());
    timed("balance of 5 columns", || {
        slices[1..].iter().map(|c| balance(c, &treated, &matching).unwrap()).collect::<Vec<_>>()
    });
}
