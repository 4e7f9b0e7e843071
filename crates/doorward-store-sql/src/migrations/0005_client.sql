-- OAuth clients. Of a secret only a digest is kept.

CREATE TABLE client (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    auth_method TEXT NOT NULL,
    secret_digest BLOB,
    secret_pepper_id TEXT,
    old_secret_digest BLOB,
    old_secret_pepper_id TEXT,
    old_secret_expires_at BIGINT,
    jwks TEXT,
    jwks_uri TEXT,
    grant_types TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    post_logout_redirect_uris TEXT NOT NULL,
    scopes TEXT NOT NULL,
    audiences TEXT NOT NULL,
    require_pkce BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CHECK ((secret_digest IS NULL) = (secret_pepper_id IS NULL)),
    CHECK ((old_secret_digest IS NULL) = (old_secret_pepper_id IS NULL)),
    CHECK ((old_secret_digest IS NULL) = (old_secret_expires_at IS NULL))
);
