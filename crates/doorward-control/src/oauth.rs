//! The authorization server as HTTP: which path is whose, methods, sharing with scripts.

use bytes::Bytes;
use doorward_core::RequestHead;
use doorward_core::rejection::BodyFault;
use doorward_oauth::{AuthorizationServer, Endpoint, ErrorCode, OAuthError, Routed};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL,
};
use http::{HeaderValue, Method, Response, StatusCode};

use crate::answer::{for_method, problem};

/// Headers that scripts may send. `*` does not stand for `Authorization` (Fetch standard, 3.2.3).
const SENDABLE: &str = "Authorization, Content-Type, DPoP, MCP-Protocol-Version";
/// Headers of answers that scripts may read.
const READABLE: &str = "WWW-Authenticate, DPoP-Nonce, Retry-After";

/// Answers requests to the authorization server.
pub struct OAuthService {
    server: AuthorizationServer,
}

impl OAuthService {
    /// Takes a server.
    #[must_use]
    pub const fn new(server: AuthorizationServer) -> Self {
        Self { server }
    }

    /// The server.
    #[must_use]
    pub const fn server(&self) -> &AuthorizationServer {
        &self.server
    }

    /// The largest body that is read at a path; `None` when the path is not the server's.
    #[must_use]
    pub fn max_body(&self, path: &str) -> Option<usize> {
        match self.server.route(path)? {
            Routed::Metadata | Routed::Absent => Some(0),
            Routed::Endpoint(endpoint) => Some(endpoint.max_body()),
        }
    }

    /// Answers a request to a path of the server.
    pub async fn answer(
        &self,
        head: &RequestHead,
        body: Result<Bytes, BodyFault>,
    ) -> Response<Bytes> {
        match self.server.route(head.path()) {
            Some(Routed::Metadata) => self.metadata(head),
            Some(Routed::Endpoint(endpoint)) => {
                let mut response = self.call(endpoint, head, body).await;
                if endpoint.is_shared() {
                    share(&mut response);
                }
                for_method(head.method(), response)
            }
            Some(Routed::Absent) | None => {
                let sentence = "There is no such document here.";
                let mut response = problem(StatusCode::NOT_FOUND, "not_found", sentence);
                share(&mut response);
                for_method(head.method(), response)
            }
        }
    }

    fn metadata(&self, head: &RequestHead) -> Response<Bytes> {
        let mut response = match *head.method() {
            Method::GET | Method::HEAD => self.server.metadata(),
            Method::OPTIONS => preflight("GET, HEAD"),
            _ => wrong_method("GET, HEAD, OPTIONS"),
        };
        share(&mut response);
        for_method(head.method(), response)
    }

    async fn call(
        &self,
        endpoint: &dyn Endpoint,
        head: &RequestHead,
        body: Result<Bytes, BodyFault>,
    ) -> Response<Bytes> {
        let methods: Vec<&str> = endpoint.methods().iter().map(Method::as_str).collect();
        let methods = methods.join(", ");
        if head.method() == Method::OPTIONS && endpoint.is_shared() {
            return preflight(&methods);
        }
        if !endpoint.methods().contains(head.method()) {
            return wrong_method(&methods);
        }
        // SECURITY: secrets and tokens pass here; over plain HTTP others have read them already.
        if !head.arrival().transport.may_carry_credentials() {
            let sentence = "This endpoint is only answered over https.";
            return OAuthError::invalid_request(sentence).response();
        }
        match body {
            Ok(body) => self.server.answer(endpoint, head, body).await,
            Err(fault) => unread(fault).response(),
        }
    }
}

/// Why a body could not be read, in OAuth's words.
fn unread(fault: BodyFault) -> OAuthError {
    match fault {
        BodyFault::TooLarge => {
            OAuthError::new(ErrorCode::TooLarge, "The body is larger than accepted.")
        }
        BodyFault::NoRoom => OAuthError::unavailable("no room for the body"),
        _ => OAuthError::invalid_request("The body could not be read."),
    }
}

fn wrong_method(allow: &str) -> Response<Bytes> {
    let sentence = "The method is not one of this endpoint.";
    let mut response = problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        sentence,
    );
    if let Ok(allow) = HeaderValue::try_from(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// Lets scripts of any origin read an answer. There is nothing in it that a cookie decided.
fn share(response: &mut Response<Bytes>) {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let readable = HeaderValue::from_static(READABLE);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, readable);
}

fn preflight(methods: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if let Ok(methods) = HeaderValue::try_from(methods) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_HEADERS, SENDABLE),
        (ACCESS_CONTROL_MAX_AGE, "600"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
