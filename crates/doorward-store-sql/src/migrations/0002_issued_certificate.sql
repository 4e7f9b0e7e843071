-- Our own authority for client certificates: one, whatever the program does.
CREATE TABLE certificate_authority (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    certificate BLOB NOT NULL,
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE issued_certificate (
    id TEXT PRIMARY KEY,
    thumbprint BLOB NOT NULL UNIQUE CHECK (length(thumbprint) = 32),
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    scopes TEXT NOT NULL,
    roles TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE INDEX issued_certificate_expiry ON issued_certificate (expires_at);
