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
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    digest     TEXT NOT NULL,
    size       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
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
    created_at       INTEGER NOT NULL,
    started_at       INTEGER,
    finished_at      INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_tenant ON runs (tenant_id, id);
CREATE INDEX runs_unfinished ON runs (id) WHERE finished_at IS NULL;

CREATE TABLE steps (
    run_id      TEXT NOT NULL,
    name        TEXT NOT NULL,
    tenant_id   TEXT NOT NULL,
    ord         INTEGER NOT NULL,
    phase       TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempt     INTEGER NOT NULL, -- number of the last attempt, 0 before the first
    not_before  INTEGER,          -- when the next attempt may start
    step_key    TEXT,
    output      TEXT,             -- value
    reason      TEXT,             -- of a skipped step
    failure     TEXT,
    ready_at    INTEGER,
    started_at  INTEGER,
    finished_at INTEGER,
    PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    run_id      TEXT NOT NULL,
    step        TEXT NOT NULL,
    number      INTEGER NOT NULL, -- from 1
    tenant_id   TEXT NOT NULL,
    id          TEXT NOT NULL,
    state       TEXT NOT NULL,
    host        TEXT NOT NULL,    -- the host that started or last replayed it
    crashes     INTEGER NOT NULL, -- hosts that died while it ran
    failure     TEXT,
    usage       TEXT,
    log         TEXT,             -- value: [{at_us, level, message}]
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (run_id, step, number)
) STRICT, WITHOUT ROWID;

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
