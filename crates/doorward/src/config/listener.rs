//! `[listener.NAME]`: where callers connect.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use doorward_core::net::Cidrs;
use doorward_crypto::proof::certificate_header::HeaderForm;
use doorward_proxy::ForwardAuth;

use super::client_ca::{self, ClientCa};
use super::diagnostic::Diagnostic;
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
    /// Where that is written.
    pub tls_origin: Origin,
    /// Peers that end TLS in front of a plain listener.
    pub trusted_terminators: Cidrs,
    /// Peers that begin every connection with a PROXY protocol header; nobody else may connect.
    pub proxy_protocol: Option<Cidrs>,
    /// Present where other servers ask about calls that they pass on themselves.
    pub forward_auth: Option<ForwardAuth>,
    /// Whether callers are asked for certificates.
    pub client_certificates: ClientCertificates,
    /// The header in which the terminator writes the caller's certificate.
    pub client_certificate_header: Option<HeaderForm>,
    /// The names of the authorities whose certificates callers may come with.
    pub client_ca: Vec<String>,
}

/// Whether callers are asked for certificates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientCertificates {
    /// No.
    #[default]
    Off,
    /// They may show one; routes say whether they must.
    Optional,
    /// Without one there is no connection.
    Required,
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
    /// Certificates of the authority in `[acme]`.
    Acme,
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

    /// Tells whether a caller's certificate can be known here.
    pub fn knows_certificates(&self) -> bool {
        self.client_certificates != ClientCertificates::Off
            || self.client_certificate_header.is_some()
    }
}

#[derive(Clone, Copy)]
enum Mode {
    Local,
    Acme,
    Off,
}

pub(super) fn read_all(
    root: &mut Section<'_>,
    folder: &Path,
    client_cas: &mut Vec<ClientCa>,
) -> Vec<Listener> {
    let mut listeners = super::named(root, "listener", |name, section| {
        let mut listener = read(name, section, folder);
        read_clients(&mut listener, section, folder, client_cas);
        listener.proxy_protocol = read_proxy_protocol(section, &listener);
        forward_auth::check_certificates(section, &listener);
        Some(listener)
    });
    if listeners.is_empty() {
        listeners.push(Listener {
            name: "main".to_owned(),
            origin: Origin::Absent,
            address: default_address(),
            tls: Tls::Local { names: Vec::new() },
            tls_origin: Origin::Absent,
            trusted_terminators: Cidrs::default(),
            proxy_protocol: None,
            forward_auth: None,
            client_certificates: ClientCertificates::Off,
            client_certificate_header: None,
            client_ca: Vec::new(),
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
        &[
            ("local", Mode::Local),
            ("acme", Mode::Acme),
            ("off", Mode::Off),
        ],
    );
    let cert_origin = section.origin_of("cert");
    let cert = section.file("cert", folder);
    let key = section.file("key", folder);
    let names_at = section.origin_of("names");
    let names = section.words("names");
    if matches!(mode, Mode::Acme) && !names.is_empty() {
        let fix = "Write them in [acme] domains.";
        section.error(names_at, "`names` is for tls = \"local\"", fix);
    }
    let tls = match (mode, cert, key) {
        (Mode::Local, Some(cert), Some(key)) if !written => Tls::Files { cert, key },
        (Mode::Local, None, None) => Tls::Local { names },
        (Mode::Acme, None, None) => Tls::Acme,
        (Mode::Off, None, None) => Tls::Off,
        _ => {
            section.missing(
                &["cert", "key"],
                if written { origin } else { cert_origin },
                "TLS is said in two ways, or half",
                "Write both `cert` and `key`, or only `tls` with \"local\", \"acme\" or \"off\".",
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
        tls_origin: origin,
        trusted_terminators,
        proxy_protocol: None,
        forward_auth,
        client_certificates: ClientCertificates::Off,
        client_certificate_header: None,
        client_ca: Vec::new(),
    }
}

/// Reads who introduces callers by a PROXY protocol header.
fn read_proxy_protocol(section: &mut Section<'_>, listener: &Listener) -> Option<Cidrs> {
    let origin = section.origin_of("proxy_protocol");
    let written = section.has("proxy_protocol");
    let peers = section.cidrs("proxy_protocol");
    if !written {
        return None;
    }
    if peers.is_empty() {
        section.error(
            origin,
            "`proxy_protocol` names no peer, so nobody could connect",
            "Write the balancer's address: proxy_protocol = [\"10.0.0.2\"], or remove it.",
        );
    }
    if !listener.trusted_terminators.is_empty() || listener.forward_auth.is_some() {
        section.error(
            origin,
            "a peer is believed by its PROXY header or by its HTTP headers, not by both",
            "End TLS here, and remove `trusted_terminators`; or remove `proxy_protocol`.",
        );
    }
    if peers.iter().any(|block| block.prefix_len() == 0) {
        section.diagnostics().push(Diagnostic::warning(
            origin,
            format!(
                "listener.{}: anybody may say whose connection it is",
                listener.name
            ),
            "Name the balancers' addresses in `proxy_protocol`.",
        ));
    }
    Some(peers)
}

/// Reads what is asked of callers' certificates.
fn read_clients(
    listener: &mut Listener,
    section: &mut Section<'_>,
    folder: &Path,
    client_cas: &mut Vec<ClientCa>,
) {
    let asked_at = section.origin_of("client_certificates");
    let header_at = section.origin_of("client_certificate_header");
    let ca_at = section.origin_of("client_ca");
    let ca_written = section.has("client_ca");
    listener.client_certificates = section.choice(
        "client_certificates",
        ClientCertificates::Off,
        &[
            ("off", ClientCertificates::Off),
            ("optional", ClientCertificates::Optional),
            ("required", ClientCertificates::Required),
        ],
    );
    let forms = HeaderForm::ALL.map(|(name, form)| (name, Some(form)));
    listener.client_certificate_header = section.choice("client_certificate_header", None, &forms);
    listener.client_ca = client_ca::read_names(section, client_cas, folder);
    let asks = listener.client_certificates != ClientCertificates::Off;
    if asks && listener.tls == Tls::Off {
        section.error(
            asked_at,
            "a listener without TLS cannot ask for certificates",
            "Let the terminator ask, and name its header in `client_certificate_header`.",
        );
    }
    if listener.client_certificate_header.is_some()
        && listener.trusted_terminators.is_empty()
        && listener.forward_auth.is_none()
    {
        section.error(
            header_at,
            "anybody could write `client_certificate_header`",
            "Write tls = \"off\" and the terminator's address in `trusted_terminators`.",
        );
    }
    if listener.knows_certificates() && !ca_written {
        section.error(
            if asks { asked_at } else { header_at },
            "it is not said whose client certificates count",
            "Add client_ca = \"clients.pem\", or \"self\" for those of `doorward cert issue`.",
        );
    }
    if ca_written && !listener.knows_certificates() {
        section.error(
            ca_at,
            "`client_ca` has no effect: callers are not asked for certificates",
            "Add client_certificates = \"optional\" or \"required\".",
        );
    }
}
