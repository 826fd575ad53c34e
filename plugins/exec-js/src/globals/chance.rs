//! `Math.random`, seeded by the host: the interpreter's own would ask a system that is not there.

use boa_engine::property::PropertyDescriptor;
use boa_engine::{Context, JsResult, JsValue, NativeFunction, js_string};
use pintle_guest::random;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Made by the first call: most scripts have none, and the host counts what it gives.
struct Chance(StdRng);

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let math = context.global_object().get(js_string!("Math"), context)?.to_object(context)?;
    let function = NativeFunction::from_fn_ptr(next).to_js_function(context.realm());
    let property = PropertyDescriptor::builder().value(function).writable(true).enumerable(false).configurable(true);
    math.define_property_or_throw(js_string!("random"), property, context).map(drop)
}

/// From 0, below 1.
fn next(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if !context.has_data::<Chance>() {
        let mut seed = <StdRng as SeedableRng>::Seed::default();
        let bytes = random::bytes(u32::try_from(seed.len()).unwrap_or_default());
        seed.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        context.insert_data(Chance(StdRng::from_seed(seed)));
    }
    let drawn = context.host_defined_mut().get_mut::<Chance>().map(|chance| chance.0.random::<f64>());
    Ok(drawn.unwrap_or_default().into())
}
