//! What an attempt is given: everything that it may see, copied out of the machine.

use std::{collections::BTreeMap, sync::Arc};

use super::{AttemptOutcome, Machine, seen::Layer};
use crate::{
    engine::{
        expression::Root,
        plan::{Layout, LayoutKind, Plan},
    },
    model::{
        AttemptId, Digest, Mapping, Node, Overrides, RunId, StepDefinition, StepState, TenantId, Timestamp,
        Value,
    },
    store::{ArtifactRow, AttemptRow, HostCallRow, InputFile},
};

/// Everything that an attempt takes.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) tenant: TenantId,
    pub(crate) run: LaunchedRun,
    pub(crate) plan: Arc<Plan>,
    /// The step, by its place in the machine.
    pub(crate) step: usize,
    /// Its name in the run.
    pub(crate) name: String,
    /// Its place in the plan: the layout, and the step within it.
    pub(crate) layout: usize,
    pub(crate) local: usize,
    pub(crate) attempt: AttemptId,
    pub(crate) stage: Stage,
    /// What its expressions may read.
    pub(crate) documents: BTreeMap<Root, Document>,
    /// The files of the results that it comes after: those of its own scope, then those of what is around it.
    artifacts: Vec<Arc<Layer<ArtifactRow>>>,
    /// The shared state that they have set, what counts more first.
    shared: Vec<Arc<Layer<Value>>>,
    pub(crate) overrides: Overrides,
    /// What the step key says of the result that there is.
    pub(crate) known: Known,
    /// The calls of the host that the attempt made before it was interrupted.
    pub(crate) journal: Vec<HostCallRow>,
}

/// What an attempt is given of its run.
#[derive(Debug, Clone)]
pub(crate) struct LaunchedRun {
    pub(crate) id: RunId,
    pub(crate) epoch: u64,
    pub(crate) files: Arc<[InputFile]>,
    pub(crate) seed: Digest,
    pub(crate) as_of: Timestamp,
}

/// What the step key of an attempt says of the result that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// There is none.
    Nothing,
    /// With this key the result that the step had before still stands.
    Result(Digest),
    /// It is looked at whether it comes out again: with another key it would be that of something else.
    Verified(Digest),
}

impl Known {
    /// What an attempt of that key comes to without being run.
    pub(crate) fn outcome(self, key: Digest) -> Option<AttemptOutcome> {
        match self {
            Self::Result(known) if known == key => Some(AttemptOutcome::Unchanged),
            Self::Verified(known) if known != key => Some(AttemptOutcome::Changed),
            _ => None,
        }
    }
}

/// Which part of a step an attempt does.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    /// The step itself; of one that contains steps, what is to be done inside.
    Open,
    /// Put together what the steps inside made.
    Close(Vec<Child>),
    /// Of a loop that has gone through so many rounds: go through another one, or come to the end.
    Round(usize),
}

/// How a step inside ended.
#[derive(Debug, Clone)]
pub(crate) struct Child {
    /// Its name in its own workflow.
    pub(crate) name: String,
    pub(crate) output: Option<Value>,
    /// Why it failed.
    pub(crate) failure: Option<String>,
    /// Whether nothing comes after it.
    pub(crate) is_last: bool,
}

/// A document that an expression may read.
#[derive(Debug, Clone)]
pub(crate) enum Document {
    /// A value.
    Whole(Value),
    /// An element of an array.
    Element(Value, usize),
    /// JSON text.
    Json(String),
}

impl Launch {
    /// The step's definition.
    pub(crate) fn definition(&self) -> &StepDefinition {
        &self.plan.layouts[self.layout].steps[self.local]
    }

    /// The files that it comes after. Of several of the same name the last one counts.
    pub(crate) fn files(&self) -> impl Iterator<Item = &ArtifactRow> {
        self.artifacts.iter().flat_map(|files| files.values().map(|(_, file)| &**file))
    }

    /// The value of a key of the shared state.
    pub(crate) fn shared(&self, key: &str) -> Option<&Value> {
        self.shared.iter().find_map(|set| set.get(key)).map(|(_, value)| &**value)
    }

    /// What makes the result of the workflow inside it, if that says so.
    pub(crate) fn inner_output(&self) -> Option<&Mapping> {
        let inner = self.layout().inner[self.local]?;
        self.plan.layouts[inner].output.as_ref()
    }

    /// The steps that it is one of.
    pub(crate) fn layout(&self) -> &Layout {
        &self.plan.layouts[self.layout]
    }
}

impl Machine {
    pub(super) fn launch(&self, i: usize, attempt: &AttemptRow, stage: Stage) -> Launch {
        let step = &self.steps[i];
        let layout = self.scopes[step.scope].layout;
        let mut documents = BTreeMap::new();
        for root in &self.plan.layouts[layout].roots[step.local] {
            if let Some(document) = self.document(step.scope, root) {
                documents.insert(root.clone(), document);
            }
        }
        if !matches!(stage, Stage::Open) {
            self.inner_documents(i, &mut documents);
        }
        Launch {
            tenant: self.tenant.clone(),
            run: LaunchedRun {
                id: self.run.id,
                epoch: self.run.epoch,
                files: Arc::clone(&self.run.files),
                seed: self.run.seed,
                as_of: self.run.as_of,
            },
            plan: Arc::clone(&self.plan),
            step: i,
            name: step.row.name.clone(),
            layout,
            local: step.local,
            attempt: attempt.id,
            stage,
            documents,
            artifacts: self.seen_files(i),
            shared: self.seen_shared(i),
            overrides: step
                .row
                .overrides
                .as_ref()
                .and_then(|o| serde_json::from_value(o.clone()).ok())
                .unwrap_or_default(),
            known: step.row.output.as_ref().and(step.row.step_key).map_or(Known::Nothing, Known::Result),
            journal: self.journals.get(&attempt.id).cloned().unwrap_or_default(),
        }
    }

    /// What the end of a loop, and the result of a sub-workflow, may read besides: the round that has just ended, and
    /// the steps inside.
    fn inner_documents(&self, i: usize, documents: &mut BTreeMap<Root, Document>) {
        let step = &self.steps[i];
        let Some(&scope) = step.rounds.begun.checked_sub(1).and_then(|last| step.children.get(last)) else {
            return;
        };
        match self.definition(i).node() {
            Some(Node::Loop(_)) => {
                let output = self.steps[self.scopes[scope].first].row.output.clone();
                documents
                    .insert(Root::Previous, output.map_or(Document::Json("null".into()), Document::Whole));
                documents.insert(Root::Index, Document::Json((step.rounds.begun - 1).to_string()));
            }
            Some(Node::Workflow(_)) => {
                let roots = self.plan.layouts[self.scopes[scope].layout].output_roots.clone();
                documents.clear();
                for root in roots {
                    if let Some(document) = self.document(scope, &root) {
                        documents.insert(root, document);
                    }
                }
            }
            _ => {}
        }
    }

    /// What a name stands for in a scope.
    pub(super) fn document(&self, scope: usize, root: &Root) -> Option<Document> {
        let at = &self.scopes[scope];
        let kind = self.plan.layouts[at.layout].kind;
        match root {
            Root::AsOf => {
                Some(Document::Json(serde_json::Value::from(self.run.as_of.to_string()).to_string()))
            }
            Root::Input if kind == LayoutKind::Workflow => match at.parent {
                None => Some(Document::Whole(self.run.input.clone())),
                Some(parent) => self.steps[parent].row.expansion.clone().map(Document::Whole),
            },
            Root::Output(name) | Root::Step(name) if kind == LayoutKind::Workflow => {
                let local = self.plan.layouts[at.layout].place(name)?;
                let i = at.first + local;
                if matches!(root, Root::Step(_)) {
                    return Some(Document::Json(format!("\"{}\"", self.steps[i].row.state)));
                }
                self.output(i).map(Document::Whole)
            }
            Root::Item if kind == LayoutKind::Map => {
                let items = self.steps[at.parent?].row.expansion.clone()?;
                Some(Document::Element(items, at.index))
            }
            Root::Index if kind != LayoutKind::Workflow => Some(Document::Json(at.index.to_string())),
            Root::Previous if kind == LayoutKind::Loop => {
                let before = at.index.checked_sub(1).and_then(|k| self.steps[at.parent?].children.get(k));
                let output =
                    before.and_then(|&scope| self.steps[self.scopes[scope].first].row.output.clone());
                Some(output.map_or_else(|| Document::Json("null".to_owned()), Document::Whole))
            }
            // A body sees what the workflow around it sees.
            _ if kind != LayoutKind::Workflow => self.document(self.steps[at.parent?].scope, root),
            _ => None,
        }
    }

    /// A step's output; of one that failed, its fallback's.
    fn output(&self, i: usize) -> Option<Value> {
        let step = &self.steps[i];
        match step.row.state {
            StepState::Completed => step.row.output.clone(),
            StepState::Failed => self.output(self.fallback(i)?),
            _ => None,
        }
    }

    /// What it takes to close what is inside a step.
    pub(super) fn close_stage(&self, i: usize) -> Stage {
        match self.definition(i).repeat {
            // Of its rounds only the last one is looked at.
            Some(_) => Stage::Round(self.steps[i].rounds.begun),
            None => Stage::Close(self.children(i)),
        }
    }

    /// How the steps inside a step ended, those of a map by their index.
    fn children(&self, i: usize) -> Vec<Child> {
        let step = &self.steps[i];
        let begun = &step.children[..step.rounds.begun.min(step.children.len())];
        begun.iter().flat_map(|&scope| self.children_of(scope)).collect()
    }

    /// How the steps of a scope ended.
    pub(super) fn children_of(&self, scope: usize) -> Vec<Child> {
        let layout = self.layout(scope);
        let first = self.scopes[scope].first;
        let child = |(local, definition): (usize, &StepDefinition)| {
            let row = &self.steps[first + local].row;
            let failed = row.state == StepState::Failed;
            Child {
                name: definition.name.clone(),
                output: self.output(first + local),
                failure: row.failure.as_ref().filter(|_| failed).map(|failure| failure.message.clone()),
                is_last: layout.graph.successors[local].is_empty(),
            }
        };
        layout.steps.iter().enumerate().map(child).collect()
    }

    /// Whether the results inside every step that this one is inside of count.
    pub(super) fn is_counted(&self, i: usize) -> bool {
        let parent = self.scopes[self.steps[i].scope].parent;
        parent.is_none_or(|parent| self.steps[parent].row.expansion.is_some() && self.is_counted(parent))
    }
}
