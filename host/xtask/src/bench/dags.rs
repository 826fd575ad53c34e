//! DAGs that both sides run unchanged.

use std::fmt::Write as _;

/// One command.
pub(super) fn hello() -> String {
    "steps:\n  - name: hello\n    command: echo hello\n".to_owned()
}

/// Commands, one after the other.
pub(super) fn chain(length: usize) -> String {
    let mut text = "type: chain\nsteps:\n".to_owned();
    (1..=length).for_each(|number| step(&mut text, &format!("s{number}"), &[]));
    text
}

/// One command, then many at once, then one.
pub(super) fn fanout(width: usize) -> String {
    let mut text = "type: graph\nsteps:\n".to_owned();
    step(&mut text, "first", &[]);
    let middle: Vec<String> = (1..=width).map(|number| format!("m{number}")).collect();
    middle.iter().for_each(|name| step(&mut text, name, &["first".to_owned()]));
    step(&mut text, "last", &middle);
    text
}

fn step(text: &mut String, name: &str, depends: &[String]) {
    // Writing to a String cannot fail.
    let _ = write!(text, "  - name: {name}\n    command: \"true\"\n");
    if !depends.is_empty() {
        let _ = writeln!(text, "    depends: [{}]", depends.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_as_they_are_called() {
        assert_eq!(chain(100).matches("command: \"true\"").count(), 100);
        let fanout = fanout(3);
        assert_eq!(fanout.matches("command:").count(), 5);
        assert_eq!(fanout.matches("depends: [first]").count(), 3);
        assert!(fanout.ends_with("depends: [m1, m2, m3]\n"), "{fanout}");
    }
}
