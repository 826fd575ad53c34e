use pintle_guest::error::{Error, Fault};
use pintle_guest::executor::{Executor as _, Task};
use pintle_guest::testing::{Ended, FakeHost};
use serde_json::{Value, json};

use crate::ExecFile;

mod archives;
mod sentences;
mod waiting;
mod with;

fn host() -> FakeHost {
    FakeHost::new().file("fs/work/a.txt", "alpha").file("fs/work/dir/b.csv", "1,2").file("fs/work/dir/.c", "hidden")
}

fn task(action: &str, input: Value) -> Task {
    Task::new(action, input).working_dir("/work").var("HOME", "/work/dir")
}

fn run(host: &FakeHost, action: &str, input: Value) -> Ended {
    host.run::<ExecFile>(&task(action, input))
}

fn refused(host: &FakeHost, action: &str, input: Value) -> Error {
    run(host, action, input).error().clone()
}

fn text(host: &FakeHost, path: &str) -> Option<String> {
    host.contents(path).map(|bytes| String::from_utf8(bytes).expect("the tests write text"))
}

#[test]
fn paths_are_absolute_relative_or_below_home() {
    let host = host();
    for path in ["/work/dir/b.csv", "dir/b.csv", "./dir/../dir//b.csv", "~/b.csv", "/../work/dir/b.csv"] {
        assert_eq!(run(&host, "file.read", json!({ "path": path })).stdout(), "1,2", "{path}");
    }
    let lost = host.run::<ExecFile>(&Task::new("file.read", json!({ "path": "a" })));
    assert!(lost.error().message.contains("relative"));
    let homeless = host.run::<ExecFile>(&Task::new("file.read", json!({ "path": "~/a" })));
    assert!(homeless.error().message.contains("HOME is not set"));
    assert_eq!(refused(&host, "file.read", json!({ "path": "" })).fault, Fault::Invalid);
}

#[test]
fn stat_tells_what_stands_there() {
    let ended = run(&host(), "file.stat", json!({ "path": "a.txt" }));
    let told: Value = serde_json::from_str(&ended.stdout()).expect("one JSON object");
    assert_eq!(
        told,
        json!({ "path": "/work/a.txt", "exists": true, "type": "file", "size": 5, "mode": "0644", "modified_ms": 0 })
    );
    assert_eq!(ended.output("size"), 5);
    assert_eq!(run(&host(), "file.stat", json!({ "path": "dir" })).output("type"), "directory");
}

#[test]
fn what_is_missing_is_an_error_unless_it_may_be() {
    let missing = json!({ "path": "no", "missing_ok": true });
    assert_eq!(run(&host(), "file.stat", missing).output("exists"), false);
    let error = refused(&host(), "file.stat", json!({ "path": "no" }));
    assert_eq!((error.fault, error.message.contains("`/work/no` does not exist")), (Fault::NotFound, true));
}

#[test]
fn reading_gives_content_and_knows_its_limit() {
    let ended = run(&host(), "file.read", json!({ "path": "a.txt", "format": "json" }));
    assert_eq!(ended.output("content"), "alpha");
    assert_eq!(ended.stdout(), "{\"path\":\"/work/a.txt\",\"size\":5,\"content\":\"alpha\"}\n");
    let small = refused(&host(), "file.read", json!({ "path": "a.txt", "max_bytes": "4" }));
    assert_eq!((small.fault, small.message.contains("max_bytes")), (Fault::Exhausted, true));
    let large = refused(&host(), "file.read", json!({ "path": "a.txt", "max_bytes": 1_u64 << 40 }));
    assert_eq!(large.fault, Fault::Invalid);
}

#[test]
fn reading_quietly_gives_the_content_as_an_output_alone() {
    let host = host().file("fs/work/raw", vec![0xff, 0x00]).file("fs/work/long", "x".repeat((512 << 10) + 1));
    for quiet in [json!(true), json!("true")] {
        let ended = run(&host, "file.read", json!({ "path": "a.txt", "quiet": quiet }));
        assert_eq!(
            (ended.output("content"), ended.output("size"), ended.stdout()),
            ("alpha".into(), 5.into(), String::new())
        );
    }
    let loud = run(&host, "file.read", json!({ "path": "a.txt", "quiet": false }));
    assert_eq!(loud.stdout(), "alpha");
    for (path, fault, said) in
        [("raw", Fault::Invalid, "`/work/raw` is not UTF-8 text"), ("long", Fault::Exhausted, "has 524289 bytes")]
    {
        let error = refused(&host, "file.read", json!({ "path": path, "quiet": true }));
        assert_eq!(error.fault, fault, "{path}");
        assert!(error.message.contains(said) && error.message.contains("leave out `quiet`"), "{}", error.message);
    }
}

#[test]
fn a_file_of_several_pieces_is_read_whole() {
    let long = "0123456789".repeat(300_000);
    let host = host().file("fs/work/long", long.clone());
    let ended = run(&host, "file.read", json!({ "path": "long", "max_bytes": 4_000_000 }));
    assert_eq!(ended.stdout(), long);
    assert_eq!(ended.output("content"), Value::Null);
}

#[test]
fn bytes_that_are_no_text_pass_as_they_are() {
    let host = host().file("fs/work/raw", vec![0xff, 0x00]);
    assert_eq!(run(&host, "file.read", json!({ "path": "raw" })).output("size"), 2);
    let error = refused(&host, "file.read", json!({ "path": "raw", "format": "json" }));
    assert_eq!(error.fault, Fault::Invalid);
    assert!(error.message.contains("is not UTF-8 text: read it with `format: raw`"), "{}", error.message);
}

#[test]
fn writing_does_not_replace_unasked() {
    let host = host();
    let error = refused(&host, "file.write", json!({ "path": "a.txt", "content": "beta" }));
    assert_eq!((error.fault, error.message.contains("`overwrite: true`")), (Fault::Conflict, true));
    let same = run(&host, "file.write", json!({ "path": "a.txt", "content": "alpha" }));
    assert_eq!(same.output("changed"), false, "a run that was lost finds its own file");
    let over = json!({ "path": "a.txt", "content": "beta", "overwrite": true, "mode": "0600" });
    assert_eq!(run(&host, "file.write", over).output("changed"), true);
    assert_eq!((text(&host, "fs/work/a.txt").as_deref(), host.mode("fs/work/a.txt")), (Some("beta"), Some(0o600)));
}

#[test]
fn writing_makes_directories_only_when_asked() {
    let host = host();
    let input = |dirs: bool| json!({ "path": "x/y/z.json", "content": { "a": 1 }, "create_dirs": dirs });
    assert_eq!(refused(&host, "file.write", input(false)).fault, Fault::NotFound);
    assert_eq!(run(&host, "file.write", input(true)).output("path"), "/work/x/y/z.json");
    assert_eq!(text(&host, "fs/work/x/y/z.json").as_deref(), Some("{\n  \"a\": 1\n}\n"));
}

#[test]
fn writing_can_add_to_the_end() {
    let host = host();
    let ended = run(&host, "file.write", json!({ "path": "a.txt", "content": "+", "append": true }));
    assert_eq!((ended.output("changed"), text(&host, "fs/work/a.txt").as_deref()), (json!(true), Some("alpha+")));
}

#[test]
fn modes_are_octal() {
    let host = host();
    let write =
        |mode: Value| run(&host, "file.write", json!({ "path": "m", "content": "", "overwrite": true, "mode": mode }));
    assert!(write(json!(755)).result.is_ok());
    assert_eq!(host.mode("fs/work/m"), Some(0o755));
    assert_eq!(write(json!("4755")).error().fault, Fault::Invalid);
    assert!(write(json!("rw")).error().message.contains("octal"));
}

#[test]
fn copying_takes_files_and_with_leave_directories() {
    let host = host();
    let copied = run(&host, "file.copy", json!({ "source": "a.txt", "destination": "b.txt" }));
    assert_eq!((copied.output("files"), text(&host, "fs/work/b.txt").as_deref()), (json!(1), Some("alpha")));
    assert_eq!(
        refused(&host, "file.copy", json!({ "source": "a.txt", "destination": "b.txt" })).fault,
        Fault::Conflict
    );
    assert!(refused(&host, "file.copy", json!({ "source": "dir", "destination": "d2" })).message.contains("recursive"));
    let tree = run(&host, "file.copy", json!({ "source": "dir", "destination": "d2", "recursive": true }));
    assert_eq!((tree.output("files"), text(&host, "fs/work/d2/.c").as_deref()), (json!(2), Some("hidden")));
}

#[test]
fn nothing_is_copied_or_moved_into_itself() {
    for action in ["file.copy", "file.move"] {
        for to in ["dir", "dir/inside"] {
            let error = refused(&host(), action, json!({ "source": "dir", "destination": to, "recursive": true }));
            assert_eq!(error.fault, Fault::Invalid, "{action} to {to}: {}", error.message);
        }
    }
    assert!(
        run(&host(), "file.move", json!({ "source": "dir", "destination": "dir2", "recursive": true })).result.is_ok()
    );
}

#[test]
fn moving_replaces_files_only_when_asked_and_directories_never() {
    let host = host();
    assert!(run(&host, "file.move", json!({ "source": "a.txt", "destination": "new.txt" })).result.is_ok());
    assert_eq!((host.contents("fs/work/a.txt"), text(&host, "fs/work/new.txt").as_deref()), (None, Some("alpha")));
    let onto = |to: &str, overwrite: bool| json!({ "source": "new.txt", "destination": to, "overwrite": overwrite });
    assert_eq!(refused(&host, "file.move", onto("dir/b.csv", false)).fault, Fault::Conflict);
    assert_eq!(refused(&host, "file.move", onto("dir", true)).fault, Fault::Conflict);
    assert!(run(&host, "file.move", onto("dir/b.csv", true)).result.is_ok());
    assert_eq!(text(&host, "fs/work/dir/b.csv").as_deref(), Some("alpha"));
}

#[test]
fn a_step_that_was_lost_may_find_its_work_done() {
    let host = host();
    let again = |action: &str, input: Value| host.run::<ExecFile>(&task(action, input).var("PINTLE_LOSSES", "1"));
    let moved = json!({ "source": "gone", "destination": "a.txt" });
    assert_eq!(again("file.move", moved.clone()).output("changed"), false);
    assert_eq!(refused(&host, "file.move", moved).fault, Fault::NotFound);
    assert_eq!(again("file.delete", json!({ "path": "gone" })).output("changed"), false);
    let half = json!({ "source": "dir", "destination": "d2", "recursive": true });
    assert!(run(&host, "file.mkdir", json!({ "path": "d2" })).result.is_ok());
    assert_eq!(again("file.copy", half).output("files"), 2);
}

#[test]
fn deleting_asks_before_it_takes_a_tree() {
    let host = host();
    assert_eq!(refused(&host, "file.delete", json!({ "path": "dir" })).fault, Fault::Conflict);
    assert!(run(&host, "file.delete", json!({ "path": "dir", "recursive": true })).result.is_ok());
    assert_eq!(host.contents("fs/work/dir/b.csv"), None);
    assert_eq!(refused(&host, "file.delete", json!({ "path": "dir" })).fault, Fault::NotFound);
    assert_eq!(run(&host, "file.delete", json!({ "path": "dir", "missing_ok": true })).output("changed"), false);
    assert_eq!(refused(&host, "file.delete", json!({ "path": "/", "recursive": true })).fault, Fault::Invalid);
}

#[test]
fn making_a_directory_twice_is_making_it_once() {
    let host = host();
    let input = json!({ "path": "x/y" });
    assert_eq!(run(&host, "file.mkdir", input.clone()).output("changed"), true);
    assert_eq!(run(&host, "file.mkdir", input).output("changed"), false);
    assert_eq!(refused(&host, "file.mkdir", json!({ "path": "a.txt" })).fault, Fault::Conflict);
    assert_eq!(refused(&host, "file.mkdir", json!({ "path": "p/q", "parents": false })).fault, Fault::NotFound);
}

fn names(ended: &Ended) -> Vec<String> {
    let entries = ended.output("entries");
    let entries = entries.as_array().expect("a list").iter();
    entries.filter_map(|entry| entry.get("name")?.as_str().map(str::to_owned)).collect()
}

#[test]
fn listing_filters_sorts_and_descends() {
    let host = host().file("fs/work/dir/sub/z.csv", "");
    assert_eq!(names(&run(&host, "file.list", json!({ "path": "." }))), ["a.txt", "dir"]);
    let all = json!({ "path": "/work", "recursive": true, "include_hidden": true });
    assert_eq!(
        names(&run(&host, "file.list", all)),
        ["a.txt", "dir", "dir/.c", "dir/b.csv", "dir/sub", "dir/sub/z.csv"]
    );
    let csv = run(&host, "file.list", json!({ "path": "/work", "recursive": true, "pattern": "*.csv" }));
    assert_eq!(
        (names(&csv), csv.output("count")),
        (vec!["dir/b.csv".to_owned(), "dir/sub/z.csv".to_owned()], json!(2))
    );
    assert_eq!(refused(&host, "file.list", json!({ "path": ".", "max_entries": 1 })).fault, Fault::Exhausted);
    assert!(
        refused(&host, "file.list", json!({ "path": ".", "pattern": "[" })).message.contains("`pattern` is faulty")
    );
}

#[test]
fn dry_runs_change_nothing() {
    for (action, input, says) in [
        ("file.write", json!({ "path": "n", "content": "abc" }), "would write 3 bytes to /work/n\n"),
        ("file.copy", json!({ "source": "a.txt", "destination": "n" }), "would copy /work/a.txt to /work/n\n"),
        ("file.move", json!({ "source": "a.txt", "destination": "n" }), "would move /work/a.txt to /work/n\n"),
        ("file.delete", json!({ "path": "a.txt" }), "would delete /work/a.txt\n"),
        ("file.mkdir", json!({ "path": "n" }), "would make directory /work/n\n"),
    ] {
        let host = host();
        assert_eq!(host.run::<ExecFile>(&task(action, input.clone()).dry_run()).stdout(), says);
        let mut own = input;
        own.as_object_mut().expect("an object").insert("dry_run".to_owned(), json!(true));
        assert_eq!(run(&host, action, own).stdout(), says);
        assert_eq!((text(&host, "fs/work/a.txt").as_deref(), host.contents("fs/work/n")), (Some("alpha"), None));
    }
}

#[test]
fn without_the_grant_nothing_is_reached() {
    let error = refused(&FakeHost::new(), "file.read", json!({ "path": "/etc/hostname" }));
    assert_eq!(error.fault, Fault::Denied);
}

#[test]
fn schemas_are_strict() {
    for action in ExecFile::actions() {
        let schema: Value = serde_json::from_str(&action.input_schema).expect("a schema is JSON");
        assert_eq!(schema.get("additionalProperties"), Some(&json!(false)), "{}", action.name);
    }
}

fn kept(action: &str, input: Value) -> Task {
    task(action, input).var("DAG_RUN_ARTIFACTS_DIR", "/data/run/artifacts")
}

fn kept_refused(host: &FakeHost, action: &str, input: Value) -> String {
    host.run::<ExecFile>(&kept(action, input)).error().message.clone()
}

#[test]
fn an_artifact_is_written_below_the_runs_own_directory_and_read_again() {
    let host = host();
    let wrote =
        host.run::<ExecFile>(&kept("artifact.write", json!({ "path": "reports//day.json", "content": { "a": 1 } })));
    assert_eq!((wrote.output("path"), wrote.output("changed")), (json!("reports/day.json"), json!(true)));
    assert_eq!(text(&host, "fs/data/run/artifacts/reports/day.json").as_deref(), Some("{\n  \"a\": 1\n}\n"));
    let read = host.run::<ExecFile>(&kept("artifact.read", json!({ "path": "reports/day.json" })));
    assert_eq!(read.stdout(), "{\n  \"a\": 1\n}\n");
    let told = host.run::<ExecFile>(&kept("artifact.read", json!({ "path": "reports/day.json", "format": "json" })));
    let told: Value = serde_json::from_str(&told.stdout()).expect("one JSON object");
    assert_eq!(
        (told.get("path"), told.get("type"), told.get("mode")),
        (Some(&json!("reports/day.json")), Some(&json!("file")), Some(&json!("0600")))
    );
    assert_eq!(told.get("content").and_then(Value::as_str), Some("{\n  \"a\": 1\n}\n"));
}

#[test]
fn an_artifact_is_replaced_only_when_that_is_said() {
    let host = host();
    let write = |content: &str, overwrite: bool| {
        host.run::<ExecFile>(&kept(
            "artifact.write",
            json!({ "path": "a", "content": content, "overwrite": overwrite }),
        ))
    };
    write("one", false);
    assert_eq!(write("one", false).output("changed"), false, "a try that is made again finds what it wrote");
    assert!(write("two", false).error().message.contains("file exists"));
    write("two", true);
    assert_eq!(text(&host, "fs/data/run/artifacts/a").as_deref(), Some("two"));
}

#[test]
fn a_path_of_an_artifact_stays_below() {
    let host = host();
    for action in ["artifact.write", "artifact.read", "artifact.list"] {
        let with = |path: &str| match action {
            "artifact.write" => json!({ "path": path, "content": "x" }),
            _ => json!({ "path": path }),
        };
        for path in ["/etc/passwd", "~/x"] {
            assert!(
                kept_refused(&host, action, with(path)).contains("an artifact path must be relative"),
                "{action} {path}"
            );
        }
        for path in ["../x", "a/../../x"] {
            assert!(kept_refused(&host, action, with(path)).contains("must not contain `..`"), "{action} {path}");
        }
    }
    let without = host.run::<ExecFile>(&task("artifact.list", json!({})));
    assert!(without.error().message.contains("this run has no artifacts"), "{}", without.error().message);
}

#[test]
fn what_an_artifact_cannot_be_is_said() {
    let host = host();
    let both = json!({ "path": "a", "content": "", "overwrite": true, "atomic": false });
    assert!(kept_refused(&host, "artifact.write", both).contains("`overwrite: true` needs `atomic: true`"));
    assert!(kept_refused(&host, "artifact.read", json!({ "path": "no" })).contains("there is no artifact `no`"));
    let _written = host.run::<ExecFile>(&kept("artifact.write", json!({ "path": "dir/a", "content": "12345" })));
    assert!(kept_refused(&host, "artifact.read", json!({ "path": "dir" })).contains("cannot read a directory"));
    let small = json!({ "path": "dir/a", "max_bytes": 4 });
    assert!(kept_refused(&host, "artifact.read", small).contains("exceeds max_bytes"));
    assert!(
        kept_refused(&host, "artifact.write", json!({ "path": "dir", "content": "" })).contains("not a regular file")
    );
}

#[test]
fn artifacts_are_listed_by_path() {
    let host = host();
    for path in ["b.txt", "logs/a.log", "logs/deep/c.log", "logs/deep/d.txt"] {
        let _written = host.run::<ExecFile>(&kept("artifact.write", json!({ "path": path, "content": "x" })));
    }
    let listed = |input: Value| {
        let ended = host.run::<ExecFile>(&kept("artifact.list", input));
        let entries = ended.output("entries");
        let paths = entries.as_array().into_iter().flatten();
        paths.map(|entry| entry["path"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(json!({})), ["b.txt"]);
    assert_eq!(listed(json!({ "include_dirs": true })), ["b.txt", "logs"]);
    assert_eq!(listed(json!({ "recursive": true })), ["b.txt", "logs/a.log", "logs/deep/c.log", "logs/deep/d.txt"]);
    assert_eq!(
        listed(json!({ "path": "logs", "recursive": true, "pattern": "**/*.log" })),
        ["logs/a.log", "logs/deep/c.log"]
    );
    assert!(kept_refused(&host, "artifact.list", json!({ "path": "nowhere" })).contains("there is no directory"));
}
