//! `wait.file`.

use pintle_guest::executor::Progress;

use super::*;

fn looked(input: Value) -> Progress {
    run(&host(), "wait.file", input).result.expect("no error ends the wait")
}

#[test]
fn what_stands_there_ends_the_wait() {
    for path in ["a.txt", "dir", "~/b.csv"] {
        let ended = run(&host(), "wait.file", json!({ "path": path }));
        assert_eq!(ended.output("exists"), true, "{path}");
    }
    let ended = run(&host(), "wait.file", json!({ "path": "a.txt" }));
    assert_eq!(ended.stdout(), "{\"path\":\"/work/a.txt\",\"exists\":true}\n");
    let gone = run(&host(), "wait.file", json!({ "path": "no/such", "state": "missing" }));
    assert_eq!(gone.output("exists"), false);
}

#[test]
fn what_is_not_so_yet_is_looked_at_again() {
    let again = |ask_after_ms| Progress::Pending { token: "look".to_owned(), ask_after_ms };
    assert_eq!(looked(json!({ "path": "no" })), again(1000));
    assert_eq!(looked(json!({ "path": "a.txt", "state": "missing", "poll_interval": "1m" })), again(60_000));
    assert_eq!(looked(json!({ "path": "no", "poll_interval": "1ms" })), again(100));
    let appeared =
        host().file("fs/work/no", "").resume::<ExecFile>(&task("wait.file", json!({ "path": "no" })), "look");
    assert_eq!(appeared.output("path"), "/work/no");
}

#[test]
fn what_cannot_be_waited_for_is_refused() {
    let table = [
        (json!({}), "missing field `path`"),
        (json!({ "path": "" }), "\"\" is no path: name a file or a directory"),
        (json!({ "path": "a", "state": "there" }), "unknown variant `there`, expected `exists` or `missing`"),
        (json!({ "path": "a", "poll_interval": "soon" }), "`soon` is not a length of time"),
    ];
    for (input, said) in table {
        let error = refused(&host(), "wait.file", input.clone());
        assert_eq!((error.fault, error.message.contains(said)), (Fault::Invalid, true), "{input}: {}", error.message);
    }
    let error = FakeHost::new().run::<ExecFile>(&task("wait.file", json!({ "path": "a" }))).error().clone();
    assert_eq!(error.fault, Fault::Denied, "without the grant: {}", error.message);
}

#[test]
fn a_dry_run_does_not_wait() {
    let ended = host().run::<ExecFile>(&task("wait.file", json!({ "path": "no" })).dry_run());
    assert_eq!(ended.stdout(), "would wait until /work/no exists\n");
}
