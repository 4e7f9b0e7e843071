//! What is measured of upstreams and their servers.

use std::sync::Arc;

use super::text::Page;

/// Knows the upstreams that are in use.
pub trait UpstreamGauges: Send + Sync {
    /// What there is to tell of them, at once and without I/O.
    fn upstreams(&self) -> Vec<UpstreamGauge>;
}

/// What there is to tell of an upstream.
pub struct UpstreamGauge {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// How many calls were refused because it had too many at once.
    pub overloads: u64,
    /// Its servers.
    pub servers: Vec<ServerGauge>,
}

/// What there is to tell of one server.
pub struct ServerGauge {
    /// Its address in the configuration.
    pub server: Box<str>,
    /// Calls are sent to it.
    pub available: bool,
    /// The calls that it has at present.
    pub calls: usize,
    /// How often it was left out because calls to it failed.
    pub ejections: u64,
}

/// Renders them.
pub(super) fn render(upstreams: &[UpstreamGauge], page: &mut Page) {
    let name = "doorward_upstream_overloads_total";
    page.family(name, "counter", "Calls refused by an upstream's breaker.");
    for upstream in upstreams {
        page.sample(name, &[("upstream", &upstream.name)], upstream.overloads);
    }
    let name = "doorward_upstream_server_available";
    page.family(name, "gauge", "1 where calls are sent to a server.");
    each(upstreams, name, page, |server| u64::from(server.available));
    let name = "doorward_upstream_server_calls";
    page.family(
        name,
        "gauge",
        "Calls that one of several servers has at present.",
    );
    each(upstreams, name, page, |server| {
        u64::try_from(server.calls).unwrap_or(u64::MAX)
    });
    let name = "doorward_upstream_server_ejections_total";
    page.family(
        name,
        "counter",
        "Times that a server was left out because calls failed.",
    );
    each(upstreams, name, page, |server| server.ejections);
}

fn each(
    upstreams: &[UpstreamGauge],
    name: &'static str,
    page: &mut Page,
    value: impl Fn(&ServerGauge) -> u64,
) {
    for upstream in upstreams {
        for server in &upstream.servers {
            let labels = [("upstream", &*upstream.name), ("server", &*server.server)];
            page.sample(name, &labels, value(server));
        }
    }
}
