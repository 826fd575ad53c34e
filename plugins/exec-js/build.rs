//! A deeper stack in the guest's memory. The parser keeps a dozen functions for each bracket within a bracket there: on
//! the usual mebibyte, a list within lists ends at the hundredth with a trap that names an address. On this one the
//! host's own bound for stacks comes first, and that says what is wrong. Memory that is never touched costs nothing.

/// In bytes.
const STACK: u32 = 16 << 20;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size={STACK}");
    }
}
