//! The command line: what can be said, not what is done about it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueHint, value_parser};
use doorward_core::ScopeSet;
use doorward_store::{Environment, KeyKind};

use value::End;

pub mod cert;
pub mod client;
pub mod client_key;
pub mod grants;
pub mod value;

pub use cert::{Cert, CertIssue};
pub use client::{Client, ClientAdd, ClientRotate};
pub use client_key::{ClientKey, ClientKeyAdd, Sign};
pub use grants::Grants;

/// The guard at an API's door.
#[derive(Parser)]
#[command(
    name = "doorward",
    version,
    about = "The guard at an API's door: authenticates every call, authorizes it, and issues the credentials it checks.",
    after_help = "Exit codes: 0 done, 1 refused or found something, 2 wrong usage.\n\n\
                  Try it: doorward demo"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command that reads a configuration takes.
#[derive(Args, Clone)]
pub struct ConfigArgs {
    /// The configuration file.
    #[arg(long, short, default_value = "doorward.toml", env = "DOORWARD_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
    /// Overrides a setting: --set listener.main.address=127.0.0.1:0
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub sets: Vec<String>,
    /// Prints one JSON document instead of text; a failure as {"error": "..."}.
    #[arg(long)]
    pub json: bool,
}

/// What can be done.
#[derive(Subcommand)]
pub enum Command {
    /// Runs a sample API and a door in front of it, and prints what to try.
    #[command(after_help = "Example: doorward demo --port 9000")]
    Demo(Demo),
    /// Puts a door before an API that runs: writes doorward.toml and the first key, then serves.
    #[command(after_help = "Example: doorward protect http://127.0.0.1:3000")]
    Protect(Protect),
    /// Serves a configuration.
    #[command(
        after_help = "Example: doorward serve --config doorward.toml --ready-file ready.json"
    )]
    Serve(Serve),
    /// Creates, shows, rotates and revokes API keys.
    #[command(
        subcommand,
        after_help = "Example: doorward key create --name reporting --scope orders:read --expires 90d"
    )]
    Key(Key),
    /// Adds, shows and removes OAuth clients.
    #[command(
        subcommand,
        after_help = "Example: doorward client add reporting --scope orders:read"
    )]
    Client(Client),
    /// Adds, shows and revokes the keys with which clients sign requests.
    #[command(subcommand, after_help = "Example: doorward client-key list --json")]
    ClientKey(ClientKey),
    /// Signs a request (RFC 9421, or in the style of AWS) and prints the call for curl.
    #[command(
        after_help = "Examples:\n  doorward sign https://localhost:8443/orders --keyid ck_... --alg ed25519 --key billing.pem\n  doorward sign https://localhost:8443/orders -d '{}' -H 'Content-Type: application/json' --keyid ck_... --alg hmac-sha256 --secret-file secret --only-headers\n  doorward sign https://localhost:8443/orders --keyid ck_... --alg aws4-hmac-sha256 --secret-file secret --region eu-1 --service orders --presign 15m"
    )]
    Sign(Box<Sign>),
    /// Adds and changes users for Basic authentication.
    #[command(
        subcommand,
        after_help = "Example: doorward user add alice --scope orders:read"
    )]
    User(User),
    /// Trusts issuers of JWTs.
    #[command(
        subcommand,
        after_help = "Example: doorward issuer add https://issuer.example --audience https://api.example"
    )]
    Issuer(Issuer),
    /// Issues and revokes tokens of our own.
    #[command(
        subcommand,
        after_help = "Example: doorward token issue --sub billing --scope invoices:read --ttl 15m"
    )]
    Token(Token),
    /// Issues and revokes client certificates of our own authority.
    #[command(
        subcommand,
        after_help = "Example: doorward cert issue --name billing --scope invoices:read --ttl 24h --out billing"
    )]
    Cert(Cert),
    /// Shows and rotates the keys that sign our tokens.
    #[command(subcommand, after_help = "Example: doorward signing-key rotate")]
    SigningKey(SigningKey),
    /// Says what the four checks find for a request, or what they found for a decision.
    #[command(
        after_help = "Examples:\n  doorward explain -X POST https://localhost:8443/orders -H 'Authorization: Bearer ...'\n  doorward explain d1a2b3c4d5e6f7g8h9j0k1m2n3\n\nExits with 1 when the request is refused, or the decision is not known."
    )]
    Explain(Explain),
    /// Finds every mistake of a configuration.
    #[command(after_help = "Example: doorward check doorward.toml")]
    Check(Check),
    /// Shows the development CA and how to trust it.
    #[command(
        after_help = "Example: curl --cacert \"$(doorward ca --path)\" https://localhost:8443/"
    )]
    Ca(Ca),
    /// Prints shell completions.
    #[command(after_help = "Example: doorward completions bash > /etc/bash_completion.d/doorward")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Writes man pages into a folder.
    #[command(after_help = "Example: doorward man /usr/local/share/man/man1")]
    Man {
        /// The folder.
        #[arg(value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
}

/// `doorward demo`
#[derive(Args)]
pub struct Demo {
    /// The port of the door; the admin listener takes the next one, the sample API the one after.
    #[arg(long, default_value_t = 8443, value_parser = value_parser!(u16).range(..=65533))]
    pub port: u16,
    /// Prints one JSON line when everything answers.
    #[arg(long)]
    pub json: bool,
}

/// `doorward protect`
#[derive(Args)]
pub struct Protect {
    /// The API to protect: scheme, host and port.
    #[arg(value_hint = ValueHint::Url, value_parser = value::upstream)]
    pub upstream: String,
    /// The port of the door; the admin listener takes the next one.
    #[arg(long, default_value_t = 8443, value_parser = value_parser!(u16).range(..=65534))]
    pub port: u16,
    /// Writes this file when the door accepts connections.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub ready_file: Option<PathBuf>,
    /// Writes the configuration and the key, and does not serve.
    #[arg(long)]
    pub no_serve: bool,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward serve`
#[derive(Args)]
pub struct Serve {
    /// Writes this file when the door accepts connections; it names the addresses as JSON.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub ready_file: Option<PathBuf>,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward key`
#[derive(Subcommand)]
pub enum Key {
    /// Creates a key and shows it once.
    #[command(
        after_help = "Example: doorward key create --name reporting --scope orders:read --expires 90d --json"
    )]
    Create(KeyCreate),
    /// Lists keys, never their secrets.
    #[command(after_help = "Example: doorward key list --json")]
    List(ConfigArgs),
    /// Shows a key's record.
    #[command(after_help = "Example: doorward key show key_5gT1xQ8b2LmN4pRs")]
    Show(One),
    /// Changes a key's name, rights, addresses or end. What is not given stays.
    #[command(
        after_help = "Examples:\n  doorward key set key_5gT1xQ8b2LmN4pRs --scope orders:read --scope orders:write\n  doorward key set reporting --no-cidr --expires 30d"
    )]
    Set(KeySet),
    /// Replaces a key; the old one goes on working for the overlap.
    #[command(after_help = "Example: doorward key rotate key_5gT1xQ8b2LmN4pRs --overlap 24h")]
    Rotate(KeyRotate),
    /// Revokes a key at once.
    #[command(after_help = "Example: doorward key revoke key_5gT1xQ8b2LmN4pRs")]
    Revoke(One),
}

/// `doorward key create`
#[derive(Args)]
pub struct KeyCreate {
    /// What people call it.
    #[arg(long)]
    pub name: String,
    /// Whom it acts as; the name when absent.
    #[arg(long)]
    pub owner: Option<String>,
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
    /// live or test.
    #[arg(long, default_value = "live", value_parser = value::environment)]
    pub env: Environment,
    /// sk (secret), rk (restricted) or ak (agent).
    #[arg(long, default_value = "sk", value_parser = value::kind)]
    pub kind: KeyKind,
    /// An address block that may use it; may be given several times.
    #[arg(long = "cidr", value_parser = value::cidr)]
    pub cidrs: Vec<String>,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward key set`
#[derive(Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct KeySet {
    /// The key's id or name.
    pub id: String,
    /// What people call it from now on.
    #[arg(long, group = "change")]
    pub name: Option<String>,
    /// What it may do.
    #[command(flatten)]
    pub grants: Grants,
    /// An address block that may use it; may be given several times. Replaces the old ones.
    #[arg(long = "cidr", group = "change", value_parser = value::cidr)]
    pub cidrs: Vec<String>,
    /// Lets it be used from anywhere.
    #[arg(long, group = "change", conflicts_with = "cidrs")]
    pub no_cidr: bool,
    /// When it ends, from now: 90d, 24h, or never.
    #[arg(long, group = "change", value_parser = value::end)]
    pub expires: Option<End>,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// A command about one entity.
#[derive(Args)]
pub struct One {
    /// Its id or name.
    pub id: String,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward key rotate`
#[derive(Args)]
pub struct KeyRotate {
    /// The key's id.
    pub id: String,
    /// How long the old key goes on working.
    #[arg(long, default_value = "24h", value_parser = value::span)]
    pub overlap: Duration,
    /// When the new key ends: 90d, 24h, or never.
    #[arg(long, default_value = "90d", value_parser = value::end)]
    pub expires: End,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward user`
#[derive(Subcommand)]
pub enum User {
    /// Adds a user. A password is made up and shown once, unless one is piped in.
    #[command(
        after_help = "Examples:\n  doorward user add alice --scope orders:read\n  doorward user add alice --scope orders:read < password-file"
    )]
    Add(UserAdd),
    /// Changes a password. A new one is made up and shown once, unless one is piped in.
    #[command(
        after_help = "Examples:\n  doorward user passwd alice\n  doorward user passwd alice < password-file"
    )]
    Passwd(UserPasswd),
    /// Changes a user's scopes or roles. What is not given stays.
    #[command(
        after_help = "Examples:\n  doorward user set alice --scope orders:read --scope orders:write\n  doorward user set alice --role clerk --no-scope"
    )]
    Set(UserSet),
    /// Stops a user from calling.
    #[command(after_help = "Example: doorward user disable alice")]
    Disable(One),
    /// Lets a disabled user call again.
    #[command(after_help = "Example: doorward user enable alice")]
    Enable(One),
    /// Removes a user.
    #[command(after_help = "Example: doorward user remove alice")]
    Remove(One),
    /// Lists users.
    #[command(after_help = "Example: doorward user list --json")]
    List(ConfigArgs),
    /// Imports an htpasswd file. Passwords move to argon2id when they are first used.
    #[command(after_help = "Example: doorward user import staff.htpasswd --scope orders:read")]
    Import(UserImport),
}

/// `doorward user add`
#[derive(Args)]
pub struct UserAdd {
    /// The user's name.
    pub name: String,
    /// A scope; may be given several times or with spaces.
    #[arg(long = "scope", value_parser = value::scopes)]
    pub scopes: Vec<ScopeSet>,
    /// A role; may be given several times.
    #[arg(long = "role")]
    pub roles: Vec<String>,
    /// Makes up a password instead of reading one.
    #[arg(long)]
    pub generate: bool,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward user set`
#[derive(Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct UserSet {
    /// The user's name.
    pub name: String,
    /// What the user may do.
    #[command(flatten)]
    pub grants: Grants,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward user passwd`
#[derive(Args)]
pub struct UserPasswd {
    /// The user's name.
    pub name: String,
    /// Makes up a password instead of reading one.
    #[arg(long)]
    pub generate: bool,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward user import`
#[derive(Args)]
pub struct UserImport {
    /// The htpasswd file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// A scope for every imported user.
    #[arg(long = "scope", value_parser = value::scopes)]
    pub scopes: Vec<ScopeSet>,
    /// A role for every imported user.
    #[arg(long = "role")]
    pub roles: Vec<String>,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward issuer`
#[derive(Subcommand)]
pub enum Issuer {
    /// Trusts an issuer.
    #[command(
        after_help = "Examples:\n  doorward issuer add https://issuer.example --audience https://api.example\n  doorward issuer add https://issuer.example --audience https://api.example --jwks-file keys.json"
    )]
    Add(Box<IssuerAdd>),
    /// Stops trusting an issuer.
    #[command(after_help = "Example: doorward issuer remove issuer.example")]
    Remove(One),
    /// Lists trusted issuers.
    #[command(after_help = "Example: doorward issuer list")]
    List(ConfigArgs),
}

/// `doorward issuer add`
#[derive(Args)]
pub struct IssuerAdd {
    /// The exact `iss` of its tokens.
    #[arg(value_hint = ValueHint::Url)]
    pub issuer: String,
    /// What people call it; the host when absent.
    #[arg(long)]
    pub name: Option<String>,
    /// An audience of which tokens must name one; may be given several times.
    #[arg(long = "audience", required = true)]
    pub audiences: Vec<String>,
    /// Reads the key set from a file.
    #[arg(long, group = "keys", value_hint = ValueHint::FilePath)]
    pub jwks_file: Option<PathBuf>,
    /// Fetches the key set from an address instead of discovering it.
    #[arg(long, group = "keys", value_hint = ValueHint::Url)]
    pub jwks_url: Option<String>,
    /// Reads one public key (PEM) from a file.
    #[arg(long, group = "keys", requires = "algorithms", value_hint = ValueHint::FilePath)]
    pub key_file: Option<PathBuf>,
    /// Reads a shared secret of at least 32 bytes from a file (HS256).
    #[arg(long, group = "keys", value_hint = ValueHint::FilePath)]
    pub secret_file: Option<PathBuf>,
    /// An algorithm it may use; may be given several times.
    #[arg(long = "alg")]
    pub algorithms: Vec<String>,
    /// A `typ` its tokens may have; may be given several times.
    #[arg(long = "typ")]
    pub types: Vec<String>,
    /// How far its clock may be off, at most 60s.
    #[arg(long, default_value = "30s", value_parser = value::leeway)]
    pub leeway: Duration,
    /// The claim that names the subject.
    #[arg(long, default_value = "sub")]
    pub subject_claim: String,
    /// The claim that holds the scopes.
    #[arg(long, default_value = "scope")]
    pub scope_claim: String,
    /// The claim that holds the roles.
    #[arg(long, default_value = "roles")]
    pub roles_claim: String,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward token`
#[derive(Subcommand)]
pub enum Token {
    /// Issues a signed access token.
    #[command(
        after_help = "Example: doorward token issue --sub billing --scope invoices:read --ttl 15m"
    )]
    Issue(TokenIssue),
    /// Revokes a token by its `jti`, or given whole.
    #[command(
        after_help = "Examples:\n  doorward token revoke gPn2rB1XQ0yUo8fJm3kZ7w\n  doorward token revoke --issuer https://issuer.example 7f1c-42"
    )]
    Revoke(TokenRevoke),
}

/// `doorward token issue`
#[derive(Args)]
pub struct TokenIssue {
    /// Whom the token stands for.
    #[arg(long)]
    pub sub: String,
    /// A scope; may be given several times or with spaces.
    #[arg(long = "scope", value_parser = value::scopes)]
    pub scopes: Vec<ScopeSet>,
    /// A role; may be given several times.
    #[arg(long = "role")]
    pub roles: Vec<String>,
    /// How long it lives, at most 24h.
    #[arg(long, default_value = "15m", value_parser = value::ttl)]
    pub ttl: Duration,
    /// The audience; the configured one when absent.
    #[arg(long)]
    pub audience: Option<String>,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward token revoke`
#[derive(Args)]
pub struct TokenRevoke {
    /// The token's `jti`, or the token.
    #[arg(allow_hyphen_values = true)]
    pub jti: String,
    /// The issuer; ourselves when absent.
    #[arg(long)]
    pub issuer: Option<String>,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward signing-key`
#[derive(Subcommand)]
pub enum SigningKey {
    /// Lists the keys and their stages.
    #[command(after_help = "Example: doorward signing-key list")]
    List(ConfigArgs),
    /// Retires the active key and activates the next one.
    #[command(after_help = "Example: doorward signing-key rotate")]
    Rotate(ConfigArgs),
}

/// `doorward explain`
#[derive(Args)]
pub struct Explain {
    /// A URL, or the id of a decision.
    pub target: String,
    /// The request's method; POST when there is a body.
    #[arg(
        short = 'X',
        long = "request",
        default_value = "GET",
        default_value_if("data", clap::builder::ArgPredicate::IsPresent, "POST")
    )]
    pub method: String,
    /// The body, or @FILE; taken for application/json unless a header says otherwise.
    #[arg(short = 'd', long = "data", value_name = "BODY")]
    pub data: Option<String>,
    /// A header, as in curl; may be given several times.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// User and password, as in curl.
    #[arg(short = 'u', long = "user", value_name = "USER:PASSWORD")]
    pub user: Option<String>,
    /// A client certificate (PEM), as in curl; its key is not needed.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub cert: Option<PathBuf>,
    /// The address the call comes from.
    #[arg(long, default_value = "127.0.0.1")]
    pub client: std::net::IpAddr,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward check`
#[derive(Args)]
pub struct Check {
    /// The configuration file.
    #[arg(default_value = "doorward.toml", env = "DOORWARD_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
    /// Overrides a setting.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub sets: Vec<String>,
    /// Prints one JSON document instead of text; a failure as {"error": "..."}.
    #[arg(long)]
    pub json: bool,
}

/// `doorward ca`
#[derive(Args)]
pub struct Ca {
    /// Prints only the path of the certificate.
    #[arg(long)]
    pub path: bool,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}
