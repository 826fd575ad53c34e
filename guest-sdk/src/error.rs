//! What went wrong. The [`Fault`] alone decides what the host does next, so choose it with care: when in doubt whether
//! something happened outside, it is [`Fault::UnknownOutcome`].

use std::fmt;

use crate::bindings::pintle::core::types;

pub use crate::bindings::pintle::core::types::Fault;

/// Longest message that crosses to the host, in bytes; the rest is cut.
pub const MESSAGE_LIMIT: usize = 4096;

/// A failure, as the host reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// Decides what happens next.
    pub fault: Fault,
    /// One clear sentence for people: what is wrong, where, and what to do.
    pub message: String,
    /// Not before this many milliseconds; with throttled, busy and unavailable.
    pub retry_after_ms: Option<u32>,
    /// The provider's own code: `409`, `YXRRSET`.
    pub code: Option<String>,
}

impl Error {
    /// A failure of the given kind.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), retry_after_ms: None, code: None }
    }

    /// The caller's fault; the same input fails again.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Fault::Invalid, message)
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Fault::NotFound, message)
    }

    /// It stands already, and differently from what was asked.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Fault::Conflict, message)
    }

    /// A precondition was lost; nothing changed.
    pub fn stale(message: impl Into<String>) -> Self {
        Self::new(Fault::Stale, message)
    }

    /// In transition or locked; nothing changed.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(Fault::Busy, message)
    }

    /// Refused, or not granted.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(Fault::Denied, message)
    }

    /// This plugin cannot do that.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Fault::Unsupported, message)
    }

    /// A limit is used up; waiting does not mend it.
    pub fn exhausted(message: impl Into<String>) -> Self {
        Self::new(Fault::Exhausted, message)
    }

    /// Asked too often; nothing changed.
    pub fn throttled(message: impl Into<String>) -> Self {
        Self::new(Fault::Throttled, message)
    }

    /// Nothing was changed; another try may succeed.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Fault::Unavailable, message)
    }

    /// It may or may not have happened.
    pub fn unknown_outcome(message: impl Into<String>) -> Self {
        Self::new(Fault::UnknownOutcome, message)
    }

    /// The run is being stopped.
    pub fn cancelled(message: impl Into<String>) -> Self {
        Self::new(Fault::Cancelled, message)
    }

    /// Any other failure that a retry cannot mend.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Fault::Failed, message)
    }

    /// Not before this many milliseconds.
    #[must_use]
    pub fn retry_after_ms(mut self, span: u32) -> Self {
        self.retry_after_ms = Some(span);
        self
    }

    /// The provider's own code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Says where it happened, in front of the message: `in "a.json": ...`.
    #[must_use]
    pub fn context(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        let types::Error { fault, message, retry_after, code } = error;
        Self { fault, message, retry_after_ms: retry_after, code }
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        let Error { fault, mut message, retry_after_ms, code } = error;
        message.truncate(message.floor_char_boundary(MESSAGE_LIMIT));
        Self { fault, message, retry_after: retry_after_ms, code }
    }
}

/// JSON that the step gave, or that a file held.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::invalid(format!("this is not the JSON that was expected: {error}"))
    }
}

impl From<std::str::Utf8Error> for Error {
    fn from(error: std::str::Utf8Error) -> Self {
        Self::invalid(format!("these bytes are not UTF-8 text: {error}"))
    }
}

impl From<std::string::FromUtf8Error> for Error {
    fn from(error: std::string::FromUtf8Error) -> Self {
        Self::invalid(format!("these bytes are not UTF-8 text: {error}"))
    }
}

impl From<std::fmt::Error> for Error {
    fn from(_: std::fmt::Error) -> Self {
        Self::failed("a value could not be written as text")
    }
}

/// From readers and writers in memory (a guest has no files of its own).
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let fault = match error.kind() {
            std::io::ErrorKind::NotFound => Fault::NotFound,
            std::io::ErrorKind::PermissionDenied => Fault::Denied,
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => Fault::Invalid,
            _ => Fault::Failed,
        };
        Self::new(fault, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let long = "ä".repeat(MESSAGE_LIMIT);
        let wire = types::Error::from(Error::failed(format!("x{long}")));
        assert!(wire.message.len() <= MESSAGE_LIMIT);
        assert!(wire.message.ends_with('ä'));
    }

    #[test]
    fn the_wire_form_keeps_everything() {
        let error = Error::throttled("slow down").retry_after_ms(1500).code("429");
        assert_eq!(Error::from(types::Error::from(error.clone())), error);
    }

    #[test]
    fn io_errors_keep_their_meaning() {
        let of = |kind: std::io::ErrorKind| Error::from(std::io::Error::from(kind)).fault;
        assert_eq!(of(std::io::ErrorKind::NotFound), Fault::NotFound);
        assert_eq!(of(std::io::ErrorKind::PermissionDenied), Fault::Denied);
        assert_eq!(of(std::io::ErrorKind::InvalidData), Fault::Invalid);
        assert_eq!(of(std::io::ErrorKind::BrokenPipe), Fault::Failed);
    }

    #[test]
    fn context_comes_first() {
        assert_eq!(Error::invalid("bad").context("in `a`").to_string(), "in `a`: bad");
    }
}
