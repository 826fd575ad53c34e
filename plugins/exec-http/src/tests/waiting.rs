//! `wait.http`.

use pintle_guest::executor::Progress;

use super::*;

fn wait(input: Value) -> Task {
    Task::new("wait.http", input)
}

/// What one look comes to: pending with its reason and the wait, and what was said.
fn looked(input: Value, answered: Result<Response, Error>, before: Option<&str>) -> (Progress, String) {
    let host = FakeHost::new().http(move |_| answered.clone());
    let task = wait(input);
    let ended = match before {
        None => host.run::<ExecHttp>(&task),
        Some(token) => host.resume::<ExecHttp>(&task, token),
    };
    let said = ended.stderr();
    (ended.result.expect("no error ends the wait"), said)
}

fn pending(token: &str, ask_after_ms: u32) -> Progress {
    Progress::Pending { token: token.to_owned(), ask_after_ms }
}

const URL: &str = "http://a.test/health?key=secret";

#[test]
fn another_status_is_not_yet_the_right_one_and_is_told_once() {
    let input = json!({ "url": URL, "poll_interval": "2s" });
    let (progress, said) = looked(input.clone(), Ok(answer(503, "")), None);
    assert_eq!(progress, pending("it answered 503 Service Unavailable", 2000));
    assert_eq!(said, "GET http://a.test/health: not yet: it answered 503 Service Unavailable\n");
    let (progress, said) = looked(input.clone(), Ok(answer(503, "")), Some("it answered 503 Service Unavailable"));
    assert_eq!((progress, said.as_str()), (pending("it answered 503 Service Unavailable", 2000), ""));
    let (progress, said) = looked(input, Ok(answer(404, "")), Some("it answered 503 Service Unavailable"));
    assert_eq!(progress, pending("it answered 404 Not Found", 2000));
    assert!(said.ends_with("not yet: it answered 404 Not Found\n"), "{said}");
}

#[test]
fn the_wanted_status_ends_the_wait_with_its_answer() {
    let ended = FakeHost::new().http(|_| Ok(answer(200, "up"))).run::<ExecHttp>(&wait(json!({ "url": URL })));
    assert_eq!(ended.stdout(), "GET http://a.test/health answered 200 OK\n");
    assert_eq!((ended.output("status"), ended.output("body")), (json!(200), json!("up")));
    for (status, answered) in [(json!(204), 204), (json!("4xx"), 404), (json!([201, "3xx"]), 302)] {
        let (progress, _) = looked(json!({ "url": URL, "status": status }), Ok(answer(answered, "")), None);
        assert!(matches!(progress, Progress::Done(_)), "{status} {progress:?}");
    }
}

#[test]
fn who_does_not_answer_is_asked_again_and_who_may_not_be_asked_is_not() {
    let refused = Error::unavailable("http://a.test/health: no connection: refused");
    let (progress, _) = looked(json!({ "url": URL }), Err(refused), None);
    assert_eq!(progress, pending("http://a.test/health: no connection: refused", 1000));
    let late = Error::new(Fault::UnknownOutcome, "no answer in time".repeat(40));
    let (progress, _) = looked(json!({ "url": URL }), Err(late), None);
    let Progress::Pending { token, .. } = progress else { unreachable!("a late answer is none") };
    assert_eq!(token.chars().count(), 200, "a reason is cut");
    for fault in [Fault::Denied, Fault::Invalid, Fault::Cancelled] {
        let host = FakeHost::new().http(move |_| Err(Error::new(fault, "no")));
        assert_eq!(host.run::<ExecHttp>(&wait(json!({ "url": URL }))).error().fault, fault);
    }
    let ungranted = FakeHost::new().run::<ExecHttp>(&wait(json!({ "url": URL })));
    assert_eq!(ungranted.error().fault, Fault::Denied);
}

#[test]
fn the_request_is_the_one_that_was_written() {
    let input = json!({ "url": URL, "method": "post", "headers": { "X-A": 7 }, "body": "{}", "request_timeout": "3s" });
    let host = FakeHost::new().http(|_| Ok(answer(200, "")));
    assert!(host.run::<ExecHttp>(&wait(input)).result.is_ok());
    let sent = &host.requests()[0];
    assert_eq!((sent.method.as_str(), sent.timeout, sent.body.as_slice()), ("POST", Some(3000), &b"{}"[..]));
    assert_eq!((header(sent, "X-A"), header(sent, "idempotency-key")), (Some("7"), None));
}

#[test]
fn what_cannot_be_waited_for_is_refused() {
    let table = [
        (json!({}), "missing field `url`"),
        (json!({ "url": "ftp://a.test" }), "`ftp://a.test` is not a URL: begin with http:// or https://"),
        (json!({ "url": URL, "method": "G T" }), "`G T` is not an HTTP method"),
        (json!({ "url": URL, "status": 99 }), "`99` is neither a status (200) nor a class (2xx)"),
        (
            json!({ "url": URL, "status": 70000 }),
            "the input of `wait.http` is faulty: `status`: expected a status, a class such as `2xx`, or a list of them",
        ),
        (
            json!({ "url": URL, "poll_interval": "soon" }),
            "`poll_interval`: `soon` is not a length of time: write one such as `500ms`, `30s` or `1h30m`",
        ),
        (json!({ "url": URL, "request_timeout": "0s" }), "`0s` is not a length of time"),
        (json!({ "url": URL, "timeout_sec": 3 }), "unknown field `timeout_sec`"),
    ];
    for (input, said) in table {
        let ended = FakeHost::new().http(|_| Ok(answer(200, ""))).run::<ExecHttp>(&wait(input.clone()));
        assert_eq!(ended.error().fault, Fault::Invalid, "{input}");
        assert!(ended.error().message.contains(said), "{input}: {}", ended.error().message);
    }
}

#[test]
fn a_dry_run_asks_nobody() {
    let host = FakeHost::new();
    let ended = host.run::<ExecHttp>(&wait(json!({ "url": URL })).dry_run());
    assert_eq!((ended.stdout().as_str(), host.requests().len()), ("would wait for: GET http://a.test/health\n", 0));
}

#[test]
fn it_is_not_asked_more_often_than_ten_times_a_second() {
    let (progress, _) = looked(json!({ "url": URL, "poll_interval": "1ms" }), Ok(answer(500, "")), None);
    assert_eq!(progress, pending("it answered 500 Internal Server Error", 100));
}
