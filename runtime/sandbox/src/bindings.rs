//! What wasmtime makes of `wit/`.
//!
//! One world that is both roles at once, so that both speak the same types; a component has the exports of one of them,
//! and [`crate::role`] looks up only those. Exports borrow their arguments, so that a batch is copied once, into the
//! component's memory, and never before. Generated code: its `unsafe` is wasmtime's own.

#![allow(missing_docs, unreachable_pub, unsafe_code, unused_variables, clippy::all)]

wasmtime::component::bindgen!({
    path: "../../wit",
    inline: "
        package danube:host;
        world host {
            import danube:connector/log@0.1.0;
            import danube:connector/metrics@0.1.0;
            export danube:connector/source@0.1.0;
            export danube:connector/sink@0.1.0;
        }
    ",
    world: "danube:host/host",
    exports: { default: async },
    ownership: Borrowing { duplicate_if_necessary: true },
});
