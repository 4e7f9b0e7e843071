//! Every reason of a refusal, by its code.

use doorward_core::rejection::Reason;

/// The reason with this code.
pub fn find(code: &str) -> Option<&'static Reason> {
    let all = [
        doorward_core::rejection::REASONS,
        doorward_core::gate::REASONS,
        doorward_authn::REASONS,
    ];
    all.into_iter()
        .flatten()
        .copied()
        .find(|reason| reason.code == code)
}
