//! Bounds that a guest is told of, and lives with.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;

use crate::bindings::host::{blobs, files, kv};
use crate::bindings::{GuestError, GuestFault};
use crate::call::blobs::CallBlobs;
use crate::call::state::CallState;
use crate::grants::{BlobsGrant, FilesGrant, FilesRoot, Grants, KvGrant};
use crate::host::always::clipped;
use crate::host::testing::state;
use crate::limits::{BLOBS, CHUNK_BYTES, MESSAGE_BYTES};

fn call(dir: &Path) -> CallState {
    let root = FilesRoot { path: dir.to_path_buf(), read_only: false };
    let grants = Grants {
        files: Some(FilesGrant { roots: BTreeMap::from([("data".to_owned(), root)]) }),
        blobs: Some(BlobsGrant {}),
        kv: Some(KvGrant { prefix: String::new(), bytes: u64::MAX }),
        ..Grants::none()
    };
    state(dir, grants, false)
}

fn exhausted<T: std::fmt::Debug>(answer: Result<T, GuestError>) -> String {
    let error = answer.unwrap_err();
    assert!(matches!(error.fault, GuestFault::Exhausted), "{error:?}");
    error.message
}

#[tokio::test]
async fn no_list_of_bytes_is_longer_than_a_chunk() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = call(dir.path());
    std::fs::write(dir.path().join("large"), vec![7; CHUNK_BYTES + 1]).unwrap();
    let read = files::Host::read(&mut call, "data/large".to_owned(), 0, u32::MAX).unwrap().unwrap();
    assert_eq!(read.len(), CHUNK_BYTES);
    let blob = files::Host::load(&mut call, "data/large".to_owned()).unwrap().unwrap();
    assert_eq!(blobs::Host::size(&mut call, blob.clone()).unwrap().unwrap(), CHUNK_BYTES as u64 + 1);
    let read = blobs::Host::read(&mut call, blob, 0, u32::MAX).unwrap().unwrap();
    assert_eq!(read.len(), CHUNK_BYTES);
    for (length, fits) in [(CHUNK_BYTES, true), (CHUNK_BYTES + 1, false)] {
        let put = kv::Host::put(&mut call, "key".to_owned(), vec![7; length], kv::Condition::Always, None).await;
        match put.unwrap() {
            Ok(_) => assert!(fits, "{length} bytes were put"),
            refused => {
                assert!(!fits, "{length} bytes were refused");
                let wanted = format!("{} bytes with its key, not {CHUNK_BYTES}", CHUNK_BYTES + 1 + "key".len());
                assert_eq!(exhausted(refused), format!("the value of `key` is larger than the grant allows: {wanted}"));
            }
        }
    }
}

#[test]
fn blobs_and_their_bytes_are_counted() {
    use blobs::Host;
    let dir = tempfile::tempdir().unwrap();
    let mut call = call(dir.path());
    for _ in 0..BLOBS {
        call.create().unwrap().unwrap();
    }
    assert_eq!(exhausted(call.create().unwrap()), "limit of 64 blobs in one call reached");
    // The limit itself is as large as a disk.
    call.blobs = CallBlobs::new(2, 10);
    let (first, second) = (call.create().unwrap().unwrap(), call.create().unwrap().unwrap());
    assert_eq!(Host::append(&mut call, first.clone(), vec![7; 6]).unwrap().unwrap(), 6);
    assert_eq!(Host::append(&mut call, second, vec![7; 4]).unwrap().unwrap(), 4);
    let beyond = Host::append(&mut call, first.clone(), vec![7]).unwrap();
    assert_eq!(exhausted(beyond), "limit of 10 blob bytes in one call reached");
    assert_eq!(Host::size(&mut call, first).unwrap().unwrap(), 6, "a byte beyond the limit was written");
}

#[test]
fn a_message_is_cut_between_characters() {
    assert_eq!(clipped("short"), "short");
    assert_eq!(clipped(&"\u{e9}".repeat(MESSAGE_BYTES)).len(), MESSAGE_BYTES);
    assert_eq!(clipped(&format!("a{}", "\u{e9}".repeat(MESSAGE_BYTES))).len(), MESSAGE_BYTES - 1);
}

/// Where the tests of the table stand.
fn place(name: &str) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match name {
        "own" => root.join("src/limits/tests.rs"),
        "http" => root.join("src/http/tests.rs"),
        other => root.join(format!("tests/runtime/{other}.rs")),
    }
}

#[test]
fn each_bound_stands_in_the_table_with_tests_that_are_there() {
    let source = include_str!("../limits.rs");
    let (table, code): (Vec<&str>, Vec<&str>) = source.lines().partition(|line| line.starts_with("//! |"));
    let constants = code.iter().filter_map(|line| line.split_once("const ")?.1.split_once(": ")).map(|(name, _)| name);
    let fields =
        code.iter().filter_map(|line| line.strip_prefix("    pub(crate) ")?.split_once(": ").map(|(name, _)| name));
    let bounds =
        constants.map(|name| format!("[`{name}`]")).chain(fields.map(|name| format!("[`CallLimits::{name}`]")));
    let mut count = 0;
    for bound in bounds.filter(|bound| !["[`KIB`]", "[`MIB`]", "[`_`]"].contains(&bound.as_str())) {
        assert!(table.iter().any(|row| row.contains(&bound)), "{bound} has no row in the table of limits.rs");
        count += 1;
    }
    assert!(count > 20, "only {count} bounds were found");
    for row in table.iter().skip(2) {
        let (file, tests) = row.trim_end_matches(" |").rsplit_once("| ").unwrap().1.split_once(": ").unwrap();
        let text = std::fs::read_to_string(place(file)).unwrap();
        for test in tests.split('`').filter(|word| word.contains('_')) {
            assert!(text.contains(&format!("fn {test}()")), "{row}: {file} has no test of that name");
        }
    }
}
