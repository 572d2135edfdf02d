//! The database of the simulation: what has been committed, checked as it comes in.

#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    engine::{core::Snapshot, plan::Plan},
    model::{ApprovalId, AttemptId, EventKind, RunId, StepState, TenantId, Value},
    store::{ApprovalRow, ArtifactRow, AttemptRow, HostCallRow, RunRow, StepRow, Transition},
};

/// The database: what has been committed, checked as it comes in.
#[derive(Default, Clone)]
pub(in crate::engine::core) struct Database {
    pub(in crate::engine::core) runs: BTreeMap<RunId, Row>,
}

#[derive(Clone)]
pub(in crate::engine::core) struct Row {
    pub(in crate::engine::core) plan: Arc<Plan>,
    pub(in crate::engine::core) run: RunRow,
    pub(in crate::engine::core) steps: BTreeMap<String, StepRow>,
    pub(in crate::engine::core) attempts: BTreeMap<(String, u32), AttemptRow>,
    pub(in crate::engine::core) artifacts: BTreeMap<(String, String, u32), ArtifactRow>,
    pub(in crate::engine::core) host_calls: BTreeMap<(AttemptId, u32), HostCallRow>,
    pub(in crate::engine::core) approvals: BTreeMap<ApprovalId, ApprovalRow>,
    pub(in crate::engine::core) shared: BTreeMap<String, Value>,
    /// What was inside a step when that attempt at it completed.
    pub(in crate::engine::core) wholes: BTreeMap<(String, u32), BTreeMap<String, StepRow>>,
    pub(in crate::engine::core) completed: BTreeMap<String, u32>,
    pub(in crate::engine::core) cancelled: bool,
    /// Its host could not go on with it.
    pub(in crate::engine::core) given_up: bool,
    /// Somebody had a step done again: what had ended may begin anew.
    pub(in crate::engine::core) again: bool,
    /// How many steps inside others were otherwise when those were rolled back.
    pub(in crate::engine::core) rolled_back: usize,
}

impl Row {
    /// The steps inside a step.
    pub(in crate::engine::core) fn inside(&self, step: &str) -> BTreeMap<String, StepRow> {
        let is_inside = |name: &str| name.strip_prefix(step).is_some_and(|rest| rest.starts_with(['/', '[']));
        let inside = self.steps.iter().filter(|(name, _)| is_inside(name));
        inside.map(|(name, row)| (name.clone(), row.clone())).collect()
    }
}

impl Database {
    pub(in crate::engine::core) fn commit(&mut self, t: Transition, plans: &HashMap<RunId, Arc<Plan>>) {
        let row = self.runs.entry(t.run.id).or_insert_with(|| {
            assert_eq!(t.run.rev, 1, "the first transition creates the run");
            assert!(t.creation.is_some());
            Row {
                plan: Arc::clone(&plans[&t.run.id]),
                run: RunRow { rev: 0, event_seq: 0, ..t.run.clone() },
                steps: BTreeMap::new(),
                attempts: BTreeMap::new(),
                artifacts: BTreeMap::new(),
                host_calls: BTreeMap::new(),
                approvals: BTreeMap::new(),
                shared: BTreeMap::new(),
                wholes: BTreeMap::new(),
                completed: BTreeMap::new(),
                cancelled: false,
                given_up: false,
                again: false,
                rolled_back: 0,
            }
        });
        assert_eq!(t.run.epoch, row.run.epoch, "only the owner's epoch writes");
        assert_eq!(t.run.rev, row.run.rev + 1, "transitions follow each other");
        for (event, seq) in t.events.iter().zip(row.run.event_seq + 1..) {
            assert_eq!(event.seq, seq, "event numbers have no gaps");
            if event.kind == EventKind::StepCompleted {
                *row.completed.entry(event.step.clone().unwrap()).or_default() += 1;
            }
        }
        assert_eq!(t.run.event_seq, row.run.event_seq + t.events.len() as u64);
        for name in t.removed_steps {
            row.steps.remove(&name);
        }
        let running: Vec<String> =
            t.steps.iter().filter(|s| s.state == StepState::Running).map(|s| s.name.clone()).collect();
        for step in t.steps {
            let before = row.steps.get(&step.name).map_or(StepState::Pending, |s| s.state);
            assert!(!before.is_terminal() || row.again, "{} had ended", step.name);
            row.steps.insert(step.name.clone(), step);
        }
        let layout = &row.plan.layouts[0];
        for name in running.iter().filter(|_| !row.again) {
            let Some(i) = layout.steps.iter().position(|s| s.name == *name) else { continue };
            for edge in &layout.graph.predecessors[i] {
                let p = &layout.steps[edge.from].name;
                assert!(row.steps[p].state.is_terminal(), "{name} runs before {p} has ended");
            }
        }
        for approval in t.approvals {
            row.approvals.insert(approval.id, approval);
        }
        for attempt in t.attempts {
            let key = (attempt.step.clone(), attempt.number);
            let before = row.attempts.insert(key.clone(), attempt.clone());
            if attempt.inside.is_some() {
                row.wholes.insert(key, row.inside(&attempt.step));
            }
            assert!(
                before.is_none_or(|a| a.id == attempt.id),
                "an attempt takes another one's place: {attempt:?}"
            );
        }
        for file in t.artifacts {
            let key = (file.step.clone(), file.name.clone(), file.version);
            let before = row.artifacts.insert(key.clone(), file);
            assert!(before.is_none(), "there is such a version of the file already: {key:?}");
        }
        for call in t.host_calls {
            row.host_calls.insert((call.attempt, call.seq), call);
        }
        row.shared.extend(t.shared.into_iter().map(|(key, (_, value))| (key, value)));
        row.run = t.run;
    }

    pub(in crate::engine::core) fn snapshot(&self, id: RunId) -> Snapshot {
        let row = &self.runs[&id];
        let mut steps: Vec<StepRow> = row.steps.values().cloned().collect();
        steps.sort_by_key(|s| s.ord);
        Snapshot {
            tenant: TenantId::default_tenant(),
            plan: Arc::clone(&row.plan),
            run: row.run.clone(),
            steps,
            attempts: row.attempts.values().cloned().collect(),
            artifacts: row.artifacts.values().cloned().collect(),
            shared: row.shared.clone(),
            host_calls: row.host_calls.values().cloned().collect(),
            approvals: row.approvals.values().cloned().collect(),
        }
    }
}
