//! libFuzzer's entry point of the target `query_credential`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("query_credential", data));
