//! Servers of others as plain reverse proxies before the door. They are told to pass on whatever
//! they can be told to pass on, and keep the connections to the door for all of their callers.

use std::path::Path;

use super::corpus;
use super::stand::Stand;
use super::tap::Tap;
use super::witness::Witness;
use crate::fronts::process::{Server, find, find_envoy, free_port};

/// A reverse proxy that is running.
pub(super) struct Proxy {
    pub(super) http1: u16,
    /// The port for HTTP/2 without TLS.
    pub(super) http2: u16,
    _server: Server,
}

const NGINX: &str = "
daemon off; pid {folder}/nginx.pid; error_log stderr crit;
events {}
http {
    access_log off;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    keepalive_timeout 2s; client_body_timeout 2s; client_header_timeout 2s;
    ignore_invalid_headers off; underscores_in_headers on; merge_slashes off;
    upstream door { server 127.0.0.1:{door}; keepalive 8; }
    server {
        listen 127.0.0.1:{http1};
        listen 127.0.0.1:{http2} http2;
        location / {
            proxy_pass http://door;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_set_header Connection \"\";
            proxy_set_header Host $http_host;
        }
    }
}
";

const HAPROXY: &str = "
defaults
    mode http
    timeout client 2s
    timeout connect 5s
    timeout server 20s
    timeout http-request 2s
    http-reuse always
frontend f
    bind 127.0.0.1:{http1}
    option accept-invalid-http-request
    default_backend door
backend door
    option accept-invalid-http-response
    server door 127.0.0.1:{door}
";

const CADDY: &str = "
{
	admin off
	auto_https off
	servers {
		protocols h1 h2c
		timeouts {
			read_header 2s
			read_body 2s
			idle 2s
		}
	}
}
:{http1} {
	bind 127.0.0.1
	reverse_proxy 127.0.0.1:{door}
}
";

const ENVOY: &str = "
static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: {http1} } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          codec_type: AUTO
          stream_idle_timeout: 2s
          http_protocol_options:
            accept_http_10: true
            default_host_for_http_10: h
            allow_chunked_length: true
          upgrade_configs: [{ upgrade_type: websocket }]
          route_config:
            virtual_hosts:
            - name: all
              domains: [\"*\"]
              routes:
              - match: { prefix: / }
                route: { cluster: door }
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: door
    connect_timeout: 5s
    load_assignment:
      cluster_name: door
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {door} } } }
";

/// A proxy: its program and arguments, its configuration, and whether HTTP/2 has its own port.
type Kind = (
    fn() -> Option<std::path::PathBuf>,
    &'static [&'static str],
    &'static str,
    bool,
);

pub(super) const ALL: [(&str, Kind); 4] = [
    (
        "nginx",
        (
            || find("nginx"),
            &["-c", "FILE", "-e", "stderr"],
            NGINX,
            true,
        ),
    ),
    (
        "haproxy",
        (|| find("haproxy"), &["-db", "-f", "FILE"], HAPROXY, false),
    ),
    (
        "caddy",
        (
            || find("caddy"),
            &["run", "--adapter", "caddyfile", "--config", "FILE"],
            CADDY,
            false,
        ),
    ),
    (
        "envoy",
        (
            find_envoy,
            &["--disable-hot-restart", "--concurrency", "1", "-c", "FILE"],
            ENVOY,
            false,
        ),
    ),
];

impl Proxy {
    /// Starts a proxy before a port; none when it is not installed.
    pub(super) fn start(name: &str, folder: &Path, door: u16) -> Option<Self> {
        let (_, (program, args, text, two_ports)) = ALL.iter().find(|(known, _)| *known == name)?;
        let program = program()?;
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let http1 = free_port();
        let http2 = if *two_ports { free_port() } else { http1 };
        let text = text
            .replace("{folder}", folder.to_str().unwrap())
            .replace("{http1}", &http1.to_string())
            .replace("{http2}", &http2.to_string())
            .replace("{door}", &door.to_string());
        // Envoy wants to see the kind of a file in its name.
        let file = folder.join("proxy.yaml");
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let args: Vec<&str> = args
            .iter()
            .map(|a| if *a == "FILE" { file } else { a })
            .collect();
        Some(Self {
            http1,
            http2,
            _server: Server::start(&program, &args, &folder, http1),
        })
    }
}

/// Sends the corpus of HTTP/1 and that of HTTP/2 through a proxy.
fn withstands(name: &str) {
    let stand = Stand::before(|_| Some(Witness::own())).unwrap();
    let tap = Tap::before(stand.port());
    let Some(proxy) = Proxy::start(name, &stand.door.path(""), tap.port) else {
        return;
    };
    stand.withstands(proxy.http1, &corpus::all(), || tap.read());
    let stand = Stand::before(|_| Some(Witness::own())).unwrap();
    let tap = Tap::before(stand.port());
    let Some(proxy) = Proxy::start(name, &stand.door.path(""), tap.port) else {
        return;
    };
    stand.withstands(proxy.http2, &corpus::http2::all(), || tap.read());
}

#[test]
fn r103_r104_r106_g13_g15_nothing_is_smuggled_through_nginx() {
    withstands("nginx");
}

#[test]
fn r103_r104_r106_g13_g15_nothing_is_smuggled_through_haproxy() {
    withstands("haproxy");
}

#[test]
fn r103_r104_r106_g13_g15_nothing_is_smuggled_through_caddy() {
    withstands("caddy");
}

#[test]
fn r103_r104_r106_g13_g15_nothing_is_smuggled_through_envoy() {
    withstands("envoy");
}
