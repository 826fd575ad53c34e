//! What the fake host remembers, and which fake host the running plugin talks to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::files::Files;
use super::{HttpRequest, LogLine, ProcessCommand, ProcessExit};
use crate::bindings::pintle::core::types;
use crate::error::Error;
use crate::http::Response;

type Answer = Box<dyn FnMut(&HttpRequest) -> Result<Response, Error>>;
type Play = Box<dyn FnMut(&ProcessCommand) -> Result<ProcessExit, Error>>;

/// 2026-01-01T00:00:00Z.
const EPOCH_MS: u64 = 1_767_225_600_000;

pub(super) struct State {
    pub(super) unix_ms: u64,
    pub(super) remaining: u32,
    pub(super) cancelled: bool,
    pub(super) config: String,
    pub(super) chance: u64,
    pub(super) http: Option<Answer>,
    pub(super) requests: Vec<HttpRequest>,
    pub(super) process: Option<Play>,
    pub(super) commands: Vec<ProcessCommand>,
    pub(super) files: Files,
    pub(super) kv: Keys,
    pub(super) blobs: Vec<Vec<u8>>,
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) logs: Vec<LogLine>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            unix_ms: EPOCH_MS,
            remaining: u32::MAX,
            cancelled: false,
            config: "{}".to_owned(),
            chance: 1,
            http: None,
            requests: Vec::new(),
            process: None,
            commands: Vec::new(),
            files: Files::default(),
            kv: Keys::default(),
            blobs: Vec::new(),
            secrets: BTreeMap::new(),
            stdout: Vec::new(),
            stderr: Vec::new(),
            logs: Vec::new(),
        }
    }
}

impl State {
    pub(super) fn forget_output(&mut self) {
        self.stdout.clear();
        self.stderr.clear();
        self.logs.clear();
    }

    /// Reproducible chance (SplitMix64).
    pub(super) fn next_random(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// Keys and values in memory.
#[derive(Default)]
pub(super) struct Keys {
    granted: bool,
    entries: BTreeMap<String, (u64, Vec<u8>)>,
    last_version: u64,
}

impl Keys {
    pub(super) fn seed(&mut self, key: &str, value: Vec<u8>) {
        self.granted = true;
        self.set(key, value);
    }

    pub(super) fn set(&mut self, key: &str, value: Vec<u8>) -> u64 {
        self.last_version += 1;
        self.entries.insert(key.to_owned(), (self.last_version, value));
        self.last_version
    }

    pub(super) fn value(&self, key: &str) -> Option<Vec<u8>> {
        self.entries.get(key).map(|(_, value)| value.clone())
    }

    pub(super) fn version(&self, key: &str) -> Option<u64> {
        self.entries.get(key).map(|(version, _)| *version)
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.entries.remove(key);
    }

    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        self.entries.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    pub(super) fn granted(&mut self) -> Result<&mut Self, types::Error> {
        if self.granted { Ok(self) } else { Err(not_granted("kv")) }
    }
}

/// The real host's answer to a call that needs a grant which is not there.
pub(super) fn not_granted(capability: &str) -> types::Error {
    Error::denied(format!("{capability} is not granted: let the test script it on its FakeHost")).into()
}

thread_local! {
    static CURRENT: RefCell<Vec<Rc<RefCell<State>>>> = const { RefCell::new(Vec::new()) };
}

/// Makes a host the one that host calls of this thread go to, for as long as the function runs.
pub(super) fn enter<T>(host: &Rc<RefCell<State>>, call: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            CURRENT.with_borrow_mut(|hosts| hosts.pop());
        }
    }
    CURRENT.with_borrow_mut(|hosts| hosts.push(Rc::clone(host)));
    let _leave = Leave;
    call()
}

/// The host that the running plugin talks to.
#[expect(clippy::panic, reason = "a native call outside of a fake host has nobody to answer it: a fault of the test")]
pub(super) fn current() -> Rc<RefCell<State>> {
    match CURRENT.with_borrow(|hosts| hosts.last().map(Rc::clone)) {
        Some(host) => host,
        None => panic!("a host call outside of a host: run the plugin through pintle_guest::testing::FakeHost"),
    }
}
