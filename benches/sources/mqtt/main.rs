//! Question: how many messages of an MQTT broker are a second in the durable log, against a subscriber that only reads?
//!
//! Mosquitto keeps 200-byte readings of machines, QoS 1, in the sessions of all subscribers: each round publishes them once,
//! and then one subscriber after the other comes and takes what waits for it, over loopback, MQTT 5:
//!
//! * `bare`: a blocking socket and the codec that the source uses, `mqtt-protocol-core`; each message is parsed and
//!   acknowledged, and nothing of it is kept.
//! * `danube-wasm`: the binary; a message is acknowledged after the fsync of its record.
//!
//! A broker sends so many messages ahead of their acknowledgements as the subscriber lets it. That is 100 by default, and
//! decides how many share an fsync; both sides are also shown with 1,000.
//!
//! Mosquitto runs on the same processors. At the end of each round the log must have one record for each message.

mod bare;
mod broker;

use std::path::Path;

use anyhow::{Result, bail};
use danube_wasm_bench_sources::Pipeline;
use danube_wasm_benches::{Child, Comparison, Round, Scale, Side, comparison::OURS};

use crate::broker::{Mosquitto, PAYLOAD_BYTES};

/// What all subscribe to.
const FILTER: &str = "plant/#";
const TOPIC: &str = "/plant/readings";
/// Messages under way by default, and how many it takes for fsyncs to be shared well.
const WINDOWS: [u16; 2] = [100, 1000];

fn main() -> Result<()> {
    match Child::role().as_deref() {
        Some(bare::ROLE) => bare::run(),
        Some(role) => bail!("`{role}` is not a role"),
        None => compare(Scale::from_arguments()),
    }
}

fn compare(scale: Scale) -> Result<()> {
    let messages: u64 = scale.pick(300_000, 4000);
    let broker = Mosquitto::start()?;
    let mut sides = Vec::new();
    for window in WINDOWS {
        let label = |side: &str| match window {
            100 => side.to_owned(),
            _ => format!("{side}, {window} under way"),
        };
        let client = format!("bare-{window}");
        bare::subscribe(broker.port, &client, window)?;
        sides.push(Side::new(label("bare"), label("bare"), {
            let port = broker.port;
            move |_| bare(port, &client, window, messages)
        }));
        let mut pipeline = pipeline(broker.port, window)?;
        sides.push(Side::new(label(OURS), label("bare"), move |_| pipeline.drain(messages)));
    }
    let comparison = Comparison {
        question: "mqtt: how many messages of a broker are a second in the durable log, against a subscriber that only reads?",
        work: format!(
            "{messages} messages of {PAYLOAD_BYTES} bytes, QoS 1, that wait in a session of Mosquitto, medians"
        ),
        unit: "message",
        aim: 0.7,
        warm_up: false,
    };
    comparison.run_prepared(scale, |_| broker.publish(messages), sides)
}

fn bare(port: u16, client: &str, window: u16, messages: u64) -> Result<Round> {
    let arguments = [
        port.to_string(),
        client.to_owned(),
        window.to_string(),
        messages.to_string(),
    ];
    let child = Child::start(bare::ROLE, &arguments.each_ref().map(String::as_str))?;
    Round::of_account(&child.finish()?)
}

/// Our side, whose session the broker keeps from here on.
fn pipeline(port: u16, window: u16) -> Result<Pipeline> {
    let table = format!(
        "[sources.mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\nclient_id = \"ours-{window}\"\nreceive_maximum = {window}\n\
         [[sources.mqtt.routes]]\nfilter = \"{FILTER}\"\ndanube_topic = \"{TOPIC}\"\n"
    );
    let pipeline = Pipeline::new(Path::new(env!("CARGO_TARGET_TMPDIR")), TOPIC, &table)?;
    let running = pipeline.start()?;
    running.says("subscribed")?;
    running.stop()?;
    Ok(pipeline)
}
