//! Runs that only wait rest: what is kept of one in memory is what it takes to wake it. Its rows have the rest.
//!
//! A run rests when all that it has changed is durable and it waits: for somebody's decision, for an event from outside, for
//! a time, or to be resumed. The last ones that began to wait are kept as they are, so that what is decided at once costs no
//! read. What wakes a run is a command, which every event from outside becomes, or its first timer: it is read again, under
//! the same epoch, since nobody else may have changed it; what comes meanwhile waits, and is done in its order. If it cannot
//! be read, whoever gave a command is told so, and a timer is tried again later.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    Action, Core, Machine,
    machine::{RUN_TIMER, times},
};
use crate::{
    engine::plan::Plan,
    model::{RunId, RunState, StepState, TenantId, Timestamp},
    store::{RunRow, UnfinishedRun, UnfinishedStep},
};

/// So many runs that wait are kept in memory, the last ones that began to,
const KEPT_RUNS: usize = 64;
/// with no more than so many steps together.
const KEPT_STEPS: usize = 4096;
/// So many runs are read at once; the others have their turn.
const WAKES: usize = 16;
/// If a run cannot be read when its time has come, it is tried again after so long.
const AGAIN: Duration = Duration::from_secs(60);

/// The runs that only wait.
pub(super) struct Resting {
    /// Those that are not in memory.
    asleep: HashMap<RunId, Asleep>,
    /// Those that are, the one that has waited the longest first. What has changed since is no longer meant.
    kept: VecDeque<Kept>,
    kept_steps: usize,
    /// How often a run has begun to wait.
    turns: u64,
    /// So many runs, and steps of them, are kept.
    most: (usize, usize),
    /// Those that are to be read when others have been.
    due: VecDeque<RunId>,
    /// Those that are being read.
    waking: usize,
}

/// What is known of a run that is not in memory.
struct Asleep {
    tenant: TenantId,
    head: Head,
}

/// Where a run rests: rows that say otherwise are not those that it is to go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Of its owner's lease.
    pub(crate) epoch: u64,
    /// Its last transition.
    pub(crate) rev: u64,
}

impl Head {
    pub(crate) fn of(run: &RunRow) -> Self {
        Self { epoch: run.epoch, rev: run.rev }
    }
}

struct Kept {
    run: RunId,
    turn: u64,
    steps: usize,
}

/// What wakes a run that only waits, and what it holds meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rest {
    /// When something of it is to be looked at, if that is at a time.
    pub(crate) timer: Option<Timestamp>,
    /// The concurrency keys that its steps hold, one for each step.
    pub(crate) keys: Vec<String>,
}

impl Rest {
    /// What wakes a run, if it only waits as its rows have it. For one that has not begun to, the plan is not needed.
    pub(crate) fn of(run: &UnfinishedRun, plan: Option<&Plan>, now: Timestamp) -> Option<Self> {
        if run.state == RunState::Pending {
            let timer = run.start_at.filter(|at| *at > now);
            return timer.map(|at| Self { timer: Some(at), keys: Vec::new() });
        }
        let plan = plan?;
        let (mut timer, mut keys, mut waits) = (None, Vec::new(), false);
        for step in &run.steps {
            match step.state {
                StepState::Ready => return None,
                // What is inside it has not ended: it is not to be put together yet.
                StepState::Running => {
                    let inside = |name: &str| {
                        name.strip_prefix(step.name.as_str()).is_some_and(|rest| rest.starts_with(['/', '[']))
                    };
                    let open =
                        |other: &&UnfinishedStep| other.state != StepState::Running && inside(&other.name);
                    if !step.expanded || !run.steps.iter().any(|other| open(&other)) {
                        return None;
                    }
                }
                _ => waits = true,
            }
            let (layout, local, _) = plan.place_of(&step.name)?;
            let definition = &plan.layouts[layout].steps[local];
            let first = times(step.state, step.not_before, step.started_at, definition).min();
            timer = [timer, first].into_iter().flatten().min();
            if step.state.is_under_way() {
                keys.extend(definition.concurrency.as_ref().map(|bound| bound.key.clone()));
            }
        }
        waits.then_some(Self { timer, keys })
    }
}

impl Default for Resting {
    fn default() -> Self {
        Self {
            asleep: HashMap::new(),
            kept: VecDeque::new(),
            kept_steps: 0,
            turns: 0,
            most: (KEPT_RUNS, KEPT_STEPS),
            due: VecDeque::new(),
            waking: 0,
        }
    }
}

impl Resting {
    /// Whether the run rests, and is not in memory.
    pub(super) fn has(&self, run: RunId) -> bool {
        self.asleep.contains_key(&run)
    }

    /// It does not any more. Returns its tenant.
    pub(super) fn remove(&mut self, run: RunId) -> Option<TenantId> {
        self.asleep.remove(&run).map(|asleep| asleep.tenant)
    }

    /// The runs that are not in memory.
    #[cfg(test)]
    pub(super) fn runs(&self) -> impl Iterator<Item = RunId> {
        self.asleep.keys().copied()
    }
}

impl Core {
    /// Keep so many runs that wait in memory, with so many steps.
    #[cfg(test)]
    pub(super) fn keep(&mut self, runs: usize, steps: usize) {
        self.resting.most = (runs, steps);
    }

    /// All that the run has changed is durable: if it only waits, it may rest.
    pub(crate) fn settled(&mut self, run: RunId) {
        let Some(machine) = self.runs.get_mut(&run) else { return };
        if machine.resting() > 0 || !machine.is_quiet() || self.queue.wants(machine) {
            return;
        }
        let resting = &mut self.resting;
        resting.turns += 1;
        machine.set_resting(resting.turns);
        let kept = Kept { run, turn: resting.turns, steps: machine.size() };
        resting.kept_steps += kept.steps;
        resting.kept.push_back(kept);
        let (runs, steps) = resting.most;
        while self.resting.kept.len() > runs || self.resting.kept_steps > steps {
            let Some(first) = self.resting.kept.pop_front() else { return };
            self.resting.kept_steps -= first.steps;
            self.rest(first.run, first.turn);
        }
    }

    /// Let go of a run's memory, if nothing has changed since it began to wait.
    fn rest(&mut self, run: RunId, since: u64) {
        if self.runs.get(&run).is_none_or(|machine| machine.resting() != since) {
            return;
        }
        let Some(machine) = self.runs.remove(&run) else { return };
        // What waits there still, of a step that does not want a place any more.
        self.queue.forget(run);
        let first = self.timers.of(run).next();
        self.timers.forget(run);
        self.timers.set(run, first.map(|(at, _)| (at, RUN_TIMER)));
        let asleep = Asleep { tenant: self.known_tenant(machine.tenant()), head: Head::of(machine.run()) };
        self.resting.asleep.insert(run, asleep);
    }

    /// A run of an earlier owner only waits: it is not read before it is woken.
    pub(super) fn rests(&mut self, run: RunId, tenant: &TenantId, head: Head, rest: Rest) {
        self.count_in(tenant);
        let tenant = self.known_tenant(tenant);
        self.timers.set(run, rest.timer.map(|at| (at, RUN_TIMER)));
        for (step, key) in rest.keys.into_iter().enumerate() {
            self.queue.hold_key(Arc::new((tenant.clone(), key)), (run, step));
        }
        self.resting.asleep.insert(run, Asleep { tenant, head });
    }

    /// Have a run that rests read, for a command that is there already or for its timer.
    pub(super) fn wake(&mut self, run: RunId, timer: bool, actions: &mut Vec<Action>) {
        let is_known = self.loading.get(&run).is_some_and(|loading| loading.wakes);
        let loading = self.loading.entry(run).or_default();
        (loading.wakes, loading.due) = (true, loading.due | timer);
        if !is_known {
            self.resting.due.push_back(run);
            self.wake_more(actions);
        }
    }

    fn wake_more(&mut self, actions: &mut Vec<Action>) {
        while self.resting.waking < WAKES
            && let Some(run) = self.resting.due.pop_front()
        {
            let Some(asleep) = self.resting.asleep.get(&run) else { continue };
            let (tenant, head) = (asleep.tenant.clone(), asleep.head);
            self.resting.waking += 1;
            actions.push(Action::Wake { tenant, run, head });
        }
    }

    /// A run has been read: it is as it was when it began to rest.
    pub(super) fn woken(&mut self, machine: Machine, now: Timestamp, actions: &mut Vec<Action>) {
        self.resting.waking -= 1;
        let run = machine.run().id;
        if self.resting.has(run) {
            self.timers.forget(run);
            self.timers.set(run, machine.timers());
            // Its steps may have other places now.
            self.queue.drop_run(run);
            machine.holders().for_each(|step| self.queue.hold(&machine, step));
            self.hold(machine);
            self.after_loading(run, None, now, actions);
            self.fire(run, now, now, actions);
        }
        self.wake_more(actions);
    }

    /// A run could not be read. If it is `gone`, it has ended or is another host's; otherwise it goes on resting.
    pub(super) fn not_woken(
        &mut self,
        run: RunId,
        why: &str,
        gone: bool,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        self.resting.waking -= 1;
        let loading = self.loading.remove(&run).unwrap_or_default();
        for (id, ..) in loading.commands {
            actions.push(Action::RefuseCommand { run, id, why: why.to_owned() });
        }
        if gone {
            self.let_go(run);
        } else if loading.due {
            self.timers.set(run, [(now.plus(AGAIN), RUN_TIMER)]);
        }
        self.wake_more(actions);
    }
}
