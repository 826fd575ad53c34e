//! One JSON object a line, on standard output. Every object has `event`, and `run` where there is one; `output` lines
//! carry what steps print; the last one is `result`, or `error` where a command could not do what it was asked.

use pintle_core::plan::StepIndex;
use pintle_core::run::Event;
use pintle_core::time::Timestamp;
use pintle_plane::output::Channel;
use pintle_spec::{Faults, Finding};
use serde_json::{Map, Value, json};

use super::printer::{Printer, Stream};
use super::scene::Scene;
use super::time::instant;
use super::{Show, Speaker};
use crate::failure::sentence;

/// Events as JSON lines.
pub(crate) struct Json;

impl Show for Json {
    fn event(&mut self, scene: &Scene, event: &Event, to: &mut Printer) {
        if let Some(object) = of_event(scene, event) {
            to.line(Stream::Out, &Value::Object(object).to_string());
        }
    }

    fn lines(&mut self, scene: &Scene, speaker: Speaker<'_>, channel: Channel, lines: &[String], to: &mut Printer) {
        let channel = channel.as_str();
        for line in lines {
            let object = json!({
                "event": "output", "run": scene.run.id, "step": speaker.name(scene), "channel": channel, "line": line,
            });
            to.line(Stream::Out, &object.to_string());
        }
    }

    fn tick(&mut self, _: &Scene, _: Timestamp, _: &mut Printer) {}

    fn finish(&mut self, scene: &Scene, _: Timestamp, to: &mut Printer) {
        to.line(Stream::Out, &result(scene).to_string());
    }
}

/// The event as it is stored, with names for numbers, times for microseconds, and without what is sealed.
fn of_event(scene: &Scene, event: &Event) -> Option<Map<String, Value>> {
    let Value::Object(stored) = serde_json::to_value(event).ok()? else { return None };
    let mut object = Map::new();
    object.insert("event".into(), stored.get("event").cloned().unwrap_or_default());
    object.insert("run".into(), json!(scene.run.id));
    object.insert("at".into(), json!(instant(event.at)));
    for (name, value) in stored {
        match name.as_str() {
            "event" | "at" | "context" | "items" => {}
            "step" | "from" => {
                let index = value.as_u64().and_then(|n| u32::try_from(n).ok()).map(StepIndex);
                object.insert(name, json!(index.map(|index| scene.name(index))));
            }
            "reset" | "excused" => {
                let indices = value.as_array().into_iter().flatten().filter_map(Value::as_u64);
                let names = indices.filter_map(|n| u32::try_from(n).ok()).map(|n| scene.name(StepIndex(n)));
                object.insert(name, names.collect::<Vec<_>>().into());
            }
            "due" => {
                object.insert(name, json!(value.as_u64().map(|at| instant(Timestamp(at)))));
            }
            "params" => {
                let text = value.as_str().unwrap_or("{}").to_owned();
                object.insert(name, super::runs::params(&pintle_core::plan::Json(text)));
            }
            _ => {
                object.insert(name, value);
            }
        }
    }
    Some(object)
}

/// Why a command did not do what it was asked; people are told the same on standard error.
pub(crate) fn error(error: &anyhow::Error) -> Value {
    json!({ "event": "error", "message": sentence(error) })
}

/// As [`error`], of a file that is no valid DAG, with its findings as `pintle validate --output json` prints them.
pub(crate) fn faulty(faults: &Faults) -> Value {
    let file = faults.report().file();
    let findings: Vec<Value> = faults.report().findings().iter().map(|one| finding(one, "error")).collect();
    let count = match faults.report().count() {
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    };
    json!({
        "event": "error",
        "message": format!("`{file}` is not valid: it has {count}"),
        "file": file,
        "valid": false,
        "steps": null,
        "findings": findings,
    })
}

pub(crate) fn finding(finding: &Finding, level: &str) -> Value {
    let mut object = serde_json::to_value(finding).unwrap_or_default();
    if let Some(object) = object.as_object_mut() {
        object.insert("level".into(), level.into());
    }
    object
}

/// The run's state in one object; also what `pintle status --output json` prints.
pub(crate) fn result(scene: &Scene) -> Value {
    let run = &scene.run;
    let steps = run.plan.indexed().zip(&run.steps).map(|((index, step), state)| {
        let end = state.end.as_ref();
        json!({
            "name": step.name,
            "status": state.status,
            "attempt": state.attempt,
            "started_at": state.started_at.map(instant),
            "finished_at": state.finished_at.map(instant),
            "due": state.due.map(instant),
            "exit_code": end.and_then(|end| end.exit_code),
            "message": super::words::reason(state),
            "asks": state.awaits_person().then(|| super::ask::object(scene, (index, step, state))),
            "answer": super::ask::answer(state),
        })
    });
    json!({
        "event": "result",
        "run": run.id,
        "dag": run.plan.name,
        "labels": run.plan.labels.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect::<Map<_, _>>(),
        "status": run.status(),
        "attempt": run.head.attempt,
        "stopped": run.head.stop.as_ref().map(|stop| &stop.cause),
        "waiting": run.head.waiting.as_ref().map(super::words::waiting),
        "submitted_at": run.head.submitted_at.map(instant),
        "started_at": run.head.started_at.map(instant),
        "finished_at": run.head.finished_at.map(instant),
        "steps": steps.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use pintle_core::run::RunStatus;

    use super::super::scene::tests::Script;
    use super::*;

    fn lines(printer: &Printer) -> Vec<Value> {
        printer.text().lines().filter_map(|line| serde_json::from_str(line.strip_prefix("1> ")?).ok()).collect()
    }

    #[test]
    fn every_line_is_an_object_with_event_and_run() {
        let mut script = Script::new(&[("a", &[])]);
        let mut printer = Printer::default();
        let events = [script.claimed(0), script.succeeded(0), script.finished(RunStatus::Succeeded)];
        events.iter().for_each(|event| Json.event(&script.scene, event, &mut printer));
        Json.lines(&script.scene, Speaker::Step(StepIndex(0)), Channel::Stdout, &["\"quoted\"".into()], &mut printer);
        Json.finish(&script.scene, script.now, &mut printer);
        let lines = lines(&printer);
        let words: Vec<&str> = lines.iter().filter_map(|line| line.get("event")?.as_str()).collect();
        assert_eq!(words, ["step_claimed", "step_ended", "finished", "output", "result"]);
        assert!(lines.iter().all(|line| line.get("run") == Some(&json!("0193a7c0-run"))));
        assert_eq!(lines.first().and_then(|l| l.get("step")), Some(&json!("a")));
        assert_eq!(lines.first().and_then(|l| l.get("at")), Some(&json!("1970-01-01T00:16:40.400000Z")));
        assert_eq!(lines.get(3).and_then(|l| l.get("line")), Some(&json!("\"quoted\"")));
        assert_eq!(lines.last().and_then(|l| l.pointer("/steps/0/status")), Some(&json!("succeeded")));
    }

    #[test]
    fn what_is_sealed_stays_inside() {
        let mut script = Script::new(&[("a", &[])]);
        let submitted = script.scene.run.head.submission.clone().map(pintle_core::run::Body::Submitted);
        let mut printer = Printer::default();
        if let Some(body) = submitted {
            Json.event(&script.scene, &Event { at: script.now, body }, &mut printer);
        }
        script.now = script.now.plus(pintle_core::time::Span(1));
        assert!(printer.text().contains("\"params\":{}") && !printer.text().contains("sealed"), "{}", printer.text());
    }
}
