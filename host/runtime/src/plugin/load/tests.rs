//! What is said of actions and wants that a plugin may not have.

use super::*;
use crate::bindings::Repeats;

fn action(name: &str, input_schema: &str) -> Action {
    Action {
        name: name.to_owned(),
        summary: String::new(),
        input_schema: input_schema.to_owned(),
        output_schema: String::new(),
        repeats: Repeats::UnsafeToRepeat,
    }
}

#[test]
fn every_fault_of_the_actions_is_told() {
    let actions = [
        action("acme.do", "{}"),
        action("acme.do", ""),
        action("Acme.do", ""),
        action("", ""),
        action("dns.set", ""),
        action("acme.other", "{"),
    ];
    let told: Vec<String> = action_faults("acme 1.4.0", &actions).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "acme 1.4.0: action `acme.do` is listed twice",
            "acme 1.4.0: action `Acme.do` is not made of a-z, 0-9, `-`, `_` and `.`",
            "acme 1.4.0: action `` is not made of a-z, 0-9, `-`, `_` and `.`",
            "acme 1.4.0: action `dns.set` has a prefix that is reserved",
            "acme 1.4.0: action `acme.other` has a schema that is not JSON",
        ]
    );
    let told: Vec<String> = action_faults("acme 1.4.0", &[]).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["acme 1.4.0 is an executor and lists no action"]);
}

#[test]
fn each_want_has_the_option_that_grants_it() {
    for (capability, option) in [
        ("http", "--http ORIGIN"),
        ("http-blobs", "--http ORIGIN"),
        ("process", "--process PROGRAM"),
        ("files", "--files ROOT=DIRECTORY"),
        ("tcp", "--tcp HOST:PORT"),
        ("secret:token:bearer", "--secret token"),
        ("kv", "--kv"),
    ] {
        assert_eq!(grant_option(capability), option, "{capability}");
    }
}
