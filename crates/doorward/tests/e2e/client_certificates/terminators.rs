//! Real servers in front of us that end TLS and write the caller's certificate into a header.

use super::pki::{Ca, Pair, curl, san_uri};
use crate::door::{Door, Home};
use crate::fronts::process::{Server, find, free_port};
use crate::peer::{Recorder, header};

const CONFIG: &str = r#"
[listener.plain]
address = "127.0.0.1:0"
tls = "off"
trusted_terminators = ["127.0.0.1"]
client_certificate_header = "{form}"
client_ca = "clients.pem"
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
"#;

const NGINX: &str = r#"
events {}
http {
    access_log off;
    {temporary}
    server {
        listen 127.0.0.1:{port} ssl;
        ssl_certificate server.pem;
        ssl_certificate_key server.key;
        ssl_verify_client optional;
        ssl_client_certificate clients.pem;
        location / {
            proxy_pass http://127.0.0.1:{door};
            proxy_set_header Host localhost;
            proxy_set_header ssl-client-cert $ssl_client_escaped_cert;
            proxy_set_header X-Forwarded-Proto https;
        }
    }
}
"#;

const HAPROXY: &str = r#"
defaults
    mode http
    timeout connect 10s
    timeout client 30s
    timeout server 30s
frontend tls
    bind 127.0.0.1:{port} ssl crt both.pem ca-file clients.pem verify optional
    http-request set-header X-SSL-Client-Cert %[ssl_c_der,base64]
    http-request set-header X-Forwarded-Proto https
    default_backend door
backend door
    server door 127.0.0.1:{door}
"#;

struct World {
    door: Door,
    upstream: Recorder,
    ca: Ca,
    _server: Server,
    port: u16,
}

/// A door behind a terminator; `None` when that is not installed.
fn behind(form: &str, program: &str, config: &str, file: &str, args: &[&str]) -> Option<World> {
    let program = find(program)?;
    let upstream = Recorder::start();
    let settings = CONFIG.replace("{upstream}", &upstream.port.to_string());
    let home = Home::new(&settings.replace("{form}", form));
    let ca = Ca::new("Clients");
    home.write("clients.pem", &ca.pem);
    let server = Ca::new("Server").leaf(1, |params| {
        params.subject_alt_names = vec![super::pki::san_dns("localhost")];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    home.write("server.pem", &server.cert);
    home.write("server.key", &server.key);
    home.write("both.pem", &format!("{}{}", server.cert, server.key));
    let door = home.serve();
    let (port, folder) = (free_port(), door.path(""));
    let mut temporary = String::new();
    for part in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        temporary += &format!("{part}_temp_path {}{part};\n", folder.display());
    }
    let text = config.replace("{port}", &port.to_string());
    let text = text.replace("{door}", &door.port("plain").to_string());
    door.write(file, &text.replace("{temporary}", &temporary));
    let server = Server::start(&program, args, &folder, port);
    Some(World {
        door,
        upstream,
        ca,
        _server: server,
        port,
    })
}

fn call(world: &World, pair: Option<&Pair>, more: &[&str]) -> u16 {
    let mut args: Vec<String> = vec!["-k".to_owned()];
    args.extend(
        pair.map(|pair| pair.args(&world.door, "caller"))
            .unwrap_or_default(),
    );
    args.extend(more.iter().map(|word| (*word).to_owned()));
    args.push(format!("https://localhost:{}/mtls", world.port));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    curl(None, &args).unwrap().status
}

/// The caller's own header never counts, whether or not the terminator has a certificate to write.
fn check(world: &World, name: &str, spoofed: &str) {
    let pair = world.ca.uri("spiffe://example.org/billing");
    assert_eq!(call(world, Some(&pair), &[]), 200);
    let head = world.upstream.heads().pop().unwrap();
    assert_eq!(header(&head, "x-doorward-subject"), Some("billing"));
    assert_eq!(call(world, None, &[]), 401);
    let other = world.ca.leaf(1, |params| {
        params.subject_alt_names = vec![san_uri("spiffe://example.org/other")];
    });
    let served = world.upstream.heads().len();
    for name in [
        name.to_owned(),
        name.to_ascii_uppercase(),
        name.replace('-', "_"),
    ] {
        let spoof = format!("{name}: {spoofed}");
        for more in [
            &["-H", spoof.as_str()][..],
            &["--http1.1", "-H", &spoof, "-H", &spoof],
        ] {
            assert_ne!(call(world, None, more), 200, "{spoof}");
            assert_ne!(call(world, Some(&other), more), 200, "{spoof}");
        }
    }
    assert_eq!(world.upstream.heads().len(), served);
}

#[test]
fn r036_behind_nginx_the_certificate_is_the_callers_and_no_header_of_theirs() {
    let args = [
        "-p",
        ".",
        "-c",
        "nginx.conf",
        "-e",
        "stderr",
        "-g",
        "daemon off; pid nginx.pid;",
    ];
    let Some(world) = behind("nginx", "nginx", NGINX, "nginx.conf", &args) else {
        return;
    };
    let good = world.ca.uri("spiffe://example.org/billing").cert;
    let escaped = good
        .replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B");
    check(&world, "ssl-client-cert", &escaped);
}

#[test]
fn r036_behind_haproxy_the_certificate_is_the_callers_and_no_header_of_theirs() {
    let args = ["-db", "-f", "haproxy.cfg"];
    let Some(world) = behind("haproxy", "haproxy", HAPROXY, "haproxy.cfg", &args) else {
        return;
    };
    use base64::Engine;
    let good = world.ca.uri("spiffe://example.org/billing").der;
    let good = base64::engine::general_purpose::STANDARD.encode(good);
    check(&world, "x-ssl-client-cert", &good);
}
