//! The servers, each with the configuration of `examples/`, moved to other ports.

use std::path::{Path, PathBuf};

use crate::door::Door;
use crate::fronts::process::{Server, find, find_envoy, free_port};

/// A listener for each dialect that is tried. The names are those of the dialects.
pub(crate) const LISTENERS: &str = r#"
[listener.nginx]
kind = "forward-auth"
dialect = "nginx"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
[listener.caddy]
kind = "forward-auth"
dialect = "caddy"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
[listener.haproxy]
kind = "forward-auth"
dialect = "haproxy"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
[listener.envoy]
kind = "forward-auth"
dialect = "envoy"
path_prefix = "/check"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
[listener.envoy-grpc]
kind = "forward-auth"
dialect = "envoy-grpc"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
[listener.ingress-nginx]
kind = "forward-auth"
dialect = "ingress-nginx"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
[listener.traefik]
kind = "forward-auth"
dialect = "traefik"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
[listener.gateway-api]
kind = "forward-auth"
dialect = "gateway-api"
path_prefix = "/check"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
[listener.spop]
kind = "forward-auth"
dialect = "spop"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
"#;

/// How refusals come through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Relays {
    /// 401 with its challenges; of other refusals the status, if the configuration turns it back.
    Statuses,
    /// Everything.
    Everything,
}

/// A server that asks us.
pub(crate) struct Front {
    /// The dialect.
    pub(crate) name: &'static str,
    pub(crate) relays: Relays,
    server: Server,
}

impl Front {
    /// The server's port.
    pub(crate) const fn port(&self) -> u16 {
        self.server.port
    }

    /// Whether it asks in plain HTTP, in headers and a path.
    pub(super) fn asks_in_http(&self) -> bool {
        self.name != "envoy-grpc" && self.name != "spop"
    }

    /// The path of the question about a path: Envoy asks with the path itself.
    pub(super) fn question(&self, path: &str) -> String {
        let prefix = if self.name == "envoy" || self.name == "gateway-api" {
            "/check"
        } else {
            ""
        };
        format!("{prefix}{path}")
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }
}

/// The dialects whose servers are run.
pub(crate) const RUN: [&str; 6] = ["nginx", "caddy", "haproxy", "envoy", "envoy-grpc", "spop"];

/// What is changed in an example.
type Edit<'e> = &'e dyn Fn(&str) -> String;

/// Starts the server of a dialect with its example changed, if it is installed.
pub(crate) fn start_one(
    door: &Door,
    dialect: &'static str,
    api: u16,
    edit: Edit<'_>,
) -> Option<Front> {
    match dialect {
        "nginx" => nginx(door, dialect, api, edit),
        // What the controller writes is a configuration of nginx.
        "ingress-nginx" => nginx(door, dialect, api, &|text| edit(&as_ingress(text))),
        // Caddy tells what Traefik tells, under the same names.
        "caddy" | "traefik" => caddy(door, dialect, api, edit),
        "haproxy" => haproxy(door, api, edit),
        "spop" => haproxy_spoe(door, api, edit),
        // Gateways of Kubernetes that ask over HTTP ask as Envoy does.
        _ => envoy(door, dialect, api, edit),
    }
}

/// The example for nginx, asking as the ingress controller makes nginx ask.
fn as_ingress(text: &str) -> String {
    let mut text = text.to_owned();
    for (written, instead) in [
        (
            "X-Original-URL \"\";",
            "X-Original-URL $scheme://$http_host$request_uri;",
        ),
        ("X-Original-URI $request_uri;", "X-Original-URI \"\";"),
        (
            "X-Forwarded-Proto $scheme;\n            proxy_set_header X-Forwarded-Host $http_host;\n            proxy_set_header X-Forwarded-For $remote_addr;\n\n            # A caller's",
            "X-Forwarded-Proto \"\";\n            proxy_set_header X-Forwarded-Host \"\";\n            proxy_set_header X-Forwarded-For $remote_addr;\n\n            # A caller's",
        ),
    ] {
        assert!(text.contains(written), "{written}");
        text = text.replacen(written, instead, 1);
    }
    text
}

/// A file of `examples/`.
fn example(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    std::fs::read_to_string(root.join(name)).unwrap()
}

/// Writes an example for these ports into a folder of its own.
fn moved(door: &Door, dialect: &str, name: &str, ports: (u16, u16)) -> (PathBuf, String) {
    let folder = door.path(dialect);
    std::fs::create_dir_all(&folder).unwrap();
    let of = match dialect {
        "spop" => "haproxy-spoe",
        "ingress-nginx" => "nginx",
        "traefik" => "caddy",
        "gateway-api" => "envoy",
        dialect => dialect,
    };
    let text = example(&format!("{of}/{name}"));
    let (own, api) = ports;
    let mut moved = text.clone();
    for (written, port) in [(8080, own), (9080, door.port(dialect)), (3000, api)] {
        for before in ["127.0.0.1:", "http://:", "port_value: "] {
            moved = moved.replace(&format!("{before}{written}"), &format!("{before}{port}"));
        }
    }
    assert_ne!(text, moved);
    (folder, moved)
}

fn nginx(door: &Door, dialect: &'static str, api: u16, edit: Edit<'_>) -> Option<Front> {
    let program = find("nginx")?;
    let port = free_port();
    let (folder, text) = moved(door, dialect, "nginx.conf", (port, api));
    let mut http = String::from("http {\n    access_log off;\n");
    for part in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        http += &format!("    {part}_temp_path {}/{part};\n", folder.display());
    }
    std::fs::write(
        folder.join("nginx.conf"),
        edit(&text).replacen("http {\n", &http, 1),
    )
    .unwrap();
    let file = folder.join("nginx.conf");
    let settings = format!("daemon off; pid {}/nginx.pid;", folder.display());
    let args = [
        "-c",
        file.to_str().unwrap(),
        "-e",
        "stderr",
        "-g",
        &settings,
    ];
    Some(Front {
        name: dialect,
        relays: Relays::Statuses,
        server: Server::start(&program, &args, &folder, port),
    })
}

fn caddy(door: &Door, dialect: &'static str, api: u16, edit: Edit<'_>) -> Option<Front> {
    let program = find("caddy")?;
    let port = free_port();
    let (folder, text) = moved(door, dialect, "Caddyfile", (port, api));
    let text = format!(
        "{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{}",
        edit(&text)
    );
    std::fs::write(folder.join("Caddyfile"), text).unwrap();
    let args = ["run", "--config", "Caddyfile", "--adapter", "caddyfile"];
    Some(Front {
        name: dialect,
        relays: Relays::Everything,
        server: Server::start(&program, &args, &folder, port),
    })
}

fn haproxy(door: &Door, api: u16, edit: Edit<'_>) -> Option<Front> {
    let program = find("haproxy")?;
    let port = free_port();
    let (folder, text) = moved(door, "haproxy", "haproxy.cfg", (port, api));
    std::fs::write(folder.join("haproxy.cfg"), edit(&text)).unwrap();
    std::fs::write(folder.join("doorward.lua"), example("haproxy/doorward.lua")).unwrap();
    Some(Front {
        name: "haproxy",
        relays: Relays::Everything,
        server: Server::start(&program, &["-db", "-f", "haproxy.cfg"], &folder, port),
    })
}

fn haproxy_spoe(door: &Door, api: u16, edit: Edit<'_>) -> Option<Front> {
    let program = find("haproxy")?;
    let port = free_port();
    let (folder, text) = moved(door, "spop", "haproxy.cfg", (port, api));
    std::fs::write(folder.join("haproxy.cfg"), edit(&text)).unwrap();
    let engine = example("haproxy-spoe/doorward.conf");
    std::fs::write(folder.join("doorward.conf"), engine).unwrap();
    Some(Front {
        name: "spop",
        relays: Relays::Everything,
        server: Server::start(&program, &["-db", "-f", "haproxy.cfg"], &folder, port),
    })
}

fn envoy(door: &Door, dialect: &'static str, api: u16, edit: Edit<'_>) -> Option<Front> {
    let program = find_envoy()?;
    let port = free_port();
    let (folder, text) = moved(door, dialect, "envoy.yaml", (port, api));
    Some(Front {
        name: dialect,
        relays: Relays::Everything,
        server: run_envoy(&program, &folder, &edit(&text), port),
    })
}

/// The example for Envoy over gRPC, changed, in a folder of its own.
pub(super) fn changed_envoy(
    door: &Door,
    name: &str,
    api: u16,
    change: impl Fn(&str) -> String,
) -> Option<Server> {
    let program = find_envoy()?;
    let port = free_port();
    let (_, text) = moved(door, "envoy-grpc", "envoy.yaml", (port, api));
    let folder = door.path(name);
    std::fs::create_dir_all(&folder).unwrap();
    let changed = change(&text);
    assert_ne!(changed, text);
    Some(run_envoy(&program, &folder, &changed, port))
}

fn run_envoy(program: &Path, folder: &Path, text: &str, port: u16) -> Server {
    std::fs::write(folder.join("envoy.yaml"), text).unwrap();
    let args = [
        "-c",
        "envoy.yaml",
        "--disable-hot-restart",
        "--concurrency",
        "1",
    ];
    Server::start(program, &args, folder, port)
}
