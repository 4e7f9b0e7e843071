//! `[client_ca.NAME]`: authorities whose certificates callers may come with.

use std::path::{Path, PathBuf};

use doorward_authn::mtls::OWN_AUTHORITY;

use super::document::{Origin, Value};
use super::section::Section;

/// An authority for client certificates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCa {
    /// The name.
    pub name: String,
    /// Where its certificates are.
    pub source: Source,
    /// Its revocation lists, PEM or DER.
    pub crl: Vec<PathBuf>,
    /// Lists that are past their date are believed.
    pub accept_stale: bool,
    /// Its certificates may have several names of one kind.
    pub several_names: bool,
}

/// Where an authority's certificates are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// In a PEM file.
    File(PathBuf),
    /// In the state: it is our own.
    Own,
}

pub(super) fn read_all(root: &mut Section<'_>, folder: &Path) -> Vec<ClientCa> {
    super::named(root, "client_ca", |name, section| {
        read(name, section, folder)
    })
}

fn read(name: &str, section: &mut Section<'_>, folder: &Path) -> Option<ClientCa> {
    let origin = section.origin();
    let file = section.required_text("file", "\"clients.pem\"");
    let crl_origin = section.origin_of("crl");
    let crl: Vec<_> = section
        .words("crl")
        .iter()
        .map(|path| folder.join(path))
        .collect();
    let stale_written = section.has("stale_crl");
    let accept_stale = section.choice("stale_crl", false, &[("refuse", false), ("accept", true)]);
    let several_names = section.boolean("several_names", false);
    if stale_written && crl.is_empty() {
        let fix = "Name the lists in `crl`, or remove `stale_crl`.";
        section.error(crl_origin, "`stale_crl` without `crl`", fix);
    }
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if name == OWN_AUTHORITY || !name.bytes().all(legal) {
        section.error(
            origin,
            "that cannot be the name of an authority",
            "Use lower-case letters, digits, - and _; `self` is our own authority.",
        );
        return None;
    }
    Some(ClientCa {
        name: name.to_owned(),
        source: Source::File(folder.join(file?)),
        crl,
        accept_stale,
        several_names,
    })
}

/// Reads a listener's `client_ca`: names of authorities, or the one file of an authority that is
/// then known by the file's name.
pub(super) fn read_names(
    section: &mut Section<'_>,
    known: &mut Vec<ClientCa>,
    folder: &Path,
) -> Vec<String> {
    let Some(node) = section.take("client_ca") else {
        return Vec::new();
    };
    let items = match node.value {
        Value::List(items) => items,
        value => vec![super::document::Node {
            value,
            origin: node.origin,
        }],
    };
    let mut names = Vec::with_capacity(items.len());
    for item in items {
        match item.value {
            Value::Text(text) => {
                names.extend(resolve(section, &text, item.origin, (&mut *known, folder)));
            }
            _ => section.error(
                item.origin,
                "`client_ca` holds something that is not a string",
                "Write client_ca = \"clients.pem\", or [\"NAME\"] of a [client_ca.NAME].",
            ),
        }
    }
    names
}

fn resolve(
    section: &mut Section<'_>,
    text: &str,
    origin: Origin,
    (known, folder): (&mut Vec<ClientCa>, &Path),
) -> Option<String> {
    if known.iter().any(|ca| ca.name == text) {
        return Some(text.to_owned());
    }
    let source = match text {
        OWN_AUTHORITY => Source::Own,
        // A name has no dot and no slash.
        file if file.contains(['.', '/']) => Source::File(folder.join(file)),
        _ => {
            let names: Vec<_> = known.iter().map(|ca| ca.name.as_str()).collect();
            section.error(
                origin,
                format!("`client_ca` names `{text}`, and there is no [client_ca.{text}]"),
                format!(
                    "Write a PEM file such as clients.pem, `self` for our own, or one of: {}.",
                    names.join(", ")
                ),
            );
            return None;
        }
    };
    let name = match &source {
        Source::Own => OWN_AUTHORITY.to_owned(),
        Source::File(_) => text.to_owned(),
    };
    known.push(ClientCa {
        name: name.clone(),
        source,
        crl: Vec::new(),
        accept_stale: false,
        several_names: false,
    });
    Some(name)
}
