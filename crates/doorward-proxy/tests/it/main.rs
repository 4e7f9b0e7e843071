//! The data plane over real sockets.

#![cfg(test)]

mod bodies;
mod connections;
mod extended_connect;
mod failures;
mod framing;
mod harness;
mod headers;
mod http2;
mod proxy_protocol;
mod servers;
mod tls;
mod websocket;
