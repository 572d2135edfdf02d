//! How a transition's rows are written: each table with its columns, and where a cell comes from.

use super::{
    ApprovalRow, ArtifactRow, AttemptRow, BlobRef, Creation, HostCallRow, StepRow, Transition,
    pages::Page,
    sql::{Batch, Conflict, ToCell, json, name, optional, optional_json},
};
use crate::model::Timestamp;

/// Where the runs of a group stand. They are locked: until the group is committed, no other host takes them.
pub(super) static HEADS: Batch<Transition> = Batch::sql(
    &[("id", |t, _| t.run.id.cell())],
    "SELECT id, epoch, rev FROM runs WHERE id IN (SELECT id FROM v) ORDER BY id FOR UPDATE",
    "SELECT id, epoch, rev FROM runs WHERE id = ?1",
);

pub(super) static PLANS: Batch<Creation> = Batch::insert(
    "plans",
    &[
        ("tenant_id", |t, _| t.tenant.cell()),
        ("digest", |t, _| t.run.plan.cell()),
        ("body", |_, creation| creation.plan.cell()),
    ],
    Conflict::Keep(2),
);

pub(super) static BLOBS: Batch<BlobRef> = Batch::insert(
    "blobs",
    &[
        ("tenant_id", |t, _| t.tenant.cell()),
        ("digest", |_, blob| blob.digest.cell()),
        ("size", |_, blob| blob.size.cell()),
        ("named_at", |t, _| t.at().cell().into_owned()),
        ("unnamed_since", |_, _| Timestamp::NULL),
    ],
    Conflict::Replace(2),
);

pub(super) static NEW_RUNS: Batch<Creation> = Batch::insert(
    "runs",
    &[
        ("id", |t, _| t.run.id.cell()),
        ("tenant_id", |t, _| t.tenant.cell()),
        ("workflow", |t, _| t.run.workflow.cell()),
        ("workflow_version", |t, _| t.run.workflow_version.cell()),
        ("plan", |t, _| t.run.plan.cell()),
        ("state", |t, _| t.run.state.cell()),
        ("input", |t, _| t.run.input.cell()),
        ("files", |t, _| json(&t.run.files)),
        ("seed", |t, _| t.run.seed.cell()),
        ("as_of", |t, _| t.run.as_of.cell()),
        ("owner", |t, _| t.run.owner.cell()),
        ("epoch", |t, _| t.run.epoch.cell()),
        ("rev", |t, _| t.run.rev.cell()),
        ("event_seq", |t, _| t.run.event_seq.cell()),
        ("failure", |t, _| optional_json(t.run.failure.as_ref())),
        ("auto_run", |t, _| t.run.auto_run.cell()),
        ("priority", |t, _| t.run.priority.cell()),
        ("start_at", |t, _| t.run.start_at.cell()),
        ("schedule", |t, _| t.run.schedule.cell()),
        ("forked_from", |t, _| t.run.forked_from.cell()),
        ("forked_at", |t, _| t.run.forked_at.cell()),
        ("created_at", |t, _| t.run.created_at.cell()),
        ("started_at", |t, _| t.run.started_at.cell()),
        ("finished_at", |t, _| t.run.finished_at.cell()),
    ],
    Conflict::Refuse,
);

pub(super) static KEYS: Batch<Creation> = Batch::insert(
    "idempotency_keys",
    &[
        ("tenant_id", |t, _| t.tenant.cell()),
        ("key", |_, creation| optional(creation.idempotency.as_ref().map(|key| &key.key))),
        ("request_digest", |_, creation| optional(creation.idempotency.as_ref().map(|key| &key.request))),
        ("run_id", |t, _| t.run.id.cell()),
        ("created_at", |t, _| t.run.created_at.cell()),
    ],
    Conflict::Refuse,
);

/// What may change of a run, of its last transition in the group.
pub(super) static RUNS: Batch<Transition> = Batch::sql(
    &[
        ("id", |t, _| t.run.id.cell()),
        ("state", |t, _| t.run.state.cell()),
        ("owner", |t, _| t.run.owner.cell()),
        ("rev", |t, _| t.run.rev.cell()),
        ("event_seq", |t, _| t.run.event_seq.cell()),
        ("failure", |t, _| optional_json(t.run.failure.as_ref())),
        ("auto_run", |t, _| t.run.auto_run.cell()),
        ("priority", |t, _| t.run.priority.cell()),
        ("start_at", |t, _| t.run.start_at.cell()),
        ("started_at", |t, _| t.run.started_at.cell()),
        ("finished_at", |t, _| t.run.finished_at.cell()),
    ],
    "UPDATE runs SET state = v.state, owner = v.owner, rev = v.rev, event_seq = v.event_seq, failure = v.failure,
                     auto_run = v.auto_run, priority = v.priority, start_at = v.start_at,
                     started_at = v.started_at, finished_at = v.finished_at
     FROM v WHERE runs.id = v.id",
    "UPDATE runs SET state = ?2, owner = ?3, rev = ?4, event_seq = ?5, failure = ?6, auto_run = ?7, priority = ?8,
                     start_at = ?9, started_at = ?10, finished_at = ?11
     WHERE id = ?1",
);

pub(super) static STEPS: Batch<StepRow> = Batch::insert(
    "steps",
    &[
        ("run_id", |t, _| t.run.id.cell()),
        ("name", |_, step| step.name.cell()),
        ("tenant_id", |t, _| t.tenant.cell()),
        ("ord", |_, step| step.ord.cell()),
        ("phase", |_, step| step.phase.cell()),
        ("state", |_, step| step.state.cell()),
        ("attempt", |_, step| step.attempt.cell()),
        ("result_attempt", |_, step| step.result_attempt.cell()),
        ("retried_from", |_, step| step.retried_from.cell()),
        ("not_before", |_, step| step.not_before.cell()),
        ("step_key", |_, step| step.step_key.cell()),
        ("expansion", |_, step| step.expansion.cell()),
        ("chosen", |_, step| step.chosen.cell()),
        ("overrides", |_, step| optional_json(step.overrides.as_ref())),
        ("event_key", |_, step| step.event_key.cell()),
        ("output", |_, step| step.output.cell()),
        ("reason", |_, step| step.reason.cell()),
        ("for_failure", |_, step| step.for_failure.cell()),
        ("bypassed", |_, step| step.bypassed.cell()),
        ("failure", |_, step| optional_json(step.failure.as_ref())),
        ("ready_at", |_, step| step.ready_at.cell()),
        ("started_at", |_, step| step.started_at.cell()),
        ("finished_at", |_, step| step.finished_at.cell()),
    ],
    Conflict::Replace(2),
);

pub(super) static ATTEMPTS: Batch<AttemptRow> = Batch::insert(
    "attempts",
    &[
        ("run_id", |t, _| t.run.id.cell()),
        ("step", |_, attempt| attempt.step.cell()),
        ("number", |_, attempt| attempt.number.cell()),
        ("tenant_id", |t, _| t.tenant.cell()),
        ("id", |_, attempt| attempt.id.cell()),
        ("state", |_, attempt| attempt.state.cell()),
        ("host", |_, attempt| attempt.host.cell()),
        ("crashes", |_, attempt| attempt.crashes.cell()),
        ("reused", |_, attempt| attempt.reused.cell()),
        ("overrides", |_, attempt| optional_json(attempt.overrides.as_ref())),
        ("step_key", |_, attempt| attempt.step_key.cell()),
        ("output", |_, attempt| attempt.output.cell()),
        ("shared", |_, attempt| optional_json(attempt.shared.as_ref())),
        ("expansion", |_, attempt| attempt.expansion.cell()),
        ("inside", |_, attempt| attempt.inside.cell()),
        ("failure", |_, attempt| optional_json(attempt.failure.as_ref())),
        ("usage", |_, attempt| optional_json(attempt.usage.as_ref())),
        ("log", |_, attempt| attempt.log.cell()),
        ("ready_at", |_, attempt| attempt.ready_at.cell()),
        ("started_at", |_, attempt| attempt.started_at.cell()),
        ("finished_at", |_, attempt| attempt.finished_at.cell()),
    ],
    Conflict::Replace(3),
);

/// A row is the name of a step that is no more.
pub(super) static REMOVED_STEPS: Batch<String> = Batch::sql(
    &[("run_id", |t, _| t.run.id.cell()), ("name", |_, name| name.cell())],
    "DELETE FROM steps WHERE (run_id, name) IN (SELECT run_id, name FROM v)",
    "DELETE FROM steps WHERE run_id = ?1 AND name = ?2",
);

pub(super) static HOST_CALLS: Batch<HostCallRow> = Batch::insert(
    "host_calls",
    &[
        ("run_id", |t, _| t.run.id.cell()),
        ("attempt_id", |_, call| call.attempt.cell()),
        ("seq", |_, call| call.seq.cell()),
        ("tenant_id", |t, _| t.tenant.cell()),
        ("kind", |_, call| call.kind.cell()),
        ("request", |_, call| call.request.cell()),
        ("request_digest", |_, call| call.request_digest.cell()),
        ("answer", |_, call| call.answer.cell()),
        ("started_at", |_, call| call.started_at.cell()),
        ("answered_at", |_, call| call.answered_at.cell()),
    ],
    Conflict::Replace(3),
);

pub(super) static APPROVALS: Batch<ApprovalRow> = Batch::insert(
    "approvals",
    &[
        ("id", |_, approval| approval.id.cell()),
        ("tenant_id", |t, _| t.tenant.cell()),
        ("run_id", |_, approval| approval.run.cell()),
        ("step", |_, approval| approval.step.cell()),
        ("kind", |_, approval| name(&approval.kind)),
        ("request", |_, approval| json(&approval.request)),
        ("state", |_, approval| name(&approval.state)),
        ("deadline", |_, approval| approval.deadline.cell()),
        ("decision", |_, approval| optional_json(approval.decision.as_ref())),
        ("decided_by", |_, approval| approval.decided_by.cell()),
        ("decided_at", |_, approval| approval.decided_at.cell()),
        ("created_at", |_, approval| approval.created_at.cell()),
    ],
    Conflict::Replace(1),
);

pub(super) static ARTIFACTS: Batch<ArtifactRow> = Batch::insert(
    "artifacts",
    &[
        ("run_id", |t, _| t.run.id.cell()),
        ("step", |_, artifact| artifact.step.cell()),
        ("name", |_, artifact| artifact.name.cell()),
        ("version", |_, artifact| artifact.version.cell()),
        ("tenant_id", |t, _| t.tenant.cell()),
        ("attempt", |_, artifact| artifact.attempt.cell()),
        ("digest", |_, artifact| artifact.digest.cell()),
        ("size", |_, artifact| artifact.size.cell()),
        ("kind", |_, artifact| name(&artifact.kind)),
        ("media_type", |_, artifact| artifact.media_type.cell()),
        ("deliverable", |_, artifact| artifact.deliverable.cell()),
        ("restricted", |_, artifact| artifact.restricted.cell()),
        ("ord", |_, artifact| artifact.order.cell()),
        ("description", |_, artifact| artifact.description.cell()),
        ("created_at", |_, artifact| artifact.created_at.cell()),
    ],
    Conflict::Refuse,
);

/// A row is a key of the transition's shared state.
pub(super) static SHARED: Batch<String> = Batch::insert(
    "shared_state",
    &[
        ("run_id", |t, _| t.run.id.cell()),
        ("key", |_, key| key.cell()),
        ("tenant_id", |t, _| t.tenant.cell()),
        ("step", |t, key| optional(t.shared.get(key).map(|(step, _)| step))),
        ("value", |t, key| optional(t.shared.get(key).map(|(_, value)| value))),
    ],
    Conflict::Replace(2),
);

pub(super) static EVENTS: Batch<Page> = Batch::insert(
    "events",
    &[
        ("run_id", |t, _| t.run.id.cell()),
        ("last_seq", |_, page| page.last.cell()),
        ("first_seq", |_, page| page.first.cell()),
        ("tenant_id", |t, _| t.tenant.cell()),
        ("body", |_, page| page.body.cell()),
    ],
    Conflict::Refuse,
);

/// A row is a command's id.
pub(super) static COMMANDS_DONE: Batch<i64> = Batch::sql(
    &[("id", |_, id| id.cell())],
    "DELETE FROM commands WHERE id IN (SELECT id FROM v)",
    "DELETE FROM commands WHERE id = ?1",
);

/// A row is a signal's id, and the step that takes it. It changes fewer rows than it has if one was taken before.
pub(super) static SIGNALS_TAKEN: Batch<(i64, String)> = Batch::sql(
    &[
        ("id", |_, taken| taken.0.cell()),
        ("tenant_id", |t, _| t.tenant.cell()),
        ("run_id", |t, _| t.run.id.cell()),
        ("step", |_, taken| taken.1.cell()),
    ],
    "UPDATE signals SET taken_by = v.run_id, taken_step = v.step
     FROM v WHERE signals.id = v.id AND signals.tenant_id = v.tenant_id AND signals.taken_by IS NULL",
    "UPDATE signals SET taken_by = ?3, taken_step = ?4 WHERE id = ?1 AND tenant_id = ?2 AND taken_by IS NULL",
);
