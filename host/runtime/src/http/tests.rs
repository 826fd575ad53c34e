//! Requests over TLS and unix sockets, and what an answer may not do.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use crate::bindings::GuestFault;
use crate::bindings::host::http as wit;
use crate::http::client::HttpClients;
use crate::http::exchange::Stopped;
use crate::http::grant::{HttpGrant, HttpRule, Origin};
use crate::http::testing::{Certificate, Here, ask, authority, nobody, request, server, tls_server, unix_server};
use crate::limits::CHUNK_BYTES;

fn trusting() -> HttpClients {
    HttpClients::new(Arc::new(Here), authority)
}

/// Asks as who may speak to everybody.
async fn asked(clients: &HttpClients, request: wit::Request) -> Result<wit::Response, Stopped> {
    ask(clients, &HttpGrant::any_with_private(), request).await
}

fn error(answer: Result<wit::Response, Stopped>) -> (GuestFault, String) {
    match answer {
        Err(Stopped::Error(error)) => (error.fault, error.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_whose_certificate_is_trusted_is_spoken_to() {
    let port = tls_server(Certificate::Valid);
    let answer = asked(&trusting(), request("GET", &format!("https://secure.example:{port}/"))).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"ok".as_slice()));
}

#[tokio::test]
async fn an_untrusted_certificate_ends_the_request_before_it_is_sent_and_says_why() {
    let (valid, expired) = (tls_server(Certificate::Valid), tls_server(Certificate::Expired));
    let own = tls_server(Certificate::SelfSigned);
    let strangers = HttpClients::new(Arc::new(Here), nobody);
    for (clients, origin, reason) in [
        (&strangers, format!("https://secure.example:{valid}/"), "no authority of the public web has signed it"),
        (
            &HttpClients::default(),
            format!("https://localhost:{valid}/"),
            "no authority of the public web has signed it",
        ),
        (&trusting(), format!("https://secure.example:{expired}/"), "it has expired"),
        (&trusting(), format!("https://secure.example:{own}/"), "it is signed by itself"),
        (&HttpClients::default(), format!("https://127.0.0.1:{own}/"), "it is signed by itself"),
        (&trusting(), format!("https://other.example:{valid}/"), "it is for secure.example"),
        (&trusting(), format!("https://127.0.0.1:{valid}/"), "it is for secure.example"),
    ] {
        let (fault, message) = error(asked(clients, request("POST", &origin)).await);
        assert_eq!(message, format!("{origin}: no connection: the server's certificate is not trusted: {reason}"));
        assert!(matches!(fault, GuestFault::Unavailable), "{fault:?}: the request was not sent");
    }
}

fn over(socket: &Path) -> HttpGrant {
    let origin = Origin::parse("http://engine.example").unwrap();
    HttpGrant { rules: vec![HttpRule { via: Some(socket.to_owned()), ..HttpRule::origin(origin) }] }
}

#[tokio::test]
async fn an_origin_that_is_mapped_to_a_unix_socket_is_reached_there() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("engine.sock");
    let heard = unix_server(&socket, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned());
    // Nothing is resolved: the name leads to this machine, which the rule does not allow.
    let clients = HttpClients::new(Arc::new(Here), nobody);
    let answer = ask(&clients, &over(&socket), request("GET", "http://engine.example/version?v=1")).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"ok".as_slice()));
    let heard = heard.lock().await;
    assert!(heard[0].starts_with("GET /version?v=1 HTTP/1.1\r\n"), "{}", heard[0]);
    assert!(heard[0].contains("host: engine.example\r\n"), "{}", heard[0]);
    let other = ask(&clients, &over(&socket), request("GET", "http://other.example/")).await;
    assert!(matches!(other, Err(Stopped::Ungranted(_))), "{other:?}: another origin went to the socket");
}

#[tokio::test]
async fn a_redirect_does_not_lead_out_of_a_unix_socket() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("engine.sock");
    let (port, heard) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
    let away = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n");
    unix_server(&socket, away);
    match ask(&trusting(), &over(&socket), request("GET", "http://engine.example/")).await {
        Err(Stopped::Ungranted(line)) => assert_eq!(line, format!("--http http://127.0.0.1:{port}")),
        other => panic!("{other:?}"),
    }
    assert!(heard.lock().await.is_empty());
}

#[tokio::test]
async fn a_unix_socket_that_nobody_serves_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let answer = ask(&trusting(), &over(&dir.path().join("none")), request("POST", "http://engine.example/")).await;
    let (fault, message) = error(answer);
    assert!(matches!(fault, GuestFault::Unavailable), "{fault:?}");
    assert!(message.starts_with("http://engine.example/: no connection: No such file or directory"), "{message}");
}

#[tokio::test]
async fn an_answer_with_too_many_or_too_large_fields_is_not_taken() {
    let many: String = (0..101).map(|n| format!("x-{n}: 1\r\n")).collect();
    let large: String = (0..9).map(|n| format!("x-{n}: {}\r\n", "v".repeat(8000))).collect();
    let just: String = (0..7).map(|n| format!("x-{n}: {}\r\n", "v".repeat(8000))).collect();
    for (fields, taken) in [(many, false), (large, false), (just, true)] {
        let (port, _) = server(format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{fields}\r\n")).await;
        let answer = asked(&trusting(), request("GET", &format!("http://127.0.0.1:{port}/"))).await;
        match answer {
            Ok(answer) => assert!(taken, "{} fields were taken", answer.headers.len()),
            refused => {
                let (fault, message) = error(refused);
                assert!(!taken && matches!(fault, GuestFault::UnknownOutcome), "{fault:?}: {message}");
                let larger = format!("http://127.0.0.1:{port}/: the answer's header is larger than 65536 bytes");
                assert!(fields.starts_with("x-0: 1") || message == larger, "{message}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_ends_at_what_the_host_hands_over_whatever_the_guest_asks_for() {
    let body = "x".repeat(CHUNK_BYTES + 1);
    let (port, _) = server(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    let all = wit::Request { limit: u32::MAX, ..request("GET", &format!("http://127.0.0.1:{port}/")) };
    let answer = asked(&trusting(), all).await.unwrap();
    assert_eq!((answer.body.len(), answer.truncated), (CHUNK_BYTES, true));
}

#[tokio::test]
async fn no_guest_is_redirected_for_ever_and_the_bound_is_named() {
    let circle = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // What changes something was sent, and sent again: nobody knows what it did.
    for (method, wish, bound, wanted) in [
        ("GET", u32::MAX, 10, GuestFault::Failed),
        ("GET", 1, 1, GuestFault::Failed),
        ("POST", 2, 2, GuestFault::UnknownOutcome),
    ] {
        let (port, heard) = server(circle.to_owned()).await;
        let url = format!("http://127.0.0.1:{port}/");
        let asked = asked(&trusting(), wit::Request { redirects: wish, ..request(method, &url) }).await;
        let (fault, message) = error(asked);
        assert_eq!(message, format!("{url}: it redirects again; the bound of redirects is {bound}"));
        assert_eq!(fault, wanted, "{method}");
        assert_eq!(heard.lock().await.len(), bound + 1, "the request and its redirects");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_to_who_wants_none_followed() {
    let circle = "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (port, heard) = server(circle.to_owned()).await;
    let none = wit::Request { redirects: 0, ..request("GET", &format!("http://127.0.0.1:{port}/")) };
    assert_eq!(asked(&trusting(), none).await.unwrap().status, 302);
    assert_eq!(heard.lock().await.len(), 1);
}
