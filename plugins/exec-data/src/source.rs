//! Where the data comes from: the step itself.

use pintle_guest::prelude::*;
use serde::Deserializer;
use serde_json::Value;

/// The data, under either of its names.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct Source {
    /// The data itself, or text that holds it.
    #[serde(default, deserialize_with = "given")]
    data: Option<Value>,
    /// Another name of `data`.
    #[serde(default, deserialize_with = "given")]
    input: Option<Value>,
}

impl Source {
    /// The data, which must be given once.
    pub(crate) fn take(self) -> Result<Value, Error> {
        let data = match (self.data, self.input) {
            (Some(_), Some(_)) => {
                return Err(Error::invalid("both `data` and `input` are given: one of them is enough"));
            }
            (Some(data), None) | (None, Some(data)) => data,
            (None, None) => return Err(Error::invalid("there is no data: give `data`")),
        };
        match data.as_str() {
            Some(text) if text.starts_with("file://") => Err(Error::unsupported(format!(
                "`{text}` names a file, and data steps read none: read it with a `file.read` step, and give `data` its \
                 output `content`"
            ))),
            _ => Ok(data),
        }
    }
}

/// A null that is written is data.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
