//! `shell` and `shell_args`: the program that `run` text is given to.

use pintle_core::plan::{Shell, Template};

use crate::reader::{At, Reader};
use crate::words;

/// Shells whose short options may be written together (`-lc`).
const POSIX: &[&str] = &["sh", "bash", "dash", "zsh", "ksh", "ash", "busybox"];

/// What carries a command to a shell.
const CARRIER: &str = "-c";

/// Reads `shell` with `shell_args` out of a map; none where no shell is named.
pub(crate) fn read_shell(reader: &mut Reader<'_>, owner: &At<'_>) -> Option<Shell> {
    let more = owner.get("shell_args");
    let Some(shell) = owner.get("shell") else {
        if more.is_some() {
            reader.fault_key(owner, "shell_args", "`shell_args` needs `shell` beside it; name the shell");
        }
        return None;
    };
    let mut words = read_words(reader, &shell)?;
    if let Some(more) = &more {
        words.extend(if more.is_list() { reader.texts(more) } else { read_words(reader, more)? });
    }
    let mut words = words.into_iter();
    let Some(program) = words.next().filter(|program| !program.is_empty()) else {
        reader.fault(&shell, "`shell` is empty; name a shell such as `bash`, or remove it");
        return None;
    };
    let mut arguments: Vec<String> = words.collect();
    // It is added wherever there is a command to carry.
    arguments.pop_if(|last| last == CARRIER);
    if let Some(carrier) = arguments.iter().find(|argument| carries_command(&program, argument)) {
        reader.fault(
            &shell,
            format!("the shell argument `{carrier}` carries a command, and Pintle adds `-c` by itself; remove it"),
        );
        return None;
    }
    Some(Shell { program: Template(program), arguments: arguments.into_iter().map(Template).collect() })
}

/// Whether a shell is named with the `-c` that carries a command.
pub(crate) fn is_carrier(owner: &At<'_>) -> bool {
    let ends = |at: At<'_>| match at.items().last() {
        Some(last) if at.is_list() => last.scalar().is_some_and(|last| last.as_text() == CARRIER),
        Some(_) | None => at.scalar().is_some_and(|line| line.as_text().split_whitespace().last() == Some(CARRIER)),
    };
    owner.get("shell_args").or_else(|| owner.get("shell")).is_some_and(ends)
}

fn read_words(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<String>> {
    if at.is_list() {
        return Some(reader.texts(at));
    }
    let text = reader.word(at)?;
    match words::split(&text) {
        Ok(words) => Some(words.into_iter().map(words::Word::rejoined).collect()),
        Err(error) => {
            reader.fault(at, format!("{}: {error}", at.path.last()));
            None
        }
    }
}

fn carries_command(program: &str, argument: &str) -> bool {
    let Some(letters) = argument.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else {
        return false;
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    if POSIX.contains(&name) {
        let letters = letters.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        return letters.contains('c') && !letters.starts_with('o');
    }
    letters.starts_with('c')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_arguments_that_carry_a_command_are_refused() {
        let table = [
            ("bash", "-c", true),
            ("/bin/sh", "-ec", true),
            ("bash", "-lc", true),
            ("bash", "-e", false),
            ("bash", "--norc", false),
            ("bash", "-o", false),
            ("bash", "pipefail", false),
            ("python3", "-c", true),
            ("python3", "-cprint(1)", true),
            ("fish", "--no-config", false),
            ("nu", "-ec", false),
        ];
        for (program, argument, refused) in table {
            assert_eq!(carries_command(program, argument), refused, "{program} {argument}");
        }
    }
}
