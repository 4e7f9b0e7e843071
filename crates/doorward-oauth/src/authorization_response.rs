//! The answer to an authorization request, always with `iss` (RFC 6749 section 4.1.2, RFC 9207,
//! OAuth 2.0 Form Post Response Mode).

use std::fmt::Write as _;

use crate::authorization_error::AuthorizationError;
use crate::check::response_type::ResponseMode;
use crate::issuer::Issuer;

/// Where an answer goes: a URI that was checked against the client's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReturnTo {
    /// The client's URI.
    pub uri: String,
    /// How the answer travels.
    pub mode: ResponseMode,
    /// The client's `state`, byte for byte.
    pub state: Option<String>,
}

/// An answer on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AuthorizationResponse {
    /// The browser is sent there.
    Redirect(String),
    /// The browser sends a form there.
    FormPost {
        /// Where.
        action: String,
        /// What.
        fields: Vec<(&'static str, String)>,
    },
}

impl ReturnTo {
    /// Makes the answer: a code, or why there is none.
    #[must_use]
    pub fn answer(
        &self,
        issuer: &Issuer,
        outcome: Result<&str, AuthorizationError>,
    ) -> AuthorizationResponse {
        let mut fields = match outcome {
            Ok(code) => vec![("code", code.to_owned())],
            Err(error) => vec![
                ("error", error.code.as_str().to_owned()),
                ("error_description", error.description.to_owned()),
            ],
        };
        if let Some(state) = &self.state {
            fields.push(("state", state.clone()));
        }
        fields.push(("iss", issuer.url().to_owned()));
        match self.mode {
            ResponseMode::Query => AuthorizationResponse::Redirect(with_query(&self.uri, &fields)),
            ResponseMode::FormPost => AuthorizationResponse::FormPost {
                action: self.uri.clone(),
                fields,
            },
        }
    }
}

fn with_query(uri: &str, fields: &[(&'static str, String)]) -> String {
    let mut text = uri.to_owned();
    let mut next = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    for (name, value) in fields {
        text.push_str(next);
        text.push_str(name);
        text.push('=');
        encode(value, &mut text);
        next = "&";
    }
    text
}

fn encode(value: &str, into: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _written = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AuthorizationResponse, ReturnTo};
    use crate::authorization_error::{AuthorizationError, AuthorizationErrorCode};
    use crate::check::response_type::ResponseMode;
    use crate::issuer::Issuer;

    fn location(uri: &str, state: &str, outcome: Result<&str, AuthorizationError>) -> String {
        let to = ReturnTo {
            uri: uri.to_owned(),
            mode: ResponseMode::Query,
            state: Some(state.to_owned()),
        };
        match to.answer(&Issuer::parse("https://id.example").unwrap(), outcome) {
            AuthorizationResponse::Redirect(location) => location,
            AuthorizationResponse::FormPost { .. } => panic!("asked for a query"),
        }
    }

    #[test]
    fn i02_a_state_adds_no_parameter() {
        let at = location("https://a.example/cb?x=1", "&code=evil#\r\n é", Ok("c"));
        assert_eq!(
            at,
            "https://a.example/cb?x=1&code=c&state=%26code%3Devil%23%0D%0A%20%C3%A9\
             &iss=https%3A%2F%2Fid.example"
        );
        let at = location("https://a.example/cb?", "s", Ok("c"));
        assert_eq!(
            at,
            "https://a.example/cb?code=c&state=s&iss=https%3A%2F%2Fid.example"
        );
    }

    #[test]
    fn r045_errors_say_who_speaks_as_well() {
        let denied = AuthorizationError::new(AuthorizationErrorCode::AccessDenied, "No.");
        let at = location("https://a.example/cb", "s", Err(denied));
        assert_eq!(
            at,
            "https://a.example/cb?error=access_denied&error_description=No.&state=s\
             &iss=https%3A%2F%2Fid.example"
        );
    }
}
