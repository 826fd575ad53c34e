//! Servers on loopback, and what asks them: for tests.
//!
//! `testing/certificates.sh` made the certificates beside it, of an authority that nothing but these tests trusts.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use pintle_core::ids::TenantId;
use pintle_plane::BoxFuture;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use crate::bindings::host::http as wit;
use crate::http::client::{HttpClients, Lookup};
use crate::http::exchange::{Asker, Stopped, exchange};
use crate::http::grant::HttpGrant;

/// Every name is this machine.
pub(super) struct Here;

impl Lookup for Here {
    fn lookup(&self, _: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(vec![Ipv4Addr::LOCALHOST.into()]) })
    }
}

/// An authority list with nobody on it.
pub(super) fn nobody() -> RootCertStore {
    RootCertStore::empty()
}

/// The authority of the tests.
pub(super) fn authority() -> RootCertStore {
    let mut authorities = RootCertStore::empty();
    authorities.add(CertificateDer::from_slice(include_bytes!("testing/authority.der"))).unwrap();
    authorities
}

/// A request of a guest.
pub(super) fn request(method: &str, url: &str) -> wit::Request {
    wit::Request {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        credentials: Vec::new(),
        body: Vec::new(),
        timeout: Some(2000),
        limit: 1000,
        redirects: 5,
    }
}

/// Sends it for a plugin with this grant.
pub(super) async fn ask(
    clients: &HttpClients,
    grant: &HttpGrant,
    request: wit::Request,
) -> Result<wit::Response, Stopped> {
    let tenant = TenantId::default_tenant();
    let asker = Asker { clients, grant, tenant: &tenant, plugin: "acme" };
    exchange(&asker, request, || Ok(())).await.map(|answer| answer.unwrap())
}

/// What a server was asked.
pub(super) type Asked = Arc<tokio::sync::Mutex<Vec<String>>>;

/// Answers every connection with the same bytes and keeps what was asked.
pub(super) async fn server(answer: String) -> (u16, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &answer, &log).await;
        }
    });
    (port, asked)
}

/// As [`server`], on a unix socket.
pub(super) fn unix_server(path: &std::path::Path, answer: String) -> Asked {
    let listener = UnixListener::bind(path).unwrap();
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &answer, &log).await;
        }
    });
    asked
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str, log: &Asked) {
    let mut buffer = vec![0; 8192];
    let n = stream.read(&mut buffer).await.unwrap_or(0);
    log.lock().await.push(String::from_utf8_lossy(&buffer[..n]).into_owned());
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A certificate of `secure.example`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Certificate {
    /// Until 2125.
    Valid,
    /// Since 2020.
    Expired,
    /// By nobody but itself, and of this machine's address too.
    SelfSigned,
}

/// Answers `ok` over TLS, on a thread of its own.
pub(super) fn tls_server(certificate: Certificate) -> u16 {
    let chain = match certificate {
        Certificate::Valid => CertificateDer::from_slice(include_bytes!("testing/server.der")),
        Certificate::Expired => CertificateDer::from_slice(include_bytes!("testing/expired.der")),
        Certificate::SelfSigned => CertificateDer::from_slice(include_bytes!("testing/self.der")),
    };
    let key = PrivatePkcs8KeyDer::from(&include_bytes!("testing/server.key.der")[..]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key.into())
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            // A client that does not trust the certificate goes away here.
            if stream.read(&mut [0; 8192]).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
            }
        }
    });
    port
}
