//! libFuzzer's entry point of the target `config_toml`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("config_toml", data));
