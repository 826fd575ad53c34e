//! The tree on a terminal, redrawn in place.
//!
//! One write per picture, between the marks of a synchronised update: a terminal that knows them shows whole pictures
//! only; on others each line is overwritten before the rest of it is cleared, so nothing flickers there either. The
//! cursor is never hidden, and nothing has to be undone when the process is stopped or killed.

use pintle_core::run::Event;
use pintle_core::time::Timestamp;
use pintle_plane::output::Channel;

use super::printer::{Printer, Stream};
use super::scene::Scene;
use super::style::Pen;
use super::tree::{self, Layout, Row, View};
use super::{Show, Speaker, summary};

const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Size {
    /// Of the terminal behind standard output.
    pub(crate) fn of_terminal() -> Self {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
        let sized = |n: u16, otherwise: usize| if n == 0 { otherwise } else { usize::from(n) };
        size.map_or(Self { width: 80, height: 24 }, |size| Self {
            width: sized(size.ws_col, 80),
            height: sized(size.ws_row, 24),
        })
    }
}

/// The live tree.
pub(crate) struct Live {
    layout: Layout,
    pen: Pen,
    size: fn() -> Size,
    beat: usize,
    drawn: Vec<String>,
}

impl Live {
    pub(crate) fn new(scene: &Scene, pen: Pen, size: fn() -> Size) -> Self {
        Self { layout: Layout::of(scene), pen, size, beat: 0, drawn: Vec::new() }
    }

    fn draw(&mut self, scene: &Scene, now: Timestamp, to: &mut Printer) {
        let size = (self.size)();
        // The last row is left for the cursor.
        let view = View { now, height: size.height.saturating_sub(1).max(2), beat: self.beat, pen: self.pen };
        let rows = tree::rows(scene, &self.layout, view);
        let lines: Vec<String> = rows.iter().map(|row: &Row| row.draw(size.width, self.pen)).collect();
        if lines != self.drawn {
            to.bytes(Stream::Out, redraw(self.drawn.len(), &lines).as_bytes());
            self.drawn = lines;
        }
    }
}

/// From the row below the old picture: up, over it, and clear what is left of it.
fn redraw(old: usize, lines: &[String]) -> String {
    let mut text = String::from(BEGIN);
    if old > 0 {
        text.push_str(&format!("\x1b[{old}A\r"));
    }
    for line in lines {
        text.push_str(line);
        text.push_str("\x1b[K\n");
    }
    // Also what the terminal echoed below: a `^C`.
    text.push_str("\x1b[J");
    text.push_str(END);
    text
}

impl Show for Live {
    fn event(&mut self, _: &Scene, _: &Event, _: &mut Printer) {}

    fn lines(&mut self, _: &Scene, _: Speaker<'_>, _: Channel, _: &[String], _: &mut Printer) {}

    fn tick(&mut self, scene: &Scene, now: Timestamp, to: &mut Printer) {
        // Who does not read yet gets the next picture, not all of them.
        if to.is_empty() {
            self.beat = self.beat.wrapping_add(1);
            self.draw(scene, now, to);
        }
    }

    fn finish(&mut self, scene: &Scene, now: Timestamp, to: &mut Printer) {
        self.draw(scene, now, to);
        for line in summary::after_tree(scene, self.pen) {
            to.line(Stream::Out, &line);
        }
    }

    fn wants_ticks(&self) -> bool {
        true
    }

    fn forget(&mut self) {
        self.drawn.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::tests::Script;
    use super::*;

    /// What a terminal shows after these bytes: just enough of one for what is written here.
    fn shown(bytes: &str) -> Vec<String> {
        let (mut lines, mut row): (Vec<String>, usize) = (vec![String::new()], 0);
        let mut left = bytes;
        while let Some(character) = left.chars().next() {
            if let Some(sequence) = left.strip_prefix("\x1b[") {
                let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
                let number = sequence.get(..end).and_then(|n| n.parse::<usize>().ok());
                match sequence.get(end..=end) {
                    Some("A") => row -= number.unwrap_or(1),
                    Some("J") => lines.truncate(row + 1),
                    Some("K" | "h" | "l") => {}
                    other => unreachable!("{other:?}"),
                }
                left = sequence.get(end + 1..).unwrap_or_default();
                continue;
            }
            match character {
                '\n' => {
                    row += 1;
                    if lines.len() == row {
                        lines.push(String::new());
                    }
                    lines.get_mut(row).into_iter().for_each(String::clear);
                }
                '\r' => lines.get_mut(row).into_iter().for_each(String::clear),
                other => lines.get_mut(row).into_iter().for_each(|line| line.push(other)),
            }
            left = left.get(character.len_utf8()..).unwrap_or_default();
        }
        lines
    }

    fn text(old: usize, lines: &[&str]) -> String {
        redraw(old, &lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_picture_replaces_the_one_before() {
        let session = [text(0, &["a", "b", "c"]), text(3, &["A", "B"]), text(2, &["x", "y", "z", "w"])].concat();
        assert_eq!(shown(&session), ["x", "y", "z", "w", ""]);
        let shrunk = [text(0, &["a", "b", "c"]), text(3, &["A"])].concat();
        assert_eq!(shown(&shrunk), ["A", ""]);
    }

    #[test]
    fn an_unchanged_picture_is_not_drawn_again() {
        let script = Script::new(&[("a", &[])]);
        let pen = Pen { colours: false, unicode: true };
        let mut live = Live::new(&script.scene, pen, || Size { width: 80, height: 24 });
        let mut printer = Printer::default();
        live.draw(&script.scene, script.now, &mut printer);
        assert!(!printer.is_empty());
        let mut again = Printer::default();
        live.draw(&script.scene, script.now, &mut again);
        assert!(again.is_empty());
    }
}
