//! Host calls as a plugin makes them, on the fake host.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::cell::RefCell;

use pintle_guest::error::Fault;
use pintle_guest::kv::Condition;
use pintle_guest::prelude::*;
use pintle_guest::testing::{FakeHost, answer, exit};
use pintle_guest::{blobs, secrets};
use serde_json::json;

type Body = Box<dyn FnOnce() -> Result<(), Error>>;

thread_local! {
    static BODY: RefCell<Option<Body>> = const { RefCell::new(None) };
}

/// A plugin that does what the test puts in.
struct Probe;

impl Executor for Probe {
    fn actions() -> Vec<Action> {
        Vec::new()
    }

    fn run(_: &Task) -> Result<Progress, Error> {
        let body = BODY.take().expect("the test gave a body");
        body().map(|()| Done::new().into())
    }
}

/// Runs the body as a plugin on a host.
fn on(host: &FakeHost, body: impl FnOnce() -> Result<(), Error> + 'static) -> pintle_guest::testing::Ended {
    BODY.set(Some(Box::new(body)));
    host.run::<Probe>(&Task::new("probe", json!({})))
}

fn succeeds(host: &FakeHost, body: impl FnOnce() -> Result<(), Error> + 'static) {
    let ended = on(host, body);
    assert!(ended.result.is_ok(), "{:?}", ended.result);
}

#[test]
fn what_a_test_does_not_script_is_not_granted() {
    let calls: [fn() -> Result<(), Error>; 6] = [
        || http::Request::get("http://a.test").send().map(drop),
        || process::Command::new("true").run().map(drop),
        || files::read("fs/a", 1).map(drop),
        || kv::get("a").map(drop),
        || secrets::reveal("a").map(drop),
        || pintle_guest::sign::hmac_sha256("a", b"").map(drop),
    ];
    for call in calls {
        assert_eq!(on(&FakeHost::new(), call).error().fault, Fault::Denied);
    }
}

#[test]
fn the_clock_stands_and_chance_repeats() {
    let draw = || {
        let host = FakeHost::new().at(1_000).remaining_ms(250);
        on(&host, || {
            output::print(&format!("{} {} {:?}", call::unix_ms(), call::remaining_ms(), random::bytes(9)));
            call::check()
        })
    };
    let first = draw().stdout();
    assert!(first.starts_with("1000 250 ["), "{first}");
    assert_eq!(first, draw().stdout());
    assert_eq!(on(&FakeHost::new().cancelled(), call::check).error().fault, Fault::Cancelled);
}

#[test]
fn keys_have_versions_and_conditions() {
    let host = FakeHost::new().key("a", "1");
    succeeds(&host, || {
        let entry = kv::get("a")?.ok_or_else(|| Error::failed("it was seeded"))?;
        let next = kv::put("a", b"2", Condition::Version(entry.version), None)?;
        let lost = kv::put("a", b"3", Condition::Version(entry.version), None).map_err(|error| error.fault);
        assert_eq!(lost, Err(Fault::Stale));
        assert!(next > entry.version);
        assert_eq!(kv::put("a", b"", Condition::Absent, None).map_err(|error| error.fault), Err(Fault::Stale));
        kv::put("b", b"new", Condition::Absent, Some(1000))?;
        kv::remove("a", Condition::Always)
    });
    assert_eq!((host.value("a"), host.value("b")), (None, Some(b"new".to_vec())));
}

#[test]
fn listings_of_several_pages_are_whole() {
    let host = (0..1203).fold(FakeHost::new(), |host, number| {
        host.key(&format!("k{number:04}"), "").file(&format!("fs/d/{number:04}"), "")
    });
    succeeds(&host, || {
        let keys = kv::list("k")?;
        assert_eq!(
            (keys.len(), keys.first().map(String::as_str), keys.last().map(String::as_str)),
            (1203, Some("k0000"), Some("k1202"))
        );
        assert_eq!(files::list("fs/d")?.len(), 1203);
        Ok(())
    });
}

#[test]
fn files_are_replaced_whole_below_their_root() {
    let host = FakeHost::new().file("fs/d/a", "old");
    succeeds(&host, || {
        files::write("fs/d/a", b"new", Some(0o7600))?;
        files::append("fs/d/log", b"1")?;
        files::append("fs/d/log", b"2")?;
        files::store("fs/d/copy", &files::load("fs/d/a")?, None)?;
        assert_eq!(files::read("fs/d/a", 2).map_err(|error| error.fault), Err(Fault::Exhausted));
        assert_eq!(files::write("fs/none/a", b"", None).map_err(|error| error.fault), Err(Fault::NotFound));
        assert_eq!(files::read("fs/../a", 9).map_err(|error| error.fault), Err(Fault::Invalid));
        assert_eq!(files::read("etc/a", 9).map_err(|error| error.fault), Err(Fault::Denied));
        assert_eq!(files::remove("fs/d", false).map_err(|error| error.fault), Err(Fault::Conflict));
        Ok(())
    });
    assert_eq!((host.contents("fs/d/a"), host.mode("fs/d/a")), (Some(b"new".to_vec()), Some(0o600)));
    assert_eq!((host.contents("fs/d/log"), host.contents("fs/d/copy")), (Some(b"12".to_vec()), Some(b"new".to_vec())));
}

#[test]
fn blobs_take_more_than_one_piece() {
    succeeds(&FakeHost::new(), || {
        let blob = blobs::create()?;
        let long = vec![7; 3 << 20];
        assert_eq!(blobs::append(&blob, &long)?, 3 << 20);
        assert_eq!((blobs::size(&blob)?, blobs::read(&blob, (3 << 20) - 2, 9)?), (3 << 20, vec![7, 7]));
        assert_eq!(blobs::read("other", 0, 1).map_err(|error| error.fault), Err(Fault::NotFound));
        Ok(())
    });
}

#[test]
fn requests_are_seen_and_answers_are_bounded() {
    let host = FakeHost::new().http(|request| Ok(answer(200, request.body.repeat(3))));
    succeeds(&host, || {
        let request = http::Request::post("http://a.test").header("X-A", "1").json(&json!({ "n": 1 }))?;
        let response = request.limit(10).timeout_ms(5).send()?;
        assert_eq!((response.body.len(), response.truncated), (10, true));
        let blob = blobs::create()?;
        http::Request::new("PUT", "http://a.test").body("ab").receive_blob(&blob)?;
        assert_eq!(blobs::read(&blob, 0, 99)?, b"ababab");
        let sent = http::Request::new("PUT", "http://a.test").send_blob(&blob, 1, 2)?;
        assert_eq!(sent.text(), "bababa");
        Ok(())
    });
    let requests = host.requests();
    let first = requests.first().expect("three were sent");
    let names: Vec<&str> = first.headers.iter().map(|pair| pair.name.as_str()).collect();
    assert_eq!((names, first.timeout, requests.len()), (vec!["X-A", "content-type"], Some(5), 3));
}

#[test]
fn what_a_process_prints_goes_to_the_step_and_back_within_its_capture() {
    let host = FakeHost::new()
        .process(|_| Ok(process::Exit { stdout: b"hello".to_vec(), stderr_tail: b"oops".to_vec(), ..exit(2) }));
    let ended = on(&host, || {
        let exit = process::Command::new("tool").args(["a", "b"]).input("in").capture(4).run()?;
        assert_eq!((exit.stdout.as_slice(), exit.stdout_truncated, exit.code), (b"hell".as_slice(), true, Some(2)));
        Ok(())
    });
    assert!(ended.result.is_ok(), "{:?}", ended.result);
    assert_eq!((ended.stdout().as_str(), ended.stderr().as_str()), ("hello", "oops"));
    assert_eq!(host.commands().first().expect("one ran").arguments, ["a", "b"]);
}

#[test]
fn configuration_secrets_and_logs_reach_the_plugin() {
    #[derive(Deserialize)]
    struct Config {
        url: String,
    }
    let host = FakeHost::new().config(&json!({ "url": "u" })).secret("key", "s3");
    let ended = on(&host, || {
        let config: Config = config::get()?;
        log::write(log::Level::Warn, &config.url, &[("secret", &secrets::reveal("key")?)]);
        Ok(())
    });
    let line = ended.logs.first().expect("one line");
    assert_eq!((line.level, line.message.as_str()), (log::Level::Warn, "u"));
    assert_eq!(line.fields, [("secret".to_owned(), "s3".to_owned())]);
    let faulty = on(&FakeHost::new(), || config::get::<Config>().map(drop));
    assert_eq!(faulty.error().message, "the configuration is faulty: missing field `url`");
}

#[test]
fn hosts_do_not_leak_into_each_other() {
    let (first, second) = (FakeHost::new().key("a", "1"), FakeHost::new().key("a", "2"));
    let inner = second.clone();
    succeeds(&first, move || {
        succeeds(&inner, || kv::put("a", b"3", Condition::Always, None).map(drop));
        kv::put("b", b"4", Condition::Always, None).map(drop)
    });
    assert_eq!((first.value("a"), first.value("b")), (Some(b"1".to_vec()), Some(b"4".to_vec())));
    assert_eq!((second.value("a"), second.value("b")), (Some(b"3".to_vec()), None));
}
