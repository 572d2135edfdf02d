-- Statistics and lists of a span of time read the runs of that span alone.
CREATE INDEX runs_created ON runs (tenant_id, created_at);
