//! Guests that must lose. Each ends with its own message in bounded time, and the host goes on serving.

use std::time::{Duration, Instant};

use pintle_core::time::Span;
use pintle_plane::executor::{Failure, Fault, Limit};
use pintle_plane::stop::Urgency;

use crate::fakes::{Host, done, failed};
use crate::guest::{DONE, Guest};

/// Calls no host and never ends.
pub(crate) const SPIN: &str = "(loop $l (br $l)) unreachable";

/// Loads the guest into a host that also has a good one; it must fail within `bound`, and the good one must still run.
pub(crate) async fn loses(guest: Guest, limits: &str, bound: Duration) -> Failure {
    let host = Host::new();
    host.load(&guest, limits).await.unwrap();
    let started = Instant::now();
    let failure = failed(host.perform().await);
    assert!(started.elapsed() < bound, "it took {:?}: {failure:?}", started.elapsed());
    still_serves(&host).await;
    failure
}

async fn still_serves(host: &Host) {
    let program = r#"(module (func (export "_start")))"#;
    std::fs::write(host.dir.path().join("good.wasm"), wat::parse_str(program).unwrap()).unwrap();
    let code = done(host.perform_task(host.task("wasi.run", r#"{"path":"good.wasm"}"#)).await);
    assert_eq!(code, Some(0));
}

/// No guest may take longer to lose.
pub(crate) const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_spinning_guest_ends_at_its_cpu_limit() {
    let started = Instant::now();
    let failure = loses(Guest::running(SPIN), "[limits]\ncpu-ms = 200", SOON).await;
    assert_eq!(failure.message, "acme 1.4.0, run: CPU limit of 200 ms reached. Setting: plugins.acme.limits.cpu-ms");
    assert_eq!((failure.fault, failure.limit), (Fault::Exhausted, Some(Limit::Cpu)));
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_spinning_guest_ends_at_its_wall_limit_within_100_ms() {
    let host = Host::new();
    host.load(&Guest::running(SPIN), "[limits]\ncpu-ms = 60000\nwall-ms = 300").await.unwrap();
    // The median of a few: another test may have the processor.
    let mut late: Vec<Duration> = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        let failure = failed(host.perform().await);
        late.push(started.elapsed().saturating_sub(Duration::from_millis(300)));
        assert_eq!(
            failure.message,
            "acme 1.4.0, run: wall time limit of 300 ms reached. Setting: plugins.acme.limits.wall-ms"
        );
        assert_eq!(failure.limit, Some(Limit::Wall));
    }
    late.sort();
    assert!(late[2] < Duration::from_millis(100), "{late:?}");
}

#[tokio::test]
async fn a_spinning_guest_ends_at_the_steps_deadline() {
    let host = Host::new();
    host.load(&Guest::running(SPIN), "[limits]\ncpu-ms = 60000").await.unwrap();
    let mut task = host.task("acme.do", "{}");
    task.remaining = Some(Span(150));
    let failure = failed(host.perform_task(task).await);
    assert_eq!(
        failure.message,
        "acme 1.4.0, run: the step's time is over: 150 ms were left when it began. Setting: timeout_sec"
    );
    assert_eq!(failure.limit, Some(Limit::Wall));
}

#[tokio::test]
async fn spinning_in_the_start_function_counts_too() {
    let guest =
        Guest { rest: format!("(global $n (mut i32) (i32.const 0)) (func $s {SPIN}) (start $s)"), ..Guest::default() };
    let host = Host::new();
    let started = Instant::now();
    let error = host.load(&guest, "[limits]\ncpu-ms = 100").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "acme 1.4.0, describe: CPU limit of 100 ms reached. Setting: plugins.acme.limits.cpu-ms"
    );
    assert!(started.elapsed() < SOON);
    still_serves(&host).await;
}

#[tokio::test]
async fn many_spinning_guests_starve_nobody() {
    let host = Host::new();
    host.load(&Guest::running(SPIN), "[limits]\ncpu-ms = 60000\nwall-ms = 2000").await.unwrap();
    let host = std::sync::Arc::new(host);
    let spin = |_| {
        let host = std::sync::Arc::clone(&host);
        tokio::spawn(async move { failed(host.perform().await) })
    };
    let spinning: Vec<_> = (0..8).map(spin).collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    still_serves(&host).await;
    let served = started.elapsed();
    assert!(spinning.iter().all(|guest| !guest.is_finished()), "nothing was spinning any more");
    assert!(served < Duration::from_millis(1200), "{served:?}");
    for guest in spinning {
        assert_eq!(guest.await.unwrap().limit, Some(Limit::Wall));
    }
}

#[tokio::test]
async fn growing_memory_ends_at_the_limit() {
    let run = "(loop $l (drop (memory.grow (i32.const 16))) (br $l)) unreachable";
    let failure = loses(Guest::running(run), "[limits]\nmemory-mib = 8", SOON).await;
    assert_eq!(
        failure.message,
        "acme 1.4.0, run: memory limit of 8 MiB reached (asked for 9). Setting: plugins.acme.limits.memory-mib"
    );
    assert_eq!((failure.fault, failure.limit), (Fault::Exhausted, Some(Limit::Memory)));
}

#[tokio::test]
async fn a_memory_that_begins_too_large_is_refused() {
    for (pages, limit) in [("1024", 32), ("4096", 128)] {
        let guest = Guest { memory: pages, ..Guest::default() };
        let error = Host::new().load(&guest, &format!("[limits]\nmemory-mib = {limit}")).await.unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with(&format!("acme 1.4.0, describe: memory limit of {limit} MiB reached")),
            "{message}"
        );
    }
}

#[tokio::test]
async fn growing_a_table_ends_at_the_limit() {
    let guest = Guest {
        rest: "(table $t 1 funcref)".to_owned(),
        ..Guest::running("(loop $l (drop (table.grow $t (ref.null func) (i32.const 5000))) (br $l)) unreachable")
    };
    let failure = loses(guest, "", SOON).await;
    assert_eq!(failure.message, "acme 1.4.0, run: table limit of 20000 elements reached (asked for 20001).");
    assert_eq!(failure.limit, Some(Limit::Table));
}

#[tokio::test]
async fn recursion_ends_at_the_stack_limit() {
    let failure = loses(Guest::running("(call $run (local.get $in))"), "", SOON).await;
    assert_eq!(failure.message, "acme 1.4.0, run: stack limit of 512 KiB reached: the guest recurses too deeply.");
    assert_eq!(failure.limit, Some(Limit::Stack));
}

#[tokio::test]
async fn a_flood_of_logs_ends_at_the_limit() {
    let run = "(loop $l (call $host (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 0) (i32.const 0)) (br $l)) unreachable";
    let failure = loses(Guest::logging(run), "[limits]\nlog-kib = 64", SOON).await;
    assert_eq!(failure.message, "acme 1.4.0, run: log limit of 64 KiB reached. Setting: plugins.acme.limits.log-kib");
    assert_eq!(failure.limit, Some(Limit::Log));
}

#[tokio::test]
async fn a_flood_of_output_ends_at_the_limit_and_what_fits_is_printed() {
    let host = Host::new();
    let run = "(loop $l (call $host (i32.const 0) (i32.const 0) (i32.const 1000)) (br $l)) unreachable";
    host.load(&Guest::printing(run), "[limits]\noutput-kib = 10").await.unwrap();
    let failure = failed(host.perform().await);
    assert_eq!(
        failure.message,
        "acme 1.4.0, run: output limit of 10 KiB reached. Setting: plugins.acme.limits.output-kib"
    );
    assert_eq!(failure.limit, Some(Limit::Output));
    assert_eq!(host.sink.len(), 10 * 1024);
}

#[tokio::test]
async fn a_huge_print_or_result_does_not_pass() {
    let message = "acme 1.4.0, run: more than 4096 KiB passed between host and guest in one go; larger data goes by file or blob.";
    let grow = "(drop (memory.grow (i32.const 160)))";
    let print = Guest::printing(&format!("{grow} (call $host (i32.const 0) (i32.const 0) (i32.const 5000000)) {DONE}"));
    // Done, with one output whose value is five million bytes.
    let result = Guest::running(&format!(
        "{grow} (i32.store (i32.const 520) (i32.const 1024)) (i32.store (i32.const 524) (i32.const 1))
         (i32.store (i32.const 1032) (i32.const 0)) (i32.store (i32.const 1036) (i32.const 5000000)) {DONE}"
    ));
    for guest in [print, result] {
        let failure = loses(guest, "", SOON).await;
        assert_eq!((failure.message.as_str(), failure.limit), (message, Some(Limit::Output)));
    }
}

#[tokio::test]
async fn random_bytes_and_metrics_are_counted() {
    let run = "(loop $l (call $host (i32.const 4096) (i32.const 1024)) (br $l)) unreachable";
    let random = Guest::calling("random", "bytes", "i32 i32", run);
    let failure = loses(random, "", SOON).await;
    assert_eq!(failure.message, "acme 1.4.0, run: limit of 1048576 random bytes in one call reached.");
    assert_eq!(failure.limit, Some(Limit::HostCalls));
    let run = "(loop $l (call $host (i32.const 16) (i32.const 4) (i64.const 1) (i32.const 0) (i32.const 0)) (br $l)) unreachable";
    let metrics = Guest::calling("metrics", "add", "i32 i32 i64 i32 i32", run);
    let failure = loses(metrics, "", SOON).await;
    assert_eq!(failure.message, "acme 1.4.0, run: limit of 1000 metric points in one call reached.");
}

#[tokio::test]
async fn a_panic_names_plugin_function_message_and_place() {
    let line = "panicked at src/lib.rs:88:5: index out of bounds";
    let run = format!(
        "(call $host (i32.const 4) (i32.const 700) (i32.const {}) (i32.const 900) (i32.const 1)) unreachable",
        line.len()
    );
    let guest = Guest {
        rest: format!(
            r#"(data (i32.const 700) "{line}") (data (i32.const 800) "panictrue")
               (data (i32.const 900) "\20\03\00\00\05\00\00\00\25\03\00\00\04\00\00\00")"#
        ),
        ..Guest::logging(&run)
    };
    let failure = loses(guest, "", SOON).await;
    assert_eq!(failure.message, "acme 1.4.0 panicked in run: \"index out of bounds\", src/lib.rs:88.");
    assert_eq!((failure.fault, failure.limit), (Fault::Failed, None));
}

#[tokio::test]
async fn a_trap_without_words_names_the_function() {
    let guest = Guest {
        rest: "(func $divide_by_nothing (result i32) (i32.div_u (i32.const 1) (i32.const 0)))".to_owned(),
        ..Guest::running("(call $divide_by_nothing)")
    };
    let failure = loses(guest, "", SOON).await;
    assert_eq!(failure.message, "acme 1.4.0 trapped in run: integer divide by zero, in `divide_by_nothing`.");
}

#[tokio::test]
async fn a_guest_that_does_not_stop_is_stopped() {
    for (urgency, bound) in
        [(Urgency::AtOnce, Duration::from_millis(1000)), (Urgency::Gracefully, Duration::from_secs(4))]
    {
        let host = Host::new();
        host.load(&Guest::running(SPIN), "[limits]\ncpu-ms = 60000").await.unwrap();
        let started = Instant::now();
        host.stop.raise(urgency);
        let failure = failed(host.perform().await);
        assert_eq!((failure.fault, failure.message.as_str()), (Fault::Cancelled, "acme 1.4.0, run: stopped"));
        assert!(started.elapsed() < bound, "{urgency:?} took {:?}", started.elapsed());
    }
}
