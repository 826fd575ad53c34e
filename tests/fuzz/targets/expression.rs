#![no_main]

#[path = "../../../host/spec/tests/fuzz/expression.rs"]
mod expression;
#[path = "../../../host/spec/tests/cases/plugins.rs"]
mod plugins;

libfuzzer_sys::fuzz_target!(|data: &[u8]| expression::check(data));
