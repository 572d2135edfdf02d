//! The machine from its rows, and what a new owner does first with it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{Effects, Launch, Machine, Rounds, Stage, attempts::slim};
use crate::{
    engine::plan::Plan,
    model::{
        ApprovalId, AttemptState, Failure, FailureKind, HostId, RunState, StepState, TenantId, Timestamp,
        Value,
    },
    store::{ApprovalRow, ApprovalState, ArtifactRow, AttemptRow, HostCallRow, RunRow, StepRow},
};

/// An attempt that has seen so many hosts die is not tried on another one: it may be what kills them.
const MAX_CRASHES: u32 = 3;

/// A run as the database has it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) tenant: TenantId,
    pub(crate) plan: Arc<Plan>,
    pub(crate) run: RunRow,
    pub(crate) steps: Vec<StepRow>,
    pub(crate) attempts: Vec<AttemptRow>,
    pub(crate) artifacts: Vec<ArtifactRow>,
    pub(crate) shared: BTreeMap<String, Value>,
    pub(crate) host_calls: Vec<HostCallRow>,
    pub(crate) approvals: Vec<ApprovalRow>,
}

impl Machine {
    /// A run as the database has it.
    pub(crate) fn restore(snapshot: Snapshot) -> Self {
        let mut machine = Self::empty(snapshot.tenant, snapshot.plan, snapshot.run);
        let mut rows: HashMap<String, StepRow> =
            snapshot.steps.into_iter().map(|row| (row.name.clone(), row)).collect();
        let mut attempts: HashMap<String, AttemptRow> = HashMap::new();
        let mut running = BTreeSet::new();
        let mut shared: HashMap<(String, u32), BTreeMap<String, Value>> = HashMap::new();
        for attempt in snapshot.attempts {
            if let Some(set) = &attempt.shared {
                shared.insert((attempt.step.clone(), attempt.number), set.clone());
            }
            if attempt.state == AttemptState::Running {
                running.insert(attempt.id);
            }
            if attempts.get(&attempt.step).is_none_or(|a| a.number < attempt.number) {
                let mut attempt = attempt;
                if attempt.state != AttemptState::Running {
                    slim(&mut attempt);
                }
                attempts.insert(attempt.step.clone(), attempt);
            }
        }
        let mut files: HashMap<(String, u32), BTreeMap<String, ArtifactRow>> = HashMap::new();
        for file in snapshot.artifacts {
            let version = machine.versions.entry((file.step.clone(), file.name.clone())).or_default();
            *version = file.version.max(*version);
            let of = files.entry((file.step.clone(), file.attempt)).or_default();
            // After a rollback a file has several versions of the same attempt.
            if of.get(&file.name).is_none_or(|known| known.version < file.version) {
                of.insert(file.name.clone(), file);
            }
        }
        machine.shared = snapshot.shared;
        for call in snapshot.host_calls.into_iter().filter(|call| running.contains(&call.attempt)) {
            machine.journals.entry(call.attempt).or_default().push(call);
        }
        let open = snapshot.approvals.into_iter().filter(|a| a.state == ApprovalState::Open);
        machine.approvals = open.map(|approval| (approval.id, approval)).collect();
        machine.restore_scope(0, None, 0, &mut rows, &mut attempts);
        let open: Vec<(ApprovalId, String)> =
            machine.approvals.values().map(|approval| (approval.id, approval.step.clone())).collect();
        for (id, step) in open {
            if let Some(i) = machine.find(&step) {
                machine.steps[i].approval = Some(id);
            }
        }
        for step in machine.steps.iter_mut() {
            let Some(result) = step.row.result_attempt.map(|n| (step.row.name.clone(), n)) else { continue };
            step.shared = shared.remove(&result).unwrap_or_default();
            step.files = files.remove(&result).unwrap_or_default().into_values().map(Arc::new).collect();
        }
        // What is left is of steps that are gone.
        machine.numbers = attempts.into_iter().map(|(step, attempt)| (step, attempt.number)).collect();
        machine
    }

    /// A scope from its rows, and those inside it, as far as there are rows. Returns whether there were any.
    fn restore_scope(
        &mut self,
        layout: usize,
        parent: Option<usize>,
        index: usize,
        rows: &mut HashMap<String, StepRow>,
        attempts: &mut HashMap<String, AttemptRow>,
    ) -> bool {
        let names = self.names(layout, parent, index);
        if !names.iter().all(|name| rows.contains_key(name)) {
            return false;
        }
        let (place, first, count) = (self.scopes.len(), self.steps.len(), names.len());
        for (local, name) in names.iter().enumerate() {
            if let Some(row) = rows.remove(name) {
                self.add_step(place, local, layout, row);
                let step = &mut self.steps[first + local];
                step.attempt = attempts.remove(name);
            }
        }
        let open = (first..first + count).filter(|&i| !self.steps[i].row.state.is_terminal()).count();
        self.add_scope(layout, first, parent, index, open);
        self.scopes[place].for_failure =
            self.steps[first..first + count].iter().filter(|step| step.row.for_failure).count();
        if let Some(parent) = parent {
            self.steps[parent].children.push(place);
        }
        let layout_of = Arc::clone(&self.plan);
        let failed = self.fatal(place);
        self.set_failed(place, failed);
        for &local in &layout_of.layouts[layout].graph.order {
            let i = first + local;
            let edges = &layout_of.layouts[layout].graph.predecessors[local];
            let ended = |from: usize| self.steps[first + from].row.state.is_terminal();
            self.steps[i].open = edges.iter().filter(|edge| !ended(edge.from)).count();
            if let Some(inner) = layout_of.layouts[layout].inner[local] {
                let mut k = 0;
                while self.restore_scope(inner, Some(i), k, rows, attempts) {
                    k += 1;
                    if layout_of.layouts[inner].is_workflow() {
                        break;
                    }
                }
                self.restore_rounds(i);
            }
            self.weigh(i, true);
        }
        true
    }

    /// How far what is inside a step is, by the states of its steps.
    pub(super) fn restore_rounds(&mut self, i: usize) {
        let step = &self.steps[i];
        let expanded = step.row.state == StepState::Running && step.row.expansion.is_some();
        let mut rounds = Rounds::default();
        for &scope in &step.children {
            let at = &self.scopes[scope];
            let count = self.layout(scope).steps.len();
            if self.steps[at.first..at.first + count].iter().all(|s| s.row.state == StepState::Pending) {
                break;
            }
            rounds.begun += 1;
            rounds.ended += usize::from(at.open == 0);
            rounds.failed += usize::from(at.open == 0 && at.failed.is_some());
            rounds.left_out += usize::from(at.for_failure == count);
        }
        let halted = self.scopes[step.scope].failed.is_some();
        let step = &mut self.steps[i];
        (step.rounds, step.expanded, step.halted) = (rounds, expanded, halted);
    }

    /// Take up a run after a restart. Attempts that were under way are launched again under their old identity; those
    /// whose host crashed count it.
    pub(crate) fn recover(
        &mut self,
        host: HostId,
        stopped: &BTreeSet<HostId>,
        now: Timestamp,
    ) -> (Vec<Launch>, Effects) {
        self.run.owner = host;
        self.draft.run = true;
        let mut effects = Effects::default();
        let mut launches = Vec::new();
        if self.run.state == RunState::Pending {
            let started = self.start(now);
            effects.timers.extend(started.timers);
            effects.ready.extend(started.ready);
            return (launches, effects);
        }
        effects.timers = self.timers();
        for i in 0..self.steps.len() {
            match self.steps[i].row.state {
                StepState::Ready if self.run.state != RunState::Paused => effects.ready.push(i),
                StepState::Running if self.steps[i].expanded => {
                    self.close_if_over(i, now, &mut effects);
                }
                StepState::Running => launches.extend(self.launch_again(i, host, stopped, now, &mut effects)),
                _ => {}
            }
        }
        (launches, effects)
    }

    fn launch_again(
        &mut self,
        i: usize,
        host: HostId,
        stopped: &BTreeSet<HostId>,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Option<Launch> {
        let attempt = self.steps[i].attempt.as_mut()?;
        if attempt.host != host && !stopped.contains(&attempt.host) {
            attempt.crashes += 1;
        }
        attempt.host = host;
        let crashes = attempt.crashes;
        self.save_attempt(i);
        if crashes < MAX_CRASHES {
            let attempt = self.steps[i].attempt.clone()?;
            return Some(self.launch(i, &attempt, Stage::Open));
        }
        let message = format!("{crashes} hosts died while this attempt ran; it is not tried again");
        self.fail(i, Failure::new(FailureKind::HostCrashed, message), now, effects);
        None
    }
}
