-- Keys with which clients sign requests: a public key, or a shared secret that is sealed.

CREATE TABLE client_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public_key TEXT,
    sealed BLOB,
    scopes TEXT NOT NULL,
    roles TEXT NOT NULL,
    allowed_cidrs TEXT NOT NULL,
    not_before BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL,
    CHECK ((public_key IS NULL) <> (sealed IS NULL))
);
