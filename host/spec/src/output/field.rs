//! Outputs one by one: the value itself, or where it is read and how it is taken apart.

use pintle_core::plan::{Decode, Json, OutputField, OutputFrom, OutputRead, OutputSource, Template};

use crate::fields::{OUTPUT_FIELD, STDOUT_FIELD, STDOUT_OUTPUTS};
use crate::limits::{MAX_OUTPUTS, MAX_SELECT_BYTES};
use crate::nearest::did_you_mean;
use crate::reader::{At, Reader};
use crate::words::is_name;

/// `output` as a map: names and what each is.
pub(super) fn read_fields(reader: &mut Reader<'_>, output: &At<'_>) -> Vec<OutputField> {
    if output.entries().is_empty() {
        reader.fault(output, "`output` is empty; give it names with values, or the name of a variable");
    }
    if too_many(reader, output) {
        return Vec::new();
    }
    let mut made = Vec::with_capacity(output.entries().len());
    for (entry, at) in output.fields() {
        let named = check_name(reader, &at, &entry.key);
        let source = if is_long(&at) { read_long(reader, &at) } else { read_literal(reader, &at, &entry.key) };
        made.extend(source.filter(|_| named).map(|source| OutputField { name: Some(entry.key.clone()), source }));
    }
    made
}

/// `outputs` of `stdout`: one name for all of it, a map that says how it is read, or one of names.
pub(super) fn read_published(reader: &mut Reader<'_>, stdout: &At<'_>) -> Vec<OutputField> {
    let Some(at) = stdout.get("outputs") else { return Vec::new() };
    if !at.is_map() {
        let Some(name) = reader.word(&at).filter(|name| check_name(reader, &at, name)) else { return Vec::new() };
        let read = OutputRead { from: OutputFrom::Stdout, decode: Decode::Text, select: None };
        return vec![OutputField { name: Some(name), source: OutputSource::Read(read) }];
    }
    reader.check_fields(&at, &STDOUT_OUTPUTS);
    if let Some(fields) = at.get("fields") {
        for other in ["field", "decode", "select"].into_iter().filter(|other| at.get(other).is_some()) {
            reader.fault_key(&at, other, format!("`{other}` stands beside `fields`; write it into each of them"));
        }
        return read_published_fields(reader, &fields);
    }
    let name = at.get("field").and_then(|field| Some((reader.word(&field)?, field)));
    let name = name.filter(|(name, field)| check_name(reader, field, name)).map(|(name, _)| name);
    let Some(read) = read_way(reader, &at, OutputFrom::Stdout) else { return Vec::new() };
    if name.is_none() && at.get("field").is_none() && read.decode == Decode::Text {
        let message =
            "text has no names of its own; give it one with `field:`, or read an object with `decode: json` or `yaml`";
        reader.fault(&at, message);
        return Vec::new();
    }
    vec![OutputField { name, source: OutputSource::Read(read) }]
}

fn read_published_fields(reader: &mut Reader<'_>, fields: &At<'_>) -> Vec<OutputField> {
    if !reader.expect_map(fields, "count: {decode: json, select: .count}") || too_many(reader, fields) {
        return Vec::new();
    }
    if fields.entries().is_empty() {
        reader.fault(fields, "`fields` is empty; give it at least one name");
    }
    let mut made = Vec::with_capacity(fields.entries().len());
    for (entry, at) in fields.fields() {
        if !check_name(reader, &at, &entry.key) || !reader.expect_map(&at, "decode: json, select: .count") {
            continue;
        }
        reader.check_fields(&at, &STDOUT_FIELD);
        let source = match at.get_even_null("value") {
            Some(value) => {
                beside_value(reader, &at).then(|| OutputSource::Value(Json(value.node.to_json().to_string())))
            }
            None => read_way(reader, &at, OutputFrom::Stdout).map(OutputSource::Read),
        };
        made.extend(source.map(|source| OutputField { name: Some(entry.key.clone()), source }));
    }
    made
}

fn too_many(reader: &mut Reader<'_>, at: &At<'_>) -> bool {
    let count = at.entries().len();
    if count > MAX_OUTPUTS {
        reader
            .fault(at, format!("a step has {count} outputs here and may have {MAX_OUTPUTS}; put them into one object"));
    }
    count > MAX_OUTPUTS
}

fn check_name(reader: &mut Reader<'_>, at: &At<'_>, name: &str) -> bool {
    if !is_name(name) {
        reader.fault(at, format!("`{name}` is not a name of an output; use letters, digits and `_`"));
    }
    is_name(name)
}

/// A map that has one of these is not the value itself.
fn is_long(at: &At<'_>) -> bool {
    OUTPUT_FIELD.names().any(|key| at.entry(key).is_some())
}

fn read_literal(reader: &mut Reader<'_>, at: &At<'_>, name: &str) -> Option<OutputSource> {
    if at.node.is_null() {
        reader.fault(at, format!("the output `{name}` is empty; give it a value, or write `value: null`"));
        return None;
    }
    Some(OutputSource::Value(Json(at.node.to_json().to_string())))
}

fn read_long(reader: &mut Reader<'_>, at: &At<'_>) -> Option<OutputSource> {
    reader.check_fields(at, &OUTPUT_FIELD);
    if let Some(value) = at.get_even_null("value") {
        return beside_value(reader, at).then(|| OutputSource::Value(Json(value.node.to_json().to_string())));
    }
    let Some(from) = at.get("from") else {
        let message = "the output says how it is read and not from where; add `from: stdout`, `stderr` or `file`";
        reader.fault(at, message);
        return None;
    };
    let path = at.get("path");
    let source = match (reader.word(&from)?.as_str(), &path) {
        ("file", Some(path)) => OutputFrom::File(Template(reader.word(path)?)),
        ("file", None) => {
            reader.fault(at, "`from: file` needs `path:`, the file that is read");
            return None;
        }
        ("stdout", _) => OutputFrom::Stdout,
        ("stderr", _) => OutputFrom::Stderr,
        (other, _) => {
            let hint = did_you_mean(other, ["stdout", "stderr", "file"], "use `stdout`, `stderr` or `file`");
            reader.fault(&from, format!("an output is not read from `{other}`; {hint}"));
            return None;
        }
    };
    if path.is_some() && !matches!(source, OutputFrom::File(_)) {
        reader.fault_key(at, "path", "`path` goes with `from: file`; remove one of the two");
        return None;
    }
    read_way(reader, at, source).map(OutputSource::Read)
}

/// `value` stands alone.
fn beside_value(reader: &mut Reader<'_>, at: &At<'_>) -> bool {
    let others = ["from", "path", "decode", "select"].into_iter().find(|other| at.entry(other).is_some());
    if let Some(other) = others {
        reader.fault_key(at, other, format!("an output has `value` or `{other}`, not both; keep one of the two"));
    }
    others.is_none()
}

/// `decode` and `select`.
fn read_way(reader: &mut Reader<'_>, at: &At<'_>, from: OutputFrom) -> Option<OutputRead> {
    const WAYS: [(&str, Decode); 3] = [("text", Decode::Text), ("json", Decode::Json), ("yaml", Decode::Yaml)];
    let decode = match at.get("decode") {
        None => Decode::Text,
        Some(way) => {
            let name = reader.word(&way)?;
            let Some((_, decode)) = WAYS.iter().find(|(known, _)| *known == name) else {
                let hint = did_you_mean(&name, WAYS.iter().map(|(known, _)| *known), "use `text`, `json` or `yaml`");
                reader.fault(&way, format!("`{name}` is not a way to decode an output; {hint}"));
                return None;
            };
            *decode
        }
    };
    let select = match at.get("select") {
        None => None,
        Some(select) => {
            let program = reader.word(&select)?;
            if decode == Decode::Text {
                let message = "`select` takes data apart, and text is none; add `decode: json` or `decode: yaml`";
                reader.fault_key(at, "select", message);
                return None;
            }
            if program.len() > MAX_SELECT_BYTES {
                let (bytes, name) = (program.len(), select.path.last());
                let message =
                    format!("{name} has {bytes} bytes and may have {MAX_SELECT_BYTES}; use a `jq.filter` step");
                reader.fault(&select, message);
                return None;
            }
            Some(program)
        }
    };
    Some(OutputRead { from, decode, select })
}
