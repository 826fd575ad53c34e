#![no_main]

#[path = "../../../host/spec/tests/cases/plugins.rs"]
mod plugins;
#[path = "../../../host/spec/tests/fuzz/schedule.rs"]
mod schedule;

libfuzzer_sys::fuzz_target!(|data: &[u8]| schedule::check(data));
