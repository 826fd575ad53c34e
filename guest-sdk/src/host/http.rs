//! Requests to origins that the operator allows. Needs the `http` grant.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::pairs;
use crate::bindings::pintle::host::http as types;
use crate::bindings::wire::{http as wire, http_blobs};
use crate::error::Error;

pub use crate::bindings::pintle::host::http::{Credential, Form};

/// Largest body that crosses, in bytes.
pub const BODY_LIMIT: u32 = 1 << 20;

/// A request in the making.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    inner: types::Request,
}

impl Request {
    /// A request without body; redirects are answers.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            inner: types::Request {
                method: method.to_owned(),
                url: url.to_owned(),
                headers: Vec::new(),
                credentials: Vec::new(),
                body: Vec::new(),
                timeout: None,
                limit: BODY_LIMIT,
                redirects: 0,
            },
        }
    }

    /// `GET url`.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// `POST url`.
    #[must_use]
    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.inner.headers.extend(pairs(&[(name, value)]));
        self
    }

    /// With a header that the host makes from a secret; it follows no redirect to another origin.
    #[must_use]
    pub fn credential(mut self, header: &str, form: Form, secret: &str) -> Self {
        self.inner.credentials.push(Credential { header: header.to_owned(), form, secret: secret.to_owned() });
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.inner.body = bytes.into();
        self
    }

    /// With a JSON body and its content type.
    ///
    /// # Errors
    /// `invalid` for a value that JSON cannot hold.
    pub fn json(self, value: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(value)?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// Given up after this many milliseconds; without it at the call's deadline.
    #[must_use]
    pub fn timeout_ms(mut self, span: u32) -> Self {
        self.inner.timeout = Some(span);
        self
    }

    /// At most so many bytes of the answer's body; never more than [`BODY_LIMIT`].
    #[must_use]
    pub fn limit(mut self, bytes: u32) -> Self {
        self.inner.limit = bytes.min(BODY_LIMIT);
        self
    }

    /// Follows at most so many redirects.
    #[must_use]
    pub fn redirects(mut self, count: u32) -> Self {
        self.inner.redirects = count;
        self
    }

    /// Sends it. Any status is an answer.
    ///
    /// # Errors
    /// `denied` when not granted; `unavailable`: not one byte was sent; `unknown-outcome`: sent, and no full answer came.
    pub fn send(&self) -> Result<Response, Error> {
        Ok(wire::fetch(&self.inner)?.into())
    }

    /// Sends it with a slice of a blob as the body. Needs the `http-blobs` grant too.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_blob(&self, blob: &str, offset: u64, length: u64) -> Result<Response, Error> {
        let slice = crate::bindings::pintle::host::http_blobs::Slice { blob: blob.to_owned(), offset, length };
        Ok(http_blobs::send(&self.inner, &slice)?.into())
    }

    /// Sends it; the body of a 2xx answer goes to the end of a blob. Needs the `http-blobs` grant too.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn receive_blob(&self, into: &str) -> Result<Response, Error> {
        Ok(http_blobs::receive(&self.inner, into)?.into())
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// 100 to 599.
    pub status: u16,
    /// In the order in which they came.
    pub headers: Vec<(String, String)>,
    /// At most as much as the request's limit.
    pub body: Vec<u8>,
    /// There was more.
    pub truncated: bool,
}

impl Response {
    /// The first header of a name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `failed`: the provider's answer is not what it should be.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::failed(format!("the answer (status {}) is not the JSON expected: {error}", self.status))
        })
    }
}

impl From<types::Response> for Response {
    fn from(response: types::Response) -> Self {
        let types::Response { status, headers, body, truncated } = response;
        Self { status, headers: headers.into_iter().map(|pair| (pair.name, pair.value)).collect(), body, truncated }
    }
}
