//! `doorward issuer`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use doorward_core::Secret;
use doorward_crypto::jose::{Algorithm, Jwks, VerificationKey};
use doorward_store::{IssuerRecord, Issuers, KeySource};
use serde_json::{Value, json};

use crate::cli::{ConfigArgs, Issuer, IssuerAdd, One};
use crate::config::trusted_issuer::{DEFAULT_ALGORITHMS, DEFAULT_TYPES};
use crate::desk::Desk;
use crate::{outbound, output};

/// Runs the command.
pub(super) async fn run(issuer: Issuer) -> Result<ExitCode> {
    match issuer {
        Issuer::Add(args) => add(*args).await?,
        Issuer::Remove(args) => remove(args).await?,
        Issuer::List(args) => list(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(args: IssuerAdd) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let as_json = args.config.json;
    let record = record(args, &desk)?;
    check_address(&record, &desk)?;
    // The same check as the running server's, so that what is stored can be used.
    doorward_authn::jwt::issuer::IssuerConfig::from_record(&record)?;
    check_keys(&record)?;
    let known = Issuers::list(desk.state.store.as_ref()).await?;
    let before = known.iter().find(|known| known.name == record.name);
    if let Some(other) = before.filter(|known| known.issuer != record.issuer) {
        bail!(
            "the name {} is taken by {}; choose another with --name",
            record.name,
            other.issuer
        );
    }
    let same = known.iter().find(|known| known.issuer == record.issuer);
    if let Some(other) = same.filter(|known| known.name != record.name) {
        bail!(
            "{} is trusted already, as {}; change that one with --name {}",
            record.issuer,
            other.name,
            other.name
        );
    }
    let replaced = before.is_some();
    let stored = Issuers::put(desk.state.store.as_ref(), record.clone()).await;
    desk.record("trust", "issuer", &record.name, stored.map_err(Into::into))?;
    desk.announce().await;
    if as_json {
        output::json(&describe(&record));
    } else {
        let what = if replaced { "Replaced" } else { "Trusted" };
        output::line(format_args!("{what} {} as {}.", record.issuer, record.name));
    }
    Ok(())
}

fn record(args: IssuerAdd, desk: &Desk) -> Result<IssuerRecord> {
    ensure!(
        args.issuer != desk.config.issuer.url,
        "{} is this Doorward itself; its tokens are accepted already",
        args.issuer
    );
    let twin = desk
        .config
        .trusted_issuers
        .iter()
        .find(|known| known.issuer == args.issuer);
    if let Some(twin) = twin {
        bail!(
            "{} is in the configuration already, as [trusted_issuer.{}]",
            args.issuer,
            twin.name
        );
    }
    let keys = key_source(&args)?;
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let algorithms = match (args.algorithms.is_empty(), &keys) {
        (false, _) => args.algorithms,
        (true, KeySource::SecretFile { .. }) => owned(&["HS256"]),
        (true, _) => owned(DEFAULT_ALGORITHMS),
    };
    let host = args
        .issuer
        .split("//")
        .nth(1)
        .unwrap_or(&args.issuer)
        .trim_end_matches('/');
    Ok(IssuerRecord {
        name: args.name.unwrap_or_else(|| host.to_owned()),
        audiences: args.audiences,
        keys,
        algorithms,
        types: if args.types.is_empty() {
            owned(DEFAULT_TYPES)
        } else {
            args.types
        },
        leeway_secs: u32::try_from(args.leeway.as_secs())?,
        subject_claim: args.subject_claim,
        scope_claim: args.scope_claim,
        roles_claim: args.roles_claim,
        created_at: desk.now(),
        issuer: args.issuer,
    })
}

/// Refuses an address from which the running server would not fetch keys.
fn check_address(record: &IssuerRecord, desk: &Desk) -> Result<()> {
    let url = match &record.keys {
        KeySource::Discovery => &record.issuer,
        KeySource::JwksUrl(url) => url,
        KeySource::JwksFile(_) | KeySource::PublicKeyFile { .. } | KeySource::SecretFile { .. } => {
            return Ok(());
        }
    };
    outbound::check_url(url, &desk.config.outbound_allow)
        .context("the keys could not be fetched from there, so nothing was changed")
}

/// Reads the keys as the running server will, where they are in a file.
fn check_keys(record: &IssuerRecord) -> Result<()> {
    match &record.keys {
        KeySource::Discovery | KeySource::JwksUrl(_) => {}
        KeySource::JwksFile(path) => {
            let keys = Jwks::parse(&read(path)?).with_context(|| path.clone())?;
            ensure!(
                !keys.keys().is_empty(),
                "{path} has no key that can be used"
            );
        }
        KeySource::PublicKeyFile { path, algorithm } => {
            let pem = String::from_utf8(read(path)?.to_vec())
                .ok()
                .with_context(|| format!("{path} is not PEM"))?;
            let algorithm = Algorithm::parse(algorithm).context("--alg is not known")?;
            VerificationKey::from_pem(&pem, algorithm, None).with_context(|| path.clone())?;
        }
        KeySource::SecretFile { path } => {
            let text = read(path)?;
            let text = text.strip_suffix(b"\n").unwrap_or(&text);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let secret = Secret::new(text.to_vec());
            VerificationKey::hmac(&secret, None).with_context(|| path.clone())?;
        }
    }
    Ok(())
}

fn read(path: &str) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {path}"))?;
    Ok(zeroize::Zeroizing::new(bytes))
}

fn describe(record: &IssuerRecord) -> Value {
    let (keys, place) = match &record.keys {
        KeySource::Discovery => ("discovery", None),
        KeySource::JwksUrl(url) => ("jwks_url", Some(url)),
        KeySource::JwksFile(path) => ("jwks_file", Some(path)),
        KeySource::PublicKeyFile { path, .. } => ("key_file", Some(path)),
        KeySource::SecretFile { path } => ("secret_file", Some(path)),
    };
    json!({
        "name": record.name,
        "issuer": record.issuer,
        "audiences": record.audiences,
        "keys": keys,
        "keys_from": place,
        "algorithms": record.algorithms,
        "types": record.types,
        "leeway_secs": record.leeway_secs,
        "subject_claim": record.subject_claim,
        "scope_claim": record.scope_claim,
        "roles_claim": record.roles_claim,
        // Issuers of the configuration file have no time of their own.
        "created_at": (record.created_at.millis() > 0).then(|| record.created_at.to_string()),
    })
}

/// Where the keys come from. The command line lets only one place be named.
fn key_source(args: &IssuerAdd) -> Result<KeySource> {
    if let Some(file) = &args.jwks_file {
        return Ok(KeySource::JwksFile(absolute(file)?));
    }
    if let Some(url) = &args.jwks_url {
        return Ok(KeySource::JwksUrl(url.clone()));
    }
    if let Some(file) = &args.key_file {
        let algorithm = args.algorithms.first().cloned();
        return Ok(KeySource::PublicKeyFile {
            path: absolute(file)?,
            algorithm: algorithm.context("--key-file needs --alg")?,
        });
    }
    match &args.secret_file {
        Some(file) => Ok(KeySource::SecretFile {
            path: absolute(file)?,
        }),
        None => Ok(KeySource::Discovery),
    }
}

/// The server may run in another folder.
fn absolute(file: &Path) -> Result<String> {
    let path: PathBuf = file
        .canonicalize()
        .with_context(|| format!("cannot find {}", file.display()))?;
    path.into_os_string()
        .into_string()
        .ok()
        .context("the path is not UTF-8")
}

async fn remove(args: One) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let known = Issuers::list(desk.state.store.as_ref()).await?;
    let name = known
        .iter()
        .find(|issuer| issuer.name == args.id || issuer.issuer == args.id)
        .map(|issuer| issuer.name.clone())
        .with_context(|| {
            format!(
                "no issuer is named {:?}; see `doorward issuer list`",
                args.id
            )
        })?;
    let removed = Issuers::remove(desk.state.store.as_ref(), &name).await;
    desk.record("remove", "issuer", &name, removed.map_err(Into::into))?;
    desk.announce().await;
    if args.config.json {
        output::json(&json!({ "removed": name }));
    } else {
        output::line(format_args!("{name} is not trusted any more."));
    }
    Ok(())
}

async fn list(args: ConfigArgs) -> Result<()> {
    let desk = Desk::open(&args)?;
    let mut issuers = desk.config.trusted_issuers.clone();
    issuers.extend(Issuers::list(desk.state.store.as_ref()).await?);
    if args.json {
        output::json(&issuers.iter().map(describe).collect::<Vec<_>>());
    } else {
        if issuers.is_empty() {
            output::line("No issuers yet. Trust one: doorward issuer add URL --audience ...");
        }
        for issuer in &issuers {
            output::line(format_args!(
                "{:<20} {}  for {}",
                issuer.name,
                issuer.issuer,
                issuer.audiences.join(", ")
            ));
        }
    }
    Ok(())
}
