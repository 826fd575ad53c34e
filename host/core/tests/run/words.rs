//! Commands, outcomes and events in few words. What is added to them breaks the build here.

use std::fmt::Write as _;

use pintle_core::plan::StepIndex;
use pintle_core::run::children::ChildEnd;
use pintle_core::run::command::{Gathered, StopCause};
use pintle_core::run::event::{Again, EndReason, StepEnd, WaitReason};
use pintle_core::run::{Answer, Body, Command, Event, Outcome, Run};

use crate::random::reason_name;

pub(crate) fn command_name(command: &Command) -> String {
    match command {
        Command::Submit(_) => "submit".to_owned(),
        Command::Start => "start".to_owned(),
        Command::Claim { .. } => "claim".to_owned(),
        Command::Settle { outcome, .. } => format!("settle, {}", outcome_name(outcome)),
        Command::Lose { .. } => "lose".to_owned(),
        Command::Due { .. } => "due".to_owned(),
        Command::ChildrenEnded { ended, .. } => format!("children ended,{}", say_children(ended)),
        Command::ChildrenWait { .. } => "children wait".to_owned(),
        Command::ChildrenMove { .. } => "children move".to_owned(),
        Command::Answer { answer, .. } => answer_name(answer),
        Command::Interrupt => "interrupt".to_owned(),
        Command::Resume => "resume".to_owned(),
        Command::Stop { at_once: false, .. } => "stop".to_owned(),
        Command::Stop { at_once: true, .. } => "stop at once".to_owned(),
        Command::Retry { steps, .. } if steps.is_empty() => "retry".to_owned(),
        Command::Retry { steps, .. } if steps.contains(&StepIndex(99)) => "retry what is not there".to_owned(),
        Command::Retry { downstream: false, .. } => "retry a".to_owned(),
        Command::Retry { downstream: true, .. } => "retry a and what is behind".to_owned(),
    }
}

fn outcome_name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Finished(done) => match (done.exit_code, &done.repeat_condition) {
            (None, _) => "finished without a code".to_owned(),
            (Some(code), None) => format!("exit {code}"),
            (Some(code), Some(Ok(met))) => format!("exit {code} and condition {met}"),
            (Some(code), Some(Err(_))) => format!("exit {code} and condition unknown"),
        },
        Outcome::Failed(failed) => reason_name(failed.reason).to_owned(),
        Outcome::Skipped { .. } => "skipped".to_owned(),
        Outcome::Gathered(Gathered { failed: None, .. }) => "gathered".to_owned(),
        Outcome::Gathered(Gathered { failed: Some(_), .. }) => "gathered a failure".to_owned(),
        Outcome::Expanded(into) => format!("expanded into {}", into.count),
        Outcome::Asked { .. } => "asks".to_owned(),
        Outcome::Later(later) if later.token.is_some() => format!("asks again after {}", later.after),
        Outcome::Later(later) => format!("is over after {}", later.after),
        Outcome::Stopped { .. } => "stopped".to_owned(),
        Outcome::GivenBack => "given back".to_owned(),
    }
}

fn answer_name(answer: &Answer) -> String {
    match answer {
        Answer::Complete { values, .. } => format!("complete with {} values", values.len()),
        Answer::Approve { inputs } => format!("approve with {} inputs", inputs.len()),
        Answer::Reject { reason: None } => "reject".to_owned(),
        Answer::Reject { reason: Some(_) } => "reject with a reason".to_owned(),
        Answer::PushBack { inputs, .. } => format!("push back with {} inputs", inputs.len()),
    }
}

/// An event in few words.
pub(crate) fn say(run: &Run, event: &Event) -> String {
    let name = |step: &StepIndex| run.plan.step(*step).unwrap().name.clone();
    match &event.body {
        Body::Submitted(_) => "submitted".to_owned(),
        Body::Started => "started".to_owned(),
        Body::StepReady { step } => format!("{} ready", name(step)),
        Body::StepClaimed { step, fence, attempt, .. } => {
            format!("{} claimed under fence {fence} as try {attempt}", name(step))
        }
        Body::StepGivenBack { step, fence } => format!("{} given back, fence {fence}", name(step)),
        Body::StepEnded { step, end } => format!("{} {}", name(step), say_end(end)),
        Body::StepRetrying { step, due, again, end } => {
            let why = match again {
                Again::Retry => "retrying",
                Again::Repeat => "repeating",
            };
            format!("{} {why} after {}, was {}", name(step), due.since(event.at), say_end(end))
        }
        Body::StepLost { step, fence } => format!("{} lost, fence {fence}", name(step)),
        Body::StepWaiting { step, fence, reason } => {
            format!("{} waiting, fence {fence}, {}", name(step), say_reason(reason))
        }
        Body::StepExpanded { step, fence, into } => {
            format!("{} waiting for {} children, fence {fence}", name(step), into.count)
        }
        Body::ChildrenMoved { step } => format!("children of {} move", name(step)),
        Body::StepAsked { step, prompt, due, end } => {
            let mut text = format!("{} asks {prompt:?}", name(step));
            if let Some(due) = due {
                let _ = write!(text, " for {}", due.since(event.at));
            }
            if let Some(end) = end {
                let _ = write!(text, ", was {}", say_end(end));
            }
            text
        }
        Body::StepAnswered { step, by, answer } => format!("{by}: {} {}", answer_name(answer), name(step)),
        Body::Rewound { reset, from } => {
            let reset: Vec<String> = reset.iter().map(name).collect();
            let why = from.as_ref().map(|from| format!(" because of {}", name(from))).unwrap_or_default();
            format!("anew {}{why}", reset.join(" "))
        }
        Body::StepLater { step, fence, due, token } => {
            let then = if token.is_some() { "going on" } else { "over" };
            format!("{} waiting for {}, then {then}, fence {fence}", name(step), due.since(event.at))
        }
        Body::ChildrenEnded { step, ended } => format!("children of {}:{}", name(step), say_children(ended)),
        Body::StopRequested { cause, at_once } => {
            let cause = match cause {
                StopCause::Interrupted => "interrupted",
                StopCause::Requested => "requested",
                StopCause::TimedOut => "timed out",
            };
            format!("stop {cause}{}", if *at_once { " at once" } else { "" })
        }
        Body::Waiting { reason } => format!("run waiting, {}", say_reason(reason)),
        Body::Resumed => "resumed".to_owned(),
        Body::Concluded { status } => format!("concluded {status}"),
        Body::Finished { status } => format!("finished {status}"),
        Body::Retried { attempt, reset, .. } => {
            let reset: Vec<String> = reset.iter().map(name).collect();
            format!("run attempt {attempt} with {}", reset.join(" "))
        }
    }
}

fn say_children(ended: &[ChildEnd]) -> String {
    ended.iter().map(|end| format!(" {} {}", end.child, end.status)).collect()
}

fn say_end(end: &StepEnd) -> String {
    let mut text = end.status.to_string();
    match end.reason {
        None => {}
        Some(EndReason::Failed(reason)) => {
            let _ = write!(text, " ({})", reason_name(reason));
        }
        Some(EndReason::UpstreamFailed) => text.push_str(" (upstream failed)"),
        Some(EndReason::UpstreamSkipped) => text.push_str(" (upstream skipped)"),
        Some(EndReason::NotChosen) => text.push_str(" (not chosen)"),
        Some(EndReason::PreconditionUnmet) => text.push_str(" (precondition unmet)"),
        Some(EndReason::Stopped) => text.push_str(" (stopped)"),
        Some(EndReason::RunNotBegun) => text.push_str(" (run not begun)"),
        Some(EndReason::Rejected) => text.push_str(" (by a person)"),
    }
    if !end.inputs.is_empty() {
        let _ = write!(text, " with {} inputs", end.inputs.len());
    }
    if end.forgiven {
        text.push_str(", forgiven");
    }
    text
}

fn say_reason(reason: &WaitReason) -> String {
    match reason {
        WaitReason::Interrupted => "interrupted".to_owned(),
        WaitReason::Parked { losses } => format!("parked after {losses} losses"),
        WaitReason::Children => "for children".to_owned(),
        WaitReason::Person { prompt } => format!("asks {prompt:?}"),
        WaitReason::Below => "for somebody below".to_owned(),
        WaitReason::Until { .. } => "for a time".to_owned(),
    }
}
