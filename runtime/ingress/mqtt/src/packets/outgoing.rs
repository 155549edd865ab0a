//! What is sent to a broker.

use mqtt_protocol_core::mqtt::{
    packet::{
        MaximumPacketSize, Properties, Qos, ReceiveMaximum, RetainHandling, SessionExpiryInterval, SubEntry, SubOpts,
        SubscriptionIdentifier, v3_1_1, v5_0,
    },
    result_code::{DisconnectReasonCode, MqttError, PubcompReasonCode},
};

use super::Version;

/// A subscription to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) filter: String,
    pub(crate) qos: Qos,
    /// Of version 5; 0 for none.
    pub(crate) id: u32,
    /// Whether retained messages are wanted.
    pub(crate) retained: Retained,
}

/// Which retained messages a subscription brings when it is made; version 5 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retained {
    All,
    /// Only if it was not there before.
    IfNew,
    None,
}

/// A packet to be sent, with its encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outgoing<'a> {
    Puback(u16),
    Pubrec(u16),
    Pubcomp {
        packet_id: u16,
        is_known: bool,
    },
    /// All of one subscription id.
    Subscribe {
        packet_id: u16,
        entries: &'a [Subscription],
    },
    Unsubscribe {
        packet_id: u16,
        filters: &'a [String],
    },
    Pingreq,
    Disconnect,
}

impl Outgoing<'_> {
    /// Its bytes. Fails on a filter that cannot be sent, which the configuration does not let pass.
    pub(crate) fn bytes(&self, version: Version) -> Result<Vec<u8>, MqttError> {
        Ok(match (self, version) {
            // Success is not spelled out, and so the same in both versions.
            (Self::Puback(id), _) => v5_0::Puback::builder().packet_id(*id).build()?.to_continuous_buffer(),
            (Self::Pubrec(id), _) => v5_0::Pubrec::builder().packet_id(*id).build()?.to_continuous_buffer(),
            (Self::Pubcomp { packet_id, is_known }, _) => {
                let packet = v5_0::Pubcomp::builder().packet_id(*packet_id);
                match *is_known || version == Version::V3 {
                    true => packet.build()?.to_continuous_buffer(),
                    false => packet
                        .reason_code(PubcompReasonCode::PacketIdentifierNotFound)
                        .build()?
                        .to_continuous_buffer(),
                }
            }
            (Self::Subscribe { packet_id, entries }, _) => subscribe(version, *packet_id, entries)?,
            (Self::Unsubscribe { packet_id, filters }, Version::V3) => {
                let filters: Vec<_> = filters.iter().map(String::as_str).collect();
                v3_1_1::Unsubscribe::builder()
                    .packet_id(*packet_id)
                    .entries(filters)?
                    .build()?
                    .to_continuous_buffer()
            }
            (Self::Unsubscribe { packet_id, filters }, Version::V5) => {
                let filters: Vec<_> = filters.iter().map(String::as_str).collect();
                v5_0::Unsubscribe::builder()
                    .packet_id(*packet_id)
                    .entries(filters)?
                    .build()?
                    .to_continuous_buffer()
            }
            (Self::Pingreq, _) => v5_0::Pingreq::new().to_continuous_buffer(),
            (Self::Disconnect, Version::V3) => v3_1_1::Disconnect::new().to_continuous_buffer(),
            (Self::Disconnect, Version::V5) => {
                let packet = v5_0::Disconnect::builder().reason_code(DisconnectReasonCode::NormalDisconnection);
                packet.build()?.to_continuous_buffer()
            }
        })
    }
}

fn subscribe(version: Version, packet_id: u16, entries: &[Subscription]) -> Result<Vec<u8>, MqttError> {
    let id = entries.first().map_or(0, |entry| entry.id);
    let entries: Result<Vec<_>, _> = entries
        .iter()
        .map(|entry| SubEntry::new(entry.filter.as_str(), options(version, entry)))
        .collect();
    if version == Version::V3 {
        let packet = v3_1_1::Subscribe::builder().packet_id(packet_id).entries(entries?);
        return Ok(packet.build()?.to_continuous_buffer());
    }
    let packet = v5_0::Subscribe::builder().packet_id(packet_id).entries(entries?);
    let packet = match id {
        0 => packet,
        id => packet.props(vec![SubscriptionIdentifier::new(id)?.into()] as Properties),
    };
    Ok(packet.build()?.to_continuous_buffer())
}

fn options(version: Version, entry: &Subscription) -> SubOpts {
    let options = SubOpts::new().set_qos(entry.qos);
    match (version, entry.retained) {
        (Version::V3, _) => options,
        (Version::V5, Retained::All) => options.set_rh(RetainHandling::SendRetained),
        (Version::V5, Retained::IfNew) => options.set_rh(RetainHandling::SendRetainedIfNotExists),
        (Version::V5, Retained::None) => options.set_rh(RetainHandling::DoNotSendRetained),
    }
}

/// What a client introduces itself with.
#[derive(Debug, Clone)]
pub(crate) struct Introduction {
    pub(crate) client_id: String,
    pub(crate) credentials: Option<(String, Option<Vec<u8>>)>,
    pub(crate) clean_start: bool,
    pub(crate) session_expiry_secs: u32,
    pub(crate) receive_maximum: u16,
    pub(crate) packet_bytes_max: u32,
    pub(crate) keep_alive_secs: u16,
}

/// The bytes of a CONNECT.
pub(crate) fn connect(version: Version, client: &Introduction) -> Result<Vec<u8>, MqttError> {
    if version == Version::V3 {
        let packet = v3_1_1::Connect::builder().client_id(client.client_id.as_str())?;
        let packet = packet
            .clean_session(client.clean_start)
            .keep_alive(client.keep_alive_secs);
        let packet = match &client.credentials {
            None => packet,
            Some((user, None)) => packet.user_name(user.as_str())?,
            Some((user, Some(password))) => packet.user_name(user.as_str())?.password(password)?,
        };
        return Ok(packet.build()?.to_continuous_buffer());
    }
    let properties: Properties = vec![
        SessionExpiryInterval::new(client.session_expiry_secs)?.into(),
        ReceiveMaximum::new(client.receive_maximum)?.into(),
        MaximumPacketSize::new(client.packet_bytes_max)?.into(),
    ];
    let packet = v5_0::Connect::builder().client_id(client.client_id.as_str())?;
    let packet = packet
        .clean_start(client.clean_start)
        .keep_alive(client.keep_alive_secs)
        .props(properties);
    let packet = match &client.credentials {
        None => packet,
        Some((user, None)) => packet.user_name(user.as_str())?,
        Some((user, Some(password))) => packet.user_name(user.as_str())?.password(password)?,
    };
    Ok(packet.build()?.to_continuous_buffer())
}
