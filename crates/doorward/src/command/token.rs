//! `doorward token`

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::cli::{Token, TokenIssue, TokenRevoke};
use crate::desk::token::NewToken;
use crate::desk::{Desk, parse_scopes, parse_span};
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
    let issued = desk
        .issue_token(NewToken {
            subject: args.sub,
            audience: args.audience,
            scopes: parse_scopes(&args.scopes)?,
            roles: args.roles,
            issued_at: desk.now(),
            ttl: parse_span(&args.ttl)?,
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
        output::json(&json!({
            "jti": revoked.jti,
            "issuer": revoked.issuer,
            "revoked_at": revoked.revoked_at.to_string(),
            "servers_told": announced.servers,
            "servers_silent": announced.silent,
        }));
    } else {
        output::line(format_args!(
            "Revoked {} of {}.",
            revoked.jti, revoked.issuer
        ));
    }
    Ok(())
}
