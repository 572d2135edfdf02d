//! What the documents of attempts may take of the host's memory (law 5): each is counted before it is read and while it
//! is made, and all that are in memory at once share one pool, weighed by their size.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::{Failure, FailureKind};

/// The largest value that the host itself makes for a tenant, as JSON text: a node's output, what a phase or a part is
/// given by its mapping, a run's output. As large as the largest input of a phase.
pub(crate) const VALUE_BYTES: u64 = 128 << 20;
/// The documents that one step reads, together, as JSON text. As large as the largest output that a phase has which asks
/// for no more.
pub(crate) const DOCUMENTS_BYTES: u64 = 256 << 20;
/// All documents that are read and made at once, by all attempts together. A step that finds no room waits for it.
const POOL_BYTES: u32 = 1 << 30;
/// One who asks for an output waits so long for its room.
const PATIENCE: Duration = Duration::from_secs(10);
/// What an expression that computes may make, whatever it reads: as in [`crate::engine::expression`].
const COMPUTED_BYTES: u64 = 8 << 20;

/// A pool of memory. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    pool: Arc<Semaphore>,
    patience: Option<Duration>,
}

/// Room in memory, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    permit: OwnedSemaphorePermit,
}

impl Memory {
    /// For attempts. They wait for as long as it takes: who holds room is never waiting for more.
    pub(crate) fn for_attempts() -> Self {
        Self { pool: Arc::new(Semaphore::new(POOL_BYTES as usize)), patience: None }
    }

    /// For answers, which are held as long as their readers take.
    pub(crate) fn for_readers() -> Self {
        Self { patience: Some(PATIENCE), ..Self::for_attempts() }
    }

    /// Wait for room for so many bytes, in turn with all others that wait. More than the whole pool is never asked for:
    /// one who does gets it all.
    pub(super) async fn room(&self, bytes: u64) -> Result<Room, Failure> {
        let bytes = u32::try_from(bytes).unwrap_or(POOL_BYTES).min(POOL_BYTES);
        let permit = Arc::clone(&self.pool).acquire_many_owned(bytes);
        let permit = match self.patience {
            None => permit.await,
            Some(patience) => tokio::time::timeout(patience, permit).await.map_err(|_| {
                Failure::new(FailureKind::Host, "too many large outputs are being read at once; try again")
            })?,
        };
        let permit = permit.map_err(|_| Failure::new(FailureKind::Host, "the host is shutting down"))?;
        Ok(Room { permit })
    }

    /// What is free at the moment.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.pool.available_permits()
    }
}

impl Room {
    /// Give back what is more than so many bytes.
    pub(super) fn shrink(&mut self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        drop(self.permit.split(self.permit.num_permits().saturating_sub(bytes)));
    }
}

/// What so many expressions can make of documents of that size, at the most.
pub(super) fn made_of(documents: u64, expressions: usize) -> u64 {
    documents.max(COMPUTED_BYTES).saturating_mul(expressions as u64).min(VALUE_BYTES)
}

/// Whether the documents that a step reads are within their bound; `bytes` is what they have together.
pub(super) fn check_documents(bytes: u64) -> Result<(), Failure> {
    if bytes <= DOCUMENTS_BYTES {
        return Ok(());
    }
    let what = "the documents that the step reads are too large together; read less of them, or pass files";
    Err(Failure::limit("documents_bytes", DOCUMENTS_BYTES, bytes, what))
}

/// Whether a value that is to be made is within its bound.
pub(super) fn check_value(bytes: u64) -> Result<(), Failure> {
    if bytes <= VALUE_BYTES {
        return Ok(());
    }
    let what = "what the step makes is too large; select less, or pass files";
    Err(Failure::limit("value_bytes", VALUE_BYTES, bytes, what))
}

/// JSON text that is being made: counted before each piece is added.
#[derive(Debug, Default)]
pub(super) struct Draft(String);

impl Draft {
    /// With room for so many bytes, if they are within the bound.
    pub(super) fn with_capacity(bytes: u64) -> Result<Self, Failure> {
        check_value(bytes)?;
        Ok(Self(String::with_capacity(usize::try_from(bytes).unwrap_or_default())))
    }

    /// Add a piece.
    pub(super) fn push(&mut self, text: &str) -> Result<(), Failure> {
        check_value((self.0.len() + text.len()) as u64)?;
        self.0.push_str(text);
        Ok(())
    }

    /// Begin an object's member: whatever is pushed next is its value.
    pub(super) fn key(&mut self, key: &str) -> Result<(), Failure> {
        if !self.0.ends_with('{') {
            self.push(",")?;
        }
        self.push(&serde_json::Value::from(key).to_string())?;
        self.push(":")
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_while_it_is_made() {
        let mut draft = Draft::default();
        draft.push("{").unwrap();
        draft.key("a\"b").unwrap();
        draft.push("1").unwrap();
        draft.key("c").unwrap();
        draft.push("{}").unwrap();
        draft.push("}").unwrap();
        assert_eq!(draft.finish(), r#"{"a\"b":1,"c":{}}"#);
        let mut draft = Draft::default();
        let mib = "x".repeat(1 << 20);
        let failure = (0..).find_map(|_| draft.push(&mib).err()).unwrap();
        assert_eq!(draft.finish().len() as u64, VALUE_BYTES, "the piece that was too much was not added");
        let breach = failure.breach.unwrap();
        assert_eq!((breach.limit.as_str(), breach.value, breach.used), ("value_bytes", 128 << 20, 129 << 20));
        assert_eq!(failure.kind, FailureKind::LimitExceeded);
        assert!(Draft::with_capacity(VALUE_BYTES + 1).is_err());
        assert!(check_documents(DOCUMENTS_BYTES).is_ok() && check_documents(DOCUMENTS_BYTES + 1).is_err());
    }

    #[tokio::test]
    async fn all_share_one_pool_by_their_size() {
        let memory = Memory::for_attempts();
        let most = DOCUMENTS_BYTES + VALUE_BYTES;
        let mut first = memory.room(most).await.unwrap();
        let second = memory.room(most).await.unwrap();
        let third = memory.room(most);
        tokio::pin!(third);
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut third).await.is_err(), "it waits");
        // One who wants little does not overtake one who wants much, or that one would wait for ever.
        let small = memory.room(1);
        tokio::pin!(small);
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut small).await.is_err());
        first.shrink(1 << 20);
        drop(second);
        let (third, small) = tokio::join!(third, small);
        drop((first, third.unwrap(), small.unwrap()));
        assert_eq!(memory.free(), POOL_BYTES as usize, "all of it is free again");
        assert!(memory.room(u64::MAX).await.is_ok(), "nobody waits for more than there is");
    }

    #[test]
    fn what_may_be_made_is_known_before() {
        assert_eq!(made_of(10, 1), COMPUTED_BYTES);
        assert_eq!(made_of(20 << 20, 3), 60 << 20);
        assert_eq!(made_of(200 << 20, 1_000), VALUE_BYTES);
    }
}
