//! What clock, changes and nodes promise.

use pintle_core::counter::{Fence, Version};
use pintle_core::ids::NodeId;

use super::cases;
use super::make::{claimed, commit, ended, finishing, id, submission};

cases! {
    /// A mark differs after a commit, and only then.
    async fn a_write_leaves_another_mark_and_a_look_does_not(store) {
        let run = id("r1");
        let before = store.mark().unwrap();
        assert_eq!(store.mark().unwrap(), before);
        commit(store, submission(&run, "etl", 10)).await.unwrap();
        let after = store.mark().unwrap();
        assert_ne!(after, before);
        store.load(&run).await.unwrap();
        assert_eq!(store.mark().unwrap(), after);
    }

    /// Not even by a microsecond.
    async fn time_does_not_run_backwards(store) {
        let mut last = store.now();
        for _ in 0..10_000 {
            let now = store.now();
            assert!(now >= last);
            last = now;
        }
        assert!(last.as_micros() > 1_700_000_000_000_000, "it is later than 2023");
    }

    /// Registering again is no fault.
    async fn a_registered_node_lives_and_an_unknown_one_does_not(store) {
        let (me, other) = (NodeId::new("me").unwrap(), NodeId::new("other").unwrap());
        assert!(store.register(&me).await.unwrap());
        assert!(store.register(&me).await.unwrap());
        assert!(store.is_alive(&me).await.unwrap());
        assert!(!store.is_alive(&other).await.unwrap());
    }

    /// The living are not listed, nor are owners of what is over.
    async fn dead_owners_of_open_runs_are_found(store) {
        let node = |name| NodeId::new(name).unwrap();
        assert!(store.register(&node("alive")).await.unwrap());
        for (run, home) in [("a", "alive"), ("b", "dead"), ("c", "done"), ("d", "dead")] {
            let mut txn = submission(&id(run), "etl", 10);
            txn.run_row.home = Some(node(home));
            commit(store, txn).await.unwrap();
        }
        let mut last = finishing(ended(&id("c"), Version(3), Fence(1)));
        last.run_row.home = Some(node("done"));
        commit(store, last).await.unwrap();
        assert_eq!(store.dead_with_open_runs().await.unwrap(), [node("dead")]);
        let mut taken = claimed(&id("b"), Version(3), Fence(1));
        taken.run_row.home = Some(node("alive"));
        commit(store, taken).await.unwrap();
        assert_eq!(store.dead_with_open_runs().await.unwrap(), [node("dead")], "one of two was taken over");
    }
}
