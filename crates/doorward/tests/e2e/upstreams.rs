//! Several servers behind one upstream, with servers that we did not write.

use std::process::{Child, Command, Stdio};

use crate::door::{BASE, Home};
use crate::peer::{Recorder, python};
use crate::wait::until;

const ROUTE: &str = "[[route]]\npath = \"/{*p}\"\nscopes = [\"orders:read\"]\ntimeout = \"5s\"\n";

/// A gunicorn with httpbin; ends with the test.
struct Gunicorn {
    child: Child,
    port: u16,
}

impl Gunicorn {
    fn start() -> Option<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        Self::on(port)
    }

    fn on(port: u16) -> Option<Self> {
        let mut command = Command::new(python()?);
        let bind = format!("127.0.0.1:{port}");
        command.args([
            "-m",
            "gunicorn",
            "-k",
            "gthread",
            "--threads",
            "4",
            "-b",
            &bind,
        ]);
        command.arg("httpbin:app").stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let started = Self { child, port };
        until("gunicorn listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Some(started)
    }
}

impl Drop for Gunicorn {
    fn drop(&mut self) {
        // Asked, it ends its workers as well.
        let pid = self.child.id().to_string();
        let _asked = Command::new("kill").args(["-TERM", &pid]).status();
        let _gone = self.child.wait();
    }
}

fn several(urls: &str, rest: &str) -> Home {
    let base = BASE.replace("url = \"http://127.0.0.1:{upstream}\"", urls);
    Home::new(&format!("{base}{rest}\n{ROUTE}"))
}

#[test]
fn a_killed_server_costs_no_caller_anything_and_comes_back() {
    let (Some(first), Some(second)) = (Gunicorn::start(), Gunicorn::start()) else {
        return;
    };
    let ports = (first.port, second.port);
    let urls = format!(
        "urls = [\"http://127.0.0.1:{}\", \"http://127.0.0.1:{}\"]",
        ports.0, ports.1
    );
    let checks = "[upstream.default.health]\npath = \"/status/200\"\ninterval = \"100ms\"\n\
                  healthy = 1\nunhealthy = 2\n";
    let home = several(&urls, checks);
    let key = home.key("orders:read");
    let door = home.serve();
    let hosts = |calls: usize| -> Vec<String> {
        let call = |_| {
            let got = door.bearer("/get", &key);
            assert_eq!(got.status, 200, "{got:?} {}", door.admin("/metrics").text());
            got.json()["headers"]["Host"].as_str().unwrap().to_owned()
        };
        (0..calls).map(call).collect()
    };
    let named = |port| format!("127.0.0.1:{port}");
    let seen = hosts(4);
    assert!(
        seen.contains(&named(ports.0)) && seen.contains(&named(ports.1)),
        "{seen:?}"
    );
    drop(first);
    let seen = hosts(12);
    assert!(seen.iter().all(|host| *host == named(ports.1)), "{seen:?}");
    let gone = format!("server=\"127.0.0.1:{}\"}} 0", ports.0);
    until("the checks see it", || {
        let page = door.admin("/metrics").text();
        let mut lines = page.lines();
        lines
            .find(|line| line.contains("server_available") && line.ends_with(&gone))
            .map(drop)
    });
    assert_eq!(door.admin("/readyz").status, 200, "one is left");
    let back = Gunicorn::on(ports.0);
    until("it is used again", || {
        hosts(2).contains(&named(ports.0)).then_some(())
    });
    drop((back, second));
    until("no server is left", || {
        (door.admin("/readyz").status == 503).then_some(())
    });
    assert_eq!(door.bearer("/get", &key).status, 502);
}

#[test]
fn a_reload_that_leaves_an_upstream_as_it_was_keeps_what_is_known_of_it() {
    let upstream = Recorder::start();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = free.local_addr().unwrap().port();
    drop(free);
    let urls = format!(
        "urls = [\"http://127.0.0.1:{}\", \"http://127.0.0.1:{dead}\"]\neject = {{ failures = 1 }}",
        upstream.port
    );
    let home = several(&urls, "");
    let key = home.key("orders:read");
    let door = home.serve();
    for _ in 0..4 {
        assert_eq!(door.bearer("/get", &key).status, 200);
    }
    let out = |count: u32| {
        format!("ejections_total{{upstream=\"default\",server=\"127.0.0.1:{dead}\"}} {count}")
    };
    assert!(door.admin("/metrics").text().contains(&out(1)));
    let text = door
        .read("doorward.toml")
        .replace("timeout = \"5s\"", "timeout = \"6s\"");
    door.write("doorward.toml", &text);
    until("it is reloaded", || {
        door.read("stderr.log").contains("reloaded").then_some(())
    });
    assert!(door.admin("/metrics").text().contains(&out(1)));
}

#[test]
fn what_an_operator_writes_of_servers_is_checked() {
    let wrong = [
        ("urls = []", "`urls` is empty"),
        (
            "url = \"http://a\"\nurls = [\"http://b\"]",
            "both `url` and `urls`",
        ),
        (
            "urls = [\"http://a\", \"https://b\"]",
            "all with TLS, or all without",
        ),
        ("urls = [\"http://a\", \"http://a/\"]", "written twice"),
        (
            "url = \"http://a\"\nserver_name = \"b\"",
            "no effect without TLS",
        ),
        (
            "url = \"https://a\"\nclient_cert = \"c.pem\"",
            "half written",
        ),
        ("url = \"http://a\"\nhealth = {}", "`path` is missing"),
        (
            "url = \"http://a\"\nhealth = { path = \"x\" }",
            "is not a path",
        ),
        (
            "url = \"http://a\"\nhealth = { path = \"/\", interval = \"1ms\" }",
            "at least 100ms",
        ),
        (
            "url = \"http://a\"\nbreaker = { max_requests = 0 }",
            "out of bounds",
        ),
        (
            "url = \"http://a\"\nbreaker = { max_pending = 1 }",
            "nothing waits",
        ),
        (
            "url = \"https://a\"\nbreaker = { max_connections = 1 }",
            "depends on what is spoken",
        ),
        (
            "url = \"http://a\"\neject = { base = \"1m\", max = \"1s\" }",
            "shorter than",
        ),
        (
            "url = \"http://a\"\nprotocol = \"http2\"\nproxy_protocol = true",
            "not HTTP/2",
        ),
        ("url = \"http://a\"\nbalance = \"random\"", "is not known"),
    ];
    for (urls, message) in wrong {
        let ran = several(urls, "").run(&["check"]);
        let said = format!("{}{}", ran.out, ran.err);
        assert!(ran.code == 1 && said.contains(message), "{urls}: {ran:?}");
        assert!(said.contains("doorward.toml:"), "no line: {said}");
    }
    let ran = several("url = \"http://a\"\nbalance = \"least_requests\"", "").run(&["check"]);
    let said = format!("{}{}", ran.out, ran.err);
    assert!(
        ran.code == 0 && said.contains("warning") && said.contains("one server"),
        "{ran:?}"
    );
}

const MTLS_SERVER: &str = r#"
import ssl, sys, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = dict(pair[0] for pair in self.connection.getpeercert()["subject"])["commonName"]
        self.send_response(200)
        self.send_header("Content-Length", str(len(name)))
        self.end_headers()
        self.wfile.write(name.encode())
    def log_message(self, *args): pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("server.pem", "server.key")
context.load_verify_locations("ca.pem")
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
import threading
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
"#;

fn openssl(home: &Home, line: &str) {
    let mut command = Command::new("openssl");
    command.args(line.split(' ')).current_dir(home.path("."));
    let out = command.output().unwrap();
    assert!(out.status.success(), "{line}: {out:?}");
}

/// A CA and two certificates of it, made by openssl.
fn certificates(home: &Home) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(
        home,
        &format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ca"),
    );
    for (name, cn, usage) in [
        ("server", "api.internal", "serverAuth"),
        ("door", "the-door", "clientAuth"),
    ] {
        let extensions =
            format!("-addext subjectAltName=DNS:{cn} -addext extendedKeyUsage={usage}");
        openssl(
            home,
            &format!(
                "req -x509 -CA ca.pem -CAkey ca.key {key} -keyout {name}.key -out {name}.pem \
                 -subj /CN={cn} -addext basicConstraints=critical,CA:FALSE {extensions}"
            ),
        );
    }
}

#[test]
fn r111_the_door_shows_its_certificate_and_checks_the_name_that_was_said() {
    let Some(python) = python() else { return };
    let probe = several("url = \"http://127.0.0.1:1\"", "");
    certificates(&probe);
    let mut child = Command::new(python)
        .args(["-c", MTLS_SERVER])
        .current_dir(probe.path("."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let port: u16 = line.trim().parse().unwrap();
    let file = |name: &str| probe.path(name).display().to_string();
    let url = format!(
        "url = \"https://127.0.0.1:{port}\"\nca = \"{}\"\n",
        file("ca.pem")
    );
    let named = "server_name = \"api.internal\"\n";
    let shown = format!(
        "client_cert = \"{}\"\nclient_key = \"{}\"\n",
        file("door.pem"),
        file("door.key")
    );
    let other = "server_name = \"other.internal\"\n";
    for (settings, status) in [
        (format!("{url}{named}{shown}"), 200),
        (format!("{url}{named}"), 502),
        (format!("{url}{shown}"), 502),
        (format!("{url}{other}{shown}"), 502),
    ] {
        let home = several(&settings, "");
        let key = home.key("orders:read");
        let got = home.serve().bearer("/get", &key);
        assert_eq!(got.status, status, "{settings}: {got:?}");
        if status == 200 {
            assert_eq!(got.text(), "the-door");
        }
    }
    drop(child.stdin.take());
    let _gone = child.wait();
}
