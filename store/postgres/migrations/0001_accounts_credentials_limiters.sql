-- Times are those of the database's clock. NULL = none.

CREATE TABLE amogate.accounts (
    name        text COLLATE "C" NOT NULL PRIMARY KEY,
    url         text        NOT NULL,
    upstream_id bigint      NOT NULL, -- 0 = not known yet
    created_at  timestamptz NOT NULL,
    revision    bigint      NOT NULL
);

CREATE TABLE amogate.credentials (
    account     text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES amogate.accounts (name) ON DELETE CASCADE,
    kind        text        NOT NULL,
    generation  bigint      NOT NULL,
    key_id      text        NOT NULL,
    sealed      bytea       NOT NULL,
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz,
    state       text        NOT NULL,
    reason      text        NOT NULL,
    lease_owner text        NOT NULL,
    lease_epoch bigint      NOT NULL,
    lease_until timestamptz, -- NULL = nobody refreshes
    unsettled   boolean     NOT NULL,
    failures    bigint      NOT NULL,
    retry_at    timestamptz
);

CREATE TABLE amogate.authorizations (
    state_hash bytea       NOT NULL PRIMARY KEY, -- SHA-256
    account    text        NOT NULL,
    url        text        NOT NULL,
    expires_at timestamptz NOT NULL
);

-- What limiters must remember over a crash.
CREATE TABLE amogate.limiter_states (
    key     text COLLATE "C" NOT NULL PRIMARY KEY,
    version bigint NOT NULL,
    data    bytea  NOT NULL
);

-- The next slot of each account. It changes with every request, so it is not
-- logged: a crash of the database empties it, and a row that is missing is made
-- again with a first slot that is far enough. Rows change in place where a page
-- has room, and what they leave behind is swept often.
CREATE UNLOGGED TABLE amogate.limiter_slots (
    key     text COLLATE "C" NOT NULL PRIMARY KEY,
    next_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- The replicas that live.
CREATE UNLOGGED TABLE amogate.limiter_replicas (
    replica text COLLATE "C" NOT NULL PRIMARY KEY,
    seen_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
