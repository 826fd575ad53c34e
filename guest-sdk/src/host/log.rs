//! Lines for operators. What the step's own user should see goes to [`output`](crate::output).

use super::pairs;
use crate::bindings::wire::log as wire;

pub use crate::bindings::pintle::host::log::Level;

/// One line with fields.
pub fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    wire::write(level, message, &pairs(fields));
}

/// For finding faults.
pub fn debug(message: &str) {
    write(Level::Debug, message, &[]);
}

/// Worth knowing.
pub fn info(message: &str) {
    write(Level::Info, message, &[]);
}

/// Odd, and survived.
pub fn warn(message: &str) {
    write(Level::Warn, message, &[]);
}

/// Wrong.
pub fn error(message: &str) {
    write(Level::Error, message, &[]);
}
