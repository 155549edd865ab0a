//! MQTT's packets of both versions as the session needs them: bytes to what has arrived, and what is sent to bytes. The
//! codec is `mqtt-protocol-core`'s; nothing here does I/O.

mod frame;
mod incoming;
mod message;
mod outgoing;
pub(crate) mod reason;

pub(crate) use frame::{Frame, Framed, Framer};
pub(crate) use incoming::{Connack, Incoming, Malformed};
pub(crate) use message::{Digest, Message, Properties, Unfit, digest};
pub(crate) use outgoing::{Introduction, Outgoing, Retained, Subscription, connect};

pub(crate) use mqtt_protocol_core::mqtt::packet::Qos;

/// The version of the protocol that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// 3.1.1
    V3,
    /// 5
    V5,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V3 => "3.1.1",
            Self::V5 => "5",
        })
    }
}

/// As the number that users write.
pub(crate) fn qos_of(number: u8) -> Qos {
    match number {
        0 => Qos::AtMostOnce,
        1 => Qos::AtLeastOnce,
        _ => Qos::ExactlyOnce,
    }
}
