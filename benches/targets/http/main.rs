//! Question: how many events a second go out of the log as HTTP requests, against a loop around hyper's client?
//!
//! All sides send the same bodies over 16 connections of HTTP/1.1 to the same receiver, a process of its own that reads each
//! body, counts the events in it and answers 204.
//!
//! * `bare hyper`: bodies that are ready in memory, a loop around hyper's client for each connection, a process of its own.
//! * `danube-wasm`: the real program. Messages wait in the embedded log on disk, go through the sandboxed `http-sink` and the
//!   egress, each with an id that stays, until the last is answered and acknowledged in the log.
//!
//! Both as single requests, and as JSON arrays of 100.

mod bare;
mod receiver;
mod rows;

use anyhow::{Result, bail, ensure};
use danube_wasm_bench_targets::{Backlog, argument, in_runtime, sum_below};
use danube_wasm_benches::{Child, Comparison, Round, Scale, Side, child, comparison::OURS};

/// Of every side; a default of the sink.
const CONNECTIONS: usize = 16;
/// Most events of an array, a default of the sink.
const ARRAY: u64 = 100;
const BARE: &str = "bare hyper";
const BARE_ARRAYS: &str = "bare hyper, arrays of 100";
const AIM_SHARE: f64 = 0.80;

fn main() -> Result<()> {
    match Child::role().as_deref() {
        Some(receiver::ROLE) => in_runtime(receiver::serve()),
        Some(bare::ROLE) => in_runtime(bare::send(argument(2)?, argument(3)?, argument(4)?)),
        Some(role) => bail!("`{role}` is not a role"),
        None => compare(Scale::from_arguments()),
    }
}

fn compare(scale: Scale) -> Result<()> {
    let events = scale.pick(200_000, 5_000);
    let backlog = Backlog::fill(env!("CARGO_TARGET_TMPDIR"), events, rows::event)?;
    let sides = vec![
        Side::new(BARE, BARE, |_| bare(events, 1)),
        Side::new(OURS, BARE, |_| ours(&backlog, events, "single")),
        Side::new(BARE_ARRAYS, BARE_ARRAYS, |_| bare(events, ARRAY)),
        Side::new("danube-wasm, arrays of 100", BARE_ARRAYS, |_| {
            ours(&backlog, events, "array")
        }),
    ];
    let comparison = Comparison {
        question: "http: how many events a second go out of the log as requests, against a loop around hyper's client?",
        work: format!(
            "{events} events of {} bytes, {CONNECTIONS} connections of HTTP/1.1, medians",
            rows::event(events - 1).len()
        ),
        unit: "event",
        aim: AIM_SHARE,
        warm_up: true,
    };
    comparison.run(scale, sides)
}

fn bare(events: u64, in_request: u64) -> Result<Round> {
    received(events, events.div_ceil(in_request), |address| {
        let arguments = [address, &events.to_string(), &in_request.to_string()];
        Round::of_account(&Child::start(bare::ROLE, &arguments)?.finish()?)
    })
}

fn ours(backlog: &Backlog, events: u64, batch: &str) -> Result<Round> {
    let least = if batch == "single" {
        events
    } else {
        events.div_ceil(ARRAY)
    };
    received(events, least, |address| {
        backlog.drain(|keys| {
            format!(
                r#"component = "builtin:http-sink"
[[sinks.http.endpoints]]
name = "receiver"
url = "http://{address}/hook"
batch = "{batch}"
max_in_flight = {CONNECTIONS}
[[sinks.http.topic_mappings]]
{keys}
endpoint = "receiver""#
            )
        })
    })
}

/// One side to a receiver of its own, of which each event is demanded once, in so many requests or more.
fn received(events: u64, requests: u64, side: impl FnOnce(&str) -> Result<Round>) -> Result<Round> {
    let mut receiver = Child::start(receiver::ROLE, &[])?;
    let run = side(&receiver.line()?)?;
    let account = receiver.finish()?;
    let of = |name| child::field(&account, name).map(|value| value as u64);
    ensure!(
        of("rows")? == events && of("sum")? == sum_below(events) && of("requests")? >= requests,
        "{events} events were owed; what came: {account}"
    );
    Ok(run)
}
