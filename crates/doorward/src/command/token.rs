//! `doorward token`

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::cli::value::all_scopes;
use crate::cli::{Token, TokenIssue, TokenRevoke};
use crate::desk::Desk;
use crate::desk::token::NewToken;
use crate::output;

/// Runs the command.
pub(super) async fn run(token: Token) -> Result<ExitCode> {
    match token {
        Token::Issue(args) => issue(args).await?,
        Token::Revoke(args) => revoke(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn issue(args: TokenIssue) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let scopes = all_scopes(&args.scopes);
    super::warn_of_unknown(&desk.config, &scopes, &args.roles);
    let issued = desk
        .issue_token(NewToken {
            subject: args.sub,
            audience: args.audience,
            scopes,
            roles: args.roles,
            issued_at: desk.now(),
            ttl: args.ttl,
        })
        .await?;
    desk.announce().await;
    if args.config.json {
        output::json(&json!({
            "token": issued.token,
            "jti": issued.jti,
            "expires_at": issued.expires_at.to_string(),
        }));
    } else {
        output::line(&issued.token);
    }
    Ok(())
}

async fn revoke(args: TokenRevoke) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let revoked = desk.revoke_token(&args.jti, args.issuer.as_deref()).await?;
    let announced = desk.announce().await;
    if args.config.json {
        let mut value = json!({
            "jti": revoked.jti,
            "issuer": revoked.issuer,
            "revoked_at": revoked.revoked_at.to_string(),
        });
        super::add_announced(&mut value, &announced);
        output::json(&value);
    } else {
        output::line(format_args!(
            "Revoked {} of {}.",
            revoked.jti, revoked.issuer
        ));
        super::print_announced(&announced);
    }
    Ok(())
}
