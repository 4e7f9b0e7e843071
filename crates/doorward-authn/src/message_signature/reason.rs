//! Why a message signature is refused.

use doorward_core::rejection::Reason;

/// The reasons of this method, for explaining a recorded decision.
pub const REASONS: &[&Reason] = &[
    &MALFORMED,
    &KEY,
    &ALGORITHM,
    &ADDRESS,
    &COMPONENTS,
    &BODY,
    &DIGEST,
    &NONCE,
    &TIMES,
    &BEFORE_START,
    &FORGED,
    &REPLAYED,
    &FULL,
];

pub(super) const MALFORMED: Reason = Reason {
    code: "signature_malformed",
    meaning: "Signature-Input and Signature cannot be read, or name something that requests do \
              not have.",
    fix: "Compare with what `doorward sign` makes for the same request; RFC 9421 section 4 has \
          the syntax.",
};
pub(super) const KEY: Reason = Reason {
    code: "signature_key",
    meaning: "The signature names no key, or one that nobody added.",
    fix: "Add the client's key with `doorward client-key add`, and sign with its id as `keyid`.",
};
pub(super) const ALGORITHM: Reason = Reason {
    code: "signature_algorithm",
    meaning: "The signature names another algorithm than the one its key is for.",
    fix: "Leave `alg` out, or name the key's algorithm; `doorward client-key show` has it.",
};
pub(super) const ADDRESS: Reason = Reason {
    code: "signature_address",
    meaning: "The key may not be used from the caller's address.",
    fix: "Check who called. If they may, add a key with their address block; if a proxy stands \
          between, list it as trusted.",
};
pub(super) const COMPONENTS: Reason = Reason {
    code: "signature_components",
    meaning: "The signature does not cover a component that it must cover, or covers one that \
              the request does not have.",
    fix: "Cover @method and @target-uri (or @authority, @path and @query), and what the route \
          asks for in `signature_components`.",
};
pub(super) const BODY: Reason = Reason {
    code: "signature_body",
    meaning: "The request has a body, and the signature does not cover its digest.",
    fix: "Send Content-Digest and cover `content-digest`.",
};
pub(super) const DIGEST: Reason = Reason {
    code: "signature_digest",
    meaning: "Content-Digest is not a digest that can be checked.",
    fix: "Send sha-256 or sha-512 in the form of RFC 9530: `sha-256=:...:`.",
};
pub(super) const NONCE: Reason = Reason {
    code: "signature_nonce",
    meaning: "The signature has no nonce, and every one needs its own.",
    fix: "Add a random `nonce`; or write `nonce = \"optional\"` in [message_signature].",
};
pub(super) const TIMES: Reason = Reason {
    code: "signature_times",
    meaning: "The signature does not say when it was made, or ends before it begins.",
    fix: "Add `created` in seconds; when there is an `expires`, make it later.",
};
pub(super) const BEFORE_START: Reason = Reason {
    code: "signature_before_start",
    meaning: "The signature is older than what the running server remembers, so it cannot know \
              whether it was used before.",
    fix: "Sign the request again. If it happens long after a start, or after `max_age` was raised, \
          the caller's clock is behind.",
};
pub(super) const FORGED: Reason = Reason {
    code: "signature_forged",
    meaning: "The signature does not fit the request and the key.",
    fix: "Look for what changes the request on its way: a proxy that rewrites host, path or \
          headers. Otherwise it was forged, or signed with another key.",
};
pub(super) const REPLAYED: Reason = Reason {
    code: "signature_replayed",
    meaning: "A request with this nonce was seen before.",
    fix: "Sign every request anew, repeated ones too. If the client does, somebody replays its \
          requests.",
};
pub(super) const FULL: Reason = Reason {
    code: "signature_replays_full",
    meaning: "The key signed more requests than are remembered within the time that a signature \
              is good.",
    fix: "Raise `replays` or lower `max_age` in [message_signature].",
};
