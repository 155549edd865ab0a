//! An application message as it arrives.

use bytes::Bytes;
use mqtt_protocol_core::mqtt::{
    ArcPayload,
    packet::{Property, Qos},
};
use sha2::{Digest as _, Sha256};

/// Enough of a hash of topic and payload.
pub(crate) type Digest = [u8; 16];

/// An application message.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) qos: Qos,
    pub(crate) dup: bool,
    pub(crate) retain: bool,
    /// 0 without acknowledgement.
    pub(crate) packet_id: u16,
    pub(crate) properties: Properties,
}

/// What MQTT 5 says of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Properties {
    pub(crate) content_type: Option<String>,
    pub(crate) response_topic: Option<String>,
    pub(crate) correlation_data: Option<Vec<u8>>,
    pub(crate) message_expiry_secs: Option<u32>,
    pub(crate) user: Vec<(String, String)>,
    pub(crate) subscription_ids: Vec<u32>,
}

/// A message that cannot be taken: too large, or unreadable. It must be acknowledged all the same, or it comes again for
/// ever.
#[derive(Debug, Clone)]
pub(crate) struct Unfit {
    /// As far as it could be read, without payload and properties.
    pub(crate) message: Message,
    /// Of what was read of it.
    pub(crate) digest: Digest,
    /// Of the packet, in bytes.
    pub(crate) size: usize,
    /// What is wrong with it, and what to do.
    pub(crate) why: String,
}

/// What tells messages of one packet id apart.
pub(crate) fn digest(topic: &str, payload: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update((topic.len() as u64).to_be_bytes());
    hash.update(topic.as_bytes());
    hash.update(payload);
    let mut digest = Digest::default();
    digest.copy_from_slice(&hash.finalize()[..16]);
    digest
}

impl Message {
    /// What tells it from others of its packet id.
    pub(crate) fn digest(&self) -> Digest {
        digest(&self.topic, &self.payload)
    }
}

impl Properties {
    /// Of a PUBLISH; what else it may hold is of no use here.
    pub(crate) fn read(properties: &[Property]) -> Self {
        let mut read = Self::default();
        for property in properties {
            match property {
                Property::ContentType(value) => read.content_type = Some(value.val().to_owned()),
                Property::ResponseTopic(value) => read.response_topic = Some(value.val().to_owned()),
                Property::CorrelationData(value) => read.correlation_data = Some(value.val().to_vec()),
                Property::MessageExpiryInterval(value) => read.message_expiry_secs = Some(value.val()),
                Property::UserProperty(value) => read.user.push((value.key().to_owned(), value.val().to_owned())),
                Property::SubscriptionIdentifier(value) => read.subscription_ids.push(value.val()),
                _ => {}
            }
        }
        read
    }

    /// The first user property of this name.
    pub(crate) fn user(&self, name: &str) -> Option<&str> {
        self.user
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Bytes of a payload that are shared with the packet that it came in.
struct Shared(ArcPayload);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// Without copying it.
pub(super) fn bytes(payload: &ArcPayload) -> Bytes {
    match payload.is_empty() {
        true => Bytes::new(),
        false => Bytes::from_owner(Shared(payload.clone())),
    }
}
