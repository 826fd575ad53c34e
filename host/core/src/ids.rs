//! Names of things: text that was checked once, in types that cannot be confused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} `{text}` is not valid: {reason}")]
pub struct InvalidId {
    kind: &'static str,
    text: String,
    reason: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the text if it is not empty, not too long and free of control characters and slashes.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let reason = if text.is_empty() {
                    "it is empty"
                } else if text.len() > $max {
                    concat!("it is longer than ", stringify!($max), " bytes")
                } else if text.chars().any(|c| c.is_control() || c == '/') {
                    "it holds a slash or a control character"
                } else {
                    return Ok(Self(text));
                };
                Err(InvalidId { kind: $kind, text, reason })
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

text_id!(
    /// One execution of a plan: a UUIDv7 made by the client, or any name given with `--run-id`.
    RunId, "run id", 64
);
text_id!(
    /// Whose run it is. `default` where nobody said otherwise.
    TenantId, "tenant", 64
);
text_id!(
    /// One worker process: node id and incarnation.
    WorkerId, "worker id", 128
);
text_id!(
    /// One process on one data directory: the name of its lock file below `nodes/`.
    NodeId, "node id", 64
);

impl TenantId {
    /// The tenant of everyone who named none.
    #[must_use]
    pub fn default_tenant() -> Self {
        Self("default".to_owned())
    }
}

/// SHA-256 as 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Takes 64 lower-case hex digits.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text))
        } else {
            Err(InvalidId { kind: "digest", text, reason: "it is not 64 lower-case hex digits" })
        }
    }

    /// From the 32 bytes of a SHA-256.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let nibble = |n: u8| HEX.get(usize::from(n & 15)).copied().unwrap_or('0');
        Self(bytes.iter().flat_map(|b| [nibble(b >> 4), nibble(*b)]).collect())
    }

    /// The hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_refuses_what_would_break_a_path_or_a_log_line() {
        for bad in ["", "a/b", "a\nb", &"x".repeat(65)] {
            assert!(RunId::new(bad).is_err(), "{bad:?} was taken");
        }
        let said = |text: &str| RunId::new(text).map_err(|e| e.to_string());
        assert_eq!(said(""), Err("run id `` is not valid: it is empty".to_owned()));
        assert_eq!(said("a/b"), Err("run id `a/b` is not valid: it holds a slash or a control character".to_owned()));
        let long = "x".repeat(65);
        assert_eq!(said(&long), Err(format!("run id `{long}` is not valid: it is longer than 64 bytes")));
        assert_eq!(RunId::new("nightly-1").map(|id| id.to_string()), Ok("nightly-1".to_owned()));
    }

    #[test]
    fn a_digest_is_hex_of_its_bytes() {
        let digest = Digest::from_bytes([0xab; 32]);
        assert_eq!(digest.as_str(), "ab".repeat(32));
        assert_eq!(Digest::new(digest.as_str()), Ok(digest));
        let upper = "AB".repeat(32);
        assert_eq!(
            Digest::new(upper.as_str()).map_err(|e| e.to_string()),
            Err(format!("digest `{upper}` is not valid: it is not 64 lower-case hex digits"))
        );
    }
}
