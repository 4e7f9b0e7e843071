//! `[admin]`: the operator's listener.

use std::net::{Ipv4Addr, SocketAddr};

use super::section::Section;

/// The operator's listener: health, readiness, metrics. Plain HTTP; loopback by default.
pub struct Admin {
    /// Where it listens; nowhere when absent.
    pub address: Option<SocketAddr>,
}

pub(super) fn read(section: &mut Section<'_>) -> Admin {
    let enabled = section.boolean("enabled", true);
    let origin = section.origin_of("address");
    let address = section.address("address", SocketAddr::from((Ipv4Addr::LOCALHOST, 8444)));
    if enabled && !address.ip().is_loopback() && !section.boolean("exposed", false) {
        section.error(
            origin,
            format!("`address = \"{address}\"` is not a loopback address"),
            "The admin listener has no sign-in. Bind it to 127.0.0.1; or, on a network that only \
             operators reach, write exposed = true.",
        );
    } else {
        section.boolean("exposed", false);
    }
    Admin {
        address: enabled.then_some(address),
    }
}
