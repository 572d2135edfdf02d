//! A phase asks a person: it ends while nobody has answered, and its replay is the same as if it had waited.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use futures::future::BoxFuture;
use heddle::{
    model::{Capability, Decision, Digest, Failure, FailureKind, HostCallKind},
    sandbox::{
        FileEntry, FileWriter, Files, GuestOutcome, HostAnswer, HostCall, HostCalls, Journal, JournalEntry,
        LoadedPlugin, Sandbox,
    },
};
use heddle_tests::PATIENCE;
use serde_json::{Value, json};

use crate::support::{Attempt, Ran, config, example};

const MIB: u64 = 1 << 20;

type Answer = Result<String, String>;

fn answer(decision: &Decision) -> Answer {
    Ok(serde_json::to_string(decision).unwrap())
}

/// Somebody who answers at once, after a while, or never; and remembers what was asked.
#[derive(Clone, Default)]
struct Person {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<HostCall>>>,
    after: Duration,
}

impl Person {
    fn with(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        Self { answers, ..Self::default() }
    }

    fn asked(&self) -> Vec<HostCall> {
        self.asked.lock().unwrap().clone()
    }
}

impl HostCalls for Person {
    fn call(&mut self, call: HostCall) -> BoxFuture<'_, Result<HostAnswer, Failure>> {
        self.asked.lock().unwrap().push(call);
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async move {
            tokio::time::sleep(self.after).await;
            Ok(answer.map_or(HostAnswer::Suspend, HostAnswer::Answered))
        })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Somebody who approves whatever comes.
struct YesMan;

impl HostCalls for YesMan {
    fn call(&mut self, _: HostCall) -> BoxFuture<'_, Result<HostAnswer, Failure>> {
        Box::pin(async { Ok(HostAnswer::Answered(answer(&Decision::by_person("approve")))) })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

fn asking(phase: &str, input: &Value, calls: impl HostCalls + 'static) -> Attempt {
    Attempt::new(phase, input).with(|request| {
        request.granted = Arc::new([Capability::Approvals].into());
        request.calls = Box::new(calls);
    })
}

fn entry(call: &HostCall, answer: Option<Answer>) -> JournalEntry {
    JournalEntry { kind: call.kind, request_digest: call.digest(), answer }
}

fn journal(entries: Vec<JournalEntry>) -> Arc<Mutex<Journal>> {
    Arc::new(Mutex::new(Journal::new(entries)))
}

#[track_caller]
fn suspended(ran: &Ran) {
    assert_eq!(ran.report.result, Ok(GuestOutcome::Suspended), "{:?}", ran.report.log);
    assert!(ran.report.files.is_empty() && ran.report.shared.is_empty(), "{:?}", ran.report);
}

/// What one can see of an execution from outside, but for its times.
fn seen(ran: &Ran) -> (String, Vec<u8>, Vec<String>, [u64; 2]) {
    let Ok(GuestOutcome::Completed(output)) = &ran.report.result else { panic!("{:?}", ran.report.result) };
    let log = ran.report.log.iter().map(|line| line.message.clone()).collect();
    let usage = ran.report.usage;
    (output.clone(), ran.file("question.json"), log, [usage.host_calls, usage.output_bytes])
}

#[tokio::test]
async fn only_what_was_granted_can_be_asked() {
    let echo = example("echo").await;
    assert_eq!(echo.needs("ask").unwrap(), [Capability::Approvals].into());
    assert!(echo.needs("noop").unwrap().is_empty());
    let ran = Attempt::new("ask", &Value::Null).run(&echo).await;
    let message = &ran.failure(FailureKind::PluginUnavailable).message;
    assert!(message.contains("phase ask of plugin echo"), "{message}");
    assert!(message.contains("`heddle plugin grant echo approvals`"), "{message}");
    assert_eq!(ran.report.usage.host_calls, 0, "the guest was not called");

    // The other phases of the component do not ask, and run without.
    Attempt::new("noop", &Value::Null).run(&echo).await.output();
    suspended(&asking("ask", &Value::Null, Person::default()).run(&echo).await);
}

#[tokio::test]
async fn a_phase_asks_only_if_it_declares_that() {
    let hostile = example("hostile").await;
    let asked = Person::default();
    let granted = asking("ask_undeclared", &Value::Null, asked.clone());
    for attempt in [granted, Attempt::new("ask_undeclared", &Value::Null)] {
        let ran = attempt.run(&hostile).await;
        let message = &ran.failure(FailureKind::PluginUnavailable).message;
        assert!(message.contains("phase ask_undeclared called approvals.request"), "{message}");
    }
    assert!(asked.asked().is_empty());
}

#[test]
fn a_plugin_that_does_not_ask_does_not_import_it() {
    let imports = |path: &str| {
        let bytes = std::fs::read(heddle_tests::plugin(path)).unwrap();
        let name = b"heddle:plugin/approvals";
        bytes.windows(name.len()).any(|window| window == name)
    };
    assert!(imports("examples/echo"));
    assert!(!imports("ticket-analysis"), "the SDK has the function, and this plugin never calls it");
}

#[tokio::test]
async fn a_replay_gives_the_same_bytes_as_one_that_was_never_interrupted() {
    let input = json!({ "x": [1, "ä"] });
    let decision = answer(&Decision::by_person("approve").feedback("sehr schön"));
    let mut all = Vec::new();
    for plugin in ["echo", "echo-wasip2"] {
        let plugin = example(plugin).await;
        let there = Person::with([decision.clone()]);
        let uninterrupted = asking("ask", &input, there.clone()).run(&plugin).await;
        assert_eq!(
            uninterrupted.output()["decisions"],
            json!([{ "option": "approve", "feedback": "sehr schön", "decided_by": "person" }])
        );

        // Nobody is there.
        let first = journal(Vec::new());
        let ran = asking("ask", &input, first.clone()).run(&plugin).await;
        suspended(&ran);
        let log: Vec<_> = ran.report.log.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(log, ["asking, 1 of 1"], "what it logged so far, and no backtrace");
        assert_eq!(ran.progress.lock().unwrap().last().unwrap().fraction, 0.5);
        assert!(ran.report.usage.host_calls > 3 && ran.report.usage.peak_memory_bytes > 0);
        assert_eq!(ran.stored.lock().unwrap().len(), 1, "it had written a file, which is discarded");
        let calls = first.lock().unwrap().new_calls().to_vec();
        assert_eq!(calls, there.asked());
        let request: Value = serde_json::from_str(&calls[0].request).unwrap();
        assert_eq!(request["title"], "Shall this go on?");
        assert_eq!(request["options"][1], json!({ "name": "reject", "label": "Reject" }));

        // The host was restarted, and still nobody has answered: the question is not asked once more.
        let again = journal(vec![entry(&calls[0], None)]);
        suspended(&asking("ask", &input, again.clone()).run(&plugin).await);
        assert!(again.lock().unwrap().new_calls().is_empty());

        let answered = journal(vec![entry(&calls[0], Some(decision.clone()))]);
        let replayed = asking("ask", &input, answered.clone()).run(&plugin).await;
        assert!(answered.lock().unwrap().new_calls().is_empty(), "a journaled call is never made again");
        assert_eq!(seen(&replayed), seen(&uninterrupted));
        all.push(seen(&replayed));
    }
    assert_eq!(all[0].0, all[1].0, "with WASI or without");
}

#[tokio::test]
async fn several_questions_are_replayed_one_after_the_other() {
    let echo = example("echo").await;
    let attempt = |calls: Arc<Mutex<Journal>>| {
        asking("ask", &json!(7), calls)
            .with(|request| request.config = r#"{"rounds": 3}"#.to_owned())
            .run(&echo)
    };
    let decisions = [
        Decision::by_person("again").feedback("after lunch"),
        Decision::by_deadline("again"),
        Decision::by_person("reject"),
    ];
    let mut entries: Vec<JournalEntry> = Vec::new();
    for decision in &decisions {
        let journal = journal(entries.clone());
        suspended(&attempt(journal.clone()).await);
        let new = journal.lock().unwrap().new_calls().to_vec();
        assert_eq!(new.len(), 1, "only what was not asked before is new");
        assert_eq!(new[0].request.contains("after lunch"), entries.len() == 1, "{}", new[0].request);
        entries.push(entry(&new[0], Some(answer(decision))));
    }
    let digests: std::collections::BTreeSet<_> =
        entries.iter().map(|entry| entry.request_digest.to_string()).collect();
    assert_eq!(digests.len(), 3, "three different questions");
    let ran = attempt(journal(entries)).await;
    assert_eq!(ran.output()["decisions"], json!(decisions));
    assert_eq!(ran.report.log.len(), 3);
}

#[tokio::test]
async fn an_answer_may_be_an_error() {
    let echo = example("echo").await;
    let nobody = Person::with([Err("nobody decided within 60 seconds".to_owned())]);
    let ran = asking("ask", &Value::Null, nobody).run(&echo).await;
    assert_eq!(ran.failure(FailureKind::Failed).message, "nobody decided within 60 seconds");
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_to_the_guest_and_to_nobody_else() {
    let hostile = example("hostile").await;
    let person = Person::default();
    let ran = asking("ask_nonsense", &Value::Null, person.clone()).run(&hostile).await;
    let told = ran.output();
    let expected = [
        "EOF",
        "EOF",
        "no JSON object",
        "missing field `title`",
        "/title: it has 201 characters",
        "unknown field `colour`",
        "/options: there are 0",
        "/input_schema: the schema cannot be used",
        "has 1048602 bytes; at most 524288",
        "recursion limit",
    ];
    assert_eq!(told.as_array().unwrap().len(), expected.len());
    for (told, expected) in told.as_array().unwrap().iter().zip(expected) {
        let told = told.as_str().unwrap();
        assert!(told.contains("cannot be requested") && told.contains(expected), "{expected}: {told}");
    }
    assert!(person.asked().is_empty());
}

#[tokio::test]
async fn a_replay_of_something_else_is_a_divergence() {
    let echo = example("echo").await;
    let yes = answer(&Decision::by_person("approve"));
    let first = journal(Vec::new());
    suspended(&asking("ask", &json!("one thing"), first.clone()).run(&echo).await);
    let call = first.lock().unwrap().new_calls()[0].clone();

    // Of another input: the host would have broken its word.
    let entries = vec![entry(&call, Some(yes.clone()))];
    let ran = asking("ask", &json!("another thing"), journal(entries.clone())).run(&echo).await;
    let message = &ran.failure(FailureKind::Nondeterminism).message;
    for part in ["host call 1 was approval ", &call.digest().to_string()[..12], "another thing"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    assert!(ran.report.files.is_empty());

    // Of a journal in which there is more.
    let other = HostCall::new(HostCallKind::Approval, json!({ "title": "And then?" }));
    for left in [Some(yes), None] {
        let mut entries = entries.clone();
        entries.push(entry(&other, left));
        let ran = asking("ask", &json!("one thing"), journal(entries)).run(&echo).await;
        let message = &ran.failure(FailureKind::Nondeterminism).message;
        assert!(message.contains("host call 2") && message.contains("was not made"), "{message}");
        assert!(ran.report.files.is_empty(), "a step that diverged makes no artifacts");
    }
    assert!(!FailureKind::Nondeterminism.is_retryable());
}

/// Storage that works the first time, and fails ever after.
struct WornOut {
    entries: Vec<FileEntry>,
    works: bool,
}

impl Files for WornOut {
    fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    fn read(&mut self, _: &str, _: u64, _: u32) -> io::Result<Vec<u8>> {
        if self.works { Ok(b"42".to_vec()) } else { Err(io::Error::other("the disk is worn out")) }
    }

    fn create(&mut self) -> io::Result<Box<dyn FileWriter>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[tokio::test]
async fn a_fault_of_storage_during_a_replay_is_the_hosts_and_nothing_that_a_guest_learns() {
    let hostile = example("hostile").await;
    let attempt = |works, calls: Arc<Mutex<Journal>>| {
        let entry = FileEntry {
            name: "input/a.txt".to_owned(),
            media_type: "text/plain".to_owned(),
            size: 2,
            digest: Digest::of(b"42"),
        };
        let files = Box::new(WornOut { entries: vec![entry], works });
        asking("ask_what_was_read", &Value::Null, calls).with(|request| request.files = files).run(&hostile)
    };
    let first = journal(Vec::new());
    suspended(&attempt(true, first.clone()).await);
    let call = first.lock().unwrap().new_calls()[0].clone();
    assert!(call.request.contains("Is 42 right?"), "{}", call.request);
    let entries = vec![entry(&call, Some(answer(&Decision::by_person("approve"))))];
    let ran = attempt(false, journal(entries.clone())).await;
    // It would have asked whether to go on with nothing, and the replay would have diverged for good.
    let message = &ran.failure(FailureKind::Host).message;
    assert!(message.contains("\"input/a.txt\" could not be read"), "{message}");
    // The same journal, with storage that works: nothing is wrong with it.
    assert_eq!(attempt(true, journal(entries)).await.output(), json!(["ok"]));
}

/// The attempt's calls, and a sign that they are still there.
struct Watched(#[allow(dead_code, reason = "it is there to be dropped")] Arc<()>);

impl HostCalls for Watched {
    fn call(&mut self, _: HostCall) -> BoxFuture<'_, Result<HostAnswer, Failure>> {
        Box::pin(async { Ok(HostAnswer::Suspend) })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test]
async fn a_suspended_instance_takes_no_place_and_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir);
    // A pool of one: if an instance were still there, the next one would find no place.
    config.max_instances = 1;
    let sandbox = Sandbox::new(config).unwrap();
    let plugin = sandbox.load_file(&heddle_tests::plugin("examples/hostile")).await.unwrap();
    for _ in 0..20 {
        let sign = Arc::new(());
        let gone: Weak<()> = Arc::downgrade(&sign);
        let attempt = asking("ask_holding", &Value::Null, Watched(sign));
        let report = sandbox.execute(&plugin, attempt.request).await;
        assert_eq!(report.result, Ok(GuestOutcome::Suspended));
        assert!(report.usage.peak_memory_bytes > 64 * MIB, "{:?}", report.usage);
        assert!(gone.upgrade().is_none(), "the store is dropped when the report comes");
    }
    let good = sandbox.execute(&plugin, Attempt::new("good", &Value::Null).request).await;
    assert_eq!(good.result, Ok(GuestOutcome::Completed(r#"{"good":true}"#.to_owned())));
}

async fn answered_after(after: Duration, plugin: &Arc<LoadedPlugin>, wall_ms: u64) -> Ran {
    let person = Person { after, ..Person::with([answer(&Decision::by_person("approve"))]) };
    asking("ask", &Value::Null, person).limits(|limits| limits.wall_ms = wall_ms).run(plugin).await
}

#[tokio::test]
async fn waiting_for_an_answer_is_not_the_guests_time() {
    let echo = example("echo").await;
    let ran = answered_after(Duration::from_millis(3_000), &echo, 2_500).await;
    ran.output();
    assert!(
        ran.report.usage.wall_us >= 3_000_000 && ran.report.usage.cpu_us < 2_500_000,
        "{:?}",
        ran.report.usage
    );
}

#[tokio::test]
async fn a_guest_that_waits_is_cancelled_at_once() {
    let echo = example("echo").await;
    let person = Person { after: 4 * PATIENCE, ..Person::default() };
    let attempt = asking("ask", &Value::Null, person);
    let cancel = attempt.request.cancel.clone();
    let (ran, ()) = tokio::join!(attempt.run(&echo), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cancel.cancel();
    });
    ran.failure(FailureKind::Cancelled);
    assert!(ran.took < PATIENCE, "{:?}", ran.took);
}

#[tokio::test]
async fn questions_are_bounded_in_number_and_size() {
    let hostile = example("hostile").await;
    let ask = |phase| asking(phase, &Value::Null, YesMan);
    let ran = ask("ask_many").limits(|limits| limits.host_calls = 50).run(&hostile).await;
    ran.breach("host_calls", 50);
    assert_eq!(ran.report.usage.host_calls, 51, "each question is a call");
    let ran = ask("ask_many").limits(|limits| limits.journal_bytes = 20_000).run(&hostile).await;
    ran.breach("journal_bytes", 20_000);
    assert!(
        (18..21).contains(&ran.report.usage.host_calls),
        "1 KiB and a few bytes each: {:?}",
        ran.report.usage
    );
    let failure = ask("ask_huge").run(&hostile).await.breach("journal_bytes", 4 * MIB).clone();
    assert!(failure.breach.unwrap().used > 8 * MIB);
}

/// A journal that cannot be written.
struct Broken;

impl HostCalls for Broken {
    fn call(&mut self, _: HostCall) -> BoxFuture<'_, Result<HostAnswer, Failure>> {
        Box::pin(async { Err(Failure::new(FailureKind::Host, "the journal cannot be written")) })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test]
async fn a_journal_that_fails_ends_the_attempt_and_not_the_phase() {
    let echo = example("echo").await;
    let ran = asking("ask", &Value::Null, Broken).run(&echo).await;
    assert_eq!(ran.failure(FailureKind::Host).message, "the journal cannot be written");
}
