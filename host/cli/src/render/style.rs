//! Glyphs and colours: one place says what a status looks like.

use anstyle::{AnsiColor, Style};
use pintle_core::run::{RunStatus, StepStatus};

/// Dim: what is not worth looking at now.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Names and titles.
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const BUSY: Style = AnsiColor::Cyan.on_default();
pub(crate) const ODD: Style = AnsiColor::Yellow.on_default();
/// As it is.
pub(crate) const PLAIN: Style = Style::new();

/// How things may be drawn here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pen {
    /// With colours.
    pub(crate) colours: bool,
    /// With characters beyond ASCII.
    pub(crate) unicode: bool,
}

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const SPINNER_ASCII: [&str; 4] = ["|", "/", "-", "\\"];

impl Pen {
    /// Text in a style, or bare.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.colours && style != PLAIN { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// The mark before a step; `beat` turns the spinner.
    pub(crate) fn step(self, status: StepStatus, beat: usize) -> (&'static str, Style) {
        let (fine, ascii, style) = match status {
            StepStatus::NotStarted => ("○", ".", DIM),
            StepStatus::Ready => ("○", ".", PLAIN),
            StepStatus::Running => (turn(&SPINNER, beat), turn(&SPINNER_ASCII, beat), BUSY),
            StepStatus::Retrying => ("↻", "~", ODD),
            StepStatus::Waiting => ("‖", "=", ODD),
            StepStatus::Succeeded => ("✓", "+", GOOD),
            StepStatus::PartiallySucceeded => ("◑", "+", ODD),
            StepStatus::Failed | StepStatus::Rejected => ("✗", "x", BAD),
            StepStatus::Skipped => ("−", "-", DIM),
            StepStatus::Aborted => ("■", "#", DIM),
        };
        (if self.unicode { fine } else { ascii }, style)
    }

    /// The mark before a run.
    pub(crate) fn run(self, status: RunStatus, beat: usize) -> (&'static str, Style) {
        match status {
            RunStatus::Queued => self.step(StepStatus::Ready, beat),
            RunStatus::Running => self.step(StepStatus::Running, beat),
            RunStatus::Waiting => self.step(StepStatus::Waiting, beat),
            RunStatus::Succeeded => self.step(StepStatus::Succeeded, beat),
            RunStatus::PartiallySucceeded => self.step(StepStatus::PartiallySucceeded, beat),
            RunStatus::Failed | RunStatus::Rejected => self.step(StepStatus::Failed, beat),
            RunStatus::Aborted => (if self.unicode { "■" } else { "#" }, ODD),
        }
    }

    /// Between parts of a heading.
    pub(crate) fn dot(self) -> &'static str {
        if self.unicode { " · " } else { " - " }
    }

    /// Where something was left out.
    pub(crate) fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }
}

fn turn(frames: &'static [&'static str], beat: usize) -> &'static str {
    frames.get(beat % frames.len().max(1)).copied().unwrap_or("*")
}
