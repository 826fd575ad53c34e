//! One request with its redirects.
//!
//! The danger is to call a request unsent that was sent: it would be sent again. The rule: `unavailable` only where
//! the connection itself could not be made; anything later is `unknown-outcome`.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use url::{Host, Url};

use crate::bindings::host::http as wit;
use crate::bindings::{GuestError, GuestFault, Pair, denied, guest_error};
use crate::http::address::is_public;
use crate::http::certificate::distrust;
use crate::http::client::{HttpClients, PrivateAddress, Way};
use crate::http::grant::{HttpGrant, HttpRule, Origin};
use crate::limits::CHUNK_BYTES;

/// Without a wish of the guest.
const TIMEOUT: Duration = Duration::from_secs(30);
/// More redirects are a loop.
const REDIRECTS: u32 = 10;
/// Bytes of an answer's header fields.
const FIELD_BYTES: usize = 64 * 1024;

/// Fields that say how bytes travel: the host's to write.
const HOP_FIELDS: [&str; 11] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "expect",
];

/// A request as it is sent, hop by hop.
#[derive(Debug, Clone)]
struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Who asks. Its call ends by itself when its time is over, and the request with it.
pub(crate) struct Asker<'a> {
    pub(crate) clients: &'a HttpClients,
    pub(crate) grant: &'a HttpGrant,
    pub(crate) tenant: &'a pintle_core::ids::TenantId,
    pub(crate) plugin: &'a str,
}

/// What stops a request before it is sent.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The request itself is at fault.
    Error(GuestError),
    /// The grant does not allow it; the text is the option that would.
    Ungranted(String),
}

impl From<GuestError> for Stopped {
    fn from(error: GuestError) -> Self {
        Self::Error(error)
    }
}

/// Whether a request of this method changes nothing.
pub(crate) fn is_safe(method: &str) -> bool {
    ["GET", "HEAD", "OPTIONS"].iter().any(|safe| method.eq_ignore_ascii_case(safe))
}

/// Sends a request and follows what it may follow. `count` is called before each hop.
pub(crate) async fn exchange(
    asker: &Asker<'_>,
    request: wit::Request,
    mut count: impl FnMut() -> Result<(), u64>,
) -> Result<Result<wit::Response, u64>, Stopped> {
    let timeout = request.timeout.map_or(TIMEOUT, |ms| Duration::from_millis(u64::from(ms)));
    let limit = (request.limit as usize).min(CHUNK_BYTES);
    let redirects = request.redirects.min(REDIRECTS);
    let mut hop = first_hop(request)?;
    let started = std::time::Instant::now();
    let changes = !is_safe(hop.method.as_str());
    let mut followed = 0;
    loop {
        if let Err(limit) = count() {
            return Ok(Err(limit));
        }
        let rule = check(asker.grant, &hop)?;
        let sent = send(asker, rule, &hop, timeout.saturating_sub(started.elapsed())).await;
        let answer = sent.map_err(|stopped| if changes && followed > 0 { after_a_hop(stopped) } else { stopped })?;
        hop = match next_hop(&hop, &answer).filter(|_| redirects > 0) {
            None => return Ok(Ok(read(answer, limit).await?)),
            Some(next) if followed < redirects => next?,
            Some(_) => return Err(one_too_many(&hop.url, redirects, changes).into()),
        };
        followed += 1;
    }
}

/// Who wants redirects followed wants what is at their end, and takes another answer for it. What the first request
/// changed is changed.
fn one_too_many(url: &Url, followed: u32, changes: bool) -> GuestError {
    let fault = if changes { GuestFault::UnknownOutcome } else { GuestFault::Failed };
    guest_error(fault, format!("{}: it redirects again; the bound of redirects is {followed}", shown(url)))
}

fn first_hop(request: wit::Request) -> Result<Hop, GuestError> {
    if !request.credentials.is_empty() {
        return Err(denied("credentials are not granted to this plugin"));
    }
    let invalid = |message: String| guest_error(GuestFault::Invalid, message);
    let method = Method::from_bytes(request.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| invalid(format!("`{}` is not a method", request.method)))?;
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(denied(format!("{method} is not sent for plugins")));
    }
    let url = Url::parse(&request.url).map_err(|error| invalid(format!("url `{}`: {error}", request.url)))?;
    let mut headers = HeaderMap::new();
    for Pair { name, value } in request.headers {
        let field = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid(format!("`{name}` is not the name of a header")))?;
        if HOP_FIELDS.contains(&field.as_str()) {
            return Err(invalid(format!("header `{name}` is written by the host")));
        }
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| invalid(format!("the value of header `{name}` holds a control character")))?;
        headers.append(field, value);
    }
    Ok(Hop { method, url, headers, body: request.body })
}

/// Origin, method and path against the grant; an address in the URL itself is checked here, a name when it is resolved.
fn check<'a>(grant: &'a HttpGrant, hop: &Hop) -> Result<&'a HttpRule, Stopped> {
    let invalid =
        |message: &str| Stopped::Error(guest_error(GuestFault::Invalid, format!("{}: {message}", shown(&hop.url))));
    let origin = Origin::of(&hop.url).ok_or_else(|| invalid("only http and https URLs with a host are fetched"))?;
    if !hop.url.username().is_empty() || hop.url.password().is_some() {
        return Err(invalid("a URL must not hold a user name or password"));
    }
    let rule =
        grant.allows(hop.method.as_str(), &hop.url).ok_or_else(|| Stopped::Ungranted(format!("--http {origin}")))?;
    let address = match hop.url.host() {
        Some(Host::Ipv4(v4)) => Some(v4.into()),
        Some(Host::Ipv6(v6)) => Some(v6.into()),
        Some(Host::Domain(_)) | None => None,
    };
    match address {
        Some(address) if !rule.private_addresses && rule.via.is_none() && !is_public(address) => {
            Err(Stopped::Ungranted(format!("--http {origin} --private-addresses")))
        }
        _ => Ok(rule),
    }
}

async fn send(asker: &Asker<'_>, rule: &HttpRule, hop: &Hop, timeout: Duration) -> Result<Response, Stopped> {
    let way = Way {
        tenant: asker.tenant.clone(),
        plugin: asker.plugin.to_owned(),
        private: rule.private_addresses,
        via: rule.via.clone(),
    };
    let client = asker.clients.client(&way).map_err(|message| guest_error(GuestFault::Failed, message))?;
    client
        .request(hop.method.clone(), hop.url.clone())
        .headers(hop.headers.clone())
        .body(hop.body.clone())
        .timeout(timeout)
        .send()
        .await
        .map_err(|error| failed_to_send(&error, &hop.url))
}

fn failed_to_send(error: &reqwest::Error, url: &Url) -> Stopped {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut deepest = error.to_string();
    while let Some(this) = cause {
        if let Some(private) = this.downcast_ref::<PrivateAddress>() {
            let origin = Origin::of(url).map_or_else(String::new, |origin| origin.to_string());
            tracing::warn!(%private, "a request was refused");
            return Stopped::Ungranted(format!("--http {origin} --private-addresses"));
        }
        if let Some(reason) = distrust(this) {
            let message = format!("{}: no connection: {reason}", shown(url));
            return guest_error(GuestFault::Unavailable, message).into();
        }
        deepest = this.to_string();
        cause = this.source();
    }
    let (fault, what) = if error.is_builder() {
        (GuestFault::Invalid, "cannot be sent")
    } else if error.is_connect() {
        (GuestFault::Unavailable, "no connection")
    } else if error.is_timeout() {
        (GuestFault::UnknownOutcome, "no answer in time")
    } else {
        (GuestFault::UnknownOutcome, "the request was sent and no full answer came")
    };
    guest_error(fault, format!("{}: {what}: {deepest}", shown(url))).into()
}

/// An earlier hop was sent: what a later one did not send is no longer the whole truth.
fn after_a_hop(stopped: Stopped) -> Stopped {
    match stopped {
        Stopped::Error(error) if matches!(error.fault, GuestFault::Unavailable) => {
            Stopped::Error(GuestError { fault: GuestFault::UnknownOutcome, ..error })
        }
        other => other,
    }
}

/// The request that a redirect asks for; none: the answer is no redirect, or one without a usable place.
fn next_hop(hop: &Hop, answer: &Response) -> Option<Result<Hop, GuestError>> {
    if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let place = answer.headers().get("location")?.to_str().ok()?;
    let Ok(url) = hop.url.join(place) else {
        return Some(Err(guest_error(
            GuestFault::Failed,
            format!("{}: redirect to an unreadable place", shown(&hop.url)),
        )));
    };
    let mut next = Hop { url, ..hop.clone() };
    let becomes_get = match answer.status() {
        StatusCode::SEE_OTHER => hop.method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => hop.method == Method::POST,
        _ => false,
    };
    if becomes_get {
        next.method = Method::GET;
        next.body.clear();
        for field in ["content-type", "content-encoding", "content-language", "content-location"] {
            next.headers.remove(field);
        }
    }
    if Origin::of(&next.url) != Origin::of(&hop.url) {
        for field in ["authorization", "cookie", "www-authenticate", "x-api-key", "x-auth-token"] {
            next.headers.remove(field);
        }
    }
    Some(Ok(next))
}

async fn read(mut answer: Response, limit: usize) -> Result<wit::Response, GuestError> {
    let status = answer.status().as_u16();
    let url = answer.url().clone();
    let mut headers = Vec::with_capacity(answer.headers().len());
    let mut field_bytes = 0;
    for (name, value) in answer.headers() {
        field_bytes += name.as_str().len() + value.len();
        headers.push(Pair {
            name: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        });
    }
    if field_bytes > FIELD_BYTES {
        let message = format!("{}: the answer's header is larger than {FIELD_BYTES} bytes", shown(&url));
        return Err(guest_error(GuestFault::UnknownOutcome, message));
    }
    let mut body = Vec::new();
    let mut truncated = false;
    while !truncated {
        let chunk = answer.chunk().await.map_err(|error| {
            guest_error(GuestFault::UnknownOutcome, format!("{}: the answer broke off: {error}", shown(&url)))
        })?;
        let Some(chunk) = chunk else { break };
        let room = limit - body.len();
        truncated = chunk.len() > room;
        body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
    }
    Ok(wit::Response { status, headers, body, truncated })
}

/// A URL as messages show it: without the query, which may hold a secret.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}
