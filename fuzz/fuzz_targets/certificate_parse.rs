//! libFuzzer's entry point of the target `certificate_parse`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("certificate_parse", data));
