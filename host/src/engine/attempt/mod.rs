//! One attempt: gather what it may see, run it, make what it made durable.
//!
//! A phase is run in the sandbox (`guest`); every other kind of node is the host's own evaluation (`node`).

mod documents;
mod files;
mod guest;
mod key;
mod node;
mod values;

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
pub(crate) use values::{read_value, write_value};

use self::documents::Documents;
use super::{
    core::{AttemptEnd, AttemptOutcome, Launch, Stage},
    plugins::Plugins,
};
use crate::{
    artifacts::BlobStore,
    events::EventBus,
    model::{Digest, Failure, FailureKind, Node, TenantId, Usage, Value},
    sandbox::Sandbox,
    store::BlobRef,
};

/// An array's digest, and the JSON texts of its items.
pub(crate) type Array = (Digest, Arc<[Box<str>]>);

/// So many evaluations are under way at once. Each has its own bound of memory.
pub(crate) const EVALUATIONS: usize = 4;

/// What attempts need of the host. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Executor {
    pub(crate) sandbox: Sandbox,
    pub(crate) plugins: Plugins,
    pub(crate) blobs: BlobStore,
    pub(crate) bus: EventBus,
    /// The array that items were last taken from: a wide map asks for the same again and again.
    pub(crate) array: Arc<Mutex<Option<Array>>>,
    /// Places for evaluations of what tenants wrote.
    pub(crate) evaluations: Arc<Semaphore>,
}

impl Executor {
    /// Run an attempt to its end. Whatever goes wrong is in the answer.
    pub(crate) async fn run(&self, launch: Launch, cancel: CancellationToken) -> AttemptEnd {
        let _session = self.blobs.session();
        match self.try_run(&launch, cancel).await {
            Ok(end) => end,
            Err(failure) => {
                AttemptEnd { result: Err(failure), usage: Usage::default(), log: None, blobs: Vec::new() }
            }
        }
    }

    async fn try_run(&self, launch: &Launch, cancel: CancellationToken) -> Result<AttemptEnd, Failure> {
        let documents = Documents::gather(self, launch).await?;
        let opens = matches!(launch.stage, Stage::Open);
        if let Some(text) = launch.definition().skip_when.as_deref().filter(|_| opens)
            && self.evaluate(|| documents.holds(text)).await?
        {
            return Ok(ended(AttemptOutcome::Skipped(format!("{text} holds"))));
        }
        match launch.definition().node() {
            Some(Node::Phase(phase)) => self.guest(launch, phase, &documents, cancel).await,
            Some(node) => self.node(launch, node, &documents).await,
            None => Err(Failure::new(FailureKind::Host, "the plan's step does nothing, or several things")),
        }
    }

    /// Evaluate what a tenant wrote: away from the threads that serve everybody, and few at once, since each may take as
    /// much memory as its bounds allow (law 5).
    async fn evaluate<T>(&self, evaluate: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
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

/// An attempt that ended well without having run anything.
fn ended(outcome: AttemptOutcome) -> AttemptEnd {
    AttemptEnd { result: Ok(outcome), usage: Usage::default(), log: None, blobs: Vec::new() }
}
