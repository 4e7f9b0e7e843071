//! Real servers that end TLS, ask us, and write the caller's certificate into their question.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::pki::{Ca, Pair, curl, san_uri};
use crate::door::{Door, Home};
use crate::fronts::servers::{Front, start_one};
use crate::mint::{Draft, jwks};
use crate::peer::{Recorder, header, python};

const CONFIG: &str = r#"
[listener.{dialect}]
kind = "forward-auth"
dialect = "{dialect}"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
client_certificate_header = "{form}"
client_ca = "clients.pem"
{more}
[admin]
address = "127.0.0.1:0"
[issuer]
url = "https://door.example"
[state]
dir = "data"
[log]
decisions = "decisions.jsonl"
[upstream.default]
url = "http://127.0.0.1:{upstream}"
[trusted_issuer.partner]
issuer = "https://partner.example"
audience = ["https://api.example"]
jwks_file = "partner.json"
[[client_certificate]]
uri = "spiffe://example.org/billing"
subject = "billing"
scopes = []
[[route]]
path = "/mtls"
accept = ["mtls"]
scopes = []
[[route]]
path = "/token"
accept = ["jwt"]
scopes = []
"#;

struct World {
    door: Door,
    upstream: Recorder,
    ca: Ca,
    front: Front,
}

/// A door that is asked by a server whose example is changed by lines, which are put behind
/// others; `None` when it is not installed.
fn asked(dialect: &'static str, form: &str, more: &str, lines: &[(&str, &str)]) -> Option<World> {
    python()?;
    let upstream = Recorder::start();
    let config = CONFIG.replace("{upstream}", &upstream.port.to_string());
    let config = config.replace("{form}", form).replace("{dialect}", dialect);
    let home = Home::new(&config.replace("{more}", more));
    let ca = Ca::new("Clients");
    home.write("clients.pem", &ca.pem);
    home.write("partner.json", &jwks(&["ES256"]));
    let server = Ca::new("Server").leaf(1, |params| {
        params.subject_alt_names = vec![super::pki::san_dns("localhost")];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    home.write("server.pem", &server.cert);
    home.write("server.key", &server.key);
    home.write("both.pem", &format!("{}{}", server.cert, server.key));
    let door = home.serve();
    let folder = door.path("").display().to_string();
    let edit = |text: &str| {
        lines.iter().fold(text.to_owned(), |text, (behind, line)| {
            assert!(text.contains(behind), "{behind}");
            let line = line.replace("{folder}/", &folder);
            let (kept, line) = match line.strip_prefix('=') {
                Some(instead) => ("", instead.to_owned()),
                None => (*behind, line),
            };
            text.replacen(behind, &format!("{kept}{line}"), 1)
        })
    };
    let front = start_one(&door, dialect, upstream.port, &edit)?;
    Some(World {
        door,
        upstream,
        ca,
        front,
    })
}

fn call(world: &World, path: &str, pair: Option<&Pair>, more: &[&str]) -> u16 {
    let mut args: Vec<String> = vec!["-k".to_owned()];
    let shown = pair.map(|pair| pair.args(&world.door, "caller"));
    args.extend(shown.unwrap_or_default());
    args.extend(more.iter().map(|word| (*word).to_owned()));
    args.push(format!("https://localhost:{}{path}", world.front.port()));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    curl(None, &args).unwrap().status
}

/// The certificate is the caller's, whatever the caller writes.
fn check(world: &World, name: &str, write: impl Fn(&Pair) -> String) {
    let pair = world.ca.uri("spiffe://example.org/billing");
    assert_eq!(call(world, "/mtls", Some(&pair), &[]), 200);
    let head = world.upstream.heads().pop().unwrap();
    assert_eq!(header(&head, "x-doorward-subject"), Some("billing"));
    assert_eq!(header(&head, "x-doorward-method"), Some("mtls"));
    assert_eq!(call(world, "/mtls", None, &[]), 401);
    let other = world.ca.leaf(1, |params| {
        params.subject_alt_names = vec![san_uri("spiffe://example.org/other")];
    });
    let served = world.upstream.heads().len();
    let spoofed = write(&pair);
    for name in [name.to_owned(), name.to_uppercase(), name.replace('-', "_")] {
        let spoof = format!("{name}: {spoofed}");
        for more in [
            &["-H", spoof.as_str()][..],
            &["--http1.1", "-H", &spoof, "-H", &spoof],
        ] {
            assert_ne!(call(world, "/mtls", None, more), 200, "{spoof}");
            assert_ne!(call(world, "/mtls", Some(&other), more), 200, "{spoof}");
        }
    }
    let stranger = Ca::new("Clients").uri("spiffe://example.org/billing");
    let spoof = format!("{name}: {}", write(&stranger));
    assert_ne!(call(world, "/mtls", None, &["-H", &spoof]), 200);
    // A token that is bound to a certificate is worth nothing with another, or with none.
    let hash = URL_SAFE_NO_PAD.encode(doorward_crypto::digest::sha256(&pair.der));
    let bound =
        Draft::new("https://partner.example", "ES256").claim("cnf", json!({ "x5t#S256": hash }));
    let bound = format!("Authorization: Bearer {}", bound.sign());
    let spoof = format!("{}: {spoofed}", name);
    for (pair, more) in [
        (None, &["-H", bound.as_str()][..]),
        (None, &["-H", &bound, "-H", &spoof]),
        (Some(&other), &["-H", &bound]),
    ] {
        assert_ne!(call(world, "/token", pair, more), 200, "{more:?}");
    }
    assert_eq!(world.upstream.heads().len(), served);
    assert_eq!(call(world, "/token", Some(&pair), &["-H", &bound]), 200);
}

fn escaped(pair: &Pair) -> String {
    let pem = pair.cert.replace('\n', "%0A").replace(' ', "%20");
    pem.replace('+', "%2B").replace('=', "%3D")
}

fn der(pair: &Pair) -> String {
    STANDARD.encode(&pair.der)
}

/// With `cache`: a kept answer would let a stolen token pass that is bound to a certificate.
#[test]
fn r036_r037_nginx_asks_with_the_callers_certificate() {
    let lines = [
        (
            ";\n\n        # The API gets the path",
            "= ssl;\n\n        # The API gets the path",
        ),
        (
            "merge_slashes off;\n",
            "ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;\n\
             ssl_verify_client optional; ssl_client_certificate {folder}/clients.pem;\n",
        ),
        (
            "proxy_pass http://doorward/;\n",
            "proxy_set_header ssl-client-cert $ssl_client_escaped_cert;\n",
        ),
        (
            "auth_request /.doorward;\n",
            "proxy_set_header ssl-client-cert \"\";\n",
        ),
    ];
    let Some(world) = asked("nginx", "nginx", "cache = \"5s\"", &lines) else {
        return;
    };
    check(&world, "ssl-client-cert", escaped);
}

#[test]
fn r036_r037_haproxy_asks_with_the_callers_certificate() {
    let lines = [
        (
            "\n\n    # What servers read in two ways",
            "= ssl crt {folder}/both.pem ca-file {folder}/clients.pem verify optional\n\n    \
             # What servers read in two ways",
        ),
        (
            "    http-request lua.doorward",
            "=    http-request set-header X-SSL-Client-Cert %[ssl_c_der,base64]\n    \
             http-request lua.doorward",
        ),
        (
            "    http-request del-header x-api-key\n",
            "    http-request del-header x-ssl-client-cert\n",
        ),
    ];
    let Some(world) = asked("haproxy", "haproxy", "", &lines) else {
        return;
    };
    check(&world, "x-ssl-client-cert", der);
}

#[test]
fn r036_r037_caddy_asks_with_the_callers_certificate() {
    let lines = [
        ("\nhttp://:", "=\nhttps://localhost:"),
        (
            "\tbind 127.0.0.1\n",
            "\ttls {folder}/server.pem {folder}/server.key {\n\t\tclient_auth {\n\
             \t\t\tmode verify_if_given\n\t\t\ttrusted_ca_cert_file {folder}/clients.pem\n\t\t}\n\t}\n",
        ),
        (
            "\t\t\theader_up -X-Rewrite-URL\n",
            "\t\t\theader_up X-SSL-Client-Cert {http.request.tls.client.certificate_der_base64}\n",
        ),
        (
            "\t\trequest_header -X-API-Key\n",
            "\t\trequest_header -X-SSL-Client-Cert\n",
        ),
    ];
    let Some(world) = asked("caddy", "haproxy", "", &lines) else {
        return;
    };
    check(&world, "x-ssl-client-cert", der);
}

/// The transport socket of Envoy's listener, and who writes its header.
const ENVOY: [(&str, &str); 2] = [
    (
        "          use_remote_address: true\n",
        "          forward_client_cert_details: SANITIZE_SET\n          \
         set_current_client_cert_details: { cert: true }\n",
    ),
    (
        "    filter_chains:\n    - ",
        "transport_socket:\n        name: tls\n        typed_config:\n          \
         \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext\n          \
         common_tls_context:\n            tls_certificates:\n            \
         - certificate_chain: { filename: {folder}/server.pem }\n              \
         private_key: { filename: {folder}/server.key }\n            \
         validation_context: { trusted_ca: { filename: {folder}/clients.pem } }\n      ",
    ),
];

#[test]
fn r036_r037_envoy_asks_with_the_callers_certificate() {
    let header = (
        "                - exact: x-api-key\n",
        "                - exact: x-forwarded-client-cert\n",
    );
    let lines = [ENVOY[0], ENVOY[1], header];
    let Some(world) = asked("envoy", "envoy", "path_prefix = \"/check\"", &lines) else {
        return;
    };
    check(&world, "x-forwarded-client-cert", |pair| {
        format!("Hash=00;Cert=\"{}\"", escaped(pair))
    });
}

#[test]
fn r036_r037_envoy_asks_with_the_callers_certificate_over_grpc() {
    let Some(world) = asked("envoy-grpc", "envoy", "", &ENVOY) else {
        return;
    };
    check(&world, "x-forwarded-client-cert", |pair| {
        format!("Hash=00;Cert=\"{}\"", escaped(pair))
    });
}
