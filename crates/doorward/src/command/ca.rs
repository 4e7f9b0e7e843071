//! `doorward ca`

use std::process::ExitCode;

use anyhow::Result;
use doorward_proxy::LocalCa;
use serde_json::json;

use crate::cli::Ca;
use crate::config::listener::{Listener, Tls};
use crate::desk::load_config;
use crate::{output, state};

/// Shows the development CA, making it if there is none.
pub(super) fn run(args: &Ca) -> Result<ExitCode> {
    let config = load_config(&args.config.config, &args.config.sets)?;
    state::make_folder(&config.state_dir)?;
    let clock = crate::clock::SystemClock::new();
    let ca = LocalCa::open(&state::ca_folder(&config.state_dir), &clock)?;
    let path = std::path::absolute(ca.certificate_file())?;
    let path = path.display().to_string();
    let local = |l: &&Listener| matches!(l.tls, Tls::Local { .. });
    let listener = config.listeners.iter().find(local);
    let port = listener.map_or(8443, |l| l.address.port());
    if args.config.json {
        output::json(&json!({ "ca_file": path }));
    } else if args.path {
        output::line(&path);
    } else {
        output::line(format_args!("The development CA is {path}\n"));
        output::line("It signs certificates for this machine only. Trust it where you need it:\n");
        output::line(format_args!(
            "curl       curl --cacert {path} https://localhost:{port}/"
        ));
        output::line(format_args!(
            "Node.js    NODE_EXTRA_CA_CERTS={path} node app.js"
        ));
        output::line(format_args!(
            "Python     REQUESTS_CA_BUNDLE={path} python app.py"
        ));
        output::line(format_args!(
            "Debian     cp {path} /usr/local/share/ca-certificates/doorward.crt && update-ca-certificates"
        ));
        output::line(format_args!(
            "macOS      security add-trusted-cert -k ~/Library/Keychains/login.keychain-db {path}"
        ));
        output::line("Firefox    Settings, Certificates, View Certificates, Authorities, Import");
    }
    Ok(ExitCode::SUCCESS)
}
