//! What may run when.

use pintle_core::plan::Role;
use pintle_core::run::{Command, RunStatus};

use crate::plans::{Say, empty, plan};
use crate::stand::{Stand, exit, worker};

#[test]
fn a_diamond_joins_after_both_arms() {
    let mut stand = Stand::started(plan("a b<a c<a d<b,c"));
    assert_eq!(stand.shows(), "running: a ready");
    stand.succeed("a");
    assert_eq!(stand.shows(), "running: a succeeded, b ready, c ready");
    stand.succeed("c");
    assert_eq!(stand.shows(), "running: a succeeded, b ready, c succeeded", "d waits for b");
    stand.succeed("b");
    assert_eq!(stand.shows(), "running: a succeeded, b succeeded, c succeeded, d ready");
    stand.succeed("d");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn a_fan_runs_side_by_side_and_joins_once() {
    let mut stand = Stand::started(plan("a b<a c<a d<a e<a join<b,c,d,e"));
    stand.succeed("a");
    for name in ["b", "c", "d", "e"] {
        stand.claim(name);
    }
    assert_eq!(stand.run.head.active, 4);
    for name in ["e", "c", "b", "d"] {
        assert_eq!(stand.step("join").open_deps > 0, stand.step("d").finished_at.is_none());
        stand.settle(name, exit(0));
    }
    stand.succeed("join");
    assert_eq!(stand.readied(), ["a", "b", "c", "d", "e", "join"]);
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn roots_and_islands_start_together() {
    let stand = Stand::started(plan("a b c<a d<a,b"));
    assert_eq!(stand.shows(), "running: a ready, b ready");
}

#[test]
fn a_long_way_round_holds_the_short_one() {
    let mut stand = Stand::started(plan("a b<a c<b d<a,c"));
    stand.succeed("a b");
    assert_eq!(stand.shows(), "running: a succeeded, b succeeded, c ready");
    stand.succeed("c d");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn a_plan_of_nothing_succeeds_with_its_handlers() {
    let stand = Stand::started(empty());
    assert_eq!(stand.shows(), "succeeded:");
    let mut stand = Stand::started(empty().with(&[Role::OnSuccess, Role::OnExit]));
    stand.succeed("success exit");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn max_active_steps_bounds_what_runs_at_once() {
    let mut plan = plan("a b c");
    plan.max_active_steps = Some(2);
    let mut stand = Stand::started(plan);
    stand.claim("a");
    stand.claim("b");
    let step = stand.index("c");
    let claim = Command::Claim { step, worker: worker() };
    assert_eq!(stand.refuses(claim.clone()), "2 steps are running and max_active_steps is 2");
    stand.settle("a", exit(1));
    stand.tell(claim);
    assert_eq!(stand.run.head.active, 2);
}

#[test]
fn nothing_is_claimed_before_its_turn() {
    let mut stand = Stand::queued(plan("a b<a"));
    let claim = |stand: &Stand, name: &str| Command::Claim { step: stand.index(name), worker: worker() };
    let early = claim(&stand, "a");
    assert_eq!(stand.refuses(early), "run r is queued: it cannot be claimed from");
    stand.tell(Command::Start);
    let early = claim(&stand, "b");
    assert_eq!(stand.refuses(early), "step b is not_started: it cannot be claimed");
    stand.claim("a");
    let twice = claim(&stand, "a");
    assert_eq!(stand.refuses(twice), "step a is running: it cannot be claimed");
}
