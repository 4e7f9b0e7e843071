//! The rows of requests signed in the style of AWS.

use doorward_crypto::sigv4::Payload;

use super::rows::Row;
use super::world::{World, basic, header};
use crate::mint::now;
use crate::sigv4::{Draft, Pair};

const AWS: &[&str] = &["AWS4-HMAC-SHA256"];

pub(super) fn rows(world: &World) -> Vec<Row> {
    let mut rows = of_key(world);
    rows.extend(of_registry(world));
    rows.extend(misplaced(world));
    for row in &mut rows {
        // Long, and no secret.
        row.secrets.retain(|word| word != "UNSIGNED-PAYLOAD");
    }
    rows
}

fn draft(world: &World, pair: &Pair) -> Draft {
    Draft::get(world.door.url("/anything/orders"), pair)
}

fn of_key(world: &World) -> Vec<Row> {
    let good = || draft(world, &world.sigv4);
    let invalid = |case, draft: Draft, reason| Row::new(case, draft.args()).invalid(reason);
    let once = good().args();
    let changed = |change: fn(&mut Draft)| {
        let mut draft = good();
        change(&mut draft);
        draft
    };
    let altered = {
        let mut headers = good().sign();
        let (_, signature) = headers.last_mut().unwrap();
        let last = signature.pop();
        signature.push(if last == Some('0') { '1' } else { '0' });
        crate::signing::args(&headers)
    };
    vec![
        Row::new("ok", once.clone()),
        Row::new("replayed", once).invalid("sigv4_replayed"),
        Row::new("ok", good().args()),
        Row::new("absent", Vec::new()).missing(),
        Row::new("forged", altered).invalid("sigv4_forged"),
        invalid(
            "forged",
            changed(|draft| draft.url = draft.url.replace("orders", "invoices")),
            "sigv4_forged",
        ),
        invalid(
            "forged",
            changed(|draft| draft.method = "DELETE"),
            "sigv4_forged",
        ),
        invalid(
            "wrong audience",
            changed(|draft| draft.url = draft.url.replace("localhost", "other.example")),
            "sigv4_forged",
        ),
        invalid(
            "wrong audience",
            changed(|draft| draft.place = "eu-2/orders"),
            "sigv4_scope",
        ),
        invalid(
            "wrong audience",
            changed(|draft| draft.place = "eu-1/s3"),
            "sigv4_scope",
        ),
        invalid(
            "forged",
            changed(|draft| draft.signed = Some("host")),
            "sigv4_headers",
        ),
        invalid(
            "forged",
            changed(|draft| draft.signed = Some("x-amz-date")),
            "sigv4_headers",
        ),
        invalid(
            "expired",
            changed(|draft| draft.at = now() - 3600),
            "sigv4_before_start",
        ),
        Row::new(
            "not yet valid",
            changed(|draft| draft.at = now() + 600).args(),
        )
        .not_live("credential_not_yet_valid"),
        Row::new("altered body", altered_digest(good())).invalid("sigv4_forged"),
        invalid(
            "altered body",
            changed(|draft| draft.payload = Payload::Unsigned)
                .with("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            "sigv4_payload",
        ),
        Row::new("wrong scope", changed(|draft| draft.method = "POST").args()).post(),
    ]
}

/// Another digest than the one that was signed.
fn altered_digest(draft: Draft) -> Vec<String> {
    let mut draft = draft.post(Payload::of(b"{}"));
    draft.method = "GET";
    let mut headers = draft.sign();
    let other = Payload::of(b"[]").to_field();
    for (name, value) in &mut headers {
        if name == "x-amz-content-sha256" {
            value.clone_from(&other);
        }
    }
    crate::signing::args(&headers)
}

fn of_registry(world: &World) -> Vec<Row> {
    let with = |pair: &Pair| draft(world, pair).args();
    let (id, secret) = &world.sigv4;
    let unknown = ("ck_nobody_added_this".to_owned(), secret.clone());
    let foreign = (
        id.clone(),
        "not-the-secret-of-this-key-at-all-no-no".to_owned(),
    );
    let message = (world.signer.0.clone(), secret.clone());
    let at = |path: &str| {
        let mut draft = draft(world, &world.sigv4);
        draft.url = world.door.url(path);
        draft.args()
    };
    vec![
        Row::new("forged", with(&unknown)).invalid("sigv4_key"),
        Row::new("forged", with(&foreign)).invalid("sigv4_forged"),
        Row::new("forged", with(&message)).invalid("sigv4_algorithm"),
        Row::new("revoked", with(&world.revoked_sigv4)).not_live("credential_revoked"),
        Row::new("expired", with(&world.old_sigv4)).expired(),
        Row::new("not yet valid", with(&world.early_sigv4)).not_live("credential_not_yet_valid"),
        Row::new("wrong audience", with(&world.distant_sigv4)).invalid("sigv4_address"),
        Row::new("method not accepted", at("/anything/jwt"))
            .at("/anything/jwt", &["Bearer"])
            .invalid("method_not_accepted"),
        Row::new("ok", at("/anything/aws")).at("/anything/aws", AWS),
        Row::new("absent", Vec::new())
            .at("/anything/aws", AWS)
            .missing(),
    ]
}

fn misplaced(world: &World) -> Vec<Row> {
    let good = || draft(world, &world.sigv4);
    let authorization = |value: &str| header("Authorization", value);
    let (id, key) = &world.signer;
    let url = world.door.url("/anything/orders");
    let message = crate::signing::Draft::get(url, id, key.clone()).args();
    let beside =
        |more: Vec<String>| Row::new("two credentials", [good().args(), more].concat()).ambiguous();
    let link = format!("/anything/orders?X-Amz-Signature={}", "0".repeat(64));
    let every = super::rows::EVERY;
    let mut rows = vec![
        beside(header("X-API-Key", &world.key)),
        beside(message),
        Row::new("two credentials", good().args())
            .at(&link, every)
            .ambiguous(),
        Row::new("two credentials", basic("alice", super::world::PASSWORD))
            .at(&link, every)
            .ambiguous(),
        // No route of this door takes links.
        Row::new("malformed", Vec::new()).at(&link, every).refused(
            400,
            "credential_misplaced",
            ("present", "credential_in_query"),
        ),
        Row::new(
            "malformed",
            good()
                .with("x-amz-security-token", "a-token-of-a-session")
                .args(),
        )
        .invalid("sigv4_session_token"),
    ];
    for text in [
        "AWS4-HMAC-SHA256 x",
        "AWS4-HMAC-SHA256 Credential=of-somebody, SignedHeaders=host",
        "AWS4-ECDSA-P256-SHA256 Credential=of-somebody-else",
        "aws4-hmac-sha256 Credential=of-somebody, SignedHeaders=host, Signature=00",
    ] {
        rows.push(Row::new("malformed", authorization(text)).invalid("sigv4_malformed"));
    }
    rows
}
