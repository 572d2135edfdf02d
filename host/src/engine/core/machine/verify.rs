//! A finished run's steps as they were launched, to be run again beside what they made.

use std::collections::{BTreeMap, HashMap};

use super::{Child, Document, Known, Launch, Machine, Stage, inside::latest_files};
use crate::{
    engine::expression::Root,
    model::{AttemptId, Node, StepState, Value},
    store::{ArtifactRow, AttemptRow, HostCallRow, StepRow},
};

/// A step's recorded result.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    /// The step's row.
    pub(crate) row: StepRow,
    /// How to run it again with what it had; `None` where people or time made the result, not a computation.
    pub(crate) launch: Option<Box<Launch>>,
    /// Its files, in the versions that belong to the result.
    pub(crate) artifacts: Vec<ArtifactRow>,
    /// The shared state that it set.
    pub(crate) shared: BTreeMap<String, Value>,
}

impl Machine {
    /// What the run's result is made of: the documents that its output mapping reads, and its last steps.
    pub(crate) fn result(&self) -> (BTreeMap<Root, Document>, Vec<Child>) {
        let mut documents = BTreeMap::new();
        for root in &self.plan.layouts[0].output_roots {
            if let Some(document) = self.document(0, root) {
                documents.insert(root.clone(), document);
            }
        }
        (documents, self.children_of(0))
    }

    /// Every step with a result, in the order of the definition. `attempts` and `calls` are those of the whole run.
    pub(crate) fn recorded(
        &self,
        attempts: &[AttemptRow],
        calls: &[HostCallRow],
        files: &[ArtifactRow],
    ) -> Vec<Recorded> {
        let by_number: HashMap<(&str, u32), &AttemptRow> =
            attempts.iter().map(|a| ((a.step.as_str(), a.number), a)).collect();
        let mut calls_of: HashMap<AttemptId, Vec<HostCallRow>> = HashMap::new();
        for call in calls {
            calls_of.entry(call.attempt).or_default().push(call.clone());
        }
        let mut files_of = latest_files(files);
        let mut recorded = Vec::new();
        for i in 0..self.steps.len() {
            let row = &self.steps[i].row;
            if self.steps[i].gone || row.state != StepState::Completed || !self.is_counted(i) {
                continue;
            }
            let result = row.result_attempt.map(|number| (row.name.as_str(), number));
            let Some(attempt) = result.and_then(|result| by_number.get(&result)) else { continue };
            let latest = files_of.remove(&(row.name.as_str(), attempt.number)).unwrap_or_default();
            let journal = calls_of.remove(&attempt.id).unwrap_or_default();
            recorded.push(Recorded {
                row: row.clone(),
                launch: self.relaunch(i, attempt, journal).map(Box::new),
                artifacts: latest.into_values().cloned().collect(),
                shared: attempt.shared.clone().unwrap_or_default(),
            });
        }
        recorded
    }

    fn relaunch(&self, i: usize, attempt: &AttemptRow, journal: Vec<HostCallRow>) -> Option<Launch> {
        let stage = match self.definition(i).node()? {
            Node::Checkpoint(_) | Node::Wait(_) => return None,
            Node::Phase(_) | Node::Transform(_) | Node::Condition(_) | Node::Join(_) => Stage::Open,
            Node::Workflow(_) | Node::Map(_) | Node::Loop(_) => self.close_stage(i),
        };
        let mut launch = self.launch(i, attempt, stage);
        launch.known = self.steps[i].row.step_key.map_or(Known::Nothing, Known::Verified);
        launch.journal = journal;
        Some(launch)
    }
}
