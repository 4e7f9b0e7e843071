//! libFuzzer's entry point of the target `body_judge`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("body_judge", data));
