-- Moments are milliseconds since the Unix epoch. Lists are JSON, scopes are separated by spaces.

CREATE TABLE change_head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    head BIGINT NOT NULL,
    floor BIGINT NOT NULL
);

INSERT INTO change_head (id, head, floor) VALUES (1, 0, 0);

CREATE TABLE change_log (
    seq BIGINT PRIMARY KEY,
    entity TEXT NOT NULL,
    id TEXT NOT NULL
);

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    environment TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    pepper_id TEXT NOT NULL,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    roles TEXT NOT NULL,
    allowed_cidrs TEXT NOT NULL,
    not_before BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    exposed_at BIGINT,
    replaced_by TEXT
);

CREATE TABLE app_user (
    name TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    roles TEXT NOT NULL,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    password_changed_at BIGINT NOT NULL
);

CREATE TABLE issuer (
    name TEXT PRIMARY KEY,
    issuer TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL
);

CREATE TABLE signing_key (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('next', 'active', 'retired')),
    sealed BLOB NOT NULL,
    public_jwk TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at BIGINT,
    expires_at BIGINT
);

-- One key signs and one is next, whatever the program does.
CREATE UNIQUE INDEX signing_key_one_per_stage ON signing_key (stage)
    WHERE stage IN ('next', 'active');

CREATE TABLE revoked_token (
    issuer TEXT NOT NULL,
    jti TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, jti)
);

CREATE INDEX revoked_token_expiry ON revoked_token (expires_at);
