-- How many jobs are of each status, so that they are told without counting them.
CREATE TABLE job_count (
    status TEXT    NOT NULL PRIMARY KEY,
    n      INTEGER NOT NULL CHECK (n >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO job_count (status, n)
    SELECT value, (SELECT count(*) FROM job WHERE status = value)
    FROM json_each('["queued", "running", "paused", "retrying", "succeeded", "failed", "cancelled"]');
CREATE TRIGGER job_counted AFTER INSERT ON job BEGIN
    UPDATE job_count SET n = n + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER job_counted_anew AFTER UPDATE OF status ON job WHEN OLD.status <> NEW.status BEGIN
    UPDATE job_count SET n = n - 1 WHERE status = OLD.status;
    UPDATE job_count SET n = n + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER job_uncounted AFTER DELETE ON job BEGIN
    UPDATE job_count SET n = n - 1 WHERE status = OLD.status;
END;
