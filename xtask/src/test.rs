//! `cargo xtask test`: everything that the tests need, then all tests, then what could not be tested and why.
//!
//! A test that cannot run here prints `SKIPPED: <reason>` and returns; cargo hides what passing tests print, so this
//! asks for it, keeps those lines and drops the rest.

use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use heddle_test_postgres::{Postgres, VARIABLE};

use crate::{
    command, guest, postgres,
    toolchain::{self, Choice},
    workspace::Workspace,
};

/// Where proptest reads the seed of its random inputs.
const RANDOM_SEED: &str = "PROPTEST_RNG_SEED";
/// So many lines of what failed are shown again at the end.
const MOST_LINES: usize = 200;

/// Builds plugins, host and tests, and runs all tests, the documentation's too.
///
/// # Errors
/// When something does not build, a test fails, or (in CI) something that the tests need is not there.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let ci = env::var_os("CI").is_some();
    let chromium = chromium(ci)?;
    let beside = workspace.root.join("../shared/data");
    let data = shared_data(&env::var_os("HEDDLE_SHARED_DATA").map_or(beside, PathBuf::from), ci)?;
    // A server that is named already is used as it is.
    let postgres = if env::var_os(VARIABLE).is_some() { None } else { postgres::start(ci, Postgres::start)? };
    guest::build(workspace, Choice::Auto)?;
    println!("Compiling the host and the tests (10 to 20 minutes on two cores the first time).");
    let host = workspace.build_host(true)?;
    let disk_shim = workspace.build_disk_shim()?;

    let mut tests = workspace.cargo();
    tests.args(["test", "--workspace", "--no-fail-fast", "--", "--show-output"]);
    // The tests of random inputs see the same ones each time, so that what is refused is refused for what was changed;
    // other ones by naming another seed.
    if env::var_os(RANDOM_SEED).is_none() {
        tests.env(RANDOM_SEED, "1");
    }
    tests.env("HEDDLE_BIN", host).env("HEDDLE_DISK_SHIM", disk_shim);
    tests.env("HEDDLE_PLUGINS_DIR", workspace.plugins_dir());
    if let Some(data) = data {
        tests.env("HEDDLE_SHARED_DATA", data);
    }
    if let Some(chromium) = chromium {
        tests.env("HEDDLE_CHROMIUM", chromium);
    }
    if let Some(postgres) = &postgres {
        tests.env(VARIABLE, postgres.url("postgres"));
    }
    let report = stream(&mut tests, io::stdout())?;
    report.print();
    if report.success { Ok(()) } else { bail!("tests failed; what they said is above") }
}

/// The real inputs that some tests compare with.
fn shared_data(folder: &Path, ci: bool) -> Result<Option<PathBuf>> {
    match folder.canonicalize() {
        Ok(folder) => Ok(Some(folder)),
        Err(_) if ci => bail!("in CI the real inputs must be at {} (HEDDLE_SHARED_DATA)", folder.display()),
        Err(_) => Ok(None),
    }
}

/// A browser that can run without a screen, installed if need be; the tests of the dashboards ask for it.
fn chromium(required: bool) -> Result<Option<PathBuf>> {
    if let Some(path) = env::var_os("HEDDLE_CHROMIUM") {
        return Ok(Some(PathBuf::from(path)));
    }
    if let Some(path) = find_chromium() {
        return Ok(Some(path));
    }
    println!(
        "Missing: Chromium, for the tests of the dashboards. Installing Debian's package (about 1 minute)."
    );
    match toolchain::apt_install(&["chromium"]) {
        Ok(()) => Ok(find_chromium()),
        Err(error) if required => Err(error.context("CI needs Chromium for the tests of the dashboards")),
        Err(error) => {
            println!("Going on without it: {error:#}");
            Ok(None)
        }
    }
}

fn find_chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = env::var_os("PATH")?;
    let mut candidates = env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    candidates.find(|path| path.is_file())
}

/// What came of a run of `cargo test`.
#[derive(Default)]
struct Report {
    success: bool,
    totals: BTreeMap<String, u64>,
    /// Reason, then the tests that gave it.
    skipped: BTreeMap<String, Vec<String>>,
    /// What the tests that failed printed, and their names.
    failures: Vec<String>,
}

impl Report {
    fn print(&self) {
        println!();
        // Once more: whoever reads a long log reads its end.
        let (shown, rest) = self.failures.split_at(self.failures.len().min(MOST_LINES));
        for line in shown {
            println!("{line}");
        }
        if !rest.is_empty() {
            println!("… and {} more lines, above", rest.len());
        }
        for (reason, tests) in &self.skipped {
            println!("Skipped in {} tests, since {reason}\n  ({})", tests.len(), tests.join(", "));
        }
        let totals: Vec<String> = ["passed", "failed", "ignored"]
            .iter()
            .map(|kind| format!("{} {kind}", self.totals.get(*kind).copied().unwrap_or(0)))
            .collect();
        let skipped: usize = self.skipped.values().map(Vec::len).sum();
        println!(
            "All tests together: {}; of those that passed, {skipped} skipped all or a part.",
            totals.join(", ")
        );
    }
}

/// Runs `cargo test … --show-output`, passing on what people want to see of it.
fn stream(tests: &mut Command, mut shown: impl Write) -> Result<Report> {
    let text = command::shown(tests);
    let mut child = tests.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{text}`"))?;
    let output = child.stdout.take().context("the tests' output was not piped")?;
    let mut filter = Filter::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if filter.shows(&line) {
            writeln!(shown, "{line}")?;
        }
    }
    filter.report.success = child.wait()?.success();
    Ok(filter.report)
}

/// Reads the output line by line.
#[derive(Default)]
struct Filter {
    in_successes: bool,
    in_failures: bool,
    test: String,
    report: Report,
}

impl Filter {
    /// Whether this line is for people: not if it is what a passing test printed, or the list of those.
    fn shows(&mut self, line: &str) -> bool {
        if let Some(name) = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" stdout ----")) {
            name.clone_into(&mut self.test);
        } else if let Some(reason) = line.strip_prefix("SKIPPED: ") {
            let tests = self.report.skipped.entry(reason.to_owned()).or_default();
            if !tests.contains(&self.test) {
                tests.push(self.test.clone());
            }
        } else if line == "successes:" {
            self.in_successes = true;
        } else if line == "failures:" {
            self.in_successes = false;
            self.in_failures = true;
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.in_successes = false;
            self.in_failures = false;
            self.count(result);
        }
        if self.in_failures && !line.is_empty() {
            self.report.failures.push(line.to_owned());
        }
        !self.in_successes
    }

    /// `ok. 11 passed; 0 failed; 0 ignored; …`
    fn count(&mut self, result: &str) {
        let counts = result.split(". ").nth(1).unwrap_or_default();
        for count in counts.split("; ") {
            if let Some((number, kind)) = count.split_once(' ')
                && let Ok(number) = number.parse::<u64>()
            {
                *self.report.totals.entry(kind.to_owned()).or_default() += number;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
running 3 tests
test a ... ok
test b ... ok
test c ... FAILED

successes:

---- a stdout ----
chatter
SKIPPED: there are no data
SKIPPED: there are no data

---- b stdout ----
SKIPPED: there are no data


successes:
    a
    b

failures:

---- c stdout ----
it broke

failures:
    c

test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";

    #[test]
    fn failures_are_shown_and_successes_only_counted() {
        let mut filter = Filter::default();
        let shown: Vec<&str> = OUTPUT.lines().filter(|line| filter.shows(line)).collect();
        assert!(shown.contains(&"it broke") && shown.contains(&"test a ... ok"));
        assert!(!shown.contains(&"chatter") && !shown.contains(&"    a"));
        assert!(shown.last().unwrap().starts_with("test result: FAILED"));
        assert_eq!(filter.report.totals["passed"], 2);
        assert_eq!(filter.report.totals["failed"], 1);
        assert_eq!(filter.report.skipped["there are no data"], ["a", "b"]);
        assert_eq!(
            filter.report.failures,
            ["failures:", "---- c stdout ----", "it broke", "failures:", "    c"]
        );
    }

    #[test]
    fn the_totals_of_several_programs_are_added() {
        let mut filter = Filter::default();
        for _ in 0..2 {
            assert!(
                filter.shows("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out")
            );
        }
        assert_eq!((filter.report.totals["passed"], filter.report.totals["ignored"]), (6, 2));
    }

    #[test]
    fn a_test_run_that_fails_is_reported_as_such() {
        let run = |script: &str| {
            let mut shown = Vec::new();
            let report = stream(Command::new("sh").args(["-c", script]), &mut shown).unwrap();
            (report, String::from_utf8(shown).unwrap())
        };
        let (report, shown) = run("echo 'test result: FAILED. 0 passed; 1 failed'; exit 101");
        assert!(!report.success && shown.ends_with("1 failed\n"));
        let (report, _) = run("echo 'test result: ok. 1 passed; 0 failed'");
        assert!(report.success && report.totals["passed"] == 1);
    }

    #[test]
    fn missing_data_are_an_error_in_ci_only() {
        let nowhere = Path::new("/heddle/there/is/no/such/folder");
        assert!(shared_data(nowhere, false).unwrap().is_none());
        assert!(shared_data(nowhere, true).is_err());
        assert_eq!(shared_data(Path::new("/"), true).unwrap(), Some(PathBuf::from("/")));
    }
}
