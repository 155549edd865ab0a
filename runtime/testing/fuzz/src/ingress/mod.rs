//! A stranger's connection: whatever is sent, nothing comes through that is not signed for.

mod listener;
mod seeds;

use danube_wasm_model::{event::Event, identity::is_event_id};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::panics::PanicWatch;

pub(crate) use seeds::seeds;

/// The shared secret of every endpoint that has one.
const SECRET: &str = "9f86d081884c7d659a2feaa0c55ad015";
/// Asks nobody, and takes anything.
const OPEN: &str = "/open";
/// Asks for the secret itself.
const KEY: &str = "/key";
/// Asks for a signature of the body.
const SIGNED: &str = "/signed";
/// Asks for a token.
const TOKEN: &str = "/token";

/// Longer inputs only take longer.
const BYTES_MAX: usize = 64 << 10;

/// All that a client sends on one connection before it says that it is done.
pub fn ingress(data: &[u8]) {
    if data.len() > BYTES_MAX {
        return;
    }
    let watch = PanicWatch::start();
    for event in listener::events_of(data) {
        check_authorized(&event, data);
    }
    watch.assert_none();
}

fn check_authorized(event: &Event, sent: &[u8]) {
    let proof = match &*event.endpoint {
        OPEN => String::new(),
        KEY => SECRET.to_owned(),
        SIGNED => signature(&event.payload),
        TOKEN => seeds::token(),
        other => panic!("an event came through {other}, which is no endpoint"),
    };
    assert!(
        contains(sent, proof.as_bytes()),
        "an event came through {} without `{proof}`: {event:?}",
        event.endpoint
    );
    assert!(is_event_id(&event.id), "{:?}", event.id);
    if &*event.endpoint != OPEN {
        serde_json::from_slice::<serde_json::Value>(&event.payload).expect("an event of these endpoints is JSON");
    }
    let credentials = ["authorization", "x-api-key", "x-hub-signature-256", "cookie"];
    for (name, _) in &event.headers {
        assert!(!credentials.contains(&name.as_str()), "the event carries {name}");
    }
}

/// As GitHub writes it, in hex.
fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length will do");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// Whatever the case of its letters, which a signature in hex may be written in.
fn contains(sent: &[u8], proof: &[u8]) -> bool {
    proof.is_empty()
        || sent
            .windows(proof.len())
            .any(|window| window.eq_ignore_ascii_case(proof))
}
