//! What is required, as short names in our own words; each becomes a test.

use super::tests_table::{Section, Table};

/// The rows of `docs/requirements-tests.md`.
pub(crate) const TABLE: Table = Table {
    path: "docs/requirements-tests.md",
    head: "# Requirements, and their tests\n\n\
           Made by `cargo xtask tidy --write`. A test carries the row's id at the start of its \
           name. A row\nthat says *not yet* has no test.\n",
    sections: &[
        Section {
            title: "Tokens and key sets at the gate",
            later: "the feature it concerns, or its test, is not there",
            rows: JWT,
        },
        Section {
            title: "API keys, Basic, signatures, client certificates",
            later: "the method it concerns, or its test, is not there",
            rows: KEY,
        },
        Section {
            title: "Authorization server",
            later: "the authorization server",
            rows: OAUTH,
        },
        Section {
            title: "DPoP",
            later: "DPoP",
            rows: DPOP,
        },
        Section {
            title: "OpenID provider",
            later: "the OpenID provider",
            rows: OIDC,
        },
        Section {
            title: "Sign-in and accounts",
            later: "sign-in",
            rows: ACCOUNT,
        },
        Section {
            title: "Upstream identity providers",
            later: "federation",
            rows: FEDERATION,
        },
        Section {
            title: "Authorization at the gate",
            later: "the feature it concerns, or its test, is not there",
            rows: GATE,
        },
        Section {
            title: "HTTP",
            later: "the feature it concerns, or its test, is not there",
            rows: PROXY,
        },
        Section {
            title: "Forward-auth and ext_authz",
            later: "forward-auth",
            rows: FORWARD_AUTH,
        },
        Section {
            title: "Limits and outbound calls",
            later: "the feature it concerns, or its test, is not there",
            rows: LIMITS,
        },
        Section {
            title: "Operation",
            later: "the feature it concerns, or its test, is not there",
            rows: OPS,
        },
        Section {
            title: "Faults",
            later: "the feature it concerns, or its test, is not there",
            rows: FAULTS,
        },
    ],
};

const JWT: &[(&str, &str)] = &[
    ("R001", "`alg` none in any spelling"),
    ("R002", "HS256 keyed with a public key"),
    (
        "R003",
        "key type, use or curve that does not fit the header",
    ),
    ("R004", "keys named by the token itself"),
    ("R005", "a flood of unknown `kid` values"),
    ("R006", "`crit` with anything unknown"),
    (
        "R007",
        "`exp`, `nbf`, `iat`: absent, wrong type, at the edge",
    ),
    ("R008", "another issuer, or almost ours"),
    ("R009", "another audience, or almost ours"),
    ("R010", "tokens of another kind"),
    ("R011", "one key, two issuers"),
    ("R012", "the Wycheproof vectors"),
    ("R013", "weak and degenerate keys and signatures"),
    ("R014", "one token, one spelling"),
    ("R015", "duplicate members"),
    ("R016", "huge and deep tokens"),
    ("R017", "rotation of a key set"),
    ("R018", "a key set's address that fails"),
    ("R019", "the cache of verified tokens"),
    ("R020", "two credentials, or one in the query"),
];

const KEY: &[(&str, &str)] = &[
    ("R021", "keys at rest are digests"),
    ("R022", "look-up time of wrong keys"),
    ("R023", "entropy and recognisable form of keys"),
    ("R024", "revoked and expired keys"),
    ("R025", "keys of another tenant"),
    ("R026", "rotation with overlap"),
    ("R027", "odd Basic credentials; unknown users cost the same"),
    ("R028", "signed requests: the RFC's examples"),
    ("R029", "signed requests: uncovered components"),
    ("R030", "signed requests: age and nonce"),
    ("R031", "signed requests: a changed body"),
    ("R032", "signed requests: the algorithm comes from the key"),
    ("R033", "signed requests: several signatures"),
    ("R034", "signed requests behind a proxy"),
    ("R035", "client certificates that must be refused"),
    ("R036", "certificate headers sent by the caller"),
    ("R037", "certificate-bound tokens"),
];

const OAUTH: &[(&str, &str)] = &[
    ("R038", "redirect addresses match exactly"),
    ("R039", "PKCE is required and checked"),
    ("R040", "a code works once"),
    ("R041", "parallel redemptions of one code"),
    ("R042", "life of a code"),
    ("R043", "what a code is bound to"),
    ("R044", "flows that are absent"),
    ("R045", "issuer in every authorization response"),
    ("R046", "redirects after a POST"),
    ("R047", "`state` comes back byte for byte"),
    ("R048", "errors never redirect to an unknown address"),
    ("R049", "one registered way of client authentication"),
    ("R050", "assertions of clients"),
    ("R051", "rotation and reuse of refresh tokens"),
    ("R052", "a refresh cannot widen"),
    ("R053", "`resource` restricts the audience"),
    ("R054", "revocation"),
    ("R055", "introspection"),
    ("R056", "token answers are not stored"),
    ("R057", "registration of dubious clients"),
    ("R058", "metadata says what is true"),
    ("R059", "metadata of the protected resource"),
    ("R060", "device flow"),
    ("R061", "the user may grant less"),
    ("R062", "pushed authorization requests"),
    ("R063", "signed authorization requests"),
    ("R064", "clocks that are a little off"),
    ("R065", "token exchange and client credentials"),
];

const DPOP: &[(&str, &str)] = &[
    ("R066", "each part of a proof that can be wrong"),
    ("R067", "a proof used twice"),
    ("R068", "nonces"),
    ("R069", "bound tokens used as bearer tokens"),
];

const OIDC: &[(&str, &str)] = &[
    ("R070", "the certification plans"),
    ("R071", "nonce, `auth_time`, `max_age`, `prompt`"),
    ("R072", "a hint about another user"),
    ("R073", "userinfo agrees with the ID token"),
    ("R074", "logout"),
    ("R075", "key rotation by the administrator"),
];

const ACCOUNT: &[(&str, &str)] = &[
    ("R076", "password rules"),
    ("R077", "password hashing"),
    ("R078", "throttling without lock-out"),
    ("R079", "answers that do not tell who exists"),
    ("R080", "session identifiers and cookies"),
    ("R081", "sessions end when they should"),
    ("R082", "forged form posts"),
    ("R083", "passkeys"),
    ("R084", "one-time codes"),
    ("R085", "changing factors"),
    ("R086", "consent"),
];

const FEDERATION: &[(&str, &str)] = &[
    ("R087", "same subject at two providers"),
    ("R088", "linking by e-mail"),
    ("R089", "mix-up of providers"),
    ("R090", "state bound to the browser"),
    ("R091", "tenants in issuer names"),
    ("R092", "too many groups"),
    ("R093", "restricted domains"),
    ("R094", "a provider that fails"),
];

const GATE: &[(&str, &str)] = &[
    ("R095", "what has no rule is refused"),
    ("R096", "objects of other users"),
    ("R097", "methods cannot go around a rule"),
    ("R098", "path tricks"),
    ("R099", "scopes match whole words"),
    ("R100", "identity headers of the caller"),
    ("R101", "a reload is all or nothing"),
    ("R102", "properties only admins may set"),
];

const PROXY: &[(&str, &str)] = &[
    ("R103", "HTTP/1 framing"),
    ("R104", "HTTP/2 to HTTP/1"),
    ("R105", "hop-by-hop headers"),
    ("R106", "conflicting hosts"),
    ("R107", "HTTP/2 floods"),
    ("R108", "slow callers"),
    ("R109", "WebSocket, SSE, trailers, large bodies"),
    ("R110", "protocol conformance suites"),
    ("R111", "the upstream's certificate"),
];

const FORWARD_AUTH: &[(&str, &str)] = &[
    ("R112", "every front decides the same"),
    ("R113", "trusted peers only"),
    ("R114", "Envoy's cases"),
];

const LIMITS: &[(&str, &str)] = &[
    ("R115", "rate limits are exact"),
    ("R116", "sizes are limited before the check"),
    ("R117", "costly work is limited before it is done"),
    ("R118", "outbound addresses"),
];

const OPS: &[(&str, &str)] = &[
    ("R119", "admin API"),
    ("R120", "no secret in any output"),
    ("R121", "one audit line for everything; no injection"),
    ("R122", "a wrong configuration is refused"),
    ("R123", "error bodies"),
    ("R124", "import of API descriptions"),
];

const FAULTS: &[(&str, &str)] = &[
    ("R125", "`kill -9`"),
    ("R126", "the database fails"),
    ("R127", "the clock jumps"),
    ("R128", "the disk is full"),
    ("R129", "two nodes under faults"),
    ("R130", "draining"),
];
