//! Frames of HAProxy's SPOE.

/// A question that can be judged has a head and is one frame: cut short, or with something behind
/// it, it cannot.
pub(super) fn run(data: &[u8]) {
    if !doorward_proxy::is_spop_question(data) {
        return;
    }
    assert!(data.len() > 7);
    let shorter = data.split_last().map_or(data, |(_, rest)| rest);
    assert!(!doorward_proxy::is_spop_question(shorter));
    let longer = [data, b"x"].concat();
    assert!(!doorward_proxy::is_spop_question(&longer));
}
