//! How long it takes: for people, and so not in CI.
//!
//! `cargo test --workspace --lib scale::figures -- --ignored --nocapture`

use std::time::Instant;

use super::*;

/// Run all that is there, and say what an attempt took.
fn time(what: &str, mut drive: Drive) {
    let (begin, before) = (Instant::now(), drive.ended);
    drive.run(usize::MAX);
    let (took, ended) = (begin.elapsed(), drive.ended - before);
    let each = took.as_secs_f64() * 1e6 / ended as f64;
    println!("{what:<40} {ended:>7} attempts {:>9.1} ms {each:>8.2} µs each", took.as_secs_f64() * 1e3);
}

/// Memory of this process that is its own, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok()).unwrap_or(0) * 1024
}

fn one(plan: &Arc<Plan>, width: usize, makes: bool) -> Drive {
    let mut drive = Drive::new(4);
    (drive.width, drive.makes) = (width, makes);
    drive.create(plan);
    drive
}

#[test]
#[ignore = "takes long, and says figures only"]
fn figures() {
    let sizes = std::env::var("SIZES").unwrap_or_else(|_| "100 1000 10000".into());
    for n in sizes.split(' ').map(|n| n.parse().unwrap()) {
        let begin = Instant::now();
        let (chain, fan) = (chain(n), fan(n));
        println!("plans of {n}: {:.1} ms", begin.elapsed().as_secs_f64() * 1e3);
        time(&format!("chain of {n}"), one(&chain, 0, false));
        time(&format!("chain of {n}, files and keys"), one(&chain, 0, true));
        time(&format!("fan of {n}"), one(&fan, 0, false));
        time(&format!("fan of {n}, files and keys"), one(&fan, 0, true));
        time(&format!("map of {n}"), one(&map(None), n, false));
        time(&format!("map of {n}, 4 at once"), one(&map(Some(4)), n, false));
        time(&format!("map of {n}, one at once, files and keys"), one(&map(Some(1)), n, true));
        time(&format!("loop of {n}"), one(&repeat(), n, false));
        time(&format!("loop of {n}, files and keys"), one(&repeat(), n, true));
    }
    for n in [1_000, 10_000, 100_000] {
        let mut drive = Drive::new(4);
        let plan = single();
        let (begin, before) = (Instant::now(), resident());
        for _ in 0..n {
            drive.create(&plan);
        }
        let (took, bytes) = (begin.elapsed().as_secs_f64(), resident().saturating_sub(before));
        println!("{n} runs created: {:.2} µs, {} bytes each", took * 1e6 / n as f64, bytes / n);
        time(&format!("{n} queued runs"), drive);
    }
}
