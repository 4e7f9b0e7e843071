//! `doorward demo`

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use doorward_core::net::Cidrs;
use doorward_core::{ScopeSet, Secret, Timestamp};
use doorward_store::{Environment, KeyKind};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::protect::{next_port, write_new};
use crate::cli::{ConfigArgs, Demo};
use crate::desk::Desk;
use crate::desk::api_key::NewKey;
use crate::desk::token::NewToken;
use crate::output;
use crate::wiring::server::{Ready, Server};

mod folder;

use folder::TemporaryFolder;

/// Everything that the demo hands out.
struct Credentials {
    api_key: Secret<String>,
    readonly: Secret<String>,
    expired: Secret<String>,
    password: Secret<String>,
    jwt: String,
    expired_jwt: String,
}

/// The name of the demo's user.
const USER: &str = "alice";

/// Runs the sample API and the door until SIGTERM or Ctrl-C. The state lives in a temporary
/// folder that goes away with it.
pub(super) fn run(args: &Demo) -> Result<ExitCode> {
    super::wait_on_all_cores(serve(args))
}

async fn serve(args: &Demo) -> Result<ExitCode> {
    // Signals first, the folder after them: from then on every way out removes it.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let folder = TemporaryFolder::new()?;
    let server = tokio::select! {
        biased;
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        started = start(args, folder.path()) => started?,
    };
    match server {
        Some(server) => server.run().await,
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Starts everything and shows it. None when nobody reads what is shown.
async fn start(args: &Demo, folder: &Path) -> Result<Option<Server>> {
    let sample = crate::sample_api::start(next_port(next_port(args.port))).await?;
    let text = include_str!("../template/demo.toml")
        .replace("{upstream_port}", &sample.port().to_string())
        .replace("{admin_port}", &next_port(args.port).to_string())
        .replace("{port}", &args.port.to_string());
    let file = folder.join("doorward.toml");
    write_new(&file, &text)?;
    let config = ConfigArgs {
        config: file,
        sets: Vec::new(),
        json: args.json,
    };
    let desk = Desk::open(&config)?;
    let credentials = hand_out(&desk).await?;
    let server = Server::start(&config).await?;
    let shown = Shown {
        config_file: config.config.display().to_string(),
        ready: server.ready(),
        sample,
        given: &credentials,
    };
    let text = if args.json {
        format!("{}\n", shown.to_json())
    } else {
        shown.text()
    };
    Ok(output::written(&text).then_some(server))
}

async fn hand_out(desk: &Desk) -> Result<Credentials> {
    let now = desk.now();
    let all = "orders:read orders:write orders:delete invoices:read refunds:write";
    let password = desk.make_password();
    desk.add_user(
        USER,
        &password,
        ScopeSet::parse("orders:read orders:write")?,
        Vec::new(),
    )
    .await?;
    let hour = Duration::from_secs(3600);
    Ok(Credentials {
        api_key: key(desk, "shop", all, now.plus(hour * 24)).await?,
        readonly: key(desk, "reporting", "orders:read", now.plus(hour * 24)).await?,
        expired: key(desk, "old", all, now.minus(hour)).await?,
        password,
        jwt: token(desk, now, hour * 12).await?,
        expired_jwt: token(desk, now.minus(hour * 2), hour).await?,
    })
}

async fn key(desk: &Desk, name: &str, scopes: &str, end: Timestamp) -> Result<Secret<String>> {
    let created = desk
        .create_key(NewKey {
            name: name.to_owned(),
            owner: name.to_owned(),
            kind: KeyKind::Secret,
            environment: Environment::Live,
            scopes: ScopeSet::parse(scopes)?,
            roles: Vec::new(),
            allowed_cidrs: Cidrs::default(),
            not_before: None,
            expires_at: Some(end),
        })
        .await?;
    Ok(created.text)
}

async fn token(desk: &Desk, issued_at: Timestamp, ttl: Duration) -> Result<String> {
    let new = NewToken {
        subject: "billing".to_owned(),
        audience: None,
        scopes: ScopeSet::parse("orders:read orders:write invoices:read payroll:read")?,
        roles: vec!["support".to_owned()],
        issued_at,
        ttl,
    };
    Ok(desk.issue_token(new).await?.token)
}

/// What the demo shows.
struct Shown<'a> {
    config_file: String,
    ready: &'a Ready,
    sample: SocketAddr,
    given: &'a Credentials,
}

impl Shown<'_> {
    fn ca_file(&self) -> Option<String> {
        let path = self.ready.ca_file.as_ref();
        path.map(|path| path.display().to_string())
    }

    fn to_json(&self) -> serde_json::Value {
        let given = self.given;
        json!({
            "url": self.ready.public_url(),
            "ca_file": self.ca_file(),
            "admin_url": self.ready.admin_url(),
            "upstream_url": format!("http://{}", self.sample),
            "issuer": self.ready.issuer,
            "api_key": given.api_key.expose(),
            "readonly_api_key": given.readonly.expose(),
            "expired_api_key": given.expired.expose(),
            "basic": { "username": USER, "password": given.password.expose() },
            "jwt": given.jwt,
            "expired_jwt": given.expired_jwt,
            "config_file": self.config_file,
            "read": { "method": "GET", "path": "/orders" },
            "write": { "method": "POST", "path": "/orders" },
            "public": { "method": "GET", "path": "/health" },
        })
    }

    fn text(&self) -> String {
        let (url, sample) = (self.ready.public_url(), self.sample);
        let mut text = format!(
            "The sample API   http://{sample}   (unprotected)\n\
             The door         {url}\n\
             Configuration    {}\n\n",
            self.config_file
        );
        let curl = format!("curl -i --cacert {}", self.ca_file().unwrap_or_default());
        for (says, arguments, path) in self.calls() {
            text += &format!("# {says}\n{curl} {arguments}{url}{path}\n\n");
        }
        let program = std::env::current_exe()
            .map_or_else(|_| "doorward".to_owned(), |path| path.display().to_string());
        text += &format!(
            "# why?\n{program} explain --config {} -X POST {url}/orders -H 'Authorization: Bearer {}'\n\n",
            self.config_file,
            self.given.readonly.expose()
        );
        text + "Ctrl-C ends the demo and removes its state.\n"
    }

    /// What to try: what comes of it, curl's arguments, the path.
    fn calls(&self) -> [(&'static str, String, &'static str); 10] {
        let given = self.given;
        let (key, readonly) = (given.api_key.expose(), given.readonly.expose());
        let (password, expired) = (given.password.expose(), given.expired.expose());
        let bearer = |text: &str| format!("-H 'Authorization: Bearer {text}' ");
        let none = String::new;
        [
            ("200  everybody may ask for this", none(), "/health"),
            ("401  no credential is present", none(), "/orders"),
            ("200  a key, read", bearer(readonly), "/orders"),
            (
                "401  a forged key is not valid",
                bearer(&forge(readonly)),
                "/orders",
            ),
            ("401  a key that has expired", bearer(expired), "/orders"),
            (
                "401  a token that has expired",
                bearer(&given.expired_jwt),
                "/orders",
            ),
            (
                "403  the read-only key may not write",
                format!("-X POST {}", bearer(readonly)),
                "/orders",
            ),
            (
                "201  another key may",
                format!("-X POST -H 'X-API-Key: {key}' "),
                "/orders",
            ),
            (
                "200  a user with a password",
                format!("-u '{USER}:{password}' "),
                "/orders",
            ),
            ("200  a signed token", bearer(&given.jwt), "/payroll"),
        ]
    }
}

/// Changes one letter of a key.
fn forge(key: &str) -> String {
    let (start, end) = key.split_at(key.len().saturating_sub(10));
    let mut letters = end.chars();
    let changed = if letters.next() == Some('x') {
        'y'
    } else {
        'x'
    };
    format!("{start}{changed}{}", letters.as_str())
}
