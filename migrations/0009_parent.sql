-- What a job begins with: the weights of a model's version, or where another job's training ended. What an unfinished job
-- begins with is not deleted.
CREATE TABLE job_parent (
    job_id  BLOB NOT NULL PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    model   TEXT,
    version INTEGER,
    job     BLOB,
    CHECK ((model IS NULL) = (version IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX job_parent_model ON job_parent (model, version) WHERE model IS NOT NULL;
CREATE INDEX job_parent_job ON job_parent (job) WHERE job IS NOT NULL;
