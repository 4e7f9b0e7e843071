//! `doorward issuer`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use doorward_store::{IssuerRecord, Issuers, KeySource};
use serde_json::json;

use crate::cli::{ConfigArgs, Issuer, IssuerAdd, One};
use crate::config::trusted_issuer::{DEFAULT_ALGORITHMS, DEFAULT_TYPES};
use crate::desk::{Desk, parse_span};
use crate::output;

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
    // The same check as the running server's, so that what is stored can be used.
    doorward_authn::jwt::issuer::IssuerConfig::from_record(&record)?;
    let stored = Issuers::put(desk.state.store.as_ref(), record.clone()).await;
    desk.record("trust", "issuer", &record.name, stored.map_err(Into::into))?;
    desk.announce().await;
    if as_json {
        output::json(&record);
    } else {
        output::line(format_args!(
            "Trusted {} as {}.",
            record.issuer, record.name
        ));
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
    let leeway = parse_span(&args.leeway)?.as_secs();
    ensure!(leeway <= 60, "--leeway is at most 60s");
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
        leeway_secs: u32::try_from(leeway)?,
        subject_claim: args.subject_claim,
        scope_claim: args.scope_claim,
        roles_claim: args.roles_claim,
        created_at: desk.now(),
        issuer: args.issuer,
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
        output::json(&issuers);
    } else {
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
