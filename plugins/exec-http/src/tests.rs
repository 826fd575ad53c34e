use pintle_guest::error::{Error, Fault};
use pintle_guest::executor::{Executor as _, Task};
use pintle_guest::http::Response;
use pintle_guest::testing::{Ended, FakeHost, HttpRequest, answer};
use serde_json::{Value, json};

use crate::ExecHttp;

mod waiting;
mod with;

fn task(input: Value) -> Task {
    Task::new("http.request", input)
}

fn json_answer(status: u16, body: &Value) -> Response {
    let headers = vec![("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned())];
    Response { headers, ..answer(status, body.to_string()) }
}

/// The request that an input makes.
fn sent(input: Value) -> HttpRequest {
    let host = FakeHost::new().http(|_| Ok(answer(200, "ok")));
    assert!(host.run::<ExecHttp>(&task(input)).result.is_ok());
    let requests = host.requests();
    assert_eq!(requests.len(), 1);
    requests[0].clone()
}

fn answered(input: Value, response: Response) -> Ended {
    FakeHost::new().http(move |_| Ok(response.clone())).run::<ExecHttp>(&task(input))
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|pair| pair.name.eq_ignore_ascii_case(name)).map(|pair| pair.value.as_str())
}

#[test]
fn a_plain_get_prints_the_body_as_it_came() {
    let ended = answered(json!({ "url": "http://a.test/x" }), answer(200, "hello"));
    assert_eq!(ended.stdout(), "hello");
    assert_eq!((ended.output("status"), ended.output("body")), (json!(200), json!("hello")));
}

#[test]
fn a_json_body_becomes_a_json_output() {
    let body = json!({ "id": 7 });
    let ended = answered(json!({ "url": "http://a.test" }), json_answer(201, &body));
    assert_eq!(ended.output("body"), body);
    assert_eq!(ended.output("headers"), json!({ "content-type": "application/json; charset=utf-8" }));
    assert_eq!(ended.stdout(), body.to_string());
}

#[test]
fn an_answer_without_body_prints_its_status() {
    let silent = json!({ "url": "http://a.test", "silent": true });
    assert_eq!(answered(json!({ "url": "http://a.test" }), answer(204, "")).stdout(), "204 No Content\n");
    assert_eq!(answered(silent, answer(204, "")).stdout(), "");
}

#[test]
fn format_json_prints_one_object() {
    let input = |silent: bool| json!({ "url": "http://a.test", "format": "json", "silent": silent });
    let read = |ended: &Ended| serde_json::from_str::<Value>(&ended.stdout()).expect("one JSON object");
    let body = json!({ "ok": true });
    let told = read(&answered(input(false), json_answer(200, &body)));
    assert_eq!((&told["status_code"], &told["body"]), (&json!(200), &body));
    assert_eq!(told["headers"]["content-type"], json!(["application/json; charset=utf-8"]));
    assert_eq!(read(&answered(input(true), json_answer(200, &body))), json!({ "body": body }));
    assert_eq!(read(&answered(input(true), json_answer(500, &body)))["status_code"], 500);
}

#[test]
fn the_query_is_encoded_behind_what_the_url_has() {
    let query = json!({ "q": "a b&c", "n": 3, "tag": ["x", "y"] });
    let url = |url: &str| sent(json!({ "url": url, "query": query })).url;
    assert_eq!(url("https://a.test/s"), "https://a.test/s?n=3&q=a+b%26c&tag=x&tag=y");
    assert_eq!(url("https://a.test/s?p=1#f"), "https://a.test/s?p=1&n=3&q=a+b%26c&tag=x&tag=y#f");
    assert_eq!(url("https://a.test/s?"), "https://a.test/s?n=3&q=a+b%26c&tag=x&tag=y");
}

#[test]
fn bodies_are_text_or_json() {
    let text = sent(json!({ "url": "http://a.test", "method": "put", "body": "plain" }));
    assert_eq!((text.method.as_str(), text.body.as_slice()), ("PUT", b"plain".as_slice()));
    assert_eq!(header(&text, "content-type"), None);
    let object = sent(json!({ "url": "http://a.test", "method": "POST", "body": { "a": [1] } }));
    assert_eq!(
        (header(&object, "content-type"), object.body.as_slice()),
        (Some("application/json"), b"{\"a\":[1]}".as_slice())
    );
    let own =
        json!({ "url": "http://a.test", "body": {}, "headers": { "Content-Type": "application/merge-patch+json" } });
    assert_eq!(sent(own).headers.len(), 1);
}

#[test]
fn posts_carry_the_operations_key() {
    let key = |input: Value| header(&sent(input), "idempotency-key").map(str::to_owned);
    let with = |method: &str, rest: Value| {
        let mut input = json!({ "url": "http://a.test", "method": method });
        let fields = rest.as_object().cloned().unwrap_or_default();
        input.as_object_mut().expect("it is an object").extend(fields);
        input
    };
    assert_eq!(key(with("POST", json!({}))).as_deref(), Some("operation-1"));
    assert_eq!(key(with("patch", json!({}))).as_deref(), Some("operation-1"));
    assert_eq!(key(with("GET", json!({}))), None);
    assert_eq!(key(with("PUT", json!({ "idempotency_key": true }))).as_deref(), Some("operation-1"));
    assert_eq!(key(with("POST", json!({ "idempotency_key": false }))), None);
    assert_eq!(key(with("POST", json!({ "idempotency_key": "mine" }))).as_deref(), Some("mine"));
    assert_eq!(key(with("POST", json!({ "headers": { "Idempotency-Key": "h" } }))).as_deref(), Some("h"));
}

#[test]
fn limits_and_headers_are_passed_on() {
    let request =
        sent(json!({ "url": "http://a.test", "timeout_sec": "1.5", "redirects": 0, "headers": { "X-N": 3 } }));
    assert_eq!((request.timeout, request.redirects, header(&request, "x-n")), (Some(1500), 0, Some("3")));
}

#[test]
fn each_status_has_its_fault() {
    let fault = |method: &str, status: u16| {
        let ended = answered(json!({ "url": "http://u:p@a.test/x?token=t", "method": method }), answer(status, "why"));
        let error = ended.error();
        assert!(error.message.starts_with(&format!("{method} http://a.test/x answered {status}")), "{}", error.message);
        assert_eq!(error.code.as_deref(), Some(status.to_string().as_str()));
        assert_eq!(ended.stdout(), "why", "the body of a failure is told");
        error.fault
    };
    for (status, expected) in [
        (400, Fault::Invalid),
        (401, Fault::Denied),
        (404, Fault::NotFound),
        (409, Fault::Conflict),
        (412, Fault::Stale),
        (422, Fault::Invalid),
        (423, Fault::Busy),
        (429, Fault::Throttled),
        (501, Fault::Unsupported),
        (503, Fault::Unavailable),
        (507, Fault::Exhausted),
    ] {
        assert_eq!((status, fault("GET", status), fault("POST", status)), (status, expected, expected));
    }
    assert_eq!((fault("GET", 500), fault("POST", 500)), (Fault::Unavailable, Fault::UnknownOutcome));
    assert_eq!((fault("GET", 504), fault("DELETE", 504)), (Fault::Unavailable, Fault::UnknownOutcome));
}

#[test]
fn the_other_sides_wait_is_passed_on() {
    let headers = vec![("Retry-After".to_owned(), "7".to_owned())];
    let ended = answered(json!({ "url": "http://a.test" }), Response { headers, ..answer(429, "") });
    assert_eq!(ended.error().retry_after_ms, Some(7000));
}

#[test]
fn expect_decides_what_a_success_is() {
    let with = |expect: Value, status: u16| {
        answered(json!({ "url": "http://a.test", "expect": expect }), answer(status, "")).result
    };
    assert!(with(json!(404), 404).is_ok() && with(json!([200, "4xx"]), 418).is_ok());
    assert_eq!(with(json!([201]), 200).map_err(|error| error.fault), Err(Fault::Failed));
    let faulty = with(json!("many"), 200).expect_err("no status");
    assert_eq!(faulty.message, "`expect`: `many` is neither a status (200) nor a class (2xx)");
}

#[test]
fn an_answer_that_does_not_fit_is_no_success() {
    let ended = answered(json!({ "url": "http://a.test" }), Response { truncated: true, ..answer(200, "a") });
    assert_eq!(ended.error().fault, Fault::Exhausted);
}

#[test]
fn the_hosts_own_errors_pass_through() {
    let host = FakeHost::new().http(|_| Err(Error::unknown_outcome("the connection broke")));
    assert_eq!(host.run::<ExecHttp>(&task(json!({ "url": "http://a.test" }))).error().fault, Fault::UnknownOutcome);
    let ungranted = FakeHost::new().run::<ExecHttp>(&task(json!({ "url": "http://a.test" })));
    assert_eq!(ungranted.error().fault, Fault::Denied);
}

#[test]
fn faulty_inputs_are_refused_before_anything_is_sent() {
    let host = FakeHost::new().http(|_| Ok(answer(200, "")));
    let refused = |input: Value| host.run::<ExecHttp>(&task(input)).error().clone();
    assert_eq!(
        refused(json!({ "url": "ftp://a.test" })).message,
        "`ftp://a.test` is not a URL: begin with http:// or https://"
    );
    assert!(refused(json!({ "url": "http://a.test", "method": "G T" })).message.contains("not an HTTP method"));
    for seconds in ["0", "-1", "0.0001", "5000000", "nan"] {
        assert_eq!(
            refused(json!({ "url": "http://a.test", "timeout_sec": seconds })).message.to_lowercase(),
            format!("`timeout_sec` of {seconds} is out of range: write a number of seconds above 0")
        );
    }
    let unverified = refused(json!({ "url": "https://a.test", "skip_tls_verify": "true" }));
    assert_eq!(unverified.fault, Fault::Unsupported);
    assert_eq!(
        unverified.message,
        "`skip_tls_verify` is not offered: every certificate is verified; give the server one that an authority of the \
         public web has signed, or fetch it with a program"
    );
    assert!(refused(json!({})).message.contains("missing field `url`"));
    for (mut input, wanted) in [
        (json!({ "query": { "q": [[1]] } }), "`query.q`: expected text, a number or a truth value, or a list of them"),
        (json!({ "headers": { "A": [1] } }), "`headers.A`: expected text, a number or a truth value"),
    ] {
        input["url"] = json!("http://a.test");
        assert_eq!(refused(input).message, format!("the input of `http.request` is faulty: {wanted}"));
    }
    assert!(host.requests().is_empty());
}

#[test]
fn a_dry_run_sends_nothing() {
    let host = FakeHost::new().http(|_| Ok(answer(200, "")));
    let ended = host.run::<ExecHttp>(&task(json!({ "url": "http://a.test/x?t=1", "method": "delete" })).dry_run());
    assert_eq!(ended.stdout(), "would send: DELETE http://a.test/x\n");
    assert!(host.requests().is_empty());
}

#[test]
fn schemas_are_strict() {
    for action in ExecHttp::actions() {
        let schema: Value = serde_json::from_str(&action.input_schema).expect("a schema is JSON");
        assert_eq!((&schema["additionalProperties"], &schema["required"]), (&json!(false), &json!(["url"])));
        assert!(serde_json::from_str::<Value>(&action.output_schema).is_ok());
    }
}
