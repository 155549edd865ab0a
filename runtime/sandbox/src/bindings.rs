//! What wasmtime makes of `wit/`.
//!
//! One world with all roles, so that they use the same types. A component exports one of them (a poller is a source, too),
//! and only that is looked up. Exports borrow their arguments, so that a batch is copied once, into the component's memory.
//! This is generated code: its `unsafe` is wasmtime's own.

#![allow(missing_docs, unreachable_pub, unsafe_code, unused_variables, clippy::all)]

wasmtime::component::bindgen!({
    path: "../../wit",
    inline: "
        package danube:host;
        world host {
            import danube:connector/log@0.1.0;
            import danube:connector/metrics@0.1.0;
            import danube:connector/state@0.1.0;
            export danube:connector/source@0.1.0;
            export danube:connector/sink@0.1.0;
            export danube:connector/poller@0.1.0;
        }
    ",
    world: "danube:host/host",
    exports: { default: async },
    ownership: Borrowing { duplicate_if_necessary: true },
});
