//! One performance of one action: calls of the guest until it is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pintle_core::plugin::Repeats;
use pintle_core::time::Span;
use pintle_plane::executor::{Fault, MAX_TOKEN, Performed, Task};
use pintle_plane::output::Sink;
use pintle_plane::stop::{StopSignal, Urgency};

use crate::bindings::{CallContext, GuestTask, Operation, Pair, Pending, Progress};
use crate::call::breach::Breach;
use crate::call::fall::Fall;
use crate::call::record::Record;
use crate::call::state::{CallParts, CallState, Identity};
use crate::executors::outcome;
use crate::limits::PENDING_FLOOR;
use crate::plugin::Plugin;
use crate::plugin::invoke::{Ask, Said, invoke};

/// For a guest to give up pending work after the step was stopped.
const ABORT: Duration = Duration::from_secs(5);

/// Tells a step how many times it was lost before.
const LOSSES: &str = "PINTLE_LOSSES";

/// The parts of a performance that stay the same from call to call.
struct Performance<'a> {
    plugin: &'a Arc<Plugin>,
    who: Arc<Identity>,
    sink: Arc<dyn Sink>,
    record: Arc<Record>,
    over: Breach,
    task: Task,
}

/// Performs a task to its end.
pub(super) async fn perform(
    plugin: &Arc<Plugin>,
    task: Task,
    sink: Arc<dyn Sink>,
    stop: Arc<dyn StopSignal>,
) -> Performed {
    let (bound, over) = end(plugin, &task);
    let record = Arc::new(Record::new(bound.map(|bound| Instant::now() + bound), stop));
    let who = Identity {
        plugin: plugin.staged.name.clone(),
        version: plugin.staged.version.clone(),
        tenant: task.tenant.clone(),
        step: format!("{}/{}", task.run, task.step),
        claim: task.claim.clone(),
        working_dir: task.working_dir.clone(),
        dry_run: task.dry_run,
    };
    let performance = Performance { plugin, who: Arc::new(who), sink, record, over, task };
    performance.run().await
}

/// The deadline, and what to say when it passes: the plugin's wall time or the step's, whichever is shorter.
fn end(plugin: &Plugin, task: &Task) -> (Option<Duration>, Breach) {
    let step = task.remaining.map(Span::as_duration);
    match (plugin.limits.wall, step) {
        (Some(wall), Some(step)) if step <= wall => (Some(step), Breach::StepDeadline(step)),
        (Some(wall), _) => (Some(wall), Breach::Wall(wall)),
        (None, Some(step)) => (Some(step), Breach::StepDeadline(step)),
        (None, None) => (None, Breach::StepDeadline(Duration::MAX)),
    }
}

fn as_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Performance<'_> {
    async fn run(&self) -> Performed {
        let (context, operation, task) = self.arguments();
        let mut ask = match self.task.token.clone() {
            None => Ask::Run(context, operation, task),
            Some(token) => Ask::Resume(context, operation, task, token),
        };
        loop {
            let resumed = if let Ask::Resume(.., token) = &ask { Some(token.clone()) } else { None };
            let (said, mut state) = match self.call(ask, &self.record).await {
                Ok(answer) => answer,
                Err(failed) => {
                    // The guest was cut short: what it had left pending is still there.
                    if let Some(token) = resumed.filter(|_| self.is_given_up()) {
                        self.abort(token).await;
                    }
                    return failed;
                }
            };
            let pending = match said {
                Said::Progress(Ok(Progress::Done(completion))) if !self.is_late() => {
                    return outcome::done(completion, &mut state, self.plugin);
                }
                Said::Progress(Ok(Progress::Done(completion))) => return self.late(completion.exit_code),
                Said::Progress(Err(_)) if self.is_late() => return self.late(None),
                Said::Progress(Err(error)) => return Performed::Failed(outcome::refused(error, &self.record)),
                Said::Progress(Ok(Progress::Pending(pending))) => pending,
                Said::Description(_) | Said::Actions(_) | Said::Aborted(_) => {
                    return self.fell(Fall::Host("it answered another question".to_owned()), "run");
                }
            };
            drop(state);
            if self.changes_nothing() {
                return self.later(pending);
            }
            if let Err(fall) = self.wait(&pending).await {
                self.abort(pending.token).await;
                return self.fell(fall, "resume");
            }
            let (context, operation, task) = self.arguments();
            ask = Ask::Resume(context, operation, task, pending.token);
        }
    }

    /// Nothing of it is outside, so that nothing must be given up if nobody goes on with it.
    fn changes_nothing(&self) -> bool {
        let actions = &self.plugin.staged.actions;
        actions.iter().any(|row| row.name == self.task.action && row.repeats == Repeats::Pure)
    }

    /// The step gives its place back until it is to be asked again.
    fn later(&self, pending: Pending) -> Performed {
        let size = pending.token.len();
        if size > MAX_TOKEN {
            let who = self.plugin.blame("run").who;
            let message = format!("{who}, run: it wants to go on with a token of {size} bytes; {MAX_TOKEN} are kept");
            return Performed::Failed(outcome::failure(Fault::Failed, message));
        }
        let after = Span(u64::from(pending.ask_after)).max(Span(as_millis(PENDING_FLOOR)));
        Performed::Later { token: pending.token, after }
    }

    fn is_given_up(&self) -> bool {
        self.record.is_over() || self.record.outer().urgency() > Urgency::None
    }

    /// A program that was stopped at the deadline lets its guest answer; the deadline is still what ended the step.
    fn is_late(&self) -> bool {
        self.record.is_over() && self.record.outer().urgency() == Urgency::None
    }

    fn late(&self, exit_code: Option<i32>) -> Performed {
        let fall = Fall::Breach(self.over.clone());
        let mut failure = fall.failure(&self.plugin.blame("run"), None, self.record.had_effects());
        failure.exit_code = exit_code;
        Performed::Failed(failure)
    }

    fn fell(&self, fall: Fall, function: &'static str) -> Performed {
        let mut failure = fall.failure(&self.plugin.blame(function), self.record.panic(), self.record.had_effects());
        if self.record.outer().urgency() > Urgency::None {
            failure.fault = Fault::Cancelled;
        }
        Performed::Failed(failure)
    }

    async fn call(&self, ask: Ask, record: &Arc<Record>) -> Result<(Said, CallState), Performed> {
        let function = ask.function();
        let runtime = &self.plugin.runtime;
        // The first call of a plugin may have to compile it, which takes as long as the step has.
        let ready = tokio::select! {
            biased;
            ready = self.plugin.code.ready(runtime) => ready,
            fall = self.given_up(record) => return Err(self.fell(fall, function)),
        };
        let ready = ready.map_err(|error| self.fell(Fall::Host(error.to_string()), function))?;
        let parts = CallParts {
            who: Arc::clone(&self.who),
            grants: Arc::clone(&self.plugin.grants),
            services: Arc::clone(&runtime.services),
            config: Arc::clone(&self.plugin.config),
            record: Arc::clone(record),
            limits: self.plugin.limits,
            sink: Arc::clone(&self.sink),
        };
        invoke(runtime, ready, parts, ask, &self.over).await.map_err(|fall| self.fell(fall, function))
    }

    /// Resolves when the step's time is over or it is to stop.
    async fn given_up(&self, record: &Record) -> Fall {
        let deadline = async {
            match record.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = deadline => Fall::Breach(self.over.clone()),
            () = record.outer().reached(Urgency::Gracefully) => Fall::Stopped,
        }
    }

    async fn wait(&self, pending: &Pending) -> Result<(), Fall> {
        let span = Duration::from_millis(u64::from(pending.ask_after)).max(PENDING_FLOOR);
        tokio::select! {
            biased;
            fall = self.given_up(&self.record) => Err(fall),
            () = tokio::time::sleep(span) => Ok(()),
        }
    }

    /// Tells the guest that its pending work is not wanted any more. Best effort: the outcome is decided already.
    async fn abort(&self, token: String) {
        let (context, operation, task) = self.arguments();
        let record = Arc::new(Record::new(Some(Instant::now() + ABORT), Arc::new(crate::plugin::NoStop)));
        let ask = Ask::Abort(context, operation, task, token);
        let problem = match self.call(ask, &record).await {
            Ok((Said::Aborted(Err(error)), _)) => error.message,
            Err(Performed::Failed(failure)) => failure.message,
            Ok(_) | Err(Performed::Done { .. } | Performed::Later { .. }) => return,
        };
        let (plugin, step) = (&self.who.plugin, &self.who.step);
        tracing::warn!(plugin, step, "pending work was not given up: {problem}");
    }

    fn arguments(&self) -> (CallContext, Operation, GuestTask) {
        let task = &self.task;
        let remaining = self.record.remaining();
        let context = CallContext {
            tenant: task.tenant.to_string(),
            run: task.run.to_string(),
            step: task.step.clone(),
            attempt: task.attempt.get(),
            remaining: remaining.map_or(u32::MAX, |left| u32::try_from(left.as_millis()).unwrap_or(u32::MAX)),
            traceparent: None,
        };
        let operation = Operation { key: task.operation_key.clone(), fence: task.fence.get(), dry_run: task.dry_run };
        let mut env: Vec<Pair> =
            task.env.iter().map(|(name, value)| Pair { name: name.clone(), value: value.clone() }).collect();
        if task.losses > 0 && !env.iter().any(|pair| pair.name == LOSSES) {
            env.push(Pair { name: LOSSES.to_owned(), value: task.losses.to_string() });
        }
        let guest = GuestTask {
            action: task.action.clone(),
            input_json: task.input_json.clone(),
            env,
            working_dir: Some(task.working_dir.to_string_lossy().into_owned()),
        };
        (context, operation, guest)
    }
}
