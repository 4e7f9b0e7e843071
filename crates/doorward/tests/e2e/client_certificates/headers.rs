//! Certificates that a TLS terminator in front of us writes into a header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::pki::{Ca, Pair, curl, reason};
use crate::curl::Answer;
use crate::door::{Door, Home};
use crate::peer::{Recorder, header};

const CONFIG: &str = r#"
[listener.plain]
address = "127.0.0.1:0"
tls = "off"
trusted_terminators = ["127.0.0.1"]
client_certificate_header = "{form}"
client_ca = "clients.pem"
[listener.other]
address = "127.0.0.1:0"
tls = "off"
[admin]
enabled = false
[issuer]
url = "https://door.example"
[state]
dir = "data"
[log]
decisions = "decisions.jsonl"
[upstream.default]
url = "http://127.0.0.1:{upstream}"
[[client_certificate]]
uri = "spiffe://example.org/billing"
subject = "billing"
scopes = []
[[route]]
path = "/mtls"
accept = ["mtls"]
scopes = []
[[route]]
path = "/public"
public = true
"#;

/// Every form, its header, and how it writes a certificate.
fn forms(pair: &Pair) -> [(&'static str, &'static str, String); 6] {
    let der = STANDARD.encode(&pair.der);
    let pem = escaped(&pair.cert);
    [
        ("rfc9440", "Client-Cert", format!(":{der}:")),
        ("nginx", "ssl-client-cert", pem.clone()),
        (
            "envoy",
            "X-Forwarded-Client-Cert",
            format!("Hash=00;Cert=\"{pem}\""),
        ),
        ("traefik", "X-Forwarded-Tls-Client-Cert", der.clone()),
        ("haproxy", "X-SSL-Client-Cert", der),
        ("aws-alb", "X-Amzn-Mtls-Clientcert-Leaf", pem),
    ]
}

fn escaped(pem: &str) -> String {
    pem.replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B")
        .replace('=', "%3D")
}

fn world(form: &str) -> (Door, Recorder, Ca) {
    let upstream = Recorder::start();
    let config = CONFIG.replace("{upstream}", &upstream.port.to_string());
    let home = Home::new(&config.replace("{form}", form));
    let ca = Ca::new("Clients");
    home.write("clients.pem", &ca.pem);
    (home.serve(), upstream, ca)
}

fn call(door: &Door, listener: &str, path: &str, sent: &[(&str, &str)]) -> Answer {
    let url = format!("http://127.0.0.1:{}{path}", door.port(listener));
    let mut args: Vec<String> = Vec::new();
    for (name, value) in sent {
        args.extend(["-H".to_owned(), format!("{name}: {value}")]);
    }
    args.push(url);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    curl(None, &args).unwrap()
}

#[test]
fn r036_a_certificate_header_counts_from_its_terminator_and_in_its_form_only() {
    for n in 0..6 {
        let shape = forms(&Ca::new("x").uri("urn:x:y"))[n].0;
        let (door, upstream, ca) = world(shape);
        let pair = ca.uri("spiffe://example.org/billing");
        let all = forms(&pair);
        let (_, name, value) = &all[n];
        let answer = call(&door, "plain", "/mtls", &[(name, value)]);
        assert_eq!(answer.status, 200, "{shape} {answer:?}");
        let head = upstream.heads().pop().unwrap();
        assert_eq!(
            header(&head, "x-doorward-subject"),
            Some("billing"),
            "{shape}"
        );
        assert!(
            !head.to_ascii_lowercase().contains("cert"),
            "{shape} {head}"
        );
        // Twice, and by a terminator that says the caller came without TLS.
        let twice = call(&door, "plain", "/mtls", &[(name, value), (name, value)]);
        assert_eq!(
            (twice.status, reason(&door, &twice).as_str()),
            (401, "certificate_header")
        );
        let http = [(*name, value.as_str()), ("X-Forwarded-Proto", "http")];
        let plain = call(&door, "plain", "/mtls", &http);
        assert_eq!(
            (plain.status, reason(&door, &plain).as_str()),
            (401, "credential_missing")
        );
        // Another authority, and something that is no certificate.
        let stranger = &forms(&Ca::new("Clients").uri("spiffe://example.org/billing"))[n].2;
        let refused = call(&door, "plain", "/mtls", &[(name, stranger)]);
        assert_eq!(reason(&door, &refused), "certificate_untrusted", "{shape}");
        let broken = call(&door, "plain", "/mtls", &[(name, "broken")]);
        assert_eq!(broken.status, 401);
        // In the form of another terminator, in another spelling, and where nobody is trusted.
        for (other, alias, value) in &all {
            let alias = if *other == shape {
                alias.replace('-', "_")
            } else {
                (*alias).to_owned()
            };
            let spoofed = call(&door, "plain", "/mtls", &[(&alias, value)]);
            assert_eq!(spoofed.status, 401, "{shape} {alias} {spoofed:?}");
            assert_eq!(
                reason(&door, &spoofed),
                "credential_missing",
                "{shape} {alias}"
            );
            let spoofed = call(&door, "other", "/mtls", &[(&alias, value)]);
            assert_eq!(
                reason(&door, &spoofed),
                "credential_missing",
                "{shape} {alias}"
            );
        }
    }
}

#[test]
fn r036_certificate_headers_never_reach_the_upstream() {
    let (door, upstream, ca) = world("nginx");
    let pair = ca.uri("spiffe://example.org/billing");
    let der = STANDARD.encode(&pair.der);
    for name in [
        "Client-Cert",
        "Client-Cert-Chain",
        "client_cert",
        "Client.Cert",
        "X-Client-Cert",
        "SSL-Client-Cert",
        "ssl_client_verify",
        "SSL-Client-S-DN",
        "X-SSL-Client-Cert",
        "X-SSL-Client-Verify",
        "X_SSL_CLIENT_CN",
        "X-Forwarded-Client-Cert",
        "x_forwarded_client_cert",
        "X-Forwarded-Tls-Client-Cert",
        "X-Forwarded-Tls-Client-Cert-Info",
        "X-Amzn-Mtls-Clientcert",
        "X-Amzn-Mtls-Clientcert-Subject",
        "X-ARR-ClientCert",
        "Cf-Client-Cert-Der-Base64",
        "X-Client-Verify",
        "X-Client-DN",
    ] {
        for listener in ["plain", "other"] {
            let answer = call(&door, listener, "/public", &[(name, &der)]);
            assert_eq!(answer.status, 200, "{name} {answer:?}");
            let head = upstream.heads().pop().unwrap();
            assert!(!head.contains(&der), "{name} {head}");
        }
    }
}
