//! The host interfaces as a guest sees them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::bindings::host::{blobs, files, kv, process};
use crate::bindings::{GuestError, GuestFault, PageRequest};
use crate::blobs::digest_of;
use crate::call::state::CallState;
use crate::grants::{ArgumentPattern, BlobsGrant, FilesGrant, FilesRoot, Grants, KvGrant, ProcessGrant, ProgramGrant};
use crate::host::testing::state;

fn rooted(dir: &Path, read_only: bool) -> Grants {
    let root = FilesRoot { path: dir.join("root"), read_only };
    let roots = BTreeMap::from([("data".to_owned(), root)]);
    Grants { files: Some(FilesGrant { roots }), blobs: Some(BlobsGrant {}), ..Grants::none() }
}

fn fault<T: std::fmt::Debug>(answer: wasmtime::Result<Result<T, GuestError>>) -> GuestFault {
    answer.unwrap().unwrap_err().fault
}

fn page(limit: u32, cursor: Option<String>) -> PageRequest {
    PageRequest { cursor, limit }
}

fn files_in(dir: &Path, read_only: bool) -> CallState {
    std::fs::create_dir_all(dir.join("root/sub")).unwrap();
    std::fs::write(dir.join("outside"), "secret").unwrap();
    state(dir, rooted(dir, read_only), false)
}

#[test]
fn files_are_written_whole_and_read_in_parts() {
    use files::Host;
    let dir = tempfile::tempdir().unwrap();
    let mut call = files_in(dir.path(), false);
    call.write("data/a".to_owned(), b"hello world".to_vec(), Some(0o6755)).unwrap().unwrap();
    assert_eq!(Host::read(&mut call, "data/a".to_owned(), 6, 3).unwrap().unwrap(), b"wor");
    let seen = call.inspect("data/a".to_owned()).unwrap().unwrap();
    assert_eq!((seen.size, seen.mode), (11, 0o755), "a set-uid bit passed");
    Host::append(&mut call, "data/a".to_owned(), b"!".to_vec()).unwrap().unwrap();
    call.write("data/a".to_owned(), b"new".to_vec(), None).unwrap().unwrap();
    assert_eq!(call.inspect("data/a".to_owned()).unwrap().unwrap().mode, 0o755, "the mode was lost");
    call.rename("data/a".to_owned(), "data/sub/b".to_owned()).unwrap().unwrap();
    call.make_dir("data/c".to_owned()).unwrap().unwrap();
    assert!(matches!(fault(call.make_dir("data/c".to_owned())), GuestFault::Conflict));
    let first = call.list_entries("data".to_owned(), page(1, None)).unwrap().unwrap();
    assert_eq!((first.entries[0].name.as_str(), first.next.as_deref()), ("c", Some("c")));
    let second = call.list_entries("data".to_owned(), page(1, first.next)).unwrap().unwrap();
    assert_eq!((second.entries[0].name.as_str(), second.next), ("sub", None));
    assert!(matches!(fault(call.remove("data/sub".to_owned(), false)), GuestFault::Conflict));
    call.remove("data/sub".to_owned(), true).unwrap().unwrap();
    assert!(matches!(fault(Host::read(&mut call, "data/sub/b".to_owned(), 0, 1)), GuestFault::NotFound));
    assert!(std::fs::read_dir(dir.path().join("root")).unwrap().count() == 1, "a temporary file was left");
}

#[test]
fn nothing_outside_a_root_is_reached() {
    use files::Host;
    let dir = tempfile::tempdir().unwrap();
    let mut call = files_in(dir.path(), false);
    let root = dir.path().join("root");
    symlink("../outside", root.join("up")).unwrap();
    symlink(dir.path().join("outside"), root.join("absolute")).unwrap();
    symlink(dir.path(), root.join("dir")).unwrap();
    symlink("sub/../../outside", root.join("winding")).unwrap();
    for path in [
        "data/../outside",
        "data/sub/../../outside",
        "data/up",
        "data/absolute",
        "data/dir/outside",
        "data/winding",
        "data//../outside",
        "/etc/hostname",
        "other/x",
        "outside",
        "../outside",
        "",
        "data/sub/../../../../etc/hostname",
    ] {
        let read = Host::read(&mut call, path.to_owned(), 0, 100).unwrap();
        assert!(matches!(&read, Err(error) if !matches!(error.fault, GuestFault::Unavailable)), "{path}: {read:?}");
        let _ = call.write(path.to_owned(), b"broken in".to_vec(), None).unwrap();
        let _ = Host::append(&mut call, path.to_owned(), b"broken in".to_vec()).unwrap();
        let _ = call.remove("data/dir/outside".to_owned(), true).unwrap();
        let _ = call.rename("data/dir/outside".to_owned(), "data/stolen".to_owned()).unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("outside")).unwrap(), "secret", "{path}");
    }
    assert!(matches!(fault(call.remove("data".to_owned(), true)), GuestFault::Denied));
}

#[test]
fn only_regular_files_are_opened() {
    use files::Host;
    let dir = tempfile::tempdir().unwrap();
    let mut call = state(dir.path(), Grants { files: Some(FilesGrant::everything()), ..Grants::none() }, false);
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    for path in [fifo.to_str().unwrap(), "/dev/null", "/dev/zero"] {
        assert!(matches!(fault(Host::read(&mut call, path.to_owned(), 0, 1)), GuestFault::Invalid), "{path}");
        assert!(matches!(fault(call.write(path.to_owned(), Vec::new(), None)), GuestFault::Invalid), "{path}");
        assert!(matches!(fault(Host::append(&mut call, path.to_owned(), Vec::new())), GuestFault::Invalid), "{path}");
    }
    assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    let link = dir.path().join("link");
    std::fs::write(dir.path().join("real"), "old").unwrap();
    symlink(dir.path().join("real"), &link).unwrap();
    call.write(link.to_str().unwrap().to_owned(), b"new".to_vec(), None).unwrap().unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("real")).unwrap(), "new", "with all of `/`, links are followed");
}

#[test]
fn read_only_roots_and_dry_runs_change_nothing() {
    use files::Host;
    let dir = tempfile::tempdir().unwrap();
    let mut call = files_in(dir.path(), true);
    let refused = call.write("data/a".to_owned(), Vec::new(), None).unwrap().unwrap_err();
    assert_eq!(
        refused.message,
        "acme 1.4.0 has no grant for this use of files. Approve: pintle plugin grant acme --files data/a --write"
    );
    let mut dry = state(dir.path(), rooted(dir.path(), false), true);
    let refused = dry.make_dir("data/a".to_owned()).unwrap().unwrap_err();
    assert_eq!(refused.message, "this is a dry run: a change of `data/a` is not done");
    assert!(!dir.path().join("root/a").exists());
}

#[test]
fn blobs_go_between_files_and_guest() {
    use files::Host as _;
    let dir = tempfile::tempdir().unwrap();
    let mut call = files_in(dir.path(), false);
    std::fs::write(dir.path().join("root/a"), "0123456789").unwrap();
    let blob = call.load("data/a".to_owned()).unwrap().unwrap();
    assert_eq!(blobs::Host::size(&mut call, blob.clone()).unwrap().unwrap(), 10);
    assert_eq!(blobs::Host::append(&mut call, blob.clone(), b"ab".to_vec()).unwrap().unwrap(), 12);
    assert_eq!(blobs::Host::read(&mut call, blob.clone(), 8, 3).unwrap().unwrap(), b"89a");
    let digest = blobs::Host::sha256(&mut call, blob.clone(), 2, 3).unwrap().unwrap();
    assert_eq!(digest, digest_of(b"234").as_str());
    call.store("data/b".to_owned(), blob.clone(), None).unwrap().unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("root/b")).unwrap(), "0123456789ab");
    let sealed = call.services.blobs.seal(call.blobs.take(&blob).unwrap()).unwrap();
    assert_eq!(sealed, digest_of(b"0123456789ab"));
    assert_eq!(blobs::Host::read(&mut call, sealed.to_string(), 0, 2).unwrap().unwrap(), b"01");
    for missing in ["blob-9", "../outside", &"0".repeat(64)] {
        assert!(matches!(fault(blobs::Host::size(&mut call, missing.to_owned())), GuestFault::NotFound), "{missing}");
    }
}

fn command(program: &str, arguments: &[&str]) -> process::Command {
    process::Command {
        program: program.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        script: None,
        env: Vec::new(),
        secret_env: Vec::new(),
        working_dir: None,
        input: process::Input::None,
        timeout: None,
        kill_grace: 0,
        stop_signal: None,
        capture: 100,
    }
}

#[tokio::test]
async fn a_program_is_granted_by_path_digest_arguments_and_directory() {
    use process::Host;
    let dir = tempfile::tempdir().unwrap();
    let tool = dir.path().join("tool");
    std::fs::write(&tool, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = ProgramGrant {
        name: "tool".to_owned(),
        path: tool.clone(),
        sha256: Some(digest_of(b"#!/bin/sh\n")),
        arguments: vec![vec![ArgumentPattern::Exact("list".to_owned())]],
        directories: vec![dir.path().to_path_buf()],
    };
    let grants = Grants { process: Some(ProcessGrant::Programs(vec![program])), ..Grants::none() };
    let mut call = state(dir.path(), grants, false);
    let exit = call.run(command("tool", &["list"])).await.unwrap().unwrap();
    assert_eq!(PathBuf::from(String::from_utf8(exit.stdout).unwrap()), tool);
    let elsewhere = process::Command { working_dir: Some("/".to_owned()), ..command("tool", &["list"]) };
    let climbing = process::Command { working_dir: Some("../..".to_owned()), ..command("tool", &["list"]) };
    let scripted = process::Command { script: Some("rm".to_owned()), ..command("tool", &["list"]) };
    for refused in [command("tool", &["delete"]), command("sh", &["list"]), elsewhere, climbing, scripted] {
        let name = format!("{refused:?}");
        assert!(matches!(fault(call.run(refused).await), GuestFault::Denied), "{name}");
    }
    std::fs::write(&tool, "#!/bin/sh\nrm -rf /\n").unwrap();
    let swapped = call.run(command("tool", &["list"])).await.unwrap().unwrap_err();
    assert!(swapped.message.contains("is not the program that was granted"), "{}", swapped.message);
    let mut none =
        state(dir.path(), Grants { process: Some(ProcessGrant::Programs(Vec::new())), ..Grants::none() }, false);
    assert!(matches!(fault(none.run(command("tool", &["list"])).await), GuestFault::Denied));
    let mut dry = state(dir.path(), Grants { process: Some(ProcessGrant::Any), ..Grants::none() }, true);
    assert_eq!(
        dry.run(command("x", &[])).await.unwrap().unwrap_err().message,
        "this is a dry run: a program is not done"
    );
    let secret = vec![crate::bindings::Pair { name: "A".to_owned(), value: "b".to_owned() }];
    let mut any = state(dir.path(), Grants { process: Some(ProcessGrant::Any), ..Grants::none() }, false);
    let asked = process::Command { secret_env: secret, ..command("x", &[]) };
    assert!(matches!(fault(any.run(asked).await), GuestFault::Denied));
}

#[tokio::test]
async fn keys_have_versions_and_stay_below_their_prefix() {
    use kv::{Condition, Host};
    let dir = tempfile::tempdir().unwrap();
    let grant = KvGrant { prefix: "p/".to_owned(), bytes: 100 };
    let mut call = state(dir.path(), Grants { kv: Some(grant), ..Grants::none() }, false);
    let put = |key: &str| (key.to_owned(), b"v".to_vec());
    for key in ["a", "b", "c"] {
        let (key, value) = put(key);
        assert_eq!(call.put(key, value, Condition::Absent, None).await.unwrap().unwrap(), 1);
    }
    let (key, value) = put("a");
    assert!(matches!(fault(call.put(key, value, Condition::Absent, None).await), GuestFault::Stale));
    let (key, value) = put("a");
    assert_eq!(call.put(key, value, Condition::Version(1), None).await.unwrap().unwrap(), 2);
    assert_eq!(Host::get(&mut call, "a".to_owned()).await.unwrap().unwrap().unwrap().version, 2);
    let first = call.list_keys(String::new(), page(2, None)).await.unwrap().unwrap();
    assert_eq!((first.keys, first.next.clone()), (vec!["a".to_owned(), "b".to_owned()], Some("b".to_owned())));
    let rest = call.list_keys(String::new(), page(2, first.next)).await.unwrap().unwrap();
    assert_eq!((rest.keys, rest.next), (vec!["c".to_owned()], None));
    kv::Host::remove(&mut call, "a".to_owned(), Condition::Always).await.unwrap().unwrap();
    assert!(Host::get(&mut call, "a".to_owned()).await.unwrap().unwrap().is_none());
    assert!(matches!(
        fault(call.put("k".to_owned(), vec![0; 100], Condition::Always, None).await),
        GuestFault::Exhausted
    ));
    assert!(matches!(fault(Host::get(&mut call, String::new()).await), GuestFault::Invalid));
    let mut none = state(dir.path(), Grants::none(), false);
    assert!(matches!(fault(Host::get(&mut none, "a".to_owned()).await), GuestFault::Denied));
}
