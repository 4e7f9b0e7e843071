//! Authorizers that always allow.

use std::convert::Infallible;

use anyhow::Result;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::WithTrailers;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

mod spop;

pub(crate) use spop::spop;

/// 200 without a body, for everything.
pub(crate) async fn http(listener: TcpListener) -> Result<()> {
    loop {
        let stream = next(&listener).await?;
        let answer = service_fn(|_: Request<Incoming>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

/// A frame of gRPC with a `CheckResponse` whose `ok_response` (field 3) is empty.
const OK: &[u8] = &[0, 0, 0, 0, 2, 0x1a, 0];

/// The same answer to every message, read to its end.
pub(crate) async fn grpc(listener: TcpListener) -> Result<()> {
    loop {
        let stream = next(&listener).await?;
        let answer = service_fn(|request: Request<Incoming>| async {
            let _read = request.into_body().collect().await;
            Ok::<_, Infallible>(allowed())
        });
        let builder = http2::Builder::new(TokioExecutor::new());
        tokio::spawn(builder.serve_connection(TokioIo::new(stream), answer));
    }
}

type Trailers = std::future::Ready<Option<Result<HeaderMap, Infallible>>>;

fn allowed() -> Response<WithTrailers<Full<Bytes>, Trailers>> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::from(Bytes::from_static(OK));
    let mut answer = Response::new(body.with_trailers(std::future::ready(Some(Ok(trailers)))));
    let grpc = HeaderValue::from_static("application/grpc");
    answer.headers_mut().insert(CONTENT_TYPE, grpc);
    answer
}

pub(crate) async fn next(listener: &TcpListener) -> Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
