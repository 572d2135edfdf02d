//! A run made of another: what its results are taken over from, and what is gone through anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;

use super::{Machine, Snapshot};
use crate::{
    engine::plan::{Plan, PlanBody, split_phase},
    model::{AttemptId, EventKind, Failure, Node, Overrides, StepDefinition, StepState, Timestamp, Value},
    store::{ArtifactRow, AttemptRow, BlobRef, Creation, HostCallRow, StepRow},
};

impl Machine {
    /// A new run, of which those steps are done that the source has done and that do not come after `at`.
    ///
    /// The source has the host calls of all its attempts. `target.run` is the new run's row, `target.plan` its plan: the source's own, one with fewer steps, or one with
    /// other plugins. The source's rows are copied, under new attempts' ids.
    pub(crate) fn fork(
        source: Snapshot,
        target: Snapshot,
        creation: Creation,
        at: Option<&str>,
        overrides: &Overrides,
        by: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let taken = Taken::of(&source, &target.plan, at);
        let data = json!({ "forked_from": source.run.id, "forked_at": at });
        let fresh = Self::fresh_rows(&target);
        let rows = Rows::of(source, &taken);
        let mut steps: Vec<StepRow> =
            fresh.into_iter().filter(|row| !taken.known.contains(row.name.as_str())).collect();
        steps.extend(rows.steps);
        // What was asked for by hand is done, whatever the result was before, and all that is inside it.
        for step in steps.iter_mut().filter(|step| Some(top(&step.name)) == at) {
            step.step_key = None;
        }
        for step in steps.iter_mut().filter(|step| Some(step.name.as_str()) == at) {
            step.overrides = serde_json::to_value(overrides).ok().filter(|_| !overrides.is_empty());
        }
        let attempts = rows.attempts.clone();
        let (artifacts, shared) = (rows.artifacts.clone(), rows.shared.clone());
        let mut machine = Self::restore(Snapshot {
            steps,
            attempts: rows.attempts,
            artifacts: rows.artifacts,
            shared: shared.values().map(|(key, (_, value))| (key.clone(), value.clone())).collect(),
            ..target
        });
        machine.draft.creation = Some(creation);
        machine.draft.run = true;
        machine.draft.steps = (0..machine.steps.len()).collect();
        machine.draft.attempts = attempts.into_iter().map(|attempt| (attempt.id, attempt)).collect();
        machine.draft.host_calls = rows.calls;
        machine.draft.artifacts = artifacts;
        machine.draft.shared = shared.into_values().collect();
        machine.draft.blobs = rows.blobs;
        machine.created(data, by, now);
        for i in 0..machine.steps.len() {
            let row = &machine.steps[i].row;
            if row.state == StepState::Completed && machine.scopes[machine.steps[i].scope].parent.is_none() {
                let data = json!({ "attempt": row.attempt, "reused": true });
                machine.event(EventKind::StepCompleted, Some(i), now, data);
            }
        }
        machine
    }

    /// The rows that a run of that plan begins with.
    fn fresh_rows(target: &Snapshot) -> Vec<StepRow> {
        let mut fresh = Self::empty(target.tenant.clone(), target.plan.clone(), target.run.clone());
        fresh.open_scope(0, None, 0);
        fresh.steps.into_vec().into_iter().map(|step| step.row).collect()
    }
}

/// What is copied of a source.
struct Rows {
    steps: Vec<StepRow>,
    attempts: Vec<AttemptRow>,
    /// The journals of the attempts: with them their results can be verified.
    calls: Vec<HostCallRow>,
    artifacts: Vec<ArtifactRow>,
    /// By the order of the steps that set them: the last one counts.
    shared: BTreeMap<String, (String, (String, Value))>,
    blobs: Vec<BlobRef>,
}

impl Rows {
    fn of(source: Snapshot, taken: &Taken) -> Self {
        let is_known = |name: &str| taken.known.contains(top(name));
        let mut steps: Vec<StepRow> = source.steps.into_iter().filter(|row| is_known(&row.name)).collect();
        // What has failed inside a step has its failure from an attempt when that step is rolled back.
        let failed: HashMap<String, Failure> = steps
            .iter()
            .filter(|row| top(&row.name) != row.name)
            .filter_map(|row| Some((row.name.clone(), row.failure.clone()?)))
            .collect();
        steps.iter_mut().filter(|row| !taken.kept.contains(top(&row.name))).for_each(to_do_again);
        let results: HashMap<&str, u32> =
            steps.iter().filter_map(|row| Some((row.name.as_str(), row.result_attempt?))).collect();
        let mut attempts: Vec<AttemptRow> = source
            .attempts
            .into_iter()
            .filter(|attempt| {
                let failed =
                    attempt.failure.is_some() && failed.get(&attempt.step) == attempt.failure.as_ref();
                failed || results.get(attempt.step.as_str()) == Some(&attempt.number)
            })
            .collect();
        let mut ids = HashMap::new();
        for attempt in &mut attempts {
            let before = std::mem::replace(&mut attempt.id, AttemptId::new());
            ids.insert(before, attempt.id);
        }
        let renamed = |call: HostCallRow| Some(HostCallRow { attempt: *ids.get(&call.attempt)?, ..call });
        let calls: Vec<HostCallRow> = source.host_calls.into_iter().filter_map(renamed).collect();
        let mut latest: BTreeMap<(String, String), ArtifactRow> = BTreeMap::new();
        let counts = |file: &ArtifactRow| results.get(file.step.as_str()) == Some(&file.attempt);
        for artifact in source.artifacts.into_iter().filter(counts) {
            let key = (artifact.step.clone(), artifact.name.clone());
            if latest.get(&key).is_none_or(|known| known.version < artifact.version) {
                latest.insert(key, artifact);
            }
        }
        let artifacts: Vec<ArtifactRow> =
            latest.into_values().map(|artifact| ArtifactRow { version: 1, ..artifact }).collect();
        let mut shared = BTreeMap::new();
        let order: BTreeMap<&str, usize> = source.plan.layouts[0]
            .graph
            .order
            .iter()
            .enumerate()
            .map(|(place, &local)| (source.plan.layouts[0].steps[local].name.as_str(), place))
            .collect();
        let mut writers: Vec<&AttemptRow> = attempts.iter().filter(|a| a.shared.is_some()).collect();
        writers.sort_by_key(|attempt| (order.get(top(&attempt.step)).copied(), attempt.finished_at));
        for attempt in writers {
            for (key, value) in attempt.shared.iter().flatten() {
                shared.insert(key.clone(), (key.clone(), (attempt.step.clone(), value.clone())));
            }
        }
        let mut blobs: Vec<BlobRef> =
            artifacts.iter().map(|a| BlobRef { digest: a.digest, size: a.size }).collect();
        let values = steps.iter().flat_map(|row| [row.output.as_ref(), row.expansion.as_ref()]);
        let more = attempts.iter().flat_map(|a| [a.output.as_ref(), a.expansion.as_ref(), a.log.as_ref()]);
        let said = calls.iter().flat_map(|call| [Some(&call.request), call.answer.as_ref()]);
        let set = attempts.iter().flat_map(|a| a.shared.iter().flatten().map(|(_, value)| Some(value)));
        blobs.extend(values.chain(more).chain(said).chain(set).flatten().filter_map(|value| match value {
            Value::Blob { blob, size } => Some(BlobRef { digest: *blob, size: *size }),
            Value::Inline { .. } => None,
        }));
        Self { steps, attempts, calls, artifacts, shared, blobs }
    }
}

/// The step of the run's own that a step is, or is inside of.
fn top(name: &str) -> &str {
    name.split(['/', '[']).next().unwrap_or(name)
}

/// What is left of a step that is gone through again: its earlier result, which stands if its step key does.
fn to_do_again(row: &mut StepRow) {
    *row = StepRow {
        state: StepState::Pending,
        not_before: None,
        expansion: None,
        chosen: None,
        event_key: None,
        reason: None,
        for_failure: false,
        bypassed: false,
        retried_from: row.attempt,
        failure: None,
        ready_at: None,
        started_at: None,
        finished_at: None,
        ..row.clone()
    };
}

/// What is taken over of the run's own steps, with what is inside them.
struct Taken {
    /// They stay done: they ended well, and so did all that they come after.
    kept: BTreeSet<String>,
    /// They, and those that are gone through again although they ended: their earlier results may still stand.
    known: BTreeSet<String>,
}

impl Taken {
    fn of(source: &Snapshot, plan: &Plan, at: Option<&str>) -> Self {
        let rows: HashMap<&str, &StepRow> = source.steps.iter().map(|row| (row.name.as_str(), row)).collect();
        let before = &source.plan.layouts[0];
        let layout = &plan.layouts[0];
        let at = at.and_then(|at| layout.place(at));
        let mut taken = Self { kept: BTreeSet::new(), known: BTreeSet::new() };
        // Without a step everything is done anew, people's decisions included.
        let Some(at) = at else { return taken };
        let again = layout.graph.descendants(at);
        let mut pins = Pins { before: &source.plan.body, now: &plan.body, parts: HashMap::new() };
        for &local in &layout.graph.order {
            let step = &layout.steps[local];
            let Some(row) = rows.get(step.name.as_str()).filter(|row| row.state.is_terminal()) else {
                continue;
            };
            if before.place(&step.name).is_none_or(|known| before.steps[known] != *step) {
                continue;
            }
            taken.known.insert(step.name.clone());
            let over = match row.state {
                StepState::Completed => true,
                StepState::Skipped => !row.for_failure,
                StepState::Failed => {
                    let spare = step.fallback.as_deref().and_then(|name| rows.get(name));
                    step.continue_on_failure || spare.is_some_and(|row| row.state != StepState::Skipped)
                }
                _ => false,
            };
            let mut edges = layout.graph.predecessors[local].iter();
            let reached = edges.all(|edge| taken.kept.contains(&layout.steps[edge.from].name));
            // What another component or another part made is done anew: the run is pinned to these now.
            if over && reached && pins.are_same_for(step) && local != at && !again.contains(&local) {
                taken.kept.insert(step.name.clone());
            }
        }
        taken
    }
}

/// What two plans of the same steps are pinned to.
struct Pins<'a> {
    before: &'a PlanBody,
    now: &'a PlanBody,
    /// The workflows that were compared, each once.
    parts: HashMap<&'a str, bool>,
}

impl<'a> Pins<'a> {
    /// Whether a step, with all that is inside it, is done by the same components and made of the same parts.
    fn are_same_for(&mut self, step: &'a StepDefinition) -> bool {
        step.nodes().all(|node| match node {
            Node::Phase(phase) => {
                let plugin = split_phase(phase).map_or("", |(plugin, _)| plugin);
                self.before.plugins.get(plugin) == self.now.plugins.get(plugin)
            }
            Node::Workflow(part) => self.is_same_part(&part.name),
            node => node.body().is_none_or(|body| self.are_same_for(body)),
        })
    }

    fn is_same_part(&mut self, name: &'a str) -> bool {
        if let Some(known) = self.parts.get(name) {
            return *known;
        }
        let (before, now) = (self.before.workflows.get(name), self.now.workflows.get(name));
        let same =
            before == now && now.is_none_or(|part| part.steps.iter().all(|step| self.are_same_for(step)));
        self.parts.insert(name, same);
        same
    }
}
