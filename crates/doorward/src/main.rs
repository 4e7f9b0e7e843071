//! The doorward binary.
fn main() {}
