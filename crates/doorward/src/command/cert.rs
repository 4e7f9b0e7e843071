//! `doorward cert`

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use doorward_core::Timestamp;
use doorward_crypto::proof::authority::to_pem;
use doorward_store::IssuedCertificateRecord;
use serde_json::{Value, json};

use crate::cli::value::all_scopes;
use crate::cli::{Cert, CertIssue, ConfigArgs, One};
use crate::config::client_ca::Source;
use crate::desk::Desk;
use crate::desk::certificate::{IssuedCertificate, NewCertificate};
use crate::output;

/// Runs the command.
pub(super) async fn run(cert: Cert) -> Result<ExitCode> {
    match cert {
        Cert::Issue(args) => issue(args).await?,
        Cert::List(args) => list(&args).await?,
        Cert::Revoke(args) => revoke(args).await?,
        Cert::Ca(args) => ca(&args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn issue(args: CertIssue) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let files = args.out.as_deref().map(files_of);
    // Looked for before anything is issued: a key that cannot be written is lost.
    for file in files.iter().flatten() {
        if file.exists() {
            bail!("{} exists already; nothing was issued", file.display());
        }
    }
    let scopes = all_scopes(&args.scopes);
    super::warn_of_unknown(&desk.config, &scopes, &args.roles);
    if !desk
        .config
        .client_cas
        .iter()
        .any(|ca| ca.source == Source::Own)
    {
        output::warn(format_args!(
            "no listener has client_ca = \"self\": nobody asks for this certificate"
        ));
    }
    let issued = desk
        .issue_certificate(NewCertificate {
            subject: args.subject.unwrap_or_else(|| args.name.clone()),
            name: args.name,
            scopes,
            roles: args.roles,
            ttl: args.ttl,
        })
        .await?;
    desk.announce().await;
    if let Some([certificate, key]) = &files {
        write(certificate, 0o644, &issued.pem)?;
        write(key, 0o600, issued.key.expose())?;
    }
    print_issued(&issued, files.as_ref(), &args.config, desk.now());
    Ok(())
}

fn files_of(prefix: &Path) -> [PathBuf; 2] {
    let with = |ending: &str| {
        let mut name = prefix.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    [with(".pem"), with(".key")]
}

/// Writes a new file; an old one is never replaced, and no link followed.
fn write(path: &Path, mode: u32, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn print_issued(
    issued: &IssuedCertificate,
    files: Option<&[PathBuf; 2]>,
    config: &ConfigArgs,
    now: Timestamp,
) {
    if config.json {
        let mut value = describe(&issued.record, now);
        if let Some(object) = value.as_object_mut() {
            match files {
                Some([certificate, key]) => {
                    object.insert("certificate_file".to_owned(), json!(certificate));
                    object.insert("key_file".to_owned(), json!(key));
                }
                None => {
                    object.insert("certificate".to_owned(), json!(issued.pem));
                    object.insert("key".to_owned(), json!(issued.key.expose()));
                }
            }
        }
        output::json(&value);
        return;
    }
    let Some([certificate, key]) = files else {
        output::line(issued.pem.trim_end());
        output::line(issued.key.expose().trim_end());
        return;
    };
    let record = &issued.record;
    output::line(format_args!(
        "Issued {} until {}.\n",
        record.id, record.expires_at
    ));
    output::line(format_args!("certificate  {}", certificate.display()));
    output::line(format_args!(
        "private key  {}  (it is kept nowhere else)",
        key.display()
    ));
    output::line(format_args!(
        "\ncurl --cert {} --key {} https://...",
        certificate.display(),
        key.display()
    ));
}

async fn list(args: &ConfigArgs) -> Result<()> {
    let desk = Desk::open(args)?;
    let (all, now) = (desk.list_certificates().await?, desk.now());
    if args.json {
        let all: Vec<_> = all.iter().map(|record| describe(record, now)).collect();
        output::json(&all);
        return Ok(());
    }
    if all.is_empty() {
        output::line("There is no certificate. Make one: doorward cert issue --name billing");
    }
    for record in &all {
        output::line(format_args!(
            "{}  {:<7}  until {}  {}  {}",
            record.id,
            state(record, now),
            record.expires_at,
            record.subject.escape_debug(),
            record.scopes
        ));
    }
    Ok(())
}

async fn revoke(args: One) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let record = desk.revoke_certificate(&args.id).await?;
    let announced = desk.announce().await;
    if args.config.json {
        let mut value = describe(&record, desk.now());
        if let Some(object) = value.as_object_mut() {
            object.insert("servers_told".to_owned(), json!(announced.servers));
            object.insert("servers_silent".to_owned(), json!(announced.silent));
        }
        output::json(&value);
    } else {
        output::line(format_args!("Revoked {}.", record.id));
        super::print_announced(&announced);
    }
    Ok(())
}

async fn ca(args: &ConfigArgs) -> Result<()> {
    let desk = Desk::open(args)?;
    let authority = desk.client_authority().await?;
    desk.announce().await;
    let pem = to_pem(&authority.certificate);
    if args.json {
        output::json(&json!({
            "certificate": pem,
            "expires_at": authority.expires_at.to_string(),
        }));
    } else {
        output::line(pem.trim_end());
    }
    Ok(())
}

fn state(record: &IssuedCertificateRecord, now: Timestamp) -> &'static str {
    if record.revoked_at.is_some() {
        "revoked"
    } else if now > record.expires_at {
        "expired"
    } else {
        "live"
    }
}

fn describe(record: &IssuedCertificateRecord, now: Timestamp) -> Value {
    json!({
        "id": record.id,
        "name": record.name,
        "subject": record.subject,
        "state": state(record, now),
        "scopes": record.scopes.iter().map(doorward_core::Scope::as_str).collect::<Vec<_>>(),
        "roles": record.roles,
        "x5t#S256": doorward_crypto::jose::b64::encode(record.thumbprint),
        "created_at": record.created_at.to_string(),
        "expires_at": record.expires_at.to_string(),
        "revoked_at": record.revoked_at.map(|at| at.to_string()),
    })
}
