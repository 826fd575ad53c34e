//! `@ STEP expanded|shell|json|env|prompt`: a text, the strings of a JSON text, or the named variables, as a step sees
//! them; or what it asks a person.

use pintle_core::plan::{Json, Template};
use pintle_spec::eval::{resolve, resolve_json};
use pintle_spec::{Field, Scope, resolve_prompt};

use crate::table::Case;
use crate::world::World;

pub(crate) fn answer(case: &Case) -> String {
    evaluated(case).unwrap_or_else(|error| format!("error: {error}"))
}

fn evaluated(case: &Case) -> Result<String, String> {
    let world = World::of(case, case.shared("dag"))?;
    read(case, &world.scope(case.how(0))?)
}

/// The input in a scope; the second word of the `@` line says how.
pub(crate) fn read(case: &Case, scope: &Scope<'_>) -> Result<String, String> {
    let text = |field| resolve(&Template(case.input.clone()), scope, field).map_err(|error| error.to_string());
    match case.how(1) {
        "expanded" => text(Field::Expanded),
        "shell" => text(Field::Shell),
        "json" => {
            let schema = case.shared.get("schema").map(String::as_str);
            let resolved = resolve_json(&Json(case.input.clone()), scope, schema);
            resolved.map(|json| json.0).map_err(|error| error.to_string())
        }
        "prompt" => resolve_prompt(scope.plan(), scope.plan().find(case.how(0)).unwrap(), scope)
            .map_err(|error| error.to_string()),
        "env" => {
            let env = scope.env();
            let show = |name: &str| match env.iter().find(|(own, _)| own == name) {
                Some((name, value)) => format!("{name}={value}"),
                None => format!("{name} is not set"),
            };
            Ok(case.input.split_whitespace().map(show).collect::<Vec<_>>().join("\n"))
        }
        other => panic!("{case}: no way `{other}`"),
    }
}
