//! libFuzzer's entry point of the target `signature_input`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("signature_input", data));
