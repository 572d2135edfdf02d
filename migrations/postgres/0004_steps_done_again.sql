-- A step that was skipped because something else failed is gone through again when that is; the reason's text is for people.
ALTER TABLE steps ADD COLUMN for_failure BIGINT NOT NULL DEFAULT 0;
-- Number of the last attempt before somebody had the step done again: the retry policy counts from there.
ALTER TABLE steps ADD COLUMN retried_from BIGINT NOT NULL DEFAULT 0;
UPDATE steps SET for_failure = 1 WHERE state = 'skipped' AND reason LIKE 'step % failed';
UPDATE steps SET retried_from = CASE WHEN result_attempt < attempt THEN result_attempt ELSE attempt - 1 END
WHERE result_attempt IS NOT NULL AND attempt > 0;
