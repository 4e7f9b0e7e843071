//! `doorward serve`

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::Serve;
use crate::output;
use crate::wiring::server::Server;

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn run(args: Serve) -> Result<ExitCode> {
    super::wait_on_all_cores(async move {
        let server = Server::start(&args.config).await?;
        if let Some(path) = &args.ready_file {
            server.write_ready_file(path)?;
        }
        if args.config.json {
            output::json(&server.ready().to_json());
        } else {
            for (name, address, tls) in &server.ready().listeners {
                let scheme = if *tls { "https" } else { "http" };
                eprintln!("doorward: {name} listens on {scheme}://{address}");
            }
        }
        server.run().await
    })
}
