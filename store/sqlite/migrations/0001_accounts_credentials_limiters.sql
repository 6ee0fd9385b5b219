-- Times are microseconds since 1970 by the clock of the process. NULL = none.

CREATE TABLE accounts (
    name        TEXT    NOT NULL PRIMARY KEY,
    url         TEXT    NOT NULL,
    upstream_id INTEGER NOT NULL, -- 0 = not known yet
    created_at  INTEGER NOT NULL,
    revision    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
    account     TEXT    NOT NULL PRIMARY KEY REFERENCES accounts (name) ON DELETE CASCADE,
    kind        TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    key_id      TEXT    NOT NULL,
    sealed      BLOB    NOT NULL,
    issued_at   INTEGER NOT NULL,
    expires_at  INTEGER,
    state       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    lease_owner TEXT    NOT NULL,
    lease_epoch INTEGER NOT NULL,
    lease_until INTEGER, -- NULL = nobody refreshes
    unsettled   INTEGER NOT NULL,
    failures    INTEGER NOT NULL,
    retry_at    INTEGER
) STRICT;

CREATE TABLE authorizations (
    state_hash BLOB    NOT NULL PRIMARY KEY, -- SHA-256
    account    TEXT    NOT NULL,
    url        TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What limiters must remember over a restart; their slots are in memory.
CREATE TABLE limiter_states (
    key     TEXT    NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    data    BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
