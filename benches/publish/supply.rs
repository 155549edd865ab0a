//! The messages: the same for all sides.

use bytes::Bytes;
use danube_wasm_broker::Outgoing;
use danube_wasm_model::{RecordId, TopicName, identity::ID_ATTRIBUTE};
use danube_wasm_proto::api::StreamMessage;

use crate::{KEYS, PAYLOAD_BYTES, PRODUCER};

static PAYLOAD: [u8; PAYLOAD_BYTES] = [b'x'; PAYLOAD_BYTES];

/// Messages of one side, each with an id of its own.
#[derive(Debug, Clone)]
pub(crate) struct Supply {
    prefix: String,
    keyed: bool,
    next: u64,
}

impl Supply {
    pub(crate) fn new(prefix: impl Into<String>, keyed: bool) -> Self {
        Self {
            prefix: prefix.into(),
            keyed,
            next: 0,
        }
    }

    /// Of one partition, with other ids than the others.
    pub(crate) fn lane(&self, partition: usize) -> Self {
        Self::new(format!("{}/{partition}", self.prefix), self.keyed)
    }

    /// As our client takes it.
    pub(crate) fn outgoing(&mut self, topic: &TopicName) -> Outgoing {
        Outgoing {
            topic: topic.clone(),
            key: self.key().map(Bytes::from),
            payload: Bytes::from_static(&PAYLOAD),
            attributes: Vec::new(),
            id: RecordId::from_broker(self.id()),
            schema: None,
        }
    }

    /// As it is on the wire, but for the numbers that a session adds.
    pub(crate) fn message(&mut self) -> StreamMessage {
        StreamMessage {
            routing_key: self.key(),
            // The official client takes the payload as a slice and copies it at every send.
            payload: PAYLOAD.to_vec().into(),
            producer_name: PRODUCER.to_owned(),
            attributes: [(ID_ATTRIBUTE.to_owned(), self.id())].into(),
            publish_time: danube_wasm_model::clock::now_ms(),
            ..StreamMessage::default()
        }
    }

    /// Keys of the next message: neighbours differ, and some come again soon.
    fn key(&self) -> Option<String> {
        let scattered = self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.keyed.then(|| format!("key-{}", scattered % KEYS))
    }

    fn id(&mut self) -> String {
        self.next += 1;
        format!("{}-{}", self.prefix, self.next)
    }
}
