-- A step that was skipped because the run took another way: what comes after it is not on the way either. Somebody who skips a
-- step says nothing of the way.
ALTER TABLE steps ADD COLUMN bypassed BIGINT NOT NULL DEFAULT 0;
UPDATE steps SET bypassed = 1 WHERE state = 'skipped' AND reason = 'the run took another way';
