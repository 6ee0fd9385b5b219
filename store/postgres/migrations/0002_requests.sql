-- Calls with a request id, and what became of their items.
CREATE TABLE amogate.requests (
    key        bytea       NOT NULL PRIMARY KEY, -- SHA-256 of account, method and id
    hash       bytea       NOT NULL,             -- SHA-256 of the request
    owner      text        NOT NULL,
    intent     text        NOT NULL,
    since      timestamptz NOT NULL, -- by the clock of the owner
    state      bigint      NOT NULL,
    doubted    boolean     NOT NULL,
    outcome    bytea       NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX requests_by_end ON amogate.requests (expires_at);

-- The processes that carry out calls, and how long they live without another word.
CREATE TABLE amogate.request_owners (
    owner text COLLATE "C" NOT NULL PRIMARY KEY,
    until timestamptz NOT NULL
);
