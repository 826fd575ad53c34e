#![no_main]

#[path = "../../../host/spec/tests/fuzz/output_file.rs"]
mod output_file;

libfuzzer_sys::fuzz_target!(|data: &[u8]| output_file::check(data));
