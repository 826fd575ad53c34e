//! The one place with unsafe code in Pintle: turning bytes into machine code.
#![expect(unsafe_code, reason = "loading compiled code is trusting it; both callers below say why they may")]

use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// Native code that this host may run.
///
/// There are two ways to one: [`Trusted::embedded`], for code that is part of the program itself, and
/// [`Trusted::verified`], for code under a MAC that only this host can make. Code from outside has no way here.
#[derive(Clone, Copy)]
pub(crate) struct Trusted<'a>(&'a [u8]);

impl<'a> Trusted<'a> {
    /// Code that was built into the program: whoever could change it could change the program.
    pub(crate) fn embedded(code: &'static [u8]) -> Self {
        Self(code)
    }

    /// Code whose MAC was compared, or that this process has just got from its own compiler.
    pub(super) fn verified(code: &'a [u8]) -> Self {
        Self(code)
    }

    /// Loads a component. wasmtime itself refuses code of another version, configuration or processor.
    pub(crate) fn component(self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the bytes are what wasmtime's own compiler wrote, by the contract of the type.
        unsafe { Component::deserialize(engine, self.0) }
    }

    /// As [`Trusted::component`], for a core module.
    pub(crate) fn module(self, engine: &Engine) -> wasmtime::Result<Module> {
        // SAFETY: as above.
        unsafe { Module::deserialize(engine, self.0) }
    }
}
