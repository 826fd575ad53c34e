//! The host's side of each interface, on a fake host; the same functions as the bindings have.

use super::state::{current, not_granted};
use crate::bindings::pintle::core::types::{Error, PageRequest, Pair, Span};

fn refusal(error: crate::Error) -> Error {
    error.into()
}

/// One page of a listing whose cursor is the number of items before it.
fn page<T>(all: Vec<T>, request: &PageRequest) -> Result<(Vec<T>, Option<String>), Error> {
    let from = match request.cursor.as_deref().map(str::parse::<usize>) {
        None => 0,
        Some(Ok(from)) => from,
        Some(Err(_)) => {
            return Err(refusal(crate::Error::invalid("this cursor came from no page")));
        }
    };
    let limit = request.limit as usize;
    let next = (all.len() > from + limit).then(|| (from + limit).to_string());
    Ok((all.into_iter().skip(from).take(limit).collect(), next))
}

pub(crate) mod call {
    use super::{Span, current};

    pub(crate) fn unix_ms() -> u64 {
        current().borrow().unix_ms
    }

    pub(crate) fn remaining() -> Span {
        current().borrow().remaining
    }

    pub(crate) fn cancelled() -> bool {
        current().borrow().cancelled
    }
}

pub(crate) mod config {
    pub(crate) fn get() -> String {
        super::current().borrow().config.clone()
    }
}

pub(crate) mod random {
    pub(crate) fn bytes(count: u32) -> Vec<u8> {
        let host = super::current();
        let mut host = host.borrow_mut();
        let words = std::iter::repeat_with(|| host.next_random().to_le_bytes());
        words.flatten().take(count as usize).collect()
    }
}

pub(crate) mod log {
    use super::{Pair, current};
    use crate::log::Level;
    use crate::testing::LogLine;

    pub(crate) fn write(level: Level, message: &str, fields: &[Pair]) {
        let fields = fields.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect();
        current().borrow_mut().logs.push(LogLine { level, message: message.to_owned(), fields });
    }
}

pub(crate) mod output {
    use super::current;
    use crate::output::Channel;

    pub(crate) fn write(channel: Channel, bytes: &[u8]) {
        let host = current();
        let mut host = host.borrow_mut();
        match channel {
            Channel::Stdout => host.stdout.extend_from_slice(bytes),
            Channel::Stderr => host.stderr.extend_from_slice(bytes),
        }
    }
}

pub(crate) mod metrics {
    use super::Pair;

    pub(crate) fn add(_name: &str, _by: u64, _labels: &[Pair]) {}

    pub(crate) fn observe(_name: &str, _value: f64, _labels: &[Pair]) {}
}

pub(crate) mod http {
    use super::{Error, Pair, current, not_granted};
    use crate::bindings::pintle::host::http::{Request, Response};

    pub(crate) fn fetch(request: &Request) -> Result<Response, Error> {
        let host = current();
        host.borrow_mut().requests.push(request.clone());
        // Taken out while it runs: a script may ask the host itself.
        let script = host.borrow_mut().http.take();
        let Some(mut script) = script else {
            return Err(not_granted("http"));
        };
        let answer = script(request);
        host.borrow_mut().http = Some(script);
        let answer = answer?;
        let limit = request.limit as usize;
        let headers = answer.headers.into_iter().map(|(name, value)| Pair { name, value }).collect();
        let truncated = answer.truncated || answer.body.len() > limit;
        Ok(Response { status: answer.status, headers, body: answer.body.into_iter().take(limit).collect(), truncated })
    }
}

pub(crate) mod http_blobs {
    use super::{Error, blobs};
    use crate::bindings::pintle::host::http::{Request, Response};
    use crate::bindings::pintle::host::http_blobs::Slice;

    pub(crate) fn send(request: &Request, body: &Slice) -> Result<Response, Error> {
        let limit = u32::try_from(body.length).unwrap_or(u32::MAX);
        let body = blobs::read(&body.blob, body.offset, limit)?;
        super::http::fetch(&Request { body, ..request.clone() })
    }

    pub(crate) fn receive(request: &Request, into: &str) -> Result<Response, Error> {
        let mut response = super::http::fetch(&Request { limit: u32::MAX, ..request.clone() })?;
        if (200..300).contains(&response.status) {
            blobs::append(into, &std::mem::take(&mut response.body))?;
        }
        Ok(response)
    }
}

pub(crate) mod process {
    use super::{Error, current, not_granted};
    use crate::bindings::pintle::host::process::{Command, Exit};

    pub(crate) fn run(command: &Command) -> Result<Exit, Error> {
        let host = current();
        host.borrow_mut().commands.push(command.clone());
        let script = host.borrow_mut().process.take();
        let Some(mut script) = script else {
            return Err(not_granted("process"));
        };
        let exit = script(command);
        host.borrow_mut().process = Some(script);
        let mut exit = exit?;
        host.borrow_mut().stdout.extend_from_slice(&exit.stdout);
        host.borrow_mut().stderr.extend_from_slice(&exit.stderr_tail);
        exit.stdout_truncated |= exit.stdout.len() > command.capture as usize;
        exit.stdout.truncate(command.capture as usize);
        Ok(exit)
    }
}

pub(crate) mod files {
    use super::{Error, PageRequest, current, page, refusal};
    use crate::bindings::pintle::host::files::{EntryPage, Metadata};

    pub(crate) fn read(path: &str, offset: u64, limit: u32) -> Result<Vec<u8>, Error> {
        let bytes = current().borrow().files.read(path).map_err(refusal)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(bytes.into_iter().skip(from).take(limit as usize).collect())
    }

    pub(crate) fn write(path: &str, bytes: &[u8], mode: Option<u32>) -> Result<(), Error> {
        let host = current();
        let mut host = host.borrow_mut();
        let now = host.unix_ms;
        host.files.write(path, bytes.to_vec(), mode, now).map_err(refusal)
    }

    pub(crate) fn append(path: &str, bytes: &[u8]) -> Result<(), Error> {
        let host = current();
        let mut host = host.borrow_mut();
        let now = host.unix_ms;
        host.files.append(path, bytes, now).map_err(refusal)
    }

    pub(crate) fn load(path: &str) -> Result<String, Error> {
        let bytes = current().borrow().files.read(path).map_err(refusal)?;
        let blob = super::blobs::create()?;
        super::blobs::append(&blob, &bytes)?;
        Ok(blob)
    }

    pub(crate) fn store(path: &str, blob: &str, mode: Option<u32>) -> Result<(), Error> {
        write(path, &super::blobs::read(blob, 0, u32::MAX)?, mode)
    }

    pub(crate) fn inspect(path: &str) -> Result<Metadata, Error> {
        current().borrow().files.inspect(path).map_err(refusal)
    }

    pub(crate) fn list_entries(path: &str, request: &PageRequest) -> Result<EntryPage, Error> {
        let (entries, next) = page(current().borrow().files.list(path).map_err(refusal)?, request)?;
        Ok(EntryPage { entries, next })
    }

    pub(crate) fn make_dir(path: &str) -> Result<(), Error> {
        let host = current();
        let mut host = host.borrow_mut();
        let now = host.unix_ms;
        host.files.make_dir(path, now).map_err(refusal)
    }

    pub(crate) fn remove(path: &str, recursive: bool) -> Result<(), Error> {
        current().borrow_mut().files.remove(path, recursive).map_err(refusal)
    }

    pub(crate) fn rename(path: &str, to: &str) -> Result<(), Error> {
        current().borrow_mut().files.rename(path, to).map_err(refusal)
    }
}

pub(crate) mod kv {
    use super::{Error, PageRequest, Span, current, page, refusal};
    use crate::bindings::pintle::host::kv::{Condition, Entry, KeyPage};
    use crate::testing::state::Keys;

    fn check(keys: &Keys, key: &str, only_if: Condition) -> Result<(), Error> {
        let holds = match only_if {
            Condition::Always => true,
            Condition::Absent => keys.version(key).is_none(),
            Condition::Version(version) => keys.version(key) == Some(version),
        };
        if holds { Ok(()) } else { Err(refusal(crate::Error::stale(format!("`{key}` has moved on")))) }
    }

    pub(crate) fn get(key: &str) -> Result<Option<Entry>, Error> {
        let host = current();
        let mut host = host.borrow_mut();
        let keys = host.kv.granted()?;
        Ok(keys.value(key).zip(keys.version(key)).map(|(value, version)| Entry { value, version }))
    }

    pub(crate) fn put(key: &str, value: &[u8], only_if: Condition, _ttl: Option<Span>) -> Result<u64, Error> {
        let host = current();
        let mut host = host.borrow_mut();
        let keys = host.kv.granted()?;
        check(keys, key, only_if)?;
        Ok(keys.set(key, value.to_vec()))
    }

    pub(crate) fn remove(key: &str, only_if: Condition) -> Result<(), Error> {
        let host = current();
        let mut host = host.borrow_mut();
        let keys = host.kv.granted()?;
        check(keys, key, only_if)?;
        keys.remove(key);
        Ok(())
    }

    pub(crate) fn list_keys(prefix: &str, request: &PageRequest) -> Result<KeyPage, Error> {
        let host = current();
        let (keys, next) = page(host.borrow_mut().kv.granted()?.names(prefix), request)?;
        Ok(KeyPage { keys, next })
    }
}

pub(crate) mod blobs {
    use super::{Error, current, refusal};

    fn unknown(blob: &str) -> Error {
        refusal(crate::Error::not_found(format!("there is no blob `{blob}`")))
    }

    fn place(blob: &str) -> Result<usize, Error> {
        blob.strip_prefix("blob-").and_then(|number| number.parse().ok()).ok_or_else(|| unknown(blob))
    }

    pub(crate) fn size(blob: &str) -> Result<u64, Error> {
        Ok(read(blob, 0, u32::MAX)?.len() as u64)
    }

    pub(crate) fn read(blob: &str, offset: u64, limit: u32) -> Result<Vec<u8>, Error> {
        let host = current();
        let host = host.borrow();
        let bytes = host.blobs.get(place(blob)?).ok_or_else(|| unknown(blob))?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(bytes.iter().skip(from).take(limit as usize).copied().collect())
    }

    pub(crate) fn create() -> Result<String, Error> {
        let host = current();
        let mut host = host.borrow_mut();
        host.blobs.push(Vec::new());
        Ok(format!("blob-{}", host.blobs.len() - 1))
    }

    pub(crate) fn append(blob: &str, bytes: &[u8]) -> Result<u64, Error> {
        let host = current();
        let mut host = host.borrow_mut();
        let held = host.blobs.get_mut(place(blob)?).ok_or_else(|| unknown(blob))?;
        held.extend_from_slice(bytes);
        Ok(held.len() as u64)
    }

    pub(crate) fn sha256(_blob: &str, _offset: u64, _length: u64) -> Result<String, Error> {
        Err(refusal(crate::Error::unsupported("the fake host computes no digests")))
    }
}

pub(crate) mod secrets_reveal {
    use super::{Error, current, not_granted};

    pub(crate) fn reveal(name: &str) -> Result<String, Error> {
        current().borrow().secrets.get(name).cloned().ok_or_else(|| not_granted(&format!("secret `{name}`")))
    }
}

pub(crate) mod sign {
    use super::{Error, not_granted};

    pub(crate) fn hmac_sha256(_secret: &str, _message: &[u8]) -> Result<Vec<u8>, Error> {
        Err(not_granted("sign"))
    }

    pub(crate) fn aws_sigv4(_: &str, _: &str, _: &str, _: &str, _: &str) -> Result<String, Error> {
        Err(not_granted("sign"))
    }
}

pub(crate) mod tcp {
    use super::{Error, not_granted};
    use crate::bindings::pintle::host::tcp::{ExchangeAnswer, ExchangeRequest};

    pub(crate) fn exchange(_request: &ExchangeRequest) -> Result<ExchangeAnswer, Error> {
        Err(not_granted("tcp"))
    }
}
