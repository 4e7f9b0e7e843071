//! What Doorward remembers, and the verbs it may use on it.
//!
//! What it is: one file per entity with its record and its small trait, an in-memory store, and
//! (feature `conformance`) the suite that every store must pass.
//!
//! What it never does: SQL, hashing, reading clocks, deciding who may enter. It holds digests and
//! sealed bytes, never a usable key.
//!
//! Where to start: [`Store`], then [`api_key`]. Every verb is atomic: what two callers at once
//! would race for is in its result, never in a read followed by a write.

pub mod acme;
pub mod api_key;
pub mod authorization;
pub mod change;
pub mod client;
pub mod client_key;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod consent;
pub mod error;
#[cfg(any(test, feature = "conformance"))]
pub mod faulty;
pub mod health;
pub mod issued_certificate;
pub mod issuer;
pub mod key_view;
pub mod memory;
pub mod refresh_family;
pub mod revoked_token;
pub mod session;
pub mod signing_key;
pub mod store;
pub mod user;

pub use acme::{AcmeAccountRecord, AcmeCertificateRecord, AcmeRecords};
pub use api_key::{
    ApiKeyAmended, ApiKeyAmendment, ApiKeyId, ApiKeyIdRef, ApiKeyRecord, ApiKeyRotation, ApiKeys,
    Environment, KeyKind,
};
pub use authorization::{
    ApprovedAuthorization, Authorizations, Given, PendingAuthorization, Redemption,
};
pub use change::{Change, ChangeFeed, Changes, Entity};
pub use client::{
    ClientAuthMethod, ClientId, ClientRecord, ClientSecretRecord, Clients, GrantType,
};
pub use client_key::{ClientKeyId, ClientKeyMaterial, ClientKeyRecord, ClientKeys};
pub use consent::{ConsentRecord, Consents};
pub use error::StoreError;
pub use health::Health;
pub use issued_certificate::{AuthorityRecord, IssuedCertificateRecord, IssuedCertificates};
pub use issuer::{IssuerRecord, Issuers, KeySource};
pub use key_view::{KeyTerms, KeyView, KeyVisitor};
pub use memory::MemoryStore;
pub use refresh_family::{RefreshFamilies, RefreshFamilyRecord, RefreshRotation, RefreshUse};
pub use revoked_token::{RevokedToken, RevokedTokens};
pub use session::{SessionRecord, Sessions};
pub use signing_key::{SigningKeyRecord, SigningKeyRotation, SigningKeys, Stage};
pub use store::Store;
pub use user::{UserName, UserRecord, Users};
