//! To which origins a plugin may speak, and how.

use std::path::PathBuf;

use url::{Host, Url};

/// Outgoing requests of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpGrant {
    /// Rules; a request needs one that allows it. Empty: no request is allowed.
    pub rules: Vec<HttpRule>,
}

/// One origin, or any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRule {
    /// The origin; none: any http or https origin.
    pub origin: Option<Origin>,
    /// Upper-case methods; none: any.
    pub methods: Option<Vec<String>>,
    /// Paths: exact, or a prefix that ends with `*`; none: any.
    pub paths: Option<Vec<String>>,
    /// Addresses that are not of the public internet are allowed too.
    pub private_addresses: bool,
    /// Requests go to this unix socket instead of the origin's address.
    pub via: Option<PathBuf>,
}

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: Host<String>,
    port: u16,
}

impl Origin {
    /// Reads `https://api.example.com` or `http://10.0.0.1:8080`: a URL with nothing behind the port.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("origin `{text}` is not valid: {why}; write scheme://host:port");
        let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(bad("it holds more than scheme, host and port"));
        }
        Self::of(&url).ok_or_else(|| bad("only http and https have origins here"))
    }

    /// The origin of a URL, if it is http or https.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: plain_host(url.host()?.to_owned()),
            port: url.port_or_known_default()?,
        })
    }
}

/// `example.com.` and `example.com` are one host.
fn plain_host(host: Host<String>) -> Host<String> {
    match host {
        Host::Domain(name) => Host::Domain(name.strip_suffix('.').unwrap_or(&name).to_owned()),
        address => address,
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let default = matches!((self.scheme.as_str(), self.port), ("http", 80) | ("https", 443));
        write!(f, "{}://{}", self.scheme, self.host)?;
        if default { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl HttpGrant {
    /// Any origin of the public internet.
    #[must_use]
    pub fn any() -> Self {
        Self { rules: vec![HttpRule::any()] }
    }

    /// Any origin at all.
    #[must_use]
    pub fn any_with_private() -> Self {
        Self { rules: vec![HttpRule { private_addresses: true, ..HttpRule::any() }] }
    }

    /// The first rule that allows a request.
    pub(crate) fn allows(&self, method: &str, url: &Url) -> Option<&HttpRule> {
        self.rules.iter().find(|rule| rule.allows(method, url))
    }
}

impl HttpRule {
    /// Any origin, method and path of the public internet.
    #[must_use]
    pub fn any() -> Self {
        Self { origin: None, methods: None, paths: None, private_addresses: false, via: None }
    }

    /// One origin of the public internet, any method and path.
    #[must_use]
    pub fn origin(origin: Origin) -> Self {
        Self { origin: Some(origin), ..Self::any() }
    }

    fn allows(&self, method: &str, url: &Url) -> bool {
        let Some(origin) = Origin::of(url) else { return false };
        self.origin.as_ref().is_none_or(|allowed| *allowed == origin)
            && self.methods.as_ref().is_none_or(|methods| methods.iter().any(|m| m == method))
            && self.paths.as_ref().is_none_or(|paths| paths.iter().any(|pattern| path_fits(pattern, url.path())))
    }
}

/// An encoded slash or dot could mean another path to the server than it means here: such paths fit no pattern but `*`.
fn path_fits(pattern: &str, path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let hidden = ["%2f", "%5c", "%2e", "//", "%00"].iter().any(|spelling| lower.contains(spelling));
    match pattern.strip_suffix('*') {
        Some("" | "/") => true,
        Some(prefix) => !hidden && path.starts_with(prefix),
        None => !hidden && path == pattern,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_rule_is_about_origin_method_and_path() {
        let rule = HttpRule {
            methods: Some(vec!["GET".to_owned()]),
            paths: Some(vec!["/config/*".to_owned(), "/id".to_owned()]),
            ..HttpRule::origin(Origin::parse("https://api.example.com").unwrap())
        };
        let grant = HttpGrant { rules: vec![rule] };
        let ask = |method: &str, url: &str| grant.allows(method, &Url::parse(url).unwrap()).is_some();
        assert!(ask("GET", "https://api.example.com/config/apps"));
        assert!(ask("GET", "https://API.example.com.:443/id?x=1"));
        for (method, url) in [
            ("POST", "https://api.example.com/id"),
            ("GET", "http://api.example.com/id"),
            ("GET", "https://api.example.com:8443/id"),
            ("GET", "https://api.example.com.evil.org/id"),
            ("GET", "https://evil.org/id"),
            ("GET", "https://api.example.com/ids"),
            ("GET", "https://api.example.com/config/../secret"),
            ("GET", "https://api.example.com/config/%2e%2e/secret"),
            ("GET", "https://api.example.com/config/..%2fsecret"),
            ("GET", "https://api.example.com@evil.org/id"),
            ("GET", "file:///id"),
        ] {
            assert!(!ask(method, url), "{method} {url} was allowed");
        }
        assert!(HttpGrant::default().allows("GET", &Url::parse("https://a.b/").unwrap()).is_none());
    }

    #[test]
    fn an_origin_is_nothing_but_scheme_host_and_port() {
        assert_eq!(Origin::parse("https://a.example:443/").unwrap().to_string(), "https://a.example");
        assert_eq!(Origin::parse("http://a.example:8080").unwrap().to_string(), "http://a.example:8080");
        for bad in ["https://a.example/path", "ftp://a.example", "a.example", "https://u@a.example"] {
            assert!(Origin::parse(bad).is_err(), "{bad} was taken");
        }
        for (bad, why) in [
            ("https://a.example/path", "it holds more than scheme, host and port"),
            ("ftp://a.example", "only http and https have origins here"),
            ("a.example", "relative URL without a base"),
        ] {
            let said = Origin::parse(bad).unwrap_err();
            assert_eq!(said, format!("origin `{bad}` is not valid: {why}; write scheme://host:port"));
        }
    }
}
