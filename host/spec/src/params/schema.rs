//! `params` as a JSON Schema of an object, alone or as `{schema, values}`.
//!
//! Names that it does not list are refused, unless `additionalProperties: true` is written: here as with typed
//! parameters, a name that is not declared is most often a slip.

use pintle_core::plan::Param;

use super::{Declared, check_default, not_a_name, read_bounds, read_kind, read_scalar};
use crate::fields::{PARAM_PROPERTY, PARAM_SCHEMA, PARAM_VALUES};
use crate::nearest::did_you_mean;
use crate::reader::{At, Reader};
use crate::words::is_name;

/// A map of parameters may hold one that is called `type` or `schema`; then its value is no map.
pub(super) fn is_schema(params: &At<'_>) -> bool {
    let holds_map = |key| params.get(key).is_some_and(|at| at.is_map());
    holds_map("properties") || holds_map("schema") || (params.get("schema").is_some() && holds_map("values"))
}

/// The parameters that the schema describes, and whether others are refused.
pub(super) fn read_schema(reader: &mut Reader<'_>, params: &At<'_>, made: &mut Vec<Declared>) -> bool {
    let Some(schema) = params.get("schema").filter(|_| params.get("properties").is_none()) else {
        return read_object(reader, params, made);
    };
    reader.check_fields(params, &PARAM_VALUES);
    if !schema.is_map() {
        let message = "a schema in a file of its own is not read by this version; write it here, as a map";
        reader.fault(&schema, message);
        return false;
    }
    let closed = read_object(reader, &schema, made);
    if let Some(values) = params.get("values") {
        read_values(reader, &values, closed, made);
    }
    closed
}

fn read_object(reader: &mut Reader<'_>, schema: &At<'_>, made: &mut Vec<Declared>) -> bool {
    reader.check_fields(schema, &PARAM_SCHEMA);
    if let Some(at) = schema.get("type")
        && at.scalar().is_none_or(|kind| kind.as_text() != "object")
    {
        reader.mismatch(&at, "`object`: parameters are its `properties`");
    }
    let Some(properties) = schema.get("properties") else {
        reader.fault(schema, "the schema describes no parameter; list them under `properties:`");
        return false;
    };
    if !reader.expect_map(&properties, "day: {type: string}") {
        return false;
    }
    for (entry, at) in properties.fields() {
        if !is_name(&entry.key) {
            reader.fault_key(&properties, &entry.key, not_a_name(&entry.key));
        } else if let Some(param) = read_property(reader, &entry.key, &at) {
            made.push(Declared { param, place: entry.key_place, path: at.path.to_string() });
        }
    }
    read_required(reader, schema, made);
    !reader.boolean_field(schema, "additionalProperties").unwrap_or(false)
}

fn read_property(reader: &mut Reader<'_>, name: &str, at: &At<'_>) -> Option<Param> {
    if !reader.expect_map(at, "type: string") {
        return None;
    }
    reader.check_fields(at, &PARAM_PROPERTY);
    let kind = read_kind(reader, at);
    let bounds = read_bounds(reader, at, kind, ("minLength", "maxLength"));
    let default = at.get("default").and_then(|at| read_scalar(reader, &at, kind));
    let description = reader.text_field(at, "description").or_else(|| reader.text_field(at, "title"));
    let param = Param { name: Some(name.to_owned()), kind, default, eval: None, description, required: false, bounds };
    check_default(reader, at.get("default"), &param);
    Some(param)
}

fn read_required(reader: &mut Reader<'_>, schema: &At<'_>, made: &mut [Declared]) {
    let Some(required) = schema.get("required") else { return };
    for item in required.items() {
        let Some(name) = reader.word(&item) else { continue };
        match made.iter_mut().find(|declared| declared.param.name.as_deref() == Some(&name)) {
            Some(declared) => declared.param.required = true,
            None => {
                let names = made.iter().filter_map(|declared| declared.param.name.as_deref());
                let hint = did_you_mean(&name, names, "describe it under `properties:`");
                reader.fault(&item, format!("`required` names `{name}`, which the schema does not describe; {hint}"));
            }
        }
    }
}

/// `values` are defaults over those of the schema.
fn read_values(reader: &mut Reader<'_>, values: &At<'_>, closed: bool, made: &mut Vec<Declared>) {
    if !reader.expect_map(values, "day: monday") {
        return;
    }
    for (entry, at) in values.fields() {
        let name = entry.key.as_str();
        if let Some(declared) = made.iter_mut().find(|declared| declared.param.name.as_deref() == Some(name)) {
            declared.param.default = read_scalar(reader, &at, declared.param.kind);
            check_default(reader, values.get(name), &declared.param);
        } else if closed {
            let names = made.iter().filter_map(|declared| declared.param.name.as_deref());
            let hint = did_you_mean(name, names, "describe it under `properties:` of the schema");
            reader.fault_key(
                values,
                name,
                format!("`values` sets `{name}`, which the schema does not describe; {hint}"),
            );
        } else if !is_name(name) {
            reader.fault_key(values, name, not_a_name(name));
        } else if let Some(text) = reader.text(&at) {
            let param = super::plain(Some(name.to_owned()), &text);
            made.push(Declared { param, place: entry.key_place, path: at.path.to_string() });
        }
    }
}
