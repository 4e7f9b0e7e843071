//! libFuzzer's entry point of the target `proxy_header`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("proxy_header", data));
