//! How a transition's rows are written: each table with its columns, and where a cell comes from.

use super::{
    ArtifactRow, AttemptRow, BlobRef, Creation, StepRow, Transition,
    sql::{Batch, Cell, Conflict, ToCell, json, name, optional_json},
};
use crate::model::Event;

/// Where the runs of a group stand. They are locked: until the group is committed, no other host takes them.
pub(super) static HEADS: Batch<Transition> = Batch::sql(
    &[("id", |t, _| t.run.id.cell())],
    "SELECT id, epoch, rev FROM runs WHERE id IN (SELECT id FROM v) ORDER BY id FOR UPDATE",
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
        ("created_at", |t, _| t.at().cell()),
    ],
    Conflict::Keep(2),
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
        ("key", |_, creation| creation.idempotency.as_ref().map(|key| &key.key).cell()),
        ("request_digest", |_, creation| creation.idempotency.as_ref().map(|key| key.request).cell()),
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
        ("started_at", |t, _| t.run.started_at.cell()),
        ("finished_at", |t, _| t.run.finished_at.cell()),
    ],
    "UPDATE runs SET state = v.state, owner = v.owner, rev = v.rev, event_seq = v.event_seq, failure = v.failure,
                     started_at = v.started_at, finished_at = v.finished_at
     FROM v WHERE runs.id = v.id",
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
        ("not_before", |_, step| step.not_before.cell()),
        ("step_key", |_, step| step.step_key.cell()),
        ("output", |_, step| step.output.cell()),
        ("reason", |_, step| step.reason.cell()),
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
        ("failure", |_, attempt| optional_json(attempt.failure.as_ref())),
        ("usage", |_, attempt| optional_json(attempt.usage.as_ref())),
        ("log", |_, attempt| attempt.log.cell()),
        ("started_at", |_, attempt| attempt.started_at.cell()),
        ("finished_at", |_, attempt| attempt.finished_at.cell()),
    ],
    Conflict::Replace(3),
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
        ("step", |t, key| t.shared.get(key).map(|(step, _)| step).cell()),
        ("value", |t, key| t.shared.get(key).map(|(_, value)| value).cell()),
    ],
    Conflict::Replace(2),
);

pub(super) static EVENTS: Batch<Event> = Batch::insert(
    "events",
    &[
        ("run_id", |_, event| event.run_id.cell()),
        ("seq", |_, event| event.seq.cell()),
        ("tenant_id", |t, _| t.tenant.cell()),
        ("kind", |_, event| event.kind.cell()),
        ("step", |_, event| event.step.cell()),
        ("at", |_, event| event.at.cell()),
        ("data", |_, event| if event.data.is_null() { Cell::Text(None) } else { json(&event.data) }),
    ],
    Conflict::Refuse,
);

/// A row is a command's id.
pub(super) static COMMANDS_DONE: Batch<i64> =
    Batch::sql(&[("id", |_, id| id.cell())], "DELETE FROM commands WHERE id IN (SELECT id FROM v)");
