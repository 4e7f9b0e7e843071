//! The fuzz targets: one function for each parser of bytes that outsiders choose.
//!
//! Each takes any bytes and asserts what must hold whatever they are. They are run by libFuzzer
//! (`fuzz/Cargo.toml`, nightly) and by `cargo xtask fuzz` (stable), from the seeds in
//! `fuzz/seeds/NAME`.

mod api_key_parse;
mod basic_header;
mod body_judge;
mod canonical_path;
mod certificate_header;
mod certificate_parse;
mod config_toml;
mod forwarded_headers;
mod htpasswd_parse;
mod jwks_parse;
mod jws_parse;
mod path_template;
mod proxy_header;
mod query_credential;
mod redact;
mod request_head;
mod signature_input;
mod sigv4;
mod spop_frame;

/// A target.
pub(crate) struct Target {
    /// Its name, and that of its seeds' folder.
    pub(crate) name: &'static str,
    /// What is run.
    pub(crate) run: fn(&[u8]),
}

/// All of them.
pub(crate) const ALL: &[Target] = &[
    Target {
        name: "api_key_parse",
        run: api_key_parse::run,
    },
    Target {
        name: "body_judge",
        run: body_judge::run,
    },
    Target {
        name: "basic_header",
        run: basic_header::run,
    },
    Target {
        name: "canonical_path",
        run: canonical_path::run,
    },
    Target {
        name: "certificate_header",
        run: certificate_header::run,
    },
    Target {
        name: "certificate_parse",
        run: certificate_parse::run,
    },
    Target {
        name: "config_toml",
        run: config_toml::run,
    },
    Target {
        name: "forwarded_headers",
        run: forwarded_headers::run,
    },
    Target {
        name: "htpasswd_parse",
        run: htpasswd_parse::run,
    },
    Target {
        name: "jwks_parse",
        run: jwks_parse::run,
    },
    Target {
        name: "jws_parse",
        run: jws_parse::run,
    },
    Target {
        name: "path_template",
        run: path_template::run,
    },
    Target {
        name: "query_credential",
        run: query_credential::run,
    },
    Target {
        name: "proxy_header",
        run: proxy_header::run,
    },
    Target {
        name: "redact",
        run: redact::run,
    },
    Target {
        name: "signature_input",
        run: signature_input::run,
    },
    Target {
        name: "request_head",
        run: request_head::run,
    },
    Target {
        name: "sigv4",
        run: sigv4::run,
    },
    Target {
        name: "spop_frame",
        run: spop_frame::run,
    },
];

/// Runs a target by its name.
pub(crate) fn run(name: &str, data: &[u8]) {
    if let Some(target) = ALL.iter().find(|target| target.name == name) {
        (target.run)(data);
    }
}
