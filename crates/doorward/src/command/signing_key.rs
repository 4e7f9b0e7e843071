//! `doorward signing-key`

use std::process::ExitCode;

use anyhow::Result;
use doorward_store::SigningKeyRecord;
use serde_json::json;

use crate::cli::{ConfigArgs, SigningKey};
use crate::desk::{Desk, signing_key};
use crate::output;

/// Runs the command.
pub(super) async fn run(command: SigningKey) -> Result<ExitCode> {
    match command {
        SigningKey::List(args) => {
            let desk = Desk::open(&args)?;
            let (clock, entropy) = (desk.clock.as_ref(), desk.entropy.as_ref());
            print(
                &args,
                &signing_key::ensure(&desk.state, clock, entropy).await?,
            );
        }
        SigningKey::Rotate(args) => {
            let desk = Desk::open(&args)?;
            let (clock, entropy) = (desk.clock.as_ref(), desk.entropy.as_ref());
            let keys = signing_key::rotate(&desk.state, clock, entropy).await;
            let keys = desk.record("rotate", "signing_key", "active", keys)?;
            desk.announce().await;
            print(&args, &keys);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(args: &ConfigArgs, keys: &[SigningKeyRecord]) {
    if args.json {
        let describe = |key: &SigningKeyRecord| {
            json!({
                "kid": key.kid,
                "alg": key.algorithm,
                "stage": key.stage.as_str(),
                "created_at": key.created_at.to_string(),
                "expires_at": key.expires_at.map(|at| at.to_string()),
            })
        };
        output::json(&keys.iter().map(describe).collect::<Vec<_>>());
        return;
    }
    for key in keys {
        output::line(format_args!(
            "{}  {:<7}  {}  since {}",
            key.kid,
            key.stage.as_str(),
            key.algorithm,
            key.created_at
        ));
    }
}
