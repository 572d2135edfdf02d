//! Verification: every result of a finished run is made again from what it was made of, and compared (C4).

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    Tenant,
    attempt::Executor,
    core::{AttemptOutcome, Machine, Recorded},
    driver::Durable,
    stored::MadeText,
};
use crate::{
    error::{Code, Error, Result},
    events::EventBus,
    model::{Digest, Failure, FailureKind, Problem, RunId, RunState, Value},
};

/// What came of verifying a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// The run.
    pub run: RunId,
    /// Its steps that have a result, in the definition's order.
    pub steps: Vec<StepVerification>,
}

/// What came of verifying a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepVerification {
    /// The step.
    pub step: String,
    /// Whether its result is what comes out.
    pub outcome: Verified,
    /// What differs, by JSON Pointer into `{output, artifacts, shared}`.
    pub problems: Vec<Problem>,
}

/// Whether a result is what comes out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// It is, byte by byte.
    Same,
    /// It is not.
    Differs,
    /// A person or time made it, not a computation.
    NotComputed,
    /// It was made of something else than what comes before it now: an earlier result was let count again.
    MadeOfOther,
}

impl Verification {
    /// Whether something is computed, and all of that came out the same.
    pub fn is_verified(&self) -> bool {
        self.steps.iter().any(|step| step.outcome == Verified::Same)
            && self.steps.iter().all(|step| step.outcome != Verified::Differs)
    }
}

impl Tenant {
    /// The result of a run that has completed (JSON text): what its workflow's output mapping makes of its steps' outputs,
    /// or without one an object with the outputs of its last steps, by name.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it has not completed, or the mapping has no value; `TooLarge` if there is a value, but it
    /// breaks its bound; `Unavailable` if storage fails, or too much is read at once.
    pub async fn run_output(&self, id: RunId) -> Result<MadeText> {
        self.run_row(id).await?;
        let loader = self.engine.loader();
        let snapshot = loader.snapshot(self.id(), id).await?;
        if snapshot.run.state != RunState::Completed {
            return Err(Error::conflict(format!("run {id} is {}: it has no output", snapshot.run.state)));
        }
        let output = snapshot.plan.layouts[0].output.clone();
        let parts = Machine::restore(snapshot).result();
        let executor = self.engine.executor();
        let result = executor.run_result(&self.engine.outputs, self.id(), output.as_ref(), &parts).await;
        result.map_err(|failure| {
            let code = match failure.kind {
                FailureKind::LimitExceeded => Code::TooLarge,
                FailureKind::Host => Code::Unavailable,
                _ => Code::Conflict,
            };
            Error::new(code, format!("the output of run {id} has no value: {failure}"))
        })
    }

    /// Run every step of a finished run again, on what it had then, and compare what comes out: outputs, files, shared
    /// state. Answers of people come from the run's journal. Nothing of the run is changed.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it has not ended; `Unavailable` if storage fails.
    pub async fn run_verify(&self, id: RunId) -> Result<Verification> {
        self.run_row(id).await?;
        // One at a time: it is no run, and takes no place of one.
        let _turn = self
            .engine
            .verifying
            .acquire()
            .await
            .map_err(|closed| Error::unavailable("the host is shutting down", closed))?;
        let loader = self.engine.loader();
        let snapshot = loader.snapshot(self.id(), id).await?;
        let state = snapshot.run.state;
        if !state.is_terminal() {
            let message = format!("run {id} is {state}: only one that has ended can be verified");
            return Err(Error::conflict(message));
        }
        let (attempts, files) = (snapshot.attempts.clone(), snapshot.artifacts.clone());
        let calls = snapshot.host_calls.clone();
        let recorded = Machine::restore(snapshot).recorded(&attempts, &calls, &files);
        let executor = Executor { bus: EventBus::default(), ..self.engine.executor() };
        // Whoever asked may go away: what runs for them then stops.
        let cancel = CancellationToken::new();
        let _stop = cancel.clone().drop_guard();
        let mut steps = Vec::with_capacity(recorded.len());
        for one in recorded {
            steps.push(verify(&executor, one, cancel.clone()).await);
        }
        Ok(Verification { run: id, steps })
    }
}

async fn verify(executor: &Executor, recorded: Recorded, cancel: CancellationToken) -> StepVerification {
    let step = recorded.row.name.clone();
    let Some(launch) = recorded.launch.clone() else {
        return StepVerification { step, outcome: Verified::NotComputed, problems: Vec::new() };
    };
    let (done, end) = oneshot::channel();
    executor.spawn(*launch, Durable::Now, cancel, move |end| drop(done.send(end)));
    let ended = |_| Failure::new(FailureKind::Host, "the host is shutting down");
    let problems = match end.await.map_err(ended).and_then(|end| end.result) {
        Ok(AttemptOutcome::Completed { output, artifacts, shared, .. }) => {
            let mut problems = Vec::new();
            if let Some(was) = recorded.row.output.as_ref().filter(|was| digest(was) != digest(&output)) {
                problems.push(differs("/output".to_owned(), Some(digest(was)), Some(digest(&output))));
            }
            let mut now: Vec<_> = artifacts.iter().map(|a| (a.name.clone(), a.digest)).collect();
            let mut was: Vec<_> = recorded.artifacts.iter().map(|a| (a.name.clone(), a.digest)).collect();
            problems.extend(compare("/artifacts", &mut was, &mut now));
            let mut now: Vec<_> = shared.iter().map(|(key, value)| (key.clone(), digest(value))).collect();
            let mut was: Vec<_> =
                recorded.shared.iter().map(|(k, value)| (k.clone(), digest(value))).collect();
            problems.extend(compare("/shared", &mut was, &mut now));
            problems
        }
        Ok(AttemptOutcome::Changed) => {
            let message = "it was made of something else than what comes before it now, so that there is nothing to compare: an earlier result was let count again";
            let problems = vec![Problem::new("", message)];
            return StepVerification { step, outcome: Verified::MadeOfOther, problems };
        }
        Ok(other) => {
            vec![Problem::new("", format!("it does not come to an output any more: {}", shown(&other)))]
        }
        Err(failure) => {
            vec![Problem::new("", format!("it fails now ({}): {failure}", failure.kind.as_str()))]
        }
    };
    let outcome = if problems.is_empty() { Verified::Same } else { Verified::Differs };
    StepVerification { step, outcome, problems }
}

fn shown(outcome: &AttemptOutcome) -> String {
    match outcome {
        AttemptOutcome::Skipped(reason) => format!("it is skipped ({reason})"),
        AttemptOutcome::Suspended(_) => "it asks somebody what it did not ask then".to_owned(),
        AttemptOutcome::Again => "its loop goes on".to_owned(),
        _ => "it ends otherwise".to_owned(),
    }
}

fn digest(value: &Value) -> Digest {
    match value {
        Value::Inline { json } => Digest::of(json),
        Value::Blob { blob, .. } => *blob,
    }
}

fn differs(path: String, was: Option<Digest>, now: Option<Digest>) -> Problem {
    let shown =
        |digest: Option<Digest>| digest.map_or_else(|| "absent".to_owned(), |digest| digest.to_string());
    Problem::new(path, format!("it was {}, and is {} now", shown(was), shown(now)))
}

/// What differs between two lists of names with digests.
fn compare(at: &str, was: &mut [(String, Digest)], now: &mut [(String, Digest)]) -> Vec<Problem> {
    was.sort();
    now.sort();
    let find = |list: &[(String, Digest)], name: &str| {
        list.iter().find(|(n, _)| n == name).map(|(_, digest)| *digest)
    };
    let mut names: Vec<&String> = was.iter().chain(now.iter()).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| (name, find(was, name), find(now, name)))
        .filter(|(_, was, now)| was != now)
        .map(|(name, was, now)| {
            differs(format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), was, now)
        })
        .collect()
}
