-- Which key posted a job, so that the unfinished jobs of a key can be bounded.
ALTER TABLE job ADD COLUMN poster TEXT;
CREATE INDEX job_poster ON job (poster) WHERE poster IS NOT NULL AND finished_at IS NULL;
