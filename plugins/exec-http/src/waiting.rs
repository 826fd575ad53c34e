//! `wait.http`: asks, and asks again until the answer is the one that is waited for.

use std::collections::BTreeMap;

use pintle_guest::http::Request;
use pintle_guest::prelude::*;
use pintle_guest::span::Span;

use crate::answer::{self, Expected};
use crate::outgoing::{check_url, shown_of, valid_method};
use crate::{Expect, Scalar, Status, get};

/// It is not asked more often, in milliseconds: each request is recorded.
const OFTEN: u32 = 100;

/// As many redirects are followed as most clients follow.
const REDIRECTS: u32 = 10;

/// What is kept of the reason why it was not the right answer yet, in characters.
const REASON: usize = 200;

/// What is waited for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wait {
    /// Where to: `http://` or `https://`.
    url: String,
    /// `GET`, `HEAD`, ...; any case. It is sent again and again: it should change nothing there.
    #[serde(default = "get")]
    method: String,
    /// The status that ends the wait: `200`, `"2xx"`, or a list of them.
    #[serde(default = "ok")]
    status: Expect,
    /// Sent as they are.
    #[serde(default)]
    headers: BTreeMap<String, Scalar>,
    /// Sent as it is.
    #[serde(default)]
    body: Option<String>,
    /// Between two requests; at least 100ms.
    #[serde(default = "second")]
    poll_interval: Span,
    /// Each request is given up after this.
    #[serde(default = "ten_seconds")]
    request_timeout: Span,
}

fn ok() -> Expect {
    Expect::One(Status::Code(200))
}

fn second() -> Span {
    Span(1000)
}

fn ten_seconds() -> Span {
    Span(10_000)
}

/// Asks once. `before` is why the last answer was not the right one: only what is new is told.
pub(crate) fn wait(task: &Task, input: &Wait, before: Option<&str>) -> Result<Progress, Error> {
    let method = valid_method(&input.method)?;
    let url = check_url(&input.url)?;
    let shown = shown_of(url);
    let expected = Expected::of(Some(&input.status))?;
    if task.is_dry_run() {
        output::print(&format!("would wait for: {method} {shown}\n"));
        return Ok(Done::new().into());
    }
    let mut request = Request::new(&method, url).redirects(REDIRECTS).timeout_ms(input.request_timeout.0);
    for (name, value) in &input.headers {
        request = request.header(name, &value.text());
    }
    if let Some(body) = &input.body {
        request = request.body(body.as_bytes());
    }
    let reason = match request.send() {
        Ok(response) if expected.holds(response.status) => {
            output::print(&format!("{method} {shown} answered {}\n", answer::status_line(&response)));
            return Ok(answer::done(&response).into());
        }
        Ok(response) => format!("it answered {}", answer::status_line(&response)),
        Err(error) => not_yet(error)?,
    };
    let reason: String = reason.chars().take(REASON).collect();
    if before != Some(reason.as_str()) {
        output::eprint(&format!("{method} {shown}: not yet: {reason}\n"));
    }
    Ok(Progress::Pending { token: reason, ask_after_ms: input.poll_interval.0.max(OFTEN) })
}

/// Why there was no answer; what no other request can mend ends the wait.
fn not_yet(error: Error) -> Result<String, Error> {
    match error.fault {
        Fault::Unavailable
        | Fault::UnknownOutcome
        | Fault::Busy
        | Fault::Throttled
        | Fault::Failed
        | Fault::NotFound
        | Fault::Stale => Ok(error.message),
        Fault::Invalid
        | Fault::Conflict
        | Fault::Denied
        | Fault::Unsupported
        | Fault::Exhausted
        | Fault::Fenced
        | Fault::Cancelled => Err(error),
    }
}
