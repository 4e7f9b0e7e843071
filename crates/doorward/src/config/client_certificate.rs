//! `[[client_certificate]]`: whom the names in client certificates stand for.

use std::sync::Arc;

use doorward_authn::mtls::{Mapping, Mappings, OWN_AUTHORITY};
use doorward_core::client_certificate::{CertificateName, NameKind};
use doorward_core::verified::Grants;
use doorward_crypto::proof::certificate;

use super::client_ca::ClientCa;
use super::document::{Node, Origin, Value};
use super::section::Section;

pub(super) fn read_all(root: &mut Section<'_>, known: &[ClientCa]) -> Mappings {
    let items = match root.take("client_certificate") {
        None => return Mappings::default(),
        Some(Node {
            value: Value::List(items),
            ..
        }) => items,
        Some(node) => {
            let fix = "Write each as [[client_certificate]], with two brackets.";
            root.error(node.origin, "`client_certificate` is not a list", fix);
            return Mappings::default();
        }
    };
    let mut mappings: Vec<Mapping> = Vec::with_capacity(items.len());
    for node in items {
        let origin = node.origin;
        let mut section = Section::open("client_certificate", node, root.diagnostics());
        if let Some(mapping) = read(&mut section, known) {
            let same =
                |old: &Mapping| old.authority == mapping.authority && old.name == mapping.name;
            if mappings.iter().any(same) {
                let message = format!("{} stands for two callers", mapping.name);
                section.error(origin, message, "Remove one of them.");
            } else {
                mappings.push(mapping);
            }
        }
        section.finish();
    }
    Mappings::new(mappings).unwrap_or_default()
}

fn read(section: &mut Section<'_>, known: &[ClientCa]) -> Option<Mapping> {
    let origin = section.origin();
    let name = read_name(section);
    let authority = read_authority(section, known);
    let subject_origin = section.origin_of("subject");
    let subject = section.text("subject");
    let scopes = section.scopes("scopes");
    let roles = section.words("roles");
    let (name, authority) = (name?, authority?);
    let subject = subject.unwrap_or_else(|| name.text.to_string());
    if subject.is_empty() || subject.len() > 256 || subject.contains(char::is_control) {
        let fix = "Write 1 to 256 bytes without control characters.";
        section.error(subject_origin, "`subject` cannot name a caller", fix);
        return None;
    }
    let Some(scopes) = scopes else {
        let fix = "Add scopes = [\"orders:read\"], or scopes = [] where its roles say enough.";
        section.error(origin, "it does not say what the caller may do", fix);
        return None;
    };
    Some(Mapping {
        authority,
        name,
        subject: subject.into(),
        grants: Grants {
            issuer: None,
            scopes,
            roles: roles.into_iter().map(Arc::from).collect(),
        },
    })
}

/// Exactly one of `uri`, `dns` and `email`.
fn read_name(section: &mut Section<'_>) -> Option<CertificateName> {
    let mut named = Vec::new();
    for kind in [NameKind::Uri, NameKind::Dns, NameKind::Email] {
        let origin = section.origin_of(kind.as_str());
        named.extend(section.text(kind.as_str()).map(|text| (kind, text, origin)));
    }
    let [(kind, text, origin)] = named.as_slice() else {
        section.error(
            section.origin(),
            "it names no certificate, or more than one",
            "Write exactly one of uri = \"spiffe://...\", dns = \"...\" and email = \"...\".",
        );
        return None;
    };
    let name = certificate::name(*kind, text.as_bytes());
    if name.is_none() {
        section.error(
            *origin,
            format!("`{}` is not a plain name", kind.as_str()),
            "Write the whole name in ASCII, as the certificate has it; there are no wildcards.",
        );
    }
    name
}

/// The authority must be said where there are several: another one may sign the same name.
fn read_authority(section: &mut Section<'_>, known: &[ClientCa]) -> Option<Arc<str>> {
    let origin: Origin = section.origin_of("ca");
    let origin = if section.has("ca") {
        origin
    } else {
        section.origin()
    };
    let named = section.text("ca");
    let mut others = known.iter().filter(|ca| ca.name != OWN_AUTHORITY);
    let found = match (named, others.next(), others.next()) {
        (Some(name), ..) => known
            .iter()
            .find(|ca| ca.name == name && ca.name != OWN_AUTHORITY),
        (None, Some(only), None) => Some(only),
        (None, ..) => None,
    };
    if found.is_none() {
        let names: Vec<_> = known
            .iter()
            .map(|ca| ca.name.as_str())
            .filter(|name| *name != OWN_AUTHORITY)
            .collect();
        section.error(
            origin,
            "`ca` does not say whose certificates are meant",
            format!(
                "Write ca = \"NAME\" with one of: {}. Certificates of our own are told apart by \
                 their records.",
                names.join(", ")
            ),
        );
    }
    found.map(|ca| ca.name.as_str().into())
}
