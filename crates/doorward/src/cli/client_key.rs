//! `doorward client-key` and `doorward sign`: what can be said.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};
use doorward_core::ScopeSet;

use super::value::{self, End};
use super::{ConfigArgs, One};

/// `doorward client-key`
#[derive(Subcommand)]
pub enum ClientKey {
    /// Adds a public key, or makes a shared secret and shows it once.
    #[command(
        after_help = "Examples:\n  doorward client-key add --name billing --alg ed25519 --public-key billing.pem --scope invoices:read\n  doorward client-key add --name billing --alg hmac-sha256 --scope invoices:read --json"
    )]
    Add(Box<ClientKeyAdd>),
    /// Lists keys, never their secrets.
    #[command(after_help = "Example: doorward client-key list --json")]
    List(ConfigArgs),
    /// Shows a key's record.
    #[command(after_help = "Example: doorward client-key show ck_5gT1xQ8b2LmN4pRs")]
    Show(One),
    /// Revokes a key at once and for ever.
    #[command(after_help = "Example: doorward client-key revoke ck_5gT1xQ8b2LmN4pRs")]
    Revoke(One),
}

/// `doorward client-key add`
#[derive(Args)]
pub struct ClientKeyAdd {
    /// What people call it.
    #[arg(long)]
    pub name: String,
    /// Whom it acts as; the name when absent.
    #[arg(long)]
    pub owner: Option<String>,
    /// The identifier that requests name; made up when absent.
    #[arg(long)]
    pub keyid: Option<String>,
    /// The one algorithm it is for: ed25519, ecdsa-p256-sha256, ecdsa-p384-sha384,
    /// rsa-pss-sha512, rsa-v1_5-sha256, hmac-sha256 or aws4-hmac-sha256.
    #[arg(long = "alg", value_parser = value::signature_algorithm)]
    pub algorithm: String,
    /// Reads the public key (PEM or JWK) from a file.
    #[arg(long, conflicts_with = "secret_file", value_hint = ValueHint::FilePath)]
    pub public_key: Option<PathBuf>,
    /// Reads the shared secret from a file instead of making one: in base64, or as it is for
    /// aws4-hmac-sha256.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub secret_file: Option<PathBuf>,
    /// A scope; may be given several times or with spaces.
    #[arg(long = "scope", value_parser = value::scopes)]
    pub scopes: Vec<ScopeSet>,
    /// A role; may be given several times.
    #[arg(long = "role")]
    pub roles: Vec<String>,
    /// When it ends: 90d, 24h, or never.
    #[arg(long, default_value = "90d", value_parser = value::end)]
    pub expires: End,
    /// When it starts, from now: 1h.
    #[arg(long, value_parser = value::span)]
    pub not_before: Option<Duration>,
    /// An address block that may use it; may be given several times.
    #[arg(long = "cidr", value_parser = value::cidr)]
    pub cidrs: Vec<String>,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward sign`
#[derive(Args)]
pub struct Sign {
    /// The URL of the request.
    #[arg(value_hint = ValueHint::Url)]
    pub url: String,
    /// The request's method; POST when there is a body, else GET.
    #[arg(short = 'X', long = "request")]
    pub method: Option<String>,
    /// A header, as in curl; may be given several times.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The body.
    #[arg(short = 'd', long, conflicts_with = "data_file")]
    pub data: Option<String>,
    /// Reads the body from a file.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub data_file: Option<PathBuf>,
    /// The identifier of the key.
    #[arg(long)]
    pub keyid: String,
    /// The key's algorithm.
    #[arg(long = "alg", value_parser = value::signature_algorithm)]
    pub algorithm: String,
    /// Reads the private key (PEM, PKCS#8) from a file.
    #[arg(long, required_unless_present = "secret_file", conflicts_with = "secret_file", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
    /// Reads the shared secret from a file, as `client-key add` showed it.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub secret_file: Option<PathBuf>,
    /// One more component to cover; may be given several times.
    #[arg(long = "cover", value_name = "COMPONENT")]
    pub cover: Vec<String>,
    /// The tag of the signature.
    #[arg(long)]
    pub tag: Option<String>,
    /// When the signature ends: 60s.
    #[arg(long, value_parser = value::span)]
    pub expires: Option<Duration>,
    /// The region, for aws4-hmac-sha256.
    #[arg(long, requires = "service")]
    pub region: Option<String>,
    /// The service, for aws4-hmac-sha256.
    #[arg(long, requires = "region")]
    pub service: Option<String>,
    /// Signs a link that is good so long, for aws4-hmac-sha256: 15m.
    #[arg(long, value_parser = value::span, requires = "region", conflicts_with_all = ["only_headers", "data", "data_file", "expires"])]
    pub presign: Option<Duration>,
    /// Prints only the headers, one a line, as `curl -H @-` reads them.
    #[arg(long, conflicts_with = "json")]
    pub only_headers: bool,
    /// Prints one JSON document instead of text; a failure as {"error": "..."}.
    #[arg(long)]
    pub json: bool,
}
