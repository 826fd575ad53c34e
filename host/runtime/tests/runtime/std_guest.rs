//! Guests that are built against Rust's standard library: as a plugin they find an inert WASI, as a program of
//! `wasi.run` what their step gives them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pintle_core::time::Span;
use pintle_plane::executor::{Fault, Limit, Performed};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span;
use wit_component::StringEncoding;

use crate::fakes::{Host, done, failed};
use crate::guest::world;

/// Builds `std_guest/NAME.rs` by the compiler of this workspace.
fn built(name: &str, target: &str, more: impl FnOnce(&mut Command)) -> Vec<u8> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    let wasm = dir.path().join("guest.wasm");
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.current_dir(&manifest).arg(manifest.join(format!("tests/runtime/std_guest/{name}.rs")));
    rustc.args(["--edition", "2021", "--target", target, "-Copt-level=s", "-Cstrip=debuginfo", "--cap-lints=allow"]);
    more(rustc.arg("-o").arg(&wasm));
    let ended = rustc.output().expect("rustc is there: cargo has just used it");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{name} was not built; `cargo xtask setup` adds {target}:\n{told}");
    std::fs::read(wasm).unwrap()
}

/// The plugin, doing one of the things that its `act` can do.
fn plugin(does: &str) -> Vec<u8> {
    let (resolve, world) = world(
        "package test:guest;
         world guest { export pintle:core/plugin@0.1.0; export pintle:executor/executor@0.1.0; }",
    );
    let section = wit_component::metadata::encode(&resolve, world, StringEncoding::UTF8, None).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, section).unwrap();
    built("plugin", "wasm32-wasip2", |rustc| {
        rustc.args(["--crate-type=cdylib", "--crate-name=acme", "--cfg", &format!("does=\"{does}\"")]);
        rustc.env("GUEST_WORLD", file.path());
    })
}

/// What plugins logged in this process.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<String>>);

impl Logged {
    /// From now on.
    fn here() -> &'static Self {
        static LOGGED: OnceLock<Logged> = OnceLock::new();
        LOGGED.get_or_init(|| {
            let logged = Self::default();
            tracing::subscriber::set_global_default(logged.clone()).unwrap();
            logged
        })
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl tracing::Subscriber for Logged {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "plugin"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Line(&mut self.0.lock().unwrap()));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?}\n"));
    }
}

#[tokio::test]
async fn a_plugin_finds_nothing_of_the_host_but_its_clock() {
    let logged = Logged::here();
    let host = Host::new();
    host.load_bytes(plugin("look"), "").await.unwrap();
    std::fs::write(host.dir.path().join("here.txt"), "the step's").unwrap();
    let mut task = host.task("acme.do", "{}");
    task.env = vec![("A".to_owned(), "b".to_owned())];
    let Performed::Done { outputs, .. } = host.perform_task(task).await else { panic!("it failed") };
    let mut met: Value = serde_json::from_str(&outputs[0].1).unwrap();
    let mut number = |name: &str| met.as_object_mut().unwrap().remove(name).unwrap().as_u64().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(now.abs_diff(number("now")) < 60, "the clock of `call.unix-ms` is no secret");
    assert!(number("slept") >= 20, "it did not sleep");
    assert_eq!(
        met,
        json!({
            "variables": 0, "arguments": 0, "input": 0, "random": 100,
            "file": false, "relative": false, "written": false, "listed": false, "program": false, "thread": false,
        })
    );
    assert_eq!(host.sink.len(), 0, "the step printed: {}", host.sink.text());
    let logged = logged.text();
    assert!(logged.contains("message=printed\n") && logged.contains("message=printed too\n"), "{logged}");
    assert!(logged.contains("plugin=\"acme\"\n") && logged.contains("step=\"run-1/step\"\n"), "{logged}");
}

#[tokio::test]
async fn what_a_plugin_prints_is_charged_to_its_log() {
    let host = Host::new();
    host.load_bytes(plugin("print"), "[limits]\nlog-kib = 64\ncpu-ms = 60000").await.unwrap();
    let failure = failed(host.perform().await);
    assert_eq!(failure.message, "acme 1.4.0, run: log limit of 64 KiB reached. Setting: plugins.acme.limits.log-kib");
    assert_eq!((failure.fault, failure.limit), (Fault::Exhausted, Some(Limit::Log)));
}

#[tokio::test]
async fn a_plugin_that_sleeps_costs_nothing_and_ends_with_its_step() {
    let host = Host::new();
    host.load_bytes(plugin("sleep"), "[limits]\ncpu-ms = 100").await.unwrap();
    let mut task = host.task("acme.do", "{}");
    task.remaining = Some(Span(500));
    let started = Instant::now();
    let failure = failed(host.perform_task(task).await);
    assert_eq!(failure.limit, Some(Limit::Wall), "{failure:?}");
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(500) && took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_plugin_that_would_open_a_socket_is_not_loaded() {
    let refused = Host::new().load_bytes(plugin("connect"), "").await.unwrap_err().to_string();
    let tcp = "which no plugin gets; want pintle:host/http or pintle:host/tcp instead.";
    for line in refused.lines() {
        assert!(line.starts_with("acme 1.4.0 imports wasi:sockets/") && line.ends_with(tcp), "{line}");
    }
    assert!(refused.contains("imports wasi:sockets/tcp@0.2."), "{refused}");
}

#[tokio::test]
async fn a_plugin_that_panics_or_leaves_fails_its_step_alone() {
    for (does, message) in [
        ("panic", "acme 1.4.0 trapped in run: wasm `unreachable` instruction executed"),
        ("exit", "acme 1.4.0 trapped in run: Exited with i32 exit status"),
    ] {
        let host = Host::new();
        host.load_bytes(plugin(does), "").await.unwrap();
        for _ in 0..2 {
            let failure = failed(host.perform().await);
            assert_eq!((failure.fault, failure.limit), (Fault::Failed, None));
            assert!(failure.message.starts_with(message), "{}", failure.message);
        }
    }
}

#[tokio::test]
async fn a_program_gets_what_its_step_gives_it_and_reaches_no_more() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // A component of WASI 0.2 can say that it failed, but not how.
    for (target, code) in [("wasm32-wasip1", 7), ("wasm32-wasip2", 1)] {
        let host = Host::new();
        std::fs::write(host.dir.path().join("p.wasm"), built("command", target, |_| ())).unwrap();
        let data = host.dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("in.txt"), "read").unwrap();
        let with = |read_only: bool| {
            json!({
                "path": "p.wasm", "args": [address, "two words"], "env": { "A": "b" }, "stdin": "typed",
                "dirs": [{ "host": "data", "guest": "/data", "read_only": read_only }],
            })
        };
        let given = format!("[\"p.wasm\", \"{address}\", \"two words\"] [(\"A\", \"b\")] \"typed\"\nSome(\"read\")\n");
        let reached = "false\nfalse\nfalse\nfalse\n";
        for (read_only, written) in [(true, "false\n"), (false, "true\n")] {
            let before = host.sink.len();
            let performed = host.perform_task(host.task("wasi.run", &with(read_only).to_string())).await;
            assert_eq!(done(performed), Some(code), "{target}");
            assert_eq!(&host.sink.text()[before..], format!("{given}{written}{reached}"), "{target}");
            assert_eq!(data.join("out.txt").exists(), !read_only);
        }
    }
}
