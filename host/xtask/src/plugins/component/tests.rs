use wit_component::{StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

use super::*;

const WIT: &str = r#"
    package pintle:host@0.1.0;
    interface types { record pair { name: string } }
    interface http { use types.{pair}; fetch: func(p: pair); }
    interface log { write: func(m: string); }
    interface deed { run: func(); }
    world quiet { import log; export deed; }
    world loud { import log; import http; export deed; }
    world mute { import log; }
"#;

fn component(world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", WIT).expect("the WIT is valid");
    let world = resolve.select_world(&[package], Some(world)).expect("the world is there");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
    encode(&module).expect("a component")
}

fn manifest(wants: &str) -> Manifest {
    toml::from_str(&format!("name = \"x\"\n{wants}")).expect("a manifest")
}

fn refusal(world: &str, wants: &str) -> String {
    format!("{:#}", check(&component(world), &manifest(wants)).expect_err("it is refused"))
}

#[test]
fn imports_are_interfaces_with_functions() {
    assert_eq!(
        imports(&component("loud")).expect("it has a world"),
        ["pintle:host/log@0.1.0", "pintle:host/http@0.1.0"]
    );
}

#[test]
fn a_component_within_its_wants_passes() {
    check(&component("quiet"), &manifest("")).expect("log is always there");
    check(&component("loud"), &manifest("[wants.http]\nrequired = true")).expect("http is wanted");
}

#[test]
fn imports_beyond_the_wants_are_refused_with_the_line_to_add() {
    assert_eq!(
        refusal("loud", ""),
        "it imports pintle:host/http@0.1.0 but its manifest does not want it: add [wants.http]"
    );
}

#[test]
fn wants_that_nothing_uses_are_refused() {
    assert_eq!(
        refusal("quiet", "[wants.http]\nrequired = true"),
        "its manifest wants http, and it never uses it: take [wants.http] out"
    );
}

#[test]
fn what_exports_nothing_or_is_no_component_is_refused() {
    assert_eq!(refusal("mute", ""), "it exports nothing: `pintle_guest::export!` is missing");
    let error = check(b"\0asm\x01\0\0\0", &manifest("")).expect_err("a core module");
    assert!(error.to_string().contains("it exports nothing"), "{error:#}");
    let error = check(b"junk", &manifest("")).expect_err("junk");
    assert!(error.to_string().contains("it is not valid"), "{error:#}");
}
