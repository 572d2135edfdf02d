-- A file that not everybody who may see the run may see, such as a key from masked to original ids.
ALTER TABLE artifacts ADD COLUMN restricted BIGINT NOT NULL DEFAULT 0;
