//! Every way in which a client certificate is refused.

use super::rows::{EVERY, Row};
use super::world::{BILLING, World, bearer, header};
use crate::client_certificates::pki::{Ca, Pair, in_days, san_dns, san_uri};

const CERTIFICATE: &[&str] = &["ClientCertificate"];

/// The rows of the method.
pub(super) fn rows(world: &World) -> Vec<Row> {
    let ca = &world.ca;
    let good = ca.uri(BILLING);
    let row = |case: &'static str, name: &str, pair: &Pair| {
        let row = Row::new(case, world.certificate(name, pair)).at("/anything/mtls", CERTIFICATE);
        // A certificate is no secret, and its file's name neither.
        Row {
            secrets: Vec::new(),
            ..row
        }
    };
    let stranger = Ca::new("Clients");
    let named = |change: &dyn Fn(&mut rcgen::CertificateParams)| {
        ca.leaf(1, |params| {
            params.subject_alt_names = vec![san_uri(BILLING)];
            change(params);
        })
    };
    let server = named(&|params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    let revoked = ca.leaf(66, |params| {
        params.subject_alt_names = vec![san_uri(BILLING)]
    });
    let two = named(&|params| params.subject_alt_names.push(san_uri("urn:example:other")));
    let nul = ca.raw(&[(0x86, b"spiffe://example.org/billing\0.evil")]);
    let beside = |more: Vec<String>| [world.certificate("good", &good), more].concat();
    let at = |row: Row| row.at("/anything/mtls", CERTIFICATE);
    let mut rows = vec![
        row("ok", "good", &good),
        row(
            "ok",
            "both",
            &named(&|params| params.subject_alt_names.push(san_dns("a.example"))),
        ),
        at(Row::new("absent", Vec::new())).missing(),
        row("malformed", "nul", &nul).invalid("certificate_name"),
        row("malformed", "two", &two).invalid("certificate_several_names"),
        row("forged", "stranger", &stranger.uri(BILLING)).invalid("certificate_untrusted"),
        row("wrong audience", "server", &server).invalid("certificate_untrusted"),
        row("wrong audience", "other", &ca.uri("urn:example:other"))
            .invalid("certificate_unmapped"),
        row("expired", "old", &named(&in_days(-1))).expired(),
        row("not yet valid", "early", &named(&in_days(1))).not_live("credential_not_yet_valid"),
        row("revoked", "revoked", &revoked).not_live("credential_revoked"),
        row("wrong scope", "good", &good).post(),
        at(Row::new("two credentials", beside(bearer(&world.token)))).ambiguous(),
        at(Row::new(
            "two credentials",
            beside(header("X-API-Key", &world.key)),
        ))
        .ambiguous(),
        row("method not accepted", "good", &good)
            .at("/anything/orders", EVERY)
            .missing(),
    ];
    rows.extend(spoofed(&good));
    rows
}

/// Headers of terminators that nobody trusts here.
fn spoofed(good: &Pair) -> Vec<Row> {
    use base64::Engine;
    let der = base64::engine::general_purpose::STANDARD.encode(&good.der);
    let pem = good
        .cert
        .replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B");
    [
        ("Client-Cert", format!(":{der}:")),
        ("Client_Cert", format!(":{der}:")),
        ("ssl-client-cert", pem.clone()),
        ("X-SSL-Client-Cert", der.clone()),
        ("X-Forwarded-Client-Cert", format!("Cert=\"{pem}\"")),
        ("X-Forwarded-Tls-Client-Cert", der),
        ("X-Amzn-Mtls-Clientcert-Leaf", pem),
    ]
    .into_iter()
    .map(|(name, value)| {
        let row = Row::new("forged", header(name, &value));
        row.at("/anything/mtls", CERTIFICATE).missing()
    })
    .collect()
}
