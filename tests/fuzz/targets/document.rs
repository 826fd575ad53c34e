#![no_main]

#[path = "../../../host/spec/tests/fuzz/document.rs"]
mod document;
#[path = "../../../host/spec/tests/cases/plugins.rs"]
mod plugins;

libfuzzer_sys::fuzz_target!(|data: &[u8]| document::check(data));
