//! libFuzzer's entry point of the target `forwarded_headers`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("forwarded_headers", data));
