//! The router of a document (its step `pick`): what it says, then what it chooses.

use pintle_spec::{resolve_step, route};

use crate::table::Case;
use crate::world::{World, plugins};

pub(crate) fn answer(case: &Case) -> String {
    let document = format!("{}\n{}", case.input, case.shared("steps"));
    let chosen = World::of(case, &document).and_then(|world| {
        let index = world.plan.find("pick").unwrap();
        let scope = world.scope("pick")?;
        let resolved = resolve_step(&world.plan, index, &scope, &plugins()).map_err(|error| error.to_string())?;
        assert_eq!(resolved.action, "log.write");
        let input: serde_json::Value = serde_json::from_str(&resolved.input_json).unwrap();
        let routed = route(&world.plan, index, &scope).map_err(|error| error.to_string())?;
        let names: Vec<&str> =
            routed.chosen.iter().map(|index| world.plan.step(*index).unwrap().name.as_str()).collect();
        let said = input["message"].as_str().unwrap();
        Ok(format!("{said}\nchosen: {}", names.join(" ")).trim_end().to_owned())
    });
    chosen.unwrap_or_else(|error| format!("error: {error}"))
}
