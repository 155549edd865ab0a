//! A changed copy of each event, behind an interface of one record at a time.

#![allow(unsafe_code, reason = "generated bindings")]

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated bindings")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "per-record" });

    #[cfg(target_arch = "wasm32")]
    export!(Records);

    #[cfg(target_arch = "wasm32")]
    use super::Records;
}

use bindings::exports::bench::records::source::{Event, Guest, Made};

/// Where the copies go.
const TOPIC: &str = "/bench/copies";

/// The component.
#[derive(Debug)]
pub struct Records;

impl Guest for Records {
    fn poll(events: Vec<Event>) -> Vec<Made> {
        events.into_iter().zip(0..).map(made).collect()
    }
}

/// Moves what it can: the interface alone is to be measured.
fn made((mut event, origin): (Event, u32)) -> Made {
    if let Some(last) = event.payload.last_mut() {
        *last ^= (event.received & 1) as u8 | 2;
    }
    Made {
        topic: TOPIC.to_owned(),
        payload: event.payload,
        origin,
        key: event.key,
        attributes: event.attributes,
    }
}
