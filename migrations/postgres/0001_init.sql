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
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    digest     TEXT COLLATE "C" NOT NULL,
    size       BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
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
    created_at       BIGINT NOT NULL,
    started_at       BIGINT,
    finished_at      BIGINT
);
CREATE INDEX runs_tenant ON runs (tenant_id, id);
CREATE INDEX runs_unfinished ON runs (id) WHERE finished_at IS NULL;

CREATE TABLE steps (
    run_id      TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    tenant_id   TEXT COLLATE "C" NOT NULL,
    ord         BIGINT NOT NULL,
    phase       TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    attempt     BIGINT NOT NULL, -- number of the last attempt, 0 before the first
    not_before  BIGINT, -- when the next attempt may start
    step_key    TEXT COLLATE "C",
    output      TEXT COLLATE "C", -- value
    reason      TEXT COLLATE "C", -- of a skipped step
    failure     TEXT COLLATE "C",
    ready_at    BIGINT,
    started_at  BIGINT,
    finished_at BIGINT,
    PRIMARY KEY (run_id, name)
);

CREATE TABLE attempts (
    run_id      TEXT COLLATE "C" NOT NULL,
    step        TEXT COLLATE "C" NOT NULL,
    number      BIGINT NOT NULL, -- from 1
    tenant_id   TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    host        TEXT COLLATE "C" NOT NULL, -- the host that started or last replayed it
    crashes     BIGINT NOT NULL, -- hosts that died while it ran
    failure     TEXT COLLATE "C",
    usage       TEXT COLLATE "C",
    log         TEXT COLLATE "C", -- value: [{at_us, level, message}]
    started_at  BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (run_id, step, number)
);

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
