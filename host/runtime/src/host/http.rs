//! `pintle:host/http`.

use std::sync::Arc;

use crate::bindings::GuestError;
use crate::bindings::host::http as wit;
use crate::call::breach::Breach;
use crate::call::state::CallState;
use crate::http::exchange::{Asker, Stopped, exchange, is_safe};

impl wit::Host for CallState {
    async fn fetch(&mut self, request: wit::Request) -> wasmtime::Result<Result<wit::Response, GuestError>> {
        let grants = Arc::clone(&self.grants);
        let Some(grant) = &grants.http else {
            return Ok(Err(self.deny("http", &self.grant_line("--http ORIGIN"))));
        };
        let changes = !is_safe(&request.method);
        if changes && let Err(error) = self.refuse_dry_run("a request that may change something") {
            return Ok(Err(error));
        }
        let (services, who, record) = (Arc::clone(&self.services), Arc::clone(&self.who), Arc::clone(&self.record));
        let asker = Asker { clients: &services.http, grant, tenant: &who.tenant, plugin: &who.plugin };
        let effect = changes.then(|| record.effect());
        let (requests, mut hops) = (&mut self.budgets.requests, 0);
        let count = || {
            hops += 1;
            requests.take(1)
        };
        let error = match exchange(&asker, request, count).await {
            Ok(Ok(response)) => return Ok(Ok(response)),
            Ok(Err(limit)) => return Err(Breach::Count { what: "requests", limit }.into()),
            Err(Stopped::Ungranted(option)) => self.deny("http", &self.grant_line(&option)),
            Err(Stopped::Error(error)) => error,
        };
        // Refused, malformed or without a connection: the first hop did not leave the host.
        if let Some(effect) = effect
            && hops <= 1
            && !matches!(error.fault, crate::bindings::GuestFault::UnknownOutcome)
        {
            effect.undo();
        }
        Ok(Err(error))
    }
}

impl CallState {
    /// `pintle plugin grant acme --http https://api.example.com`.
    pub(crate) fn grant_line(&self, option: &str) -> String {
        format!("pintle plugin grant {} {option}", self.who.plugin)
    }
}
