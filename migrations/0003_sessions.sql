-- Browsers that signed in with a key. Of a session's secret only the hash is kept.
CREATE TABLE session (
    hash       BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    key        INTEGER NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_key ON session (key, created_at);
