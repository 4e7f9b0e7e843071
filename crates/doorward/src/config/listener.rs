//! `[listener.NAME]`: where callers connect.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use doorward_core::net::Cidrs;
use doorward_proxy::ForwardAuth;

use super::document::Origin;
use super::forward_auth;
use super::section::Section;

/// Where callers connect.
pub struct Listener {
    /// The name.
    pub name: String,
    /// Where it is written.
    pub origin: Origin,
    /// Where it listens.
    pub address: SocketAddr,
    /// How TLS is done.
    pub tls: Tls,
    /// Peers that end TLS in front of a plain listener.
    pub trusted_terminators: Cidrs,
    /// Present where other servers ask about calls that they pass on themselves.
    pub forward_auth: Option<ForwardAuth>,
}

/// How TLS is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tls {
    /// Certificates of our own development CA.
    Local {
        /// Names beside localhost.
        names: Vec<String>,
    },
    /// Certificate files, reloaded when they change.
    Files {
        /// The chain, PEM.
        cert: PathBuf,
        /// The private key, PEM.
        key: PathBuf,
    },
    /// Plain HTTP.
    Off,
}

impl Listener {
    /// Tells whether credentials would cross a network unprotected.
    pub fn plain_and_open(&self) -> bool {
        self.tls == Tls::Off
            && !self.address.ip().is_loopback()
            && self.trusted_terminators.is_empty()
            && self.forward_auth.is_none()
    }
}

#[derive(Clone, Copy)]
enum Mode {
    Local,
    Off,
}

pub(super) fn read_all(root: &mut Section<'_>, folder: &Path) -> Vec<Listener> {
    let mut listeners = super::named(root, "listener", |name, section| {
        Some(read(name, section, folder))
    });
    if listeners.is_empty() {
        listeners.push(Listener {
            name: "main".to_owned(),
            origin: Origin::Absent,
            address: default_address(),
            tls: Tls::Local { names: Vec::new() },
            trusted_terminators: Cidrs::default(),
            forward_auth: None,
        });
    }
    listeners
}

fn default_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8443))
}

fn read(name: &str, section: &mut Section<'_>, folder: &Path) -> Listener {
    let address = section.address("address", default_address());
    let origin = section.origin_of("tls");
    let written = section.has("tls");
    let mode = section.choice(
        "tls",
        Mode::Local,
        &[("local", Mode::Local), ("off", Mode::Off)],
    );
    let cert_origin = section.origin_of("cert");
    let cert = section.file("cert", folder);
    let key = section.file("key", folder);
    let names = section.words("names");
    let tls = match (mode, cert, key) {
        (Mode::Local, Some(cert), Some(key)) if !written => Tls::Files { cert, key },
        (Mode::Local, None, None) => Tls::Local { names },
        (Mode::Off, None, None) => Tls::Off,
        _ => {
            section.missing(
                &["cert", "key"],
                if written { origin } else { cert_origin },
                "TLS is said in two ways, or half",
                "Write both `cert` and `key`, or only `tls = \"local\"`, or only `tls = \"off\"`.",
            );
            Tls::Off
        }
    };
    let peers_origin = section.origin_of("trusted_terminators");
    let trusted_terminators = section.cidrs("trusted_terminators");
    if !trusted_terminators.is_empty() && tls != Tls::Off {
        section.error(
            peers_origin,
            "`trusted_terminators` is for listeners without TLS",
            "Remove it, or write tls = \"off\".",
        );
    }
    let forward_auth = forward_auth::read(section);
    if forward_auth.is_some() && !trusted_terminators.is_empty() {
        section.error(
            peers_origin,
            "`trusted_terminators` is for listeners of the reverse proxy",
            "Remove it; the servers that ask are named in `trusted_peers`.",
        );
    }
    Listener {
        name: name.to_owned(),
        origin: section.origin(),
        address,
        tls,
        trusted_terminators,
        forward_auth,
    }
}
