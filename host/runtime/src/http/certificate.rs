//! Why a server's certificate is not trusted, in words. The library's own are made for who writes a server.

use std::error::Error;
use std::io;

use rustls::CertificateError as Fault;

/// The library's word for a certificate of an authority where that of a server should be.
const AUTHORITY: &str = "CaUsedAsEndEntity";

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
        // So does one look that a server has signed itself, as `openssl req -x509` makes it.
        Fault::Other(other) if other.to_string() == AUTHORITY => "it is signed by itself".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_of_distrust_has_its_words() {
        let at = rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::ZERO);
        for (fault, words) in [
            (Fault::UnknownIssuer, "no authority of the public web has signed it"),
            (Fault::Expired, "it has expired"),
            (Fault::ExpiredContext { time: at, not_after: at }, "it has expired"),
            (Fault::NotValidYet, "it is not valid yet"),
            (Fault::NotValidYetContext { time: at, not_before: at }, "it is not valid yet"),
            (Fault::NotValidForName, "it is for another name"),
            (Fault::Revoked, "it was revoked"),
        ] {
            let below = io::Error::other(io::Error::other(rustls::Error::InvalidCertificate(fault)));
            assert_eq!(distrust(&below), Some(format!("the server's certificate is not trusted: {words}")));
        }
        assert_eq!(distrust(&rustls::Error::DecryptError), None, "no word about the certificate");
    }
}
