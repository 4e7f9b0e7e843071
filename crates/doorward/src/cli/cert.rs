//! `doorward cert` on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};
use doorward_core::ScopeSet;

use super::{ConfigArgs, One, value};

/// `doorward cert`
#[derive(Subcommand)]
pub enum Cert {
    /// Makes a key and a certificate for it.
    #[command(
        after_help = "Example: doorward cert issue --name billing --scope invoices:read --ttl 24h --out billing\n\nWrites billing.pem and billing.key."
    )]
    Issue(CertIssue),
    /// Lists certificates.
    #[command(after_help = "Example: doorward cert list --json")]
    List(ConfigArgs),
    /// Revokes a certificate at once.
    #[command(after_help = "Example: doorward cert revoke crt_5gT1xQ8b2LmN4pRsVw")]
    Revoke(One),
    /// Prints the authority's own certificate, making it if there is none.
    #[command(after_help = "Example: doorward cert ca > client-ca.pem")]
    Ca(ConfigArgs),
}

/// `doorward cert issue`
#[derive(Args)]
pub struct CertIssue {
    /// What people call it.
    #[arg(long)]
    pub name: String,
    /// Whom it stands for; the name when absent.
    #[arg(long)]
    pub subject: Option<String>,
    /// A scope; may be given several times or with spaces.
    #[arg(long = "scope", value_parser = value::scopes)]
    pub scopes: Vec<ScopeSet>,
    /// A role; may be given several times.
    #[arg(long = "role")]
    pub roles: Vec<String>,
    /// How long it lives, at most 90d.
    #[arg(long, default_value = "24h", value_parser = value::certificate_ttl)]
    pub ttl: Duration,
    /// Writes OUT.pem and OUT.key; without it, both are printed.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}
