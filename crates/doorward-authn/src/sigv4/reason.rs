//! Why a request signed in the style of AWS is refused.

use doorward_core::rejection::Reason;

/// The reasons of this method, for explaining a recorded decision.
pub const REASONS: &[&Reason] = &[
    &MALFORMED,
    &TOKEN,
    &KEY,
    &KIND,
    &ADDRESS,
    &SCOPE,
    &HEADERS,
    &QUERY,
    &PAYLOAD,
    &TIMES,
    &PRESIGNED,
    &BEFORE_START,
    &FORGED,
    &REPLAYED,
    &FULL,
];

pub(super) const MALFORMED: Reason = Reason {
    code: "sigv4_malformed",
    meaning: "The signature cannot be read: a part is missing, there twice, or spelled otherwise \
              than AWS4-HMAC-SHA256 says.",
    fix: "Compare with what `doorward sign --alg aws4-hmac-sha256` makes for the same request.",
};
pub(super) const TOKEN: Reason = Reason {
    code: "sigv4_session_token",
    meaning: "The request has a session token, and this door gives out none.",
    fix: "Give the client the id and the secret of a client key, and no session token.",
};
pub(super) const KEY: Reason = Reason {
    code: "sigv4_key",
    meaning: "The credential names a key that nobody added.",
    fix: "Add it with `doorward client-key add --alg aws4-hmac-sha256`, and use its id as access \
          key.",
};
pub(super) const KIND: Reason = Reason {
    code: "sigv4_algorithm",
    meaning: "The key is for another way of signing.",
    fix: "Add a key with `--alg aws4-hmac-sha256`; one key is for one algorithm.",
};
pub(super) const ADDRESS: Reason = Reason {
    code: "sigv4_address",
    meaning: "The key may not be used from the caller's address.",
    fix: "Check who called. If they may, add a key with their address block; if a proxy stands \
          between, list it as trusted.",
};
pub(super) const SCOPE: Reason = Reason {
    code: "sigv4_scope",
    meaning: "The signature is for another region or service, or its day is not that of \
              X-Amz-Date.",
    fix: "Configure the client with `region` and `service` of [sigv4].",
};
pub(super) const HEADERS: Reason = Reason {
    code: "sigv4_headers",
    meaning: "A header must be signed and is not, or is signed and is not there exactly once, \
              without runs of spaces.",
    fix: "Sign host, content-type, every x-amz- header, and what the route asks for in \
          `signature_components`; send each once.",
};
pub(super) const QUERY: Reason = Reason {
    code: "sigv4_query",
    meaning: "The query is not spelled as it is signed, or repeats a name out of order.",
    fix: "Percent-encode everything in names and values but letters, digits and -._~, with \
          upper-case digits; sort the values of a name that is repeated.",
};
pub(super) const PAYLOAD: Reason = Reason {
    code: "sigv4_payload",
    meaning: "The request has a body whose SHA-256 is not signed, or signs it in a way that the \
              route does not take.",
    fix: "Send X-Amz-Content-Sha256 with the digest of the whole body, and sign it. \
          UNSIGNED-PAYLOAD needs `sigv4_unsigned_payload` on the route; STREAMING-... is not \
          read.",
};
pub(super) const TIMES: Reason = Reason {
    code: "sigv4_times",
    meaning: "X-Amz-Date is missing or no date, or X-Amz-Expires is no span.",
    fix: "Send X-Amz-Date as 20260823T123600Z; the header Date is not read in its place.",
};
pub(super) const PRESIGNED: Reason = Reason {
    code: "sigv4_presigned",
    meaning: "The link is good for longer than the route allows.",
    fix: "Make the link for a shorter time, or raise `sigv4_presigned` of the route.",
};
pub(super) const BEFORE_START: Reason = Reason {
    code: "sigv4_before_start",
    meaning: "The signature is older than what the running server remembers, so it cannot know \
              whether it was used before.",
    fix: "Sign the request again. If it happens long after a start, or after `max_age` was raised, \
          the caller's clock is behind.",
};
pub(super) const FORGED: Reason = Reason {
    code: "sigv4_forged",
    meaning: "The signature does not fit the request and the key.",
    fix: "Look for what changes the request on its way: a proxy that rewrites host, path or \
          headers. Otherwise it was forged, or signed with another secret.",
};
pub(super) const REPLAYED: Reason = Reason {
    code: "sigv4_replayed",
    meaning: "The same signed request was seen before.",
    fix: "Sign every request anew; two equal ones within a second need a signed header that tells \
          them apart. For reading only, `replay = \"safe_methods\"` in [sigv4] lets GET and HEAD \
          be sent again.",
};
pub(super) const FULL: Reason = Reason {
    code: "sigv4_replays_full",
    meaning: "The key signed more requests than are remembered within the time that a signature \
              is good.",
    fix: "Raise `replays` or lower `max_age` in [sigv4].",
};
