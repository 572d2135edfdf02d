//! The proof of durability: a run whose host is killed with -9 half-way goes on after a restart, and no result is
//! committed twice.

use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{Demo, WORKFLOW, server::Server, text};

/// A run of the sample takes some seconds; where it ends before it could be killed, it is tried again.
const TRIES: u32 = 5;
const LIMIT: Duration = Duration::from_mins(3);

/// Shows it in a few lines.
pub(super) fn show(demo: &Demo) -> Result<()> {
    let input: Value = serde_json::from_slice(&fs::read(&demo.sample)?).context("the sample is not JSON")?;
    let log = demo.out.join("serve.log");
    for _ in 0..TRIES {
        let server = Server::start(&demo.host, &demo.data(), &log)?;
        let pid = server.pid();
        let run = server.post("/runs", &json!({ "workflow": WORKFLOW, "input": input }))?;
        let id = text(&run["id"])?.to_owned();
        let start = Instant::now();
        let Some(before) = half_way(&server, &id)? else { continue };
        server.kill_9()?;
        println!("  run {id}: after {:.1} s, kill -9 of process {pid}", start.elapsed().as_secs_f64());
        println!("  when it was killed: {}", before.describe());

        let server = Server::start(&demo.host, &demo.data(), &log)?;
        println!("  restarted as process {}; nobody touched the run", server.pid());
        let start = Instant::now();
        let after = finished(&server, &id)?;
        let commits = commits(&server, &id)?;
        once(&after, &commits)?;
        println!(
            "  {:.1} s later: completed, {} of {} steps; each result was committed once (events step.completed: {})",
            start.elapsed().as_secs_f64(),
            after.names("completed").len(),
            after.0.len(),
            commits.iter().map(|(step, n)| format!("{step} {n}×")).collect::<Vec<_>>().join(", ")
        );
        return Ok(());
    }
    bail!("{TRIES} runs all ended before they could be killed")
}

/// Each step's name and state.
struct Steps(Vec<(String, String)>);

impl Steps {
    fn of(run: &Value) -> Result<Self> {
        let steps = run["steps"].as_array().context("the run has no steps")?;
        let pairs =
            steps.iter().map(|step| Ok((text(&step["name"])?.to_owned(), text(&step["state"])?.to_owned())));
        Ok(Self(pairs.collect::<Result<_>>()?))
    }

    fn names(&self, state: &str) -> Vec<&str> {
        self.0.iter().filter(|(_, is)| is == state).map(|(name, _)| name.as_str()).collect()
    }

    /// Something is done, and about as much is not.
    fn half_way(&self) -> bool {
        let done = self.names("completed").len();
        done > 0 && done * 2 >= self.0.len() - 1 && done < self.0.len()
    }

    fn describe(&self) -> String {
        let mut states: Vec<&str> = self.0.iter().map(|(_, state)| state.as_str()).collect();
        states.dedup();
        let parts = states.iter().map(|state| format!("{state}: {}", self.names(state).join(", ")));
        parts.collect::<Vec<_>>().join("; ")
    }
}

/// Waits until some steps have completed and others not; `None` if the run was faster than we.
fn half_way(server: &Server, id: &str) -> Result<Option<Steps>> {
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        let run = server.get(&format!("/runs/{id}"))?;
        let steps = Steps::of(&run)?;
        match text(&run["state"])? {
            "completed" => return Ok(None),
            "failed" | "cancelled" => bail!("the run ended as {}: {}", run["state"], run["failure"]),
            _ if steps.half_way() => return Ok(Some(steps)),
            _ => thread::sleep(Duration::from_millis(2)),
        }
    }
    bail!("the run was not half-way after {} s", LIMIT.as_secs())
}

fn finished(server: &Server, id: &str) -> Result<Steps> {
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        let run = server.get(&format!("/runs/{id}"))?;
        match text(&run["state"])? {
            "completed" => return Steps::of(&run),
            "failed" | "cancelled" => bail!("the run ended as {}: {}", run["state"], run["failure"]),
            _ => thread::sleep(Duration::from_millis(20)),
        }
    }
    bail!("the run had not ended {} s after the restart", LIMIT.as_secs())
}

/// How many times each step's result was committed, by the run's durable events.
fn commits(server: &Server, id: &str) -> Result<BTreeMap<String, u32>> {
    let mut commits = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = server.get(&format!("/runs/{id}/events?after={after}"))?;
        let events = page["items"].as_array().context("a page of events has no items")?;
        if events.is_empty() {
            return Ok(commits);
        }
        for event in events.iter().filter(|event| event["type"] == "step.completed") {
            *commits.entry(text(&event["step"])?.to_owned()).or_default() += 1;
        }
        after = page["next_after"].as_u64().context("a page has no next_after")?;
    }
}

fn once(steps: &Steps, commits: &BTreeMap<String, u32>) -> Result<()> {
    for (step, state) in &steps.0 {
        let count = commits.get(step).copied().unwrap_or(0);
        ensure!(state == "completed" && count == 1, "step {step} is {state} and was committed {count} times");
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn steps(states: &[&str]) -> Steps {
        let step = |(number, state): (usize, &&str)| json!({ "name": format!("s{number}"), "state": state });
        Steps::of(&json!({ "steps": states.iter().enumerate().map(step).collect::<Vec<_>>() })).unwrap()
    }

    #[test]
    fn half_way_is_neither_the_beginning_nor_the_end() {
        assert!(!steps(&["running", "pending", "pending"]).half_way());
        assert!(steps(&["completed", "running", "pending"]).half_way());
        assert!(!steps(&["completed", "running", "pending", "pending", "pending"]).half_way());
        assert!(steps(&["completed", "completed", "running", "pending", "pending"]).half_way());
        assert!(!steps(&["completed", "completed"]).half_way());
    }

    #[test]
    fn a_result_committed_twice_or_never_is_an_error() {
        let done = steps(&["completed", "completed"]);
        let commits = |a: u32, b: u32| BTreeMap::from([("s0".to_owned(), a), ("s1".to_owned(), b)]);
        assert!(once(&done, &commits(1, 1)).is_ok());
        assert!(once(&done, &commits(1, 2)).is_err());
        assert!(once(&done, &BTreeMap::from([("s0".to_owned(), 1)])).is_err());
        assert!(once(&steps(&["completed", "failed"]), &commits(1, 1)).is_err());
    }

    #[test]
    fn states_are_told_in_order() {
        let text = steps(&["completed", "completed", "running", "pending"]).describe();
        assert_eq!(text, "completed: s0, s1; running: s2; pending: s3");
    }
}
