//! Work that a guest leaves pending: asked again until it is done, and given up with the step.

use std::time::{Duration, Instant};

use pintle_core::time::Span;
use pintle_plane::executor::{Failure, Fault, Limit, Performed};
use pintle_plane::stop::Urgency;

use crate::fakes::{Host, done, failed};
use crate::guest::{ABORTED, DONE, Guest, TOKEN};
use crate::hostile::SPIN;

/// Pending with the token "acme", to be asked again after `ms`.
fn pending(ms: u32) -> String {
    format!(
        "(i32.store8 (i32.const 516) (i32.const 1)) (i32.store (i32.const 520) (i32.const 16))
         (i32.store (i32.const 524) (i32.const 4)) (i32.store (i32.const 528) (i32.const {ms})) {DONE}"
    )
}

#[tokio::test]
async fn pending_work_is_resumed_until_it_is_done() {
    let host = Host::new();
    host.load(&Guest::running(&pending(30)), "").await.unwrap();
    let started = Instant::now();
    assert_eq!(done(host.perform().await), None);
    assert!(started.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn pending_work_is_asked_for_at_most_each_10_ms() {
    let resume = format!("(call $host (i32.const 0) (i32.const 0) (i32.const 1)) {}", pending(0));
    let host = Host::new();
    host.load(&Guest { resume, ..Guest::printing(&pending(0)) }, "").await.unwrap();
    let mut task = host.task("acme.do", "{}");
    task.remaining = Some(Span(300));
    assert_eq!(failed(host.perform_task(task).await).limit, Some(Limit::Wall));
    let asked = host.sink.len();
    assert!((2..=30).contains(&asked), "asked {asked} times in 300 ms");
}

/// An action of which nothing is outside, with this body of `run` and of `resume`.
fn pure(run: &str, resume: &str) -> Guest {
    // `repeats` of its one action.
    let rest = r#"(data (i32.const 360) "\00")"#.to_owned();
    Guest { rest, resume: resume.to_owned(), ..Guest::running(run) }
}

#[tokio::test]
async fn pending_work_of_which_nothing_is_outside_gives_its_place_back() {
    let host = Host::new();
    host.load(&pure(&pending(3_600_000), DONE), "").await.unwrap();
    let started = Instant::now();
    let Performed::Later { token, after } = host.perform().await else { panic!("it holds its place") };
    assert_eq!((token.as_str(), after), ("acme", Span(3_600_000)));
    assert!(started.elapsed() < Duration::from_secs(60), "it waited");
    let mut task = host.task("acme.do", "{}");
    task.token = Some(token);
    assert_eq!(done(host.perform_task(task).await), None, "it was not gone on with");
}

#[tokio::test]
async fn work_that_gave_its_place_back_is_asked_for_at_most_each_10_ms() {
    let host = Host::new();
    host.load(&pure(&pending(0), DONE), "").await.unwrap();
    let Performed::Later { after, .. } = host.perform().await else { panic!("it holds its place") };
    assert_eq!(after, Span(10));
}

#[tokio::test]
async fn what_is_to_be_gone_on_with_is_bounded() {
    let long = pending(10).replace("(i32.const 4))", "(i32.const 4097))");
    let host = Host::new();
    host.load(&pure(&long, DONE), "").await.unwrap();
    let failure = failed(host.perform().await);
    let wanted = "acme 1.4.0, run: it wants to go on with a token of 4097 bytes; 4096 are kept";
    assert_eq!((failure.fault, failure.message.as_str()), (Fault::Failed, wanted));
}

/// Never done; a byte is printed with each `resume`, the token with `abort`.
fn endless(abort: &str) -> Guest {
    let print = |what: &str| format!("(call $host (i32.const 0) {what})");
    Guest {
        resume: format!("{} {}", print("(i32.const 16) (i32.const 1)"), pending(10)),
        abort: format!("{} {abort}", print(TOKEN)),
        ..Guest::printing(&pending(10))
    }
}

/// Stops the step once its work has been asked for again; answers how it ended, what was printed, and after how long.
async fn stopped(abort: &str, limits: &str, urgency: Urgency) -> (Failure, String, Duration) {
    let host = Host::new();
    host.load(&endless(abort), limits).await.unwrap();
    let raised = async {
        host.sink.written(2).await;
        host.stop.raise(urgency);
        Instant::now()
    };
    let (performed, raised) = tokio::join!(host.perform(), raised);
    (failed(performed), host.sink.text(), raised.elapsed())
}

#[tokio::test]
async fn a_stop_gives_pending_work_up_by_its_token() {
    for urgency in [Urgency::Gracefully, Urgency::AtOnce] {
        let (failure, printed, _) = stopped(ABORTED, "", urgency).await;
        assert_eq!((failure.fault, failure.message.as_str()), (Fault::Cancelled, "acme 1.4.0, resume: stopped"));
        let printed = printed.trim_start_matches('a');
        assert_eq!(printed, "cme", "`abort` was not called once with the token: {printed}");
    }
}

#[tokio::test]
async fn the_end_of_the_steps_time_gives_pending_work_up() {
    let host = Host::new();
    host.load(&endless(ABORTED), "").await.unwrap();
    let mut task = host.task("acme.do", "{}");
    task.remaining = Some(Span(100));
    let failure = failed(host.perform_task(task).await);
    assert_eq!((failure.fault, failure.limit), (Fault::Exhausted, Some(Limit::Wall)));
    assert!(host.sink.text().ends_with("acme"), "{}", host.sink.text());
}

#[tokio::test]
async fn work_is_given_up_when_the_guest_is_stopped_while_it_asks_for_it() {
    let resume = format!("(call $host (i32.const 0) (i32.const 16) (i32.const 1)) {SPIN}");
    let host = Host::new();
    host.load(&Guest { resume, ..endless(ABORTED) }, "[limits]\ncpu-ms = 60000").await.unwrap();
    let raised = async {
        host.sink.written(1).await;
        host.stop.raise(Urgency::AtOnce);
    };
    let (performed, ()) = tokio::join!(host.perform(), raised);
    let failure = failed(performed);
    assert_eq!((failure.fault, failure.message.as_str()), (Fault::Cancelled, "acme 1.4.0, resume: stopped"));
    assert_eq!(host.sink.text(), "aacme");
}

#[tokio::test]
async fn an_abort_that_fails_changes_nothing() {
    // An error: fault 13 (failed), no message.
    let error =
        "(i32.store8 (i32.const 640) (i32.const 1)) (i32.store8 (i32.const 644) (i32.const 13)) (i32.const 640)";
    for abort in ["unreachable", error] {
        let (failure, printed, took) = stopped(abort, "", Urgency::Gracefully).await;
        assert_eq!((failure.fault, failure.message.as_str()), (Fault::Cancelled, "acme 1.4.0, resume: stopped"));
        assert!(printed.ends_with("acme"), "{printed}");
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
}

#[tokio::test]
async fn an_abort_that_spins_ends_at_its_own_bounds() {
    for (limits, least, most) in [("[limits]\ncpu-ms = 200", 200, 3_000), ("[limits]\ncpu-ms = 60000", 5_000, 7_000)] {
        let (failure, printed, took) = stopped(SPIN, limits, Urgency::Gracefully).await;
        assert_eq!((failure.fault, failure.message.as_str()), (Fault::Cancelled, "acme 1.4.0, resume: stopped"));
        assert!(printed.ends_with("acme"), "{printed}");
        let (least, most) = (Duration::from_millis(least), Duration::from_millis(most));
        assert!(took >= least && took < most, "{took:?} with {limits}");
    }
}

#[tokio::test]
async fn pending_work_ends_with_the_step() {
    let guest = Guest { resume: pending(20), ..Guest::running(&pending(20)) };
    let host = Host::new();
    host.load(&guest, "").await.unwrap();
    let mut task = host.task("acme.do", "{}");
    task.remaining = Some(Span(200));
    assert_eq!(failed(host.perform_task(task.clone()).await).limit, Some(Limit::Wall));
    host.stop.raise(Urgency::Gracefully);
    assert_eq!(failed(host.perform_task(task).await).fault, Fault::Cancelled);
}
