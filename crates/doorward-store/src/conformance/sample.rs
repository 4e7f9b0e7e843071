//! Rows to test with.

use std::time::Duration;

use doorward_core::clock::Timestamp;
use doorward_core::net::Cidrs;
use doorward_core::scope::ScopeSet;
use doorward_core::secret::Secret;

use crate::{
    AcmeAccountRecord, AcmeCertificateRecord, ApiKeyId, ApiKeyRecord, ApprovedAuthorization,
    AuthorityRecord, ClientAuthMethod, ClientId, ClientKeyId, ClientKeyMaterial, ClientKeyRecord,
    ClientRecord, ClientSecretRecord, ConsentRecord, Environment, Given, GrantType,
    IssuedCertificateRecord, IssuerRecord, KeyKind, KeySource, PendingAuthorization,
    RefreshFamilyRecord, RefreshUse, RevokedToken, SessionRecord, SigningKeyRecord, Stage,
    UserName, UserRecord,
};

/// The moment `secs` seconds after the tests' beginning of time.
#[must_use]
pub const fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

/// The identifier of key number `n`.
#[must_use]
pub fn api_key_id(n: u64) -> ApiKeyId {
    ApiKeyId::parse(&format!("key_{n:016}")).unwrap()
}

/// The digest of key number `n`.
#[must_use]
pub fn digest(n: u64) -> [u8; 32] {
    let mut digest = [0xd1; 32];
    digest
        .iter_mut()
        .zip(n.to_be_bytes())
        .for_each(|(byte, new)| *byte = new);
    digest
}

/// Key number `n`, with every field that a new key can have.
#[must_use]
pub fn api_key(n: u64) -> ApiKeyRecord {
    ApiKeyRecord {
        id: api_key_id(n),
        name: format!("key {n}"),
        owner: format!("owner-{n}"),
        kind: KeyKind::Secret,
        environment: Environment::Live,
        digest: digest(n),
        pepper_id: "p1".to_owned(),
        hint: "dw_sk_live_ab".to_owned(),
        scopes: ScopeSet::parse("orders:read orders:write").unwrap(),
        roles: vec!["clerk".to_owned()],
        allowed_cidrs: Cidrs::parse(["10.0.0.0/8", "2001:db8::/32"]).unwrap(),
        not_before: Some(at(1)),
        expires_at: Some(at(10_000)),
        revoked_at: None,
        created_at: at(0),
        last_used_at: None,
        exposed_at: None,
        replaced_by: None,
    }
}

/// Client key number `n`.
#[must_use]
pub fn client_key(n: u64) -> ClientKeyRecord {
    ClientKeyRecord {
        id: ClientKeyId::parse(&format!("ck_{n:016}")).unwrap(),
        name: format!("client {n}"),
        owner: format!("owner-{n}"),
        algorithm: "ed25519".to_owned(),
        material: ClientKeyMaterial::Public("-----BEGIN PUBLIC KEY-----".to_owned()),
        scopes: ScopeSet::parse("orders:read").unwrap(),
        roles: vec!["clerk".to_owned()],
        allowed_cidrs: Cidrs::parse(["10.0.0.0/8"]).unwrap(),
        not_before: Some(at(1)),
        expires_at: Some(at(10_000)),
        revoked_at: None,
        created_at: at(0),
    }
}

/// A client's secret whose digest is `n`.
#[must_use]
pub fn client_secret(n: u8) -> ClientSecretRecord {
    ClientSecretRecord {
        digest: [n; 32],
        pepper_id: "p1".to_owned(),
        expires_at: None,
    }
}

/// Client number `n`.
#[must_use]
pub fn client(n: u8) -> ClientRecord {
    ClientRecord {
        id: ClientId::parse(&format!("client-{n:03}")).unwrap(),
        name: format!("client {n}'; --"),
        auth_method: ClientAuthMethod::SecretBasic,
        secret: Some(client_secret(n)),
        old_secret: Some(ClientSecretRecord {
            expires_at: Some(at(50)),
            ..client_secret(n + 100)
        }),
        jwks: None,
        jwks_uri: None,
        grant_types: vec![GrantType::AuthorizationCode, GrantType::JwtBearer],
        redirect_uris: vec!["https://c.example/cb?x=1".to_owned()],
        post_logout_redirect_uris: vec!["https://c.example/bye".to_owned()],
        scopes: ScopeSet::parse("orders:read orders:write").unwrap(),
        audiences: vec!["https://api.example".to_owned()],
        require_pkce: true,
        created_at: at(0),
    }
}

/// The name of user number `n`.
#[must_use]
pub fn user_name(n: u64) -> UserName {
    UserName::parse(&format!("user-{n:06}")).unwrap()
}

/// User number `n`.
#[must_use]
pub fn user(n: u64) -> UserRecord {
    UserRecord {
        name: user_name(n),
        password_hash: Secret::new(format!("$argon2id$hash-{n}")),
        scopes: ScopeSet::parse("orders:read").unwrap(),
        roles: vec!["clerk".to_owned(), "night".to_owned()],
        disabled_at: None,
        created_at: at(0),
        password_changed_at: at(0),
    }
}

/// Issuer number `n`.
#[must_use]
pub fn issuer(n: u64) -> IssuerRecord {
    IssuerRecord {
        name: format!("issuer-{n}"),
        issuer: format!("https://{n}.example"),
        audiences: vec!["https://api.example".to_owned()],
        keys: KeySource::Discovery,
        algorithms: vec!["ES256".to_owned()],
        types: vec!["at+jwt".to_owned()],
        leeway_secs: 30,
        subject_claim: "sub".to_owned(),
        scope_claim: "scope".to_owned(),
        roles_claim: "roles".to_owned(),
        created_at: at(0),
    }
}

/// Signing key number `n`.
#[must_use]
pub fn signing_key(n: u64, stage: Stage) -> SigningKeyRecord {
    SigningKeyRecord {
        kid: format!("kid-{n:06}"),
        algorithm: "ES256".to_owned(),
        stage,
        sealed: vec![0, 1, 2, 255],
        public_jwk: "{\"kty\":\"EC\"}".to_owned(),
        created_at: at(0),
        activated_at: (stage == Stage::Active).then(|| at(0)),
        retired_at: None,
        expires_at: None,
    }
}

/// Revoked token number `n`, expiring at second `expires`.
#[must_use]
pub fn revoked_token(n: u64, expires: i64) -> RevokedToken {
    RevokedToken {
        issuer: "https://a.example".to_owned(),
        jti: format!("jti-{n:06}"),
        expires_at: at(expires),
        revoked_at: at(0),
    }
}

/// An authority whose bytes are `n`.
#[must_use]
pub fn authority(n: u8) -> AuthorityRecord {
    AuthorityRecord {
        certificate: vec![n; 40],
        sealed: vec![n, 0, 1],
        created_at: at(i64::from(n)),
        expires_at: at(9000),
    }
}

/// Certificate number `n`, ending at second 1000 + `n`.
#[must_use]
pub fn issued_certificate(n: u64) -> IssuedCertificateRecord {
    let mut thumbprint = [0xc3; 32];
    thumbprint[..8].copy_from_slice(&n.to_be_bytes());
    IssuedCertificateRecord {
        id: format!("crt_{n:06}"),
        thumbprint,
        name: format!("certificate {n}"),
        subject: "billing'; --".to_owned(),
        scopes: ScopeSet::parse("a b").unwrap(),
        roles: vec!["r\"".to_owned()],
        created_at: at(1),
        expires_at: at(1000 + i64::try_from(n).unwrap()),
        revoked_at: None,
    }
}

/// Session number `n`, of one and the same user.
#[must_use]
pub fn session(n: u64) -> SessionRecord {
    SessionRecord {
        digest: digest(n),
        sid: format!("ses_{n:06}"),
        user: user_name(1),
        auth_time: at(-5),
        amr: vec!["pwd".to_owned()],
        agent: "Browser '; --".to_owned(),
        last_used_at: at(0),
        idle_expires_at: at(100),
        expires_at: at(1000),
    }
}

/// What a user allowed client number `n`.
#[must_use]
pub fn consent(n: u64) -> ConsentRecord {
    ConsentRecord {
        user: user_name(1),
        client_id: format!("client-{n}"),
        resource: String::new(),
        scopes: ScopeSet::parse("orders:read openid").unwrap(),
        granted_at: at(0),
        expires_at: at(100),
    }
}

/// Request number `n` that waits.
#[must_use]
pub fn pending(n: u64) -> PendingAuthorization {
    PendingAuthorization {
        digest: digest(n),
        client_id: "client-1".to_owned(),
        session: Some(digest(n + 500)),
        parameters: "client_id=client-1&state=%27%3B--".to_owned(),
        asked_at: at(0),
        expires_at: at(100),
    }
}

/// Code number `n`.
#[must_use]
pub fn approved(n: u64) -> ApprovedAuthorization {
    ApprovedAuthorization {
        digest: digest(n),
        client_id: "client-1".to_owned(),
        redirect_uri: "https://app.example/cb?a='".to_owned(),
        user: user_name(1),
        sid: "ses_1".to_owned(),
        scopes: ScopeSet::parse("orders:read openid").unwrap(),
        resources: vec!["https://api.example".to_owned()],
        code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
        nonce: Some("n'\"".to_owned()),
        dpop_jkt: Some("jkt".to_owned()),
        auth_time: at(-5),
        amr: vec!["pwd".to_owned()],
        acr: Some("1".to_owned()),
        expires_at: at(60),
        kept_until: at(120),
    }
}

/// What redemption number `n` gives.
#[must_use]
pub fn given(n: u64) -> Given {
    Given {
        jti: format!("jti-{n:06}"),
        expires_at: at(1000),
        family: Some(format!("fam_{n}")),
    }
}

/// An account with authority number `n`.
#[must_use]
pub fn acme_account(n: u8) -> AcmeAccountRecord {
    AcmeAccountRecord {
        directory: format!("https://ca-{n}.example/directory"),
        sealed: vec![n, 0, 255],
        created_at: at(1),
    }
}

/// A certificate for a host of authority number `n`.
#[must_use]
pub fn acme_certificate(n: u8, host: &str) -> AcmeCertificateRecord {
    AcmeCertificateRecord {
        directory: acme_account(n).directory,
        host: host.to_owned(),
        chain: "-----BEGIN CERTIFICATE-----".to_owned(),
        sealed: vec![n, 0, 7],
        not_before: at(1),
        not_after: at(9000),
        obtained_at: at(2),
    }
}

/// Refresh family number `n`, idle until second 1000.
#[must_use]
pub fn refresh_family(n: u8) -> RefreshFamilyRecord {
    RefreshFamilyRecord {
        id: format!("family-{n:03}"),
        client_id: format!("client-{n:03}"),
        subject: "alice".to_owned(),
        sid: Some("sid'; --".to_owned()),
        scopes: ScopeSet::parse("orders:read orders:write").unwrap(),
        audiences: vec!["https://api.example".to_owned()],
        dpop_jkt: Some("jkt".to_owned()),
        auth_time: Some(at(-5)),
        acr: Some("pwd".to_owned()),
        generation: 1,
        rotated_at: at(0),
        idle_until: at(1000),
        expires_at: at(5000),
        revoked_at: None,
        created_at: at(0),
    }
}

/// Token number `generation` of family `n`, shown at second `secs` with a grace of 5 seconds.
#[must_use]
pub fn refresh_use(n: u8, generation: i64, secs: i64) -> RefreshUse {
    RefreshUse {
        id: format!("family-{n:03}"),
        generation,
        now: at(secs),
        grace: Duration::from_secs(5),
        idle_until: at(secs + 1000),
        ends: RevokedToken {
            issuer: "https://door.example".to_owned(),
            jti: format!("family-{n:03}"),
            expires_at: at(secs + 100),
            revoked_at: at(secs),
        },
    }
}
