//! The limits of `src/limits.rs` that no hostile guest of `hostile.rs` reaches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pintle_plane::executor::{Fault, Limit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fakes::{Host, Programs, done, failed};
use crate::guest::{DONE, Guest, with_instances};
use crate::hostile::{SOON, SPIN, loses};

/// Redirects every request to itself. Answers its port and how many requests have come.
async fn circle() -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(redirect(stream, Arc::clone(&count)));
        }
    });
    (port, asked)
}

async fn redirect(mut stream: TcpStream, count: Arc<AtomicU64>) {
    let mut heard = Vec::new();
    while stream.read_buf(&mut heard).await.is_ok_and(|read| read > 0) {
        if heard.ends_with(b"\r\n\r\n") {
            heard.clear();
            count.fetch_add(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

/// A guest that runs this body, in which `(call $fetch)` asks for the address by GET and follows ten redirects.
fn fetching(port: u16, run: &str) -> Guest {
    let url = format!("http://127.0.0.1:{port}/");
    let parameters = ["i32"; 15].join(" ");
    let mut guest = Guest::calling("http", "fetch", &parameters, run);
    // Method, url; no headers, credentials, body or timeout; at most 100 bytes, ten redirects; the answer at 2048.
    guest.rest = format!(
        r#"(data (i32.const 700) "GET") (data (i32.const 720) "{url}")
           (func $fetch (call $host (i32.const 700) (i32.const 3) (i32.const 720) (i32.const {}) (i32.const 0) (i32.const 0)
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 100)
             (i32.const 10) (i32.const 2048)))"#,
        url.len()
    );
    guest
}

#[tokio::test]
async fn requests_are_counted_and_redirects_with_them() {
    let (port, asked) = circle().await;
    let flood = fetching(port, "(loop $l (call $fetch) (br $l)) unreachable");
    let failure = loses(flood, "[wants.http]\n[limits]\ncpu-ms = 60000", Duration::from_secs(20)).await;
    assert_eq!(failure.message, "acme 1.4.0, run: limit of 1000 requests in one call reached.");
    assert_eq!((failure.fault, failure.limit), (Fault::Exhausted, Some(Limit::HostCalls)));
    assert_eq!(asked.load(Ordering::SeqCst), 1000);
}

#[tokio::test]
async fn programs_are_counted() {
    let flood = Guest::starting("true", "(loop $l (call $start) (br $l)) unreachable");
    let host = Host::new();
    host.load(&flood, "[wants.process]\n[limits]\ncpu-ms = 60000").await.unwrap();
    let failure = failed(host.perform().await);
    assert_eq!(failure.message, "acme 1.4.0, run: limit of 10000 programs in one call reached.");
    assert_eq!((failure.fault, failure.limit), (Fault::UnknownOutcome, Some(Limit::HostCalls)));
    assert_eq!(host.programs.started.lock().unwrap().len(), 10_000);
}

#[tokio::test]
async fn what_a_program_prints_comes_back_cut_at_a_mebibyte() {
    // The guest asks for four gibibytes.
    let host = Host::new();
    host.load(&Guest::starting("true", &format!("(call $start) {DONE}")), "[wants.process]").await.unwrap();
    done(host.perform().await);
    assert_eq!(host.programs.started.lock().unwrap()[0].capture, 1024 * 1024);
}

const OPEN_HANDLES: &str = "acme 1.4.0, run: limit of 4096 open handles in one call reached.";

#[tokio::test]
async fn handles_of_a_guests_own_are_counted() {
    let flood = Guest {
        world: "export things: interface { resource thing; }",
        core_imports: r#"(import "[export]things" "[resource-new]thing" (func $new (param i32) (result i32)))"#
            .to_owned(),
        ..Guest::running("(loop $l (drop (call $new (i32.const 0))) (br $l)) unreachable")
    };
    let failure = loses(flood, "", SOON).await;
    assert_eq!((failure.message.as_str(), failure.limit), (OPEN_HANDLES, Some(Limit::HostCalls)));
}

#[tokio::test]
async fn handles_of_wasi_are_counted() {
    let flood = Guest {
        world: "import wasi:clocks/monotonic-clock@0.2.0;",
        packages: "package wasi:io@0.2.0 { interface poll { resource pollable; } }
                   package wasi:clocks@0.2.0 { interface monotonic-clock {
                     use wasi:io/poll@0.2.0.{pollable};
                     subscribe-duration: func(when: u64) -> pollable;
                   } }",
        core_imports: r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
                           (func $subscribe (param i64) (result i32)))"#
            .to_owned(),
        ..Guest::running("(loop $l (drop (call $subscribe (i64.const 1))) (br $l)) unreachable")
    };
    let failure = loses(flood, "", SOON).await;
    assert_eq!((failure.message.as_str(), failure.limit), (OPEN_HANDLES, Some(Limit::HostCalls)));
}

/// A module with this in it, in so many core instances beside the guest's own.
fn with(count: u8, content: &str) -> Vec<u8> {
    with_instances(Guest::default().build(), &format!("(module {content})"), count)
}

fn tables(count: usize) -> Vec<u8> {
    Guest { rest: "(table 1 funcref)".repeat(count), ..Guest::default() }.build()
}

#[tokio::test]
async fn parts_of_a_component_are_counted_when_it_is_loaded() {
    let refusal = |what: &str| Some(format!("acme 1.4.0, describe: {what}"));
    for (component, refused) in [
        (with(31, ""), None),
        (with(32, ""), refusal("limit of 32 core instances in one call reached.")),
        (with(3, "(memory 1)"), None),
        (with(4, "(memory 1)"), refusal("limit of 4 memories in one call reached.")),
        (tables(32), None),
        (tables(33), refusal("limit of 32 tables in one call reached.")),
        (with(1, "(table 20000 funcref)"), None),
        (with(1, "(table 20001 funcref)"), refusal("table limit of 20000 elements reached (asked for 20001).")),
        // 20 MiB each, beside the 128 KiB of the guest's own.
        (with(1, "(memory 320)"), None),
        (
            with(2, "(memory 320)"),
            refusal("memory limit of 32 MiB reached (asked for 41). Setting: plugins.acme.limits.memory-mib"),
        ),
    ] {
        let host = Host::new();
        let loaded = host.load_bytes(component, "").await.map_err(|error| error.to_string());
        assert_eq!(loaded.as_ref().err(), refused.as_ref());
        if loaded.is_ok() {
            assert_eq!(done(host.perform().await), None);
        }
    }
}

#[tokio::test]
async fn a_component_that_is_too_large_is_not_even_read() {
    let mut bytes = Guest::default().build();
    bytes.resize(64 * 1024 * 1024 + 1, 0);
    let refused = Host::new().load_bytes(bytes, "").await.unwrap_err();
    assert_eq!(refused.to_string(), "acme.wasm has 67108865 bytes; at most 67108864 are read.");
}

#[tokio::test]
async fn a_plugin_that_does_not_say_who_it_is_is_not_waited_for() {
    let guest = Guest { describe: SPIN.to_owned(), ..Guest::default() };
    let started = Instant::now();
    let refused = Host::new().load(&guest, "[limits]\ncpu-ms = 60000").await.unwrap_err();
    assert_eq!(refused.to_string(), "acme 1.4.0, describe: more than 5000 ms taken; a plugin says who it is at once.");
    assert!(started.elapsed() < Duration::from_secs(7), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_guests_error_is_cut_where_it_is_too_long_to_be_read() {
    // An error (1): fault 13 (failed), 10,000 bytes of NUL.
    let run = format!(
        "(i32.store8 (i32.const 512) (i32.const 1)) (i32.store8 (i32.const 516) (i32.const 13))
         (i32.store (i32.const 520) (i32.const 65536)) (i32.store (i32.const 524) (i32.const 10000)) {DONE}"
    );
    let host = Host::new();
    host.load(&Guest::running(&run), "").await.unwrap();
    let failure = failed(host.perform().await);
    assert_eq!((failure.fault, failure.message.len()), (Fault::Failed, 4096));
}

#[tokio::test]
async fn a_host_call_at_the_bottom_of_the_guests_stack_has_a_stack_of_its_own() {
    // Each 64th call of itself it sends a request, the last of them with next to nothing of its own stack left.
    let (port, asked) = circle().await;
    let mut guest = fetching(port, "(call $deeper (i32.const 0)) unreachable");
    guest.rest.push_str(
        "(func $deeper (param $depth i32)
           (if (i32.eqz (i32.rem_u (local.get $depth) (i32.const 64))) (then (call $fetch)))
           (call $deeper (i32.add (local.get $depth) (i32.const 1))))",
    );
    guest.rest = guest.rest.replace("(i32.const 10) (i32.const 2048)", "(i32.const 0) (i32.const 2048)");
    let failure = loses(guest, "[wants.http]\n[limits]\ncpu-ms = 60000", Duration::from_secs(20)).await;
    assert_eq!(failure.message, "acme 1.4.0, run: stack limit of 512 KiB reached: the guest recurses too deeply.");
    let asked = asked.load(Ordering::SeqCst);
    assert!(asked > 10, "only {asked} requests were sent on the way down");
}

#[tokio::test]
async fn memory_beyond_what_the_pool_holds_is_had_on_demand() {
    // 150 MiB more than it begins with; in the pool, 128 MiB are all there is.
    let grow = format!("(if (i32.eq (memory.grow (i32.const 2400)) (i32.const -1)) (then unreachable)) {DONE}");
    let host = Host::set(Programs::default(), pintle_runtime::Compiler::InProcess, |settings| {
        settings.max_memory_mib = 200;
    });
    host.load(&Guest::running(&grow), "[limits]\nmemory-mib = 200").await.unwrap();
    assert_eq!(done(host.perform().await), None);
}
