//! What people see: signing in, consent, the account page.
//!
//! Every answer is a whole page made here, without scripts and inline styles. A form is taken only
//! from the browser it was made for: its token is a keyed digest over that browser's cookie.

pub mod account;
pub mod asset;
pub mod authorize;
pub mod brand;
pub mod cookie;
pub mod endpoint;
pub mod form;
pub mod form_token;
pub mod page;
pub mod pages;
pub mod paths;
mod record;
pub mod scope_words;
pub mod session;
pub mod sign_in;
pub mod visit;
pub mod words;

#[cfg(test)]
mod tests;
