//! What an end means for the steps behind it, and for the run.

use pintle_core::plan::{ContinueOn, Json, Output, Plan};
use pintle_core::run::command::{FailReason, Failed, Finished};
use pintle_core::run::event::EndReason;
use pintle_core::run::{Outcome, RunStatus, StepStatus};

use crate::plans::{Say, forgiving, plan};
use crate::stand::{Stand, exit, failed, fails, skipped, with_output};

#[test]
fn all_behind_a_failure_is_aborted_and_the_rest_goes_on() {
    let mut stand = Stand::started(plan("a b<a c<b x y<x z<y,c"));
    stand.runs("a", exit(2));
    assert_eq!(stand.shows(), "running: a failed, b aborted, c aborted, x ready");
    assert_eq!(stand.end("a").message.as_deref(), Some("exit code 2"));
    assert_eq!(stand.end("b").reason, Some(EndReason::UpstreamFailed));
    assert_eq!(stand.end("b").message.as_deref(), Some("`a` before it did not succeed"));
    stand.succeed("x y");
    assert_eq!(stand.shows(), "failed: a failed, b aborted, c aborted, x succeeded, y succeeded, z aborted");
}

#[test]
fn a_join_waits_for_all_arms_even_if_one_failed() {
    let mut stand = Stand::started(plan("a b join<a,b"));
    stand.runs("a", exit(1));
    assert_eq!(stand.shows(), "running: a failed, b ready");
    stand.succeed("b");
    assert_eq!(stand.shows(), "failed: a failed, b succeeded, join aborted");
}

#[test]
fn skips_go_on_to_what_is_behind_and_are_no_failure() {
    let mut stand = Stand::started(plan("a b<a c<b d"));
    stand.runs("a", skipped());
    assert_eq!(stand.shows(), "running: a skipped, b skipped, c skipped, d ready");
    assert_eq!(stand.end("a").reason, Some(EndReason::PreconditionUnmet));
    assert_eq!(stand.end("a").message.as_deref(), Some("not today"));
    assert_eq!(stand.end("c").reason, Some(EndReason::UpstreamSkipped));
    stand.succeed("d");
    assert_eq!(stand.run.status(), RunStatus::Succeeded);
}

#[test]
fn continue_on_skipped_lets_the_next_run() {
    let on = ContinueOn { skipped: true, ..ContinueOn::default() };
    let mut stand = Stand::started(plan("a b<a").continue_on("a", on));
    stand.runs("a", skipped());
    assert_eq!(stand.shows(), "running: a skipped, b ready");
    stand.succeed("b");
    assert_eq!(stand.run.status(), RunStatus::Succeeded, "a skip is forgiven wholly");
}

#[test]
fn a_failure_outweighs_a_skip_before_a_join() {
    for order in ["a b", "b a"] {
        let mut stand = Stand::started(plan("a b join<a,b"));
        for name in order.split(' ') {
            stand.runs(name, if name == "a" { skipped() } else { exit(1) });
        }
        assert_eq!(stand.shows(), "failed: a skipped, b failed, join aborted");
    }
}

/// `a`, forgiven as said, ends so; where `b` behind it stands, and what the run amounts to if `b` may run and does.
#[track_caller]
fn forgives(on: ContinueOn, outcome: Outcome, behind: StepStatus, amounts_to: RunStatus) {
    let said = format!("{on:?} {outcome:?}");
    let mut stand = Stand::started(plan("a b<a").continue_on("a", on));
    stand.runs("a", outcome);
    assert_eq!(stand.step("b").status, behind, "{said}");
    if behind == StepStatus::Ready {
        stand.succeed("b");
    }
    assert_eq!(stand.run.status(), amounts_to, "{said}");
}

#[test]
fn continue_on_forms() {
    use RunStatus::{PartiallySucceeded, Succeeded};
    use StepStatus::{Aborted, Ready};
    let codes = || ContinueOn { exit_code: vec![3, 4], ..ContinueOn::default() };
    let output = || ContinueOn { output: vec!["re:x".to_owned()], ..ContinueOn::default() };
    let marked = |on: ContinueOn| ContinueOn { mark_success: true, ..on };
    let skips = || ContinueOn { skipped: true, ..ContinueOn::default() };
    let hit = |code| Outcome::Finished(Finished { exit_code: Some(code), output_matched: true, ..Finished::default() });
    let failed_hit = || Outcome::Failed(Failed { output_matched: true, ..failed(FailReason::Trapped) });

    forgives(ContinueOn::default(), exit(3), Aborted, RunStatus::Failed);
    forgives(skips(), exit(3), Aborted, RunStatus::Failed);
    forgives(forgiving(), exit(3), Ready, PartiallySucceeded);
    forgives(forgiving(), fails(FailReason::TimedOut), Ready, PartiallySucceeded);
    forgives(forgiving(), fails(FailReason::Trapped), Ready, PartiallySucceeded);
    forgives(forgiving(), skipped(), StepStatus::Skipped, Succeeded);
    forgives(codes(), exit(4), Ready, PartiallySucceeded);
    forgives(codes(), exit(5), Aborted, RunStatus::Failed);
    forgives(codes(), fails(FailReason::Trapped), Aborted, RunStatus::Failed);
    forgives(output(), hit(1), Ready, PartiallySucceeded);
    forgives(output(), failed_hit(), Ready, PartiallySucceeded);
    forgives(output(), exit(1), Aborted, RunStatus::Failed);
    forgives(marked(forgiving()), exit(1), Ready, Succeeded);
    forgives(marked(codes()), exit(3), Ready, Succeeded);
    forgives(marked(codes()), exit(1), Aborted, RunStatus::Failed);
    forgives(marked(output()), hit(1), Ready, Succeeded);
    forgives(marked(ContinueOn::default()), exit(1), Aborted, RunStatus::Failed);
}

#[test]
fn a_failure_that_is_marked_as_success_still_says_what_happened() {
    let on = ContinueOn { mark_success: true, ..forgiving() };
    let mut stand = Stand::started(plan("a").continue_on("a", on));
    stand.runs("a", exit(7));
    let end = stand.end("a");
    assert_eq!((end.status, end.exit_code, end.forgiven), (StepStatus::Succeeded, Some(7), false));
    assert_eq!(end.reason, Some(EndReason::Failed(FailReason::ExitCode)));
}

/// What the run amounts to when its steps, all of them roots, end so.
#[track_caller]
fn amounts_to(plan: Plan, ends: &[(&str, Outcome)], status: RunStatus) {
    let mut stand = Stand::started(plan);
    for (name, outcome) in ends {
        stand.runs(name, outcome.clone());
    }
    assert_eq!(stand.run.status(), status, "{}", stand.shows());
    assert_eq!(stand.run.head.concluded, Some(status));
}

#[test]
fn final_status_precedence() {
    use RunStatus::{PartiallySucceeded, Succeeded};
    let two = || plan("a b").continue_on("a", forgiving());
    amounts_to(two(), &[("a", exit(0)), ("b", exit(0))], Succeeded);
    amounts_to(two(), &[("a", exit(1)), ("b", exit(0))], PartiallySucceeded);
    amounts_to(two(), &[("a", exit(1)), ("b", exit(1))], RunStatus::Failed);
    amounts_to(two(), &[("a", exit(0)), ("b", exit(1))], RunStatus::Failed);
    amounts_to(two(), &[("a", exit(1)), ("b", skipped())], RunStatus::Failed);
    amounts_to(two(), &[("a", skipped()), ("b", skipped())], Succeeded);
    amounts_to(plan("a").continue_on("a", forgiving()), &[("a", exit(1))], RunStatus::Failed);
    amounts_to(plan("a b<a"), &[("a", exit(1))], RunStatus::Failed);
}

#[test]
fn outputs_and_variables_are_kept_with_the_end() {
    let mut stand = Stand::started(plan("a b").set("b", |s| s.output = Some(Output::Variable("TEXT".to_owned()))));
    stand.runs("a", with_output("rows", "42"));
    assert_eq!(stand.end("a").outputs, [("rows".to_owned(), Json("42".to_owned()))]);
    let said = Finished { exit_code: Some(0), stdout: Some(" two\nlines \n".to_owned()), ..Finished::default() };
    stand.runs("b", Outcome::Finished(said));
    assert_eq!(stand.end("b").variable.as_deref(), Some("two\nlines"));
    assert_eq!(stand.end("a").variable, None);
}
