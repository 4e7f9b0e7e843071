//! `doorward client`: what can be said.

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use doorward_core::ScopeSet;
use doorward_store::{ClientId, GrantType};

use super::value;
use super::{ConfigArgs, One};

/// `doorward client`
#[derive(Subcommand)]
pub enum Client {
    /// Adds a client. Its secret, where it has one, is made up and shown once.
    #[command(
        after_help = "Examples:\n  doorward client add reporting --scope orders:read\n  doorward client add shop --redirect-uri https://shop.example/callback --scope 'orders:read orders:write'\n  doorward client add app --public --redirect-uri http://127.0.0.1/callback --scope orders:read"
    )]
    Add(Box<ClientAdd>),
    /// Lists clients, never their secrets.
    #[command(after_help = "Example: doorward client list --json")]
    List(ConfigArgs),
    /// Shows a client's record.
    #[command(after_help = "Example: doorward client show shop")]
    Show(One),
    /// Gives a client a new secret; the old one goes on working for the overlap.
    #[command(after_help = "Example: doorward client rotate shop --overlap 24h")]
    Rotate(ClientRotate),
    /// Removes a client: it gets no more tokens. Those it has end by themselves, or are revoked.
    #[command(after_help = "Example: doorward client remove shop")]
    Remove(One),
}

/// `doorward client add`
#[derive(Args)]
#[command(group = ArgGroup::new("method").multiple(false))]
pub struct ClientAdd {
    /// The client_id: letters, digits, '.', '_', '~' and '-'.
    #[arg(value_parser = client_id)]
    pub id: ClientId,
    /// What people are shown; the id when absent.
    #[arg(long)]
    pub name: Option<String>,
    /// It cannot keep a secret: an app on a phone, a desktop or in a browser.
    #[arg(long, group = "method")]
    pub public: bool,
    /// It has a secret and sends it in the Authorization header. This is the default.
    #[arg(long, group = "method")]
    pub secret: bool,
    /// It has a secret and sends it in the body.
    #[arg(long, group = "method")]
    pub secret_post: bool,
    /// Where users may be sent back to; may be given several times.
    #[arg(long = "redirect-uri")]
    pub redirect_uris: Vec<String>,
    /// A scope that it may ask for; may be given several times or with spaces.
    #[arg(long = "scope", value_parser = value::scopes)]
    pub scopes: Vec<ScopeSet>,
    /// A grant that it may use; may be given several times. When absent: authorization_code and
    /// refresh_token with --redirect-uri, else client_credentials.
    #[arg(long = "grant", value_parser = grant_type)]
    pub grants: Vec<GrantType>,
    /// A resource that its tokens may be for; may be given several times. Our own API when absent.
    #[arg(long = "audience")]
    pub audiences: Vec<String>,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `doorward client rotate`
#[derive(Args)]
pub struct ClientRotate {
    /// The client's id.
    pub id: String,
    /// How long the old secret goes on working.
    #[arg(long, default_value = "24h", value_parser = value::span)]
    pub overlap: Duration,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

fn client_id(text: &str) -> Result<ClientId, String> {
    ClientId::parse(text).map_err(|error| error.to_string())
}

fn grant_type(text: &str) -> Result<GrantType, String> {
    GrantType::parse(text).ok_or_else(|| {
        let known: Vec<&str> = GrantType::ALL.iter().map(|one| one.as_str()).collect();
        format!("a grant is one of {}", known.join(", "))
    })
}
