//! A changed copy of each event, written against the columns themselves.
//!
//! What the columns cost when a component makes the most of them: the batch is changed in place and its columns are
//! handed back, all of them, as new bytes.

use danube_connector::bindings::{
    source::{EventBatch, Guest, RecordBatch},
    types::{Blobs, Configuration, Failure, Interests, Labels, Origins, Payloads, ProducerConfig},
};

/// Where the copies go.
const TOPIC: &str = "/bench/copies";

/// The component.
#[derive(Debug)]
pub struct Columns;

impl Guest for Columns {
    fn initialize(_: Configuration) -> Result<Interests, Failure> {
        Ok(["keys", "received", "attributes"].map(str::to_owned).to_vec())
    }

    fn producer_configs() -> Result<Vec<ProducerConfig>, Failure> {
        let config = ProducerConfig {
            topic: TOPIC.to_owned(),
            partitions: 0,
            reliable_dispatch: true,
            options: Vec::new(),
        };
        Ok(vec![config])
    }

    fn poll(events: EventBatch) -> Result<RecordBatch, Failure> {
        let n = events.payloads.ends.len();
        let mut payloads = events.payloads;
        let mut start = 0;
        for (end, received) in payloads.ends.iter().zip(&events.received) {
            let end = *end as usize;
            if let Some(last) = payloads.bytes[start..end].last_mut() {
                // Depends on the time too, so that the column has been read.
                *last ^= (*received & 1) as u8 | 2;
            }
            start = end;
        }
        let places = u32::try_from(n).unwrap_or(u32::MAX);
        Ok(RecordBatch {
            topics: Labels {
                names: vec![TOPIC.to_owned()],
                index: vec![0; n],
            },
            payloads: Payloads {
                reuse: Vec::new(),
                bytes: payloads,
            },
            origins: Origins {
                ends: (1..=places).collect(),
                index: (0..places).collect(),
            },
            ids: Blobs {
                ends: Vec::new(),
                bytes: Vec::new(),
            },
            keys: events.keys,
            attributes: events.attributes,
            rejected: Vec::new(),
            answers: Vec::new(),
            extra: Vec::new(),
        })
    }
}

#[cfg(target_arch = "wasm32")]
danube_connector::bindings::source_world::export!(Columns with_types_in danube_connector::bindings::source_world);
