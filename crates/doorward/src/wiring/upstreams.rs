//! The upstreams of a snapshot. One that a reload leaves as it was keeps its connections and
//! what is known of its servers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use doorward_control::{Check, ServerGauge, UpstreamGauge, UpstreamGauges};
use doorward_proxy::{ClientIdentity, Door, Protocol, Roots, Upstream, UpstreamConfig};
use parking_lot::Mutex;

use crate::config::{Config, upstream};

type Built = BTreeMap<Arc<str>, (UpstreamConfig, Arc<Upstream>)>;

/// What was built last.
#[derive(Default)]
pub struct Upstreams(Mutex<Built>);

impl Upstreams {
    /// The upstreams of a configuration: those that it has in common with the last one, and new
    /// ones. Needs a tokio runtime.
    ///
    /// # Errors
    /// When a file that the configuration names cannot be used.
    pub fn of(&self, config: &Config) -> Result<BTreeMap<Arc<str>, Arc<Upstream>>> {
        let mut last = self.0.lock();
        let mut built = Built::new();
        for (name, settings) in &config.upstreams {
            let wanted = wanted(settings).with_context(|| format!("upstream.{name}"))?;
            let known = last.get(name).filter(|(config, _)| *config == wanted);
            let upstream = match known {
                Some((_, upstream)) => Arc::clone(upstream),
                None => {
                    let upstream = Upstream::new(wanted.clone());
                    let upstream = upstream.with_context(|| format!("upstream.{name}"))?;
                    upstream.start_checks();
                    Arc::new(upstream)
                }
            };
            built.insert(Arc::clone(name), (wanted, upstream));
        }
        last.clone_from(&built);
        let of_snapshot = |(name, (_, upstream))| (name, upstream);
        Ok(built.into_iter().map(of_snapshot).collect())
    }
}

fn wanted(settings: &upstream::UpstreamSettings) -> Result<UpstreamConfig> {
    let roots = match &settings.ca {
        None => Roots::System,
        Some(path) => Roots::Pem(read(path)?),
    };
    let identity = match &settings.client_certificate {
        None => None,
        Some((chain, key)) => Some(ClientIdentity {
            chain: read(chain)?,
            key: read(key)?,
        }),
    };
    let url = |url: &http::Uri| url.to_string().trim_end_matches('/').to_owned();
    Ok(UpstreamConfig {
        urls: settings.urls.iter().map(url).collect(),
        protocol: match settings.protocol {
            upstream::Protocol::Auto => Protocol::Auto,
            upstream::Protocol::Http1 => Protocol::Http1,
            upstream::Protocol::Http2 => Protocol::Http2,
        },
        roots,
        server_name: settings.server_name.clone(),
        identity,
        connect_timeout: settings.connect_timeout,
        max_idle: settings.pool,
        http2_streams: settings.http2_streams,
        proxy_protocol: settings.proxy_protocol,
        preserve_host: settings.preserve_host,
        audience: Some(settings.audience.as_str().into()),
        balance: settings.balance,
        retries: settings.retries,
        panic: settings.panic,
        eject: settings.eject,
        health: settings.health.clone(),
        breaker: settings.breaker,
        ..UpstreamConfig::new("")
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// What the operator sees of the upstreams that are in use.
pub struct Watched(pub Arc<Door>);

impl Check for Watched {
    fn name(&self) -> &'static str {
        "upstreams"
    }

    fn state(&self, _: u64) -> Result<(), &'static str> {
        let snapshot = self.0.snapshot();
        let mut upstreams = snapshot.upstreams.values();
        // One API that is down is no reason to take the others away from their callers.
        if upstreams.all(|upstream| upstream.is_down()) {
            return Err("no upstream has a server that answers its health checks");
        }
        Ok(())
    }
}

impl UpstreamGauges for Watched {
    fn upstreams(&self) -> Vec<UpstreamGauge> {
        let snapshot = self.0.snapshot();
        let gauge = |(name, upstream): (&Arc<str>, &Arc<Upstream>)| UpstreamGauge {
            name: Arc::clone(name),
            overloads: upstream.overloads(),
            servers: upstream
                .servers()
                .into_iter()
                .map(|server| ServerGauge {
                    server: server.server,
                    available: server.available,
                    calls: server.calls,
                    ejections: server.ejections,
                })
                .collect(),
        };
        snapshot.upstreams.iter().map(gauge).collect()
    }
}
