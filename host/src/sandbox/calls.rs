//! How a guest's calls of granted imports reach whoever answers them. The engine implements this over the attempt's
//! journal.

use futures::future::BoxFuture;
use serde_json::Value;

use crate::model::{Digest, Failure, HostCallKind};

/// A guest's call of a granted import, to be journaled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCall {
    /// What it asks for.
    pub kind: HostCallKind,
    /// JSON, checked, with the keys of each object in order: how the guest wrote it down makes no difference.
    pub request: String,
}

impl HostCall {
    /// A call with this request.
    pub fn new(kind: HostCallKind, mut request: Value) -> Self {
        request.sort_all_objects();
        Self { kind, request: request.to_string() }
    }

    /// Of the request: what a replay is compared by.
    pub fn digest(&self) -> Digest {
        Digest::of(self.request.as_bytes())
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostAnswer {
    /// JSON, or the error that the guest gets.
    Answered(Result<String, String>),
    /// Nobody has answered yet: the instance is dropped, and the attempt is replayed on the answer.
    Suspend,
}

/// Answers calls; behind it is the attempt's journal.
pub trait HostCalls: Send {
    /// Answer a call. The guest's wall time does not pass meanwhile. An answer is durable in the journal before this
    /// returns it; a call that is there already is not made again.
    ///
    /// # Errors
    /// What ends the attempt: the replay differs from the journal, or the journal cannot be written.
    fn call(&mut self, call: HostCall) -> BoxFuture<'_, Result<HostAnswer, Failure>>;

    /// The guest has returned: look whether every journaled call was made again.
    ///
    /// # Errors
    /// If one was not.
    fn finish(&mut self) -> Result<(), Failure>;
}
