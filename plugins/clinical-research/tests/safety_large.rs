//! How long `safety_analysis` takes.
#![allow(clippy::unwrap_used, missing_docs)]

mod safety_study;

use clinical_research::{
    safety::SafetyAnalysis,
    study::{Coded, Labs},
};
use heddle_sdk::testing::Harness;
use safety_study::{SEVERITIES, all, complete, study};
use serde_json::json;

/// 100,000 subjects, 500,000 adverse events and 1,000,000 laboratory records. Run with --release --ignored --nocapture.
#[test]
#[ignore = "a measurement"]
fn a_large_trial() {
    let n = 100_000u32;
    let names: Vec<(String, String)> =
        (0..1_000).map(|t| (format!("Class {}", t % 26), format!("Term {t}"))).collect();
    let mut state = 88_172_645_463_325_252u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut made = study(n as usize / 2, n as usize / 2, &[]);
    let events = &mut made.adverse_events;
    let m = 500_000;
    events.subject = (0..m).map(|i| (i / 5) as u32).collect();
    let terms: Vec<usize> = (0..m).map(|_| (random(1_000) * random(1_000) / 1_000) as usize).collect();
    events.soc = Coded::of(terms.iter().map(|t| Some(names[*t].0.as_str())));
    events.pt = Coded::of(terms.iter().map(|t| Some(names[*t].1.as_str())));
    events.severity = Coded::of((0..m).map(|_| Some(SEVERITIES[random(3) as usize])));
    (events.grade, events.end_day) = (vec![None; m], vec![None; m]);
    events.serious = (0..m).map(|_| Some(random(20) == 0)).collect();
    events.related = (0..m).map(|_| Some(random(2) == 0)).collect();
    events.start_day = (0..m).map(|_| Some(1.0 + random(90) as f64)).collect();
    events.treatment_emergent = vec![Some(true); m];
    events.fatal = vec![Some(false); m];
    (events.relationship, events.outcome, events.action) =
        (Coded::missing(m), Coded::missing(m), Coded::missing(m));
    let visits = ["Baseline", "Week 4", "Week 8", "Week 12", "Week 16"];
    let rows = 1_000_000usize;
    made.labs = Labs {
        subject: (0..rows).map(|i| (i / 10) as u32).collect(),
        test: Coded::of((0..rows).map(|i| Some(if i % 10 < 5 { "ALT" } else { "BILI" }))),
        visit: Coded::of((0..rows).map(|i| Some(visits[i % 5]))),
        day: (0..rows).map(|i| Some((i % 5) as f64 * 28.0 - 3.0)).collect(),
        value: (0..rows).map(|_| Some(10.0 + random(600) as f64 / 5.0)).collect(),
        low: vec![Some(5.0); rows],
        high: vec![Some(40.0); rows],
        grade_low: vec![None; rows],
        grade_high: (0..rows).map(|_| Some(random(4) as f64)).collect(),
        ..Labs::default()
    };
    let bytes = serde_json::to_vec(&made).unwrap();
    let begun = std::time::Instant::now();
    let found = all(&made);
    let counted = begun.elapsed();
    let size = bytes.len();
    let begun = std::time::Instant::now();
    let done = Harness::<SafetyAnalysis>::new().file("validated_data.json", bytes).run(json!({}));
    println!(
        "figures {counted:?}; the phase with reading {} MB and all files {:?}; file {} kB, output {} kB",
        size / 1_000_000,
        begun.elapsed(),
        done.bytes("safety_summary.json").len() / 1_000,
        done.output().to_string().len() / 1_000
    );
    complete(&done);
    assert_eq!(found.adverse_events.selection.counted, m as u64);
    assert!(done.output()["safety_metrics"]["shortened"].is_string());
}
