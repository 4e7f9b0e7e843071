//! `doorward serve`

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::Serve;
use crate::output;
use crate::wiring::server::{Ready, Server};

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn run(args: Serve) -> Result<ExitCode> {
    super::wait_on_all_cores(async move {
        let server = Server::start(&args.config).await?;
        run_started(server, &args).await
    })
}

/// Announces a server that was started and serves until SIGTERM or Ctrl-C.
pub(super) async fn run_started(server: Server, args: &Serve) -> Result<ExitCode> {
    if let Some(path) = &args.ready_file {
        server.write_ready_file(path)?;
    }
    if args.config.json {
        output::json(&server.ready().to_json());
    } else {
        announce(args, server.ready());
    }
    let ended = server.run().await?;
    eprintln!("doorward: stopped");
    Ok(ended)
}

fn announce(args: &Serve, ready: &Ready) {
    eprintln!("doorward: serves {}", args.config.config.display());
    for (name, address, tls) in &ready.listeners {
        let scheme = if *tls { "https" } else { "http" };
        eprintln!("doorward: {name} listens on {scheme}://{address}");
    }
    if let Some(url) = ready.admin_url() {
        eprintln!("doorward: admin listens on {url} (/healthz, /readyz, /metrics)");
    }
}
