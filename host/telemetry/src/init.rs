//! The subscriber. Logs go to standard error: standard output belongs to what the user asked for.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is not one.
    #[error("log filter `{filter}` is not valid: {reason}; use a level (`info`) or `target=level` pairs")]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something set it up before.
    #[error("logging was set up twice in one process")]
    Twice,
}

/// Sets up `tracing` for the whole process; once.
pub fn init(filter: &str, format: Format, colours: bool) -> Result<(), Error> {
    let filter = parse(filter)?;
    let set = match format {
        Format::Pretty => tracing::subscriber::set_global_default(pretty(filter, colours, std::io::stderr)),
        Format::Json => tracing::subscriber::set_global_default(json(filter, std::io::stderr)),
    };
    set.map_err(|_| Error::Twice)
}

/// Whether a text is a filter: a level, or `target=level` pairs. A word alone that is no level would be taken for a
/// target of which everything is logged, so that a slip in a level turns the log off, or floods it: it is refused.
pub fn check(filter: &str) -> Result<(), Error> {
    parse(filter).map(drop)
}

fn parse(filter: &str) -> Result<EnvFilter, Error> {
    let wrong = |reason: String| Error::Filter { filter: filter.to_owned(), reason };
    let mut parts = filter.split(',').map(str::trim).filter(|part| !part.is_empty()).peekable();
    if parts.peek().is_none() {
        return Err(wrong("it is empty".to_owned()));
    }
    let is_span = |part: &str| part.contains(['[', '{', '}', ']']);
    let is_level = |part: &str| part.parse::<tracing::level_filters::LevelFilter>().is_ok();
    if let Some(word) = parts.find(|part| !part.contains('=') && !is_span(part) && !is_level(part)) {
        return Err(wrong(format!("`{word}` is no level")));
    }
    EnvFilter::try_new(filter).map_err(|error| wrong(error.to_string()))
}

fn pretty<W>(filter: EnvFilter, colours: bool, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(writer).compact().finish()
}

fn json<W>(filter: EnvFilter, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).json().finish()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        fn text(&self) -> String {
            let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_json_line_carries_the_fields_and_the_filter_holds() -> Result<(), Error> {
        let captured = Captured::default();
        let sink = captured.clone();
        let subscriber = json(parse("warn")?, move || sink.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(run = "r1", "stale write");
            tracing::info!(run = "r2", "not wanted");
        });
        let text = captured.text();
        assert!(text.contains(r#""run":"r1""#) && text.contains("stale write"), "{text}");
        assert!(!text.contains("r2"), "the filter let an info line through: {text}");
        Ok(())
    }

    #[test]
    fn a_bad_filter_is_said_in_one_sentence() {
        let said = parse("a=b=c").map(|_| ()).map_err(|e| e.to_string());
        assert!(said.is_err_and(|text| text.contains("log filter `a=b=c` is not valid")));
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for good in ["warn", "INFO", "off", "info,pintle_store=debug", "pintle_worker=trace", "warn,[step]=info"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["wran", "bogus", "info,pintle", "info,pintle=debgu", "", ","] {
            assert!(check(bad).is_err(), "{bad}");
        }
        let said = check("info,wran").map_err(|error| error.to_string());
        assert!(said.is_err_and(|text| text.contains("`info,wran` is not valid: `wran` is no level; use a level")));
    }
}
