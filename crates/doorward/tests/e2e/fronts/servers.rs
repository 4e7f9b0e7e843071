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
    pub(super) const fn port(&self) -> u16 {
        self.server.port
    }

    /// Whether it asks in plain HTTP, in headers and a path.
    pub(super) fn asks_in_http(&self) -> bool {
        self.name != "envoy-grpc" && self.name != "spop"
    }

    /// The path of the question about a path: Envoy asks with the path itself.
    pub(super) fn question(&self, path: &str) -> String {
        let prefix = if self.name == "envoy" { "/check" } else { "" };
        format!("{prefix}{path}")
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }
}

/// Starts every server that is installed, before an API.
pub(crate) fn start(door: &Door, api: u16) -> Vec<Front> {
    let all = [
        nginx(door, api),
        caddy(door, api),
        haproxy(door, api),
        envoy(door, "envoy", api),
        envoy(door, "envoy-grpc", api),
        haproxy_spoe(door, api),
    ];
    all.into_iter().flatten().collect()
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
    let of = if dialect == "spop" {
        "haproxy-spoe"
    } else {
        dialect
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

fn nginx(door: &Door, api: u16) -> Option<Front> {
    let program = find("nginx")?;
    let port = free_port();
    let (folder, text) = moved(door, "nginx", "nginx.conf", (port, api));
    let mut http = String::from("http {\n    access_log off;\n");
    for part in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        http += &format!("    {part}_temp_path {}/{part};\n", folder.display());
    }
    std::fs::write(
        folder.join("nginx.conf"),
        text.replacen("http {\n", &http, 1),
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
        name: "nginx",
        relays: Relays::Statuses,
        server: Server::start(&program, &args, &folder, port),
    })
}

fn caddy(door: &Door, api: u16) -> Option<Front> {
    let program = find("caddy")?;
    let port = free_port();
    let (folder, text) = moved(door, "caddy", "Caddyfile", (port, api));
    let text = format!("{{\n\tadmin off\n}}\n{text}");
    std::fs::write(folder.join("Caddyfile"), text).unwrap();
    let args = ["run", "--config", "Caddyfile", "--adapter", "caddyfile"];
    Some(Front {
        name: "caddy",
        relays: Relays::Everything,
        server: Server::start(&program, &args, &folder, port),
    })
}

fn haproxy(door: &Door, api: u16) -> Option<Front> {
    let program = find("haproxy")?;
    let port = free_port();
    let (folder, text) = moved(door, "haproxy", "haproxy.cfg", (port, api));
    std::fs::write(folder.join("haproxy.cfg"), text).unwrap();
    std::fs::write(folder.join("doorward.lua"), example("haproxy/doorward.lua")).unwrap();
    Some(Front {
        name: "haproxy",
        relays: Relays::Everything,
        server: Server::start(&program, &["-db", "-f", "haproxy.cfg"], &folder, port),
    })
}

fn haproxy_spoe(door: &Door, api: u16) -> Option<Front> {
    let program = find("haproxy")?;
    let port = free_port();
    let (folder, text) = moved(door, "spop", "haproxy.cfg", (port, api));
    std::fs::write(folder.join("haproxy.cfg"), text).unwrap();
    let engine = example("haproxy-spoe/doorward.conf");
    std::fs::write(folder.join("doorward.conf"), engine).unwrap();
    Some(Front {
        name: "spop",
        relays: Relays::Everything,
        server: Server::start(&program, &["-db", "-f", "haproxy.cfg"], &folder, port),
    })
}

fn envoy(door: &Door, dialect: &'static str, api: u16) -> Option<Front> {
    let program = find_envoy()?;
    let port = free_port();
    let (folder, text) = moved(door, dialect, "envoy.yaml", (port, api));
    Some(Front {
        name: dialect,
        relays: Relays::Everything,
        server: run_envoy(&program, &folder, &text, port),
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
