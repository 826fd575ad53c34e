//! What a guest is told when a host interface refuses: which thing, why, and what would allow it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use pintle_plane::BoxFuture;
use pintle_plane::output::Sink;
use pintle_plane::process::{ProcessError, ProcessExit, ProcessSpec, Processes};
use pintle_plane::stop::StopSignal;

use crate::bindings::host::{blobs, files, http, kv, process};
use crate::bindings::{GuestError, GuestFault, PageRequest, Pair};
use crate::blobs::digest_of;
use crate::call::blobs::CallBlobs;
use crate::call::state::CallState;
use crate::grants::{BlobsGrant, FilesGrant, FilesRoot, Grants, KvGrant, ProcessGrant, ProgramGrant};
use crate::host::testing::state;
use crate::http::grant::HttpGrant;
use crate::services::{Kv, KvCondition, KvEntry, KvError, KvScope, Services};

#[track_caller]
fn told<T: std::fmt::Debug>(answer: wasmtime::Result<Result<T, GuestError>>) -> (GuestFault, String) {
    let error = answer.unwrap().unwrap_err();
    (error.fault, error.message)
}

#[track_caller]
fn said<T: std::fmt::Debug>(answer: wasmtime::Result<Result<T, GuestError>>) -> String {
    told(answer).1
}

/// What refuses everything that the guest wants of the machine.
struct Refuses(ProcessError, KvError);

impl Processes for Refuses {
    fn run<'a>(
        &'a self,
        _: ProcessSpec,
        _: Arc<dyn Sink>,
        _: Arc<dyn StopSignal>,
    ) -> BoxFuture<'a, Result<ProcessExit, ProcessError>> {
        Box::pin(async { Err(self.0.clone()) })
    }
}

impl Kv for Refuses {
    fn get<'a>(&'a self, _: &'a KvScope, _: &'a str) -> BoxFuture<'a, Result<Option<KvEntry>, KvError>> {
        Box::pin(async { Err(self.1.clone()) })
    }

    fn put<'a>(
        &'a self,
        _: &'a KvScope,
        _: &'a str,
        _: Vec<u8>,
        _: KvCondition,
        _: Option<u32>,
    ) -> BoxFuture<'a, Result<u64, KvError>> {
        Box::pin(async { Err(self.1.clone()) })
    }

    fn remove<'a>(&'a self, _: &'a KvScope, _: &'a str, _: KvCondition) -> BoxFuture<'a, Result<(), KvError>> {
        Box::pin(async { Err(self.1.clone()) })
    }

    fn list<'a>(
        &'a self,
        _: &'a KvScope,
        _: &'a str,
        _: Option<&'a str>,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        Box::pin(async { Err(self.1.clone()) })
    }
}

fn invalid_program() -> ProcessError {
    ProcessError::Invalid("no program was named".to_owned())
}

/// A call that may do everything, on a machine that refuses it.
fn refusing(dir: &Path, process: ProcessError, kv: KvError) -> CallState {
    let grants = Grants {
        process: Some(ProcessGrant::Any),
        kv: Some(KvGrant { prefix: String::new(), bytes: 1 << 20 }),
        ..Grants::none()
    };
    let mut call = state(dir, grants, false);
    let machine = Arc::new(Refuses(process, kv));
    call.services = Arc::new(Services::new(machine.clone(), Some(machine), dir.join("blobs")));
    call
}

fn in_root(dir: &Path, dry_run: bool) -> CallState {
    std::fs::create_dir_all(dir.join("root/sub")).unwrap();
    let root = FilesRoot { path: dir.join("root"), read_only: false };
    let roots = BTreeMap::from([("data".to_owned(), root)]);
    let grants = Grants { files: Some(FilesGrant { roots }), blobs: Some(BlobsGrant {}), ..Grants::none() };
    state(dir, grants, dry_run)
}

#[test]
fn what_is_not_granted_is_told_with_the_line_that_would_allow_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = state(dir.path(), Grants::none(), false);
    let line = |capability: &str, option: &str| {
        format!("acme 1.4.0 has no grant for this use of {capability}. Approve: pintle plugin grant acme {option}")
    };
    assert_eq!(said(files::Host::read(&mut call, "a".to_owned(), 0, 1)), line("files", "--files a"));
    assert_eq!(said(blobs::Host::create(&mut call)), line("blobs", "--blobs"));
    assert_eq!(said(blobs::Host::append(&mut call, "blob-1".to_owned(), vec![])), line("blobs", "--blobs"));
    assert_eq!(said(blobs::Host::size(&mut call, "blob-1".to_owned())), line("blobs", "--blobs"));
    let mut call = in_root(dir.path(), false);
    assert_eq!(said(files::Host::read(&mut call, "other/a".to_owned(), 0, 1)), line("files", "--files other/a"));
    let mut sandboxed = state(dir.path(), Grants::sandbox(), false);
    assert_eq!(
        said(files::Host::read(&mut sandboxed, "a".to_owned(), 0, 1)),
        "acme 1.4.0 has no grant for this use of files: --sandbox takes it away. Leave out --sandbox to allow it"
    );
}

#[tokio::test]
async fn what_waits_and_is_not_granted_is_told_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = state(dir.path(), Grants::none(), false);
    let line = |capability: &str, option: &str| {
        format!("acme 1.4.0 has no grant for this use of {capability}. Approve: pintle plugin grant acme {option}")
    };
    assert_eq!(said(kv::Host::get(&mut call, "k".to_owned()).await), line("kv", "--kv"));
    assert_eq!(said(kv::Host::list_keys(&mut call, String::new(), page()).await), line("kv", "--kv"));
    assert_eq!(said(process::Host::run(&mut call, command("sh")).await), line("process", "--process sh"));
    assert_eq!(said(http::Host::fetch(&mut call, request("GET")).await), line("http", "--http ORIGIN"));
    let grants = Grants { http: Some(HttpGrant { rules: vec![] }), ..Grants::none() };
    let mut call = state(dir.path(), grants, false);
    assert_eq!(
        said(http::Host::fetch(&mut call, request("GET")).await),
        line("http", "--http https://example.com"),
        "the line names what was asked for"
    );
}

#[tokio::test]
async fn a_dry_run_says_what_it_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let grants = Grants {
        kv: Some(KvGrant { prefix: String::new(), bytes: 100 }),
        http: Some(HttpGrant::any()),
        ..Grants::none()
    };
    let mut dry = state(dir.path(), grants, true);
    let put = kv::Host::put(&mut dry, "k".to_owned(), vec![], kv::Condition::Always, None).await;
    assert_eq!(said(put), "this is a dry run: a write is not done");
    let remove = kv::Host::remove(&mut dry, "k".to_owned(), kv::Condition::Always).await;
    assert_eq!(said(remove), "this is a dry run: a removal is not done");
    let posted = http::Host::fetch(&mut dry, request("POST")).await;
    assert_eq!(said(posted), "this is a dry run: a request that may change something is not done");
}

#[test]
fn a_path_that_is_refused_is_named() {
    use files::Host;
    let dir = tempfile::tempdir().unwrap();
    let mut call = in_root(dir.path(), false);
    std::fs::write(dir.path().join("root/file"), "x").unwrap();
    let mut read = |path: &str| told(Host::read(&mut call, path.to_owned(), 0, 1));
    let (fault, words) = read("data/sub/../file");
    assert_eq!(words, "`data/sub/../file`: `..` is not followed");
    assert!(matches!(fault, GuestFault::Denied), "{fault:?}");
    let (fault, words) = read("data/a\0b");
    assert_eq!(words, "a path must not hold a NUL byte");
    assert!(matches!(fault, GuestFault::Invalid), "{fault:?}");
    let (fault, words) = read("data/nothing");
    assert_eq!(words, "`data/nothing`: No such file or directory (os error 2)");
    assert!(matches!(fault, GuestFault::NotFound), "{fault:?}");
    let (fault, words) = read("data/file/below");
    assert_eq!(words, "`data/file/below`: Not a directory (os error 20)");
    assert!(matches!(fault, GuestFault::Invalid), "{fault:?}");
    assert_eq!(read("data/sub").1, "`data/sub` is a directory, not a regular file");
    let fifo = dir.path().join("root/fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(read("data/fifo").1, "`data/fifo` is neither a file nor a directory, not a regular file");
    symlink("loop", dir.path().join("root/loop")).unwrap();
    assert!(read("data/loop").1.starts_with("`data/loop`: "));

    assert_eq!(said(call.make_dir("data/sub".to_owned())), "`data/sub`: File exists (os error 17)");
    assert_eq!(said(call.remove("data".to_owned(), true)), "`data` is a root; it is not removed");
    std::fs::write(dir.path().join("root/sub/kept"), "x").unwrap();
    assert_eq!(said(call.remove("data/sub".to_owned(), false)), "`data/sub`: Directory not empty (os error 39)");
    let gone = call.rename("data/gone".to_owned(), "data/there".to_owned());
    assert_eq!(said(gone), "`data/gone`: No such file or directory (os error 2)");
    let listed = call.list_entries("data/file".to_owned(), page());
    assert_eq!(said(listed), "`data/file`: Not a directory (os error 20)");
    assert!(dir.path().join("root/sub/kept").exists(), "a refusal removed something");
}

#[test]
fn a_blob_that_is_refused_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = in_root(dir.path(), false);
    let digest = digest_of(b"never sealed").to_string();
    for missing in ["blob-9", digest.as_str()] {
        let (fault, words) = told(blobs::Host::read(&mut call, missing.to_owned(), 0, 1));
        assert_eq!(words, format!("there is no blob `{missing}`"));
        assert!(matches!(fault, GuestFault::NotFound), "{fault:?}");
        let appended = blobs::Host::append(&mut call, missing.to_owned(), b"x".to_vec());
        assert_eq!(said(appended), format!("this call made no blob `{missing}`"));
        let stored = files::Host::store(&mut call, "data/a".to_owned(), missing.to_owned(), None);
        assert_eq!(said(stored), format!("there is no blob `{missing}`"));
    }
    assert!(!dir.path().join("root/a").exists());
    // Something else lies in a sealed blob's place.
    std::fs::create_dir_all(dir.path().join("blobs").join(&digest)).unwrap();
    let (fault, words) = told(blobs::Host::read(&mut call, digest.clone(), 0, 1));
    assert_eq!(words, format!("blob `{digest}`: Is a directory (os error 21)"));
    assert!(matches!(fault, GuestFault::Failed), "{fault:?}");
}

#[test]
fn a_place_that_takes_no_blobs_and_limits_of_blobs_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = in_root(dir.path(), false);
    std::fs::write(dir.path().join("blobs"), "").unwrap();
    assert_eq!(said(blobs::Host::create(&mut call)), "blob `blob-1`: File exists (os error 17)");
    std::fs::remove_file(dir.path().join("blobs")).unwrap();
    call.blobs = CallBlobs::new(1, 4);
    let blob = blobs::Host::create(&mut call).unwrap().unwrap();
    assert_eq!(said(blobs::Host::create(&mut call)), "limit of 1 blobs in one call reached");
    let (fault, words) = told(blobs::Host::append(&mut call, blob, b"12345".to_vec()));
    assert_eq!(words, "limit of 4 blob bytes in one call reached");
    assert!(matches!(fault, GuestFault::Exhausted), "{fault:?}");
}

fn page() -> PageRequest {
    PageRequest { cursor: None, limit: 10 }
}

fn request(method: &str) -> http::Request {
    http::Request {
        method: method.to_owned(),
        url: "https://example.com/x".to_owned(),
        headers: vec![],
        credentials: vec![],
        body: vec![],
        timeout: Some(1000),
        limit: 100,
        redirects: 0,
    }
}

fn command(program: &str) -> process::Command {
    process::Command {
        program: program.to_owned(),
        arguments: vec![],
        script: None,
        env: vec![],
        secret_env: vec![],
        working_dir: None,
        input: process::Input::None,
        timeout: None,
        kill_grace: 0,
        stop_signal: None,
        capture: 100,
    }
}

#[tokio::test]
async fn keys_that_are_refused_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = refusing(dir.path(), invalid_program(), KvError::Stale);
    for key in [String::new(), "k".repeat(513), "a\0b".to_owned()] {
        let (fault, words) = told(kv::Host::get(&mut call, key).await);
        assert_eq!(words, "a key has 1 to 512 bytes and no NUL");
        assert!(matches!(fault, GuestFault::Invalid), "{fault:?}");
    }
    call.grants = Arc::new(Grants { kv: Some(KvGrant { prefix: String::new(), bytes: 100 }), ..Grants::none() });
    let (fault, words) =
        told(kv::Host::put(&mut call, "k".to_owned(), vec![0; 100], kv::Condition::Always, None).await);
    assert_eq!(words, "the value of `k` is larger than the grant allows: 101 bytes with its key, not 100");
    assert!(matches!(fault, GuestFault::Exhausted), "{fault:?}");
}

#[tokio::test]
async fn what_the_store_says_of_a_key_reaches_the_guest() {
    let dir = tempfile::tempdir().unwrap();
    for (error, wanted) in [
        (KvError::Stale, "the condition does not hold; read again"),
        (KvError::Fenced, "a newer claim has taken over"),
        (KvError::Unavailable("its disk is full".to_owned()), "the store cannot answer: its disk is full"),
    ] {
        let mut call = refusing(dir.path(), invalid_program(), error.clone());
        let answers = [
            told(kv::Host::get(&mut call, "k".to_owned()).await),
            told(kv::Host::put(&mut call, "k".to_owned(), vec![], kv::Condition::Absent, None).await),
            told(kv::Host::remove(&mut call, "k".to_owned(), kv::Condition::Version(1)).await),
            told(kv::Host::list_keys(&mut call, String::new(), page()).await),
        ];
        for (fault, words) in answers {
            assert_eq!(words, wanted);
            let right = match error {
                KvError::Stale => matches!(fault, GuestFault::Stale),
                KvError::Fenced => matches!(fault, GuestFault::Fenced),
                KvError::Unavailable(_) => matches!(fault, GuestFault::Unavailable),
            };
            assert!(right, "{error:?} became {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_host_without_keys_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = refusing(dir.path(), invalid_program(), KvError::Stale);
    call.services =
        Arc::new(Services::new(Arc::new(Refuses(invalid_program(), KvError::Stale)), None, dir.path().into()));
    let (fault, words) = told(kv::Host::get(&mut call, "k".to_owned()).await);
    assert_eq!(words, "this host keeps no key-value state");
    assert!(matches!(fault, GuestFault::Unsupported), "{fault:?}");
}

#[tokio::test]
async fn why_a_program_was_not_started_reaches_the_guest() {
    let dir = tempfile::tempdir().unwrap();
    let (program, reason) = ("x".to_owned(), "Out of memory".to_owned());
    let missing = ProcessError::NotFound { program: program.clone() };
    let denied = ProcessError::Denied { program: program.clone(), reason: reason.clone() };
    let nowhere = ProcessError::WorkingDir { dir: "/gone".into(), reason: reason.clone() };
    let busy = ProcessError::Unavailable { program, reason };
    for (error, code) in [
        (missing, Some("ENOENT")),
        (denied, Some("EACCES")),
        (nowhere, Some("working-dir")),
        (invalid_program(), None),
        (busy, None),
    ] {
        let mut call = refusing(dir.path(), error.clone(), KvError::Stale);
        let refused = process::Host::run(&mut call, command("x")).await.unwrap().unwrap_err();
        assert_eq!((refused.message, refused.code.as_deref()), (error.to_string(), code));
        let right = match error {
            ProcessError::NotFound { .. } => matches!(refused.fault, GuestFault::NotFound),
            ProcessError::Denied { .. } => matches!(refused.fault, GuestFault::Denied),
            ProcessError::WorkingDir { .. } | ProcessError::Invalid(_) => matches!(refused.fault, GuestFault::Invalid),
            ProcessError::Unavailable { .. } => matches!(refused.fault, GuestFault::Unavailable),
        };
        assert!(right, "{error:?} became {:?}", refused.fault);
    }
}

#[tokio::test]
async fn a_command_that_is_refused_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = refusing(dir.path(), invalid_program(), KvError::Stale);
    let secret_env = vec![Pair { name: "A".to_owned(), value: "b".to_owned() }];
    let asked = process::Command { secret_env, ..command("x") };
    assert_eq!(said(process::Host::run(&mut call, asked).await), "secrets are not granted to this plugin");

    let tool = dir.path().join("tool");
    let program = ProgramGrant {
        name: "tool".to_owned(),
        path: tool.clone(),
        sha256: Some(digest_of(b"as granted")),
        arguments: vec![vec![]],
        directories: vec![dir.path().to_path_buf()],
    };
    call.grants = Arc::new(Grants { process: Some(ProcessGrant::Programs(vec![program])), ..Grants::none() });
    let wanted = "cannot be read: No such file or directory (os error 2); install it, or grant another";
    assert_eq!(
        said(process::Host::run(&mut call, command("tool")).await),
        format!("the granted program {} {wanted}", tool.display())
    );
    std::fs::write(&tool, "another").unwrap();
    let wanted = format!("is not the program that was granted: its SHA-256 is {}", digest_of(b"another"));
    assert_eq!(said(process::Host::run(&mut call, command("tool")).await), format!("{} {wanted}", tool.display()));
    let wanted = "acme 1.4.0 has no grant for this use of process. Approve: pintle plugin grant acme --process other";
    assert_eq!(said(process::Host::run(&mut call, command("other")).await), wanted);
}

#[tokio::test]
async fn a_blob_that_cannot_be_a_programs_input_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = refusing(dir.path(), invalid_program(), KvError::Stale);
    let with = |blob: &str| process::Command { input: process::Input::Blob(blob.to_owned()), ..command("x") };
    assert_eq!(said(process::Host::run(&mut call, with("blob-1")).await), "there is no blob `blob-1`");
    let digest = digest_of(b"never sealed").to_string();
    std::fs::create_dir_all(dir.path().join("blobs").join(&digest)).unwrap();
    assert_eq!(
        said(process::Host::run(&mut call, with(&digest)).await),
        format!("blob `{digest}`: Is a directory (os error 21)")
    );
    let blob = call.blobs.create(&call.services.blobs).unwrap();
    call.blobs.append(&blob, &vec![0; (64 << 20) + 1]).unwrap();
    let (fault, words) = told(process::Host::run(&mut call, with(&blob)).await);
    assert_eq!(words, format!("blob `{blob}` is too large for a program's input: at most {} bytes", 64 << 20));
    assert!(matches!(fault, GuestFault::Exhausted), "{fault:?}");
}
