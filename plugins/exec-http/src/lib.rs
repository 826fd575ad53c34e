//! `http.request`: one request and its answer; `wait.http`: as many as it takes.
//!
//! The body goes to standard output as it came; status, headers and body are outputs. A status of 400 and above fails
//! the step (unless `expect` lists it), with the fault that tells the host whether another try can help. Requests that
//! are not repeatable by themselves carry the operation's key as `Idempotency-Key`: it is the same in every try.

mod answer;
mod outgoing;
mod waiting;

use std::collections::BTreeMap;

use pintle_guest::prelude::*;
use serde_json::Value;

struct ExecHttp;

/// A request, and what of its answer is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// `GET`, `POST`, ...; any case.
    #[serde(default = "get")]
    method: String,
    /// Where to: `http://` or `https://`.
    url: String,
    /// Sent as they are.
    #[serde(default)]
    headers: BTreeMap<String, Scalar>,
    /// Added to the URL; a list repeats the name.
    #[serde(default)]
    query: BTreeMap<String, Values>,
    /// Text is sent as it is; anything else as JSON, with its content type.
    #[serde(default)]
    body: Option<Value>,
    /// Given up after this many seconds.
    #[serde(default)]
    timeout_sec: Option<Lenient<f64>>,
    /// Statuses that are a success: `200`, `"2xx"`, or a list of them; without it all below 400.
    #[serde(default)]
    expect: Option<Expect>,
    /// Print the body alone.
    #[serde(default)]
    silent: Lenient<bool>,
    /// `text` prints the body; `json` prints an object of `status_code`, `headers` and `body`.
    #[serde(default)]
    format: Format,
    /// How many redirects are followed.
    #[serde(default = "ten")]
    redirects: Lenient<u32>,
    /// Text: sent as `Idempotency-Key`. `false`: none is sent. Without it POST and PATCH carry the operation's own.
    #[serde(default)]
    idempotency_key: Option<IdempotencyKey>,
    /// Only `false`: certificates are always verified.
    #[serde(default)]
    skip_tls_verify: Lenient<bool>,
}

fn get() -> String {
    "GET".to_owned()
}

fn ten() -> Lenient<u32> {
    Lenient(10)
}

/// Text, or a scalar that is written as text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected text, a number or a truth value")]
enum Scalar {
    /// As it is.
    Text(String),
    /// `7`.
    Integer(i64),
    /// `0.5`.
    Number(f64),
    /// `true` or `false`.
    Boolean(bool),
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Boolean(truth) => truth.to_string(),
        }
    }
}

/// One value or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected text, a number or a truth value, or a list of them")]
enum Values {
    /// `name=value`.
    One(Scalar),
    /// `name=a&name=b`.
    Many(Vec<Scalar>),
}

/// One status or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a status, a class such as `2xx`, or a list of them")]
enum Expect {
    /// `200`.
    One(Status),
    /// `[200, "3xx"]`.
    Many(Vec<Status>),
}

/// A status, or a class of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a status, or a class such as `2xx`")]
enum Status {
    /// `404`.
    Code(u16),
    /// `"404"` or `"4xx"`.
    Class(String),
}

/// What is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// The body.
    #[default]
    Text,
    /// Status, headers and body as one JSON object.
    Json,
}

/// The key by which the other side deduplicates.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected text or a truth value")]
enum IdempotencyKey {
    /// Sent or not.
    Wanted(bool),
    /// This one.
    Text(String),
}

/// What an `http.request` or `wait.http` step leaves behind.
#[expect(dead_code, reason = "only its schema is used")]
#[derive(JsonSchema)]
struct Outputs {
    /// The answer's status.
    status: u16,
    /// By lower-case name; repeated headers are joined by a comma.
    headers: BTreeMap<String, String>,
    /// JSON if the answer is, else text.
    body: Value,
}

impl Executor for ExecHttp {
    fn actions() -> Vec<Action> {
        vec![
            Action::new::<Input>("http.request", "Sends an HTTP request.", Repeats::UnsafeToRepeat)
                .outputs::<Outputs>(),
            Action::new::<waiting::Wait>("wait.http", "Waits until a URL answers with a status.", Repeats::Pure)
                .outputs::<Outputs>(),
        ]
    }

    fn run(task: &Task) -> Result<Progress, Error> {
        match task.action.as_str() {
            "http.request" => request(task, &task.input()?),
            "wait.http" => waiting::wait(task, &task.input()?, None),
            _ => Err(task.unknown_action()),
        }
    }

    fn resume(task: &Task, token: &str) -> Result<Progress, Error> {
        match task.action.as_str() {
            "wait.http" => waiting::wait(task, &task.input()?, Some(token)),
            _ => Err(task.unknown_action()),
        }
    }
}

pintle_guest::export!(ExecHttp);

fn request(task: &Task, input: &Input) -> Result<Progress, Error> {
    let outgoing = outgoing::build(task, input)?;
    if task.is_dry_run() {
        output::print(&format!("would send: {} {}\n", outgoing.method, outgoing.shown));
        return Ok(Done::new().into());
    }
    let expected = answer::Expected::of(input.expect.as_ref())?;
    let response = outgoing.request.send()?;
    let success = expected.holds(response.status);
    answer::print(input, &response, success);
    if !success {
        return Err(answer::fault(&outgoing.method, &outgoing.shown, &response));
    }
    if response.truncated {
        return Err(Error::exhausted(format!(
            "the answer of {} {} is larger than {} bytes: ask for less, or fetch it with a program",
            outgoing.method,
            outgoing.shown,
            http::BODY_LIMIT
        )));
    }
    Ok(answer::done(&response).into())
}

#[cfg(test)]
#[expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests;
