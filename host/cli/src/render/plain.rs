//! Lines for a pipe. The format is part of the manual (`pintle start --help`) and does not change:
//!
//! - `STEP | LINE` on standard output: a line of a step's standard output,
//! - `STEP ! LINE` on standard error: a line of a step's standard error,
//! - `STEP: STATUS ...` on standard error: something happened to a step,
//! - `RUN: STATUS ...` on standard error: first and last line.

use pintle_core::run::event::WaitReason;
use pintle_core::run::{Body, Event, StepStatus};
use pintle_core::time::Timestamp;
use pintle_plane::output::Channel;

use super::printer::{Printer, Stream};
use super::scene::Scene;
use super::style::{DIM, Pen};
use super::words::{self, status_words};
use super::{Show, Speaker, summary};

/// Plain lines.
pub(crate) struct Plain {
    pub(crate) pen: Pen,
}

impl Show for Plain {
    fn event(&mut self, scene: &Scene, event: &Event, to: &mut Printer) {
        if let Some(line) = said(scene, event) {
            to.line(Stream::Err, &self.pen.paint(DIM, &line));
        }
    }

    fn lines(&mut self, scene: &Scene, speaker: Speaker<'_>, channel: Channel, lines: &[String], to: &mut Printer) {
        let name = speaker.name(scene);
        let (stream, mark) = match channel {
            Channel::Stdout => (Stream::Out, '|'),
            Channel::Stderr => (Stream::Err, '!'),
        };
        for line in lines {
            to.line(stream, &format!("{name} {mark} {line}"));
        }
    }

    fn tick(&mut self, _: &Scene, _: Timestamp, _: &mut Printer) {}

    fn finish(&mut self, scene: &Scene, _: Timestamp, to: &mut Printer) {
        for line in summary::alone(scene, self.pen) {
            to.line(Stream::Err, &line);
        }
    }
}

/// What an event is worth saying; the small steps in between are not.
fn said(scene: &Scene, event: &Event) -> Option<String> {
    let run = &scene.run;
    match &event.body {
        Body::Started => Some(format!("{}: started {}", run.id, run.plan.name)),
        Body::Resumed => Some(format!("{}: goes on", run.id)),
        Body::Retried { attempt, reset, .. } => {
            let again = match reset.len() {
                1 => "1 step runs again".to_owned(),
                count => format!("{count} steps run again"),
            };
            Some(format!("{}: attempt {attempt} of {}, {again}", run.id, run.plan.name))
        }
        Body::StopRequested { at_once, .. } => {
            let how = if *at_once { "stopping at once" } else { "stopping" };
            let why = run.late().map(|why| format!(": {why}")).unwrap_or_default();
            Some(format!("{}: {how}{why}", run.id))
        }
        Body::StepClaimed { step, attempt, .. } => {
            // Another look at what it waits for.
            if run.step(*step)?.token.is_some() {
                return None;
            }
            let again = if attempt.get() > 1 { format!(" (try {attempt})") } else { String::new() };
            Some(format!("{}: started{again}", scene.name(*step)))
        }
        Body::StepEnded { step, end } => {
            let state = run.step(*step)?;
            let mut line = format!("{}: {}", scene.name(*step), status_words(end.status.as_str()));
            if let (Some(since), true) = (state.started_at, end.status != StepStatus::Aborted) {
                line.push_str(&format!(" in {}", event.at.since(since)));
            }
            if let Some(verdict) = words::verdict(state) {
                line.push_str(&format!(": {verdict}"));
            }
            Some(line)
        }
        Body::StepRetrying { step, due, again, end } => {
            let wait = due.since(event.at);
            let how = status_words(end.status.as_str());
            let why = words::reason_of(end).map(|why| format!(": {why}")).unwrap_or_default();
            Some(format!("{}: {how}, {} in {wait}{why}", scene.name(*step), words::again(*again)))
        }
        Body::StepLost { step, .. } => Some(format!("{}: its worker was lost, it runs again", scene.name(*step))),
        Body::StepWaiting { step, reason, .. } => {
            Some(format!("{}: waits: {}", scene.name(*step), words::waiting(reason)))
        }
        Body::StepAsked { step, prompt, .. } => {
            let reason = WaitReason::Person { prompt: prompt.clone() };
            Some(format!("{}: {}", scene.name(*step), words::waiting(&reason)))
        }
        Body::StepAnswered { step, by, answer } => {
            Some(format!("{}: {} by {}", scene.name(*step), answer.verdict(), words::bare(by)))
        }
        Body::Rewound { reset, from: Some(_) } => {
            let names: Vec<String> = reset.iter().map(|step| scene.name(*step)).collect();
            Some(format!("{}: anew from there on: {}", run.id, names.join(", ")))
        }
        Body::StepExpanded { step, into, .. } => {
            let (name, count) = (scene.name(*step), into.count);
            let queues = run.plan.step(*step).and_then(|step| step.action.fan()).is_some_and(|fan| fan.queued);
            match (queues, count) {
                (false, 1) => None,
                (false, _) => Some(format!("{name}: {count} runs")),
                (true, 1) => Some(format!("{name}: 1 run for the queue")),
                (true, _) => Some(format!("{name}: {count} runs for the queue")),
            }
        }
        Body::StepLater { step, token: None, .. } => {
            let state = run.step(*step)?;
            Some(format!("{}: {}", scene.name(*step), words::until(state, event.at)))
        }
        Body::ChildrenEnded { step, ended } => {
            let bad = ended.iter().filter(|end| !pintle_core::run::children::is_good(end.status)).count();
            let children = run.step(*step)?.children.as_ref()?;
            (bad > 0).then(|| format!("{}: {}", scene.name(*step), words::progress(children)))
        }
        Body::StepLater { token: Some(_), .. }
        | Body::Submitted(_)
        | Body::StepReady { .. }
        | Body::StepGivenBack { .. }
        | Body::ChildrenMoved { .. }
        | Body::Rewound { from: None, .. }
        | Body::Waiting { .. }
        | Body::Concluded { .. }
        | Body::Finished { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use pintle_core::counter::{Fence, RunAttempt};
    use pintle_core::plan::StepIndex;
    use pintle_core::run::RunStatus;
    use pintle_core::run::command::FailReason;
    use pintle_core::run::event::{Again, EndReason, StepEnd};
    use pintle_core::time::Span;

    use super::super::scene::tests::Script;
    use super::*;

    #[test]
    fn a_failure_that_counts_as_success_is_still_told() {
        let mut script = Script::new(&[("hungry", &[])]);
        let mut plain = Plain { pen: Pen { colours: false, unicode: true } };
        let mut printer = Printer::default();
        script.claimed(0);
        let marked = script.marked(0, 7);
        plain.event(&script.scene, &marked, &mut printer);
        assert_eq!(printer.text(), "2> hungry: succeeded in 100ms: the program ended with 7 (forgiven)\n");
    }

    #[test]
    fn what_happens_between_two_tries_is_told() {
        let mut script = Script::new(&[("a", &[])]);
        let mut plain = Plain { pen: Pen { colours: false, unicode: true } };
        let mut printer = Printer::default();
        script.claimed(0);
        let step = StepIndex(0);
        let mut end = StepEnd::without_try(StepStatus::Failed, EndReason::Failed(FailReason::ExitCode));
        end.exit_code = Some(9);
        let due = script.now.plus(Span(2100));
        let retrying = script.happens(Body::StepRetrying { step, due, again: Again::Retry, end });
        plain.event(&script.scene, &retrying, &mut printer);
        script.claimed(0);
        let lost = script.happens(Body::StepLost { step, fence: Fence(90) });
        plain.event(&script.scene, &lost, &mut printer);
        script.claimed_under(0, 91);
        for losses in [1, 4] {
            let at = script.now;
            let body = Body::StepWaiting { step, fence: Fence(92), reason: WaitReason::Parked { losses } };
            plain.event(&script.scene, &Event { at, body }, &mut printer);
        }
        let resumed = Event { at: script.now, body: Body::Resumed };
        let retried = |reset: u32| Event {
            at: script.now,
            body: Body::Retried {
                attempt: RunAttempt(2),
                reset: (0..reset).map(StepIndex).collect(),
                excused: Vec::new(),
            },
        };
        for event in [resumed, retried(1), retried(2)] {
            plain.event(&script.scene, &event, &mut printer);
        }
        assert_eq!(
            printer.text(),
            "2> a: failed, retry in 2.0s: exit code 9\n\
             2> a: its worker was lost, it runs again\n\
             2> a: waits: parked: its worker was lost once\n\
             2> a: waits: parked: its worker was lost 4 times\n\
             2> 0193a7c0-run: goes on\n\
             2> 0193a7c0-run: attempt 2 of etl, 1 step runs again\n\
             2> 0193a7c0-run: attempt 2 of etl, 2 steps run again\n"
        );
    }

    #[test]
    fn a_wait_is_told_once_however_often_it_is_looked_for() {
        let mut script = Script::new(&[("pause", &[]), ("look", &[])]);
        let mut plain = Plain { pen: Pen { colours: false, unicode: true } };
        let mut printer = Printer::default();
        let mut events = vec![script.claimed(0)];
        let due = script.now.plus(Span(5_100));
        let later = |step: u32, fence: u64, due, token: Option<&str>| Body::StepLater {
            step: StepIndex(step),
            fence: Fence(fence),
            due,
            token: token.map(str::to_owned),
        };
        events.iter().for_each(|event| plain.event(&script.scene, event, &mut printer));
        events = vec![script.happens(later(0, 50, due, None)), script.ready(1), script.claimed_under(1, 60)];
        events.iter().for_each(|event| plain.event(&script.scene, event, &mut printer));
        let again = script.now.plus(Span(300));
        events = vec![script.happens(later(1, 70, again, Some("t"))), script.ready(1), script.claimed_under(1, 80)];
        events.iter().for_each(|event| plain.event(&script.scene, event, &mut printer));
        let until = super::super::time::local(due);
        let told = format!("2> pause: started\n2> pause: waits until {until}, 5.0s more\n2> look: started\n");
        assert_eq!(printer.text(), told);
    }

    #[test]
    fn a_run_in_a_pipe() {
        let mut script = Script::new(&[("extract", &[]), ("load", &[0])]);
        let mut plain = Plain { pen: Pen { colours: false, unicode: true } };
        let mut printer = Printer::default();
        let mut seen = |script: &mut Script, events: Vec<Event>| {
            events.iter().for_each(|event| plain.event(&script.scene, event, &mut printer));
            let lines = script.scene.print(StepIndex(0), Channel::Stdout, b"3 rows\n");
            plain.lines(&script.scene, Speaker::Step(StepIndex(0)), Channel::Stdout, &lines, &mut printer);
        };
        let claimed = script.claimed(0);
        seen(&mut script, vec![claimed]);
        let ended = script.failed(0, 7);
        let aborted = script.aborted(1);
        let finished = script.finished(RunStatus::Failed);
        seen(&mut script, vec![ended, aborted, finished]);
        plain.finish(&script.scene, script.now, &mut printer);
        assert_eq!(
            printer.text(),
            "2> extract: started\n\
             1> extract | 3 rows\n\
             2> extract: failed in 100ms: the program ended with 7\n\
             2> load: aborted: a step before it failed\n\
             1> extract | 3 rows\n\
             2> extract failed: the program ended with 7\n\
             2>   | 3 rows\n\
             2>   | 3 rows\n\
             2>   all of it: pintle logs 0193a7c0-run extract\n\
             2> 0193a7c0-run: failed in 600ms: 1 failed, 1 aborted\n\
             2> next: pintle retry 0193a7c0-run\n"
        );
    }
}
