//! What a guest is told of a request that was not sent, or not answered: which one, and why.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use crate::bindings::host::http as wit;
use crate::bindings::{GuestFault, Pair};
use crate::http::client::HttpClients;
use crate::http::exchange::Stopped;
use crate::http::grant::HttpGrant;
use crate::http::testing::{Here, ask, nobody, request, server};

/// Asks as who may speak to everybody.
async fn told(request: wit::Request) -> (GuestFault, String) {
    let clients = HttpClients::new(Arc::new(Here), nobody);
    match ask(&clients, &HttpGrant::any_with_private(), request).await {
        Err(Stopped::Error(error)) => (error.fault, error.message),
        other => panic!("{other:?}"),
    }
}

fn with_header(name: &str, value: &str) -> wit::Request {
    let headers = vec![Pair { name: name.to_owned(), value: value.to_owned() }];
    wit::Request { headers, ..request("GET", "http://a.example/") }
}

#[tokio::test]
async fn a_malformed_request_is_told_what_is_wrong_with_it() {
    for (asked, wanted) in [
        (request("B D", "http://a.example/"), "`B D` is not a method"),
        (request("GET", "a.example"), "url `a.example`: relative URL without a base"),
        (request("GET", "http://a.example:99999/"), "url `http://a.example:99999/`: invalid port number"),
        (
            request("GET", "ftp://a.example/x?q=1"),
            "ftp://a.example/x: only http and https URLs with a host are fetched",
        ),
        (request("GET", "http://u:p@a.example/"), "http://a.example/: a URL must not hold a user name or password"),
        (with_header("bad name", "x"), "`bad name` is not the name of a header"),
        (with_header("Content-Length", "5"), "header `Content-Length` is written by the host"),
        (with_header("x-a", "a\r\nb: c"), "the value of header `x-a` holds a control character"),
    ] {
        let (fault, said) = told(asked).await;
        assert_eq!(said, wanted);
        assert!(matches!(fault, GuestFault::Invalid), "{wanted}: {fault:?}");
    }
}

#[tokio::test]
async fn what_no_plugin_may_send_is_told() {
    for method in ["CONNECT", "trace"] {
        let (fault, said) = told(request(method, "http://a.example/")).await;
        assert_eq!(said, format!("{} is not sent for plugins", method.to_uppercase()));
        assert!(matches!(fault, GuestFault::Denied), "{fault:?}");
    }
    let credentials = vec![wit::Credential {
        header: "authorization".to_owned(),
        form: wit::Form::Bearer,
        secret: "token".to_owned(),
    }];
    let (fault, said) = told(wit::Request { credentials, ..request("GET", "http://a.example/") }).await;
    assert_eq!(said, "credentials are not granted to this plugin");
    assert!(matches!(fault, GuestFault::Denied), "{fault:?}");
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_told() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: http://[::1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (port, _) = server(answer.to_owned()).await;
    let (fault, said) = told(request("GET", &format!("http://127.0.0.1:{port}/a?secret=1"))).await;
    assert_eq!(said, format!("http://127.0.0.1:{port}/a: redirect to an unreadable place"));
    assert!(matches!(fault, GuestFault::Failed), "{fault:?}");
}

#[tokio::test]
async fn a_request_without_an_answer_is_told_how_far_it_came() {
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = |port: u16| format!("http://127.0.0.1:{port}/");
    let (fault, said) = told(request("POST", &url(closed))).await;
    assert!(said.starts_with(&format!("{}: no connection: Connection refused", url(closed))), "{said}");
    assert!(matches!(fault, GuestFault::Unavailable), "{fault:?}");

    let (silent, _) = server(String::new()).await;
    let (fault, said) = told(request("POST", &url(silent))).await;
    let wanted = format!("{}: the request was sent and no full answer came: ", url(silent));
    assert!(said.starts_with(&wanted), "{said}");
    assert!(matches!(fault, GuestFault::UnknownOutcome), "{fault:?}");

    let (broken, _) = server("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_owned()).await;
    let (fault, said) = told(request("POST", &url(broken))).await;
    assert!(said.starts_with(&format!("{}: the answer broke off: ", url(broken))), "{said}");
    assert!(matches!(fault, GuestFault::UnknownOutcome), "{fault:?}");

    let hangs = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = hangs.local_addr().unwrap().port();
    let (fault, said) = told(wit::Request { timeout: Some(50), ..request("POST", &url(port)) }).await;
    assert!(said.starts_with(&format!("{}: no answer in time: ", url(port))), "{said}");
    assert!(matches!(fault, GuestFault::UnknownOutcome), "{fault:?}");
}
