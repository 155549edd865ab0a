//! Every limit of the MQTT ingress that is not worth anybody's choice, each with its unit last in its name and its reason.

use std::time::Duration;

/// Filters in one SUBSCRIBE. Some brokers take no more (AWS IoT: 8).
pub(crate) const SUBSCRIBE_FILTERS_MAX: usize = 8;

/// How long the broker may take to answer a SUBSCRIBE or an UNSUBSCRIBE, and at most, whatever the keep alive time, a PINGREQ, and a
/// write may make no progress. A broker that restores a large session takes seconds; one that is gone would be waited for for
/// ever.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How long it may take at most to find out that the broker has heard an acknowledgement: so often is it pinged while there are
/// some that are not proven. Until then their packet ids are remembered, so it bounds what is, and how long another message
/// of the same packet id and the same bytes could be taken for one of before.
pub(crate) const PROOF_EVERY: Duration = Duration::from_secs(1);

/// Notes of packet ids that are written in one call: a notebook takes 1 MiB, and a note has less than 128 bytes.
pub(crate) const NOTES_AT_ONCE: usize = 4096;

/// Messages that wait to be taken, in bytes, before nothing more is read from the socket. One packet more may come.
pub(crate) const INBOX_BYTES_MAX: usize = 8 << 20;

/// So many times the receive maximum may a broker send before nothing more is read from the socket. Mosquitto 2.0.11 sends
/// everything it has after the first acknowledgements.
pub(crate) const OVERSHOOT_FACTOR: usize = 2;

/// Bytes that are read from the socket at once.
pub(crate) const READ_BYTES: usize = 64 << 10;

/// Bytes of one WebSocket message, which is held until all of it is there: eight of the largest packets that can be allowed.
/// Some brokers put several packets into one.
pub(crate) const WEBSOCKET_BYTES_MAX: usize = 64 << 20;

/// What is kept of a packet that is passed over: the longest topic with its length and a packet id.
pub(crate) const HEAD_BYTES_MAX: usize = (64 << 10) + 4;

/// Longest path of a WebSocket URL, in bytes. `url.rs` names it in a message.
pub(crate) const PATH_BYTES_MAX: usize = 1024;

/// Longest filter or topic, in bytes: what the protocol can carry.
pub(crate) const TOPIC_BYTES_MAX: usize = 65_535;

/// Longest client id, in bytes. The protocol guarantees 23 only; brokers take far longer ones.
pub(crate) const CLIENT_ID_BYTES_MAX: usize = 256;
