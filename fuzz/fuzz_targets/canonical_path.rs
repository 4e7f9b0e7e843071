//! libFuzzer's entry point of the target `canonical_path`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("canonical_path", data));
