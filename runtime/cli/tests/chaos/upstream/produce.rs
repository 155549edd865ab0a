//! `produce.py`: clients for Python of MQTT and of Kafka.

use std::process::Command;

use danube_wasm_testkit::servers;
use serde_json::json;

use crate::{
    harness::root,
    oracle::{Id, payload, sender_of},
};

/// With the interpreter that has this module.
pub(super) fn produce(module: &str, arguments: &[&str]) -> Command {
    let mut python = servers::python(module).expect("it was there before");
    python
        .arg(root().join("runtime/cli/tests/chaos/upstream/produce.py"))
        .args(arguments);
    python
}

/// The line that commits an event, under the key of its sender.
pub(super) fn event(id: Id) -> String {
    let key = format!("cus_{}", sender_of(id));
    json!({ "id": id, "key": key, "body": payload(id) }).to_string()
}
