//! Why Basic credentials are refused, for the operator. The caller hears one thing only.

use doorward_core::rejection::Reason;

/// The reasons of this method, for explaining a recorded decision.
pub const REASONS: &[&Reason] = &[
    &TOKEN, &ENCODING, &CONTROL, &NO_COLON, &EMPTY, &TOO_LONG, &UNKNOWN, &WRONG, &DISABLED,
    &RECORD, &THROTTLED, &BUSY, &STOPPED, &CHANGED,
];

/// Not exactly one word after the scheme.
pub const TOKEN: Reason = Reason {
    code: "basic_token",
    meaning: "The Authorization header says Basic, and not exactly one word follows.",
    fix: "Send `Authorization: Basic` and the base64 of `name:password`; most clients do it.",
};
/// Not base64 of UTF-8.
pub const ENCODING: Reason = Reason {
    code: "basic_encoding",
    meaning: "What follows Basic is not padded standard base64 of UTF-8 text.",
    fix: "Encode `name:password` as UTF-8, then as base64 with padding and without line breaks.",
};
/// A control character.
pub const CONTROL: Reason = Reason {
    code: "basic_control",
    meaning: "The name or the password has a control character, such as a line break.",
    fix: "Look for a line break at the end of the file or variable that holds the password.",
};
/// No colon.
pub const NO_COLON: Reason = Reason {
    code: "basic_no_colon",
    meaning: "What was sent has no colon between name and password.",
    fix: "Send `name:password`.",
};
/// An empty name or password.
pub const EMPTY: Reason = Reason {
    code: "basic_empty",
    meaning: "The name or the password is empty, and nobody's is.",
    fix: "Look whether the variable that should hold it is set.",
};
/// Longer than any name or password.
pub const TOO_LONG: Reason = Reason {
    code: "basic_too_long",
    meaning: "The name or the password is longer than any can be: 128 and 1024 bytes.",
    fix: "Look what the client sends. If many of these come from one address, block it.",
};
/// No such user.
pub const UNKNOWN: Reason = Reason {
    code: "basic_user_unknown",
    meaning: "There is no user of this name. The name is not shown: it may be a mistyped password.",
    fix: "Compare the client's user name with `doorward user list`; case counts.",
};
/// The wrong password.
pub const WRONG: Reason = Reason {
    code: "basic_password_wrong",
    meaning: "The user exists and the password is wrong.",
    fix: "Correct the client's password, or set a new one with `doorward user passwd`.",
};
/// A disabled user.
pub const DISABLED: Reason = Reason {
    code: "basic_user_disabled",
    meaning: "The user is disabled. Whether the password is right was not looked at.",
    fix: "Find out why; `doorward user enable` lets the user in again.",
};
/// A stored hash that cannot be read.
pub const RECORD: Reason = Reason {
    code: "basic_record",
    meaning: "The user's stored password hash cannot be read, so no password is right.",
    fix: "Set a new password with `doorward user passwd`.",
};
/// Too many wrong passwords.
pub const THROTTLED: Reason = Reason {
    code: "basic_throttled",
    meaning: "Too many wrong passwords came from this address, or for this user name from \
              addresses where it has not succeeded lately.",
    fix: "Find the client with the old password. If it is a guesser, block its address.",
};
/// The queue is full.
pub const BUSY: Reason = Reason {
    code: "basic_busy",
    meaning: "More passwords are waiting to be checked than `basic.queue`, or more than a \
              quarter of it from one address.",
    fix: "If the callers are honest, raise `basic.workers` and `basic.queue`, or give them API \
          keys, which need no hashing. If not, block their addresses.",
};
/// The check did not end.
pub const STOPPED: Reason = Reason {
    code: "basic_stopped",
    meaning: "The password's check was given up, because the server stops or a check failed.",
    fix: "Call again. If it happens while the server runs on, look for a panic in its log.",
};
/// The user changed during the check.
pub const CHANGED: Reason = Reason {
    code: "basic_user_changed",
    meaning: "The user's password or record changed while the password was checked.",
    fix: "Call again; no harm was done.",
};

#[cfg(test)]
mod tests {
    use super::REASONS;

    #[test]
    fn every_reason_has_its_own_code() {
        let mut codes: Vec<_> = REASONS.iter().map(|reason| reason.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), REASONS.len());
        assert!(codes.iter().all(|code| code.starts_with("basic_")));
    }
}
