//! Outgoing requests: parsed once, checked against the grant, resolved inside the connector, checked again at each
//! redirect.

pub(crate) mod address;
mod certificate;
pub(crate) mod client;
pub(crate) mod exchange;
pub(crate) mod grant;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod spellings;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
