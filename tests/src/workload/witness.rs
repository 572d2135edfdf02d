//! What clients were told.

use std::{
    collections::BTreeSet,
    fs::File,
    io::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use heddle::model::Digest;
use heddle_test_disk::Notes;
use tokio::sync::watch;

use crate::history::{Ack, History};

/// Where clients note what they were told. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Witness {
    told: Arc<Mutex<Told>>,
    /// In a log of what the host does to its disk, so that the order of both is known.
    notes: Option<Notes>,
    counts: watch::Sender<Counts>,
}

#[derive(Debug, Default)]
struct Told {
    history: History,
    /// Of what is told again and again, all that is in the history.
    known: BTreeSet<Digest>,
    /// Each ack in a line.
    log: Option<File>,
}

/// How often something was told, the same thing again included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Anything.
    pub all: u64,
    /// That a run was started.
    pub started: u64,
    /// Progress.
    pub shown: u64,
    /// To who waited for it, that a run has ended.
    pub over: u64,
}

impl Default for Witness {
    fn default() -> Self {
        Self::new(History::default(), None)
    }
}

impl Witness {
    /// One that knows what was told before.
    pub fn new(history: History, notes: Option<Notes>) -> Self {
        let told = Told { history, ..Told::default() };
        Self { told: Arc::new(Mutex::new(told)), notes, counts: watch::Sender::default() }
    }

    /// One that writes all that it is told to a file, a JSON document a line.
    pub fn logging(log: File) -> Self {
        let witness = Self::default();
        witness.lock().log = Some(log);
        witness
    }

    /// Note it.
    ///
    /// # Errors
    /// If the note cannot be written.
    pub fn saw(&self, ack: Ack) -> Result<()> {
        let mut text = serde_json::to_vec(&ack)?;
        let one = |is: bool| u64::from(is);
        let (started, shown) =
            (one(matches!(ack, Ack::Started { .. })), one(matches!(ack, Ack::Shown { .. })));
        let over = one(matches!(ack, Ack::Over { .. }));
        {
            let mut told = self.lock();
            // What is sent twice counts twice; what is told twice is the same.
            if matches!(ack, Ack::Signalled { .. }) || told.known.insert(Digest::of(&text)) {
                if let Some(notes) = &self.notes {
                    notes.add(&text)?;
                }
                told.history.acks.push(ack);
                text.push(b'\n');
                if let Some(log) = &mut told.log {
                    log.write_all(&text)?;
                }
            }
        }
        self.counts.send_modify(|counts| {
            counts.all += 1;
            counts.started += started;
            counts.shown += shown;
            counts.over += over;
        });
        Ok(())
    }

    /// How often something was told so far, and from now on.
    pub fn counts(&self) -> watch::Receiver<Counts> {
        self.counts.subscribe()
    }

    /// All that was told so far.
    pub fn history(&self) -> History {
        self.lock().history.clone()
    }

    /// The upload of such a file, if it was answered.
    pub(super) fn uploaded(&self, file: &str) -> Option<String> {
        self.lock().history.acks.iter().find_map(|ack| match ack {
            Ack::Uploaded { id, digest } if digest == file => Some(id.clone()),
            _ => None,
        })
    }

    /// A run that was started: the n-th last one.
    pub fn run_before(&self, n: usize) -> Option<String> {
        let told = self.lock();
        let mut started = told.history.acks.iter().rev().filter_map(|ack| match ack {
            Ack::Started { run, .. } => Some(run.clone()),
            _ => None,
        });
        started.nth(n)
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
