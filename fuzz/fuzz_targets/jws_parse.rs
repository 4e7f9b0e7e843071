//! libFuzzer's entry point of the target `jws_parse`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("jws_parse", data));
