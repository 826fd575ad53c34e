//! Values for the parameters of statements. They are bound, never pasted: whatever a value holds, it stays a value.

use std::collections::BTreeSet;

use rusqlite::Statement;
use rusqlite::types::Value as Sql;

use super::input::Params;
use super::told::Told;
use super::value;

/// The values, and which of them were asked for.
pub(super) struct Given<'a> {
    params: &'a Params,
    /// Of a list: how many are used up.
    taken: usize,
    named: BTreeSet<&'a str>,
}

impl<'a> Given<'a> {
    /// None of them asked for yet.
    pub(super) fn new(params: &'a Params) -> Self {
        Self { params, taken: 0, named: BTreeSet::new() }
    }

    /// Binds what a statement asks for: by name in every statement; by position those that the ones before have left.
    pub(super) fn bind(&mut self, statement: &mut Statement<'_>) -> Result<(), Told> {
        let count = statement.parameter_count();
        for index in 1..=count {
            let name = statement.parameter_name(index).map(str::to_owned);
            let value = self.value(index, name.as_deref())?;
            statement.raw_bind_parameter(index, value).map_err(|error| {
                Told::invalid(format!("the value of {} cannot be bound: {error}", shown(index, name.as_deref())))
            })?;
        }
        if matches!(self.params, Params::Listed(_)) {
            self.taken += count;
        }
        Ok(())
    }

    fn value(&mut self, index: usize, name: Option<&str>) -> Result<Sql, Told> {
        let value = match self.params {
            Params::Listed(list) => match list.get(self.taken + index - 1) {
                Some(value) => value,
                None => {
                    let (wanted, given) = (self.taken + index, list.len());
                    let shown = shown(index, name);
                    return Err(Told::invalid(match name.filter(|name| !name.starts_with('?')) {
                        Some(name) if given == 0 => format!("it asks for `{name}`, and `params` gives it no value"),
                        _ => format!("{shown} needs a value number {wanted}, and `params` has {given}"),
                    }));
                }
            },
            Params::Named(map) => {
                let Some(bare) = name.and_then(|name| name.strip_prefix([':', '@', '$'])) else {
                    let shown = shown(index, name);
                    return Err(Told::invalid(format!(
                        "{shown} is filled by position, and `params` has names; write `:name`, or `params` as a list"
                    )));
                };
                let Some((key, value)) = map.get_key_value(bare) else {
                    let names: Vec<String> = map.keys().map(|name| format!("`{name}`")).collect();
                    let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
                    return Err(Told::invalid(format!("it asks for `:{bare}`, and `params` gives {names}")));
                };
                self.named.insert(key);
                value
            }
        };
        value::sql(value).map_err(|reason| Told::invalid(format!("{}: {reason}", shown(index, name))))
    }

    /// Whether all were asked for: one that was not is a mistake.
    pub(super) fn all(&self) -> Result<(), Told> {
        match self.params {
            Params::Listed(list) if list.len() > self.taken => {
                Err(Told::invalid(format!("`params` has {} values, and {} are asked for", list.len(), self.taken)))
            }
            Params::Named(map) => match map.keys().find(|name| !self.named.contains(name.as_str())) {
                Some(name) => Err(Told::invalid(format!("`params` gives `{name}`, and nothing asks for `:{name}`"))),
                None => Ok(()),
            },
            Params::Listed(_) => Ok(()),
        }
    }
}

fn shown(index: usize, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("`{name}`"),
        None => format!("`?` number {index}"),
    }
}
