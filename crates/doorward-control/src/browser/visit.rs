//! What comes from a browser.

use doorward_core::net::ClientAddress;
use http::HeaderMap;

use super::cookie::{BROWSER, Ticket};
use super::form::Form;

/// One request of a browser.
#[derive(Clone, Copy)]
pub struct Visit<'v> {
    /// Its headers.
    pub headers: &'v HeaderMap,
    /// Its query, as sent.
    pub query: &'v str,
    /// Its body.
    pub body: &'v [u8],
    /// Where it comes from.
    pub client: ClientAddress,
}

impl Visit<'_> {
    /// The ticket that forms are bound to before somebody signed in.
    #[must_use]
    pub fn browser(&self) -> Option<Ticket> {
        Ticket::of_cookie(self.headers, BROWSER)
    }

    /// The form in the body.
    #[must_use]
    pub fn form(&self) -> Option<Form> {
        Form::of_body(self.headers, self.body)
    }
}
