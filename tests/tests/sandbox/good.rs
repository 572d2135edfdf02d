//! A well-behaved plugin gets what it was promised.

use std::time::Duration;

use heddle::{
    model::{FailureKind, Problem},
    sandbox::{GuestOutcome, LogLevel},
};
use serde_json::{Value, json};

use crate::support::{Attempt, example, sandbox};

#[tokio::test]
async fn a_phase_observes_what_it_was_given_and_nothing_else() {
    let echo = example("echo").await;
    let ran = Attempt::new("echo", &json!({ "x": [1, "ä", null] }))
        .with(|request| {
            request.config = r#"{"k":1}"#.to_owned();
            request.prompt = Some("Say it.".to_owned());
        })
        .files(&[("input/a.txt", b"abc"), ("other.txt", b"not declared")])
        .run(&echo)
        .await;
    let output = ran.output();
    assert_eq!(output["input"], json!({ "x": [1, "ä", null] }));
    assert_eq!(output["config"], json!({ "k": 1 }));
    assert_eq!(output["prompt"], "Say it.");
    assert_eq!(output["now_ms"], 1_767_225_600_000_u64);
    assert_eq!(output["files"], json!([["input/a.txt", 3]]));
    assert_eq!(ran.report.log.len(), 1);
    assert_eq!((ran.report.log[0].level, ran.report.log[0].message.as_str()), (LogLevel::Info, "echo"));
    let told = ran.progress.lock().unwrap();
    assert_eq!((told.len(), told[0].fraction, told[0].message.as_str()), (1, 0.5, "half-way"));
    let usage = ran.report.usage;
    assert_eq!(usage.host_calls, 7, "log, progress, config (of the SDK, once), prompt, now, seed, list");
    assert!(usage.peak_memory_bytes >= 1 << 20 && usage.peak_memory_bytes < 4 << 20, "{usage:?}");
    assert!(usage.cpu_us > 0 && usage.cpu_us <= usage.wall_us, "{usage:?}");
}

#[tokio::test]
async fn the_same_request_gives_the_same_bytes() {
    let echo = example("echo").await;
    let mut outputs = Vec::new();
    for seed in [7, 7, 8] {
        let ran = Attempt::new("echo", &Value::Null).with(|r| r.seed = [seed; 32]).run(&echo).await;
        match ran.report.result {
            Ok(GuestOutcome::Completed(json)) => outputs.push(json),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(outputs[0], outputs[1]);
    assert_ne!(outputs[0], outputs[2], "another seed");
}

#[tokio::test]
async fn files_are_read_and_written_in_pieces() {
    let echo = example("echo").await;
    let original: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    let ran = Attempt::new("copy", &json!({ "from": "input/big.bin" }))
        .with(|request| request.config = r#"{"piece": 100000}"#.to_owned())
        .files(&[("input/big.bin", &original)])
        .run(&echo)
        .await;
    assert_eq!(ran.output()["bytes"], 3_000_000);
    assert!(ran.file("copy.bin") == original, "the copy differs");
    assert!(ran.report.usage.output_bytes >= 3_000_000);
    let told = ran.progress.lock().unwrap();
    assert_eq!(told.last().map(|p| p.fraction), Some(1.0), "the last report is never left out");
}

#[tokio::test]
async fn a_phase_ends_in_the_way_that_it_says() {
    let echo = example("echo").await;
    let end = |input: Value| Attempt::new("end", &input).run(&echo);
    assert_eq!(end(json!({ "how": "completed" })).await.output(), json!({ "well": true }));
    let skipped = end(json!({ "how": "skipped", "message": "nothing there" })).await;
    assert_eq!(skipped.report.result.unwrap(), GuestOutcome::Skipped("nothing there".to_owned()));
    let retryable = end(json!({ "how": "retryable", "message": "later" })).await;
    assert_eq!(retryable.failure(FailureKind::Retryable).message, "later");
    let failed = end(json!({ "how": "failed", "message": "never" })).await;
    assert_eq!(failed.failure(FailureKind::Failed).message, "never");
    let invalid = end(json!({ "how": "invalid-input", "path": "/x", "message": "no" })).await;
    assert_eq!(invalid.failure(FailureKind::InvalidInput).problems, [Problem::new("/x", "no")]);
}

#[tokio::test]
async fn shared_state_is_read_and_set() {
    let echo = example("echo").await;
    let ran = Attempt::new("share", &json!({ "set": [2] }))
        .with(|request| {
            request.shared =
                [("note", "1"), ("secret", "2")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        })
        .run(&echo)
        .await;
    assert_eq!(ran.output(), json!({ "before": 1, "after": [2] }));
    let set: Vec<_> = ran.report.shared.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(set, [("note", "[2]")]);
}

#[tokio::test]
async fn what_does_not_fit_a_schema_never_reaches_the_guest() {
    let echo = example("echo").await;
    let ran = Attempt::new("copy", &json!({ "from": 7 })).run(&echo).await;
    let failure = ran.failure(FailureKind::InvalidInput);
    assert_eq!(failure.problems[0].path, "/from");
    assert_eq!(ran.report.usage.host_calls, 0);
    let ran = Attempt::new("copy", &json!({ "from": "x" }))
        .with(|request| request.config = r#"{"pieces": 1}"#.to_owned())
        .run(&echo)
        .await;
    assert!(ran.failure(FailureKind::InvalidInput).message.contains("configuration of phase copy"));
    let ran = Attempt::new("nothing", &json!({})).run(&echo).await;
    let message = &ran.failure(FailureKind::PluginUnavailable).message;
    assert!(message.contains(r#"no phase "nothing""#) && message.contains("copy"), "{message}");
}

#[tokio::test]
async fn validate_answers_quickly_with_problems() {
    let echo = example("echo").await;
    let input = json!({ "how": "invalid-input", "path": "/x", "message": "no" }).to_string();
    assert_eq!(sandbox().validate(&echo, "end", &input).await.unwrap(), [Problem::new("/x", "no")]);
    assert_eq!(sandbox().validate(&echo, "end", r#"{"how":"completed"}"#).await.unwrap(), []);
    let failure = sandbox().validate(&echo, "end", r#"{"how":"sideways"}"#).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::InvalidInput);
}

#[tokio::test]
async fn many_attempts_at_once_share_the_threads() {
    let echo = example("echo").await;
    let spins = (0..20).map(|_| {
        let echo = echo.clone();
        async move { Attempt::new("spin", &json!({ "iterations": 20_000_000 })).run(&echo).await }
    });
    let noop = Attempt::new("noop", &Value::Null);
    let (spun, quick) = tokio::join!(futures::future::join_all(spins), async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        noop.run(&echo).await
    });
    quick.output();
    let longest = spun.iter().map(|ran| ran.took).max().unwrap();
    assert!(quick.took < longest, "a short attempt ({:?}) waits for no long one ({longest:?})", quick.took);
    for ran in &spun {
        assert_eq!(ran.output(), spun[0].output());
    }
}
