//! How long each phase takes on a study, and the most memory meanwhile: `cargo run --release --example measure STUDY.json [RUNS [FOLDER]]`.
//!
//! Prints JSON: by phase the seconds of the fastest of so many runs, those of the processor, the peak of the process' memory in
//! MiB (which holds the phase's files besides its own memory) and the bytes written. Processor and memory on Linux only. With a FOLDER all
//! files are written there, to be compared with those of clinical_peer.py.
#![allow(clippy::unwrap_used, reason = "a measurement that goes wrong must stop")]

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use clinical_research::{
    cohort::CohortAnalysis, efficacy::EfficacyAnalysis, safety::SafetyAnalysis, study,
    validation::DataValidation,
};
use heddle_sdk::{
    Phase,
    testing::{Harness, TestRun},
};
use serde_json::{Map, Value, json};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| panic!("usage: measure STUDY.json [RUNS [FOLDER]]"));
    let runs = arguments.next().and_then(|runs| runs.parse().ok()).unwrap_or(1).max(1);
    let folder = arguments.next();
    let input = fs::read(path).unwrap();
    let mut measured = Measured { runs, folder, all: 0.0, figures: Map::new() };
    let validated = measured.phase::<DataValidation>(("input/study.json", &input));
    let file = (study::FILE, validated.bytes(study::FILE));
    measured.phase::<CohortAnalysis>(file);
    measured.phase::<EfficacyAnalysis>(file);
    measured.phase::<SafetyAnalysis>(file);
    let Measured { mut figures, all, .. } = measured;
    figures.insert("all".to_owned(), json!({ "seconds": all }));
    println!("{}", Value::Object(figures));
}

struct Measured {
    runs: u32,
    folder: Option<String>,
    all: f64,
    figures: Map<String, Value>,
}

impl Measured {
    fn phase<P: Phase>(&mut self, (name, bytes): (&str, &[u8])) -> TestRun {
        let once = || {
            let harness = Harness::<P>::new().file(name, bytes);
            let (start, before) = (Instant::now(), processor());
            let run = harness.run(json!({}));
            (start.elapsed(), processor().zip(before).map(|(now, before)| now - before), run)
        };
        // Writing 5 there begins a new peak (proc_pid_clear_refs(5)); without it the peak is that of all phases until now.
        let _ = fs::write("/proc/self/clear_refs", "5");
        let (mut best, mut cpu, run) = once();
        let peak = peak_mib();
        for _ in 1..self.runs {
            let (elapsed, used, _) = once();
            best = best.min(elapsed);
            cpu = cpu.zip(used).map(|(a, b): (f64, f64)| a.min(b));
        }
        self.all += best.as_secs_f64();
        if let Some(folder) = &self.folder {
            fs::create_dir_all(folder).unwrap();
            run.files
                .iter()
                .for_each(|(name, bytes)| fs::write(Path::new(folder).join(name), bytes).unwrap());
        }
        let written: BTreeMap<&str, usize> =
            run.files.iter().map(|(name, bytes)| (name.as_str(), bytes.len())).collect();
        let figures = json!({
            "seconds": best.as_secs_f64(),
            "cpu_seconds": cpu,
            "peak_mib": peak,
            "output_bytes": run.output().to_string().len(),
            "written": written,
        });
        self.figures.insert(P::NAME.to_owned(), figures);
        run
    }
}

/// Seconds that this process has had of the processor: it has one thread (proc_pid_schedstat(5), nanoseconds).
fn processor() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
}

fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? / 1024)
}
