//! What the checks of one definition have found out of what is around it, so that nothing is found out twice.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{MAX_DEPTH, Surroundings, split_phase};
use crate::{
    engine::{expression::SCHEMA_LOOKS, problems::list},
    model::{Digest, Manifest, Node, PhaseSpec, Schema, StepDefinition, Workflow},
    schema::{self, Validator},
};

/// A phase that there is.
pub(super) struct Phase {
    pub(super) digest: Digest,
    manifest: Arc<Manifest>,
    place: usize,
    /// What its configuration is checked against, or what is wrong with that.
    pub(super) config: Result<Validator, String>,
    /// What its output is like.
    pub(super) output: Arc<Schema>,
    keys: Arc<Keys>,
}

impl Phase {
    /// What the manifest says of it.
    pub(super) fn spec(&self) -> &PhaseSpec {
        &self.manifest.phases[self.place]
    }
}

/// The shared keys that a step uses, with all that is inside it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) writes: BTreeSet<String>,
    pub(super) reads: BTreeSet<String>,
}

/// What is found out once.
pub(super) struct Known<'a, S> {
    pub(super) surroundings: &'a S,
    phases: RefCell<HashMap<String, Result<Arc<Phase>, String>>>,
    workflows: RefCell<HashMap<String, Option<Arc<Workflow>>>>,
    keys: RefCell<HashMap<String, Arc<Keys>>>,
    /// Whether something in a workflow waits for a concurrency key.
    waits: RefCell<HashMap<String, bool>>,
    /// The outputs of what repeats a phase, by kind and by the output of the phase.
    pub(super) repeated: RefCell<HashMap<(&'static str, usize), Arc<Schema>>>,
    /// Steps that are left for checking all configurations.
    pub(super) steps: Cell<u64>,
    /// Looks at schemas that are left for checking all expressions.
    pub(super) looks: Cell<u64>,
}

impl<'a, S: Surroundings> Known<'a, S> {
    pub(super) fn new(surroundings: &'a S) -> Self {
        Self {
            surroundings,
            phases: RefCell::default(),
            workflows: RefCell::default(),
            keys: RefCell::default(),
            waits: RefCell::default(),
            repeated: RefCell::default(),
            steps: Cell::new(schema::MAX_STEPS),
            looks: Cell::new(SCHEMA_LOOKS),
        }
    }

    /// A phase by its name, or why there is none.
    pub(super) fn phase(&self, phase: &str) -> Result<Arc<Phase>, String> {
        if let Some(known) = self.phases.borrow().get(phase) {
            return known.clone();
        }
        let found = self.find_phase(phase).map(Arc::new);
        self.phases.borrow_mut().insert(phase.to_owned(), found.clone());
        found
    }

    fn find_phase(&self, phase: &str) -> Result<Phase, String> {
        let (plugin, name) = split_phase(phase)
            .ok_or_else(|| format!("{phase:?} names no phase; the form is PLUGIN/PHASE"))?;
        let (digest, manifest) = self.surroundings.plugin(plugin).ok_or_else(|| {
            format!("there is no plugin {plugin:?}; there are: {}", list(self.surroundings.plugin_names()))
        })?;
        let place = manifest.phases.iter().position(|spec| spec.name == name).ok_or_else(|| {
            let names = list(manifest.phases.iter().map(|spec| &spec.name));
            format!("plugin {plugin:?} has no phase {name:?}; it has: {names}")
        })?;
        let spec = &manifest.phases[place];
        Ok(Phase {
            digest,
            place,
            config: schema::compile(&spec.config_schema),
            output: Arc::new(spec.output_schema.clone()),
            keys: Arc::new(Keys {
                writes: spec.shared_writes.iter().cloned().collect(),
                reads: spec.shared_reads.iter().cloned().collect(),
            }),
            manifest,
        })
    }

    /// A workflow by its name.
    pub(super) fn workflow(&self, name: &str) -> Option<Arc<Workflow>> {
        if let Some(known) = self.workflows.borrow().get(name) {
            return known.clone();
        }
        let found = self.surroundings.workflow(name);
        self.workflows.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    /// The shared keys that a step uses, with all that is inside it.
    pub(super) fn keys(&self, step: &StepDefinition, depth: usize) -> Arc<Keys> {
        let none = Arc::default;
        // What is deeper is reported elsewhere.
        if depth > 2 * MAX_DEPTH {
            return none();
        }
        match step.node() {
            Some(Node::Phase(phase)) => self.phase(phase).map_or_else(|_| none(), |phase| phase.keys.clone()),
            Some(Node::Workflow(part)) => self.keys_of_workflow(&part.name, depth + 1),
            Some(node) => node.body().map_or_else(none, |body| self.keys(body, depth + 1)),
            None => none(),
        }
    }

    fn keys_of_workflow(&self, name: &str, depth: usize) -> Arc<Keys> {
        if let Some(known) = self.keys.borrow().get(name) {
            return known.clone();
        }
        // What contains itself adds nothing to itself, and is reported elsewhere.
        self.keys.borrow_mut().insert(name.to_owned(), Arc::default());
        let mut all = Keys::default();
        let mut seen = HashSet::new();
        for step in self.workflow(name).iter().flat_map(|part| &part.steps) {
            let keys = self.keys(step, depth);
            if seen.insert(Arc::as_ptr(&keys)) {
                all.writes.extend(keys.writes.iter().cloned());
                all.reads.extend(keys.reads.iter().cloned());
            }
        }
        let all = Arc::new(all);
        self.keys.borrow_mut().insert(name.to_owned(), all.clone());
        all
    }

    /// Whether something inside a step waits for a concurrency key.
    pub(super) fn waits_inside(&self, step: &StepDefinition, depth: usize) -> bool {
        let waits =
            |inner: &StepDefinition| inner.concurrency.is_some() || self.waits_inside(inner, depth + 1);
        match step.node() {
            // What is deeper is reported elsewhere.
            _ if depth > 2 * MAX_DEPTH => false,
            Some(Node::Workflow(part)) => {
                if let Some(known) = self.waits.borrow().get(&part.name) {
                    return *known;
                }
                // What contains itself adds nothing to itself, and is reported elsewhere.
                self.waits.borrow_mut().insert(part.name.clone(), false);
                let found = self.workflow(&part.name).is_some_and(|part| part.steps.iter().any(waits));
                self.waits.borrow_mut().insert(part.name.clone(), found);
                found
            }
            Some(node) => node.body().is_some_and(waits),
            None => false,
        }
    }
}
