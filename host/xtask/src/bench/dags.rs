//! DAGs. Those of commands both sides run unchanged.

use std::fmt::Write as _;

/// What each step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Starts a program.
    Command,
    /// Calls a guest, which computes.
    Jq,
    /// Nothing: what is left is the step itself.
    Noop,
}

impl Action {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Jq => "jq.filter",
            Self::Noop => "noop",
        }
    }

    fn lines(self) -> &'static str {
        match self {
            Self::Command => "    command: \"true\"\n",
            Self::Jq => "    action: jq.filter\n    with: {filter: \".a + 1\", data: {a: 1}}\n",
            Self::Noop => "    action: noop\n",
        }
    }
}

/// One command.
pub(super) fn hello() -> String {
    "steps:\n  - name: hello\n    command: echo hello\n".to_owned()
}

/// Steps, one after the other.
pub(super) fn chain(action: Action, length: usize) -> String {
    let mut text = "type: chain\nsteps:\n".to_owned();
    (1..=length).for_each(|number| step(&mut text, action, &format!("s{number}"), &[]));
    text
}

/// One step, then many at once, then one.
pub(super) fn fanout(action: Action, width: usize) -> String {
    let mut text = "type: graph\nsteps:\n".to_owned();
    step(&mut text, action, "first", &[]);
    let middle: Vec<String> = (1..=width).map(|number| format!("m{number}")).collect();
    middle.iter().for_each(|name| step(&mut text, action, name, &["first".to_owned()]));
    step(&mut text, action, "last", &middle);
    text
}

fn step(text: &mut String, action: Action, name: &str, depends: &[String]) {
    // Writing to a String cannot fail.
    let _ = write!(text, "  - name: {name}\n{}", action.lines());
    if !depends.is_empty() {
        let _ = writeln!(text, "    depends: [{}]", depends.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_as_they_are_called() {
        assert_eq!(chain(Action::Command, 100).matches("command: \"true\"").count(), 100);
        assert_eq!(chain(Action::Jq, 3).matches("action: jq.filter").count(), 3);
        let fanout = fanout(Action::Command, 3);
        assert_eq!(fanout.matches("command:").count(), 5);
        assert_eq!(fanout.matches("depends: [first]").count(), 3);
        assert!(fanout.ends_with("depends: [m1, m2, m3]\n"), "{fanout}");
    }
}
