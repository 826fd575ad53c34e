//! The clients behind `pintle:host/http`: made with the first request, one for each (tenant, plugin, way), so that no
//! connection is ever shared between tenants or plugins.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pintle_core::ids::TenantId;
use pintle_plane::BoxFuture;
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::RootCertStore;

use crate::http::address::is_public;

/// Connections wait this long for their next request. Short, because a request that changes something must not go into
/// a connection that the other side has closed meanwhile.
const IDLE: Duration = Duration::from_millis(900);
/// To connect, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// Clients kept; beyond it they are dropped and made anew.
const CLIENTS: usize = 256;
/// Header fields of an answer.
const FIELDS: usize = 100;
/// Bytes of an HTTP/2 answer's header fields.
const FIELD_BYTES: u32 = 64 * 1024;

/// Who speaks, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Way {
    /// Whose request.
    pub(crate) tenant: TenantId,
    /// Of which plugin.
    pub(crate) plugin: String,
    /// Addresses that are not public are allowed.
    pub(crate) private: bool,
    /// All goes to this unix socket.
    pub(crate) via: Option<PathBuf>,
}

/// Turns a name into addresses; the system's resolver, or a test's table.
pub(crate) trait Lookup: Send + Sync {
    fn lookup(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>>;
}

struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        Box::pin(
            async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.map(|address| address.ip()).collect()) },
        )
    }
}

/// Who may vouch for a server.
pub(crate) type Authorities = fn() -> RootCertStore;

/// Those that browsers trust; part of the program, so that no machine's own list counts.
fn public_authorities() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// The clients.
pub(crate) struct HttpClients {
    lookup: Arc<dyn Lookup>,
    authorities: Authorities,
    clients: Mutex<HashMap<Way, Client>>,
}

impl Default for HttpClients {
    fn default() -> Self {
        Self::new(Arc::new(SystemLookup), public_authorities)
    }
}

impl HttpClients {
    /// Names are resolved by `lookup`, servers are vouched for by `authorities`.
    pub(crate) fn new(lookup: Arc<dyn Lookup>, authorities: Authorities) -> Self {
        Self { lookup, authorities, clients: Mutex::new(HashMap::new()) }
    }

    /// The client of a way.
    pub(crate) fn client(&self, way: &Way) -> Result<Client, String> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(way) {
            return Ok(client.clone());
        }
        if clients.len() >= CLIENTS {
            clients.clear();
        }
        let client = self.build(way)?;
        clients.insert(way.clone(), client.clone());
        Ok(client)
    }

    fn build(&self, way: &Way) -> Result<Client, String> {
        let resolver = Checked { lookup: Arc::clone(&self.lookup), private: way.private };
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls((self.authorities)())?)
            .dns_resolver(Arc::new(resolver))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(2)
            .http1_max_headers(FIELDS)
            .http2_max_header_list_size(FIELD_BYTES)
            .user_agent(concat!("pintle/", env!("CARGO_PKG_VERSION")));
        if let Some(socket) = &way.via {
            builder = builder.unix_socket(socket.clone());
        }
        builder.build().map_err(|error| format!("the HTTP client could not be made: {error}"))
    }
}

fn tls(authorities: RootCertStore) -> Result<rustls::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS could not be set up: {error}"))?;
    Ok(config.with_root_certificates(authorities).with_no_client_auth())
}

/// A name was resolved to addresses of which none may be reached.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` resolves to {address}, which is not an address of the public internet")]
pub(crate) struct PrivateAddress {
    pub(crate) name: String,
    pub(crate) address: IpAddr,
}

/// Resolves inside the connector: the address that was checked is the address that is connected to.
struct Checked {
    lookup: Arc<dyn Lookup>,
    private: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let (found, private) = (self.lookup.lookup(name.clone()), self.private);
        Box::pin(async move {
            let found = found.await?;
            // One private address among public ones is how a name is rebound: the whole answer is refused.
            if let Some(&address) = found.iter().find(|address| !private && !is_public(**address)) {
                return Err(PrivateAddress { name, address }.into());
            }
            let addresses = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn clients_are_kept_and_there_is_an_end_to_them() {
        let clients = HttpClients::default();
        let way = |plugin: usize| Way {
            tenant: TenantId::default_tenant(),
            plugin: format!("acme-{plugin}"),
            private: false,
            via: None,
        };
        let kept = || clients.clients.lock().unwrap().len();
        for plugin in 0..CLIENTS {
            clients.client(&way(plugin)).unwrap();
        }
        assert_eq!(kept(), CLIENTS);
        clients.client(&way(0)).unwrap();
        assert_eq!(kept(), CLIENTS, "a client that was there was made again");
        clients.client(&way(CLIENTS)).unwrap();
        assert_eq!(kept(), 1);
    }
}
