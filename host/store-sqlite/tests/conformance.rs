//! The ports' suite, on a fresh data directory each.
#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use pintle_store::suite::Case;
use pintle_store_sqlite::{Mode, Options, Sqlite};

fn drive(how: fn(Options) -> Options, case: Case) {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(how(Options::new(dir.path()))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(case(&store));
}

mod process {
    fn with_store(case: super::Case) {
        super::drive(|options| options.mode(super::Mode::Process), case);
    }
    pintle_store::conformance!(with_store);
}

mod power {
    fn with_store(case: super::Case) {
        super::drive(|options| options.mode(super::Mode::Power), case);
    }
    pintle_store::conformance!(with_store);
}

mod alone {
    fn with_store(case: super::Case) {
        super::drive(super::Options::alone, case);
    }
    pintle_store::conformance!(with_store);
}
