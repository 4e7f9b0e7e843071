//! The whole store, as the binary hands it out.

use crate::{
    AcmeRecords, ApiKeys, Authorizations, ChangeFeed, ClientKeys, Clients, Consents, Health,
    IssuedCertificates, Issuers, RefreshFamilies, RevokedTokens, Sessions, SigningKeys, Users,
};

/// Everything a store does. Whoever needs one entity takes that entity's trait instead: an
/// `Arc<dyn Store>` turns into an `Arc<dyn ApiKeys>` by itself.
///
/// The functions lend one entity, because names such as `list` are shared.
pub trait Store:
    ApiKeys
    + Clients
    + ClientKeys
    + Users
    + Issuers
    + SigningKeys
    + RefreshFamilies
    + RevokedTokens
    + IssuedCertificates
    + Sessions
    + Consents
    + Authorizations
    + AcmeRecords
    + ChangeFeed
    + Health
{
    /// The API keys.
    fn api_keys(&self) -> &dyn ApiKeys;
    /// The clients.
    fn clients(&self) -> &dyn Clients;
    /// The keys of clients.
    fn client_keys(&self) -> &dyn ClientKeys;
    /// The users.
    fn users(&self) -> &dyn Users;
    /// The trusted issuers.
    fn issuers(&self) -> &dyn Issuers;
    /// The signing keys.
    fn signing_keys(&self) -> &dyn SigningKeys;
    /// The refresh families.
    fn refresh_families(&self) -> &dyn RefreshFamilies;
    /// The revoked tokens.
    fn revoked_tokens(&self) -> &dyn RevokedTokens;
    /// The issued certificates.
    fn issued_certificates(&self) -> &dyn IssuedCertificates;
    /// The sessions.
    fn sessions(&self) -> &dyn Sessions;
    /// The consents.
    fn consents(&self) -> &dyn Consents;
    /// The authorizations.
    fn authorizations(&self) -> &dyn Authorizations;
    /// What ACME authorities gave.
    fn acme(&self) -> &dyn AcmeRecords;
    /// The change log.
    fn changes(&self) -> &dyn ChangeFeed;
    /// The health question.
    fn health(&self) -> &dyn Health;
}

impl<S> Store for S
where
    S: ApiKeys
        + Clients
        + ClientKeys
        + Users
        + Issuers
        + SigningKeys
        + RefreshFamilies
        + RevokedTokens
        + IssuedCertificates
        + Sessions
        + Consents
        + Authorizations
        + AcmeRecords
        + ChangeFeed
        + Health,
{
    fn api_keys(&self) -> &dyn ApiKeys {
        self
    }
    fn clients(&self) -> &dyn Clients {
        self
    }
    fn client_keys(&self) -> &dyn ClientKeys {
        self
    }
    fn users(&self) -> &dyn Users {
        self
    }
    fn issuers(&self) -> &dyn Issuers {
        self
    }
    fn signing_keys(&self) -> &dyn SigningKeys {
        self
    }
    fn refresh_families(&self) -> &dyn RefreshFamilies {
        self
    }
    fn revoked_tokens(&self) -> &dyn RevokedTokens {
        self
    }
    fn issued_certificates(&self) -> &dyn IssuedCertificates {
        self
    }
    fn sessions(&self) -> &dyn Sessions {
        self
    }
    fn consents(&self) -> &dyn Consents {
        self
    }
    fn authorizations(&self) -> &dyn Authorizations {
        self
    }
    fn acme(&self) -> &dyn AcmeRecords {
        self
    }
    fn changes(&self) -> &dyn ChangeFeed {
        self
    }
    fn health(&self) -> &dyn Health {
        self
    }
}
