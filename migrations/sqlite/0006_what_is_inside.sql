-- What a map, a loop or a part went through in an attempt, as steps.expansion has it of the last one.
ALTER TABLE attempts ADD COLUMN expansion TEXT;
-- Which results were inside one of the run's own steps when an attempt at it completed: a rollback brings back all of them.
-- Null for attempts of before.
ALTER TABLE attempts ADD COLUMN inside TEXT;
