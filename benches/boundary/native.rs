//! The same work in Rust, without a sandbox. Uses none of our crates.

use std::hint::black_box;

use anyhow::Result;
use async_trait::async_trait;

use crate::{
    Side,
    events::{ENDPOINT, Event, Made, TOPIC, change},
};

// === on columns ===

#[derive(Default)]
pub(crate) struct Columns {
    batch: Batch,
}

#[derive(Default, Clone)]
struct Values {
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Batch {
    payloads: Values,
    keys: Values,
    received: Vec<u64>,
    pairs: Vec<u32>,
    names: Values,
    values: Values,
}

struct Output {
    topics: (Vec<String>, Vec<u32>),
    payloads: Values,
    origins: (Vec<u32>, Vec<u32>),
    keys: Values,
    pairs: Vec<u32>,
    names: Values,
    values: Values,
}

impl Values {
    fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len() as u32);
    }

    fn get(&self, i: usize) -> &[u8] {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[i] as usize]
    }

    fn text(&self, i: usize) -> String {
        String::from_utf8_lossy(self.get(i)).into_owned()
    }
}

fn poll_columns(events: &Batch) -> Output {
    let n = events.payloads.ends.len();
    let mut payloads = events.payloads.clone();
    let mut start = 0;
    for (end, received) in payloads.ends.iter().zip(&events.received) {
        change(&mut payloads.bytes[start..*end as usize], *received);
        start = *end as usize;
    }
    Output {
        topics: (vec![TOPIC.to_owned()], vec![0; n]),
        payloads,
        origins: ((1..=n as u32).collect(), (0..n as u32).collect()),
        keys: events.keys.clone(),
        pairs: events.pairs.clone(),
        names: events.names.clone(),
        values: events.values.clone(),
    }
}

#[async_trait]
impl Side for Columns {
    fn name(&self) -> &'static str {
        "native columns"
    }

    fn prepare(&mut self, events: &[Event]) {
        self.batch = Batch::default();
        for event in events {
            self.batch.payloads.push(&event.payload);
            self.batch.keys.push(&event.key);
            self.batch.received.push(event.received);
            for (name, value) in &event.attributes {
                self.batch.names.push(name.as_bytes());
                self.batch.values.push(value.as_bytes());
            }
            self.batch.pairs.push(self.batch.names.ends.len() as u32);
        }
    }

    async fn call(&mut self, times: usize) -> Result<usize> {
        let made = (0..times).map(|_| black_box(poll_columns(black_box(&self.batch))).topics.1.len());
        Ok(made.sum())
    }

    async fn made(&mut self) -> Result<Vec<Made>> {
        let out = poll_columns(&self.batch);
        let made = |i: usize| {
            let first = i.checked_sub(1).map_or(0, |before| out.pairs[before]) as usize;
            let pairs = first..out.pairs[i] as usize;
            Made {
                topic: out.topics.0[out.topics.1[i] as usize].clone(),
                payload: out.payloads.get(i).to_vec(),
                origin: out.origins.1[out.origins.0[i] as usize - 1] as usize,
                key: out.keys.get(i).to_vec(),
                attributes: pairs
                    .map(|pair| (out.names.text(pair), out.values.text(pair)))
                    .collect(),
            }
        };
        Ok((0..out.topics.1.len()).map(made).collect())
    }
}

// === on records ===

#[derive(Default)]
pub(crate) struct Records {
    events: Vec<Owned>,
}

struct Owned {
    endpoint: String,
    payload: Vec<u8>,
    key: Vec<u8>,
    received: u64,
    attributes: Vec<(String, String)>,
}

fn poll_records(events: &[Owned]) -> Vec<Made> {
    let made = |(origin, event): (usize, &Owned)| {
        black_box(&event.endpoint);
        let mut payload = event.payload.clone();
        change(&mut payload, event.received);
        Made {
            topic: TOPIC.to_owned(),
            payload,
            origin,
            key: event.key.clone(),
            attributes: event.attributes.clone(),
        }
    };
    events.iter().enumerate().map(made).collect()
}

#[async_trait]
impl Side for Records {
    fn name(&self) -> &'static str {
        "native records"
    }

    fn prepare(&mut self, events: &[Event]) {
        let owned = |event: &Event| Owned {
            endpoint: ENDPOINT.to_owned(),
            payload: event.payload.clone(),
            key: event.key.clone(),
            received: event.received,
            attributes: event.attributes.to_vec(),
        };
        self.events = events.iter().map(owned).collect();
    }

    async fn call(&mut self, times: usize) -> Result<usize> {
        Ok((0..times)
            .map(|_| black_box(poll_records(black_box(&self.events))).len())
            .sum())
    }

    async fn made(&mut self) -> Result<Vec<Made>> {
        Ok(poll_records(&self.events))
    }
}
