//! The last step of a document, and what it waits for.

use pintle_spec::{Pause, pause};

use crate::table::Case;
use crate::world::World;

pub(crate) fn answer(case: &Case) -> String {
    let waits = World::of(case, &case.input).and_then(|world| {
        let (index, step) = world.plan.indexed().last().unwrap();
        let scope = world.scope(&step.name)?;
        pause(&world.plan, index, &scope).map_err(|error| error.to_string())
    });
    match waits {
        Ok(Pause::For(span)) => format!("for {span}"),
        Ok(Pause::Until(at)) => format!("until {}", at.as_micros()),
        Err(error) => format!("error: {error}"),
    }
}
