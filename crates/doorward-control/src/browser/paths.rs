//! Where the pages are.

/// The addresses of the pages, below the issuer's own path.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The authorization endpoint.
    pub authorize: String,
    /// Where names and passwords are sent.
    pub sign_in: String,
    /// The consent page.
    pub consent: String,
    /// The account page.
    pub account: String,
    /// Signing out.
    pub sign_out: String,
    /// The stylesheet.
    pub style: String,
    /// The operator's logo.
    pub logo: String,
    /// The script that sends the form of `response_mode=form_post`.
    pub submit: String,
}

impl Paths {
    /// The pages below `base`, an issuer's path without a final slash: empty for most.
    #[must_use]
    pub fn below(base: &str) -> Self {
        let at = |name: &str| format!("{base}/oauth2/{name}");
        Self {
            authorize: at("authorize"),
            sign_in: at("sign-in"),
            consent: at("consent"),
            account: at("account"),
            sign_out: at("sign-out"),
            style: at("style.css"),
            logo: at("logo"),
            submit: at("submit.js"),
        }
    }
}
