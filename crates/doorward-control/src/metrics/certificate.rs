//! What is measured of the certificates that an authority gives us.

use std::sync::Arc;

use doorward_core::Timestamp;

use super::text::Page;

/// Knows the certificates that are shown to callers.
pub trait CertificateGauges: Send + Sync {
    /// What there is to tell of each host, at once and without I/O.
    fn certificates(&self) -> Vec<CertificateGauge>;
}

/// What there is to tell of the certificate of a host.
pub struct CertificateGauge {
    /// The host, as it is configured.
    pub host: Arc<str>,
    /// When its certificate ends; `None` where it has none yet.
    pub ends_at: Option<Timestamp>,
    /// How many certificates were obtained for it since the start.
    pub obtained: u64,
    /// How often none could be obtained.
    pub failures: u64,
}

/// Renders them.
pub(super) fn render(certificates: &[CertificateGauge], now: Timestamp, page: &mut Page) {
    let name = "doorward_acme_certificate_seconds_left";
    page.family(
        name,
        "gauge",
        "Time until the certificate of a host ends; below zero when it has.",
    );
    for one in certificates {
        if let Some(ends_at) = one.ends_at {
            let left = ends_at.since(now).as_secs_f64() - now.since(ends_at).as_secs_f64();
            page.sample(name, &[("host", &one.host)], left);
        }
    }
    let name = "doorward_acme_certificates_total";
    page.family(name, "counter", "Certificates obtained for a host.");
    for one in certificates {
        page.sample(name, &[("host", &one.host)], one.obtained);
    }
    let name = "doorward_acme_failures_total";
    page.family(
        name,
        "counter",
        "Times that no certificate could be obtained for a host.",
    );
    for one in certificates {
        page.sample(name, &[("host", &one.host)], one.failures);
    }
}
