//! The host interfaces, one file each. A grant is looked up in every call; what is not granted answers `denied` with the
//! line that would allow it.

pub(crate) mod always;
pub(crate) mod blobs;
pub(crate) mod files;
pub(crate) mod http;
pub(crate) mod kv;
pub(crate) mod later;
pub(crate) mod offered;
pub(crate) mod process;
#[cfg(test)]
mod refusals;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
