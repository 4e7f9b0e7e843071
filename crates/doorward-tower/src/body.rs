//! Bodies on their way to the service and back.

mod answer;
mod expected;
mod guarded;

pub use answer::AnswerBody;
pub use guarded::{BodyError, GuardedBody};

pub(crate) use expected::fits;
pub(crate) use guarded::Watch;
