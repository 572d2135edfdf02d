//! The journal of one attempt's host calls, and its replay (law 7): a journaled call is never made again, and a replay
//! that differs is not let go on.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, ready};

use super::{HostAnswer, HostCall, HostCalls, log::excerpt};
use crate::model::{Digest, Failure, FailureKind, HostCallKind};

/// As much of a request is in a message, in bytes.
const REQUEST_SHOWN: usize = 200;
/// As many digits of a digest.
const DIGITS: usize = 12;

/// A call that was journaled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// What it asked for.
    pub kind: HostCallKind,
    /// [`HostCall::digest`] of what it said.
    pub request_digest: Digest,
    /// JSON, or the error that the guest gets; absent while nobody has answered.
    pub answer: Option<Result<String, String>>,
}

/// What the journal says to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// It was made and answered before. It is not made again.
    Answered(Result<String, String>),
    /// It was made before, and nobody has answered.
    Unanswered,
    /// It was never made. It is among [`Journal::new_calls`] now.
    New,
}

/// The calls of one attempt in their order: those of earlier executions, and those that this one adds.
#[derive(Debug, Default)]
pub struct Journal {
    entries: Vec<JournalEntry>,
    /// Calls that this execution has made.
    made: usize,
    new: Vec<HostCall>,
}

impl Journal {
    /// The journal of an attempt as it was stored, by number.
    pub fn new(entries: Vec<JournalEntry>) -> Self {
        Self { entries, made: 0, new: Vec::new() }
    }

    /// The guest makes its next call.
    ///
    /// # Errors
    /// [`FailureKind::Nondeterminism`] if it is another one than the journal has at this place.
    pub fn replay(&mut self, call: HostCall) -> Result<Replayed, Failure> {
        let number = self.made + 1;
        let Some(entry) = self.entries.get(self.made) else {
            // One that was added by this execution counts as well when it is answered later.
            self.made = number;
            self.entries.push(JournalEntry { kind: call.kind, request_digest: call.digest(), answer: None });
            self.new.push(call);
            return Ok(Replayed::New);
        };
        let digest = call.digest();
        if (entry.kind, entry.request_digest) != (call.kind, digest) {
            let request = excerpt(&call.request, REQUEST_SHOWN);
            return Err(differs(format_args!(
                "host call {number} was {}, and now is {}: {request}",
                shown(entry.kind, &entry.request_digest),
                shown(call.kind, &digest),
            )));
        }
        self.made = number;
        Ok(match &entry.answer {
            Some(answer) => Replayed::Answered(answer.clone()),
            None => Replayed::Unanswered,
        })
    }

    /// The guest has returned.
    ///
    /// # Errors
    /// [`FailureKind::Nondeterminism`] if there is a journaled call that it did not make again.
    pub fn finish(&self) -> Result<(), Failure> {
        let Some(entry) = self.entries.get(self.made) else { return Ok(()) };
        Err(differs(format_args!(
            "the phase ended after {} host calls of {}: host call {} was {}, and now was not made",
            self.made,
            self.entries.len(),
            self.made + 1,
            shown(entry.kind, &entry.request_digest),
        )))
    }

    /// The calls that this execution has added, in their order: they are to be stored after the entries that the
    /// journal was made with.
    pub fn new_calls(&self) -> &[HostCall] {
        &self.new
    }
}

fn shown(kind: HostCallKind, digest: &Digest) -> String {
    format!("{kind} {}", &digest.to_string()[..DIGITS])
}

fn differs(what: std::fmt::Arguments<'_>) -> Failure {
    let message = format!(
        "the replay differs from the journal: {what}; a phase must ask the same whenever it has seen the same, so what \
         it asks may depend on nothing but its input, its files and what the context gives"
    );
    Failure::new(FailureKind::Nondeterminism, message)
}

/// Calls that nothing but the journal answers: one that it has no answer to suspends the attempt. The caller keeps the
/// other end, to store [`Journal::new_calls`].
impl HostCalls for Arc<Mutex<Journal>> {
    fn call(&mut self, call: HostCall) -> BoxFuture<'_, Result<HostAnswer, Failure>> {
        let replayed = self.lock().unwrap_or_else(PoisonError::into_inner).replay(call);
        Box::pin(ready(replayed.map(|replayed| match replayed {
            Replayed::Answered(answer) => HostAnswer::Answered(answer),
            Replayed::Unanswered | Replayed::New => HostAnswer::Suspend,
        })))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.lock().unwrap_or_else(PoisonError::into_inner).finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::{Value, json};

    use super::*;

    fn call(request: Value) -> HostCall {
        HostCall::new(HostCallKind::Approval, request)
    }

    fn entry(request: Value, answer: Option<Result<&str, &str>>) -> JournalEntry {
        let answer = answer.map(|answer| answer.map(str::to_owned).map_err(str::to_owned));
        JournalEntry { kind: HostCallKind::Approval, request_digest: call(request).digest(), answer }
    }

    #[test]
    fn how_a_request_is_written_down_makes_no_difference() {
        let parse = |text: &str| call(serde_json::from_str(text).unwrap());
        let one = parse(r#"{"title":"t","options":[{"name":"a","label":"ä"}]}"#);
        let other =
            parse("{ \"options\": [ { \"label\": \"\\u00e4\", \"name\": \"a\" } ],\n\"title\": \"t\" }");
        assert_eq!(one, other);
        assert_eq!(one.digest(), other.digest());
        let order = |text: &str| parse(text).digest();
        assert_ne!(order("[1, 2]"), order("[2, 1]"), "the order of a list does");
    }

    #[test]
    fn answered_calls_are_answered_from_the_journal_and_new_ones_are_kept() {
        let mut journal = Journal::new(vec![
            entry(json!({ "title": "one" }), Some(Ok("1"))),
            entry(json!({ "title": "two" }), Some(Err("nobody came"))),
            entry(json!({ "title": "three" }), None),
        ]);
        let mut replay = |title: &str| journal.replay(call(json!({ "title": title }))).unwrap();
        assert_eq!(replay("one"), Replayed::Answered(Ok("1".to_owned())));
        assert_eq!(replay("two"), Replayed::Answered(Err("nobody came".to_owned())));
        assert_eq!(replay("three"), Replayed::Unanswered);
        assert_eq!(replay("four"), Replayed::New);
        assert_eq!(replay("four"), Replayed::New, "another call, though it says the same");
        assert_eq!(journal.new_calls(), [call(json!({ "title": "four" })), call(json!({ "title": "four" }))]);
        assert_eq!(journal.finish(), Ok(()));
    }

    #[test]
    fn the_first_call_that_differs_is_named() {
        let entries = || vec![entry(json!({ "title": "one" }), Some(Ok("1"))), entry(json!({}), None)];
        let mut journal = Journal::new(entries());
        journal.replay(call(json!({ "title": "one" }))).unwrap();
        let other = json!({ "title": "x".repeat(1_000) });
        let failure = journal.replay(call(other.clone())).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Nondeterminism);
        let (was, is) = (call(json!({})).digest().to_string(), call(other).digest().to_string());
        for part in
            ["host call 2", &format!("was approval {}", &was[..12]), &format!("is approval {}", &is[..12])]
        {
            assert!(failure.message.contains(part), "{part} is not in {failure}");
        }
        assert!(failure.message.contains("xxx") && failure.message.len() < 1_000, "{failure}");
        assert!(journal.new_calls().is_empty(), "what differs is not stored");

        // The same calls in another order differ as well.
        let failure = Journal::new(entries()).replay(call(json!({}))).unwrap_err();
        assert!(failure.message.contains("host call 1 "), "{failure}");
    }

    #[test]
    fn calls_that_are_not_made_again_are_named() {
        let mut journal = Journal::new(vec![
            entry(json!(1), Some(Ok("1"))),
            entry(json!(2), Some(Ok("2"))),
            entry(json!(3), None),
        ]);
        journal.replay(call(json!(1))).unwrap();
        let failure = journal.finish().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Nondeterminism);
        for part in ["after 1 host calls of 3", "host call 2", &call(json!(2)).digest().to_string()[..12]] {
            assert!(failure.message.contains(part), "{part} is not in {failure}");
        }
    }

    #[test]
    fn without_an_answer_the_attempt_is_suspended() {
        let journal = Arc::new(Mutex::new(Journal::new(vec![entry(json!(1), Some(Ok("1")))])));
        let mut calls = Arc::clone(&journal);
        let answer = calls.call(call(json!(1))).now_or_never().unwrap();
        assert_eq!(answer, Ok(HostAnswer::Answered(Ok("1".to_owned()))));
        assert_eq!(calls.call(call(json!(2))).now_or_never().unwrap(), Ok(HostAnswer::Suspend));
        assert_eq!(journal.lock().unwrap().new_calls(), [call(json!(2))]);
    }
}
