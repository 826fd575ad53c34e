//! What a person, or a program, sees of a run.
//!
//! | module | holds |
//! |---|---|
//! | [`scene`] | the run as it stands, and the last lines of its steps |
//! | [`tree`] | the run as rows: pure, from a scene and an instant |
//! | [`screen`] | rows on a terminal, redrawn in place |
//! | [`plain`] | lines for a pipe |
//! | [`json`] | one object a line |
//! | [`ask`] | what steps ask people, and what they may type |
//! | [`summary`] | how it ended, and what to type next |
//! | [`runs`] | many runs, as rows |
//! | [`words`] | why, what is waited for, how far it is: a line each |
//! | [`time`] | instants |
//! | [`table`] | rows and columns without lines |
//! | [`printer`] | bytes to standard output and error, without ever blocking the run |
//! | [`style`] | glyphs and colours |

pub(crate) mod ask;
pub(crate) mod json;
pub(crate) mod plain;
pub(crate) mod printer;
pub(crate) mod runs;
pub(crate) mod scene;
pub(crate) mod screen;
pub(crate) mod style;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod tree;
pub(crate) mod words;

use pintle_core::plan::StepIndex;
use pintle_core::run::Event;
use pintle_core::time::Timestamp;
use pintle_plane::output::Channel;

use printer::Printer;
use scene::Scene;

/// Who printed a line.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Speaker<'a> {
    /// A step of the run.
    Step(StepIndex),
    /// A step of a run below it, by its path: `deploy[eu]/check`.
    Below(&'a str),
}

impl Speaker<'_> {
    /// As lines begin.
    pub(crate) fn name(self, scene: &Scene) -> String {
        match self {
            Self::Step(step) => scene.name(step),
            Self::Below(path) => path.to_owned(),
        }
    }
}

/// A way to show a run. Each call is made after the scene took the event or the output in.
pub(crate) trait Show: Send {
    /// Something happened.
    fn event(&mut self, scene: &Scene, event: &Event, to: &mut Printer);
    /// A step printed whole lines, without their ends.
    fn lines(&mut self, scene: &Scene, speaker: Speaker<'_>, channel: Channel, lines: &[String], to: &mut Printer);
    /// Time passed.
    fn tick(&mut self, scene: &Scene, now: Timestamp, to: &mut Printer);
    /// Nothing follows.
    fn finish(&mut self, scene: &Scene, now: Timestamp, to: &mut Printer);
    /// Between which instants [`Show::tick`] is wanted; none: never.
    fn wants_ticks(&self) -> bool {
        false
    }
    /// What stands on the screen is not to be drawn over: the process was stopped and goes on.
    fn forget(&mut self) {}
}

/// Shows nothing: errors alone are printed, by whoever ends the command.
pub(crate) struct Quiet;

impl Show for Quiet {
    fn event(&mut self, _: &Scene, _: &Event, _: &mut Printer) {}
    fn lines(&mut self, _: &Scene, _: Speaker<'_>, _: Channel, _: &[String], _: &mut Printer) {}
    fn tick(&mut self, _: &Scene, _: Timestamp, _: &mut Printer) {}
    fn finish(&mut self, _: &Scene, _: Timestamp, _: &mut Printer) {}
}
