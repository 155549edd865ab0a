//! The contract's own types, generated from `wit/`, for a component that wants the columns themselves.
//!
//! Implement [`source::Guest`] or [`sink::Guest`] and name the type in [`source_world::export!`] or
//! [`sink_world::export!`]. What the types do not check (offsets, indexes), the host does: a batch that breaks a rule
//! of the contract fails its call.
#![allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]

/// World `source-connector`.
pub mod source_world {
    wit_bindgen::generate!({
        path: "wit",
        world: "source-connector",
        pub_export_macro: true,
        default_bindings_module: "danube_connector::bindings::source_world",
        generate_all,
    });
}

/// World `sink-connector`. Shares the types and imports of the other.
pub mod sink_world {
    wit_bindgen::generate!({
        path: "wit",
        world: "sink-connector",
        pub_export_macro: true,
        default_bindings_module: "danube_connector::bindings::sink_world",
        with: {
            "danube:connector/types@0.1.0": crate::bindings::source_world::danube::connector::types,
            "danube:connector/log@0.1.0": crate::bindings::source_world::danube::connector::log,
            "danube:connector/metrics@0.1.0": crate::bindings::source_world::danube::connector::metrics,
        },
    });
}

/// What world `polling-source-connector` has besides `source-connector`. Shares the types of the other.
pub mod poller_world {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package danube:sdk;
            world poller {
                import danube:connector/state@0.1.0;
                export danube:connector/poller@0.1.0;
            }
        ",
        world: "danube:sdk/poller",
        pub_export_macro: true,
        default_bindings_module: "danube_connector::bindings::poller_world",
        with: {
            "danube:connector/types@0.1.0": crate::bindings::source_world::danube::connector::types,
        },
        generate_all,
    });
}

pub use poller_world::danube::connector::state;
pub use poller_world::exports::danube::connector::poller;
pub use sink_world::exports::danube::connector::sink;
pub use source_world::danube::connector::{log, metrics, types};
pub use source_world::exports::danube::connector::source;
