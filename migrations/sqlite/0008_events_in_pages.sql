-- The events that a run has in one commit are one row. Numbers have no gaps, so that a page is found by them.
ALTER TABLE events RENAME TO single_events;

CREATE TABLE events (
    run_id    TEXT NOT NULL,
    last_seq  INTEGER NOT NULL, -- of its last event
    first_seq INTEGER NOT NULL,
    tenant_id TEXT NOT NULL,
    body      TEXT NOT NULL,    -- [{seq, type, step, at, data}]
    PRIMARY KEY (run_id, last_seq)
) STRICT, WITHOUT ROWID;

INSERT INTO events (run_id, last_seq, first_seq, tenant_id, body)
SELECT run_id, seq, seq, tenant_id,
       json_array(json_object('seq', seq, 'type', kind, 'step', step, 'at', at, 'data', json(data)))
FROM single_events;

DROP TABLE single_events;
