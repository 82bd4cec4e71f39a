-- Ids of jobs and runs are UUIDv7 as 16 bytes, times microseconds since the Unix epoch, structured values JSON text.

CREATE TABLE dataset (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    last_version INTEGER NOT NULL, -- numbers are never given twice
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE dataset_version (
    dataset_id INTEGER NOT NULL REFERENCES dataset (id),
    version    INTEGER NOT NULL CHECK (version > 0),
    digest     TEXT    NOT NULL, -- of bytes, format, hints and reader
    format     TEXT    NOT NULL,
    hints      TEXT    NOT NULL,
    schema     TEXT    NOT NULL,
    examples   INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    sha256     TEXT    NOT NULL, -- of the upload
    key        TEXT    NOT NULL, -- the prefix of the canonical form among the artifacts
    created_at INTEGER NOT NULL,
    PRIMARY KEY (dataset_id, version)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX dataset_version_content ON dataset_version (dataset_id, digest);
CREATE INDEX dataset_version_key ON dataset_version (key);

-- What changes while a job runs; its documents stand apart, so that a change does not rewrite them.
CREATE TABLE job (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name            TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('queued', 'running', 'paused', 'retrying', 'succeeded', 'failed', 'cancelled')),
    desired         TEXT    CHECK (desired IN ('cancelled', 'paused')),
    priority        INTEGER NOT NULL,
    not_before      INTEGER NOT NULL, -- a retry waits until then
    threads         INTEGER NOT NULL CHECK (threads > 0),
    memory_mb       INTEGER NOT NULL CHECK (memory_mb > 0),
    device          TEXT    NOT NULL,
    resolved_device TEXT, -- what auto became at the first start
    deterministic   INTEGER CHECK (deterministic IN (0, 1)),
    max_attempts    INTEGER NOT NULL,
    timeout_us      INTEGER, -- running time over all runs
    attempt         INTEGER NOT NULL, -- the fencing number
    failures        INTEGER NOT NULL, -- runs that count against max_attempts
    progress        TEXT    NOT NULL,
    metrics         TEXT    NOT NULL, -- the latest value by series
    error           TEXT,
    notes           TEXT    NOT NULL,
    model_name      TEXT    NOT NULL,
    made_model      TEXT, -- the first model version that the job made
    made_version    INTEGER,
    created_at      INTEGER NOT NULL,
    started_at      INTEGER,
    finished_at     INTEGER,
    CHECK ((finished_at IS NOT NULL) = (status IN ('succeeded', 'failed', 'cancelled')))
) STRICT;
CREATE INDEX job_queue ON job (priority DESC, id) WHERE status IN ('queued', 'retrying');
CREATE INDEX job_retry ON job (not_before) WHERE status IN ('queued', 'retrying') AND not_before > 0;
CREATE INDEX job_status ON job (status, id);
CREATE INDEX job_model ON job (model_name, id);

-- How many jobs wait at each priority, so that a place in a long queue is told without counting it.
CREATE TABLE queue_depth (
    priority INTEGER NOT NULL PRIMARY KEY,
    n        INTEGER NOT NULL CHECK (n >= 0)
) STRICT;
CREATE TRIGGER job_waits AFTER INSERT ON job WHEN NEW.status IN ('queued', 'retrying') BEGIN
    INSERT INTO queue_depth (priority, n) VALUES (NEW.priority, 1) ON CONFLICT (priority) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER job_leaves AFTER UPDATE OF status, priority ON job WHEN OLD.status IN ('queued', 'retrying') BEGIN
    UPDATE queue_depth SET n = n - 1 WHERE priority = OLD.priority;
END;
CREATE TRIGGER job_comes AFTER UPDATE OF status, priority ON job WHEN NEW.status IN ('queued', 'retrying') BEGIN
    INSERT INTO queue_depth (priority, n) VALUES (NEW.priority, 1) ON CONFLICT (priority) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER job_deleted AFTER DELETE ON job WHEN OLD.status IN ('queued', 'retrying') BEGIN
    UPDATE queue_depth SET n = n - 1 WHERE priority = OLD.priority;
END;

CREATE TABLE job_document (
    job_id BLOB NOT NULL PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    spec   TEXT NOT NULL, -- canonical; what runs, resumes and models use
    posted TEXT NOT NULL  -- for display
) STRICT;

CREATE TABLE job_label (
    job_id BLOB NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    key    TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (job_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_label_value ON job_label (key, value, job_id);

CREATE TABLE job_dataset (
    job_id     BLOB    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    dataset_id INTEGER NOT NULL REFERENCES dataset (id),
    version    INTEGER NOT NULL,
    PRIMARY KEY (job_id, dataset_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_dataset_use ON job_dataset (dataset_id, version, job_id);

CREATE TABLE run (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    job_id      BLOB    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    attempt     INTEGER NOT NULL CHECK (attempt > 0),
    status      TEXT    NOT NULL CHECK (status IN ('starting', 'running', 'succeeded', 'failed', 'cancelled', 'stopped', 'lost')),
    pid         INTEGER,
    start_time  INTEGER, -- of the process, in clock ticks since boot
    boot_id     TEXT,
    token_hash  BLOB,
    last_seq    INTEGER NOT NULL,
    from_step   INTEGER,
    device      TEXT    NOT NULL,
    threads     INTEGER,
    fingerprint TEXT,
    last_step   INTEGER NOT NULL,
    error       TEXT,
    claimed_at  INTEGER NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER,
    heard_at    INTEGER NOT NULL,
    CHECK ((pid IS NULL) = (start_time IS NULL) AND (pid IS NULL) = (boot_id IS NULL)),
    CHECK ((finished_at IS NULL) = (status IN ('starting', 'running')))
) STRICT;
CREATE UNIQUE INDEX run_attempt ON run (job_id, attempt);
CREATE INDEX run_open ON run (status) WHERE status IN ('starting', 'running');

-- One growing number for the whole server, never given twice.
CREATE TABLE event (
    id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    job_id BLOB    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    kind   TEXT    NOT NULL CHECK (kind IN ('status', 'progress', 'metrics', 'checkpoint', 'resumed', 'log', 'end')),
    data   TEXT    NOT NULL,
    time   INTEGER NOT NULL
) STRICT;
CREATE INDEX event_job ON event (job_id, id);

CREATE TABLE metric_series (
    id     INTEGER NOT NULL PRIMARY KEY,
    run_id BLOB    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    name   TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX metric_series_name ON metric_series (run_id, name);

-- Points of a series in the order they came, up to 4,096 a block; only the last block of a series is rewritten.
CREATE TABLE metric_block (
    series_id  INTEGER NOT NULL REFERENCES metric_series (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    first_step INTEGER NOT NULL, -- least and greatest
    last_step  INTEGER NOT NULL,
    n          INTEGER NOT NULL CHECK (n BETWEEN 1 AND 4096),
    min        REAL, -- of the finite values
    max        REAL,
    data       BLOB    NOT NULL, -- a version byte, then 32 bytes a point: step u64, epoch f64, time i64, value f64, little-endian
    UNIQUE (series_id, number)
) STRICT;

CREATE TABLE checkpoint (
    run_id     BLOB    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step       INTEGER NOT NULL,
    epoch      REAL    NOT NULL,
    key        TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (run_id, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
    run_id     BLOB    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    media_type TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;

-- A model that a run has written; it becomes a version when the run succeeds.
CREATE TABLE pending_model (
    run_id  BLOB    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    output  TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    sha256  TEXT    NOT NULL,
    bytes   INTEGER NOT NULL,
    metrics TEXT    NOT NULL,
    PRIMARY KEY (run_id, output)
) STRICT, WITHOUT ROWID;

CREATE TABLE model (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    last_version INTEGER NOT NULL, -- numbers are never given twice
    created_at   INTEGER NOT NULL
) STRICT;

-- Stays when its job is deleted. The alias latest is the greatest version and has no row.
CREATE TABLE model_version (
    model_id   INTEGER NOT NULL REFERENCES model (id),
    version    INTEGER NOT NULL CHECK (version > 0),
    job_id     BLOB    NOT NULL,
    run_id     BLOB    NOT NULL,
    output     TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    metrics    TEXT    NOT NULL,
    spec       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (model_id, version)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX model_version_run ON model_version (run_id, output);

CREATE TABLE model_alias (
    model_id   INTEGER NOT NULL,
    alias      TEXT    NOT NULL CHECK (alias <> 'latest'),
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (model_id, alias),
    FOREIGN KEY (model_id, version) REFERENCES model_version (model_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_alias_version ON model_alias (model_id, version);

-- Answers by caller, route and key, for a day.
CREATE TABLE idempotency (
    scope      TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    digest     BLOB    NOT NULL, -- of the body
    status     INTEGER NOT NULL,
    headers    TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT;
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE api_key (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL UNIQUE,
    hash       BLOB    NOT NULL UNIQUE,
    scopes     TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
