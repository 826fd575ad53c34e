//! What comes back: whether it is a success, how it is printed, and which fault a failure is.

use std::collections::BTreeMap;

use pintle_guest::error::{Error, Fault};
use pintle_guest::executor::Done;
use pintle_guest::http::Response;
use pintle_guest::output::{self, Channel};
use serde_json::{Value, json};

use crate::{Expect, Format, Input, Status};

/// Methods that change nothing: after a failure nothing is in doubt.
const SAFE: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];

/// Longest wait that is taken from an answer, in seconds.
const LONGEST_WAIT: u32 = 24 * 60 * 60;

/// Statuses that are a success: inclusive ranges; none: all below 400.
pub(crate) struct Expected(Vec<(u16, u16)>);

impl Expected {
    /// As `expect` says.
    pub(crate) fn of(expect: Option<&Expect>) -> Result<Self, Error> {
        let statuses = match expect {
            None => return Ok(Self(Vec::new())),
            Some(Expect::One(status)) => std::slice::from_ref(status),
            Some(Expect::Many(statuses)) => statuses,
        };
        statuses.iter().map(range).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn holds(&self, status: u16) -> bool {
        match self.0.as_slice() {
            [] => status < 400,
            ranges => ranges.iter().any(|(from, to)| (*from..=*to).contains(&status)),
        }
    }
}

fn range(status: &Status) -> Result<(u16, u16), Error> {
    let faulty =
        |shown: &str| Error::invalid(format!("`expect`: `{shown}` is neither a status (200) nor a class (2xx)"));
    let within = |code: u16| (100..600).contains(&code);
    match status {
        Status::Code(code) if within(*code) => Ok((*code, *code)),
        Status::Code(code) => Err(faulty(&code.to_string())),
        Status::Class(text) => {
            let class = text.to_ascii_lowercase();
            if let Some(digit) = class.strip_suffix("xx").and_then(|digit| digit.parse::<u16>().ok())
                && within(digit.saturating_mul(100))
            {
                return Ok((digit * 100, digit * 100 + 99));
            }
            let code = class.parse().ok().filter(|code| within(*code)).ok_or_else(|| faulty(text))?;
            Ok((code, code))
        }
    }
}

/// The body as JSON if it is said to be JSON and is, else as text.
fn body(response: &Response) -> Value {
    let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_json = kind == "application/json" || kind.ends_with("+json");
    let parsed = is_json.then(|| serde_json::from_slice(&response.body).ok()).flatten();
    parsed.unwrap_or_else(|| Value::String(response.text()))
}

/// Prints what the step asked for. A failure is always told in full.
pub(crate) fn print(input: &Input, response: &Response, success: bool) {
    let silent = input.silent.0 && success;
    match input.format {
        Format::Json if silent => output::print(&format!("{}\n", json!({ "body": body_or_text(response) }))),
        Format::Json => output::print(&format!(
            "{}\n",
            json!({
                "status_code": response.status,
                "headers": all_headers(response),
                "body": body_or_text(response),
            })
        )),
        Format::Text if response.body.is_empty() && !silent => output::print(&format!("{}\n", status_line(response))),
        Format::Text => output::write(Channel::Stdout, &response.body),
    }
}

/// With `format: json` a body counts as JSON whenever it parses.
fn body_or_text(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_else(|_| Value::String(response.text()))
}

fn all_headers(response: &Response) -> BTreeMap<String, Vec<&str>> {
    let mut all: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in &response.headers {
        all.entry(name.to_ascii_lowercase()).or_default().push(value);
    }
    all
}

pub(crate) fn status_line(response: &Response) -> String {
    let words = http::StatusCode::from_u16(response.status).ok().and_then(|status| status.canonical_reason());
    match words {
        Some(words) => format!("{} {words}", response.status),
        None => response.status.to_string(),
    }
}

/// What the step leaves behind.
pub(crate) fn done(response: &Response) -> Done {
    let headers: BTreeMap<_, _> =
        all_headers(response).into_iter().map(|(name, values)| (name, values.join(", "))).collect();
    Done::new().output("status", response.status).output("headers", headers).output("body", body(response))
}

/// The error that an unexpected status is.
pub(crate) fn fault(method: &str, shown: &str, response: &Response) -> Error {
    let status = response.status;
    let changes = !SAFE.contains(&method);
    let fault = match status {
        401 | 403 | 407 => Fault::Denied,
        404 | 410 => Fault::NotFound,
        409 => Fault::Conflict,
        412 | 428 => Fault::Stale,
        423 => Fault::Busy,
        429 => Fault::Throttled,
        408 | 425 | 503 => Fault::Unavailable,
        501 | 505 => Fault::Unsupported,
        507 => Fault::Exhausted,
        400..500 => Fault::Invalid,
        500..600 if changes => Fault::UnknownOutcome,
        500..600 => Fault::Unavailable,
        _ => Fault::Failed,
    };
    let error =
        Error::new(fault, format!("{method} {shown} answered {}", status_line(response))).code(status.to_string());
    let wait = response.header("retry-after").and_then(|text| text.trim().parse::<u32>().ok());
    match wait {
        Some(seconds) => error.retry_after_ms(seconds.min(LONGEST_WAIT) * 1000),
        None => error,
    }
}
