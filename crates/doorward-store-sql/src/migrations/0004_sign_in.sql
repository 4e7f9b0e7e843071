-- Sessions of browsers, consents, and authorizations on their way to tokens. Each row has the
-- moment at which it may be swept, and an index to find it by.

CREATE TABLE session (
    digest BLOB PRIMARY KEY,
    sid TEXT NOT NULL,
    user_name TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    agent TEXT NOT NULL,
    last_used_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX session_by_user ON session (user_name);
CREATE INDEX session_by_end ON session (ends_at);

CREATE TABLE consent (
    user_name TEXT NOT NULL,
    client_id TEXT NOT NULL,
    resource TEXT NOT NULL,
    scopes TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (user_name, client_id, resource)
);
CREATE INDEX consent_by_end ON consent (expires_at);

CREATE TABLE pending_authorization (
    digest BLOB PRIMARY KEY,
    client_id TEXT NOT NULL,
    session BLOB,
    parameters TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_authorization_by_end ON pending_authorization (expires_at);

CREATE TABLE approved_authorization (
    digest BLOB PRIMARY KEY,
    client_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    user_name TEXT NOT NULL,
    sid TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    code_challenge TEXT,
    nonce TEXT,
    dpop_jkt TEXT,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    acr TEXT,
    expires_at BIGINT NOT NULL,
    kept_until BIGINT NOT NULL,
    gave_jti TEXT,
    gave_until BIGINT,
    gave_family TEXT,
    CHECK ((gave_jti IS NULL) = (gave_until IS NULL))
);
CREATE INDEX approved_authorization_by_user ON approved_authorization (user_name);
CREATE INDEX approved_authorization_by_end ON approved_authorization (kept_until);
