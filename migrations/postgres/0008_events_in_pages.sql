-- The events that a run has in one commit are one row. Numbers have no gaps, so that a page is found by them.
ALTER TABLE events RENAME TO single_events;
ALTER TABLE single_events RENAME CONSTRAINT events_pkey TO single_events_pkey;

CREATE TABLE events (
    run_id    TEXT COLLATE "C" NOT NULL,
    last_seq  BIGINT NOT NULL, -- of its last event
    first_seq BIGINT NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    body      TEXT COLLATE "C" NOT NULL,   -- [{seq, type, step, at, data}]
    PRIMARY KEY (run_id, last_seq)
);

INSERT INTO events (run_id, last_seq, first_seq, tenant_id, body)
SELECT run_id, seq, seq, tenant_id,
       CAST(json_build_array(json_build_object(
           'seq', seq, 'type', kind, 'step', step, 'at', at, 'data', CAST(data AS json)
       )) AS TEXT)
FROM single_events;

DROP TABLE single_events;
