//! What must hold of what a host keeps, whatever happened to it: crashes, lost answers, power cuts.
//!
//! A test notes what the host acknowledged ([`Ack`]), reads what is kept ([`Snapshot`]: rows and blobs), and has both checked
//! ([`History::check`]): what was acknowledged is there ([`promises`]), and what is there is consistent ([`invariants`]).

mod effects;
mod invariants;
mod promises;
mod snapshot;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use snapshot::{Row, Snapshot};

/// Something that a host told a client: from now on it must be so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ack", rename_all = "snake_case")]
pub enum Ack {
    /// It listens, and this is the SHA-256 of its admin's token.
    Listening {
        /// Of the secret.
        token: String,
    },
    /// A plugin was loaded.
    Loaded {
        /// Of the component.
        digest: String,
    },
    /// A plugin was granted something.
    Granted {
        /// Its name.
        plugin: String,
        /// What.
        capability: String,
    },
    /// A workflow was saved.
    Saved {
        /// Its name.
        workflow: String,
        /// Its version.
        version: String,
    },
    /// A file was uploaded.
    Uploaded {
        /// The upload.
        id: String,
        /// Of its bytes.
        digest: String,
    },
    /// A run was started.
    Started {
        /// The run.
        run: String,
        /// The idempotency key that it was started under.
        key: String,
    },
    /// An event was told.
    Told {
        /// As the API has it.
        event: Value,
    },
    /// Progress of a step was shown. That it was is an effect of an attempt which is still under way.
    Shown {
        /// The run.
        run: String,
        /// The step.
        step: String,
    },
    /// Somebody was asked something.
    Asked {
        /// The run.
        run: String,
        /// The step.
        step: String,
        /// The approval.
        approval: String,
        /// What was asked, as the API has it.
        question: Value,
    },
    /// The output of a step of a run that had not ended was read.
    Read {
        /// The run.
        run: String,
        /// The step.
        step: String,
        /// Of its bytes.
        digest: String,
    },
    /// Who waited for a run's end was told how it ended.
    Over {
        /// The run.
        run: String,
        /// How, without the files.
        results: Results,
    },
    /// A decision was accepted.
    Decided {
        /// The approval.
        approval: String,
        /// What was chosen.
        option: String,
    },
    /// An event from outside was accepted.
    Signalled {
        /// Its key.
        key: String,
    },
    /// A run was seen to have ended.
    Ended {
        /// The run.
        run: String,
        /// How.
        results: Results,
    },
}

/// What came of a run. Runs of the same input, seed and time have the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Results {
    /// How it ended.
    pub state: String,
    /// The SHA-256 of each of its own steps' outputs.
    pub outputs: BTreeMap<String, String>,
    /// The SHA-256 of each of its files, by step, name and version.
    pub files: BTreeMap<String, String>,
}

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// What is kept can be read.
    Readable,
    /// A token that was told opens.
    Token,
    /// What was loaded, granted, saved or uploaded is there.
    Kept,
    /// No acknowledged run is lost, and none is doubled.
    Runs,
    /// Events are numbered from 1 without gaps, and those that were told are there.
    Events,
    /// A result that was told stays as it was.
    Results,
    /// No result is committed twice.
    Once,
    /// Nothing begins before what it needs is there.
    Order,
    /// Every blob that a row names is there, and every blob is what its name says.
    Blobs,
    /// A decision that was accepted counts, and counts once.
    Decisions,
    /// An event from outside that was accepted waits or was taken by one step.
    Signals,
    /// What was shown, asked or read rests on what is there, and is not done again under another identity.
    Effects,
    /// Every run ends.
    Ends,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What is broken.
    pub rule: Rule,
    /// How.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.text)
    }
}

/// Violations that are found.
#[derive(Debug, Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, rule: Rule, text: impl Into<String>) {
        self.0.push(Violation { rule, text: text.into() });
    }

    fn require(&mut self, holds: bool, rule: Rule, text: impl FnOnce() -> String) {
        if !holds {
            self.add(rule, text());
        }
    }
}

/// What a host acknowledged, in its order.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// All of it.
    pub acks: Vec<Ack>,
}

impl History {
    /// Everything that is wrong with what is kept.
    pub fn check(&self, snapshot: &Snapshot) -> Vec<Violation> {
        let mut found = Found::default();
        if let Some(why) = &snapshot.unreadable {
            // Of what cannot be read nothing else can be said.
            found.add(Rule::Readable, why.clone());
            return found.0;
        }
        invariants::check(snapshot, &mut found);
        promises::check(&self.acks, snapshot, &mut found);
        effects::check(&self.acks, snapshot, &mut found);
        found.0
    }

    /// Everything that is wrong with what is kept, or was not told, when all of so many runs were seen to their ends.
    pub fn check_at_the_end(&self, snapshot: &Snapshot, runs: usize) -> Vec<Violation> {
        let mut found = Found(self.check(snapshot));
        effects::check_at_the_end(&self.acks, snapshot, runs, &mut found);
        found.0
    }

    /// The runs that were acknowledged, by their keys.
    pub fn runs(&self) -> BTreeMap<&str, &str> {
        let started = self.acks.iter().filter_map(|ack| match ack {
            Ack::Started { run, key } => Some((key.as_str(), run.as_str())),
            _ => None,
        });
        started.collect()
    }

    /// What came of the runs that were seen to have ended, by their keys.
    pub fn results(&self) -> BTreeMap<&str, &Results> {
        let keys: BTreeMap<&str, &str> = self.runs().into_iter().map(|(key, run)| (run, key)).collect();
        let ended = self.acks.iter().filter_map(|ack| match ack {
            Ack::Ended { run, results } => Some((*keys.get(run.as_str())?, results)),
            _ => None,
        });
        ended.collect()
    }
}
