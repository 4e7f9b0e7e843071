//! libFuzzer's entry point of the target `api_key_parse`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("api_key_parse", data));
