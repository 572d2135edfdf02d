//! One attempt: gather what it may see, run it, make what it made durable.
//!
//! A phase is run in the sandbox (`guest`); every other kind of node is the host's own evaluation (`node`).

mod arrays;
mod documents;
mod files;
mod guest;
mod key;
mod memory;
mod node;
mod progress;
mod values;

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};

use futures::FutureExt as _;
use tokio::{runtime::Handle, sync::Semaphore};
use tokio_util::sync::CancellationToken;
pub(crate) use values::{read_value, write_value};

pub(crate) use self::{
    arrays::Arrays,
    memory::{Memory, Room},
};
use self::{documents::Documents, memory::made_of};
use super::{
    cache::Cache,
    core::{AttemptEnd, AttemptOutcome, Document, Launch, Stage},
    driver::Durable,
    expression::Expression,
    plugins::Plugins,
};
use crate::{
    artifacts::BlobStore,
    events::EventBus,
    model::{Failure, FailureKind, Mapping, Node, TenantId, Usage, Value},
    sandbox::Sandbox,
    store::BlobRef,
};

/// So many evaluations are under way at once. Each has its own bound of memory.
pub(crate) const EVALUATIONS: usize = 4;

/// What attempts need of the host. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Executor {
    pub(crate) sandbox: Sandbox,
    pub(crate) plugins: Plugins,
    pub(crate) blobs: BlobStore,
    pub(crate) bus: EventBus,
    /// The arrays that items were last taken from.
    pub(crate) arrays: Arc<Mutex<Arrays>>,
    /// Places for evaluations of what tenants wrote.
    pub(crate) evaluations: Arc<Semaphore>,
    /// Room for the documents that they read and make.
    pub(crate) memory: Memory,
    /// Parsed expressions, by their texts.
    pub(crate) expressions: Expressions,
    /// The threads that hold the connections to the database, and start processes.
    pub(crate) main: Handle,
}

/// Expressions whose texts have so many bytes together are kept parsed.
const EXPRESSIONS_KEPT: usize = 1 << 20;

/// Parsed expressions, by their texts.
pub(crate) type Expressions = Cache<Arc<str>, Expression>;

/// None yet.
pub(crate) fn expressions() -> Expressions {
    Cache::new(EXPRESSIONS_KEPT)
}

impl Executor {
    /// Run an attempt to its end, phases on the guests' threads. Whatever goes wrong is in the answer, which `done` takes.
    ///
    /// `durable` says when what it was launched from is: before that, nothing of it may leave the host.
    pub(crate) fn spawn(
        &self,
        launch: Launch,
        durable: Durable,
        cancel: CancellationToken,
        done: impl FnOnce(AttemptEnd) + Send + 'static,
    ) {
        let executor = self.clone();
        let runs_guest = matches!(launch.definition().node(), Some(Node::Phase(_)));
        // On the heap: a task that is handed over is moved.
        let run = Box::pin(async move { executor.run(launch, durable, cancel).await });
        let attempt = async move { done(guarded(run).await) };
        if runs_guest { self.sandbox.spawn(attempt) } else { drop(tokio::spawn(attempt)) }
    }

    async fn run(&self, launch: Launch, durable: Durable, cancel: CancellationToken) -> AttemptEnd {
        let _session = self.blobs.session();
        match self.try_run(&launch, durable, cancel).await {
            Ok(end) => end,
            Err(failure) => {
                AttemptEnd { result: Err(failure), usage: Usage::default(), log: None, blobs: Vec::new() }
            }
        }
    }

    async fn try_run(
        &self,
        launch: &Launch,
        durable: Durable,
        cancel: CancellationToken,
    ) -> Result<AttemptEnd, Failure> {
        let read = Documents::size(&launch.documents)?;
        let room = self.memory.room(read + self.may_make(launch, read)?).await?;
        let documents = Documents::gather(self, launch).await?;
        let opens = matches!(launch.stage, Stage::Open);
        if let Some(text) = launch.definition().skip_when.as_deref().filter(|_| opens)
            && self.evaluate(|| documents.holds(text)).await?
        {
            return Ok(ended(AttemptOutcome::Skipped(format!("{text} holds"))));
        }
        match launch.definition().node() {
            Some(Node::Phase(phase)) => self.guest(launch, phase, (documents, room), durable, cancel).await,
            Some(node) => self.node(launch, node, &documents).await,
            None => Err(Failure::new(FailureKind::Host, "the plan's step does nothing, or several things")),
        }
    }

    /// What an attempt may make in memory of documents of that size, at the most.
    fn may_make(&self, launch: &Launch, read: u64) -> Result<u64, Failure> {
        let expressions = |mapping: &Mapping| match mapping {
            Mapping::Whole(_) => 1,
            Mapping::Keys(keys) => keys.len(),
        };
        let input = || launch.definition().input.as_ref().map_or(1, expressions);
        let made = match (&launch.stage, launch.definition().node()) {
            (_, Some(Node::Phase(_))) | (Stage::Open, Some(Node::Workflow(_))) => made_of(read, input()),
            (_, Some(Node::Transform(mapping))) => made_of(read, expressions(mapping)),
            (_, Some(Node::Join(_))) => read,
            (Stage::Close(children), Some(Node::Map(_))) => node::size_of_results(children)?,
            (Stage::Close(children), Some(Node::Workflow(_))) => match launch.inner_output() {
                Some(output) => made_of(read, expressions(output)),
                None => node::size_of_outputs(children)?,
            },
            _ => made_of(read, 1),
        };
        // An element is taken out of its array as a copy.
        let elements = launch.documents.values().map(|document| match document {
            Document::Element(array, _) => array.size(),
            _ => 0,
        });
        Ok(made + elements.sum::<u64>())
    }

    /// Evaluate what a tenant wrote: away from the threads that serve everybody, and few at once, since each may take as
    /// much memory as its bounds allow (law 5).
    pub(crate) async fn evaluate<T>(
        &self,
        evaluate: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let closed = |_| Failure::new(FailureKind::Host, "the host is shutting down");
        let _place = self.evaluations.acquire().await.map_err(closed)?;
        tokio::task::block_in_place(evaluate)
    }

    async fn text(&self, tenant: &TenantId, value: &Value) -> Result<String, Failure> {
        read_value(&self.blobs, tenant, value)
            .await
            .map_err(|error| Failure::new(FailureKind::Host, format!("a value cannot be read: {error}")))
    }

    async fn value(
        &self,
        tenant: &TenantId,
        json: String,
        named: &mut Vec<BlobRef>,
    ) -> Result<Value, Failure> {
        let value = write_value(&self.blobs, tenant, json).await.map_err(|error| {
            Failure::new(FailureKind::Host, format!("a result cannot be stored: {error}"))
        })?;
        if let Value::Blob { blob, size } = value {
            named.push(BlobRef { digest: blob, size });
        }
        Ok(value)
    }
}

/// An attempt's end, also if it comes to none: its step would stay running, and keep its place, for ever.
async fn guarded(attempt: impl Future<Output = AttemptEnd>) -> AttemptEnd {
    AssertUnwindSafe(attempt).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("an attempt has met a defect of the host (see the panic above); it counts as failed");
        let failure = Failure::new(FailureKind::Host, "a defect of the host ended the attempt; see its log");
        AttemptEnd { result: Err(failure), usage: Usage::default(), log: None, blobs: Vec::new() }
    })
}

/// An attempt that ended well without having run anything.
fn ended(outcome: AttemptOutcome) -> AttemptEnd {
    AttemptEnd { result: Ok(outcome), usage: Usage::default(), log: None, blobs: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_attempt_that_panics_has_failed() {
        let end = guarded(async { panic!("a defect") }).await;
        assert_eq!(end.result.map_err(|failure| failure.kind).err(), Some(FailureKind::Host));
    }
}
