use pintle_guest::executor::Task;
use serde_json::{Value, json};

use super::{host, kept, kept_refused, refused, task};
use crate::ExecFile;

#[test]
fn what_cannot_be_done_with_files_is_said_in_whole_sentences() {
    let host = host().file("fs/work/raw", [0xff, 0x00]).file("fs/work/long", "x".repeat(600 * 1024));
    let said = |action: &str, input: Value| refused(&host, action, input).message;
    let inside = json!({ "source": "dir", "destination": "dir/in", "recursive": true });
    for action in ["file.copy", "file.move"] {
        assert_eq!(
            said(action, inside.clone()),
            "`/work/dir/in` is `/work/dir` or lies in it: name another destination"
        );
    }
    for (action, input, wanted) in [
        ("file.delete", json!({ "path": "/" }), "`/` is not deleted"),
        ("file.delete", json!({ "path": "dir" }), "directory `/work/dir` is not empty: set `recursive: true`"),
        ("file.delete", json!({ "path": "no" }), "`/work/no` does not exist (`missing_ok: true` takes that)"),
        ("file.mkdir", json!({ "path": "a.txt" }), "`/work/a.txt` exists already, and is no directory"),
        ("file.mkdir", json!({ "path": "a.txt/b" }), "`/work/a.txt` is a file, not a directory"),
        ("file.read", json!({ "path": "" }), "\"\" is no path: name a file or a directory"),
        (
            "file.read",
            json!({ "path": "raw", "quiet": true }),
            "`/work/raw` is not UTF-8 text, which alone can be the output `content`: leave out `quiet`, so that it is \
             printed",
        ),
        (
            "file.read",
            json!({ "path": "long", "quiet": true }),
            "`/work/long` has 614400 bytes, and the output `content` may have 524288: leave out `quiet`, so that it is \
             printed",
        ),
        (
            "file.list",
            json!({ "path": "dir", "include_hidden": true, "max_entries": 1 }),
            "`/work/dir` has more than 1 entries: narrow `pattern`, or raise `max_entries`",
        ),
        (
            "file.copy",
            json!({ "source": "a.txt", "destination": "no/such/b" }),
            "the directory `/work/no/such` does not exist: set `create_dirs: true`",
        ),
        (
            "file.move",
            json!({ "source": "a.txt", "destination": "no/b" }),
            "the directory `/work/no` does not exist: set `create_dirs: true`",
        ),
    ] {
        assert_eq!(said(action, input), wanted);
    }
    let nowhere = Task { working_dir: None, ..task("file.stat", json!({ "path": "a.txt" })) };
    assert_eq!(
        host.run::<ExecFile>(&nowhere).error().message,
        "`a.txt` is relative, and the step has no directory: write it from `/`"
    );
    let _written = host.run::<ExecFile>(&kept("artifact.write", json!({ "path": "a", "content": "12345" })));
    for (action, input, wanted) in [
        ("artifact.read", json!({ "path": "/a" }), "`/a`: an artifact path must be relative, to the run's artifacts"),
        ("artifact.write", json!({ "path": ".", "content": "" }), "`path` names no artifact"),
        (
            "artifact.write",
            json!({ "path": "a", "content": "2" }),
            "`a`: file exists: set `overwrite: true` to replace it",
        ),
        ("artifact.read", json!({ "path": "a", "max_bytes": 4 }), "`a` has 5 bytes, which exceeds max_bytes of 4"),
    ] {
        assert_eq!(kept_refused(&host, action, input), wanted);
    }
}

#[test]
fn trees_and_reads_have_an_end() {
    let host = host().file(&format!("fs/work/tree/{}x", "d/".repeat(130)), "x");
    let said = |action: &str, input: Value| refused(&host, action, input).message;
    let too_deep = format!("`/work/tree{}` lies deeper than 128 directories", "/d".repeat(128));
    assert_eq!(said("file.copy", json!({ "source": "tree", "destination": "copy", "recursive": true })), too_deep);
    assert_eq!(said("archive.create", json!({ "source": "tree", "destination": "tree.zip" })), too_deep);
    assert_eq!(
        said("file.read", json!({ "path": "a.txt", "max_bytes": 1_u64 << 40 })),
        "`max_bytes` of 1099511627776 is more than the 16777216 that a step may read"
    );
}
