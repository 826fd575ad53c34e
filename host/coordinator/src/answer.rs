//! What people say to what steps ask. An answer is an event like any other: whoever gives it appends it, and the first
//! one counts. Going on is somebody else's: the home of the run sees the answer and goes on, and where nobody is at home
//! the run waits for who resumes it, with the answer in its log.

use std::time::{Duration, Instant};

use pintle_core::ids::RunId;
use pintle_core::plan::{Plan, StepIndex};
use pintle_core::run::{Answer, Command, Refusal, RunStatus, StepStatus};
use pintle_spec::{Given, read_inputs, read_values};

use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;

/// The home of a waiting run goes on with it within milliseconds; one that does not in this time is stopped, or stuck.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(10);

/// What a person says, as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// A task is done, with these values.
    Complete(Given),
    /// What the step did is good; with these inputs.
    Approve(Given),
    /// It is not, for this reason.
    Reject(Option<String>),
    /// It is to be done again; with these inputs, for this reason.
    PushBack(Given, Option<String>),
}

/// Who goes on with a run that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onward {
    /// The process that works on it.
    There {
        /// Which.
        pid: u32,
    },
    /// The process that works on it has not noticed yet.
    Unnoticed {
        /// Which.
        pid: u32,
    },
    /// Nobody yet: people are still asked, and nothing else can go on.
    StillAsked,
    /// Whoever resumes it.
    Nobody,
}

impl Coordinator {
    /// Answers what a step of a run asks, whoever works on the run. When this returns the answer is durable. A second
    /// answer is refused.
    pub async fn answer(&self, run: &RunId, step: StepIndex, by: &str, word: Word) -> Result<Onward, Error> {
        if let Some(live) = self.live(run) {
            let mut live = live.lock().await;
            self.refresh(&mut live).await?;
            let command = command(&live.run.plan, step, by, &word)?;
            self.drive(&mut live, &command).await?;
            self.go_on(&mut live).await?;
            return Ok(Onward::There { pid: self.options.pid });
        }
        let mut live = self.load(run).await?;
        let command = command(&live.run.plan, step, by, &word)?;
        self.commit(&mut live, |batch| batch.command(command.clone())).await?;
        self.onward(&live).await
    }

    /// Goes on with a run of this home that waited for an answer, if it can.
    pub(crate) async fn go_on(&self, live: &mut Live) -> Result<(), Error> {
        if live.run.status() != RunStatus::Waiting || !self.is_home_of(live) {
            return Ok(());
        }
        match self.drive(live, &Command::Resume).await {
            Ok(()) => self.went_on(live),
            Err(Error::Refused(Refusal::StillAsked { .. } | Refusal::WrongRunStatus { .. })) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Looks who goes on with a run of another home.
    async fn onward(&self, live: &Live) -> Result<Onward, Error> {
        let since = Instant::now();
        if live.run.status() == RunStatus::Waiting && !can_go_on(live) {
            return Ok(Onward::StillAsked);
        }
        let id = live.run.id.clone();
        loop {
            let row = self.store.row(&id).await?.ok_or_else(|| Error::NoSuchRun(id.clone()))?;
            let pid = row.pid.unwrap_or_default();
            let lives = match &row.home {
                Some(home) => self.store.is_alive(home).await?,
                None => false,
            };
            // The home of a waiting run may be about to leave, and is then seen to be gone; or it goes on with the run.
            match (lives, row.status == RunStatus::Waiting) {
                (false, _) => return Ok(Onward::Nobody),
                (true, false) => return Ok(Onward::There { pid }),
                (true, true) if since.elapsed() > PATIENCE => return Ok(Onward::Unnoticed { pid }),
                (true, true) => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Something of a waiting run is ready, or all of it is over.
fn can_go_on(live: &Live) -> bool {
    let run = &live.run;
    let interrupted = run.head.waiting == Some(pintle_core::run::event::WaitReason::Interrupted);
    interrupted || run.head.tally.open() == 0 || run.steps_in(StepStatus::Ready).next().is_some()
}

/// The word as the core wants it. What does not fit the step is for the core to refuse.
fn command(plan: &Plan, index: StepIndex, by: &str, word: &Word) -> Result<Command, Error> {
    let step = plan.step(index);
    let approval = step.and_then(|step| step.approval.as_deref());
    let inputs = |given: &Given| approval.map_or(Ok(Vec::new()), |approval| read_inputs(approval, given));
    let answer = match word {
        Word::Complete(given) => match step.and_then(|step| step.action.task()) {
            Some(task) => {
                let read = read_values(task.form.as_ref(), given)?;
                Answer::Complete { values: read.values, others: read.others }
            }
            None => Answer::Complete { values: Vec::new(), others: Vec::new() },
        },
        Word::Approve(given) => Answer::Approve { inputs: inputs(given)? },
        Word::Reject(reason) => Answer::Reject { reason: reason.clone() },
        Word::PushBack(given, reason) => Answer::PushBack { inputs: inputs(given)?, reason: reason.clone() },
    };
    Ok(Command::Answer { step: index, by: by.to_owned(), answer })
}
