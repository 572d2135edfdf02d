//! How attempts end: at random, as the sandbox and the host's own evaluation may have them end.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use crate::{
    engine::core::{AttemptEnd, AttemptOutcome, Known, Launch, Stage, Suspension},
    model::{Digest, Failure, FailureKind, FileKind, Node, Timestamp, Usage, Value},
    store::{ApprovalKind, ArtifactRow, HostCallRow},
};

pub(super) fn completed(chosen: Option<&str>) -> AttemptOutcome {
    AttemptOutcome::Completed {
        output: Value::Inline { json: json!({ "case": chosen }).to_string() },
        step_key: Digest::of("key"),
        artifacts: Vec::new(),
        shared: BTreeMap::new(),
        chosen: chosen.map(str::to_owned),
    }
}

/// A file that a phase has made.
pub(in crate::engine::core) fn file(name: String, now: Timestamp) -> ArtifactRow {
    ArtifactRow {
        digest: Digest::of(&name),
        name,
        step: String::new(),
        version: 0,
        attempt: 0,
        size: 1,
        kind: FileKind::Json,
        media_type: "application/json".into(),
        deliverable: false,
        restricted: false,
        order: 1,
        description: String::new(),
        created_at: now,
    }
}

/// A phase's result, with some of three files, one of which is restricted.
fn made(rng: &mut StdRng, now: Timestamp) -> AttemptOutcome {
    let some = (0..3).filter(|_| rng.random_bool(0.3));
    let artifacts: Vec<ArtifactRow> =
        some.map(|k| ArtifactRow { restricted: k == 2, ..file(format!("{k}.json"), now) }).collect();
    let json = rng.random_range(0..3).to_string();
    let keys = ["a", "b"].into_iter().filter(|_| rng.random_bool(0.2));
    let shared = keys.map(|key| (key.to_owned(), Value::Inline { json: json.clone() })).collect();
    AttemptOutcome::Completed {
        step_key: Digest::of(&json),
        output: Value::Inline { json },
        artifacts,
        shared,
        chosen: None,
    }
}

/// A phase asks somebody from inside.
fn asks(launch: &Launch, now: Timestamp, deadline: Timestamp) -> AttemptOutcome {
    let request = json!({ "title": "May I?" });
    let call = HostCallRow {
        attempt: launch.attempt,
        seq: launch.journal.len() as u32,
        kind: "ask".into(),
        request: Value::Inline { json: request.to_string() },
        request_digest: Digest::of("request"),
        answer: None,
        started_at: now,
        answered_at: None,
    };
    AttemptOutcome::Suspended(Suspension::Approval {
        kind: ApprovalKind::Guest,
        request,
        deadline: Some(deadline),
        call: Some(Box::new(call)),
        key: None,
    })
}

/// A generator that says the same whenever it is asked about the same.
pub(super) fn generator(fate: u64, of: &impl std::hash::Hash) -> StdRng {
    use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
    StdRng::seed_from_u64(BuildHasherDefault::<DefaultHasher>::default().hash_one((fate, of)))
}

/// How an attempt ends whatever happens around it, so that two schedules of the same run can be compared. None fails: what
/// is skipped then depends on what had begun.
pub(super) fn fated(fate: u64, launch: &Launch, now: Timestamp) -> AttemptEnd {
    let rounds = match &launch.stage {
        Stage::Open => 0,
        Stage::Round(rounds) => 1 + rounds,
        Stage::Close(children) => 1 + children.len(),
    };
    let mut rng =
        generator(fate, &(launch.plan.digest.to_string(), &launch.name, rounds, launch.journal.len()));
    loop {
        let end = outcome(&mut rng, launch, now);
        let stands = matches!(end.result, Ok(AttemptOutcome::Unchanged));
        if end.result.is_ok() && !stands {
            return end;
        }
    }
}

pub(super) fn outcome(rng: &mut StdRng, launch: &Launch, now: Timestamp) -> AttemptEnd {
    let key = Digest::of("key");
    let later = now.plus(std::time::Duration::from_millis(rng.random_range(0..500)));
    let broken = || Err(Failure::new(FailureKind::Failed, "broken"));
    let result = match (launch.definition().node().unwrap(), &launch.stage) {
        (Node::Phase(_), _) => match rng.random_range(0..10) {
            0 => Err(Failure::new(FailureKind::Retryable, "flaky")),
            1 => broken(),
            2 => Ok(AttemptOutcome::Skipped("nothing to do".into())),
            3 if launch.known != Known::Nothing => Ok(AttemptOutcome::Unchanged),
            4 if launch.journal.len() < 3 => Ok(asks(launch, now, later)),
            _ => Ok(made(rng, now)),
        },
        (Node::Condition(_), _) => match rng.random_range(0..10) {
            0 => broken(),
            1..5 if launch.known != Known::Nothing => Ok(AttemptOutcome::Unchanged),
            _ => Ok(completed([None, Some("x"), Some("y")][rng.random_range(0..3)])),
        },
        (Node::Checkpoint(checkpoint), _) => Ok(AttemptOutcome::Suspended(Suspension::Approval {
            kind: ApprovalKind::Checkpoint,
            request: json!({ "default": checkpoint.default }),
            deadline: checkpoint.deadline_seconds.map(|_| later),
            call: None,
            key: Some(key),
        })),
        (Node::Wait(wait), _) if wait.event.is_some() => {
            let event = "key".to_owned();
            Ok(AttemptOutcome::Suspended(Suspension::Event { event, deadline: Some(later), key }))
        }
        (Node::Wait(_), _) => Ok(AttemptOutcome::Suspended(Suspension::Until { at: later, key })),
        (Node::Map(_) | Node::Loop(_) | Node::Workflow(_), _) if rng.random_bool(0.05) => broken(),
        (Node::Map(_), Stage::Open) => {
            let expansion = Value::Inline { json: "[1,2,3]".into() };
            Ok(AttemptOutcome::Expanded { expansion, count: rng.random_range(0..4) })
        }
        (Node::Loop(_) | Node::Workflow(_), Stage::Open) => {
            Ok(AttemptOutcome::Expanded { expansion: Value::Inline { json: "{}".into() }, count: 1 })
        }
        (Node::Loop(repeat), &Stage::Round(rounds)) if rounds < repeat.max_iterations as usize => {
            if rng.random_bool(0.5) { Ok(AttemptOutcome::Again) } else { Ok(completed(None)) }
        }
        _ => Ok(completed(None)),
    };
    AttemptEnd { result, usage: Usage::default(), log: None, blobs: Vec::new() }
}
