//! `run`, and the older `command` and `script`: text for a shell.

use pintle_core::plan::{Action, RunBody, Shell, Template};

use crate::fields::RUN_WITH;
use crate::reader::{At, Reader};
use crate::shell::{is_carrier, read_shell};
use crate::words;

/// The action of a `run` step.
pub(crate) fn read_run(reader: &mut Reader<'_>, step: &At<'_>) -> Option<Action> {
    let at = step.get_even_null("run")?;
    let with_shell = read_with(reader, step);
    let own_shell = read_old_shell(reader, step);
    let body = read_body(reader, &at)?;
    let with = step.get("with");
    let owner = with.as_ref().filter(|with| with.get("shell").is_some()).unwrap_or(step);
    if matches!(body, RunBody::Script(_)) && is_carrier(owner) {
        let message = "the script form of `run` takes no `-c`: the shell is given the script as a file; remove `-c`";
        reader.fault_key(owner, "shell", message);
    }
    Some(Action::Run { body, shell: with_shell.or(own_shell) })
}

/// `with` of a `run` step names a shell and nothing else.
fn read_with(reader: &mut Reader<'_>, step: &At<'_>) -> Option<Shell> {
    let with = step.get("with")?;
    if !reader.expect_map(&with, "shell: bash") {
        return None;
    }
    reader.check_fields(&with, &RUN_WITH);
    read_shell(reader, &with)
}

fn read_old_shell(reader: &mut Reader<'_>, step: &At<'_>) -> Option<Shell> {
    step.get("shell")?;
    reader.notice_key(step, "shell", "`shell` on a step is an old form; write `with: {shell: ...}`");
    read_shell(reader, step)
}

/// `command` and `script`, with notices that say what to write today.
pub(crate) fn read_old_run(reader: &mut Reader<'_>, step: &At<'_>) -> Option<Action> {
    if step.get("with").is_some() {
        reader.fault_key(step, "with", "`with` belongs to `run` or `action`; this step has neither");
    }
    let own_shell = read_old_shell(reader, step);
    let script = step.get("script");
    let command = step.get("command");
    let Some(script) = script else {
        reader.notice_key(step, "command", "`command` is an old form; write `run`");
        let body = read_body(reader, &command?)?;
        return Some(Action::Run { body, shell: own_shell });
    };
    reader.notice_key(step, "script", "`script` is an old form; write `run: |`");
    let text = script_text(&reader.word(&script)?);
    let interpreter = command.and_then(|command| read_interpreter(reader, &command));
    let body = RunBody::Script(Template(text));
    Some(Action::Run { body, shell: interpreter.or(own_shell) })
}

/// `command` beside `script` is the program that reads the script.
fn read_interpreter(reader: &mut Reader<'_>, command: &At<'_>) -> Option<Shell> {
    reader.notice(command, "`command` beside `script` is an old form; write `with: {shell: ...}`");
    let words = if command.is_list() {
        reader.texts(command)
    } else {
        let text = reader.word(command)?;
        match words::split(&text) {
            Ok(words) => words.into_iter().map(|word| word.text).collect(),
            Err(error) => {
                reader.fault(command, format!("`command`: {error}"));
                return None;
            }
        }
    };
    let mut words = words.into_iter().map(Template);
    Some(Shell { program: words.next()?, arguments: words.collect() })
}

fn read_body(reader: &mut Reader<'_>, at: &At<'_>) -> Option<RunBody> {
    if at.is_list() {
        let items = at.items();
        if items.is_empty() {
            reader.fault(at, format!("{} is an empty list; write at least one command", at.path.last()));
            return None;
        }
        let lines: Vec<Option<Template>> = items.iter().map(|item| read_line(reader, item)).collect();
        return lines.into_iter().collect::<Option<_>>().map(RunBody::Commands);
    }
    if at.node.is_null() || at.scalar().is_some_and(|scalar| scalar.as_text().trim().is_empty()) {
        let name = at.path.last();
        reader.fault(at, format!("{name} is empty; write what is to run, or use `action: noop`"));
        return None;
    }
    let text = reader.text(at)?;
    let line = text.trim_end_matches(['\n', '\r']);
    if line.contains('\n') {
        return Some(RunBody::Script(Template(script_text(&text))));
    }
    Some(RunBody::Command(Template(line.to_owned())))
}

fn read_line(reader: &mut Reader<'_>, item: &At<'_>) -> Option<Template> {
    let text = reader.word(item)?;
    let line = text.trim_end_matches(['\n', '\r']);
    if line.contains('\n') {
        reader.fault(item, "a command in a list is one line; write several lines as one script with `run: |`");
        return None;
    }
    Some(Template(line.to_owned()))
}

/// A script ends with a line break, as files do.
fn script_text(text: &str) -> String {
    let mut script = text.trim_end_matches(['\n', '\r']).to_owned();
    script.push('\n');
    script
}
