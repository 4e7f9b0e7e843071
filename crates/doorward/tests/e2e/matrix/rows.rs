//! The rows of the matrix.

use doorward_core::credential::Method;

use super::world::{ALGORITHMS, PASSWORD, World, basic, bearer, forge, header, partner};
use crate::mint::now;

/// What must be tried with every method.
pub(super) const CASES: &[&str] = &[
    "ok",
    "absent",
    "malformed",
    "forged",
    "wrong audience",
    "expired",
    "not yet valid",
    "revoked",
    "wrong scope",
    "two credentials",
    "method not accepted",
    "replayed",
    "altered body",
];

pub(super) const EVERY: &[&str] = &["Bearer", "Basic", "Signature", "AWS4-HMAC-SHA256"];
const BEARER: &[&str] = &["Bearer"];
const BASIC: &[&str] = &["Basic"];

/// What only signed requests can be refused for.
const UNSIGNED: [&str; 2] = ["replayed", "altered body"];

/// One call and what must come of it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) case: &'static str,
    /// Arguments for curl; none where the method knows no such thing.
    pub(super) args: Option<Vec<String>>,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) check: &'static str,
    pub(super) reason: &'static str,
    pub(super) schemes: &'static [&'static str],
    pub(super) secrets: Vec<String>,
}

impl Row {
    pub(super) fn new(case: &'static str, args: Vec<String>) -> Self {
        let secrets = args.iter().filter(|arg| *arg != "-H" && *arg != "POST");
        let secrets = secrets.filter_map(|arg| arg.rsplit(' ').next());
        let secrets = secrets
            .filter(|word| word.len() > 12)
            .map(str::to_owned)
            .collect();
        Self {
            case,
            secrets,
            args: Some(args),
            path: "/anything/orders".to_owned(),
            status: 200,
            code: "",
            check: "",
            reason: "",
            schemes: EVERY,
        }
    }

    /// A way to be refused that the method does not have.
    pub(super) fn unknown(case: &'static str) -> Self {
        Self {
            args: None,
            ..Self::new(case, Vec::new())
        }
    }

    pub(super) fn refused(
        self,
        status: u16,
        code: &'static str,
        because: (&'static str, &'static str),
    ) -> Self {
        Self {
            status,
            code,
            check: because.0,
            reason: because.1,
            ..self
        }
    }

    /// 401: unknown, forged, revoked and not yet valid sound the same.
    pub(super) fn invalid(self, reason: &'static str) -> Self {
        self.refused(401, "credential_invalid", ("valid", reason))
    }

    pub(super) fn not_live(self, reason: &'static str) -> Self {
        self.refused(401, "credential_invalid", ("expired", reason))
    }

    pub(super) fn expired(self) -> Self {
        self.refused(401, "credential_expired", ("expired", "credential_expired"))
    }

    pub(super) fn missing(self) -> Self {
        self.refused(401, "credential_missing", ("present", "credential_missing"))
    }

    pub(super) fn ambiguous(self) -> Self {
        self.refused(
            400,
            "credential_misplaced",
            ("present", "credentials_ambiguous"),
        )
    }

    /// A POST, which needs a scope that nobody has.
    pub(super) fn post(mut self) -> Self {
        let args = self.args.as_mut().unwrap();
        args.extend(["-X".to_owned(), "POST".to_owned()]);
        self.refused(403, "insufficient_scope", ("allowed", "insufficient_scope"))
    }

    pub(super) fn at(self, path: &str, schemes: &'static [&'static str]) -> Self {
        Self {
            path: path.to_owned(),
            schemes,
            ..self
        }
    }

    /// What is answered when revocations cannot be known.
    pub(super) fn store_down() -> Self {
        Self::new("store down", Vec::new()).refused(
            503,
            "unavailable",
            ("available", "revocations_unknown"),
        )
    }

    /// The one sentence for a code.
    pub(super) fn sentence(&self) -> &'static str {
        match self.code {
            "credential_missing" => "This request needs a credential.",
            "credential_invalid" => "The credential is not valid.",
            "credential_expired" => "The credential has expired.",
            "credential_misplaced" => "Send exactly one credential, in a header.",
            "insufficient_scope" => "The credential may not do this.",
            "request_malformed" => "The request can be read in more than one way.",
            "unavailable" => "The request could not be judged. Try again later.",
            other => panic!("{other}"),
        }
    }
}

/// The rows of a method. A new method does not compile without its own.
pub(super) fn rows(method: Method, world: &World) -> Vec<Row> {
    match method {
        Method::ApiKey => {
            let mut rows = api_key(world, "Authorization", "Bearer ");
            rows.extend(api_key(world, "X-API-Key", ""));
            rows.extend(api_key_places(world));
            rows.extend(UNSIGNED.map(Row::unknown));
            rows
        }
        Method::Basic => {
            let mut rows = passwords(world);
            rows.extend(UNSIGNED.map(Row::unknown));
            rows
        }
        Method::MessageSignature => super::signed::message_signatures(world),
        Method::SigV4 => super::sigv4_rows::rows(world),
        Method::Jwt => {
            let mut rows = own_tokens(world);
            rows.extend(UNSIGNED.map(Row::unknown));
            for alg in ALGORITHMS {
                rows.extend(tokens_of(alg, world));
            }
            rows
        }
        Method::Mtls => {
            let mut rows = super::certificate_rows::rows(world);
            rows.extend(UNSIGNED.map(Row::unknown));
            rows
        }
    }
}

fn api_key(world: &World, name: &str, before: &str) -> Vec<Row> {
    let send = |key: &str| header(name, &format!("{before}{key}"));
    let good = world.key.as_str();
    let unknown = unissued();
    vec![
        Row::new("ok", send(good)),
        Row::new("absent", Vec::new()).missing(),
        Row::new("malformed", send("dw_sk_live_short-and.wrong")).invalid("key_malformed"),
        Row::new("malformed", send(&good[..good.len() - 1])).invalid("key_checksum"),
        Row::new("forged", send(&forge(good, 10))).invalid("key_checksum"),
        Row::new("forged", send(&good.replace("_live_", "_test_"))).invalid("key_checksum"),
        Row::new("forged", send(&good.replace("_sk_", "_ak_"))).invalid("key_checksum"),
        Row::new("forged", send(&unknown)).invalid("key_unknown"),
        Row::new("wrong audience", send(&world.test_key)).invalid("key_environment"),
        Row::new("expired", send(&world.old_key)).expired(),
        Row::new("not yet valid", send(&world.early_key)).not_live("credential_not_yet_valid"),
        Row::new("revoked", send(&world.revoked_key)).not_live("credential_revoked"),
        Row::new("wrong scope", send(good)).post(),
        Row::new("method not accepted", send(good))
            .at("/anything/jwt", BEARER)
            .invalid("method_not_accepted"),
        Row::new("method not accepted", send(good))
            .at("/anything/basic", BASIC)
            .invalid("method_not_accepted"),
        Row::new("ok", send(good)).at("/anything/keys", BEARER),
    ]
}

/// A key with a right checksum that nobody issued.
fn unissued() -> String {
    use doorward_crypto::api_key::{ApiKeyText, Environment, KeyKind, KeyPrefix};
    let entropy = doorward_crypto::entropy::OsEntropy::new();
    let prefix = KeyPrefix::parse("dw").unwrap();
    let (kind, env) = (KeyKind::Secret, Environment::Live);
    let text = ApiKeyText::generate(&prefix, kind, env, &entropy);
    text.secret().expose().clone()
}

fn api_key_places(world: &World) -> Vec<Row> {
    let (key, old) = (&world.key, &world.old_key);
    let twice = |second: Vec<String>| [header("X-API-Key", key), second].concat();
    let query = |name: &str| format!("/anything/orders?{name}={key}");
    let in_query = |row: Row| {
        row.refused(
            400,
            "credential_misplaced",
            ("present", "credential_in_query"),
        )
    };
    let mut rows = vec![
        Row::new("two credentials", twice(bearer(key))).ambiguous(),
        Row::new("two credentials", twice(bearer(old))).ambiguous(),
        Row::new("two credentials", twice(header("X-API-Key", key))).ambiguous(),
        // To curl, a name and a semicolon are a header without a value.
        Row::new(
            "two credentials",
            twice(vec!["-H".into(), "x-api-key;".into()]),
        )
        .ambiguous(),
        Row::new("two credentials", twice(basic("alice", PASSWORD))).ambiguous(),
        Row::new("two credentials", twice(bearer(&world.token))).ambiguous(),
        Row::new(
            "two credentials",
            twice(header("Authorization", "Negotiate abcdefabcdef")),
        )
        .ambiguous(),
        Row::new("malformed", header("X-API-Key", "not-one-of-ours-at-all")).invalid("key_prefix"),
    ];
    for name in [
        "api_key",
        "access_token",
        "API_KEY",
        "q",
        "%61pi_key",
        "api_key%5B%5D",
        "x_api_key",
    ] {
        let mut row = in_query(Row::new("two credentials", Vec::new()).at(&query(name), EVERY));
        row.secrets.push(key.clone());
        rows.push(row);
        let with_header = header("X-API-Key", key);
        rows.push(in_query(
            Row::new("two credentials", with_header).at(&query(name), EVERY),
        ));
    }
    rows
}

fn passwords(world: &World) -> Vec<Row> {
    let send = |value: &str| header("Authorization", value);
    let encode = |text: &[u8]| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    let raw = |text: &[u8]| send(&format!("Basic {}", encode(text)));
    let long = "p".repeat(1100);
    let colon = format!("alice:{PASSWORD}:more");
    vec![
        Row::new("ok", basic("alice", PASSWORD)),
        Row::new(
            "ok",
            send(&format!(
                "bASIC {}",
                encode(format!("alice:{PASSWORD}").as_bytes())
            )),
        ),
        Row::new("absent", Vec::new()).missing(),
        Row::new("malformed", send("Basic")).invalid("basic_token"),
        Row::new("malformed", send("Basic one two")).invalid("basic_token"),
        Row::new("malformed", send("Basic !!!!")).invalid("basic_encoding"),
        Row::new("malformed", send("Basic YWxpY2U6cGFzc3dvcmQ")).invalid("basic_encoding"),
        Row::new("malformed", raw(b"alice:\xff\xfe\xfd-invalid")).invalid("basic_encoding"),
        Row::new("malformed", raw(b"alice:pass\0word-and-more")).invalid("basic_control"),
        Row::new("malformed", raw(b"alice-without-a-colon")).invalid("basic_no_colon"),
        Row::new("malformed", raw(b"alice:")).invalid("basic_empty"),
        Row::new("malformed", raw(b":")).invalid("basic_empty"),
        Row::new("malformed", raw(format!("alice:{long}").as_bytes())).invalid("basic_too_long"),
        Row::new("forged", basic("alice", "not-the-Password-of-alice"))
            .invalid("basic_password_wrong"),
        Row::new("forged", raw(colon.as_bytes())).invalid("basic_password_wrong"),
        Row::new("forged", basic("nobody-of-this-name", PASSWORD)).invalid("basic_user_unknown"),
        Row::unknown("wrong audience"),
        Row::unknown("expired"),
        Row::unknown("not yet valid"),
        Row::new("revoked", basic("dora", PASSWORD)).invalid("basic_user_disabled"),
        Row::new("wrong scope", basic("alice", PASSWORD)).post(),
        Row::new(
            "two credentials",
            [basic("alice", PASSWORD), header("X-API-Key", &world.key)].concat(),
        )
        .ambiguous(),
        Row::new(
            "two credentials",
            [basic("alice", PASSWORD), bearer(&world.token)].concat(),
        )
        .refused(400, "request_malformed", ("present", "duplicate_header")),
        Row::new("method not accepted", basic("alice", PASSWORD))
            .at("/anything/jwt", BEARER)
            .invalid("method_not_accepted"),
        Row::new(
            "method not accepted",
            send("Digest username=alice-and-more"),
        )
        .invalid("credential_unrecognised"),
    ]
}

fn own_tokens(world: &World) -> Vec<Row> {
    let good = &world.token;
    let (head, _) = good.rsplit_once('.').unwrap();
    vec![
        Row::new("ok", bearer(good)),
        Row::new("ok", bearer(good)).at("/anything/self", BEARER),
        Row::new("absent", Vec::new()).missing(),
        Row::new("malformed", bearer("a.b.c-and-something-longer")).invalid("jwt_malformed"),
        Row::new("malformed", bearer(head)).invalid("jwt_malformed"),
        Row::new("malformed", bearer(&format!("{good}="))).invalid("jwt_malformed"),
        Row::new("malformed", bearer("no-dots-and-not-our-prefix"))
            .invalid("credential_unrecognised"),
        Row::new("forged", bearer(&forge(good, 40))).invalid("jwt_signature"),
        Row::new("wrong audience", bearer(&world.strange_token)).invalid("jwt_audience"),
        Row::new("expired", bearer(&world.old_token)).expired(),
        Row::new("not yet valid", bearer(&world.early_token)).invalid("jwt_issued_later"),
        Row::new("revoked", bearer(&world.revoked_token)).not_live("credential_revoked"),
        Row::new("wrong scope", bearer(good)).post(),
        Row::new(
            "two credentials",
            [bearer(good), header("X-API-Key", &world.key)].concat(),
        )
        .ambiguous(),
        Row::new("two credentials", [bearer(good), bearer(good)].concat()).refused(
            400,
            "request_malformed",
            ("present", "duplicate_header"),
        ),
        Row::new("method not accepted", bearer(good))
            .at("/anything/keys", BEARER)
            .invalid("method_not_accepted"),
    ]
}

/// What is known of a token of another issuer: signed by PyJWT, judged by us.
fn tokens_of(alg: &'static str, world: &World) -> Vec<Row> {
    let good = partner(alg).claim("jti", "partner-token-1");
    let send = |draft: &crate::mint::Draft| bearer(&draft.sign());
    let now = now();
    let swapped = {
        let (one, two) = (good.sign(), good.clone().claim("sub", "boss").sign());
        let payload = two.split('.').nth(1).unwrap().to_owned();
        let mut parts: Vec<&str> = one.split('.').collect();
        parts[1] = &payload;
        parts.join(".")
    };
    vec![
        Row::new("ok", send(&good)),
        Row::new("ok", send(&good)).at("/anything/jwt", BEARER),
        Row::new("malformed", bearer(&good.sign_text("not json at all"))).invalid("jwt_malformed"),
        Row::new("forged", bearer(&swapped)).invalid("jwt_signature"),
        Row::new(
            "forged",
            send(
                &good
                    .clone()
                    .key("other")
                    .header("kid", format!("good-{alg}")),
            ),
        )
        .invalid("jwt_signature"),
        Row::new("forged", send(&good.clone().key("other"))).invalid("jwt_key"),
        Row::new(
            "wrong audience",
            send(&good.clone().claim("aud", "https://other.example")),
        )
        .invalid("jwt_audience"),
        Row::new(
            "wrong audience",
            send(&good.clone().claim("iss", "https://nobody.example")),
        )
        .invalid("jwt_issuer"),
        Row::new("expired", send(&good.clone().claim("exp", now - 10))).expired(),
        Row::new("not yet valid", send(&good.clone().claim("nbf", now + 600)))
            .not_live("credential_not_yet_valid"),
        Row::new("not yet valid", send(&good.clone().claim("iat", now + 600)))
            .invalid("jwt_issued_later"),
        Row::new("wrong scope", send(&good)).post(),
        Row::new(
            "wrong scope",
            send(&good.clone().claim("scope", "Orders:write orders")),
        )
        .post(),
        Row::new(
            "two credentials",
            [send(&good), header("X-API-Key", &world.key)].concat(),
        )
        .ambiguous(),
        Row::new("method not accepted", send(&good))
            .at("/anything/self", BEARER)
            .invalid("issuer_not_accepted"),
    ]
}
