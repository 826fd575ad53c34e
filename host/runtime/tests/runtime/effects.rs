//! What the host's own record says after something outside may have changed; stopping with a program.

use std::time::{Duration, Instant};

use pintle_core::time::Span;
use pintle_plane::executor::{Fault, Limit, Performed};
use pintle_plane::stop::Urgency;
use pintle_runtime::Compiler;

use crate::fakes::{Host, Programs, done, failed};
use crate::guest::{DONE, Guest};

/// Starts the program, then does `after`.
fn starting(program: &str, after: &str) -> Guest {
    Guest::starting(program, &format!("(call $start) {after}"))
}

const WANTS: &str = "[wants.process]\n[limits]\ncpu-ms = 300\n";

#[tokio::test]
async fn a_trap_after_a_program_is_an_unknown_outcome() {
    let host = Host::new();
    host.load(&starting("true", "unreachable"), WANTS).await.unwrap();
    let failure = failed(host.perform().await);
    assert_eq!(failure.fault, Fault::UnknownOutcome);
    assert_eq!(failure.message, "acme 1.4.0 trapped in run: wasm `unreachable` instruction executed, in `run`.");
    assert_eq!(host.programs.started.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_limit_after_a_program_keeps_its_name() {
    let host = Host::new();
    host.load(&starting("true", "(loop $l (br $l)) unreachable"), WANTS).await.unwrap();
    let failure = failed(host.perform().await);
    assert_eq!((failure.fault, failure.limit), (Fault::UnknownOutcome, Some(Limit::Cpu)));
}

#[tokio::test]
async fn a_trap_after_a_program_that_did_not_start_is_a_failure() {
    let host = Host::new();
    host.load(&starting("missing", "unreachable"), WANTS).await.unwrap();
    assert_eq!(failed(host.perform().await).fault, Fault::Failed);
}

#[tokio::test]
async fn waiting_for_a_program_costs_no_cpu_and_the_deadline_stops_it() {
    let programs = Programs::endless();
    let host = Host::with(programs, Compiler::InProcess);
    host.load(&starting("sleep", DONE), WANTS).await.unwrap();
    let mut task = host.task("acme.do", "{}");
    task.remaining = Some(Span(700));
    let started = Instant::now();
    let failure = failed(host.perform_task(task).await);
    assert_eq!(failure.limit, Some(Limit::Wall), "{failure:?}");
    assert!(started.elapsed() >= Duration::from_millis(700));
}

#[tokio::test]
async fn a_program_that_does_not_go_is_not_waited_for() {
    let programs = Programs::deaf();
    let host = Host::with(programs, Compiler::InProcess);
    host.load(&starting("sleep", DONE), WANTS).await.unwrap();
    let mut task = host.task("acme.do", "{}");
    task.remaining = Some(Span(200));
    let started = Instant::now();
    let failure = failed(host.perform_task(task).await);
    assert_eq!((failure.fault, failure.limit), (Fault::UnknownOutcome, Some(Limit::Wall)), "{failure:?}");
    // The 200 ms, the 100 ms that the program may take to end, and two seconds for the kill.
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(2300) && took < Duration::from_millis(4000), "{took:?}");
}

#[tokio::test]
async fn a_stop_reaches_the_program_and_the_guest_may_answer() {
    let programs = Programs::endless();
    let host = Host::with(programs, Compiler::InProcess);
    host.load(&starting("sleep", DONE), WANTS).await.unwrap();
    host.stop.raise(Urgency::Gracefully);
    assert_eq!(done(host.perform().await), None);
}

#[tokio::test]
async fn what_is_not_granted_is_denied_with_the_line_that_would_allow_it() {
    // Prints the message of the error: at 4 behind the result's head (fault 1 + 3, message 8).
    let mut guest = starting(
        "rm",
        &format!("(call $print (i32.const 0) (i32.load (i32.const 2056)) (i32.load (i32.const 2060))) {DONE}"),
    );
    guest.imports.push("output");
    guest.core_imports.push_str(r#"(import "pintle:host/output@0.1.0" "write" (func $print (param i32 i32 i32)))"#);
    let host = Host::new();
    let manifest = crate::guest::manifest("[wants.process]\nrequired = false");
    host.executors.load("acme.wasm", guest.build(), &manifest, pintle_runtime::Grants::none()).await.unwrap();
    done(host.perform().await);
    assert_eq!(
        host.sink.text(),
        "acme 1.4.0 has no grant for this use of process. Approve: pintle plugin grant acme --process rm"
    );
    assert!(host.programs.started.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_action_is_said_so() {
    let host = Host::new();
    let failure = failed(host.perform_task(host.task("acme.undo", "{}")).await);
    assert_eq!(failure.message, "no plugin performs the action `acme.undo`; see: pintle plugin list");
}

#[tokio::test]
async fn outputs_must_be_json() {
    // One output: name "acme", value "1.4.0" (not JSON), then "{}".
    let outputs = |value: u32, length: u32| {
        Guest::running(&format!(
            "(i32.store (i32.const 520) (i32.const 1024)) (i32.store (i32.const 524) (i32.const 1))
             (i32.store (i32.const 1024) (i32.const 16)) (i32.store (i32.const 1028) (i32.const 4))
             (i32.store (i32.const 1032) (i32.const {value})) (i32.store (i32.const 1036) (i32.const {length})) {DONE}"
        ))
    };
    let host = Host::new();
    host.load(&outputs(32, 5), "").await.unwrap();
    let message = failed(host.perform().await).message;
    assert!(message.starts_with("acme 1.4.0, run: output `acme` is not JSON: "), "{message}");
    let host = Host::new();
    host.load(&outputs(64, 2), "").await.unwrap();
    let Performed::Done { outputs, .. } = host.perform().await else { panic!("it failed") };
    assert_eq!(outputs, [("acme".to_owned(), "{}".to_owned())]);
}
