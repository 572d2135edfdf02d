-- Since when garbage collection finds that nothing names a blob: it is removed when it has found so for long enough.
ALTER TABLE blobs ADD COLUMN unnamed_since BIGINT;
