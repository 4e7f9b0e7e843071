//! Classes of real attacks; each becomes a test. Short names in our own words.

use super::tests_table::{Section, Table};

/// The rows of `docs/security-tests.md`.
pub(crate) const TABLE: Table = Table {
    path: "docs/security-tests.md",
    head: "# Attacks, and the tests that stand against them\n\n\
           Made by `cargo xtask tidy --write`. Each row is a class of attack that has hit products \
           of this\nfield. A test carries the row's id at the start of its name. A row that says \
           *not yet* has no test:\ndo not read it as covered.\n",
    sections: &[
        Section {
            title: "At the gate",
            later: "the feature it concerns, or its test, is not there",
            rows: GATE,
        },
        Section {
            title: "At the issuer",
            later: "the authorization server and sign-in",
            rows: ISSUER,
        },
        Section {
            title: "At the key desk",
            later: "the feature it concerns, or its test, is not there",
            rows: KEY_DESK,
        },
    ],
};

const GATE: &[(&str, &str)] = &[
    ("G01", "dot segments, plain and encoded"),
    ("G02", "path parameters after `;`"),
    (
        "G03",
        "encoded slash, backslash and NUL; twice encoded; hex digits of either case",
    ),
    ("G04", "double slashes, final slashes, `*`, `#`"),
    ("G05", "upper and lower case in paths and hosts"),
    ("G06", "an exemption that matches the wrong string"),
    ("G07", "spoofed X-Forwarded headers"),
    ("G08", "identity headers of the caller that survive"),
    ("G09", "other spellings of a managed header's name"),
    ("G10", "Connection used to remove our headers"),
    ("G11", "a header sent twice"),
    ("G12", "header bytes that are not UTF-8"),
    ("G13", "HTTP/1 request smuggling"),
    ("G14", "a tunnel that opens before the upstream agreed"),
    ("G15", "what HTTP/2 can say and HTTP/1 cannot"),
    ("G16", "a `:path` without a slash"),
    ("G17", "a token that chooses its own algorithm"),
    ("G18", "claims of the wrong type"),
    ("G19", "encrypted tokens without integrity"),
    (
        "G20",
        "a token that says where its key is; key sets fetched from inside",
    ),
    ("G21", "methods and upgrades that skip the check"),
    ("G22", "an exemption for health checks"),
    ("G23", "headers that override the method"),
    ("G24", "a malformed request that is let through"),
    ("G25", "an unknown user with an empty secret"),
    ("G26", "timing that tells whether a name exists"),
    ("G27", "a cached answer for another caller or policy"),
    ("G28", "TLS options chosen by a name that is not the Host"),
    ("G29", "a merge of policies that loses the check"),
    (
        "G30",
        "a check that is skipped for large bodies or after an error",
    ),
    ("G31", "odd requests that crash the server"),
    ("G32", "slow callers, resets and floods"),
    ("G33", "an upgrade to h2c that goes around the gate"),
    ("G34", "an admin interface that is open"),
    ("G35", "identities compared by something that is not stable"),
];

const ISSUER: &[(&str, &str)] = &[
    (
        "I01",
        "redirect addresses that two parsers read differently",
    ),
    (
        "I02",
        "response parameters injected through the redirect address",
    ),
    ("I03", "redirect and logo addresses that are scripts"),
    ("I04", "open redirects after sign-in"),
    ("I05", "redirects that carry tokens away"),
    ("I06", "PKCE left out, downgraded or guessed"),
    ("I07", "codes and refresh tokens used by another client"),
    ("I08", "a code forged through a shared store"),
    ("I09", "races around refresh and revocation"),
    ("I10", "replay protection that forgets"),
    ("I11", "replay memory that can be flooded"),
    ("I12", "request objects with a weak or no signature"),
    ("I13", "assertions for disabled users or issuers"),
    ("I14", "token exchange across tenants"),
    ("I15", "audience and resource not bound to the grant"),
    ("I16", "opaque tokens that can be changed and still work"),
    ("I17", "a password reset that skips a step"),
    ("I18", "mail and limits steered by request headers"),
    ("I19", "session fixation and sign-in forgery"),
    ("I20", "accounts linked without proof"),
    ("I21", "a verified mark that can be forged"),
    ("I22", "second factors used twice or skipped"),
    ("I23", "device codes approved by or for the wrong one"),
    ("I24", "consent that is skipped"),
    ("I25", "fetches that reach inside the network"),
    ("I26", "markup injected into pages"),
    ("I27", "SQL injected through lists; fixed default secrets"),
    ("I28", "one tenant that acts on another"),
    ("I29", "private keys in an answer"),
    ("I30", "keys minted for others or wider than their maker"),
    ("I31", "answers that tell who has an account"),
    (
        "I32",
        "forged form posts, look-alike addresses, failing open",
    ),
    ("I33", "inputs that exhaust a parser"),
    ("I34", "settings that are silently dropped"),
];

const KEY_DESK: &[(&str, &str)] = &[
    ("K01", "a key's text that reaches the database unchecked"),
    ("K02", "a key made for somebody else"),
    ("K03", "a key that makes a wider key"),
    ("K04", "scopes that are stored and not enforced"),
    ("K05", "answers that tell whether a key exists"),
    ("K06", "a revoked key that lives on in a cache"),
    ("K07", "a new key that a cache refuses"),
    ("K08", "a key whose environment or kind was edited"),
    ("K09", "refused calls that cost the caller"),
    ("K10", "address lists and the addresses that evade them"),
    ("K11", "redaction that a longer secret evades"),
    ("K12", "keys that can be read at rest or shown again"),
];
