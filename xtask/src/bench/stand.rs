//! The stand: an upstream, a plain proxy to compare with, and doors.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use super::material::Binaries;
use super::process::Server;
use crate::command;

/// A server and where it listens.
pub(super) struct Stand {
    /// The process.
    pub(super) server: Server,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Seconds from its start to its first answer.
    pub(super) first_answer: f64,
}

/// A path that every server of the stand answers without a credential.
pub(super) const OPEN_PATH: &str = "/public/answer";

/// A free port on the loopback interface.
pub(super) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Starts nginx as the upstream: one small JSON answer for everything.
pub(super) fn upstream(folder: &Path) -> Result<Stand> {
    let body = r#"{"order":1234567,"state":"paid","total":{"amount":4200,"currency":"EUR"}}"#;
    nginx(folder, "upstream", 1, |address| {
        format!(
            "server {{ listen {address} reuseport; location / {{ \
             default_type application/json; return 200 '{body}'; }} }}"
        )
    })
}

/// Starts nginx as a plain proxy.
pub(super) fn plain_proxy(folder: &Path, upstream: SocketAddr) -> Result<Stand> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    nginx(folder, "proxy", cores, |address| {
        format!(
            "upstream api {{ server {upstream}; keepalive 128; }} \
             server {{ listen {address} reuseport; location / {{ proxy_pass http://api; \
             proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }}"
        )
    })
}

fn nginx(
    folder: &Path,
    name: &str,
    workers: usize,
    server: impl FnOnce(SocketAddr) -> String,
) -> Result<Stand> {
    let program = command::find("nginx").context("nginx is not installed")?;
    let address = free_address()?;
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder)?;
    let shown = folder.display();
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {shown}/{kind}; "))
        .collect();
    let text = format!(
        "daemon off; worker_processes {workers}; pid {shown}/pid; error_log {shown}/error warn;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; keepalive_requests 100000000; {paths}\n{} }}\n",
        server(address)
    );
    let config = folder.join("nginx.conf");
    std::fs::write(&config, text)?;
    let mut command = Command::new(program);
    command.arg("-p").arg(&folder).arg("-c").arg(&config);
    start(name, &mut command, &folder, address)
}

/// A door's configuration and state.
pub(super) struct DoorFiles {
    folder: PathBuf,
    /// The configuration file.
    pub(super) config: PathBuf,
    /// The state folder.
    pub(super) state: PathBuf,
    /// Where it will listen for callers.
    pub(super) address: SocketAddr,
}

impl DoorFiles {
    /// Writes a configuration with a route for each method.
    pub(super) fn write(folder: &Path, upstream: SocketAddr, jwks: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let address = free_address()?;
        let mut text = format!(
            "[listener.main]\naddress = \"{address}\"\ntls = \"off\"\n\n\
             [admin]\nenabled = false\n\n[state]\ndir = \"state\"\n\n\
             [upstream.default]\nurl = \"http://{upstream}\"\n\n\
             [log]\ndecisions = \"off\"\naccess = false\n\n\
             [trusted_issuer.bench]\nissuer = \"https://bench.example\"\naudience = [\"bench\"]\n\
             jwks_file = \"{}\"\n\n\
             [[route]]\npath = \"/public/{{*path}}\"\npublic = true\n",
            jwks.display()
        );
        for method in ["api_key", "jwt", "basic"] {
            text.push_str(&format!(
                "\n[[route]]\npath = \"/{method}/{{*path}}\"\naccept = [\"{method}\"]\n\
                 scopes = [\"bench\"]\n"
            ));
        }
        let config = folder.join("doorward.toml");
        std::fs::write(&config, text)?;
        Ok(Self {
            state: folder.join("state"),
            folder: folder.to_owned(),
            config,
            address,
        })
    }

    /// Starts the door.
    pub(super) fn serve(&self, binaries: &Binaries, sets: &[&str]) -> Result<Stand> {
        let mut command = Command::new(&binaries.doorward);
        command.arg("serve").arg("--config").arg(&self.config);
        for set in sets {
            command.args(["--set", set]);
        }
        start("doorward", &mut command, &self.folder, self.address)
    }
}

/// Starts a server and waits until it answers.
pub(super) fn start(
    name: &str,
    command: &mut Command,
    folder: &Path,
    address: SocketAddr,
) -> Result<Stand> {
    let begun = Instant::now();
    let log = folder.join("output.log");
    let mut server = Server::start(name, command, &log)?;
    server
        .wait_for_answer(address, OPEN_PATH)
        .with_context(|| {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            format!("{name} said:\n{said}")
        })?;
    Ok(Stand {
        server,
        address,
        first_answer: begun.elapsed().as_secs_f64(),
    })
}
