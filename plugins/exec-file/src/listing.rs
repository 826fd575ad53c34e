//! `file.list`.

use glob::Pattern;
use pintle_guest::files::Kind;
use pintle_guest::prelude::*;
use serde_json::{Value, json};

use crate::input::List;
use crate::kind_name;
use crate::paths::Place;

pub(crate) fn list(task: &Task, input: &List) -> Result<Done, Error> {
    let place = Place::of(task, &input.path)?;
    let pattern = input.pattern.as_deref().map(Pattern::new).transpose();
    let pattern = pattern.map_err(|error| Error::invalid(format!("`pattern` is faulty: {error}")))?;
    let wanted = |name: &str| {
        (input.include_hidden.0 || !name.starts_with('.')) && pattern.as_ref().is_none_or(|glob| glob.matches(name))
    };
    let mut entries = Vec::new();
    let mut open = vec![(place.clone(), String::new())];
    while let Some((directory, prefix)) = open.pop() {
        call::check()?;
        for entry in files::list(&directory.host).map_err(|error| directory.blame(error))? {
            let (at, name) = (directory.join(&entry.name), format!("{prefix}{}", entry.name));
            let enters = input.recursive.0 && entry.kind == Kind::Directory;
            if enters && (input.include_hidden.0 || !entry.name.starts_with('.')) {
                open.push((at.clone(), format!("{name}/")));
            }
            if wanted(&entry.name) {
                entries.push((
                    name.clone(),
                    json!({ "name": name, "path": at.shown, "type": kind_name(entry.kind), "size": entry.size }),
                ));
            }
            if entries.len() > input.max_entries.0 {
                return Err(Error::exhausted(format!(
                    "`{}` has more than {} entries: narrow `pattern`, or raise `max_entries`",
                    place.shown, input.max_entries.0
                )));
            }
        }
    }
    entries.sort_by(|(left, _), (right, _)| left.cmp(right));
    let entries: Vec<Value> = entries.into_iter().map(|(_, entry)| entry).collect();
    let count = entries.len();
    let entries = Value::Array(entries);
    output::print(&format!("{entries}\n"));
    Ok(Done::new().output("path", &place.shown).output("entries", entries).output("count", count))
}
