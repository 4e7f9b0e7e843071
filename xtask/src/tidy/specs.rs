//! `docs/specs.md`: which standard is implemented where.
//!
//! A module that implements a standard names it in its first lines. The table is made from there,
//! so that it cannot name a file that does not exist or leave one out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::layout::Sources;
use super::rust_rules::doc_lines;
use super::{Finding, Generated};

const PATH: &str = "docs/specs.md";

const TITLES: &[(u32, &str)] = &[
    (3339, "Date and Time on the Internet: Timestamps"),
    (3986, "Uniform Resource Identifier: Generic Syntax"),
    (4648, "The Base16, Base32, and Base64 Data Encodings"),
    (5280, "X.509 Certificate and CRL Profile"),
    (2986, "PKCS #10: Certification Request Syntax"),
    (5646, "Tags for Identifying Languages"),
    (5915, "Elliptic Curve Private Key Structure"),
    (6265, "HTTP State Management Mechanism"),
    (6455, "The WebSocket Protocol"),
    (6648, "Deprecating the X- Prefix"),
    (6749, "The OAuth 2.0 Authorization Framework"),
    (6750, "OAuth 2.0 Bearer Token Usage"),
    (6761, "Special-Use Domain Names"),
    (6901, "JavaScript Object Notation (JSON) Pointer"),
    (6890, "Special-Purpose IP Address Registries"),
    (7009, "OAuth 2.0 Token Revocation"),
    (7662, "OAuth 2.0 Token Introspection"),
    (7230, "HTTP/1.1: Message Syntax and Routing"),
    (7468, "Textual Encodings of PKIX, PKCS, and CMS Structures"),
    (7515, "JSON Web Signature"),
    (7517, "JSON Web Key"),
    (7518, "JSON Web Algorithms"),
    (7519, "JSON Web Token"),
    (7617, "The Basic HTTP Authentication Scheme"),
    (7636, "Proof Key for Code Exchange"),
    (7638, "JSON Web Key Thumbprint"),
    (8032, "Edwards-Curve Digital Signature Algorithm"),
    (8037, "CFRG Elliptic Curve Signatures in JOSE"),
    (8252, "OAuth 2.0 for Native Apps"),
    (8176, "Authentication Method Reference Values"),
    (
        8259,
        "The JavaScript Object Notation Data Interchange Format",
    ),
    (8414, "OAuth 2.0 Authorization Server Metadata"),
    (8441, "Bootstrapping WebSockets with HTTP/2"),
    (8446, "The Transport Layer Security Protocol Version 1.3"),
    (
        8705,
        "OAuth 2.0 Mutual-TLS Client Authentication and Certificate-Bound Access Tokens",
    ),
    (8555, "Automatic Certificate Management Environment (ACME)"),
    (
        8737,
        "ACME TLS Application-Layer Protocol Negotiation (ALPN) Challenge Extension",
    ),
    (8707, "Resource Indicators for OAuth 2.0"),
    (8725, "JSON Web Token Best Current Practices"),
    (9068, "JWT Profile for OAuth 2.0 Access Tokens"),
    (9106, "Argon2 Memory-Hard Function"),
    (9110, "HTTP Semantics"),
    (9112, "HTTP/1.1"),
    (9207, "OAuth 2.0 Authorization Server Issuer Identification"),
    (9126, "OAuth 2.0 Pushed Authorization Requests"),
    (9421, "HTTP Message Signatures"),
    (9530, "Digest Fields"),
    (9651, "Structured Field Values for HTTP"),
    (9113, "HTTP/2"),
    (9440, "Client-Cert HTTP Header Field"),
    (9457, "Problem Details for HTTP APIs"),
    (9700, "Best Current Practice for OAuth 2.0 Security"),
    (9728, "OAuth 2.0 Protected Resource Metadata"),
    (9773, "ACME Renewal Information (ARI) Extension"),
    (9864, "Fully-Specified Algorithms for JOSE and COSE"),
];

/// Named by a module only to say that it is left out.
const ABSENT: &[u32] = &[7516];

/// Makes the table.
pub(super) fn document(sources: &Sources, findings: &mut Vec<Finding>) -> Generated {
    let mut files: BTreeMap<u32, Vec<(&str, String)>> = BTreeMap::new();
    for file in sources
        .rust
        .iter()
        .filter(|file| file.path.starts_with("crates/"))
    {
        let docs: String = doc_lines(&file.text).collect::<Vec<_>>().join(" ");
        for (number, sections) in named(&docs) {
            if ABSENT.contains(&number) {
                continue;
            }
            let places = files.entry(number).or_default();
            match places.iter_mut().find(|(path, _)| *path == file.path) {
                Some((_, known)) => known.push_str(&sections),
                None => places.push((&file.path, sections)),
            }
        }
    }
    let mut text = String::from(
        "# Standards, and where they are\n\n\
         Made by `cargo xtask tidy --write` from the first lines of the modules. A standard that \
         is not here\nis not implemented by a module of its own.\n\n\
         | RFC | title | modules |\n|---|---|---|\n",
    );
    for (number, places) in &files {
        let Some((_, title)) = TITLES.iter().find(|(known, _)| known == number) else {
            let place = places.first().map_or("", |(path, _)| path);
            let rule = format!("RFC {number} has no title in xtask/src/tidy/specs.rs");
            findings.push(Finding::new(place, rule));
            continue;
        };
        let modules: Vec<String> = places
            .iter()
            .map(|(path, sections)| format!("`{path}`{sections}"))
            .collect();
        let _written = writeln!(
            text,
            "| [{number}](https://www.rfc-editor.org/rfc/rfc{number}) | {title} | {} |",
            modules.join("<br>")
        );
    }
    Generated { path: PATH, text }
}

/// The RFCs that a text names, each with its section. `RFC 7515 (JWS), 7517 (JWK)` are two.
fn named(text: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("RFC ") {
        let Some(mut rest) = text.get(at + 4..) else {
            continue;
        };
        while let Some((number, after)) = leading_number(rest) {
            let section = after.strip_prefix(" section ").map(|section| {
                let end = section
                    .find(|c: char| !(c.is_ascii_digit() || c == '.'))
                    .unwrap_or(section.len());
                section.get(..end).unwrap_or("").trim_end_matches('.')
            });
            found.push((number, section.map(|s| format!(" {s}")).unwrap_or_default()));
            rest = after;
            if let Some(close) = rest
                .strip_prefix(" (")
                .and_then(|r| r.find(')').map(|n| n + 3))
            {
                rest = rest.get(close..).unwrap_or("");
            }
            rest = match rest.strip_prefix(',').or_else(|| rest.strip_prefix(" and")) {
                Some(more) => more.trim_start().trim_start_matches("and "),
                None => break,
            };
        }
    }
    found
}

/// A number of four digits.
fn leading_number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    (digits == 4).then_some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn standards_are_found_in_prose() {
        let text = "RFC 7515 (JWS), 7517 (JWK) and 8037 (Ed25519). See RFC 9110 section 11.6.1.";
        let found = named(text);
        let numbers: Vec<u32> = found.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [7515, 7517, 8037, 9110]);
        assert_eq!(found[3].1, " 11.6.1");
    }
}
