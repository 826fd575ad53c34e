//! What `wit/` says, as Rust: the host's interfaces as traits, the executor's exports as calls.
//!
//! Functions that may wait (a request, a program, the store behind `kv`) are async; all others answer at once on the
//! guest's own thread. Every function may end the guest: that is how a bound bites.

wasmtime::component::bindgen!({
    path: ["../../wit/core", "../../wit/host", "../../wit/executor"],
    inline: "
        package pintle:runtime@0.1.0;

        world guest {
            import pintle:host/call@0.1.0;
            import pintle:host/random@0.1.0;
            import pintle:host/log@0.1.0;
            import pintle:host/output@0.1.0;
            import pintle:host/config@0.1.0;
            import pintle:host/metrics@0.1.0;
            import pintle:host/kv@0.1.0;
            import pintle:host/secrets-reveal@0.1.0;
            import pintle:host/sign@0.1.0;
            import pintle:host/tcp@0.1.0;
            import pintle:host/http@0.1.0;
            import pintle:host/blobs@0.1.0;
            import pintle:host/http-blobs@0.1.0;
            import pintle:host/process@0.1.0;
            import pintle:host/files@0.1.0;
            export pintle:core/plugin@0.1.0;
            export pintle:executor/executor@0.1.0;
        }
    ",
    world: "pintle:runtime/guest@0.1.0",
    imports: {
        "pintle:host/http.fetch": async | trappable,
        "pintle:host/process.run": async | trappable,
        "pintle:host/kv": async | trappable,
        default: trappable,
    },
    exports: { default: async },
});

pub(crate) use self::exports::pintle::core::plugin::Descriptor;
pub(crate) use self::exports::pintle::executor::executor::{Action, Completion, Progress, Repeats, Task as GuestTask};
pub(crate) use self::pintle::core::types::{
    CallContext, Error as GuestError, Fault as GuestFault, Operation, PageRequest, Pair, Pending,
};
pub(crate) use self::pintle::host;

/// An error for the guest.
pub(crate) fn guest_error(fault: GuestFault, message: impl Into<String>) -> GuestError {
    GuestError { fault, message: message.into(), retry_after: None, code: None }
}

/// Refused, or not granted.
pub(crate) fn denied(message: impl Into<String>) -> GuestError {
    guest_error(GuestFault::Denied, message)
}
