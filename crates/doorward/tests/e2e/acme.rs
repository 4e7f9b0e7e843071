//! Certificates from an ACME authority: Pebble, which is Let's Encrypt's own authority for tests.

mod attacks;
mod authority;
mod caller;
mod failures;
mod front;
mod orders;
mod settings;

use authority::Authority;

use crate::door::{Home, ONE_ROUTE};

/// The host that most tests get a certificate for.
const HOST: &str = "api.example.com";

/// A door that gets its certificates from an authority. `more` goes into `[listener.main]`.
fn home(authority: &Authority, upstream: u16, more: &str) -> Home {
    let home = Home::new(&format!(
        r#"
[listener.main]
address = "127.0.0.1:0"
tls = "acme"
{more}
[acme]
directory = "{}"
terms_accepted = true
contact = ["mailto:ops@example.com"]
domains = ["{HOST}"]
retry = "200ms"
[outbound]
allow = ["127.0.0.0/8"]
ca = "authority.pem"
[admin]
address = "127.0.0.1:0"
[issuer]
url = "https://door.example"
audience = "https://api.example"
[state]
dir = "data"
[log]
decisions = "decisions.jsonl"
[upstream.default]
url = "http://127.0.0.1:{upstream}"
{ONE_ROUTE}"#,
        authority.directory(),
    ));
    home.write("authority.pem", &authority.ca);
    home
}
