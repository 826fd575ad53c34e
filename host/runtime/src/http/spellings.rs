//! The table of spellings by which a guest may try to reach what it may not.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::IpAddr;
use std::sync::Arc;

use pintle_plane::BoxFuture;
use tokio::net::TcpListener;

use crate::bindings::host::http as wit;
use crate::bindings::{GuestFault, Pair};
use crate::http::client::{HttpClients, Lookup};
use crate::http::exchange::Stopped;
use crate::http::grant::{HttpGrant, HttpRule, Origin};
use crate::http::testing::{nobody, request, server};

/// URLs whose host is an address that is not public.
const LITERALS: [&str; 58] = [
    "http://127.0.0.1/",
    "http://127.0.0.1:8080/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.255.255.254/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0177.1/",
    "http://127.0.0.1./",
    "http://0/",
    "http://0.0.0.0/",
    "http://0x0/",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://%31%32%37.0.0.1/",
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://012.0.0.1/",
    "http://0xa.1/",
    "http://167772161/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://192.168.65535/",
    "http://3232235521/",
    "http://169.254.169.254/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://169.254.43518/",
    "http://0251.0376.0251.0376/",
    "http://100.64.0.1/",
    "http://100.127.255.255/",
    "http://192.0.0.1/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.7/",
    "http://203.0.113.9/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:4136:e378::]/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
];

/// Names that resolve to addresses of which at least one is not public.
const NAMES: [(&str, &[&str]); 12] = [
    ("localhost", &["127.0.0.1", "::1"]),
    ("LOCALHOST", &["127.0.0.1"]),
    ("localhost.", &["127.0.0.1"]),
    ("foo.localhost", &["::1"]),
    ("127.0.0.1.nip.io", &["127.0.0.1"]),
    ("metadata.google.internal", &["169.254.169.254"]),
    ("rebound.example", &["93.184.216.34", "10.0.0.5"]),
    ("v6.example", &["fd12::1"]),
    ("mapped.example", &["::ffff:10.0.0.1"]),
    ("nat64.example", &["64:ff9b::a00:1"]),
    ("sixtofour.example", &["2002:a00:1::1"]),
    ("multicast.example", &["ff02::1"]),
];

/// Knows the names above, and no others.
struct Table;

impl Lookup for Table {
    fn lookup(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
            let found = NAMES.iter().find(|(known, _)| plain(known) == plain(&name));
            let (_, addresses) = found.ok_or_else(|| std::io::Error::other("no such name"))?;
            Ok(addresses.iter().map(|address| address.parse().unwrap()).collect())
        })
    }
}

async fn ask(grant: &HttpGrant, request: wit::Request) -> Result<wit::Response, Stopped> {
    crate::http::testing::ask(&HttpClients::new(Arc::new(Table), nobody), grant, request).await
}

#[tokio::test]
async fn no_spelling_of_a_private_address_is_reached() {
    let any = HttpGrant::any();
    let names = NAMES.map(|(name, _)| format!("http://{name}/"));
    let urls: Vec<&str> = LITERALS.iter().copied().chain(names.iter().map(String::as_str)).collect();
    assert!(urls.len() >= 60, "{}", urls.len());
    for url in urls {
        match ask(&any, request("GET", url)).await {
            Err(Stopped::Ungranted(line)) => assert!(line.ends_with("--private-addresses"), "{url}: {line}"),
            other => panic!("{url} was not refused: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_no_http_url_is_invalid() {
    for url in [
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://127.0.0.1/",
        "http://user:pass@example.com/",
        "http://",
        "//127.0.0.1/",
        "127.0.0.1",
        "http://[::1%25eth0]/",
        "http://127.0.0.1:99999/",
        "http://1.2.3.4.5/",
        "data:,x",
    ] {
        match ask(&HttpGrant::any_with_private(), request("GET", url)).await {
            Err(Stopped::Error(error)) => assert!(matches!(error.fault, GuestFault::Invalid), "{url}: {error:?}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_answer_comes_back_cut_at_the_limit() {
    let body = "x".repeat(3000);
    let (port, asked) = server(format!("HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 3000\r\n\r\n{body}")).await;
    let mut post = request("post", &format!("http://127.0.0.1:{port}/path?q=1"));
    post.body = b"data".to_vec();
    post.headers = vec![Pair { name: "X-Mine".to_owned(), value: "1".to_owned() }];
    let answer = ask(&HttpGrant::any_with_private(), post).await.unwrap();
    assert_eq!((answer.status, answer.body.len(), answer.truncated), (200, 1000, true));
    assert!(answer.headers.iter().any(|field| field.name == "x-a" && field.value == "b"));
    let asked = asked.lock().await;
    assert!(asked[0].starts_with("POST /path?q=1 HTTP/1.1\r\n") && asked[0].ends_with("data"), "{}", asked[0]);
    assert!(asked[0].contains("x-mine: 1"), "{}", asked[0]);
}

#[tokio::test]
async fn a_redirect_is_checked_again_and_credentials_stay() {
    let (inner, asked) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned()).await;
    let redirect =
        |to: String| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let (outer, _) = server(redirect(format!("http://127.0.0.1:{inner}/x"))).await;
    let only_outer = HttpGrant {
        rules: vec![HttpRule {
            private_addresses: true,
            ..HttpRule::origin(Origin::parse(&format!("http://127.0.0.1:{outer}")).unwrap())
        }],
    };
    let url = format!("http://127.0.0.1:{outer}/");
    let with_secret = || {
        let mut asked = request("POST", &url);
        asked.headers = vec![Pair { name: "Authorization".to_owned(), value: "Bearer s3cret".to_owned() }];
        asked
    };
    match ask(&only_outer, with_secret()).await {
        Err(Stopped::Ungranted(line)) => assert_eq!(line, format!("--http http://127.0.0.1:{inner}")),
        other => panic!("{other:?}"),
    }
    assert!(asked.lock().await.is_empty());
    let answer = ask(&HttpGrant::any_with_private(), with_secret()).await.unwrap();
    assert_eq!(answer.body, b"ok");
    let asked = asked.lock().await;
    assert!(asked[0].starts_with("GET /x ") && !asked[0].contains("s3cret"), "{}", asked[0]);
    let mut no_redirects = request("GET", &url);
    no_redirects.redirects = 0;
    assert_eq!(ask(&only_outer, no_redirects).await.unwrap().status, 302);
}

#[tokio::test]
async fn unsent_and_unanswered_are_two_things() {
    let fault = async |url: String| match ask(&HttpGrant::any_with_private(), request("POST", &url)).await {
        Err(Stopped::Error(error)) => error.fault,
        other => panic!("{url}: {other:?}"),
    };
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    assert!(matches!(fault(format!("http://127.0.0.1:{closed}/")).await, GuestFault::Unavailable));
    assert!(matches!(fault("http://unknown.example/".to_owned()).await, GuestFault::Unavailable));
    let (silent, _) = server(String::new()).await;
    assert!(matches!(fault(format!("http://127.0.0.1:{silent}/")).await, GuestFault::UnknownOutcome));
    let (broken, _) = server("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_owned()).await;
    assert!(matches!(fault(format!("http://127.0.0.1:{broken}/")).await, GuestFault::UnknownOutcome));
    let hangs = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = hangs.local_addr().unwrap().port();
    assert!(matches!(fault(format!("http://127.0.0.1:{port}/")).await, GuestFault::UnknownOutcome));
}

#[tokio::test]
async fn fields_that_the_host_writes_are_not_the_guests() {
    for name in ["Host", "Content-Length", "Transfer-Encoding", "Connection", "Proxy-Authorization", "bad name"] {
        let mut bad = request("GET", "http://93.184.216.34/");
        bad.headers = vec![Pair { name: name.to_owned(), value: "x".to_owned() }];
        assert!(matches!(ask(&HttpGrant::any(), bad).await, Err(Stopped::Error(_))), "{name} was taken");
    }
    let mut split = request("GET", "http://93.184.216.34/");
    split.headers = vec![Pair { name: "x".to_owned(), value: "a\r\nb: c".to_owned() }];
    assert!(matches!(ask(&HttpGrant::any(), split).await, Err(Stopped::Error(_))));
}
