//! The request that goes out.

use pintle_guest::Error;
use pintle_guest::executor::Task;
use pintle_guest::http::Request;
use serde_json::Value;

use crate::{IdempotencyKey, Input, Values};

/// Methods that another try may do twice.
const NOT_IDEMPOTENT: [&str; 2] = ["POST", "PATCH"];

/// A request, and how it is named in messages.
pub(crate) struct Outgoing {
    pub(crate) method: String,
    /// The URL without its query, which may hold what nobody should read.
    pub(crate) shown: String,
    pub(crate) request: Request,
}

/// The request that an input describes.
pub(crate) fn build(task: &Task, input: &Input) -> Result<Outgoing, Error> {
    let method = valid_method(&input.method)?;
    if input.skip_tls_verify.0 {
        return Err(Error::unsupported(
            "`skip_tls_verify` is not offered: every certificate is verified; give the server one that an authority of the \
             public web has signed, or fetch it with a program",
        ));
    }
    let url = with_query(input)?;
    let mut request = Request::new(&method, &url).redirects(input.redirects.0);
    for (name, value) in &input.headers {
        request = request.header(name, &value.text());
    }
    if let Some(seconds) = input.timeout_sec {
        request = request.timeout_ms(milliseconds(seconds.0)?);
    }
    if let Some(key) = idempotency_key(task, input, &method) {
        request = request.header("idempotency-key", &key);
    }
    request = match &input.body {
        None | Some(Value::Null) => request,
        Some(Value::String(text)) => request.body(text.as_bytes()),
        Some(json) if has_header(input, "content-type") => request.body(json.to_string()),
        Some(json) => request.json(json)?,
    };
    let shown = shown_of(&url);
    Ok(Outgoing { method, shown, request })
}

/// A method in capitals.
pub(crate) fn valid_method(text: &str) -> Result<String, Error> {
    let method = text.trim().to_ascii_uppercase();
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
        return Err(Error::invalid(format!("`{text}` is not an HTTP method: write GET, POST, PUT, ...")));
    }
    Ok(method)
}

/// A URL of a kind that can be asked.
pub(crate) fn check_url(text: &str) -> Result<&str, Error> {
    let url = text.trim();
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        return Err(Error::invalid(format!(
            "`{}` is not a URL: begin with http:// or https://",
            without_userinfo(url)
        )));
    }
    Ok(url)
}

/// A URL as messages name it.
pub(crate) fn shown_of(url: &str) -> String {
    without_userinfo(url.split(['?', '#']).next().unwrap_or_default())
}

fn has_header(input: &Input, name: &str) -> bool {
    input.headers.keys().any(|key| key.eq_ignore_ascii_case(name))
}

/// The operation's key, unless the step says otherwise.
fn idempotency_key(task: &Task, input: &Input, method: &str) -> Option<String> {
    let own = || Some(task.operation.key.clone()).filter(|key| !key.is_empty());
    match &input.idempotency_key {
        _ if has_header(input, "idempotency-key") => None,
        Some(IdempotencyKey::Text(key)) => Some(key.clone()),
        Some(IdempotencyKey::Wanted(true)) => own(),
        Some(IdempotencyKey::Wanted(false)) => None,
        None => own().filter(|_| NOT_IDEMPOTENT.contains(&method)),
    }
}

fn milliseconds(seconds: f64) -> Result<u32, Error> {
    let ms = seconds * 1000.0;
    if ms >= 1.0 && ms <= f64::from(u32::MAX) {
        // In range: checked above.
        Ok(ms as u32)
    } else {
        Err(Error::invalid(format!("`timeout_sec` of {seconds} is out of range: write a number of seconds above 0")))
    }
}

/// The URL with the query behind what it has of its own, in front of the fragment.
fn with_query(input: &Input) -> Result<String, Error> {
    let url = check_url(&input.url)?;
    if input.query.is_empty() {
        return Ok(url.to_owned());
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, values) in &input.query {
        match values {
            Values::One(value) => query.append_pair(name, &value.text()),
            Values::Many(values) => query.extend_pairs(values.iter().map(|value| (name, value.text()))),
        };
    }
    let (base, fragment) = url.split_once('#').map_or((url, None), |(base, fragment)| (base, Some(fragment)));
    let joint = match base.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let fragment = fragment.map(|text| format!("#{text}")).unwrap_or_default();
    Ok(format!("{base}{joint}{}{fragment}", query.finish()))
}

/// A URL without the name and password that it may carry.
fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}
