//! The store's rows from the database's.

use super::{
    ApprovalRow, ArtifactRow, AttemptRow, CommandRow, GrantRow, HostCallRow, PluginRow, RunRow, ScheduleRow,
    SignalRow, StepRow, StoreResult, UploadRow, WorkflowRow,
    read::{Columns, Record},
};
use crate::model::Order;

pub(super) fn run(row: &dyn Columns) -> StoreResult<RunRow> {
    let r = Record::of("runs", row);
    Ok(RunRow {
        id: r.parse("id")?,
        workflow: r.text("workflow")?,
        workflow_version: r.text("workflow_version")?,
        plan: r.parse("plan")?,
        state: r.parse("state")?,
        input: r.json("input")?,
        files: r.json("files")?,
        seed: r.parse("seed")?,
        as_of: r.at("as_of")?,
        owner: r.parse("owner")?,
        epoch: r.count("epoch")?,
        rev: r.count("rev")?,
        event_seq: r.count("event_seq")?,
        failure: r.optional_json("failure")?,
        auto_run: r.flag("auto_run")?,
        priority: r.count("priority")?,
        start_at: r.optional_at("start_at")?,
        schedule: r.optional("schedule")?,
        forked_from: r.optional("forked_from")?,
        forked_at: r.optional_text("forked_at")?,
        created_at: r.at("created_at")?,
        started_at: r.optional_at("started_at")?,
        finished_at: r.optional_at("finished_at")?,
    })
}

pub(super) fn step(row: &dyn Columns) -> StoreResult<StepRow> {
    let r = Record::of("steps", row);
    Ok(StepRow {
        name: r.text("name")?,
        ord: r.count("ord")?,
        phase: r.text("phase")?,
        state: r.parse("state")?,
        attempt: r.count("attempt")?,
        result_attempt: r.optional_count("result_attempt")?,
        retried_from: r.count("retried_from")?,
        not_before: r.optional_at("not_before")?,
        step_key: r.optional("step_key")?,
        expansion: r.optional_json("expansion")?,
        chosen: r.optional_text("chosen")?,
        overrides: r.optional_json("overrides")?,
        event_key: r.optional_text("event_key")?,
        output: r.optional_json("output")?,
        reason: r.optional_text("reason")?,
        for_failure: r.flag("for_failure")?,
        bypassed: r.flag("bypassed")?,
        failure: r.optional_json("failure")?,
        ready_at: r.optional_at("ready_at")?,
        started_at: r.optional_at("started_at")?,
        finished_at: r.optional_at("finished_at")?,
    })
}

pub(super) fn attempt(row: &dyn Columns) -> StoreResult<AttemptRow> {
    let r = Record::of("attempts", row);
    Ok(AttemptRow {
        id: r.parse("id")?,
        step: r.text("step")?,
        number: r.count("number")?,
        state: r.parse("state")?,
        host: r.parse("host")?,
        crashes: r.count("crashes")?,
        reused: r.flag("reused")?,
        overrides: r.optional_json("overrides")?,
        step_key: r.optional("step_key")?,
        output: r.optional_json("output")?,
        shared: r.optional_json("shared")?,
        expansion: r.optional_json("expansion")?,
        inside: r.optional_text("inside")?,
        failure: r.optional_json("failure")?,
        usage: r.optional_json("usage")?,
        log: r.optional_json("log")?,
        ready_at: r.optional_at("ready_at")?,
        started_at: r.at("started_at")?,
        finished_at: r.optional_at("finished_at")?,
    })
}

pub(super) fn artifact(row: &dyn Columns) -> StoreResult<ArtifactRow> {
    let r = Record::of("artifacts", row);
    Ok(ArtifactRow {
        step: r.text("step")?,
        name: r.text("name")?,
        version: r.count("version")?,
        attempt: r.count("attempt")?,
        digest: r.parse("digest")?,
        size: r.count("size")?,
        kind: r.name("kind")?,
        media_type: r.text("media_type")?,
        deliverable: r.flag("deliverable")?,
        restricted: r.flag("restricted")?,
        order: r.count("ord")?,
        description: r.text("description")?,
        created_at: r.at("created_at")?,
    })
}

pub(super) fn command(row: &dyn Columns) -> StoreResult<CommandRow> {
    let r = Record::of("commands", row);
    Ok(CommandRow {
        id: r.count("id")?,
        run: r.parse("run_id")?,
        order: Order { command: r.tagged("kind", "data")?, by: r.optional_text("given_by")? },
        tries: r.count("tries")?,
    })
}

pub(super) fn host_call(row: &dyn Columns) -> StoreResult<HostCallRow> {
    let r = Record::of("host_calls", row);
    Ok(HostCallRow {
        attempt: r.parse("attempt_id")?,
        seq: r.count("seq")?,
        kind: r.text("kind")?,
        request: r.json("request")?,
        request_digest: r.parse("request_digest")?,
        answer: r.optional_json("answer")?,
        started_at: r.at("started_at")?,
        answered_at: r.optional_at("answered_at")?,
    })
}

pub(super) fn approval(row: &dyn Columns) -> StoreResult<ApprovalRow> {
    let r = Record::of("approvals", row);
    Ok(ApprovalRow {
        id: r.parse("id")?,
        run: r.parse("run_id")?,
        step: r.text("step")?,
        kind: r.name("kind")?,
        request: r.json("request")?,
        state: r.name("state")?,
        deadline: r.optional_at("deadline")?,
        decision: r.optional_json("decision")?,
        decided_by: r.optional_text("decided_by")?,
        decided_at: r.optional_at("decided_at")?,
        created_at: r.at("created_at")?,
    })
}

pub(super) fn signal(row: &dyn Columns) -> StoreResult<SignalRow> {
    let r = Record::of("signals", row);
    Ok(SignalRow {
        id: r.count("id")?,
        key: r.text("key")?,
        data: r.json("data")?,
        created_at: r.at("created_at")?,
        taken: r.optional("taken_by")?.zip(r.optional_text("taken_step")?),
    })
}

pub(super) fn grant(row: &dyn Columns) -> StoreResult<GrantRow> {
    let r = Record::of("grants", row);
    Ok(GrantRow {
        plugin: r.text("plugin")?,
        capability: r.name("capability")?,
        created_at: r.at("created_at")?,
    })
}

pub(super) fn workflow(row: &dyn Columns) -> StoreResult<WorkflowRow> {
    let r = Record::of("workflows", row);
    Ok(WorkflowRow {
        name: r.text("name")?,
        version: r.text("version")?,
        body: r.text("body")?,
        digest: r.parse("digest")?,
        created_at: r.at("created_at")?,
    })
}

pub(super) fn schedule(row: &dyn Columns) -> StoreResult<ScheduleRow> {
    let r = Record::of("schedules", row);
    Ok(ScheduleRow {
        id: r.parse("id")?,
        name: r.text("name")?,
        workflow: r.text("workflow")?,
        input: r.text("input")?,
        cron: r.text("cron")?,
        time_zone: r.text("time_zone")?,
        missed: r.name("missed")?,
        enabled: r.flag("enabled")?,
        next_at: r.optional_at("next_at")?,
        last_at: r.optional_at("last_at")?,
        last_run: r.optional("last_run")?,
        last_error: r.optional_text("last_error")?,
        created_at: r.at("created_at")?,
    })
}

pub(super) fn plugin(row: &dyn Columns) -> StoreResult<PluginRow> {
    let r = Record::of("plugins", row);
    Ok(PluginRow {
        digest: r.parse("digest")?,
        name: r.text("name")?,
        version: r.text("version")?,
        manifest: r.text("manifest")?,
        size: r.count("size")?,
        source: r.name("source")?,
        active: r.flag("active")?,
        created_at: r.at("created_at")?,
    })
}

pub(super) fn upload(row: &dyn Columns) -> StoreResult<UploadRow> {
    let r = Record::of("uploads", row);
    Ok(UploadRow {
        id: r.parse("id")?,
        filename: r.text("filename")?,
        media_type: r.text("media_type")?,
        digest: r.parse("digest")?,
        size: r.count("size")?,
        created_at: r.at("created_at")?,
    })
}
