//! Who signed in and what they allowed, for the log.

use doorward_core::scope::ScopeSet;
use doorward_oauth::{ErrorCode, Issued, Parts, TokenRecord};
use doorward_store::{ApprovedAuthorization, SessionRecord};

use super::sign_in::Problem;

/// Records that somebody signed in. False when it cannot be recorded.
pub(super) fn signed_in(parts: &Parts, session: &SessionRecord) -> bool {
    let issued = Issued {
        subject: session.user.as_str().to_owned(),
        scopes: ScopeSet::EMPTY,
        audience: Vec::new(),
        jti: session.sid.clone(),
    };
    parts.audit.record(&TokenRecord {
        issued: Some(&issued),
        ..blank("sign-in")
    })
}

/// Records that nobody did. SECURITY: without the name, which may be a password in the wrong
/// field.
pub(super) fn not_signed_in(parts: &Parts, problem: Problem) -> bool {
    let cause = match problem {
        Problem::Wrong => "name or password is not right",
        Problem::Later(_) => "too many attempts",
    };
    parts.audit.record(&TokenRecord {
        error: Some(ErrorCode::InvalidGrant),
        cause: Some(cause),
        ..blank("sign-in")
    })
}

/// Records what a user allowed a client. False when it cannot be recorded.
pub(super) fn allowed(parts: &Parts, approved: &ApprovedAuthorization) -> bool {
    let issued = Issued {
        subject: approved.user.as_str().to_owned(),
        scopes: approved.scopes.clone(),
        audience: approved.resources.clone(),
        jti: approved.sid.clone(),
    };
    parts.audit.record(&TokenRecord {
        client_id: Some(&approved.client_id),
        issued: Some(&issued),
        ..blank("authorize")
    })
}

const fn blank<'a>(endpoint: &'static str) -> TokenRecord<'a> {
    TokenRecord {
        endpoint,
        client_id: None,
        grant_type: None,
        issued: None,
        error: None,
        cause: None,
    }
}
