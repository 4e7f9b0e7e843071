//! The one outbound HTTP client: fetches key sets and metadata of issuers, talks to the ACME
//! authority, and nothing else.
//!
//! It resolves a name once, checks every address, and connects to the address it checked, so
//! that a name cannot move between check and use. It follows no redirect and never sends a
//! credential.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use doorward_core::net::Cidrs;
use http::header::{ACCEPT, CACHE_CONTROL, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

mod address;
mod target;

use target::Target;

/// How long a fetch may take altogether.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing was fetched.
#[derive(Debug, Error)]
pub enum OutboundError {
    /// The address is not an absolute http or https URL.
    #[error("`{0}` is not an https address")]
    Url(String),
    /// A name or password in the address.
    #[error("the address holds a user name or password, and none is ever sent: write it without")]
    UserInfo,
    /// Plain HTTP to an address that is not listed.
    #[error("`{0}` is not https; list its address in [outbound] allow if that is meant")]
    Plain(String),
    /// The name does not resolve.
    #[error("cannot resolve {0}: {1}")]
    Resolve(String, std::io::Error),
    /// The name stands for an address inside the network.
    #[error(
        "{0} is {1}, an address inside the network; list it in [outbound] allow if that is meant"
    )]
    Private(String, std::net::IpAddr),
    /// No connection.
    #[error("cannot connect to {0}: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// Broken HTTP.
    #[error("no HTTP answer: {0}")]
    Http(#[from] hyper::Error),
    /// Not 200.
    #[error("the answer is {0}; redirects are not followed: give the final address")]
    Status(StatusCode),
    /// Too much.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// Too slow.
    #[error("no answer within {} seconds", .0.as_secs())]
    TooSlow(Duration),
}

/// What was fetched.
pub struct Document {
    /// The body.
    pub body: Bytes,
    /// How long it may be kept, when the answer says.
    pub max_age: Option<Duration>,
}

/// The client.
pub struct Outbound {
    tls: TlsConnector,
    allow: Cidrs,
}

impl Outbound {
    /// Makes a client that trusts the system's certificate authorities and those given.
    ///
    /// # Errors
    /// When the PEM text holds no certificate.
    pub fn new(allow: Cidrs, extra_ca: Option<&[u8]>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(pem) = extra_ca {
            use rustls::pki_types::{CertificateDer, pem::PemObject};
            let certificates: Vec<_> =
                CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
            anyhow::ensure!(
                !certificates.is_empty(),
                "outbound.ca holds no PEM certificate"
            );
            for certificate in certificates {
                roots.add(certificate)?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            allow,
        })
    }

    /// Fetches a document of at most `max` bytes.
    ///
    /// # Errors
    /// Why not.
    pub async fn get(&self, url: &str, max: usize) -> Result<Document, OutboundError> {
        let request = Request::get(url)
            .header(ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|_| OutboundError::Url(url.to_owned()))?;
        let call = self.call_patiently(url, request, (max, Accept::OkOnly));
        let response = within(PATIENCE, call).await?;
        Ok(Document {
            max_age: max_age(response.headers()),
            body: response.into_body(),
        })
    }

    /// Sends a request to an https address and returns whatever the answer is, with a body of at
    /// most `max` bytes.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn call(
        &self,
        url: &str,
        request: Request<Bytes>,
        (max, patience): (usize, Duration),
    ) -> Result<Response<Bytes>, OutboundError> {
        if !Target::parse(url)?.tls {
            return Err(OutboundError::Url(url.to_owned()));
        }
        let call = self.call_patiently(url, request, (max, Accept::Any));
        within(patience, call).await
    }

    async fn call_patiently(
        &self,
        url: &str,
        request: Request<Bytes>,
        bounds: (usize, Accept),
    ) -> Result<Response<Bytes>, OutboundError> {
        let target = Target::parse(url)?;
        let request = addressed(request, &target)?;
        let address = self.resolve(&target).await?;
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| OutboundError::Connect(address, error))?;
        if !target.tls {
            return exchange(stream, request, bounds).await;
        }
        let name = ServerName::try_from(target.host.clone())
            .map_err(|_| OutboundError::Url(url.to_owned()))?;
        let stream = self
            .tls
            .connect(name, stream)
            .await
            .map_err(|error| OutboundError::Connect(address, error))?;
        exchange(stream, request, bounds).await
    }

    /// Resolves a name; every address must be one that may be called.
    async fn resolve(&self, target: &Target) -> Result<SocketAddr, OutboundError> {
        let host = &target.host;
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), target.port))
            .await
            .map_err(|error| OutboundError::Resolve(host.clone(), error))?
            .collect();
        for address in &found {
            target.check(address.ip(), &self.allow)?;
        }
        let none = || std::io::Error::other("it has no address");
        found
            .first()
            .copied()
            .ok_or_else(|| OutboundError::Resolve(host.clone(), none()))
    }
}

/// Refuses a URL that [`Outbound::get`] would refuse whatever its name stands for, without
/// asking anybody.
///
/// # Errors
/// Why it would be refused.
pub fn check_url(url: &str, allow: &Cidrs) -> Result<(), OutboundError> {
    Target::parse(url)?.check_unresolved(allow)
}

/// Which answers are any good.
#[derive(Clone, Copy)]
enum Accept {
    /// 200.
    OkOnly,
    /// All of them.
    Any,
}

async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, OutboundError>>,
) -> Result<T, OutboundError> {
    tokio::time::timeout(patience, work)
        .await
        .unwrap_or(Err(OutboundError::TooSlow(patience)))
}

/// The request as its server sees it.
fn addressed(
    request: Request<Bytes>,
    target: &Target,
) -> Result<Request<Full<Bytes>>, OutboundError> {
    let wrong = || OutboundError::Url(target.authority.clone());
    let mut request = request.map(Full::new);
    *request.uri_mut() = target.path.parse().map_err(|_| wrong())?;
    let host = HeaderValue::try_from(&target.authority).map_err(|_| wrong())?;
    request.headers_mut().insert(HOST, host);
    let agent = HeaderValue::from_static("doorward");
    request.headers_mut().insert(USER_AGENT, agent);
    Ok(request)
}

async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    (max, accept): (usize, Accept),
) -> Result<Response<Bytes>, OutboundError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let result = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        if matches!(accept, Accept::OkOnly) && status != StatusCode::OK {
            return Err(OutboundError::Status(status));
        }
        let (parts, mut body) = response.into_parts();
        let mut collected = BytesMut::new();
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame?.data_ref() {
                if collected.len() + data.len() > max {
                    return Err(OutboundError::TooLarge(max));
                }
                collected.extend_from_slice(data);
            }
        }
        Ok(Response::from_parts(parts, collected.freeze()))
    }
    .await;
    driver.abort();
    result
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(CACHE_CONTROL)?.to_str().ok()?;
    let seconds = text
        .split(',')
        .find_map(|part| part.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests;
