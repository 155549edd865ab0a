//! What a broker sends.

use bytes::Bytes;
use mqtt_protocol_core::mqtt::{
    packet::{Property, Qos, v3_1_1, v5_0},
    result_code::MqttError,
};

use super::{Frame, Framed, Message, Properties, Unfit, Version, digest, message, qos_of, reason};

/// A packet of a broker, in the terms of version 5.
#[derive(Debug, Clone)]
pub(crate) enum Incoming {
    Connack(Connack),
    Publish(Message),
    Unfit(Unfit),
    Pubrel(u16),
    Suback { packet_id: u16, codes: Vec<u8> },
    Unsuback { packet_id: u16 },
    Pingresp,
    Disconnect { code: u8, reason: Option<String> },
}

/// The answer to CONNECT.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connack {
    pub(crate) session_present: bool,
    /// As of version 5.
    pub(crate) code: u8,
    pub(crate) reason: Option<String>,
    /// The broker's own wish, in seconds.
    pub(crate) keep_alive_secs: Option<u16>,
    /// Whether subscriptions may have ids.
    pub(crate) subscription_ids: bool,
    /// Of the session, if it is not as asked.
    pub(crate) session_expiry_secs: Option<u32>,
    /// Where to go instead.
    pub(crate) other_server: Option<String>,
}

/// What no broker may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the broker sent {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

impl Incoming {
    /// What a packet means.
    pub(crate) fn read(version: Version, framed: &Framed) -> Result<Self, Malformed> {
        let frame = match framed {
            Framed::Whole(frame) => frame,
            Framed::TooLarge { head, size } if head.first >> 4 == 3 => {
                let why =
                    "it is larger than `max_packet_bytes`: raise that, to 8388608 at most, or limit what is published";
                return unfit(head, *size, why.to_owned()).map(Self::Unfit);
            }
            Framed::TooLarge { .. } => {
                return Err(Malformed(
                    "a packet that is no message and larger than `max_packet_bytes`",
                ));
            }
        };
        match (frame.first >> 4, version) {
            (2, _) => connack(frame, version).map(Self::Connack),
            (3, _) => publish(frame, version),
            (6, _) => packet_id(frame).map(Self::Pubrel),
            (9, Version::V3) => {
                parsed(v3_1_1::Suback::parse(&frame.body), "a SUBACK that cannot be read").map(|ack| Self::Suback {
                    packet_id: ack.packet_id(),
                    codes: ack.return_codes().into_iter().map(|code| code as u8).collect(),
                })
            }
            (9, Version::V5) => {
                parsed(v5_0::Suback::parse(&frame.body), "a SUBACK that cannot be read").map(|ack| Self::Suback {
                    packet_id: ack.packet_id(),
                    codes: ack.reason_codes().into_iter().map(|code| code as u8).collect(),
                })
            }
            (11, _) => packet_id(frame).map(|packet_id| Self::Unsuback { packet_id }),
            (13, _) => Ok(Self::Pingresp),
            (14, Version::V5) => disconnect(frame),
            _ => Err(Malformed("a packet that only clients send")),
        }
    }
}

fn parsed<T>(parsed: Result<(T, usize), MqttError>, what: &'static str) -> Result<T, Malformed> {
    parsed.map(|(packet, _)| packet).map_err(|_| Malformed(what))
}

/// An answer of version 3 may come to a question of version 5: the broker does not know that.
fn connack(frame: &Frame, version: Version) -> Result<Connack, Malformed> {
    let unreadable = "a CONNACK that cannot be read";
    if version == Version::V3 || frame.body.len() == 2 {
        let ack = parsed(v3_1_1::Connack::parse(&frame.body), unreadable)?;
        return Ok(Connack {
            session_present: ack.session_present(),
            code: reason::of_version_3(ack.return_code() as u8),
            ..Connack::default()
        });
    }
    let ack = parsed(v5_0::Connack::parse(&frame.body), unreadable)?;
    let mut read = Connack {
        session_present: ack.session_present(),
        code: ack.reason_code() as u8,
        subscription_ids: true,
        ..Connack::default()
    };
    for property in ack.props() {
        match property {
            Property::ReasonString(value) => read.reason = Some(value.val().to_owned()),
            Property::ServerKeepAlive(value) => read.keep_alive_secs = Some(value.val()),
            Property::SubscriptionIdentifierAvailable(value) => read.subscription_ids = value.val() != 0,
            Property::SessionExpiryInterval(value) => read.session_expiry_secs = Some(value.val()),
            Property::ServerReference(value) => read.other_server = Some(value.val().to_owned()),
            _ => {}
        }
    }
    Ok(read)
}

/// One that cannot be read is unfit if its packet id can: it would come again.
fn publish(frame: &Frame, version: Version) -> Result<Incoming, Malformed> {
    let read = match version {
        Version::V3 => v3_1_1::Publish::parse(frame.first & 0x0f, frame.body.clone()).map(|(publish, _)| Message {
            topic: publish.topic_name().to_owned(),
            payload: message::bytes(publish.payload()),
            qos: publish.qos(),
            dup: publish.dup(),
            retain: publish.retain(),
            packet_id: publish.packet_id().unwrap_or_default(),
            properties: Properties::default(),
        }),
        Version::V5 => v5_0::Publish::parse(frame.first & 0x0f, frame.body.clone()).map(|(publish, _)| Message {
            topic: publish.topic_name().to_owned(),
            payload: message::bytes(publish.payload()),
            qos: publish.qos(),
            dup: publish.dup(),
            retain: publish.retain(),
            packet_id: publish.packet_id().unwrap_or_default(),
            properties: Properties::read(publish.props()),
        }),
    };
    match read {
        Ok(message) if message.topic.is_empty() => unfit(
            frame,
            frame.body.len(),
            "it has no topic, and aliases were not allowed: the broker is at fault".to_owned(),
        )
        .map(Incoming::Unfit),
        Ok(message) => Ok(Incoming::Publish(message)),
        Err(error) => {
            let why = format!("it cannot be read ({error}): the broker, or who published it, is at fault");
            unfit(frame, frame.body.len(), why).map(Incoming::Unfit)
        }
    }
}

/// What can be read of a message without reading all of it.
fn unfit(head: &Frame, size: usize, why: String) -> Result<Unfit, Malformed> {
    let cut = Malformed("a message without a topic or a packet id");
    let length: [u8; 2] = head.body.get(..2).and_then(|bytes| bytes.try_into().ok()).ok_or(cut)?;
    let behind = 2 + usize::from(u16::from_be_bytes(length));
    let topic = head.body.get(2..behind).ok_or(cut)?;
    let qos = match (head.first >> 1) & 3 {
        3 => return Err(Malformed("a message with both bits of its QoS set")),
        qos => qos_of(qos),
    };
    let packet_id = match qos {
        Qos::AtMostOnce => 0,
        _ => head
            .body
            .get(behind..behind + 2)
            .and_then(|id| id.try_into().ok())
            .map(u16::from_be_bytes)
            .ok_or(cut)?,
    };
    let topic = String::from_utf8_lossy(topic).into_owned();
    Ok(Unfit {
        digest: digest(&topic, &head.body),
        message: Message {
            topic,
            payload: Bytes::new(),
            qos,
            dup: head.first & 8 != 0,
            retain: head.first & 1 != 0,
            packet_id,
            properties: Properties::default(),
        },
        size,
        why,
    })
}

/// Of a packet that begins with one and of which nothing else matters.
fn packet_id(frame: &Frame) -> Result<u16, Malformed> {
    let id = frame.body.get(..2).and_then(|id| id.try_into().ok());
    id.map(u16::from_be_bytes)
        .ok_or(Malformed("an acknowledgement without a packet id"))
}

fn disconnect(frame: &Frame) -> Result<Incoming, Malformed> {
    let packet = parsed(v5_0::Disconnect::parse(&frame.body), "a DISCONNECT that cannot be read")?;
    let reason = packet.props().iter().flatten().find_map(|property| match property {
        Property::ReasonString(value) => Some(value.val().to_owned()),
        _ => None,
    });
    let code = packet.reason_code().map_or(0, |code| code as u8);
    Ok(Incoming::Disconnect { code, reason })
}
