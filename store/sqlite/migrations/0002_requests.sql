-- Calls with a request id, and what became of their items.
CREATE TABLE requests (
    key        BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of account, method and id
    hash       BLOB    NOT NULL,             -- SHA-256 of the request
    owner      TEXT    NOT NULL,
    intent     TEXT    NOT NULL,
    since      INTEGER NOT NULL, -- by the clock of the owner
    state      INTEGER NOT NULL,
    doubted    INTEGER NOT NULL,
    outcome    BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX requests_by_end ON requests (expires_at);
