//! The run as it stands, folded from its events as the core folds them, and the last lines that its steps printed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use pintle_coordinator::Snapshot;
use pintle_core::graph::Graph;
use pintle_core::plan::StepIndex;
use pintle_core::run::{Body, Event, Run, apply};
use pintle_plane::output::Channel;

/// How many of a step's last lines are kept, for the tree and for the end.
const KEPT: usize = 8;
/// A longer line is cut: it would fill a screen.
const LINE: usize = 8 * 1024;

/// The run, and what its steps printed last.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) run: Run,
    tails: Vec<Tail>,
    /// Of steps of runs below this one, by the step that they belong to and their path.
    below: BTreeMap<(StepIndex, String), Tail>,
}

/// The end of what one step printed.
#[derive(Debug, Default, Clone)]
struct Tail {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    last: VecDeque<(Channel, String)>,
}

impl Scene {
    /// A snapshot as the core's own fold, so that events can be applied to it.
    pub(crate) fn of(snapshot: Snapshot) -> Self {
        let graph = Arc::new(Graph::of(&snapshot.plan));
        let Snapshot { run, plan, head, steps, .. } = snapshot;
        Self::new(Run { id: run, plan, graph, head, steps })
    }

    pub(crate) fn new(run: Run) -> Self {
        let tails = vec![Tail::default(); run.steps.len()];
        Self { run, tails, below: BTreeMap::new() }
    }

    /// Takes an event in. An event that does not fold is left out: the picture lags, the run does not.
    pub(crate) fn take(&mut self, event: &Event) {
        if let Body::StepClaimed { step, .. } = event.body
            && let Some(tail) = self.tails.get_mut(step.get())
        {
            *tail = Tail::default();
        }
        if let Err(corrupt) = apply(&mut self.run, event) {
            tracing::warn!(run = %self.run.id, error = %corrupt, "an event could not be shown");
        }
    }

    /// Takes output in, and gives back the lines that it completed.
    pub(crate) fn print(&mut self, step: StepIndex, channel: Channel, bytes: &[u8]) -> Vec<String> {
        self.tails.get_mut(step.get()).map(|tail| tail.print(channel, bytes)).unwrap_or_default()
    }

    /// As [`Scene::print`], for a step of a run below a step: its lines stand for that step's own.
    pub(crate) fn print_below(&mut self, step: StepIndex, path: &str, channel: Channel, bytes: &[u8]) -> Vec<String> {
        let tail = self.below.entry((step, path.to_owned())).or_default();
        let lines = tail.print(channel, bytes);
        if tail.stdout.is_empty() && tail.stderr.is_empty() {
            self.below.remove(&(step, path.to_owned()));
        }
        if let Some(own) = self.tails.get_mut(step.get()) {
            lines.iter().for_each(|line| own.keep(channel, line.clone()));
        }
        lines
    }

    /// What was printed below a step without a line's end.
    pub(crate) fn rest_below(&mut self, step: StepIndex) -> Vec<(String, Channel, String)> {
        let below: Vec<_> = self.below.extract_if(.., |(of, _), _| *of == step).collect();
        let rest = |((_, path), mut tail): ((StepIndex, String), Tail)| {
            tail.rest().into_iter().map(move |(channel, line)| (path.clone(), channel, line)).collect::<Vec<_>>()
        };
        below.into_iter().flat_map(rest).collect()
    }

    /// The step's try is over: what it printed last without a line's end is a line too.
    pub(crate) fn rest(&mut self, step: StepIndex) -> Vec<(Channel, String)> {
        self.tails.get_mut(step.get()).map(Tail::rest).unwrap_or_default()
    }

    /// The last line with something in it.
    pub(crate) fn last_line(&self, step: StepIndex) -> Option<&str> {
        let lines = &self.tails.get(step.get())?.last;
        lines.iter().rev().map(|(_, line)| line.trim()).find(|line| !line.is_empty())
    }

    /// The last lines, oldest first.
    pub(crate) fn last_lines(&self, step: StepIndex) -> impl Iterator<Item = &str> {
        self.tails.get(step.get()).into_iter().flat_map(|tail| tail.last.iter().map(|(_, line)| line.as_str()))
    }

    /// A step's name; its number where the plan has none.
    pub(crate) fn name(&self, step: StepIndex) -> String {
        self.run.plan.step(step).map_or_else(|| format!("step {}", step.0), |step| step.name.clone())
    }
}

impl Tail {
    fn print(&mut self, channel: Channel, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut left = bytes;
        while let Some(end) = left.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = left.split_at(end);
            left = rest.get(1..).unwrap_or_default();
            let whole = std::mem::take(self.open(channel));
            lines.push(text(&[whole.as_slice(), line].concat()));
        }
        let open = self.open(channel);
        open.extend_from_slice(left);
        while open.len() > LINE {
            let rest = open.split_off(LINE);
            let cut = std::mem::replace(open, rest);
            lines.push(text(&cut));
        }
        lines.iter().for_each(|line| self.keep(channel, line.clone()));
        lines
    }

    fn rest(&mut self) -> Vec<(Channel, String)> {
        let mut lines = Vec::new();
        for channel in [Channel::Stdout, Channel::Stderr] {
            let open = std::mem::take(self.open(channel));
            if !open.is_empty() {
                lines.push((channel, text(&open)));
            }
        }
        lines.iter().for_each(|(channel, line)| self.keep(*channel, line.clone()));
        lines
    }

    fn open(&mut self, channel: Channel) -> &mut Vec<u8> {
        match channel {
            Channel::Stdout => &mut self.stdout,
            Channel::Stderr => &mut self.stderr,
        }
    }

    fn keep(&mut self, channel: Channel, line: String) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back((channel, line));
    }
}

/// A line as text; of a progress line that was drawn over with carriage returns, what stands at the end.
fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let start = line.iter().rposition(|byte| *byte == b'\r').map_or(0, |at| at + 1);
    String::from_utf8_lossy(line.get(start..).unwrap_or_default()).into_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use pintle_core::counter::{Attempt, Fence};
    use pintle_core::ids::{Digest, RunId, WorkerId};
    use pintle_core::plan::{Action, Json, Plan, Step};
    use pintle_core::run::command::{FailReason, Submission};
    use pintle_core::run::event::{EndReason, StepEnd};
    use pintle_core::run::{RunStatus, StepStatus};
    use pintle_core::time::{Span, Timestamp};

    use super::*;

    /// A scripted run: steps by name with what they depend on, and what happened, each 100 ms after the one before.
    pub(crate) struct Script {
        pub(crate) scene: Scene,
        pub(crate) now: Timestamp,
        fences: u64,
    }

    impl Script {
        pub(crate) fn new(steps: &[(&str, &[u32])]) -> Self {
            let steps = steps.iter().map(|(name, depends)| {
                let mut step = Step::doing(*name, Action::noop());
                step.depends = depends.iter().copied().map(StepIndex).collect();
                step
            });
            let plan = Plan { steps: steps.collect(), ..Plan::named("etl") };
            let id = RunId::new("0193a7c0-run").unwrap_or_else(|e| unreachable!("{e}"));
            let run = Run::unborn(id, Arc::new(plan));
            let mut script = Self { scene: Scene::new(run), now: Timestamp::from_millis(1_000_000), fences: 0 };
            script.happens(Body::Submitted(Submission {
                plan: Digest::from_bytes([0; 32]),
                params: Json("{}".into()),
                context: Json("\"sealed\"".into()),
            }));
            script.happens(Body::Started);
            script
        }

        pub(crate) fn happens(&mut self, body: Body) -> Event {
            self.now = self.now.plus(Span(100));
            let event = Event { at: self.now, body };
            self.scene.take(&event);
            event
        }

        pub(crate) fn ready(&mut self, step: u32) -> Event {
            self.happens(Body::StepReady { step: StepIndex(step) })
        }

        pub(crate) fn claimed(&mut self, step: u32) -> Event {
            self.fences += 1;
            let worker = WorkerId::new("w-1").unwrap_or_else(|e| unreachable!("{e}"));
            let attempt = self.scene.run.steps.get(step as usize).map_or(Attempt(1), |s| s.attempt.next());
            if self.scene.run.step(StepIndex(step)).is_some_and(|state| state.status != StepStatus::Ready) {
                self.ready(step);
            }
            self.happens(Body::StepClaimed { step: StepIndex(step), fence: Fence(self.fences), worker, attempt })
        }

        /// As [`Script::claimed`], after a loss that minted fences of its own.
        pub(crate) fn claimed_under(&mut self, step: u32, fence: u64) -> Event {
            self.fences = fence - 1;
            self.claimed(step)
        }

        pub(crate) fn succeeded(&mut self, step: u32) -> Event {
            let end = StepEnd { status: StepStatus::Succeeded, reason: None, ..skipped() };
            self.happens(Body::StepEnded { step: StepIndex(step), end })
        }

        pub(crate) fn failed(&mut self, step: u32, code: i32) -> Event {
            let reason = Some(EndReason::Failed(FailReason::ExitCode));
            let message = Some(format!("the program ended with {code}"));
            let end = StepEnd { status: StepStatus::Failed, reason, exit_code: Some(code), message, ..skipped() };
            self.happens(Body::StepEnded { step: StepIndex(step), end })
        }

        /// It failed, and `continue_on` marks that as success.
        pub(crate) fn marked(&mut self, step: u32, code: i32) -> Event {
            let reason = Some(EndReason::Failed(FailReason::ExitCode));
            let message = Some(format!("the program ended with {code}"));
            let end = StepEnd { status: StepStatus::Succeeded, reason, exit_code: Some(code), message, ..skipped() };
            self.happens(Body::StepEnded { step: StepIndex(step), end })
        }

        pub(crate) fn aborted(&mut self, step: u32) -> Event {
            let end = StepEnd::without_try(StepStatus::Aborted, EndReason::UpstreamFailed);
            self.happens(Body::StepEnded { step: StepIndex(step), end })
        }

        pub(crate) fn finished(&mut self, status: RunStatus) -> Event {
            self.happens(Body::Concluded { status });
            self.happens(Body::Finished { status })
        }
    }

    fn skipped() -> StepEnd {
        StepEnd::without_try(StepStatus::Skipped, EndReason::UpstreamSkipped)
    }

    #[test]
    fn lines_come_whole_whatever_the_cut() {
        let mut script = Script::new(&[("a", &[])]);
        let mut print = |bytes: &[u8]| script.scene.print(StepIndex(0), Channel::Stdout, bytes);
        assert_eq!(print(b"on"), Vec::<String>::new());
        assert_eq!(print(b"e\ntwo\nthr"), ["one", "two"]);
        assert_eq!(print("ä".as_bytes().get(..1).unwrap_or_default()), Vec::<String>::new());
        assert_eq!(print("ä\n".as_bytes().get(1..).unwrap_or_default()), ["thrä"]);
        assert_eq!(print(b"10%\r50%\r100%\r\n"), ["100%"]);
        assert_eq!(print(b"no end"), Vec::<String>::new());
        assert_eq!(script.scene.rest(StepIndex(0)), [(Channel::Stdout, "no end".to_owned())]);
        assert_eq!(script.scene.last_line(StepIndex(0)), Some("no end"));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut script = Script::new(&[("a", &[])]);
        let flood = vec![b'x'; 100 * LINE];
        let lines = script.scene.print(StepIndex(0), Channel::Stdout, &flood);
        assert!(lines.iter().all(|line| line.len() <= LINE), "a line was not cut");
        assert_eq!(script.scene.last_lines(StepIndex(0)).count(), KEPT);
    }

    #[test]
    fn a_new_try_begins_with_a_clean_slate() {
        let mut script = Script::new(&[("a", &[])]);
        script.claimed(0);
        script.scene.print(StepIndex(0), Channel::Stderr, b"old\n");
        script.claimed(0);
        assert_eq!(script.scene.last_line(StepIndex(0)), None);
    }
}
