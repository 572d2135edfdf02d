-- Every table that belongs to a tenant carries tenant_id, and every query of a tenant names it.
-- Times are microseconds since 1970-01-01T00:00:00Z. Booleans are 0 and 1. Digests are 64 hexadecimal digits.
-- Text compares byte by byte, as on SQLite, whatever the server's locale: COLLATE "C".
-- A "value" column holds {"json": TEXT} for a small document or {"blob": DIGEST, "size": N} for a large one.

CREATE TABLE tenants (
    id         TEXT COLLATE "C" PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- One row for each start of a host. A host that stopped by itself has stopped_at; one that has none has crashed, or runs.
CREATE TABLE hosts (
    id         TEXT COLLATE "C" PRIMARY KEY,
    started_at BIGINT NOT NULL,
    stopped_at BIGINT
);

CREATE TABLE tokens (
    id         TEXT COLLATE "C" PRIMARY KEY,
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name       TEXT COLLATE "C" NOT NULL,
    hash       TEXT COLLATE "C" NOT NULL UNIQUE,
    role       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);

CREATE TABLE blobs (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    digest    TEXT COLLATE "C" NOT NULL,
    size      BIGINT NOT NULL,
    named_at  BIGINT NOT NULL, -- when a row was last written that names it: what is young is no garbage
    PRIMARY KEY (tenant_id, digest)
);

-- A component that was ever loaded stays, because runs are pinned to it; active tells which one new runs take.
CREATE TABLE plugins (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    digest     TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    version    TEXT COLLATE "C" NOT NULL,
    manifest   TEXT COLLATE "C" NOT NULL,
    size       BIGINT NOT NULL,
    source     TEXT COLLATE "C" NOT NULL,
    active     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, digest)
);
CREATE UNIQUE INDEX plugins_active ON plugins (tenant_id, name) WHERE active = 1;

-- What a plugin may use in a tenant beyond what every plugin may.
CREATE TABLE grants (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    plugin     TEXT COLLATE "C" NOT NULL, -- its name: a new version keeps what was granted
    capability TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, plugin, capability)
);

-- The tenants' own workflows. A version never changes; a deleted one stays, so that its number cannot mean two things.
CREATE TABLE workflows (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name       TEXT COLLATE "C" NOT NULL,
    version    TEXT COLLATE "C" NOT NULL,
    body       TEXT COLLATE "C" NOT NULL,
    digest     TEXT COLLATE "C" NOT NULL, -- of the body
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (tenant_id, name, version)
);

CREATE TABLE schedules (
    id         TEXT COLLATE "C" PRIMARY KEY,
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name       TEXT COLLATE "C" NOT NULL,
    workflow   TEXT COLLATE "C" NOT NULL,
    input      TEXT COLLATE "C" NOT NULL,
    cron       TEXT COLLATE "C" NOT NULL,
    time_zone  TEXT COLLATE "C" NOT NULL,
    missed     TEXT COLLATE "C" NOT NULL, -- run_once, run_all or skip
    enabled    BIGINT NOT NULL,
    next_at    BIGINT, -- null when it is disabled, and when it will never be due again
    last_at    BIGINT,
    last_run   TEXT COLLATE "C",
    last_error TEXT COLLATE "C", -- why the last time that was due started nothing
    created_at BIGINT NOT NULL,
    UNIQUE (tenant_id, name)
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE uploads (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id         TEXT COLLATE "C" NOT NULL,
    filename   TEXT COLLATE "C" NOT NULL,
    media_type TEXT COLLATE "C" NOT NULL,
    digest     TEXT COLLATE "C" NOT NULL,
    size       BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- What runs execute: the definition and the digests of its plugins, shared by the runs that have the same.
CREATE TABLE plans (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    digest    TEXT COLLATE "C" NOT NULL,
    body      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, digest)
);

CREATE TABLE runs (
    id               TEXT COLLATE "C" PRIMARY KEY,
    tenant_id        TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    workflow         TEXT COLLATE "C" NOT NULL,
    workflow_version TEXT COLLATE "C" NOT NULL,
    plan             TEXT COLLATE "C" NOT NULL,
    state            TEXT COLLATE "C" NOT NULL,
    input            TEXT COLLATE "C" NOT NULL, -- value
    files            TEXT COLLATE "C" NOT NULL, -- [{name, media_type, size, digest}]
    seed             TEXT COLLATE "C" NOT NULL, -- 64 hexadecimal digits
    as_of            BIGINT NOT NULL,
    owner            TEXT COLLATE "C" NOT NULL,
    epoch            BIGINT NOT NULL, -- of the owner's lease: a write under another epoch is refused
    rev              BIGINT NOT NULL, -- transitions committed so far: a write that does not follow the last is refused
    event_seq        BIGINT NOT NULL, -- number of the last event
    failure          TEXT COLLATE "C",
    auto_run         BIGINT NOT NULL, -- 0: each step waits until somebody triggers it
    priority         BIGINT NOT NULL, -- the higher goes first
    start_at         BIGINT, -- not before; null: at once
    schedule         TEXT COLLATE "C", -- that started it
    forked_from      TEXT COLLATE "C", -- run
    forked_at        TEXT COLLATE "C", -- step
    created_at       BIGINT NOT NULL,
    started_at       BIGINT,
    finished_at      BIGINT
);
CREATE INDEX runs_tenant ON runs (tenant_id, id);
CREATE INDEX runs_unfinished ON runs (id) WHERE finished_at IS NULL;
CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE steps (
    run_id         TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL, -- of a step inside another it is a path: fan[3]/extract
    tenant_id      TEXT COLLATE "C" NOT NULL,
    ord            BIGINT NOT NULL,
    phase          TEXT COLLATE "C" NOT NULL,
    state          TEXT COLLATE "C" NOT NULL,
    attempt        BIGINT NOT NULL, -- number of the last attempt, 0 before the first
    result_attempt BIGINT, -- number of the attempt whose result counts
    not_before     BIGINT, -- when the next attempt may start
    step_key       TEXT COLLATE "C",
    expansion      TEXT COLLATE "C", -- value: what a map or a loop goes through
    chosen         TEXT COLLATE "C", -- the case that a condition took
    overrides      TEXT COLLATE "C", -- what was edited for this run
    event_key      TEXT COLLATE "C", -- the outside event that it waits for
    output         TEXT COLLATE "C", -- value
    reason         TEXT COLLATE "C", -- of a skipped step
    failure        TEXT COLLATE "C",
    ready_at       BIGINT,
    started_at     BIGINT,
    finished_at    BIGINT,
    PRIMARY KEY (run_id, name)
);
CREATE INDEX steps_event ON steps (tenant_id, event_key) WHERE event_key IS NOT NULL;

CREATE TABLE attempts (
    run_id      TEXT COLLATE "C" NOT NULL,
    step        TEXT COLLATE "C" NOT NULL,
    number      BIGINT NOT NULL, -- from 1
    tenant_id   TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    host        TEXT COLLATE "C" NOT NULL, -- the host that started or last replayed it
    crashes     BIGINT NOT NULL, -- hosts that died while it ran
    reused      BIGINT NOT NULL, -- 1: nothing ran, an earlier result of the same step key was taken
    overrides   TEXT COLLATE "C", -- what was edited of its step for it
    step_key    TEXT COLLATE "C",
    output      TEXT COLLATE "C", -- value
    shared      TEXT COLLATE "C", -- {key: value}: the shared state that it set
    failure     TEXT COLLATE "C",
    usage       TEXT COLLATE "C",
    log         TEXT COLLATE "C", -- value: [{at_us, level, message}]
    ready_at    BIGINT,
    started_at  BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (run_id, step, number)
);

-- The journal: what an attempt asked of the host, answered before the guest sees it. A replay asks the same again.
CREATE TABLE host_calls (
    run_id         TEXT COLLATE "C" NOT NULL,
    attempt_id     TEXT COLLATE "C" NOT NULL,
    seq            BIGINT NOT NULL, -- from 0, without gaps, within the attempt
    tenant_id      TEXT COLLATE "C" NOT NULL,
    kind           TEXT COLLATE "C" NOT NULL,
    request        TEXT COLLATE "C" NOT NULL, -- value
    request_digest TEXT COLLATE "C" NOT NULL,
    answer         TEXT COLLATE "C", -- value; null while it is open
    started_at     BIGINT NOT NULL,
    answered_at    BIGINT,
    PRIMARY KEY (run_id, attempt_id, seq)
);

-- What people are asked to decide.
CREATE TABLE approvals (
    id         TEXT COLLATE "C" PRIMARY KEY,
    tenant_id  TEXT COLLATE "C" NOT NULL,
    run_id     TEXT COLLATE "C" NOT NULL,
    step       TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL, -- checkpoint, guest or review
    request    TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL, -- open, decided, expired or withdrawn
    deadline   BIGINT,
    decision   TEXT COLLATE "C",
    decided_by TEXT COLLATE "C",
    decided_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX approvals_open ON approvals (tenant_id, id) WHERE state = 'open';
CREATE INDEX approvals_run ON approvals (run_id);

-- Events from outside, by a key that sender and run agree on. Each is taken by one step.
CREATE TABLE signals (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    key        TEXT COLLATE "C" NOT NULL,
    data       TEXT COLLATE "C" NOT NULL, -- value
    created_at BIGINT NOT NULL,
    taken_by   TEXT COLLATE "C", -- run
    taken_step TEXT COLLATE "C"
);
CREATE INDEX signals_waiting ON signals (tenant_id, key, id) WHERE taken_by IS NULL;
CREATE INDEX signals_taken ON signals (taken_by) WHERE taken_by IS NOT NULL;

CREATE TABLE shared_state (
    run_id    TEXT COLLATE "C" NOT NULL,
    key       TEXT COLLATE "C" NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    step      TEXT COLLATE "C" NOT NULL, -- that wrote it last
    value     TEXT COLLATE "C" NOT NULL, -- value
    PRIMARY KEY (run_id, key)
);

-- The highest version is the latest.
CREATE TABLE artifacts (
    run_id      TEXT COLLATE "C" NOT NULL,
    step        TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    tenant_id   TEXT COLLATE "C" NOT NULL,
    attempt     BIGINT NOT NULL,
    digest      TEXT COLLATE "C" NOT NULL,
    size        BIGINT NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    media_type  TEXT COLLATE "C" NOT NULL,
    deliverable BIGINT NOT NULL,
    ord         BIGINT NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (run_id, step, name, version)
);

CREATE TABLE events (
    run_id    TEXT COLLATE "C" NOT NULL,
    seq       BIGINT NOT NULL, -- from 1, without gaps, within the run
    tenant_id TEXT COLLATE "C" NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    step      TEXT COLLATE "C",
    at        BIGINT NOT NULL,
    data      TEXT COLLATE "C",
    PRIMARY KEY (run_id, seq)
);

-- What people and programs want done to a run. Its owner takes it up, and deletes it in the transition that does it.
CREATE TABLE commands (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  TEXT COLLATE "C" NOT NULL,
    run_id     TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    data       TEXT COLLATE "C",
    tries      BIGINT NOT NULL, -- hosts that have taken it up: one that kills them is not done for ever
    refused    TEXT COLLATE "C", -- why it cannot be done, for whoever asked
    created_at BIGINT NOT NULL
);
CREATE INDEX commands_run ON commands (run_id);

CREATE TABLE idempotency_keys (
    tenant_id      TEXT COLLATE "C" NOT NULL,
    key            TEXT COLLATE "C" NOT NULL,
    request_digest TEXT COLLATE "C" NOT NULL,
    run_id         TEXT COLLATE "C" NOT NULL,
    created_at     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_keys_run ON idempotency_keys (run_id);
