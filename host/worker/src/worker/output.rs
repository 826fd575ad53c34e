//! What remains of a step that has succeeded: what it printed, its output file, and the outputs that its author takes
//! out of these.
//!
//! The danger is the taking apart: a jq program of a stranger may spin for ever, a document of a stranger may stand for
//! gigabytes. The rule: text and JSON are read here, for that is bounded by their length; programs and YAML are given to
//! the executor's own action for data, where a guest's limits hold, within the time that the step has left. A message
//! names the output and what was expected, never what was found: that may be secret.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use pintle_core::plan::{Decode, Json, OutputField, OutputFrom, OutputRead, OutputSource, Template};
use pintle_core::run::command::{FailReason, Finished, Outcome};
use pintle_plane::executor::{Failure, Performed, Task};
use pintle_plane::output::{Channel, Sink};
use serde_json::{Map, Value, json};

use super::outcome;
use super::printer::{Keeper, Printer};
use super::step::{Early, Step};

/// Takes data apart.
const PICK: &str = "data.pick";
/// Reads files, as far as files are granted.
const READ: &str = "file.read";
/// What `data.pick` says in a failure's `code` when its data is not of the format that was named.
const UNREADABLE: &str = "unreadable";
/// What it says there when a program cannot be compiled: its message then speaks of the program alone.
const PROGRAM: &str = "program";

/// What was printed, as text.
struct Printed {
    stdout: Option<String>,
    stderr: Option<String>,
}

/// The outputs that are read from one place in one way, by their places in the list.
struct Group<'a> {
    from: &'a OutputFrom,
    decode: Decode,
    fields: Vec<(usize, &'a OutputField, Option<&'a str>)>,
}

impl Step {
    /// Everything that is kept. What the declared outputs mean is the coordinator's to say.
    pub(super) async fn read_outputs(&self, finished: &mut Finished, printer: &Printer) -> Early<()> {
        let well = matches!(finished.exit_code, None | Some(0));
        let printed = Printed {
            stdout: self.printed(printer, Channel::Stdout, well)?,
            stderr: self.printed(printer, Channel::Stderr, well)?,
        };
        if well && !self.assignment.declared_outputs.is_empty() {
            finished.output_file = self.output_text()?;
        }
        if well && !self.assignment.published.is_empty() {
            let outputs = self.publish(&printed).await?;
            // The author's word is over the action's own.
            finished.outputs.retain(|(name, _)| !outputs.iter().any(|(own, _)| own == name));
            finished.outputs.extend(outputs);
        }
        if self.assignment.capture_stdout {
            finished.stdout = printed.stdout;
        }
        Ok(())
    }

    fn printed(&self, printer: &Printer, channel: Channel, well: bool) -> Early<Option<String>> {
        let Some(kept) = printer.take_kept(channel) else { return Ok(None) };
        if kept.more && well {
            let max = self.assignment.max_output;
            let stream = match channel {
                Channel::Stdout => "printed",
                Channel::Stderr => "wrote to standard error",
            };
            return Err(bad(format!(
                "the step {stream} more than the {max} bytes that `output:` may hold; raise max_output_size, or print less"
            )));
        }
        Ok(Some(String::from_utf8_lossy(&kept.bytes).into_owned()))
    }

    fn output_text(&self) -> Early<Option<String>> {
        let max = self.assignment.max_output;
        match read_bounded(&self.output_file, max) {
            Ok(Some(bytes)) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(bad("the step's output file is not valid UTF-8".to_owned())),
            },
            Ok(None) => Err(bad(format!(
                "the step's output file is longer than {max} bytes; raise max_output_size, or write less"
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(bad(format!("the step's output file cannot be read: {error}"))),
        }
    }

    /// The outputs of `output:` and `stdout:` as the author says, in his order.
    async fn publish(&self, printed: &Printed) -> Early<Vec<(String, Json)>> {
        let fields = &self.assignment.published;
        let mut values: Vec<Option<Value>> = vec![None; fields.len()];
        for (value, field) in values.iter_mut().zip(fields) {
            if let OutputSource::Value(json) = &field.source {
                let read = serde_json::from_str(&json.0);
                *value = Some(read.map_err(|error| bad(format!("{} is not JSON: {error}", shown(field))))?);
            }
        }
        for group in groups(fields) {
            let text = self.text_of(&group, printed).await?;
            for ((place, ..), value) in group.fields.iter().zip(self.decoded(&group, &text).await?) {
                if let Some(slot) = values.get_mut(*place) {
                    *slot = Some(value);
                }
            }
        }
        let mut outputs: Vec<(String, Json)> = Vec::with_capacity(fields.len());
        for (field, value) in fields.iter().zip(values) {
            match (&field.name, value) {
                (Some(name), value) => outputs.push((name.clone(), self.bounded(field, value.unwrap_or_default())?)),
                (None, Some(Value::Object(keys))) => {
                    for (name, value) in keys {
                        outputs.push((name, self.bounded(field, value)?));
                    }
                }
                (None, _) => {
                    let from = source_name(field);
                    return Err(bad(format!("{from} is to be an object, each key of which is an output, and is none")));
                }
            }
        }
        Ok(outputs)
    }

    fn bounded(&self, field: &OutputField, value: Value) -> Early<Json> {
        let (json, max) = (value.to_string(), self.assignment.max_output);
        if json.len() > max {
            let (who, bytes) = (shown(field), json.len());
            return Err(bad(format!(
                "{who} has {bytes} bytes and may have {max}; raise max_output_size, or select less"
            )));
        }
        Ok(Json(json))
    }

    async fn text_of(&self, group: &Group<'_>, printed: &Printed) -> Early<String> {
        match group.from {
            OutputFrom::Stdout => Ok(printed.stdout.clone().unwrap_or_default()),
            OutputFrom::Stderr => Ok(printed.stderr.clone().unwrap_or_default()),
            OutputFrom::File(path) => self.file(group, path).await,
        }
    }

    /// Read by the action for files, so that what is granted counts here too.
    async fn file(&self, group: &Group<'_>, path: &Template) -> Early<String> {
        let max = self.assignment.max_output;
        let input = json!({ "path": path.0, "max_bytes": max }).to_string();
        let keeper = Arc::new(Keeper::up_to(max));
        let who = group.fields.first().map(|(_, field, _)| shown(field)).unwrap_or_default();
        match self.ask_for(READ, input, Arc::clone(&keeper) as Arc<dyn Sink>).await? {
            Ok(_) => String::from_utf8(keeper.take().bytes)
                .map_err(|_| bad(format!("{who} is to be read from `{}`, which is not valid UTF-8", path.0))),
            Err(failure) => Err(bad(format!("{who} cannot be read from its file: {}", failure.message))),
        }
    }

    /// The values of a group, in its order.
    async fn decoded(&self, group: &Group<'_>, text: &str) -> Early<Vec<Value>> {
        let selects = group.fields.iter().any(|(_, _, select)| select.is_some());
        let (data, format) = match group.decode {
            Decode::Text => return Ok(vec![Value::String(text.trim().to_owned()); group.fields.len()]),
            Decode::Json => {
                let read: Result<Value, _> = serde_json::from_str(text);
                let data = read.map_err(|error| unreadable(group, "JSON", &format!(": {error}")))?;
                if !selects {
                    return Ok(vec![data; group.fields.len()]);
                }
                (data, "json")
            }
            Decode::Yaml => (Value::String(text.to_owned()), "yaml"),
        };
        // Text that is data already is not read once more.
        let data = match (format, data) {
            ("json", Value::String(text)) => Value::String(Value::String(text).to_string()),
            (_, data) => data,
        };
        let all: Vec<Option<&str>> = group.fields.iter().map(|(_, _, select)| *select).collect();
        let failure = match self.pick(&data, format, &all).await? {
            Ok(values) => return Ok(values),
            Err(failure) => failure,
        };
        // Which of them it was: each is asked for by itself. A limit is not run into twice.
        for field @ (_, _, select) in group.fields.iter().filter(|_| failure.limit.is_none() && all.len() > 1) {
            if let Err(failure) = self.pick(&data, format, &[*select]).await? {
                return Err(unselected(group, Some(field), &failure));
            }
        }
        Err(unselected(group, group.fields.first().filter(|_| all.len() == 1), &failure))
    }

    /// What each program finds in the data; without one, all of it.
    async fn pick(&self, data: &Value, from: &str, select: &[Option<&str>]) -> Early<Result<Vec<Value>, Failure>> {
        let programs: Map<String, Value> =
            select.iter().enumerate().map(|(at, program)| (format!("o{at}"), program.unwrap_or(".").into())).collect();
        let input = json!({ "from": from, "data": data, "select": programs }).to_string();
        let asked = self.ask_for(PICK, input, Arc::new(Keeper::up_to(0))).await?;
        Ok(asked.map(|outputs| {
            let found = |at: usize| outputs.iter().find(|(name, _)| *name == format!("o{at}"));
            let value = |at| found(at).and_then(|(_, json)| serde_json::from_str(json).ok()).unwrap_or_default();
            (0..select.len()).map(value).collect()
        }))
    }

    /// An action beside the step's own, in the step's time.
    async fn ask_for(
        &self,
        action: &str,
        input: String,
        sink: Arc<dyn Sink>,
    ) -> Early<Result<Vec<(String, String)>, Failure>> {
        let task = Task { dry_run: false, ..self.task(action.to_owned(), input) };
        let ended = self.perform_task(task, sink).await;
        if let Some(timeout) = ended.timed_out {
            return Err(Box::new(outcome::timed_out(timeout)));
        }
        self.go_on()?;
        Ok(match ended.performed {
            Performed::Done { outputs, .. } => Ok(outputs),
            Performed::Failed(failure) => Err(failure),
            Performed::Later { .. } => return Err(bad(format!("`{action}` answers later, which no output waits for"))),
        })
    }
}

/// One group for each place and way, so that nothing is read twice.
fn groups(fields: &[OutputField]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (place, field) in fields.iter().enumerate() {
        let OutputSource::Read(OutputRead { from, decode, select }) = &field.source else { continue };
        let one = (place, field, select.as_deref());
        match groups.iter_mut().find(|group| group.from == from && group.decode == *decode) {
            Some(group) => group.fields.push(one),
            None => groups.push(Group { from, decode: *decode, fields: vec![one] }),
        }
    }
    groups
}

fn bad(message: String) -> Box<Outcome> {
    Box::new(outcome::fault(FailReason::BadOutput, message))
}

fn unreadable(group: &Group<'_>, format: &str, why: &str) -> Box<Outcome> {
    let who = group.fields.first().map(|(_, field, _)| shown(field)).unwrap_or_default();
    bad(format!("{who} is read as {format}, and {} holds none{why}", place(group.from)))
}

/// Why a selection failed, without what it was made from.
fn unselected(
    group: &Group<'_>,
    field: Option<&(usize, &OutputField, Option<&str>)>,
    failure: &Failure,
) -> Box<Outcome> {
    let who = field.map_or_else(|| "an output of the step".to_owned(), |(_, field, _)| shown(field));
    let from = place(group.from);
    match failure.code.as_deref() {
        Some(UNREADABLE) => unreadable(group, "YAML", ""),
        Some(PROGRAM) => bad(format!("{who} cannot be selected: {}", failure.message)),
        None | Some(_) if failure.limit.is_some() => bad(format!("{who} cannot be selected: {}", failure.message)),
        None | Some(_) => {
            let program = field.and_then(|(_, _, select)| *select).unwrap_or(".");
            bad(format!("{who} cannot be selected: the program `{program}` fails on what {from} holds"))
        }
    }
}

fn shown(field: &OutputField) -> String {
    match &field.name {
        Some(name) => format!("the output `{name}`"),
        None => source_name(field),
    }
}

fn source_name(field: &OutputField) -> String {
    match &field.source {
        OutputSource::Value(_) => "the value".to_owned(),
        OutputSource::Read(read) => place(&read.from),
    }
}

fn place(from: &OutputFrom) -> String {
    match from {
        OutputFrom::Stdout => "standard output".to_owned(),
        OutputFrom::Stderr => "standard error".to_owned(),
        OutputFrom::File(path) => format!("the file `{}`", path.0),
    }
}

/// The whole file, or nothing if it is longer than `max`. A step may have put anything in its place: only a regular
/// file is read, and opening it does not wait for a writer.
fn read_bounded(path: &std::path::Path, max: usize) -> io::Result<Option<Vec<u8>>> {
    use rustix::fs::OFlags;
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).map_err(io::Error::other)?;
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file any more"));
    }
    let mut bytes = Vec::new();
    file.take((max as u64).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= max).then_some(bytes))
}
