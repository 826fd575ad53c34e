//! `output(name, value)`: a named output of the step.

use boa_engine::error::JsNativeError;
use boa_engine::{Context, JsArgs, JsResult, JsValue, NativeFunction, js_string};
use serde_json::Value;

use super::json;

/// What the script itself comes to.
const RESULT: &str = "result";

/// By name, each once, in the order of their first appearance.
#[derive(Default)]
struct Outputs(Vec<(String, Value)>);

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    context.insert_data(Outputs::default());
    context.register_global_builtin_callable(js_string!("output"), 2, NativeFunction::from_fn_ptr(output))
}

/// What the script has given so far.
pub(crate) fn take(context: &mut Context) -> Vec<(String, Value)> {
    context.remove_data::<Outputs>().map(|outputs| outputs.0).unwrap_or_default()
}

fn output(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = arguments.get_or_undefined(0);
    let Some(name) = name.as_string().map(|name| name.to_std_string_lossy()).filter(|name| is_name(name)) else {
        let words = format!("the name of an output is letters, digits and `_`, not {}", name.display());
        return Err(JsNativeError::typ().with_message(words).into());
    };
    if name == RESULT {
        let words = format!("the output `{RESULT}` is what the script returns: name this one differently");
        return Err(JsNativeError::typ().with_message(words).into());
    }
    let value = json::from_js(arguments.get_or_undefined(1), context)?.unwrap_or_default();
    if let Some(outputs) = context.host_defined_mut().get_mut::<Outputs>() {
        match outputs.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, before)) => *before = value,
            None => outputs.0.push((name, value)),
        }
    }
    Ok(JsValue::undefined())
}

/// As `${steps.ID.outputs.NAME}` has it.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
