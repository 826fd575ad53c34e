//! The ports' suite, on a fresh data directory each.
#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use pintle_store::suite::Case;
use pintle_store_sqlite::{Mode, Options, Sqlite};

fn drive(mode: Mode, case: Case) {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(Options::new(dir.path()).mode(mode)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(case(&store));
}

mod process {
    fn with_store(case: super::Case) {
        super::drive(super::Mode::Process, case);
    }
    pintle_store::conformance!(with_store);
}

mod power {
    fn with_store(case: super::Case) {
        super::drive(super::Mode::Power, case);
    }
    pintle_store::conformance!(with_store);
}
