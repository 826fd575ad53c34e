//! The interpreter, with the host's clock and bounds of its own.
//!
//! What it does not have: a way to wait (no timers), modules to import, threads (`Atomics`, `SharedArrayBuffer`). Time
//! is UTC. Memory and computing time are bounded by the host, depth of calls here: a script that recurses without end
//! gets a sentence with its place, where the sandbox could only say that a stack ran over.

use std::cell::RefCell;
use std::future::Future;
use std::path::Path;
use std::rc::Rc;

use boa_engine::builtins::promise::{OperationType, Promise, PromiseState};
use boa_engine::context::time::JsInstant;
use boa_engine::context::{Clock, HostHooks};
use boa_engine::module::{ModuleLoader, ModuleRequest, Referrer};
use boa_engine::object::JsObject;
use boa_engine::object::builtins::JsPromise;
use boa_engine::{Context, JsNativeError, JsResult, JsValue, Module, Script, Source};
use pintle_guest::call;
use pintle_guest::executor::Task;
use serde_json::Value;

use crate::globals;
use crate::jobs::Jobs;

/// Calls within calls, at most.
pub(crate) const CALL_DEPTH: usize = 512;
/// Values on the interpreter's own stack, at most: 8 MiB.
const STACK_VALUES: usize = 1 << 20;
/// What places in the script are told by.
pub(crate) const SOURCE: &str = "script";

/// An interpreter for one script.
pub(crate) struct Engine {
    /// Where the script runs.
    pub(crate) context: Context,
    hooks: Rc<Hooks>,
}

impl Engine {
    /// Makes one, with all that the script finds.
    pub(crate) fn new(task: &Task, input: &Value) -> JsResult<Self> {
        let hooks = Rc::new(Hooks::default());
        let mut context = Context::builder()
            .clock(Rc::new(HostClock))
            .host_hooks(Rc::clone(&hooks))
            .job_executor(Rc::new(Jobs::default()))
            .module_loader(Rc::new(NoModules))
            .build()?;
        let limits = context.runtime_limits_mut();
        limits.set_recursion_limit(CALL_DEPTH);
        limits.set_stack_size_limit(STACK_VALUES);
        globals::install(&mut context, task, input)?;
        Ok(Self { context, hooks })
    }

    /// Runs a text; its promises' jobs are left to be run.
    pub(crate) fn evaluate(&mut self, text: &str) -> JsResult<JsValue> {
        let source = Source::from_bytes(text).with_path(Path::new(SOURCE));
        Script::parse(source, None, &mut self.context)?.evaluate(&mut self.context)
    }

    /// Why the first promise was rejected that nobody handles.
    pub(crate) fn unhandled(&self) -> Option<JsValue> {
        let first = self.hooks.rejected.borrow().first().cloned()?;
        match JsPromise::from_object(first.upcast()).ok()?.state() {
            PromiseState::Rejected(reason) => Some(reason),
            PromiseState::Pending | PromiseState::Fulfilled(_) => None,
        }
    }
}

/// What the interpreter asks its host for.
#[derive(Default)]
struct Hooks {
    /// Promises that were rejected without a handler, in order.
    rejected: RefCell<Vec<JsObject<Promise>>>,
}

impl HostHooks for Hooks {
    fn promise_rejection_tracker(&self, promise: &JsObject<Promise>, operation: OperationType, _: &mut Context) {
        let mut rejected = self.rejected.borrow_mut();
        match operation {
            OperationType::Reject => rejected.push(promise.clone()),
            OperationType::Handle => rejected.retain(|other| other != promise),
        }
    }

    fn local_timezone_offset_seconds(&self, _: i64) -> i32 {
        0
    }
}

/// The host's clock.
struct HostClock;

impl Clock for HostClock {
    fn now(&self) -> JsInstant {
        let now = call::unix_ms();
        let within = u32::try_from(now % 1000).unwrap_or_default();
        JsInstant::new(now / 1000, within * 1_000_000)
    }

    fn system_time_millis(&self) -> i64 {
        i64::try_from(call::unix_ms()).unwrap_or(i64::MAX)
    }
}

/// There are no modules.
struct NoModules;

impl ModuleLoader for NoModules {
    fn load_imported_module(
        self: Rc<Self>,
        _: Referrer,
        request: ModuleRequest,
        _: &RefCell<&mut Context>,
    ) -> impl Future<Output = JsResult<Module>> {
        let name = request.specifier().to_std_string_lossy();
        let words = format!("`{name}` cannot be imported: a script has no modules");
        std::future::ready(Err(JsNativeError::typ().with_message(words).into()))
    }
}
