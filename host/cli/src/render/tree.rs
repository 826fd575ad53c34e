//! The run as rows: pure, from a scene and an instant. What it looks like is in the golden text of the tests below.
//!
//! Steps stand in the order of the graph, each as far in as it is deep, so that what waits for what can be seen. A
//! graph that is deeper than [`DEEPEST`] (a long chain) is a plain list. There are never more rows than the terminal
//! has: what runs and what failed stays, what is done or far away is counted.

use anstyle::Style;
use pintle_core::plan::{Role, StepIndex};
use pintle_core::run::{StepState, StepStatus};
use pintle_core::time::{Span, Timestamp};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::scene::Scene;
use super::style::{BAD, BOLD, DIM, ODD, PLAIN, Pen};
use super::words::{bare, is_forgiven, progress, reason, status_words, until, verdict, waiting};

/// Deeper graphs are lists.
const DEEPEST: usize = 5;
/// Names are aligned up to this width; longer ones push their row out.
const NAME: usize = 32;

/// One row: parts with their styles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row(Vec<(Style, String)>);

impl Row {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push((style, text.into()));
        self
    }

    /// At most `width` columns wide.
    pub(crate) fn draw(&self, width: usize, pen: Pen) -> String {
        let mut drawn = String::new();
        let mut left = width;
        for (style, text) in &self.0 {
            let (cut, whole) = fit(text, left);
            drawn.push_str(&pen.paint(*style, cut));
            left = left.saturating_sub(cut.width());
            if !whole {
                break;
            }
        }
        drawn.truncate(drawn.trim_end_matches(' ').len());
        drawn
    }
}

/// As much of a text as fits, and whether that is all of it.
fn fit(text: &str, width: usize) -> (&str, bool) {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > width {
            return (text.get(..at).unwrap_or(text), false);
        }
    }
    (text, true)
}

/// Room and time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) now: Timestamp,
    /// Rows that there is room for, the heading included.
    pub(crate) height: usize,
    /// Turns the spinner.
    pub(crate) beat: usize,
    pub(crate) pen: Pen,
}

/// The order and depth of a run's steps: made once.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    order: Vec<(StepIndex, usize)>,
    name_width: usize,
}

impl Layout {
    pub(crate) fn of(scene: &Scene) -> Self {
        let plan = &scene.run.plan;
        let order = scene.run.graph.order().unwrap_or_else(|_| plan.indexed().map(|(index, _)| index).collect());
        let mut depth = vec![0usize; plan.steps.len()];
        for index in &order {
            let above = plan.step(*index).map_or(&[][..], |step| &step.depends);
            let deep = above.iter().filter_map(|dep| depth.get(dep.get())).max().map_or(0, |deepest| deepest + 1);
            if let Some(slot) = depth.get_mut(index.get()) {
                *slot = deep;
            }
        }
        let flat = depth.iter().any(|deep| *deep > DEEPEST);
        let order: Vec<(StepIndex, usize)> = order
            .into_iter()
            .map(|index| (index, if flat { 0 } else { depth.get(index.get()).copied().unwrap_or(0) }))
            .collect();
        let width = |(index, deep): &(StepIndex, usize)| label(scene, *index).width() + 2 * deep;
        let name_width = order.iter().map(width).max().unwrap_or(0).min(NAME);
        Self { order, name_width }
    }
}

/// The whole picture: a heading and a row for each step that there is room for.
pub(crate) fn rows(scene: &Scene, layout: &Layout, view: View) -> Vec<Row> {
    let mut rows = vec![heading(scene, view)];
    let wanted: Vec<&(StepIndex, usize)> =
        layout.order.iter().filter(|(index, _)| is_worth_a_row(scene, *index)).collect();
    let room = view.height.saturating_sub(1).max(1);
    if wanted.len() <= room {
        rows.extend(wanted.iter().map(|(index, deep)| step_row(scene, layout, *index, *deep, view)));
        return rows;
    }
    let shown = most_wanted(scene, &wanted, room.saturating_sub(1));
    let mut hidden = Vec::new();
    for (index, deep) in wanted {
        if shown.contains(index) {
            rows.push(step_row(scene, layout, *index, *deep, view));
        } else {
            hidden.push(*index);
        }
    }
    rows.push(Row::new().with(DIM, format!("  {} {}", view.pen.ellipsis(), counted(scene, &hidden))));
    rows
}

/// Handlers are shown once they have something to do.
fn is_worth_a_row(scene: &Scene, index: StepIndex) -> bool {
    let role = scene.run.plan.step(index).map_or(Role::Main, |step| step.role);
    let status = status_of(scene, index);
    match role {
        Role::Main => true,
        Role::Gate => status != StepStatus::Succeeded,
        Role::OnInit | Role::OnSuccess | Role::OnFailure | Role::OnAbort | Role::OnExit | Role::OnWait => {
            !matches!(status, StepStatus::NotStarted | StepStatus::Skipped | StepStatus::Aborted)
        }
    }
}

/// The steps that are shown where there is no room for all.
fn most_wanted(scene: &Scene, wanted: &[&(StepIndex, usize)], room: usize) -> Vec<StepIndex> {
    let rank = |index: StepIndex| match status_of(scene, index) {
        StepStatus::Running | StepStatus::Retrying | StepStatus::Waiting => 0,
        StepStatus::Failed | StepStatus::Rejected => 1,
        StepStatus::PartiallySucceeded | StepStatus::Ready => 2,
        StepStatus::NotStarted => 3,
        StepStatus::Succeeded | StepStatus::Aborted => 4,
        StepStatus::Skipped => 5,
    };
    let mut ranked: Vec<(u8, usize, StepIndex)> =
        wanted.iter().enumerate().map(|(place, (index, _))| (rank(*index), place, *index)).collect();
    ranked.sort_unstable();
    ranked.into_iter().take(room).map(|(_, _, index)| index).collect()
}

fn status_of(scene: &Scene, index: StepIndex) -> StepStatus {
    scene.run.step(index).map_or(StepStatus::NotStarted, |state| state.status)
}

/// `30 succeeded, 7 not started`.
fn counted(scene: &Scene, steps: &[StepIndex]) -> String {
    let parts = StepStatus::ALL.into_iter().rev().filter_map(|status| {
        let count = steps.iter().filter(|index| status_of(scene, **index) == status).count();
        (count > 0).then(|| format!("{count} {}", status_words(status.as_str())))
    });
    format!("and {}", parts.collect::<Vec<_>>().join(", "))
}

/// `✓ etl · 0193a7c0-run · succeeded in 1.2s · 3 of 3 steps`.
fn heading(scene: &Scene, view: View) -> Row {
    let run = &scene.run;
    let (glyph, style) = view.pen.run(run.status(), view.beat);
    let dot = view.pen.dot();
    let mut row = Row::new().with(style, format!("{glyph} ")).with(BOLD, &run.plan.name);
    row = row.with(DIM, format!("{dot}{}{dot}", run.id)).with(style, status_words(run.status().as_str()));
    if let Some(since) = run.head.started_at {
        let took = run.head.finished_at.unwrap_or(view.now).since(since);
        let between = if run.status().is_terminal() { "in" } else { "for" };
        row = row.with(PLAIN, format!(" {between} {took}"));
    }
    if let Some(reason) = run.head.waiting.as_ref() {
        row = row.with(ODD, format!(": {}", waiting(reason)));
    }
    if run.head.attempt.get() > 1 {
        row = row.with(ODD, format!("{dot}attempt {}", run.head.attempt));
    }
    if let Some(why) = run.late() {
        row = row.with(BAD, format!(": {why}"));
    }
    if let Some(stop) = run.head.stop.as_ref().filter(|_| !run.status().is_terminal()) {
        let how = if stop.at_once { "stopping at once" } else { "stopping, Ctrl-C again to kill" };
        row = row.with(ODD, format!("{dot}{how}"));
    }
    let tally = &run.head.tally;
    row.with(DIM, format!("{dot}{} of {} steps", tally.total().saturating_sub(tally.open()), tally.total()))
}

fn label(scene: &Scene, index: StepIndex) -> String {
    let name = scene.name(index);
    match scene.run.plan.step(index).map_or(Role::Main, |step| step.role) {
        Role::Main | Role::Gate => name,
        Role::OnInit => handler("init", &name),
        Role::OnSuccess => handler("success", &name),
        Role::OnFailure => handler("failure", &name),
        Role::OnAbort => handler("abort", &name),
        Role::OnExit => handler("exit", &name),
        Role::OnWait => handler("wait", &name),
    }
}

/// A handler that was not named bears the name of its place: it is not said twice.
fn handler(place: &str, name: &str) -> String {
    if name.to_lowercase().contains(place) { name.to_owned() } else { format!("{name} (on {place})") }
}

fn step_row(scene: &Scene, layout: &Layout, index: StepIndex, deep: usize, view: View) -> Row {
    let Some(state) = scene.run.step(index) else { return Row::new() };
    // Runs below a step are its work.
    let status = if state.awaits_children() { StepStatus::Running } else { state.status };
    let (glyph, style) = view.pen.step(status, view.beat);
    let label = label(scene, index);
    let pad = layout.name_width.saturating_sub(label.width() + 2 * deep);
    let name_style = if state.status == StepStatus::NotStarted { DIM } else { PLAIN };
    let row = Row::new()
        .with(PLAIN, " ".repeat(2 + 2 * deep))
        .with(style, format!("{glyph} "))
        .with(name_style, format!("{label}{}", " ".repeat(pad)))
        .with(DIM, format!("  {:>6}", took(state, view.now).map(|span| span.to_string()).unwrap_or_default()));
    let (style, note) = note(scene, index, state, view);
    if note.is_empty() { row } else { row.with(style, format!("  {note}")) }
}

/// How long the step has run, or ran.
fn took(state: &StepState, now: Timestamp) -> Option<Span> {
    let since = state.started_at?;
    match state.status {
        StepStatus::Running => Some(now.since(since)),
        StepStatus::Waiting if !state.awaits_somebody() => Some(now.since(since)),
        _ => state.finished_at.map(|end| end.since(since)),
    }
}

/// What there is to say about a step beside its time.
fn note(scene: &Scene, index: StepIndex, state: &StepState, view: View) -> (Style, String) {
    let tries = (state.attempt.get() > 1).then(|| format!("try {}", state.attempt));
    let joined = |text: Option<String>| {
        tries.iter().cloned().chain(text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(view.pen.dot())
    };
    match state.status {
        StepStatus::Running => (DIM, joined(scene.last_line(index).map(bare))),
        StepStatus::Retrying => {
            let wait = state.due.map_or(Span::ZERO, |due| due.since(view.now));
            (ODD, joined(Some(format!("again in {wait}"))))
        }
        StepStatus::Waiting if state.awaits_children() => {
            let over = state.children.as_deref().filter(|children| children.total() != 1).map(progress);
            let printed = scene.last_line(index).map(bare);
            (DIM, joined(Some(over.into_iter().chain(printed).collect::<Vec<_>>().join(view.pen.dot()))))
        }
        StepStatus::Waiting if state.awaits_time() => (DIM, joined(Some(until(state, view.now)))),
        StepStatus::Waiting => (ODD, state.waiting.as_ref().map(waiting).unwrap_or_default()),
        StepStatus::Failed | StepStatus::Rejected | StepStatus::PartiallySucceeded => {
            (if is_forgiven(state) { ODD } else { BAD }, joined(verdict(state)))
        }
        StepStatus::Succeeded => (if is_forgiven(state) { ODD } else { DIM }, joined(verdict(state))),
        StepStatus::Skipped | StepStatus::Aborted => (DIM, reason(state).unwrap_or_default()),
        StepStatus::Ready => {
            let wait = state.due.map(|due| due.since(view.now)).filter(|wait| *wait > Span::ZERO);
            (DIM, joined(wait.map(|wait| format!("starts in {wait}"))))
        }
        StepStatus::NotStarted => (DIM, joined(None)),
    }
}

#[cfg(test)]
mod tests {
    use pintle_core::run::RunStatus;

    use super::super::scene::tests::Script;
    use super::super::time::local;
    use super::*;
    use pintle_plane::output::Channel;

    const PEN: Pen = Pen { colours: false, unicode: true };

    fn drawn(script: &Script, width: usize, height: usize) -> String {
        let layout = Layout::of(&script.scene);
        let view = View { now: script.now, height, beat: 0, pen: PEN };
        let lines: Vec<String> = rows(&script.scene, &layout, view).iter().map(|row| row.draw(width, PEN)).collect();
        lines.join("\n")
    }

    #[test]
    fn a_waiting_step_says_until_when_and_counts_its_time_from_the_first_look() {
        let mut script = Script::new(&[("pause", &[]), ("look", &[])]);
        script.claimed(0);
        let due = script.now.plus(Span(5_100));
        let later = |step: u32, fence: u64, due, token: Option<&str>| pintle_core::run::Body::StepLater {
            step: StepIndex(step),
            fence: pintle_core::counter::Fence(fence),
            due,
            token: token.map(str::to_owned),
        };
        script.happens(later(0, 50, due, None));
        script.claimed_under(1, 60);
        let again = script.now.plus(Span(300));
        script.happens(later(1, 70, again, Some("t")));
        script.ready(1);
        script.claimed_under(1, 80);
        let again = script.now.plus(Span(300));
        script.happens(later(1, 90, again, Some("t")));
        let lines = drawn(&script, 90, 9);
        let wanted = format!("‖ pause   700ms  waits until {}, 4.4s more", local(due));
        assert!(lines.contains(&wanted), "{lines}\n{wanted}");
        assert!(lines.contains("looks again in 200ms"), "{lines}");
    }

    #[test]
    fn steps_stand_as_far_in_as_they_are_deep() {
        let mut script = Script::new(&[("orders", &[]), ("customers", &[]), ("join", &[0, 1]), ("report", &[2])]);
        script.claimed(0);
        script.claimed(1);
        script.succeeded(0);
        script.scene.print(StepIndex(1), Channel::Stdout, b"\x1b[31mread 300 of 500\x1b[0m\n\n");
        assert_eq!(
            drawn(&script, 100, 20),
            "⠋ etl · 0193a7c0-run · running for 500ms · 1 of 4 steps\n\
             \x20 ✓ orders       300ms\n\
             \x20 ⠋ customers    100ms  read 300 of 500\n\
             \x20   ○ join\n\
             \x20     ○ report"
        );
    }

    #[test]
    fn the_end_says_why() {
        let mut script = Script::new(&[("a", &[]), ("b", &[0])]);
        script.claimed(0);
        script.failed(0, 7);
        script.aborted(1);
        script.finished(RunStatus::Failed);
        assert_eq!(
            drawn(&script, 100, 20),
            "✗ etl · 0193a7c0-run · failed in 600ms · 2 of 2 steps\n\
             \x20 ✗ a     100ms  the program ended with 7\n\
             \x20   ■ b          a step before it failed"
        );
    }

    #[test]
    fn a_failure_that_counts_as_success_is_still_told() {
        let mut script = Script::new(&[("a", &[])]);
        script.claimed(0);
        script.marked(0, 7);
        script.finished(RunStatus::Succeeded);
        assert_eq!(
            drawn(&script, 100, 20),
            "✓ etl · 0193a7c0-run · succeeded in 500ms · 1 of 1 steps\n\
             \x20 ✓ a   100ms  the program ended with 7 (forgiven)"
        );
    }

    #[test]
    fn a_small_terminal_shows_what_runs_and_counts_the_rest() {
        let names: Vec<String> = (0..40).map(|n| format!("s{n:02}")).collect();
        let steps: Vec<(&str, &[u32])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
        let mut script = Script::new(&steps);
        for step in 0..6 {
            script.claimed(step);
        }
        (0..4).for_each(|step| {
            script.succeeded(step);
        });
        script.failed(4, 1);
        let text = drawn(&script, 60, 6);
        assert_eq!(text.lines().count(), 6, "{text}");
        for wanted in ["✗ s04", "⠋ s05", "○ s06", "○ s07", "… and 4 succeeded, 32 not started"] {
            assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
        }
    }

    #[test]
    fn no_row_is_wider_than_the_terminal() {
        let mut script = Script::new(&[("日本語の長い名前のステップ", &[])]);
        script.claimed(0);
        script.scene.print(StepIndex(0), Channel::Stdout, "x".repeat(500).as_bytes());
        script.scene.print(StepIndex(0), Channel::Stdout, b"\n");
        for width in [0, 1, 7, 10, 40, 80] {
            for line in drawn(&script, width, 10).lines() {
                assert!(line.width() <= width, "{} > {width}: {line}", line.width());
            }
        }
    }

    #[test]
    fn a_long_chain_is_a_list() {
        let names: Vec<String> = (0..8).map(|n| format!("s{n}")).collect();
        let before: Vec<Vec<u32>> = (0..8).map(|n: u32| n.checked_sub(1).into_iter().collect()).collect();
        let steps: Vec<(&str, &[u32])> =
            names.iter().zip(&before).map(|(name, before)| (name.as_str(), before.as_slice())).collect();
        let text = drawn(&Script::new(&steps), 60, 20);
        assert!(text.lines().skip(1).all(|line| line.starts_with("  ○ s")), "{text}");
    }

    #[test]
    fn colours_are_only_paint() {
        let mut script = Script::new(&[("a", &[])]);
        script.claimed(0);
        let layout = Layout::of(&script.scene);
        let pen = Pen { colours: true, unicode: true };
        let view = View { now: script.now, height: 9, beat: 0, pen };
        let painted: Vec<String> = rows(&script.scene, &layout, view).iter().map(|row| row.draw(80, pen)).collect();
        let painted = painted.join("\n");
        assert!(painted.contains("\u{1b}["));
        let bare = anstream::adapter::strip_str(&painted).to_string();
        let trimmed: Vec<&str> = bare.lines().map(str::trim_end).collect();
        assert_eq!(trimmed.join("\n"), drawn(&script, 80, 9));
    }
}
