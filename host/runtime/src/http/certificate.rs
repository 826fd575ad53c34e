//! Why a server's certificate is not trusted, in words. The library's own are made for who writes a server.

use std::error::Error;
use std::io;

use rustls::CertificateError as Fault;

/// The reason, if `cause` is that a certificate was refused.
pub(crate) fn distrust(cause: &(dyn Error + 'static)) -> Option<String> {
    let rustls::Error::InvalidCertificate(fault) = tls(cause)? else { return None };
    let reason = match fault {
        Fault::UnknownIssuer => "no authority of the public web has signed it".to_owned(),
        Fault::Expired | Fault::ExpiredContext { .. } => "it has expired".to_owned(),
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        Fault::NotValidForName => "it is for another name".to_owned(),
        Fault::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| plain(name)).collect();
            format!("it is for {}", names.join(", "))
        }
        Fault::Revoked => "it was revoked".to_owned(),
        other => other.to_string(),
    };
    Some(format!("the server's certificate is not trusted: {reason}"))
}

/// An error of TLS comes inside one of I/O, or two, which do not list it among their causes.
fn tls<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    match cause.downcast_ref::<io::Error>() {
        Some(error) => tls(error.get_ref()?),
        None => cause.downcast_ref(),
    }
}

/// `DnsName("a.example")` -> `a.example`.
fn plain(presented: &str) -> &str {
    presented.split('"').nth(1).unwrap_or(presented)
}
