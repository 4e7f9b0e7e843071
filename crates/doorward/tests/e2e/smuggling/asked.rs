//! The corpus through servers that ask us: what they pass on is what they have asked about.

use super::corpus;
use super::stand::Stand;
use super::strict::Whole;
use super::witness::Witness;
use crate::fronts::servers::{LISTENERS, RUN, start_one};

/// Each front gets every so many cases, and all that must be passed on.
const SHARE: usize = 3;

#[test]
fn r103_r106_g13_nothing_is_smuggled_past_a_server_that_asks() {
    let stand = Stand::listening(LISTENERS, |_| Some(Witness::own())).unwrap();
    let start = |dialect| start_one(&stand.door, dialect, stand.witness.port, &str::to_owned);
    let fronts: Vec<_> = RUN.into_iter().filter_map(start).collect();
    for (n, front) in fronts.iter().enumerate() {
        let mut cases = corpus::all();
        let mut at = n;
        cases.retain(|case| {
            at += 1;
            case.is_plain || at % SHARE == 0
        });
        let before = stand.witness.seen().0.len();
        // How the front reads bytes is its own affair: what it asks about is what must be passed on.
        stand.withstands(front.port(), &cases, || {
            let (seen, _) = stand.witness.seen();
            let read = seen.into_iter().map(|one| Whole {
                method: one.method,
                path: one.path,
                length: one.length.unwrap_or(0),
                decision: None,
            });
            read.collect()
        });
        let passed = stand.witness.seen().0.len() - before;
        assert!(passed >= 5, "{}: {passed} passed on", front.name);
    }
}
