//! A run that is driven by commands, watched after each.

use std::fmt::Write as _;
use std::sync::Arc;

use pintle_core::counter::Fence;
use pintle_core::ids::{Digest, RunId, WorkerId};
use pintle_core::plan::{Json, Plan, StepIndex};
use pintle_core::run::children::Expanded;
use pintle_core::run::command::{FailReason, Failed, Finished, Later, StopCause, Submission};
use pintle_core::run::event::StepEnd;
use pintle_core::run::{Answer, Body, Command, Event, Outcome, Refusal, Run, StepState, StepStatus, apply, decide};
use pintle_core::time::{Span, Timestamp};

use crate::watch::Watch;

/// A run and all that ever happened to it.
#[derive(Clone)]
pub(crate) struct Stand {
    pub(crate) run: Run,
    pub(crate) at: Timestamp,
    pub(crate) events: Vec<Event>,
    watch: Watch,
}

impl Stand {
    /// A run that nobody submitted yet.
    pub(crate) fn unborn(plan: Plan) -> Self {
        let run = Run::unborn(RunId::new("r").unwrap(), Arc::new(plan));
        let watch = Watch::of(&run);
        Self { run, at: Timestamp::from_millis(1_000_000), events: Vec::new(), watch }
    }

    /// A run that waits to be admitted.
    pub(crate) fn queued(plan: Plan) -> Self {
        let mut stand = Self::unborn(plan);
        stand.tell(submit());
        stand
    }

    /// A run that was admitted.
    pub(crate) fn started(plan: Plan) -> Self {
        let mut stand = Self::queued(plan);
        stand.tell(Command::Start);
        stand
    }

    /// Asks the run; a millisecond passes. Everything that must always hold is checked.
    pub(crate) fn ask(&mut self, command: Command) -> Result<Vec<Event>, Refusal> {
        self.at = self.at.plus(Span(1));
        let answer = decide(&self.run, command.clone(), self.at);
        match &answer {
            Ok(events) => {
                Watch::taken(&self.run, &command, self.at);
                self.watch.follow(&mut self.run, events);
                self.events.extend_from_slice(events);
            }
            Err(refusal) => Watch::refused(&self.run, &command, refusal),
        }
        answer
    }

    /// The run that its events alone make, each written and read back.
    pub(crate) fn replayed(&self) -> Run {
        let mut run = Run::unborn(self.run.id.clone(), self.run.plan.clone());
        for event in &self.events {
            let text = serde_json::to_string(event).unwrap();
            let read: Event = serde_json::from_str(&text).unwrap();
            assert_eq!(&read, event, "{text}");
            apply(&mut run, &read).unwrap();
        }
        run
    }

    /// Asks the run for what it must do.
    #[track_caller]
    pub(crate) fn tell(&mut self, command: Command) -> Vec<Event> {
        match self.ask(command.clone()) {
            Ok(events) => events,
            Err(refusal) => panic!("{command:?}: {refusal}\n{}", self.shows()),
        }
    }

    /// Asks the run for what it must refuse, and how.
    #[track_caller]
    pub(crate) fn refuses(&mut self, command: Command) -> String {
        match self.ask(command.clone()) {
            Ok(events) => panic!("{command:?} was taken: {events:?}"),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[track_caller]
    pub(crate) fn index(&self, name: &str) -> StepIndex {
        self.run.plan.find(name).unwrap_or_else(|| panic!("no step {name}"))
    }

    #[track_caller]
    pub(crate) fn step(&self, name: &str) -> &StepState {
        self.run.step(self.index(name)).unwrap()
    }

    #[track_caller]
    pub(crate) fn end(&self, name: &str) -> &StepEnd {
        self.step(name).end.as_ref().expect("an end")
    }

    #[track_caller]
    pub(crate) fn claim(&mut self, name: &str) -> Fence {
        let step = self.index(name);
        self.tell(Command::Claim { step, worker: worker() });
        self.step(name).fence
    }

    #[track_caller]
    pub(crate) fn settle(&mut self, name: &str, outcome: Outcome) -> Vec<Event> {
        let step = self.index(name);
        let fence = self.step(name).fence;
        self.tell(Command::Settle { step, fence, outcome })
    }

    #[track_caller]
    pub(crate) fn lose(&mut self, name: &str) -> Vec<Event> {
        let step = self.index(name);
        let fence = self.step(name).fence;
        self.tell(Command::Lose { step, fence })
    }

    /// Claims and settles.
    #[track_caller]
    pub(crate) fn runs(&mut self, name: &str, outcome: Outcome) -> Vec<Event> {
        self.claim(name);
        self.settle(name, outcome)
    }

    /// Claims and settles several, all well.
    #[track_caller]
    pub(crate) fn succeed(&mut self, names: &str) {
        for name in names.split_whitespace() {
            self.runs(name, exit(0));
        }
    }

    /// Lets time pass until the step is due, and says so. Returns how long that was after its last end, or
    /// after its try began.
    #[track_caller]
    pub(crate) fn due(&mut self, name: &str) -> Span {
        let step = self.index(name);
        let state = self.step(name);
        let (due, ended) = (state.due.expect("a due time"), state.finished_at.or(state.started_at).unwrap());
        self.at = due;
        self.tell(Command::Due { step });
        due.since(ended)
    }

    /// A person answers.
    #[track_caller]
    pub(crate) fn answers(&mut self, name: &str, answer: Answer) -> Vec<Event> {
        let step = self.index(name);
        self.tell(Command::Answer { step, by: "ada".to_owned(), answer })
    }

    #[track_caller]
    pub(crate) fn stop(&mut self, at_once: bool) -> Vec<Event> {
        self.tell(stop(at_once))
    }

    /// `running: a succeeded, b ready`. Steps that nobody touched yet are left out.
    pub(crate) fn shows(&self) -> String {
        let mut text = format!("{}:", self.run.status());
        let mut comma = "";
        for (step, state) in self.run.plan.steps.iter().zip(&self.run.steps) {
            if state.status != StepStatus::NotStarted {
                let _ = write!(text, "{comma} {} {}", step.name, state.status);
                comma = ",";
            }
        }
        text
    }

    /// Names of the steps that were made ready, in order.
    pub(crate) fn readied(&self) -> Vec<&str> {
        let ready = |event: &Event| match event.body {
            Body::StepReady { step } => Some(step),
            _ => None,
        };
        let name = |step: StepIndex| self.run.plan.step(step).unwrap().name.as_str();
        self.events.iter().filter_map(ready).map(name).collect()
    }
}

pub(crate) fn worker() -> WorkerId {
    WorkerId::new("w1").unwrap()
}

pub(crate) fn submit() -> Command {
    Command::Submit(Submission {
        plan: Digest::from_bytes([7; 32]),
        params: Json("{}".to_owned()),
        context: Json("{}".to_owned()),
    })
}

pub(crate) fn stop(at_once: bool) -> Command {
    Command::Stop { cause: StopCause::Requested, at_once }
}

pub(crate) fn retry_all() -> Command {
    Command::Retry { steps: vec![], downstream: false }
}

/// The program ended with this code.
pub(crate) fn exit(code: i32) -> Outcome {
    Outcome::Finished(Finished { exit_code: Some(code), ..Finished::default() })
}

/// The program ended well and left an output.
pub(crate) fn with_output(name: &str, json: &str) -> Outcome {
    let outputs = vec![(name.to_owned(), Json(json.to_owned()))];
    Outcome::Finished(Finished { exit_code: Some(0), outputs, ..Finished::default() })
}

/// The program ended with this code, and the repeat condition was checked.
pub(crate) fn checked(code: i32, condition: Result<bool, String>) -> Outcome {
    Outcome::Finished(Finished { exit_code: Some(code), repeat_condition: Some(condition), ..Finished::default() })
}

/// It failed for this reason.
pub(crate) fn fails(reason: FailReason) -> Outcome {
    Outcome::Failed(failed(reason))
}

pub(crate) fn failed(reason: FailReason) -> Failed {
    let exit_code = (reason == FailReason::TimedOut).then_some(124);
    Failed { reason, message: "as the test wants".to_owned(), exit_code, retry_after: None, output_matched: false }
}

/// It goes on as so many children.
pub(crate) fn expands(count: u32) -> Outcome {
    Outcome::Expanded(Expanded { count, items: Json("[]".to_owned()) })
}

/// It asks a person.
pub(crate) fn asks(prompt: &str) -> Outcome {
    Outcome::Asked { prompt: prompt.to_owned() }
}

/// It goes on after so many seconds, or is over then.
pub(crate) fn later(secs: u64, goes_on: bool) -> Outcome {
    Outcome::Later(Later { after: Span::from_secs(secs), token: goes_on.then(|| "token".to_owned()) })
}

/// A router chose these.
pub(crate) fn chooses(steps: &[u32]) -> Outcome {
    let chosen = steps.iter().copied().map(StepIndex).collect();
    Outcome::Finished(Finished { exit_code: Some(0), chosen, ..Finished::default() })
}

pub(crate) fn skipped() -> Outcome {
    Outcome::Skipped { message: "not today".to_owned() }
}
