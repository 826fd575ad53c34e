//! How a run ended: what failed with the last lines that it printed, counts, and what to type next.

use pintle_core::plan::StepIndex;
use pintle_core::run::event::WaitReason;
use pintle_core::run::{RunStatus, StepStatus};

use super::ask;
use super::scene::Scene;
use super::style::{BAD, BOLD, DIM, Pen};
use super::words::{self, status_words};

/// Of at most so many failed steps the last lines are shown.
const FAILED: usize = 5;

/// Below the tree, which has the heading and the statuses.
pub(crate) fn after_tree(scene: &Scene, pen: Pen) -> Vec<String> {
    let mut lines = failures(scene, pen);
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines.extend(next(scene, pen));
    lines
}

/// Where there is no tree.
pub(crate) fn alone(scene: &Scene, pen: Pen) -> Vec<String> {
    let mut lines = failures(scene, pen);
    lines.push(result(scene, pen));
    lines.extend(next(scene, pen));
    lines
}

fn failed(scene: &Scene) -> impl Iterator<Item = StepIndex> {
    scene.run.plan.indexed().zip(&scene.run.steps).filter_map(|((index, _), state)| {
        let bad = matches!(state.status, StepStatus::Failed | StepStatus::Rejected);
        (bad && !state.end.as_ref().is_some_and(|end| end.forgiven)).then_some(index)
    })
}

fn failures(scene: &Scene, pen: Pen) -> Vec<String> {
    let mut lines = Vec::new();
    for index in failed(scene).take(FAILED) {
        let name = scene.name(index);
        let why = scene.run.step(index).and_then(words::reason).unwrap_or_default();
        lines.push(format!("{} {}", pen.paint(BOLD, &name), pen.paint(BAD, &format!("failed: {why}"))));
        let bar = if pen.colours && pen.unicode { "  │ " } else { "  | " };
        let said: Vec<String> = scene.last_lines(index).map(words::bare).collect();
        lines.extend(said.iter().map(|line| format!("{}{line}", pen.paint(DIM, bar))));
        if !said.is_empty() {
            // What runs below it printed stands in their own logs.
            let command = match scene.run.plan.step(index).and_then(|step| step.action.fan()) {
                Some(_) => format!("  its runs, each with its log: pintle status {}", scene.run.id),
                None => format!("  all of it: pintle logs {} {}", scene.run.id, words::quoted(&name)),
            };
            lines.push(pen.paint(DIM, &command));
        }
    }
    let more = failed(scene).count().saturating_sub(FAILED);
    if more > 0 {
        lines.push(format!("and {more} more steps failed"));
    }
    lines
}

/// `RUN: succeeded in 1.2s: 3 succeeded`.
fn result(scene: &Scene, pen: Pen) -> String {
    let run = &scene.run;
    let (_, style) = pen.run(run.status(), 0);
    let mut line = format!("{}: {}", run.id, pen.paint(style, &status_words(run.status().as_str())));
    if let (Some(since), Some(until)) = (run.head.started_at, run.head.finished_at) {
        line.push_str(&format!(" in {}", until.since(since)));
    }
    if let Some(why) = run.late() {
        line.push_str(&format!(" ({why})"));
    }
    let tally = &run.head.tally;
    let counted = |status: StepStatus| {
        let count = tally.of(status);
        (count > 0).then(|| format!("{count} {}", status_words(status.as_str())))
    };
    let order = StepStatus::ALL.into_iter().filter(|status| status.is_terminal());
    let open = StepStatus::ALL.into_iter().filter(|status| !status.is_terminal());
    let parts: Vec<String> = order.chain(open).filter_map(counted).collect();
    if !parts.is_empty() {
        line.push_str(&format!(": {}", parts.join(", ")));
    }
    line
}

/// What to type now, if there is something.
pub(crate) fn next(scene: &Scene, pen: Pen) -> Vec<String> {
    let mut lines = ask::questions(scene, pen);
    lines.extend(command(scene).map(|line| format!("{}{}", pen.paint(DIM, "next: "), pen.paint(BOLD, &line))));
    lines
}

/// The command that goes on with the run, where it is not for people to answer first.
fn command(scene: &Scene) -> Option<String> {
    let run = &scene.run;
    let command = match run.status() {
        RunStatus::Failed | RunStatus::Aborted | RunStatus::Rejected | RunStatus::PartiallySucceeded => {
            format!("pintle retry {}", run.id)
        }
        RunStatus::Waiting => match run.head.waiting {
            Some(WaitReason::Interrupted) => format!("pintle start --resume {}", run.id),
            Some(WaitReason::Person { .. }) if !ask::is_answered(scene) => return None,
            Some(WaitReason::Below) => "pintle human-task list".to_owned(),
            Some(
                WaitReason::Parked { .. } | WaitReason::Person { .. } | WaitReason::Children | WaitReason::Until { .. },
            )
            | None => {
                format!("pintle retry {}", run.id)
            }
        },
        RunStatus::Queued | RunStatus::Running | RunStatus::Succeeded => return None,
    };
    Some(command)
}

#[cfg(test)]
mod tests {
    use pintle_plane::output::Channel;

    use super::super::scene::tests::Script;
    use super::*;

    const PEN: Pen = Pen { colours: false, unicode: true };

    #[test]
    fn a_run_that_succeeded_says_so_in_one_line() {
        let mut script = Script::new(&[("a", &[]), ("b", &[])]);
        for step in [0, 1] {
            script.claimed(step);
            script.succeeded(step);
        }
        script.finished(RunStatus::Succeeded);
        assert_eq!(alone(&script.scene, PEN), ["0193a7c0-run: succeeded in 800ms: 2 succeeded"]);
        assert_eq!(after_tree(&script.scene, PEN), Vec::<String>::new());
    }

    #[test]
    fn of_many_failures_the_first_are_shown_and_the_rest_is_counted() {
        let names: Vec<String> = (0..8).map(|n| format!("s{n}")).collect();
        let steps: Vec<(&str, &[u32])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
        let mut script = Script::new(&steps);
        for step in 0..8 {
            script.claimed(step);
            script.failed(step, 1);
        }
        script.finished(RunStatus::Failed);
        let lines = alone(&script.scene, PEN);
        assert_eq!(lines.iter().filter(|line| line.contains("failed: the program ended")).count(), FAILED);
        assert!(lines.contains(&"and 3 more steps failed".to_owned()), "{lines:?}");
    }

    #[test]
    fn a_stranger_does_not_move_the_cursor() {
        let mut script = Script::new(&[("it's a step", &[])]);
        script.claimed(0);
        script.scene.print(StepIndex(0), Channel::Stderr, b"\x1b[2J\x07boom\n");
        script.failed(0, 1);
        script.finished(RunStatus::Failed);
        let text = alone(&script.scene, PEN).join("\n");
        assert!(text.contains("  | boom\n") && !text.contains('\u{1b}'), "{text:?}");
        assert!(text.contains(r"pintle logs 0193a7c0-run 'it'\''s a step'"), "{text}");
    }
}
