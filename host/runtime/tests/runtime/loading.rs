//! What is not loaded, and why; what a plugin leaves behind when it is.

use std::path::PathBuf;

use pintle_core::plugin::Repeats;
use pintle_runtime::{Compiler, Grants, Manifest};

use crate::fakes::{Host, Programs, done};
use crate::guest::{Guest, component, manifest};

async fn refused(file: &str, bytes: Vec<u8>, manifest: &Manifest, grants: Grants) -> String {
    Host::new().executors.load(file, bytes, manifest, grants).await.unwrap_err().to_string()
}

#[tokio::test]
async fn files_that_are_no_components_are_refused_by_name() {
    let manifest = manifest("");
    let module = wat::parse_str("(module)").unwrap();
    for (file, bytes, message) in [
        (
            "provider.cwasm",
            b"\x7fELF-something".to_vec(),
            "provider.cwasm is precompiled native code; give the .wasm component.",
        ),
        (
            "provider.wasm",
            b"\x7fELF-something".to_vec(),
            "provider.wasm is precompiled native code; give the .wasm component.",
        ),
        (
            "provider.wasm",
            module,
            "provider.wasm is a core module, not a component: pintle plugin build, or wasm-tools component new.",
        ),
        (
            "provider.wasm",
            b"hello".to_vec(),
            "provider.wasm is not a valid WebAssembly component: it does not begin as WebAssembly does",
        ),
    ] {
        assert_eq!(refused(file, bytes, &manifest, Grants::none()).await, message);
    }
    let mut broken = Guest::default().build();
    broken.truncate(200);
    let message = refused("provider.wasm", broken, &manifest, Grants::none()).await;
    assert!(message.starts_with("provider.wasm is not a valid WebAssembly component: "), "{message}");
}

#[tokio::test]
async fn every_fault_of_a_component_is_listed_at_once() {
    let guest = Guest {
        imports: vec!["process"],
        core_imports: r#"(import "pintle:host/process@0.1.0" "run" (func $p (param i32 i32)))"#.to_owned(),
        ..Guest::running("(call $p (i32.const 0) (i32.const 0)) unreachable")
    };
    let asks = manifest("[wants.http]\nrequired = true\nreason = \"talks to the API\"\n[limits]\nmemory-mib = 500");
    assert_eq!(
        refused("acme.wasm", guest.build(), &asks, Grants::none()).await,
        "acme 1.4.0 wants 500 MiB of memory; at most 128 are given. Setting: plugins.max-memory-mib\n\
         acme 1.4.0 wants http (talks to the API), which is not granted. Approve: pintle plugin grant acme --http ORIGIN\n\
         acme 1.4.0 imports pintle:host/process but its manifest does not want it: add [wants.process]."
    );
}

#[tokio::test]
async fn a_component_of_another_world_is_refused() {
    let other = component("(module (func (export \"f\")))", "package test:guest; world guest { export f: func(); }");
    assert_eq!(
        refused("acme.wasm", other, &manifest(""), Grants::none()).await,
        "acme 1.4.0 is of kind executor but does not export pintle:core/plugin@0.1.0; export it, or change `kind` in plugin.toml.\n\
         acme 1.4.0 is of kind executor but does not export pintle:executor/executor@0.1.0; export it, or change `kind` in plugin.toml."
    );
}

#[tokio::test]
async fn an_undeclared_import_of_a_stranger_is_refused() {
    let wit = "package test:guest; interface door { open: func(); } world guest { import door; export f: func(); }";
    let module = r#"(module (import "test:guest/door" "open" (func $o)) (func (export "f") (call $o)))"#;
    let message = refused("acme.wasm", component(module, wit), &manifest(""), Grants::none()).await;
    assert!(message.starts_with("acme 1.4.0 imports test:guest/door, which no plugin gets."), "{message}");
}

#[tokio::test]
async fn name_and_version_must_be_the_manifests() {
    let text =
        "manifest = 1\nname = \"acme\"\nversion = \"1.5.0\"\nkind = \"executor\"\n[component]\nfile = \"a.wasm\"";
    let later = Manifest::parse(text, "plugin.toml").unwrap();
    assert_eq!(
        refused("acme.wasm", Guest::default().build(), &later, Grants::none()).await,
        "acme 1.5.0: the component calls itself acme 1.4.0; make name and version equal in plugin.toml and in the component."
    );
    let packed = manifest(&format!("sha256 = \"{}\"", "0".repeat(64)));
    let message = refused("acme.wasm", Guest::default().build(), &packed, Grants::none()).await;
    assert!(message.starts_with("acme 1.4.0: the component's SHA-256 is "), "{message}");
    let wanted = format!(", the manifest says {}. Pack it again: pintle plugin pack", "0".repeat(64));
    assert!(message.ends_with(&wanted), "{message}");
}

#[tokio::test]
async fn a_kind_that_is_not_run_here_is_refused() {
    let text = "manifest = 1\nname = \"acme\"\nversion = \"1.4.0\"\nkind = \"policy\"\n[component]\nfile = \"a.wasm\"";
    let policy = Manifest::parse(text, "plugin.toml").unwrap();
    assert_eq!(
        refused("acme.wasm", Guest::default().build(), &policy, Grants::none()).await,
        "acme 1.4.0: kind `policy` is not run by this version of Pintle; it runs `executor`"
    );
}

#[tokio::test]
async fn a_want_that_gives_no_reason_is_told_as_that() {
    let asks = manifest("[wants.http]\nrequired = true");
    assert_eq!(
        refused("acme.wasm", Guest::default().build(), &asks, Grants::none()).await,
        "acme 1.4.0 wants http (no reason given), which is not granted. Approve: pintle plugin grant acme --http ORIGIN"
    );
}

#[tokio::test]
async fn an_interface_that_is_exported_by_name_alone_is_refused() {
    let hollow = wat::parse_str(
        r#"(component
          (component $empty)
          (instance $nothing (instantiate $empty))
          (export "pintle:core/plugin@0.1.0" (instance $nothing))
          (export "pintle:executor/executor@0.1.0" (instance $nothing)))"#,
    );
    let message = refused("acme.wasm", hollow.unwrap(), &manifest(""), Grants::none()).await;
    let wanted = "acme 1.4.0 does not fit this pintle: instance export `pintle:";
    assert!(message.starts_with(wanted), "{message}");
}

#[tokio::test]
async fn a_second_owner_of_an_action_is_refused_and_the_row_is_complete() {
    let host = Host::new();
    host.load(&Guest::default(), "").await.unwrap();
    let row = host.executors.staged().into_iter().find(|row| row.name == "acme").unwrap();
    assert_eq!((row.version.as_str(), row.config_schema.as_str()), ("1.4.0", "{}"));
    assert_eq!((row.actions[0].name.as_str(), row.actions[0].repeats), ("acme.do", Repeats::UnsafeToRepeat));
    assert_eq!(done(host.perform().await), None);
    let error = host.load(&Guest::default(), "").await.unwrap_err();
    assert_eq!(error.to_string(), "acme 1.4.0: action `acme.do` belongs to acme 1.4.0");
    assert!(host.executors.staged().iter().any(|row| row.actions[0].name == "wasi.run"));
}

/// The compiler of these tests is the staging tool, which is built beside them.
fn child(memory_mib: u64, cpu_seconds: u64) -> Compiler {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_pintle-stage"));
    Compiler::Child { program, arguments: Vec::new(), memory_mib, cpu_seconds }
}

#[tokio::test]
async fn a_child_process_compiles() {
    let host = Host::with(Programs::default(), child(2048, 60));
    host.load(&Guest::default(), "").await.unwrap();
    assert_eq!(done(host.perform().await), None);
    let other = Host::with(Programs::default(), child(2048, 60));
    let broken = vec![0, b'a', b's', b'm', 13, 0, 1, 0, 9];
    let refused = other.executors.load("acme.wasm", broken, &manifest(""), Grants::none()).await;
    let message = refused.unwrap_err().to_string();
    assert!(message.starts_with("acme.wasm is not a valid WebAssembly component: "), "{message}");
}

/// One function that takes a compiler very long.
fn bomb() -> Vec<u8> {
    let blocks = 30_000;
    let run = format!(
        "(local $a i32) {} {} {}",
        "(block ".repeat(200),
        "(local.set $a (i32.add (i32.mul (local.get $a) (local.get $in)) (i32.load (local.get $a)))) (br_if 3 (local.get $a)) (br_if 190 (local.get $in))".repeat(blocks),
        ")".repeat(200)
    );
    Guest::running(&format!("{run} (i32.const 512)")).build()
}

#[tokio::test]
async fn a_compile_bomb_ends_at_the_compilers_limits() {
    let bomb = bomb();
    for (compiler, message) in [
        (child(4096, 1), "acme.wasm was not compiled: compilation took more than 1 s of CPU time"),
        (child(160, 60), "acme.wasm was not compiled: compilation took more than 160 MiB of memory"),
    ] {
        let host = Host::with(Programs::default(), compiler);
        let refused = host.executors.load("acme.wasm", bomb.clone(), &manifest(""), Grants::none()).await;
        assert_eq!(refused.unwrap_err().to_string(), message);
    }
}

#[tokio::test]
async fn a_missing_compiler_is_named() {
    let host = Host::with(Programs::default(), Compiler::child(PathBuf::from("/nowhere/pintle")));
    let message = host.load(&Guest::default(), "").await.unwrap_err().to_string();
    assert!(message.starts_with("the compiler `/nowhere/pintle` could not be run: "), "{message}");
}
