//! Host calls, one module an interface. Each is a thin layer over the bindings: values in, [`Error`](crate::Error)
//! out. What a plugin does not call, its component does not import.

pub mod blobs;
pub mod call;
pub mod config;
pub mod files;
pub mod http;
pub mod kv;
pub mod log;
pub mod metrics;
pub mod output;
pub mod process;
pub mod random;
pub mod secrets;
pub mod sign;
pub mod tcp;

use crate::bindings::pintle::core::types::{PageRequest, Pair};
use crate::error::Error;

/// Items asked for in one page; the host takes 1 to 1000.
const PAGE: u32 = 500;

pub(crate) fn pairs<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> Vec<Pair> {
    let pair = |(name, value): &(N, V)| Pair { name: name.as_ref().to_owned(), value: value.as_ref().to_owned() };
    pairs.iter().map(pair).collect()
}

/// All pages of a listing, in order.
fn all_pages<T>(
    mut page: impl FnMut(&PageRequest) -> Result<(Vec<T>, Option<String>), Error>,
) -> Result<Vec<T>, Error> {
    let mut all = Vec::new();
    let mut request = PageRequest { cursor: None, limit: PAGE };
    loop {
        let (items, next) = page(&request)?;
        all.extend(items);
        match next {
            Some(cursor) => request.cursor = Some(cursor),
            None => return Ok(all),
        }
    }
}
