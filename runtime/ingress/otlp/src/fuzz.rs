//! Bodies that nobody would send, so many: whatever comes, nothing panics, and what is taken keeps its promise.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use bytes::Bytes;
use danube_wasm_model::{event::Event, identity::is_event_id};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use prost::Message as _;

use crate::{
    decode::{Format, decode},
    json,
    records::{Template, shared_bytes},
    signal::Signal,
};

const SEEDS: u64 = 4_000;

fn json_of(signal: Signal) -> &'static [u8] {
    match signal {
        Signal::Traces => include_bytes!("../tests/receiver/fixtures/traces.json"),
        Signal::Metrics => include_bytes!("../tests/receiver/fixtures/metrics.json"),
        Signal::Logs => include_bytes!("../tests/receiver/fixtures/logs.json"),
    }
}

/// A body as senders send it.
fn body(signal: Signal, format: Format) -> Vec<u8> {
    let text = json_of(signal);
    if format == Format::Json {
        return text.to_vec();
    }
    let encoded = match signal {
        Signal::Traces => json::read::<ExportTraceServiceRequest>(text).map(|message| message.encode_to_vec()),
        Signal::Metrics => json::read::<ExportMetricsServiceRequest>(text).map(|message| message.encode_to_vec()),
        Signal::Logs => json::read::<ExportLogsServiceRequest>(text).map(|message| message.encode_to_vec()),
    };
    encoded.expect("the fixtures are right")
}

fn dice(seed: u64, n: u64) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((seed, n))
}

/// The body with some of its bytes changed, cut, doubled, or replaced by pieces of another one.
fn mutated(body: &[u8], other: &[u8], seed: u64) -> Vec<u8> {
    let mut bytes = body.to_vec();
    for n in 0..dice(seed, 0) % 4 {
        let roll = |k: u64| usize::try_from(dice(seed, 10 * n + k) % (1 << 32)).unwrap_or_default();
        let place = roll(1) % (bytes.len() + 1);
        let end = (place + roll(2) % 64).min(bytes.len());
        match roll(3) % 7 {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, u8::try_from(roll(4) % 256).unwrap_or_default()),
            2 => drop(bytes.drain(place..end)),
            3 => bytes.extend_from_within(place..end),
            // A length or a number that is as long as they get.
            4 => drop(bytes.splice(place..end, [0xff; 10])),
            5 => drop(bytes.splice(place..end, *b"\"-9223372036854775809e999\"")),
            _ => {
                let from = roll(5) % (other.len() + 1);
                let to = (from + roll(6) % 64).min(other.len());
                drop(bytes.splice(place..end, other[from..to].iter().copied()));
            }
        }
    }
    bytes
}

/// The events of a body; none if it cannot be read.
fn events(signal: Signal, format: Format, body: &[u8]) -> Option<Vec<Event>> {
    let request = decode(signal, format, body)
        .inspect_err(|why| assert!(!why.is_empty()))
        .ok()?;
    let template = Template {
        signal,
        format,
        event: Event::json(signal.http_path(), String::new(), Bytes::new()),
        wants_attributes: true,
    };
    let items: usize = request.groups().iter().map(|group| group.records.items()).sum();
    let records: usize = request.groups().iter().map(|group| group.records.len()).sum();
    let split = template.split(&request, body).expect("small bodies make few bytes");
    assert_eq!(
        (split.events.len(), split.items.iter().sum::<usize>()),
        (records, items)
    );
    let bytes: usize = split.events.iter().map(|event| event.payload.len()).sum();
    assert_eq!(split.bytes, bytes);
    // What is reserved before they are made is of the right kind: it counts what each has beside itself.
    assert!(records > 0 || shared_bytes(&request) == 0);
    let whole = template.whole(&request, Bytes::copy_from_slice(body));
    assert_eq!(whole.events.len(), usize::from(records > 0));
    Some(split.events)
}

#[test]
fn whatever_comes_what_is_taken_is_json_with_ids_that_a_retry_meets() {
    for signal in Signal::ALL {
        for format in [Format::Protobuf, Format::Json] {
            let (body, other) = (body(signal, format), json_of(Signal::Logs));
            let (mut taken, mut refused) = (0, 0);
            for seed in 0..SEEDS {
                let sent = mutated(&body, other, seed);
                let Some(events) = events(signal, format, &sent) else {
                    refused += 1;
                    continue;
                };
                taken += 1;
                for event in &events {
                    let payload: Result<serde_json::Value, _> = serde_json::from_slice(&event.payload);
                    assert!(
                        payload.is_ok_and(|payload| payload.is_object()),
                        "{signal:?} {format:?} {seed}: {event:?}"
                    );
                    assert!(is_event_id(&event.id), "{signal:?} {format:?} {seed}: {}", event.id);
                }
                let again = self::events(signal, format, &sent).expect("as before");
                let known = |events: &[Event]| -> Vec<_> {
                    let events = events.iter();
                    events.map(|event| (event.id.clone(), event.payload.clone())).collect()
                };
                assert_eq!(known(&again), known(&events), "{signal:?} {format:?} {seed}");
            }
            assert!(
                taken > SEEDS / 10 && refused > SEEDS / 10,
                "{signal:?} {format:?}: {taken}, {refused}"
            );
        }
    }
}
