//! The rows of signed requests.

use super::rows::Row;
use super::world::{World, basic, bearer, header};
use crate::mint::now;
use crate::signing::{Draft, Key};

const SIGNATURE: &[&str] = &["Signature"];

/// RFC 9421, with a public key and with a shared secret.
pub(super) fn message_signatures(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, key) in [&world.signer, &world.shared_signer] {
        rows.extend(of_key(world, id, key));
    }
    rows.extend(of_registry(world));
    rows.extend(misplaced(world));
    rows
}

fn draft(world: &World, (id, key): (&str, &Key)) -> Draft {
    Draft::get(world.door.url("/anything/orders"), id, key.clone())
}

fn of_key(world: &World, id: &str, key: &Key) -> Vec<Row> {
    let good = || draft(world, (id, key));
    let invalid = |case, draft: Draft, reason| Row::new(case, draft.args()).invalid(reason);
    let once = good().args();
    let mut elsewhere = good();
    elsewhere.url = elsewhere.url.replace("localhost", "other.example");
    let mut other_path = good();
    other_path.url = other_path.url.replace("orders", "invoices");
    let mut other_method = good();
    other_method.method = "DELETE";
    let altered = {
        let mut headers = good().sign();
        let (_, signature) = headers.last_mut().unwrap();
        *signature = super::world::forge(signature, 12);
        crate::signing::args(&headers)
    };
    vec![
        Row::new("ok", once.clone()),
        Row::new("replayed", once).invalid("signature_replayed"),
        Row::new("ok", good().args()),
        Row::new("ok", good().covering(&["@method", "@target-uri"]).args()),
        Row::new("absent", Vec::new()).missing(),
        Row::new("forged", altered).invalid("signature_forged"),
        invalid("forged", other_path, "signature_forged"),
        invalid("forged", other_method, "signature_forged"),
        invalid("wrong audience", elsewhere, "signature_forged"),
        invalid(
            "forged",
            good().covering(&["@method", "@authority"]),
            "signature_components",
        ),
        invalid("forged", good().covering(&[]), "signature_components"),
        invalid(
            "forged",
            good().with(|params| params.alg = Some("rsa-pss-sha512".to_owned())),
            "signature_algorithm",
        ),
        invalid(
            "malformed",
            good().with(|params| params.nonce = None),
            "signature_nonce",
        ),
        invalid(
            "malformed",
            good().with(|params| params.created = None),
            "signature_times",
        ),
        invalid(
            "malformed",
            good().with(|params| params.keyid = None),
            "signature_key",
        ),
        invalid(
            "expired",
            good().with(|params| params.created = Some(now() - 3600)),
            "signature_before_start",
        ),
        Row::new(
            "expired",
            good()
                .with(|params| {
                    params.created = Some(now() - 2);
                    params.expires = Some(now() - 1);
                })
                .args(),
        )
        .expired(),
        Row::new(
            "not yet valid",
            good()
                .with(|params| params.created = Some(now() + 600))
                .args(),
        )
        .not_live("credential_not_yet_valid"),
        Row::new("altered body", altered_digest(good())).invalid("signature_forged"),
        Row::new("wrong scope", posted(&good())).post(),
    ]
}

/// Another digest than the one that was signed.
fn altered_digest(draft: Draft) -> Vec<String> {
    let mut draft = draft.post(b"{}");
    draft.method = "GET";
    let mut headers = draft.sign();
    headers[0].1 = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:".to_owned();
    crate::signing::args(&headers)
}

fn posted(draft: &Draft) -> Vec<String> {
    let mut draft = draft.clone();
    draft.method = "POST";
    draft.args()
}

fn of_registry(world: &World) -> Vec<Row> {
    let (id, key) = &world.signer;
    let with = |(id, key): &(String, Key)| draft(world, (id, key)).args();
    let unknown = draft(world, ("ck_nobody_added_this", key)).args();
    let foreign = draft(world, (id, &world.shared_signer.1)).args();
    vec![
        Row::new("forged", unknown).invalid("signature_key"),
        Row::new("forged", foreign).invalid("signature_forged"),
        Row::new("revoked", with(&world.revoked_signer)).not_live("credential_revoked"),
        Row::new("expired", with(&world.old_signer)).expired(),
        Row::new("not yet valid", with(&world.early_signer)).not_live("credential_not_yet_valid"),
        Row::new("wrong audience", with(&world.distant_signer)).invalid("signature_address"),
        Row::new("method not accepted", {
            let mut draft = draft(world, (id, key));
            draft.url = world.door.url("/anything/jwt");
            draft.args()
        })
        .at("/anything/jwt", &["Bearer"])
        .invalid("method_not_accepted"),
        Row::new("ok", {
            let mut draft = draft(world, (id, key));
            draft.url = world.door.url("/anything/signed");
            draft.args()
        })
        .at("/anything/signed", SIGNATURE),
        Row::new("absent", Vec::new())
            .at("/anything/signed", SIGNATURE)
            .missing(),
    ]
}

fn misplaced(world: &World) -> Vec<Row> {
    let (id, key) = &world.signer;
    let good = || draft(world, (id, key));
    let beside =
        |more: Vec<String>| Row::new("two credentials", [good().args(), more].concat()).ambiguous();
    let mut second = good();
    second.label = "sig2";
    let raw = |input: &str, signature: &str| {
        let input = header("Signature-Input", input);
        [input, header("Signature", signature)].concat()
    };
    vec![
        beside(header("X-API-Key", &world.key)),
        beside(bearer(&world.token)),
        beside(basic("alice", super::world::PASSWORD)),
        beside(header("Authorization", "Negotiate abcdefabcdef")),
        beside(second.args()),
        Row::new("malformed", header("Signature", "sig1=:AAAAAAAAAAAA:"))
            .invalid("signature_malformed"),
        Row::new(
            "malformed",
            header("Signature-Input", "sig1=(\"@method\");keyid=\"k\""),
        )
        .invalid("signature_malformed"),
        Row::new("malformed", raw("sig1=(\"@method\"", "sig1=:AAAA:"))
            .invalid("signature_malformed"),
        Row::new("malformed", raw("sig1=(), sig1=()", "sig1=:AAAA:"))
            .invalid("signature_malformed"),
        Row::new("malformed", raw("sig1=(\"@status\")", "sig1=:AAAA:"))
            .invalid("signature_malformed"),
        Row::new(
            "malformed",
            raw("sig1=(\"@method\" \"@method\")", "sig1=:AAAA:"),
        )
        .invalid("signature_malformed"),
        Row::new(
            "malformed",
            raw("sig1=(\"@method\");unknown=1", "sig1=:AAAA:"),
        )
        .invalid("signature_malformed"),
        Row::new(
            "malformed",
            raw("sig1=(\"@method\");keyid=\"k", "sig1=:AAAA:"),
        )
        .invalid("signature_malformed"),
        Row::new(
            "malformed",
            header("Signature", "keyId=\"rsa\",algorithm=\"hs2019\""),
        )
        .invalid("signature_malformed"),
    ]
}
