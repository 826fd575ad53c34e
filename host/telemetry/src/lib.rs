//! What Pintle says about itself: field names in one place, one set-up of `tracing`.
//!
//! | module | holds |
//! |---|---|
//! | [`fields`] | names of log and span fields, so that one thing is called one thing |
//! | [`init`] | the subscriber, from a filter and a format |

pub mod fields;
pub mod init;

pub use init::{Format, check, init};
