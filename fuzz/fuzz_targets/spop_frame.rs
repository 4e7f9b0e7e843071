//! libFuzzer's entry point of the target `spop_frame`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("spop_frame", data));
