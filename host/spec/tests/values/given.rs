//! A document's `params`, then what the caller does: `$ ["a", "N=1"]` words behind `--`, `$ params: TEXT` the text of
//! `--params`, `$ nothing`; and behind it what each command answered: `! printed`, or `!! why it failed`. What comes out
//! is `DAG_PARAMS_JSON`, the command that is asked for, or the reasons of a refusal.

use pintle_spec::{Binding, GivenParams, bind_params};

use crate::table::Case;
use crate::world::plan;

pub(crate) fn answer(case: &Case) -> String {
    let (document, call) = case.input.split_once("$ ").unwrap_or_else(|| panic!("{case}: no call"));
    let mut lines = call.lines();
    let first = lines.next().unwrap_or_default();
    let given = match first.strip_prefix("params: ") {
        Some(text) => GivenParams::Text(text.to_owned()),
        None if first == "nothing" => GivenParams::None,
        None => GivenParams::Words(serde_json::from_str(first).unwrap()),
    };
    let plan = plan(&format!("{document}\nsteps: [{{action: noop}}]\n"));
    let env = [("HOME".to_owned(), "/home/me".to_owned()), ("EVIL".to_owned(), "$(rm -rf /) ${consts.c}".to_owned())];
    let mut binding = bind_params(&plan, &given, &env);
    loop {
        match binding {
            Ok(Binding::Bound(params)) => return params.to_json(),
            Ok(Binding::Eval(pending)) => {
                let Some(line) = lines.next() else {
                    let sees: Vec<String> =
                        pending.variables().iter().map(|(n, value)| format!(" {n}={value}")).collect();
                    return format!("{} needs{}: {}", pending.param(), sees.concat(), pending.command());
                };
                binding = pending.answer(match line.strip_prefix("!! ") {
                    Some(reason) => Err(reason.to_owned()),
                    None => Ok(line.strip_prefix("! ").unwrap().replace("\\n", "\n")),
                });
            }
            Err(faults) => return faults.to_string(),
        }
    }
}
