//! One call of a guest: a fresh Store with every bound set, and the record of what happened in it.

pub(crate) mod blobs;
pub(crate) mod breach;
pub(crate) mod budget;
pub(crate) mod fall;
pub(crate) mod limiter;
pub(crate) mod meter;
pub(crate) mod record;
pub(crate) mod state;
pub(crate) mod streams;
pub(crate) mod supervise;
