//! A step of a large plan costs what a step of a small plan costs.

use std::time::{Duration, Instant};

use pintle_core::counter::Fence;
use pintle_core::ids::RunId;
use pintle_core::plan::{Action, Json, Plan, Step, StepIndex};
use pintle_core::run::command::Submission;
use pintle_core::run::{Command, Effect, Run, RunStatus, StepStatus, apply, decide, effects};
use pintle_core::time::{Span, Timestamp};

use crate::plans::empty;
use crate::stand::{exit, submit, worker};

const SMALL: u32 = 1_000;
const LARGE: u32 = 10_000;
/// Ten times as many steps may take this many times as long: flat is 10, a walk over all steps for each is 100.
const FACTOR: u32 = 40;
/// A machine that is busy with something else is forgiven this much.
const SLACK: Duration = Duration::from_millis(100);

fn sized(count: u32, depends: impl Fn(u32) -> Vec<StepIndex>) -> Plan {
    let mut plan = empty();
    plan.steps =
        (0..count).map(|i| Step { depends: depends(i), ..Step::doing(format!("s{i}"), Action::noop()) }).collect();
    plan
}

/// Each behind the one before.
fn chain(count: u32) -> Plan {
    sized(count, |i| i.checked_sub(1).map(StepIndex).into_iter().collect())
}

/// One, then all others, then one.
fn fan(count: u32) -> Plan {
    sized(count, |i| match i {
        0 => vec![],
        last if last == count - 1 => (1..last).map(StepIndex).collect(),
        _ => vec![StepIndex(0)],
    })
}

/// A driver that does nothing twice, so that what is measured is the run.
struct Driver {
    run: Run,
    at: Timestamp,
    ready: Vec<StepIndex>,
}

impl Driver {
    fn new(plan: Plan) -> Self {
        let run = Run::unborn(RunId::new("r").unwrap(), plan.into());
        Self { run, at: Timestamp::from_millis(1), ready: Vec::new() }
    }

    fn tell(&mut self, command: Command) {
        self.at = self.at.plus(Span(1));
        for event in decide(&self.run, command, self.at).unwrap() {
            apply(&mut self.run, &event).unwrap();
            for effect in effects(&self.run, &event) {
                if let Effect::Wake(step) = effect {
                    self.ready.push(step);
                }
            }
        }
    }

    /// How long the whole run took.
    fn drive(mut self, submission: Command) -> Duration {
        let start = Instant::now();
        self.tell(submission);
        self.tell(Command::Start);
        while let Some(step) = self.ready.pop() {
            self.tell(Command::Claim { step, worker: worker() });
            self.tell(Command::Settle { step, fence: Fence(1), outcome: exit(0) });
        }
        let took = start.elapsed();
        assert_eq!(self.run.status(), RunStatus::Succeeded);
        assert_eq!(self.run.steps_in(StepStatus::Succeeded).count(), self.run.plan.steps.len());
        took
    }
}

/// The better of three: noise only ever adds.
fn best(plan: fn(u32) -> Plan, count: u32) -> Duration {
    (0..3).map(|_| Driver::new(plan(count)).drive(submit())).min().unwrap()
}

fn grows_no_faster_than_steps(plan: fn(u32) -> Plan) {
    let (small, large) = (best(plan, SMALL), best(plan, LARGE));
    assert!(large < small * FACTOR + SLACK, "{SMALL} steps took {small:?}, {LARGE} took {large:?}");
    assert!(large < Duration::from_secs(5), "{LARGE} steps took {large:?}");
}

#[test]
fn a_chain_of_ten_thousand_costs_the_same_per_step() {
    grows_no_faster_than_steps(chain);
}

#[test]
fn a_fan_of_ten_thousand_costs_the_same_per_step() {
    grows_no_faster_than_steps(fan);
}

#[test]
fn a_large_submission_does_not_weigh_on_each_command() {
    let Command::Submit(small) = submit() else { panic!("submit submits") };
    let context = Json(format!("\"{}\"", "x".repeat(1 << 20)));
    let large = Submission { context, ..small.clone() };
    let took = |submission: &Submission| {
        (0..3).map(|_| Driver::new(chain(SMALL)).drive(Command::Submit(submission.clone()))).min().unwrap()
    };
    let (small, large) = (took(&small), took(&large));
    assert!(large < small * 4 + SLACK, "a small context took {small:?}, one of 1 MiB took {large:?}");
}
