//! What people do to runs: they decide what waits for them, and now and then they interfere.

#![allow(clippy::unwrap_used)]

use rand::RngExt as _;
use serde_json::json;

use super::world::World;
use crate::{
    model::{Command, DecidedBy, Decision, Overrides, RunId, RunState, StepState},
    store::ApprovalState,
};

impl World {
    /// What waits for people is decided sooner or later, and what is paused is resumed. Returns whether there was anything.
    pub(super) fn somebody_decides(&mut self) -> bool {
        let mut wanted = Vec::new();
        for (id, row) in &self.database.runs {
            if row.run.state == RunState::Paused {
                wanted.push((*id, Command::Resume));
            }
            for approval in row.approvals.values().filter(|a| a.state == ApprovalState::Open) {
                let agrees = match self.fate {
                    Some(_) => true,
                    None => self.rng.random_bool(0.8),
                };
                let option = if agrees { "approve" } else { "reject" }.to_owned();
                let decision =
                    Decision { option, feedback: None, modification: None, decided_by: DecidedBy::Person };
                let approval = approval.id.to_string();
                wanted.push((*id, Command::Decide { approval, decision }));
            }
            for step in row.steps.values().filter(|s| s.state == StepState::AwaitingReview) {
                wanted.push((*id, Command::Continue { step: step.name.clone() }));
            }
        }
        if wanted.is_empty() {
            return false;
        }
        let (run, command) = wanted.swap_remove(self.rng.random_range(0..wanted.len()));
        self.command(run, command);
        true
    }

    pub(super) fn somebody_interferes(&mut self) {
        let known: Vec<RunId> = self.database.runs.keys().copied().collect();
        if known.is_empty() || self.interferences == 0 {
            return;
        }
        self.interferences -= 1;
        let run = known[self.rng.random_range(0..known.len())];
        let row = self.database.runs.get_mut(&run).unwrap();
        let names: Vec<String> = row.steps.keys().cloned().collect();
        let step = names[self.rng.random_range(0..names.len())].clone();
        let command = match self.rng.random_range(0..14) {
            10 => {
                row.again = true;
                Command::Trigger { step, overrides: Default::default() }
            }
            11 => Command::Change { auto_run: Some(self.rng.random_bool(0.7)), priority: Some(1) },
            12..14 => return self.somebody_rolls_back(run, step),
            0..2 => {
                row.cancelled = true;
                Command::Cancel
            }
            2..5 => Command::Pause,
            5..7 => {
                row.again = true;
                let input = self.rng.random_bool(0.5).then(|| json!(self.rng.random_range(0..3)));
                Command::Retry { step, overrides: Overrides { prompt: None, input } }
            }
            7 => Command::Skip { step, reason: "somebody said so".into() },
            8 => Command::Signal { step, signal: 1, data: "{}".into() },
            _ => Command::Continue { step },
        };
        self.command(run, command);
    }
}
