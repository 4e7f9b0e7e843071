-- Families of refresh tokens. No token is stored: only which number is the live one.

CREATE TABLE refresh_family (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    sid TEXT,
    scopes TEXT NOT NULL,
    audiences TEXT NOT NULL,
    dpop_jkt TEXT,
    auth_time BIGINT,
    acr TEXT,
    generation BIGINT NOT NULL CHECK (generation >= 1),
    rotated_at BIGINT NOT NULL,
    idle_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE INDEX refresh_family_subject ON refresh_family (subject, client_id);
CREATE INDEX refresh_family_idle ON refresh_family (idle_until);
