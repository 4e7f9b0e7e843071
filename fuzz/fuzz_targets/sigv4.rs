//! libFuzzer's entry point of the target `sigv4`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("sigv4", data));
