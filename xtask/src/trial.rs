//! `cargo xtask bench-trial`: a large invented trial through the workflow `clinical_research`, as one runs it, beside the same
//! statistics in Python from the same file.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::{command, guest, toolchain::Choice, workspace::Workspace};

/// What the Python side computes with.
const PACKAGES: [&str; 5] =
    ["numpy==2.4.6", "pandas==2.3.3", "scipy==1.17.1", "statsmodels==0.15.0", "lifelines==0.30.3"];
/// Where the page of results has this part; it is the last one.
const HEADING: &str = "## A clinical trial";

/// How large it is, and how often it is measured.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Subjects of the trial
    #[arg(long, default_value_t = 100_000)]
    subjects: u32,
    /// Each side's best of so many counts; they take turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Measure, and write it into the page of results.
///
/// # Errors
/// If something does not build or run, or the two sides do not find the same figures.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    guest::build(workspace, Choice::Auto)?;
    let bench = Bench::new(workspace)?;
    let workloads = workspace.root.join("host/benches/workloads");
    let study = bench.place.join("study.json");
    let mut make = bench.python(&workloads.join("clinical_study.py"));
    command::run(make.arg(&study).args(["--subjects", &arguments.subjects.to_string()]))?;
    // What is compiled once is not of the trial.
    bench.heddle(&workspace.root.join("plugins/clinical-research/sample/study.json"))?;
    let (mut ours, mut theirs): (Option<Ours>, Option<Theirs>) = (None, None);
    for round in 1..=arguments.rounds {
        let (one, other) = (bench.heddle(&study)?, bench.peer(&workloads, &study)?);
        println!("Round {round}: {:.1} s in the sandbox, {:.1} s in Python", one.seconds, other.seconds);
        ours = Some(ours.map_or(one.clone(), |best| if best.seconds <= one.seconds { best } else { one }));
        theirs = Some(
            theirs.map_or(other.clone(), |best| if best.seconds <= other.seconds { best } else { other }),
        );
    }
    let (ours, theirs) = (ours.context("no round")?, theirs.context("no round")?);
    let mut same = bench.python(&workloads.join("clinical_same.py"));
    let same = command::output(same.arg(bench.statistics()).arg(bench.results()))
        .context("the two sides do not find the same figures; clinical_same.py says where")?;
    println!("{same}");
    let part = section(arguments, fs::metadata(&study)?.len(), &ours, &theirs, &same)?;
    let page = workspace.root.join("host/benches/RESULTS.md");
    let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
    let before = text.split(HEADING).next().unwrap_or_default().trim_end();
    fs::write(&page, format!("{before}\n\n{part}"))?;
    println!("{part}\nWritten to {}", workspace.shown(&page));
    Ok(())
}

struct Bench {
    host: PathBuf,
    /// The interpreter with the packages.
    python: PathBuf,
    place: PathBuf,
}

/// A run of the workflow.
#[derive(Clone)]
struct Ours {
    /// From the start of the process to its end.
    seconds: f64,
    /// Phase, seconds of the clock and of the processor, MiB.
    phases: Vec<(String, f64, f64, f64)>,
}

/// The same in Python.
#[derive(Clone)]
struct Theirs {
    seconds: f64,
    /// Part, seconds of the clock.
    parts: Vec<(String, f64)>,
    mib: f64,
}

impl Bench {
    fn new(workspace: &Workspace) -> Result<Self> {
        let host = workspace.build_host(false)?;
        let environment = workspace.target.join("bench-python");
        let python = environment.join("bin/python");
        if !python.exists() {
            println!("Installing {} for Python in {}", PACKAGES.join(", "), workspace.shown(&environment));
            command::run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
            command::run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
        }
        let place = workspace.target.join("bench/trial");
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::create_dir_all(&place)?;
        Ok(Self { host, python, place })
    }

    fn results(&self) -> PathBuf {
        self.place.join("results")
    }

    fn statistics(&self) -> PathBuf {
        self.place.join("python.json")
    }

    /// A script, on one core as a guest is.
    fn python(&self, script: &Path) -> Command {
        let mut python = Command::new(&self.python);
        python.arg(script).env("OMP_NUM_THREADS", "1").env("OPENBLAS_NUM_THREADS", "1");
        python
    }

    fn heddle(&self, study: &Path) -> Result<Ours> {
        let mut heddle = Command::new(&self.host);
        heddle.args(["run", "clinical_research", "--json", "--force", "--file"]).arg(study);
        heddle.arg("--data-dir").arg(self.place.join("data")).arg("--out").arg(self.results());
        let start = Instant::now();
        let output = heddle.stderr(Stdio::null()).output().context("cannot start heddle")?;
        let seconds = start.elapsed().as_secs_f64();
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "`{}` failed: {text}", command::shown(&heddle));
        let told: Value = serde_json::from_str(&text).context("what heddle says of the run")?;
        let phase = |step: &Value| {
            let usage = |key: &str| step["usage"][key].as_f64().with_context(|| format!("{key} of {step}"));
            let name = step["name"].as_str().context("a step's name")?.to_owned();
            let mib = usage("peak_memory_bytes")? / f64::from(1 << 20);
            Ok((name, usage("wall_us")? / 1e6, usage("cpu_us")? / 1e6, mib))
        };
        let steps = told["run"]["steps"].as_array().context("steps")?;
        Ok(Ours { seconds, phases: steps.iter().map(phase).collect::<Result<_>>()? })
    }

    fn peer(&self, workloads: &Path, study: &Path) -> Result<Theirs> {
        let mut peer = self.python(&workloads.join("clinical_peer.py"));
        peer.arg(study).arg("--results").arg(self.statistics());
        let start = Instant::now();
        let text =
            command::output(&mut peer).with_context(|| format!("`{}` failed", command::shown(&peer)))?;
        let seconds = start.elapsed().as_secs_f64();
        let told: Value = serde_json::from_str(&text).context("what Python says of its time")?;
        let parts = told["seconds"].as_object().context("seconds")?.iter().filter(|(name, _)| *name != "all");
        let parts = parts.map(|(name, value)| (name.clone(), value.as_f64().unwrap_or_default())).collect();
        Ok(Theirs { seconds, parts, mib: told["peak_mib"].as_f64().context("peak_mib")? })
    }
}

fn section(arguments: &Arguments, bytes: u64, ours: &Ours, theirs: &Theirs, same: &str) -> Result<String> {
    let mut text = format!(
        "{HEADING}\n\nWritten by `cargo xtask bench-trial`. An invented trial of {} subjects with 5 covariates ({} MB of JSON), from the file \
         to the last result: `heddle run clinical_research` with all five phases in the sandbox and their files on the disk, and the same \
         statistics with {}. The best of {} runs each, in turns. {same}.\n\nPython does less: no report, picture or package, no masks, no search \
         for identifiers, no Hodges–Lehmann estimate.\n\n",
        arguments.subjects,
        bytes / 1_000_000,
        PACKAGES.join(", ").replace("==", " "),
        arguments.rounds,
    );
    writeln!(text, "| | seconds | of the processor | MiB |\n|---|---:|---:|---:|")?;
    for (name, wall, cpu, mib) in &ours.phases {
        writeln!(text, "| `{name}` | {wall:.2} | {cpu:.2} | {mib:.0} |")?;
    }
    writeln!(text, "| **`heddle run`, start to end** | **{:.1}** | | |", ours.seconds)?;
    for (name, seconds) in &theirs.parts {
        writeln!(text, "| Python: {name} | {seconds:.2} | | |")?;
    }
    writeln!(text, "| **Python, start to end** | **{:.1}** | | {:.0} |", theirs.seconds, theirs.mib)?;
    writeln!(text, "| **ratio** | **{:.2}** | | |", theirs.seconds / ours.seconds)?;
    Ok(text)
}
