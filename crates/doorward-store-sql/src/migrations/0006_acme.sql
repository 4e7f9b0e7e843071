-- Accounts with ACME authorities and the certificates that they gave; private keys are sealed.

CREATE TABLE acme_account (
    directory TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE acme_certificate (
    directory TEXT NOT NULL,
    host TEXT NOT NULL,
    chain TEXT NOT NULL,
    sealed BLOB NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    obtained_at BIGINT NOT NULL,
    PRIMARY KEY (directory, host)
);
