//! `console`: what is worth knowing goes to standard output, what is wrong to standard error, a line each.

use boa_engine::object::{JsObject, ObjectInitializer};
use boa_engine::property::Attribute;
use boa_engine::{Context, JsResult, JsValue, NativeFunction, js_string};
use pintle_guest::output;

use super::json;
use crate::fault;

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let mut console = ObjectInitializer::new(context);
    for name in ["log", "info", "debug"] {
        console.function(NativeFunction::from_fn_ptr(print), js_string!(name), 0);
    }
    for name in ["error", "warn", "trace"] {
        console.function(NativeFunction::from_fn_ptr(eprint), js_string!(name), 0);
    }
    let console = console.build();
    context.register_global_property(js_string!("console"), console, Attribute::all())
}

fn print(_: &JsValue, values: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    output::print(&line(values, context));
    Ok(JsValue::undefined())
}

fn eprint(_: &JsValue, values: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    output::eprint(&line(values, context));
    Ok(JsValue::undefined())
}

fn line(values: &[JsValue], context: &mut Context) -> String {
    let shown: Vec<String> = values.iter().map(|value| shown(value, context)).collect();
    format!("{}\n", shown.join(" "))
}

/// Text as it is, lists and plain objects as JSON (what a next step can read), the rest as the interpreter shows it.
pub(crate) fn shown(value: &JsValue, context: &mut Context) -> String {
    if let Some(text) = value.as_string() {
        return text.to_std_string_lossy();
    }
    if fault::is_error(value) {
        return fault::text_of(value, context);
    }
    let data = value.as_object().filter(|object| is_data(object, context));
    let json = data.and_then(|_| json::text(value, context).ok().flatten());
    json.map_or_else(|| value.display().to_string(), |text| text.to_std_string_lossy())
}

fn is_data(object: &JsObject, context: &Context) -> bool {
    let plain = context.intrinsics().constructors().object().prototype();
    object.is_array() || object.prototype().is_none_or(|prototype| prototype == plain)
}
