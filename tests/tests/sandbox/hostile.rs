//! What a hostile plugin does ends its step with an error that names what happened, and nothing else notices.

use std::time::Duration;

use heddle::{
    model::{Failure, FailureKind},
    sandbox::LogLevel,
};
use heddle_tests::PATIENCE;
use serde_json::{Value, json};

use crate::support::{Attempt, Ran, example, sandbox};

const MIB: u64 = 1 << 20;

async fn run(attempt: Attempt) -> Ran {
    let hostile = example("hostile").await;
    let ran = attempt.run(&hostile).await;
    // Whatever happened: the next attempt finds everything as it should be.
    let good = Attempt::new("good", &Value::Null).run(&hostile).await;
    assert_eq!(good.output(), json!({ "good": true }));
    if ran.report.result.is_err() {
        assert!(ran.report.files.is_empty() && ran.report.shared.is_empty(), "{:?}", ran.report);
    }
    ran
}

fn crime(phase: &str) -> Attempt {
    Attempt::new(phase, &Value::Null)
}

/// The log's last line, which must be the host's, with a backtrace.
#[track_caller]
fn backtrace(ran: &Ran) -> &str {
    let last = ran.report.log.last().unwrap();
    assert_eq!(last.level, LogLevel::Error);
    assert!(last.message.contains("wasm backtrace"), "{last:?}");
    &last.message
}

#[tokio::test]
async fn a_loop_ends_with_its_wall_time() {
    let ran = run(crime("loop").limits(|limits| limits.wall_ms = 200)).await;
    let failure = ran.failure(FailureKind::TimedOut);
    let breach = failure.breach.as_ref().unwrap();
    assert_eq!((breach.limit.as_str(), breach.value), ("wall_ms", 200));
    assert!(breach.used >= 200, "{breach:?}");
    assert!(failure.message.contains("wall_ms is 200"), "{failure}");
    backtrace(&ran);
}

#[tokio::test]
async fn a_loop_ends_with_its_processor_time() {
    let ran = run(crime("loop").limits(|limits| limits.cpu_ms = 150)).await;
    ran.breach("cpu_ms", 150);
    let cpu_us = ran.report.usage.cpu_us;
    assert!((150_000..1_000_000).contains(&cpu_us), "{cpu_us}");
}

#[tokio::test]
async fn a_loop_is_cancelled() {
    let hostile = example("hostile").await;
    let attempt = crime("loop");
    let cancel = attempt.request.cancel.clone();
    let (ran, ()) = tokio::join!(attempt.run(&hostile), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cancel.cancel();
    });
    ran.failure(FailureKind::Cancelled);
    run(crime("good")).await;
}

#[tokio::test]
async fn an_attempt_whose_caller_is_gone_leaves_its_thread() {
    let hostile = example("hostile").await;
    // Twice as many as there are threads: if one of them stayed, the last attempt would get none.
    for _ in 0..8 {
        let attempt = crime("loop").run(&hostile);
        assert!(tokio::time::timeout(Duration::from_millis(20), attempt).await.is_err());
    }
    let good = tokio::time::timeout(PATIENCE, run(crime("good"))).await.unwrap();
    good.output();
}

#[tokio::test]
async fn memory_is_bounded_and_its_refusal_is_the_reason() {
    let ran = run(crime("allocate").limits(|limits| limits.memory_bytes = 64 * MIB)).await;
    let failure = ran.breach("memory_bytes", 64 * MIB);
    assert!(failure.message.contains("asked for more memory"), "{failure}");
    let peak = ran.report.usage.peak_memory_bytes;
    assert!(peak > 32 * MIB && peak <= 64 * MIB, "{peak}");
}

#[tokio::test]
async fn a_guest_that_bears_refusal_goes_on() {
    let ran = run(crime("allocate_politely").limits(|limits| limits.memory_bytes = 64 * MIB)).await;
    let pieces = ran.output().as_u64().unwrap();
    assert!((8..16).contains(&pieces), "{pieces} pieces of 4 MiB fit into 64 MiB");
}

#[tokio::test]
async fn recursion_overflows_the_stack_and_says_so() {
    for phase in ["recurse", "recurse_large"] {
        let ran = run(crime(phase)).await;
        let failure = ran.failure(FailureKind::StackOverflow);
        assert!(failure.message.contains("call stack"), "{phase}: {failure}");
        backtrace(&ran);
    }
}

#[tokio::test]
async fn traps_are_told_apart_from_overflows() {
    let ran = run(crime("unreachable")).await;
    assert!(ran.failure(FailureKind::Trapped).message.contains("unreachable"));
    backtrace(&ran);
    let ran = run(crime("out_of_bounds")).await;
    assert!(ran.failure(FailureKind::Trapped).message.contains("out of bounds"));
    backtrace(&ran);
}

#[tokio::test]
async fn a_panic_is_known_by_its_message() {
    let ran = run(crime("panic")).await;
    let failure = ran.failure(FailureKind::Trapped);
    assert!(failure.message.contains("the dog ate my homework"), "{failure}");
    assert!(failure.message.contains("crimes.rs"), "{failure}");
    let ran = run(crime("panic_huge")).await;
    let failure = ran.breach("log_bytes", MIB);
    assert!(failure.breach.as_ref().unwrap().used > 8 * MIB, "{failure:?}");
    assert!(failure.message.len() < 1_000);
    assert!(ran.report.log.iter().map(|line| line.message.len()).sum::<usize>() < 100_000);
}

#[tokio::test]
async fn logs_are_bounded() {
    for (phase, quota) in [("log_many", 100_000), ("log_empty", 100_000), ("log_huge", 3 * MIB)] {
        let ran = run(crime(phase).limits(|limits| limits.log_bytes = quota)).await;
        ran.breach("log_bytes", quota);
        let kept: usize = ran.report.log.iter().map(|line| line.message.len()).sum();
        assert!(kept as u64 <= quota + 64 * 1024, "{phase}: {kept}");
        assert!(ran.report.log.len() < 10_000, "{phase}: {}", ran.report.log.len());
    }
}

#[tokio::test]
async fn calls_are_bounded_and_progress_is_not_passed_on_at_any_rate() {
    let ran = run(crime("calls_many").limits(|limits| limits.host_calls = 5_000)).await;
    ran.breach("host_calls", 5_000);
    let ran = run(crime("progress_many").limits(|limits| limits.host_calls = 200_000)).await;
    ran.breach("host_calls", 200_000);
    let told = ran.progress.lock().unwrap().len() as u128;
    assert!(told <= ran.took.as_millis() / 10 + 2, "{told} reports in {:?}", ran.took);
}

#[tokio::test]
async fn progress_is_a_fraction_with_a_short_message() {
    let ran = run(crime("progress_odd")).await;
    ran.output();
    for progress in ran.progress.lock().unwrap().iter() {
        assert!((0.0..=1.0).contains(&progress.fraction), "{progress:?}");
        assert!(progress.message.len() < 1_200);
    }
}

#[tokio::test]
async fn outputs_are_bounded() {
    let ran = run(crime("output_huge").limits(|limits| limits.output_bytes = 32 * MIB)).await;
    ran.breach("output_bytes", 32 * MIB);
    let ran = run(crime("file_huge").limits(|limits| limits.output_bytes = 10 * MIB)).await;
    let failure = ran.breach("output_bytes", 10 * MIB);
    assert_eq!(failure.breach.as_ref().unwrap().used, 11 * MIB);
    let ran = run(crime("shared_huge").limits(|limits| limits.output_bytes = 10 * MIB)).await;
    ran.breach("output_bytes", 10 * MIB);
    let ran = run(crime("files_many").limits(|limits| limits.artifacts = 3)).await;
    let failure = ran.breach("artifacts", 3);
    assert_eq!(failure.breach.as_ref().unwrap().used, 4);
}

#[tokio::test]
async fn outputs_are_json_that_fits_its_schema() {
    for (phase, words) in
        [("output_no_json", "EOF"), ("output_deep", "recursion limit"), ("output_misfit", "schema")]
    {
        let ran = run(crime(phase)).await;
        let failure = ran.failure(FailureKind::InvalidOutput);
        assert!(failure.message.contains(words), "{phase}: {failure}");
        assert!(failure.message.contains(phase), "{phase}: {failure}");
        assert!(!failure.problems.is_empty());
    }
    let ran = run(crime("output_misfit")).await;
    let paths: Vec<_> =
        ran.failure(FailureKind::InvalidOutput).problems.iter().map(|p| p.path.as_str()).collect();
    assert!(paths.contains(&"/list/1") && paths.contains(&""), "{paths:?}");
}

#[tokio::test]
async fn what_a_guest_says_of_its_failure_is_cut() {
    let ran = run(crime("error_huge")).await;
    let failure = ran.failure(FailureKind::Failed);
    assert!(failure.message.len() < 5_000 && failure.message.ends_with("(8388608 bytes in all)"));
    let ran = run(crime("problems_many")).await;
    let failure = ran.failure(FailureKind::InvalidInput);
    assert_eq!(failure.problems.len(), 101);
    assert!(failure.problems[100].message.contains("99900 more"), "{:?}", failure.problems[100]);
}

fn answers(ran: &Ran) -> Vec<String> {
    serde_json::from_value(ran.output()).unwrap()
}

#[tokio::test]
async fn only_declared_files_are_written_and_once() {
    let ran = run(crime("files_undeclared")).await;
    for answer in answers(&ran) {
        assert!(answer.contains("NotDeclared"), "{answer}");
    }
    assert!(ran.report.files.is_empty());

    let ran = run(crime("files_twice")).await;
    let expected = ["is finished; nothing more", "is finished already", "was written before"];
    for (answer, words) in answers(&ran).iter().zip(expected) {
        assert!(answer.contains(words), "{answer}");
    }
    assert_eq!(ran.file("0.txt"), b"first");

    let ran = run(crime("files_unfinished")).await;
    assert_eq!(answers(&ran), ["ok", "ok"]);
    let names: Vec<_> = ran.report.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["1.txt"]);

    let ran = run(crime("files_many")).await;
    assert_eq!(ran.report.files.len(), 10);

    let ran = run(crime("files_then_fail")).await;
    assert_eq!(ran.failure(FailureKind::Failed).message, "after all");
    assert_eq!(ran.stored.lock().unwrap().len(), 1, "it was stored, and is not reported");
}

#[tokio::test]
async fn only_declared_files_are_read() {
    let files: [(&str, &[u8]); 3] =
        [("input/a.txt", b"mine"), ("input/secret.txt", b"theirs"), ("secret.txt", b"theirs")];
    let ran = run(crime("reads_undeclared").files(&files)).await;
    let answers = answers(&ran);
    for answer in &answers[..3] {
        assert!(answer.contains("NotDeclared"), "{answer}");
    }
    assert!(answers[3].contains("NotFound"), "{}", answers[3]);
    assert_eq!(answers[4], "ok");
    let large = vec![0; 3 << 20];
    let ran = run(crime("read_huge").files(&[("input/a.txt", &large)])).await;
    assert_eq!(ran.output(), json!([1 << 20, 0, 1 << 20]), "at most 1 MiB at once, and none past the end");
}

#[tokio::test]
async fn only_declared_shared_state_is_touched() {
    let ran = run(crime("shared_undeclared")).await;
    let answers = answers(&ran);
    assert!(answers[0].contains("shared_reads") && answers[1].contains("shared_writes"), "{answers:?}");
    assert!(answers[2].contains("no JSON"), "{answers:?}");
    assert_eq!(answers[3], "ok");
    assert_eq!(ran.report.shared.len(), 1);
}

#[tokio::test]
async fn inputs_are_bounded() {
    let attempt = Attempt::new("good", &json!("x".repeat(1_000))).limits(|limits| limits.input_bytes = 500);
    let ran = run(attempt).await;
    assert_eq!(ran.breach("input_bytes", 500).breach.as_ref().unwrap().used, 1_002);
}

#[tokio::test]
async fn validate_is_short_and_pure() {
    let hostile = example("hostile").await;
    let validate = async |phase: &str| -> Result<usize, Failure> {
        sandbox().validate(&hostile, phase, "null").await.map(|problems| problems.len())
    };
    let failure = validate("validate_loop").await.unwrap_err();
    assert_eq!(failure.breach.unwrap().limit, "cpu_ms");
    let failure = validate("validate_calls").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trapped);
    assert!(failure.message.contains("context.now"), "{failure}");
    let failure = validate("validate_many").await;
    assert!(matches!(failure, Ok(101)) || failure.is_err_and(|f| f.kind == FailureKind::LimitExceeded));
    run(crime("good")).await;
}
