//! `wasi.run`: programs of strangers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pintle_plane::executor::{Failure, Fault, Limit, Task};
use pintle_runtime::{Compiler, Executors, FilesGrant, FilesRoot, GrantPolicy, Settings};

use crate::fakes::{Host, Kept, Programs, Stop, done, failed};
use crate::guest::component;

const IMPORTS: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"#;

/// A preview-1 program with this `_start`.
fn program(start: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module {IMPORTS} (memory (export "memory") 1)
          (data (i32.const 100) "hello\n") (data (i32.const 200) "secret")
          (func $print (param $from i32) (param $length i32)
            (i32.store (i32.const 0) (local.get $from)) (i32.store (i32.const 4) (local.get $length))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
          (func $start (export "_start") {start}))"#
    ))
    .unwrap()
}

fn host(program: &[u8]) -> Host {
    let host = Host::new();
    std::fs::write(host.dir.path().join("p.wasm"), program).unwrap();
    host
}

async fn fails(start: &str, with: &str) -> Failure {
    let host = host(&program(start));
    let input = format!(r#"{{"path":"p.wasm"{with}}}"#);
    let started = Instant::now();
    let failure = failed(host.perform_task(host.task("wasi.run", &input)).await);
    assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());
    failure
}

#[tokio::test]
async fn a_module_prints_and_its_exit_code_counts() {
    let host = host(&program("(call $print (i32.const 100) (i32.const 6)) (call $exit (i32.const 7))"));
    assert_eq!(done(host.perform_task(host.task("wasi.run", r#"{"path":"p.wasm"}"#)).await), Some(7));
    assert_eq!(host.sink.text(), "hello\n");
    assert_eq!(done(host.perform_task(host.task("wasi.run", r#"{"path":"p.wasm"}"#)).await), Some(7));
}

#[tokio::test]
async fn a_component_of_wasi_0_2_runs() {
    let wit = "package test:guest; world guest { export wasi:cli/run@0.2.0; }
               package wasi:cli@0.2.0 { interface run { run: func() -> result; } }";
    for (answer, code) in [(0, 0), (1, 1)] {
        let module = format!(r#"(module (func (export "wasi:cli/run@0.2.0#run") (result i32) (i32.const {answer})))"#);
        let host = host(&component(&module, wit));
        assert_eq!(done(host.perform_task(host.task("wasi.run", r#"{"path":"p.wasm"}"#)).await), Some(code));
    }
}

#[tokio::test]
async fn each_limit_has_its_own_message() {
    let spin = "(loop $l (br $l))";
    let failure = fails(spin, r#","limits":{"cpu_ms":100}"#).await;
    assert_eq!(failure.message, "wasi.run p.wasm: CPU limit of 100 ms reached. Setting: with.limits.cpu_ms");
    assert_eq!((failure.fault, failure.limit), (Fault::Exhausted, Some(Limit::Cpu)));

    let failure = fails(spin, r#","limits":{"wall_ms":100}"#).await;
    assert_eq!(failure.message, "wasi.run p.wasm: wall time limit of 100 ms reached. Setting: with.limits.wall_ms");
    assert_eq!(failure.limit, Some(Limit::Wall));

    let grow = "(loop $l (drop (memory.grow (i32.const 16))) (br $l))";
    let failure = fails(grow, r#","limits":{"memory_mib":5}"#).await;
    assert_eq!(
        failure.message,
        "wasi.run p.wasm: memory limit of 5 MiB reached (asked for 6). Setting: with.limits.memory_mib"
    );
    assert_eq!(failure.limit, Some(Limit::Memory));

    let flood = "(loop $l (call $print (i32.const 0) (i32.const 1000)) (br $l))";
    let failure = fails(flood, r#","limits":{"output_kib":20}"#).await;
    assert_eq!(failure.message, "wasi.run p.wasm: output limit of 20 KiB reached. Setting: with.limits.output_kib");
    assert_eq!(failure.limit, Some(Limit::Output));

    let failure = fails("(call $start)", "").await;
    assert_eq!(failure.message, "wasi.run p.wasm: stack limit of 512 KiB reached: the guest recurses too deeply.");
}

#[tokio::test]
async fn a_trap_is_told_and_bad_input_too() {
    let failure = fails("unreachable", "").await;
    assert_eq!(failure.message, "wasi.run p.wasm trapped: wasm `unreachable` instruction executed, in `start`.");
    for (with, message) in [
        (r#","limits":{"cpu":1}"#, "unknown field `cpu`"),
        (r#","limits":{"memory_mib":0}"#, "limits.memory_mib is 0; write 1 to 4096"),
        (r#","limits":{"cpu_ms":0}"#, "limits.cpu_ms is 0; write at least 1"),
        (r#","dirs":[{"host":"nowhere"}]"#, "/nowhere`, cannot be used: No such file or directory"),
    ] {
        let failure = fails("", with).await;
        assert!(failure.message.contains(message), "{}", failure.message);
    }
    for (with, message) in [
        (r#","args":["a\u0000b"]"#, "wasi.run: an argument or variable holds a NUL byte"),
        (r#","env":{"A":"a\u0000b"}"#, "wasi.run: an argument or variable holds a NUL byte"),
        (r#","limits":{"output_kib":0}"#, "wasi.run: limits.output_kib is 0; write at least 1"),
    ] {
        assert_eq!(fails("", with).await.message, message);
    }
    let told = async |program: &[u8]| {
        let host = host(program);
        let failure = failed(host.perform_task(host.task("wasi.run", r#"{"path":"p.wasm"}"#)).await);
        assert_eq!(failure.fault, Fault::Invalid, "{}", failure.message);
        failure.message
    };
    let said = told(b"#!/bin/sh\n").await;
    assert!(said.ends_with("/p.wasm` is not WebAssembly"), "{said}");
    let said = told(b"\x7fELF\x02\x01\x01").await;
    assert!(said.ends_with("/p.wasm` is precompiled native code; give the .wasm file"), "{said}");
    let said = told(b"\0asm\x01\0\0\0\xff").await;
    assert!(said.contains("/p.wasm` is not valid WebAssembly: "), "{said}");
    let said = told(&wat::parse_str("(module)").unwrap()).await;
    assert!(said.ends_with("/p.wasm` cannot be run: it exports no `_start`: it is not a command"), "{said}");
    let said = told(&wat::parse_str(r#"(module (import "env" "f" (func)) (func (export "_start")))"#).unwrap()).await;
    let wanted = "/p.wasm` cannot be run: it imports `env::f`, which is not part of WASI preview 1: build it for that";
    assert!(said.ends_with(wanted), "{said}");
}

#[tokio::test]
async fn a_program_that_wants_threads_pipes_or_streams_is_refused_by_name() {
    let start = r#"(func (export "_start"))"#;
    let threads = "wants threads, which are not offered: build it for one thread";
    let import = |name: &str| {
        format!("cannot be run: it imports `{name}`, which is not part of WASI preview 1: build it for that")
    };
    for (program, wanted) in [
        (format!("(module (memory 1 1 shared) {start})"), threads.to_owned()),
        (format!(r#"(module (import "env" "memory" (memory 1 1 shared)) {start})"#), threads.to_owned()),
        (
            format!(r#"(module (import "wasi" "thread-spawn" (func (param i32) (result i32))) {start})"#),
            import("wasi::thread-spawn"),
        ),
        (
            format!(r#"(module (import "wasix_32v1" "fd_pipe" (func (param i32 i32) (result i32))) {start})"#),
            import("wasix_32v1::fd_pipe"),
        ),
        (
            "(component (type (stream u8)))".to_owned(),
            "wants streams or futures, which are not offered: build it for WASI 0.2".to_owned(),
        ),
    ] {
        let host = host(&wat::parse_str(&program).unwrap());
        let failure = failed(host.perform_task(host.task("wasi.run", r#"{"path":"p.wasm"}"#)).await);
        assert_eq!(failure.fault, Fault::Invalid, "{program}");
        let path = host.dir.path().join("p.wasm").canonicalize().unwrap();
        assert_eq!(failure.message, format!("wasi.run: `{}` {wanted}", path.display()), "{program}");
    }
}

#[tokio::test]
async fn only_mapped_directories_exist() {
    // Opens "secret" in the first preopened directory (3) and exits with the answer.
    let open = "(call $exit (call $open (i32.const 3) (i32.const 0) (i32.const 200) (i32.const 6) (i32.const 0)
                (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))";
    let host = host(&program(open));
    let dir = host.dir.path().join("data");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("secret"), "x").unwrap();
    let ask = async |with: &str| {
        done(host.perform_task(host.task("wasi.run", &format!(r#"{{"path":"p.wasm"{with}}}"#))).await)
    };
    assert_eq!(ask(r#","dirs":[{"host":"data","guest":"/d","read_only":true}]"#).await, Some(0));
    assert_ne!(ask("").await, Some(0), "a file was opened without a directory");
}

#[tokio::test]
async fn a_dry_run_runs_no_program() {
    let host = host(&program("(call $print (i32.const 100) (i32.const 6))"));
    let task = Task { dry_run: true, ..host.task("wasi.run", r#"{"path":"p.wasm"}"#) };
    let failure = failed(host.perform_task(task).await);
    assert_eq!(failure.fault, Fault::Denied);
    assert_eq!(failure.message, "wasi.run: this is a dry run: p.wasm is not run");
    assert_eq!(host.sink.text(), "");
}

/// A host that grants `wasi.run` these files, and nothing else to anybody.
fn granting(files: impl FnOnce(&Path) -> Option<FilesGrant>) -> Host {
    let dir = tempfile::tempdir().unwrap();
    let policy = GrantPolicy { wasi_run: files(dir.path()), ..GrantPolicy::sandbox() };
    let programs = Arc::new(Programs::default());
    let settings = Settings::below(dir.path(), Compiler::InProcess, Arc::clone(&programs) as _);
    let executors = Executors::new(settings, &policy, &[]).unwrap();
    std::fs::write(dir.path().join("p.wasm"), program("")).unwrap();
    Host { dir, executors, programs, sink: Kept::default().into(), stop: Stop::default().into() }
}

#[tokio::test]
async fn what_lies_beneath_no_root_that_fits_is_denied() {
    let host = granting(|dir| {
        let path = dir.join("data");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("q.wasm"), program("")).unwrap();
        let root = FilesRoot { path: path.canonicalize().unwrap(), read_only: true };
        Some(FilesGrant { roots: BTreeMap::from([("data".to_owned(), root)]) })
    });
    for (with, wanted) in [
        (r#"{"path":"p.wasm"}"#, "wasi.run: `p.wasm` is not granted for reading"),
        (r#"{"path":"data/q.wasm","dirs":[{"host":"data"}]}"#, "wasi.run: `data` is not granted for writing"),
    ] {
        let failure = failed(host.perform_task(host.task("wasi.run", with)).await);
        assert_eq!((failure.fault, failure.message.as_str()), (Fault::Denied, wanted));
    }
    let read = r#"{"path":"data/q.wasm","dirs":[{"host":"data","read_only":true}]}"#;
    assert_eq!(done(host.perform_task(host.task("wasi.run", read)).await), Some(0));
}

#[tokio::test]
async fn a_sandbox_refuses_it() {
    let host = granting(|_| None);
    let failure = failed(host.perform_task(host.task("wasi.run", r#"{"path":"p.wasm"}"#)).await);
    assert_eq!(failure.fault, Fault::Denied);
    assert_eq!(failure.message, "wasi.run is not granted in a sandbox; leave out --sandbox, or grant it files");
}
