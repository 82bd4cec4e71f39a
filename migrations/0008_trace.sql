-- The request that posted a job, as `traceparent` is written, so that its runs belong to the same trace.
ALTER TABLE job ADD COLUMN trace TEXT;
