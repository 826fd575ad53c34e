//! Interfaces whose grants come with the secret store: a plugin that wants them optionally is told so.

use crate::bindings::host::{http, http_blobs, secrets_reveal, sign, tcp};
use crate::bindings::{GuestError, denied};
use crate::call::state::CallState;

type Answer<T> = wasmtime::Result<Result<T, GuestError>>;

impl CallState {
    fn ungranted<T>(&self, capability: &str) -> Answer<T> {
        let who = &self.who;
        Ok(Err(denied(format!("{} {} has no grant for {capability}", who.plugin, who.version))))
    }
}

impl secrets_reveal::Host for CallState {
    fn reveal(&mut self, _: String) -> Answer<String> {
        self.ungranted("secrets-reveal")
    }
}

impl sign::Host for CallState {
    fn hmac_sha256(&mut self, _: String, _: Vec<u8>) -> Answer<Vec<u8>> {
        self.ungranted("sign")
    }

    fn aws_sigv4(&mut self, _: String, _: String, _: String, _: String, _: String) -> Answer<String> {
        self.ungranted("sign")
    }
}

impl tcp::Host for CallState {
    fn exchange(&mut self, _: tcp::ExchangeRequest) -> Answer<tcp::ExchangeAnswer> {
        self.ungranted("tcp")
    }
}

impl http_blobs::Host for CallState {
    fn send(&mut self, _: http::Request, _: http_blobs::Slice) -> Answer<http::Response> {
        self.ungranted("http-blobs")
    }

    fn receive(&mut self, _: http::Request, _: String) -> Answer<http::Response> {
        self.ungranted("http-blobs")
    }
}
