//! What a script finds.

mod chance;
pub(crate) mod console;
pub(crate) mod json;
pub(crate) mod outputs;

use boa_engine::object::ObjectInitializer;
use boa_engine::property::Attribute;
use boa_engine::{Context, JsResult, JsString, JsValue, js_string};
use pintle_guest::executor::Task;
use serde_json::Value;

/// Of threads, which a script has not; one of them would wait by a clock that is not there.
const ABSENT: [&str; 2] = ["Atomics", "SharedArrayBuffer"];

/// Makes all of it.
pub(crate) fn install(context: &mut Context, task: &Task, input: &Value) -> JsResult<()> {
    for name in ABSENT {
        context.global_object().delete_property_or_throw(JsString::from(name), context)?;
    }
    json::install(context)?;
    chance::install(context)?;
    outputs::install(context)?;
    console::install(context)?;
    let input = JsValue::from_json(input, context)?;
    context.register_global_property(js_string!("input"), input, Attribute::all())?;
    let env = environment(context, task);
    context.register_global_property(js_string!("env"), env, Attribute::all())
}

/// The step's environment; the last of two equal names counts.
fn environment(context: &mut Context, task: &Task) -> JsValue {
    let mut env = ObjectInitializer::new(context);
    for (name, value) in &task.env {
        env.property(JsString::from(name.as_str()), JsString::from(value.as_str()), Attribute::all());
    }
    env.build().into()
}
