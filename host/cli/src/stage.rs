//! A run on stage: what happens to it is shown, and signals are answered, until it is over or waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pintle_coordinator::{Coordinator, Error, Update};
use pintle_core::ids::RunId;
use pintle_core::plan::StepIndex;
use pintle_core::run::command::StopCause;
use pintle_core::run::{Body, Event, RunStatus, StepStatus};
use pintle_core::time::Timestamp;
use pintle_plane::output::Channel;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::failure::{Exit, Failure};
use crate::feed::{Feed, Source};
use crate::join::{Crew, House};
use crate::render::printer::{self, Printer};
use crate::render::scene::Scene;
use crate::render::{Show, Speaker};
use crate::signals::{self, Signals, Wish};
use crate::stopping::{Stopping, over};

/// The first picture waits a little: a run that is over by then is drawn once.
const FIRST_PICTURE: Duration = Duration::from_millis(50);
/// From picture to picture.
const PICTURE: Duration = Duration::from_millis(100);

/// What happens within so long of what was shown last is shown with what comes after it: nobody sees the difference, and
/// steps that take less do not each wake who shows them.
const GATHER: Duration = Duration::from_millis(5);

/// How a run came on stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It is new.
    Started,
    /// It goes on.
    Resumed,
    /// Its next attempt begins.
    Retried,
    /// It is stopped, and its closing handlers run.
    Stopped,
}

/// A run that is shown.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    show: Box<dyn Show>,
    printer: Printer,
    updates: UnboundedReceiver<Update>,
    feed: Arc<Feed>,
    /// Output of steps whose claim was not seen yet.
    early: HashMap<StepIndex, Vec<(Channel, Vec<u8>)>>,
}

impl Stage {
    /// Opens the curtain on a run of this home. `show` is chosen by what the run looks like.
    pub(crate) async fn open(
        coordinator: &Coordinator,
        run: &RunId,
        feed: Arc<Feed>,
        show: impl FnOnce(&Scene) -> Box<dyn Show>,
    ) -> Result<Self, Error> {
        let (snapshot, updates) = coordinator.updates(run).await?;
        let scene = Scene::of(snapshot);
        let show = show(&scene);
        let early = HashMap::new();
        Ok(Self { scene, show, printer: Printer::default(), updates, feed, early })
    }

    /// Says what happened just before the curtain rose: that is folded into the scene already.
    pub(crate) fn announce(&mut self, opening: Opening, at: Timestamp) {
        let run = &self.scene.run;
        let body = match opening {
            Opening::Started => Body::Started,
            Opening::Resumed => Body::Resumed,
            Opening::Stopped => Body::StopRequested { cause: StopCause::Requested, at_once: false },
            Opening::Retried => {
                let open = run.plan.indexed().zip(&run.steps).filter(|(_, state)| !state.status.is_terminal());
                let reset = open.map(|((index, _), _)| index).collect();
                Body::Retried { attempt: run.head.attempt, reset, excused: Vec::new() }
            }
        };
        self.show.event(&self.scene, &Event { at, body }, &mut self.printer);
    }

    /// From now on steps print there.
    pub(crate) fn follow(&mut self, feed: Arc<Feed>) {
        self.feed = feed;
    }

    /// Plays to the end; where the run stands then.
    pub(crate) async fn play(
        &mut self,
        house: &House,
        crew: &mut Crew,
        signals: &mut Signals,
    ) -> anyhow::Result<RunStatus> {
        let run = self.scene.run.id.clone();
        let settled = house.coordinator.settled(&run);
        tokio::pin!(settled);
        let mut ticks = interval_at(Instant::now() + FIRST_PICTURE, PICTURE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let feed = self.feed.clone();
        let mut gathering = None;
        let mut stopping = Stopping::new(house, run.clone());
        loop {
            let open = gathering.is_none() && !self.printer.is_full();
            tokio::select! {
                biased;
                wish = signals.next() => match wish {
                    Wish::Stop => stopping.ask(),
                    Wish::Pause => self.pause(house),
                },
                leave = stopping.go_on() => if leave {
                    return Err(self.leave(crew).await);
                },
                status = &mut settled => {
                    let status = status?;
                    self.take_all();
                    return Ok(status);
                }
                error = crew.broken() => return Err(error),
                Some(update) = self.updates.recv(), if open => {
                    self.take(vec![update.event]);
                    gathering = Some(Instant::now() + GATHER);
                }
                () = feed.came(), if open => {
                    self.take(Vec::new());
                    gathering = Some(Instant::now() + GATHER);
                }
                () = over(gathering) => gathering = None,
                _ = ticks.tick(), if self.show.wants_ticks() => {
                    self.show.tick(&self.scene, house.now(), &mut self.printer);
                }
                () = tokio::time::sleep(printer::AGAIN), if !self.printer.is_empty() => {}
            }
            self.printer.pump();
        }
    }

    /// The last picture, and how it ended. A reader that is slow is waited for; one that is gone is not.
    pub(crate) async fn close(&mut self, house: &House, signals: &mut Signals) {
        self.show.finish(&self.scene, house.now(), &mut self.printer);
        self.printer.pump();
        while !self.printer.is_empty() {
            tokio::select! {
                wish = signals.next() => if wish == Wish::Stop { return },
                () = self.printer.drain() => {}
            }
        }
    }

    /// What the shell is told.
    pub(crate) fn exit(&self, status: RunStatus) -> Exit {
        exit_of(status, self.scene.run.head.stop.as_ref().map(|stop| &stop.cause))
    }

    /// Stops this process until it is told to go on.
    fn pause(&mut self, house: &House) {
        // Nothing is held that another process waits for while this one is stopped.
        let quiet = house.store.quiesce();
        if let Err(error) = signals::stop_here() {
            tracing::warn!(%error, "this process could not stop itself");
        }
        drop(quiet);
        self.show.forget();
    }

    /// Leaves a run that the store could not be told of.
    async fn leave(&self, crew: &mut Crew) -> anyhow::Error {
        crew.abandon().await;
        Failure::interrupted(format!(
            "run {0} was left and its steps were killed, but the store could not be told; once it can be written again, \
             `pintle start --resume {0}` goes on",
            self.scene.run.id
        ))
    }

    fn take_all(&mut self) {
        let mut events = Vec::new();
        while let Ok(update) = self.updates.try_recv() {
            events.push(update.event);
        }
        self.take(events);
    }

    /// Takes in events and all output. What a step printed before it ended is in the feed when its end arrives, and a
    /// step's claim is among the events before anything that it printed is: so output is shown between the two.
    fn take(&mut self, mut events: Vec<Event>) {
        while let Ok(update) = self.updates.try_recv() {
            events.push(update.event);
        }
        let (chunks, left_out) = self.feed.take();
        for chunk in chunks {
            match chunk.from {
                Source::Step(step) => self.early.entry(step).or_default().push((chunk.channel, chunk.bytes)),
                Source::Below { step, path } => {
                    let lines = self.scene.print_below(step, &path, chunk.channel, &chunk.bytes);
                    self.show_below(&path, chunk.channel, &lines);
                }
            }
        }
        for event in &events {
            if ends_a_try(event)
                && let Some(step) = event.body.step()
            {
                self.show_output(step);
                self.show_rest(step);
                self.rest_below(step);
            }
            self.scene.take(event);
            self.show.event(&self.scene, event, &mut self.printer);
        }
        let running: Vec<StepIndex> = self.early.keys().copied().filter(|step| self.is_running(*step)).collect();
        running.into_iter().for_each(|step| self.show_output(step));
        if left_out > 0 {
            let line =
                format!("{left_out} bytes of output are not shown: `pintle logs {}` has them", self.scene.run.id);
            self.printer.line(printer::Stream::Err, &line);
        }
    }

    fn is_running(&self, step: StepIndex) -> bool {
        self.scene.run.step(step).is_some_and(|state| state.status == StepStatus::Running)
    }

    fn show_output(&mut self, step: StepIndex) {
        for (channel, bytes) in self.early.remove(&step).unwrap_or_default() {
            let lines = self.scene.print(step, channel, &bytes);
            if !lines.is_empty() {
                self.show.lines(&self.scene, Speaker::Step(step), channel, &lines, &mut self.printer);
            }
        }
    }

    fn show_below(&mut self, path: &str, channel: Channel, lines: &[String]) {
        if !lines.is_empty() {
            self.show.lines(&self.scene, Speaker::Below(path), channel, lines, &mut self.printer);
        }
    }

    /// The runs below a step are over with it.
    fn rest_below(&mut self, step: StepIndex) {
        for (path, channel, line) in self.scene.rest_below(step) {
            self.show_below(&path, channel, &[line]);
        }
    }

    fn show_rest(&mut self, step: StepIndex) {
        for (channel, line) in self.scene.rest(step) {
            self.show.lines(&self.scene, Speaker::Step(step), channel, &[line], &mut self.printer);
        }
    }
}

fn ends_a_try(event: &Event) -> bool {
    matches!(
        event.body,
        Body::StepEnded { .. }
            | Body::StepRetrying { .. }
            | Body::StepGivenBack { .. }
            | Body::StepLost { .. }
            | Body::StepWaiting { .. }
            | Body::StepAsked { .. }
    )
}

/// Decision 31. A run that its own preconditions did not let begin is no failure, as in Dagu.
pub(crate) fn exit_of(status: RunStatus, stop: Option<&StopCause>) -> Exit {
    match status {
        RunStatus::Succeeded | RunStatus::Waiting => Exit::Success,
        RunStatus::PartiallySucceeded | RunStatus::Failed | RunStatus::Rejected => Exit::Failed,
        RunStatus::Aborted => match stop {
            Some(StopCause::Interrupted) => Exit::Interrupted,
            Some(StopCause::Requested | StopCause::TimedOut) => Exit::Failed,
            None => Exit::Success,
        },
        RunStatus::Queued | RunStatus::Running => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::plain::Plain;
    use crate::render::scene::tests::Script;
    use crate::render::style::Pen;

    fn stage(script: Script) -> (Stage, tokio::sync::mpsc::UnboundedSender<Update>) {
        let (sender, updates) = tokio::sync::mpsc::unbounded_channel();
        let show = Box::new(Plain { pen: Pen { colours: false, unicode: true } });
        let (printer, feed, early) = (Printer::default(), Arc::new(Feed::default()), HashMap::new());
        (Stage { scene: script.scene, show, printer, updates, feed, early }, sender)
    }

    /// Two copies of one script: what happens in the first is told to a stage on the second.
    fn two() -> (Script, Script) {
        let steps: [(&str, &[u32]); 2] = [("a", &[]), ("b", &[])];
        (Script::new(&steps), Script::new(&steps))
    }

    #[test]
    fn output_stands_between_the_claim_and_the_end() {
        let (mut happens, shown) = two();
        let (mut stage, updates) = stage(shown);
        for event in [happens.ready(0), happens.claimed(0), happens.succeeded(0)] {
            assert!(updates.send(Update { event }).is_ok());
        }
        stage.feed.push(&Source::Step(StepIndex(0)), Channel::Stdout, b"one\ntwo");
        stage.take_all();
        assert_eq!(stage.printer.text(), "2> a: started\n1> a | one\n1> a | two\n2> a: succeeded in 100ms\n");
    }

    #[test]
    fn output_of_a_claim_that_was_not_seen_yet_waits_for_it() {
        let (mut happens, shown) = two();
        let (mut stage, updates) = stage(shown);
        stage.feed.push(&Source::Step(StepIndex(1)), Channel::Stdout, b"early\n");
        stage.take_all();
        assert_eq!(stage.printer.text(), "");
        for event in [happens.ready(1), happens.claimed(1)] {
            assert!(updates.send(Update { event }).is_ok());
        }
        stage.take_all();
        assert_eq!(stage.printer.text(), "2> b: started\n1> b | early\n");
    }

    #[test]
    fn output_that_is_too_much_to_show_is_counted_and_where_it_is_is_said() {
        let (mut happens, shown) = two();
        let (mut stage, updates) = stage(shown);
        for event in [happens.ready(0), happens.claimed(0)] {
            assert!(updates.send(Update { event }).is_ok());
        }
        stage.take_all();
        (0..10).for_each(|_| stage.feed.push(&Source::Step(StepIndex(0)), Channel::Stdout, &[b'x'; 1024 * 1024]));
        stage.take_all();
        let said = format!("{} bytes of output are not shown: `pintle logs 0193a7c0-run` has them", 2 * 1024 * 1024);
        assert!(stage.printer.text().contains(&said));
    }

    #[test]
    fn every_end_has_its_exit_code() {
        let all = RunStatus::ALL.map(|status| (status.as_str(), exit_of(status, None).code()));
        assert_eq!(
            all,
            [
                ("queued", 1),
                ("running", 1),
                ("waiting", 0),
                ("succeeded", 0),
                ("partially_succeeded", 1),
                ("failed", 1),
                ("aborted", 0),
                ("rejected", 1)
            ]
        );
        let stopped = |cause| exit_of(RunStatus::Aborted, Some(&cause)).code();
        assert_eq!(stopped(StopCause::Interrupted), 130);
        assert_eq!(stopped(StopCause::Requested), 1);
        assert_eq!(stopped(StopCause::TimedOut), 1);
    }
}
