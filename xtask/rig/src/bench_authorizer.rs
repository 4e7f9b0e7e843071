//! The smallest servers that allow every call: what the forward-auth benchmark compares with.
//!
//! `bench-authorizer http|grpc|spop ADDRESS` allows what it is asked about, and reads no more than
//! it must. `bench-authorizer tower ADDRESS CONFIG` is a service behind the gate of a
//! configuration; without one, the same service behind nothing.
#![expect(clippy::print_stderr, reason = "it talks to people")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use tokio::net::TcpListener;

mod always;
mod behind_tower;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match arguments.as_slice() {
            ["http", address] => always::http(bind(address).await?).await,
            ["grpc", address] => always::grpc(bind(address).await?).await,
            ["spop", address] => always::spop(bind(address).await?).await,
            ["tower", address] => behind_tower::open(bind(address).await?).await,
            ["tower", address, config] => {
                behind_tower::guarded(bind(address).await?, Path::new(config)).await
            }
            _ => bail!("usage: bench-authorizer http|grpc|spop|tower ADDRESS [CONFIG]"),
        }
    })
}

async fn bind(address: &str) -> Result<TcpListener> {
    Ok(TcpListener::bind(address.parse::<SocketAddr>()?).await?)
}
