//! Values to JSON and back.
//!
//! `JSON.parse` is replaced where it has no reviver: the interpreter's own reads JSON as it reads a script, and needs
//! many times the time and memory.

use boa_engine::error::JsNativeError;
use boa_engine::object::JsObject;
use boa_engine::object::builtins::JsFunction;
use boa_engine::property::PropertyDescriptor;
use boa_engine::{Context, JsArgs, JsResult, JsString, JsValue, NativeFunction, js_string};
use serde_json::Value;

/// The interpreter's own functions; a script may put others into their places.
struct Own {
    parse: JsFunction,
    stringify: JsFunction,
}

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let object = context.intrinsics().objects().json();
    let own = Own { parse: method(&object, "parse", context)?, stringify: method(&object, "stringify", context)? };
    context.insert_data(own);
    let parse = NativeFunction::from_fn_ptr(parse).to_js_function(context.realm());
    let property = PropertyDescriptor::builder().value(parse).writable(true).enumerable(false).configurable(true);
    object.define_property_or_throw(js_string!("parse"), property, context).map(drop)
}

fn method(of: &JsObject, name: &str, context: &mut Context) -> JsResult<JsFunction> {
    let method = of.get(JsString::from(name), context)?.as_object().and_then(JsFunction::from_object);
    method.ok_or_else(|| JsNativeError::typ().with_message(format!("there is no `{name}`")).into())
}

fn parse(this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if arguments.get_or_undefined(1).is_callable()
        && let Some(own) = context.get_data::<Own>().map(|own| own.parse.clone())
    {
        return own.call(this, arguments, context);
    }
    let text = arguments.get_or_undefined(0).to_string(context)?.to_std_string_lossy();
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| JsNativeError::syntax().with_message(format!("this is not JSON: {error}")))?;
    JsValue::from_json(&value, context)
}

/// As `JSON.stringify` writes it; none where it leaves a value out.
pub(crate) fn text(value: &JsValue, context: &mut Context) -> JsResult<Option<JsString>> {
    let Some(stringify) = context.get_data::<Own>().map(|own| own.stringify.clone()) else {
        return Ok(None);
    };
    Ok(stringify.call(&JsValue::undefined(), std::slice::from_ref(value), context)?.as_string())
}

/// A value for the host; none where JSON leaves it out (`undefined`, a function).
pub(crate) fn from_js(value: &JsValue, context: &mut Context) -> JsResult<Option<Value>> {
    let Some(text) = text(value, context)? else { return Ok(None) };
    let value = serde_json::from_str(&text.to_std_string_lossy());
    value.map(Some).map_err(|error| JsNativeError::typ().with_message(error.to_string()).into())
}
