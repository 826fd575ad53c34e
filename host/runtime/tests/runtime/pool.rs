//! More guests at once than the pool has places.

use std::sync::Arc;

use pintle_plane::stop::Urgency;
use pintle_runtime::Compiler;

use crate::fakes::{Host, Programs, done};
use crate::guest::{DONE, Guest, with_instances};

/// The pool has 64 places.
const GUESTS: usize = 70;

/// All of them wait for a program at the same time, and all of them end well.
async fn all_are_performed(component: Vec<u8>) {
    let host = Arc::new(Host::with(Programs::endless(), Compiler::InProcess));
    host.load_bytes(component, "[wants.process]").await.unwrap();
    let performing: Vec<_> = (0..GUESTS)
        .map(|_| {
            let host = Arc::clone(&host);
            tokio::spawn(async move { host.perform().await })
        })
        .collect();
    host.programs.running(GUESTS).await;
    host.stop.raise(Urgency::Gracefully);
    for performed in performing {
        assert_eq!(done(performed.await.unwrap()), None);
    }
}

fn waiting() -> Vec<u8> {
    Guest::starting("sleep", &format!("(call $start) {DONE}")).build()
}

#[tokio::test]
async fn guests_beyond_the_pool_get_their_memory_on_demand() {
    all_are_performed(waiting()).await;
}

#[tokio::test]
async fn guests_of_many_parts_do_not_crowd_others_out_of_the_pool() {
    for (count, module) in [(3, "(module (memory 1))"), (20, "(module)"), (1, &*wide())] {
        all_are_performed(with_instances(waiting(), module, count)).await;
    }
}

/// A module of 20 tables.
fn wide() -> String {
    format!("(module {})", "(table 1 funcref)".repeat(20))
}
