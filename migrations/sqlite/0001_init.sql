-- Every table that belongs to a tenant carries tenant_id, and every query of a tenant names it.
-- Times are microseconds since 1970-01-01T00:00:00Z. Booleans are 0 and 1. Digests are 64 hexadecimal digits.
-- A "value" column holds {"json": TEXT} for a small document or {"blob": DIGEST, "size": N} for a large one.

CREATE TABLE tenants (
    id         TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each start of a host. A host that stopped by itself has stopped_at; one that has none has crashed, or runs.
CREATE TABLE hosts (
    id         TEXT PRIMARY KEY,
    started_at INTEGER NOT NULL,
    stopped_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    hash       TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    digest    TEXT NOT NULL,
    size      INTEGER NOT NULL,
    named_at  INTEGER NOT NULL, -- when a row was last written that names it: what is young is no garbage
    PRIMARY KEY (tenant_id, digest)
) STRICT, WITHOUT ROWID;

-- A component that was ever loaded stays, because runs are pinned to it; active tells which one new runs take.
CREATE TABLE plugins (
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    digest     TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    TEXT NOT NULL,
    manifest   TEXT NOT NULL,
    size       INTEGER NOT NULL,
    source     TEXT NOT NULL,
    active     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, digest)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX plugins_active ON plugins (tenant_id, name) WHERE active = 1;

-- What a plugin may use in a tenant beyond what every plugin may.
CREATE TABLE grants (
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    plugin     TEXT NOT NULL, -- its name: a new version keeps what was granted
    capability TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, plugin, capability)
) STRICT, WITHOUT ROWID;

-- The tenants' own workflows. A version never changes; a deleted one stays, so that its number cannot mean two things.
CREATE TABLE workflows (
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    version    TEXT NOT NULL,
    body       TEXT NOT NULL,
    digest     TEXT NOT NULL, -- of the body
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (tenant_id, name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    workflow   TEXT NOT NULL,
    input      TEXT NOT NULL,
    cron       TEXT NOT NULL,
    time_zone  TEXT NOT NULL,
    missed     TEXT NOT NULL, -- run_once, run_all or skip
    enabled    INTEGER NOT NULL,
    next_at    INTEGER,       -- null when it is disabled, and when it will never be due again
    last_at    INTEGER,
    last_run   TEXT,
    last_error TEXT, -- why the last time that was due started nothing
    created_at INTEGER NOT NULL,
    UNIQUE (tenant_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE uploads (
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    id         TEXT NOT NULL,
    filename   TEXT NOT NULL,
    media_type TEXT NOT NULL,
    digest     TEXT NOT NULL,
    size       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- What runs execute: the definition and the digests of its plugins, shared by the runs that have the same.
CREATE TABLE plans (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    digest    TEXT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (tenant_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id               TEXT PRIMARY KEY,
    tenant_id        TEXT NOT NULL REFERENCES tenants (id),
    workflow         TEXT NOT NULL,
    workflow_version TEXT NOT NULL,
    plan             TEXT NOT NULL,
    state            TEXT NOT NULL,
    input            TEXT NOT NULL, -- value
    files            TEXT NOT NULL, -- [{name, media_type, size, digest}]
    seed             TEXT NOT NULL, -- 64 hexadecimal digits
    as_of            INTEGER NOT NULL,
    owner            TEXT NOT NULL,
    epoch            INTEGER NOT NULL, -- of the owner's lease: a write under another epoch is refused
    rev              INTEGER NOT NULL, -- transitions committed so far: a write that does not follow the last is refused
    event_seq        INTEGER NOT NULL, -- number of the last event
    failure          TEXT,
    auto_run         INTEGER NOT NULL, -- 0: each step waits until somebody triggers it
    priority         INTEGER NOT NULL, -- the higher goes first
    start_at         INTEGER,          -- not before; null: at once
    schedule         TEXT,             -- that started it
    forked_from      TEXT,             -- run
    forked_at        TEXT,             -- step
    created_at       INTEGER NOT NULL,
    started_at       INTEGER,
    finished_at      INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_tenant ON runs (tenant_id, id);
CREATE INDEX runs_unfinished ON runs (id) WHERE finished_at IS NULL;
CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE steps (
    run_id         TEXT NOT NULL,
    name           TEXT NOT NULL,    -- of a step inside another it is a path: fan[3]/extract
    tenant_id      TEXT NOT NULL,
    ord            INTEGER NOT NULL,
    phase          TEXT NOT NULL,
    state          TEXT NOT NULL,
    attempt        INTEGER NOT NULL, -- number of the last attempt, 0 before the first
    result_attempt INTEGER,          -- number of the attempt whose result counts
    not_before     INTEGER,          -- when the next attempt may start
    step_key       TEXT,
    expansion      TEXT,             -- value: what a map or a loop goes through
    chosen         TEXT,             -- the case that a condition took
    overrides      TEXT,             -- what was edited for this run
    event_key      TEXT,             -- the outside event that it waits for
    output         TEXT,             -- value
    reason         TEXT,             -- of a skipped step
    failure        TEXT,
    ready_at       INTEGER,
    started_at     INTEGER,
    finished_at    INTEGER,
    PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX steps_event ON steps (tenant_id, event_key) WHERE event_key IS NOT NULL;

CREATE TABLE attempts (
    run_id      TEXT NOT NULL,
    step        TEXT NOT NULL,
    number      INTEGER NOT NULL, -- from 1
    tenant_id   TEXT NOT NULL,
    id          TEXT NOT NULL,
    state       TEXT NOT NULL,
    host        TEXT NOT NULL,    -- the host that started or last replayed it
    crashes     INTEGER NOT NULL, -- hosts that died while it ran
    reused      INTEGER NOT NULL, -- 1: nothing ran, an earlier result of the same step key was taken
    overrides   TEXT, -- what was edited of its step for it
    step_key    TEXT,
    output      TEXT,             -- value
    shared      TEXT,             -- {key: value}: the shared state that it set
    failure     TEXT,
    usage       TEXT,
    log         TEXT,             -- value: [{at_us, level, message}]
    ready_at    INTEGER,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (run_id, step, number)
) STRICT, WITHOUT ROWID;

-- The journal: what an attempt asked of the host, answered before the guest sees it. A replay asks the same again.
CREATE TABLE host_calls (
    run_id         TEXT NOT NULL,
    attempt_id     TEXT NOT NULL,
    seq            INTEGER NOT NULL, -- from 0, without gaps, within the attempt
    tenant_id      TEXT NOT NULL,
    kind           TEXT NOT NULL,
    request        TEXT NOT NULL,    -- value
    request_digest TEXT NOT NULL,
    answer         TEXT,             -- value; null while it is open
    started_at     INTEGER NOT NULL,
    answered_at    INTEGER,
    PRIMARY KEY (run_id, attempt_id, seq)
) STRICT, WITHOUT ROWID;

-- What people are asked to decide.
CREATE TABLE approvals (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL,
    run_id     TEXT NOT NULL,
    step       TEXT NOT NULL,
    kind       TEXT NOT NULL, -- checkpoint, guest or review
    request    TEXT NOT NULL,
    state      TEXT NOT NULL, -- open, decided, expired or withdrawn
    deadline   INTEGER,
    decision   TEXT,
    decided_by TEXT,
    decided_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_open ON approvals (tenant_id, id) WHERE state = 'open';
CREATE INDEX approvals_run ON approvals (run_id);

-- Events from outside, by a key that sender and run agree on. Each is taken by one step.
CREATE TABLE signals (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    key        TEXT NOT NULL,
    data       TEXT NOT NULL, -- value
    created_at INTEGER NOT NULL,
    taken_by   TEXT,          -- run
    taken_step TEXT
) STRICT;
CREATE INDEX signals_waiting ON signals (tenant_id, key, id) WHERE taken_by IS NULL;
CREATE INDEX signals_taken ON signals (taken_by) WHERE taken_by IS NOT NULL;

CREATE TABLE shared_state (
    run_id    TEXT NOT NULL,
    key       TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    step      TEXT NOT NULL, -- that wrote it last
    value     TEXT NOT NULL, -- value
    PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

-- The highest version is the latest.
CREATE TABLE artifacts (
    run_id      TEXT NOT NULL,
    step        TEXT NOT NULL,
    name        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    tenant_id   TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    digest      TEXT NOT NULL,
    size        INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    media_type  TEXT NOT NULL,
    deliverable INTEGER NOT NULL,
    ord         INTEGER NOT NULL,
    description TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (run_id, step, name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    run_id    TEXT NOT NULL,
    seq       INTEGER NOT NULL, -- from 1, without gaps, within the run
    tenant_id TEXT NOT NULL,
    kind      TEXT NOT NULL,
    step      TEXT,
    at        INTEGER NOT NULL,
    data      TEXT,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

-- What people and programs want done to a run. Its owner takes it up, and deletes it in the transition that does it.
CREATE TABLE commands (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id  TEXT NOT NULL,
    run_id     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    data       TEXT,
    tries      INTEGER NOT NULL, -- hosts that have taken it up: one that kills them is not done for ever
    refused    TEXT, -- why it cannot be done, for whoever asked
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX commands_run ON commands (run_id);

CREATE TABLE idempotency_keys (
    tenant_id      TEXT NOT NULL,
    key            TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    run_id         TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_run ON idempotency_keys (run_id);
