#![no_main]
#![allow(dead_code, reason = "the tests of the core, of which the fuzzer needs the plans, the moves and the watch")]

#[path = "../../../host/core/tests/run/fuzz.rs"]
mod fuzz;
#[path = "../../../host/core/tests/run/plans.rs"]
mod plans;
#[path = "../../../host/core/tests/run/random.rs"]
mod random;
#[path = "../../../host/core/tests/run/stand.rs"]
mod stand;
#[path = "../../../host/core/tests/run/watch.rs"]
mod watch;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::check(data));
