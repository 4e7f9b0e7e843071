//! `redirect_uri`: one of those registered, byte for byte (RFC 9700 section 2.1); only the port of
//! a native app on loopback may differ (RFC 8252 section 7.3).

use crate::client::Client;

/// Finds out where a client's users go back to: the URI that was sent, if it is one of the
/// client's; the only one that is registered, if none was sent.
#[must_use]
pub fn find(sent: Option<&str>, client: &Client) -> Option<String> {
    let registered = &client.record().redirect_uris;
    let Some(sent) = sent else {
        let [only] = registered.as_slice() else {
            return None;
        };
        return is_safe(only).then(|| only.clone());
    };
    let native = client.is_public();
    let known = |one: &String| one == sent || (native && differ_in_port_only(one, sent));
    (registered.iter().any(known) && is_safe(sent)).then(|| sent.to_owned())
}

/// Whether a browser may be sent to a URI: https, http on loopback, or an app's own scheme, which
/// has a dot (RFC 8252 section 7.1). Whatever was registered, a script never is.
#[must_use]
pub fn is_safe(uri: &str) -> bool {
    let visible = uri.bytes().all(|b| (0x21..0x7f).contains(&b));
    if !visible || uri.contains(['#', '\\', '"', '<', '>', '^', '`', '{', '|', '}', '\'']) {
        return false;
    }
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    match scheme {
        "https" => host_of(rest).is_some(),
        "http" => host_of(rest).is_some_and(|host| {
            let name = host.rsplit_once(':').map_or(host, |(name, port)| {
                if port.bytes().all(|b| b.is_ascii_digit()) {
                    name
                } else {
                    host
                }
            });
            matches!(name, "127.0.0.1" | "[::1]" | "localhost")
        }),
        own => {
            let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
            own.contains('.') && own.bytes().all(legal) && !rest.is_empty()
        }
    }
}

/// The host and port after a scheme; none where there is no host, or somebody before it.
fn host_of(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix("//")?;
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    (!host.is_empty() && !host.contains('@')).then_some(host)
}

/// Whether two URIs are on the same loopback address, and differ in the port alone.
fn differ_in_port_only(registered: &str, sent: &str) -> bool {
    ["http://127.0.0.1", "http://[::1]"]
        .into_iter()
        .any(|host| {
            let rests = (registered.strip_prefix(host), sent.strip_prefix(host));
            match rests {
                (Some(registered), Some(sent)) => {
                    let ends = (without_port(registered), without_port(sent));
                    matches!(ends, (Some(one), Some(other)) if one == other)
                }
                _ => false,
            }
        })
}

/// What follows the port, if there is a port or none, and then a path, a query or nothing.
fn without_port(rest: &str) -> Option<&str> {
    let end = match rest.strip_prefix(':') {
        None => rest,
        Some(after) => {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let (port, end) = after.split_at_checked(digits)?;
            let number: u16 = port.parse().ok()?;
            if number == 0 || port.starts_with('0') {
                return None;
            }
            end
        }
    };
    (end.is_empty() || end.starts_with(['/', '?'])).then_some(end)
}

/// The host that people are shown, and the source that a page's forms may lead to (CSP 3 section
/// 2.3.1). Both are made of safe characters alone.
#[must_use]
pub fn shown(uri: &str) -> Option<(String, String)> {
    if !is_safe(uri) {
        return None;
    }
    let (scheme, rest) = uri.split_once(':')?;
    if !matches!(scheme, "https" | "http") {
        return Some((format!("{scheme}:"), format!("{scheme}:")));
    }
    let host = host_of(rest)?;
    // SECURITY: a `;` or `,` would start another directive or policy.
    let legal = |b: u8| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b);
    let plain = host.bytes().all(legal);
    plain.then(|| (host.to_owned(), format!("{scheme}://{host}")))
}

/// Whether a URI leads to the reader's own machine.
#[must_use]
pub fn is_local(uri: &str) -> bool {
    uri.starts_with("http:") || !uri.starts_with("https:")
}

#[cfg(test)]
mod tests {
    use super::{differ_in_port_only, is_safe, shown};

    #[test]
    fn i03_a_script_is_no_place_to_go() {
        for good in [
            "https://app.example/cb",
            "https://app.example:8443/cb?a=b",
            "http://127.0.0.1:5000/cb",
            "http://[::1]/cb",
            "http://localhost:1/cb",
            "com.example.app:/cb",
        ] {
            assert!(is_safe(good), "{good}");
            assert!(shown(good).is_some(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "app:/cb",
            "https:app.example",
            "https://",
            "https:///cb",
            "https://a@evil.example/cb",
            "https://app.example/cb#x",
            "https://app.example/c b",
            "https://app.example/\u{e9}",
            "https://app.example\\@evil.example",
            "http://app.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost.evil.example/",
            "//evil.example",
            "",
        ] {
            assert!(!is_safe(bad), "{bad}");
            assert!(shown(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn i26_nothing_of_a_uri_opens_a_second_directive() {
        for bad in [
            "https://app.example;script-src%20*/cb",
            "https://app.example,x/cb",
            "https://*/cb",
        ] {
            assert_eq!(shown(bad), None, "{bad}");
        }
        let shown = |uri| super::shown(uri).unwrap();
        assert_eq!(
            shown("https://app.example:8443/cb;x"),
            (
                "app.example:8443".to_owned(),
                "https://app.example:8443".to_owned()
            )
        );
    }

    #[test]
    fn r038_only_the_port_of_loopback_may_differ() {
        let registered = "http://127.0.0.1/cb";
        for good in [
            "http://127.0.0.1:1/cb",
            "http://127.0.0.1:65535/cb",
            registered,
        ] {
            assert!(differ_in_port_only(registered, good), "{good}");
            assert!(differ_in_port_only("http://127.0.0.1:9/cb", good), "{good}");
        }
        for bad in [
            "http://127.0.0.1:1/cb/",
            "http://127.0.0.1:1/cb?x",
            "http://127.0.0.1:1/CB",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:080/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:1@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1evil/cb",
            "https://127.0.0.1:1/cb",
            "http://localhost:1/cb",
            "http://[::1]:1/cb",
        ] {
            assert!(!differ_in_port_only(registered, bad), "{bad}");
        }
    }
}
