//! One connection with a broker, without I/O: bytes in, messages, acknowledgements and bytes out.
//!
//! ```text
//! socket ── feed ──► framer ──► inbox ── take ──► routed, noted, delivered
//!                                 │                        │
//! socket ◄─ output ◄── PUBACK, PUBREC, in the order of arrival ◄── confirm(position)
//! ```
//!
//! * Every message has a position: its number on this connection. What is confirmed up to a position is acknowledged in the
//!   order in which it came ([MQTT-4.6.0-2]), so nothing is acknowledged before what is in front of it is durable.
//! * Acknowledgements belong to this connection: they are made here, and gone with it. A packet id of one connection
//!   can never be acknowledged on the next, where it may be another message.
//! * A message of QoS 2 is acknowledged (PUBREC) when it is durable; its release (PUBREL) is answered at once.
//! * A broker that sends more than the receive maximum is borne with: nothing more is read until half of it is done.
//! * What must be known of packet ids beyond a connection is in the [`Ledger`].

mod acks;
mod inbox;
mod ledger;
mod ping;
mod subscribing;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::time::Instant;

pub(crate) use inbox::{Arrival, Arrived};
pub(crate) use ledger::{Changes, Ledger, Note, Recognised};
pub(crate) use subscribing::{Granted, Refused};

use self::{acks::Acks, inbox::Inbox, ping::Ping, subscribing::Subscribing};
use crate::{
    limits::{INBOX_BYTES_MAX, OVERSHOOT_FACTOR},
    packets::{Framer, Incoming, Outgoing, Subscription, Version, reason},
};

/// What a connection is opened with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionOptions {
    pub(crate) version: Version,
    /// Unacknowledged messages at a time.
    pub(crate) receive_maximum: usize,
    pub(crate) keep_alive_secs: u16,
}

/// Why a connection is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The broker or the network.
    Broken(String),
    /// The broker closed it and did not say why.
    HungUp,
    /// Another client of the same id took the session.
    TakenOver,
    /// The broker sends what is never taken, and would send it again on each connection.
    Unacceptable(String),
    /// By our own wish; all has been sent.
    Closed,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Broken(why) | Self::Unacceptable(why) => why,
            Self::HungUp => {
                "the broker closed the connection without a reason: it stops, or another client of the same id has connected"
            }
            Self::TakenOver => "another client of the same id took the session over",
            Self::Closed => "the connection was closed",
        })
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    options: SessionOptions,
    framer: Framer,
    output: BytesMut,
    inbox: Inbox,
    acks: Acks,
    ping: Ping,
    subscribing: Subscribing,
    ledger: Arc<Mutex<Ledger>>,
    end: Option<End>,
    is_closing: bool,
    has_overshot: bool,
}

impl Session {
    /// Behind the handshake; the framer may hold what came after the CONNACK.
    pub(crate) fn new(options: SessionOptions, framer: Framer, ledger: Arc<Mutex<Ledger>>, now: Instant) -> Self {
        let mut session = Self {
            options,
            framer,
            output: BytesMut::new(),
            inbox: Inbox::default(),
            acks: Acks::default(),
            ping: Ping::new(options.keep_alive_secs, now),
            subscribing: Subscribing::default(),
            ledger,
            end: None,
            is_closing: false,
            has_overshot: false,
        };
        session.read_packets(now);
        session
    }

    /// Bytes have come.
    pub(crate) fn feed(&mut self, bytes: &[u8], now: Instant) {
        self.ping.heard(now);
        self.framer.feed(bytes);
        self.read_packets(now);
    }

    /// The broker has closed the connection.
    pub(crate) fn hung_up(&mut self) {
        self.end_with(End::HungUp);
    }

    /// The connection broke.
    pub(crate) fn broken(&mut self, why: impl Into<String>) {
        self.end_with(End::Broken(why.into()));
    }

    /// The broker sent what is never taken.
    pub(crate) fn unacceptable(&mut self, why: String) {
        self.end_with(End::Unacceptable(why));
    }

    /// Whether bytes are wanted. Not when the broker has sent far more than it may, or too much waits here.
    pub(crate) fn wants_bytes(&self) -> bool {
        let outstanding = self.acks.len() + self.inbox.without_ack();
        self.end.is_none()
            && outstanding < OVERSHOOT_FACTOR * self.options.receive_maximum
            && self.inbox.bytes() < INBOX_BYTES_MAX
    }

    /// What is to be sent.
    pub(crate) fn take_output(&mut self) -> Option<Bytes> {
        (!self.output.is_empty()).then(|| self.output.split().freeze())
    }

    /// How long the broker may take nothing.
    pub(crate) fn answer_within(&self) -> Duration {
        self.ping.answer_within()
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant) {
        let is_reading = self.wants_bytes();
        if self.is_closing || self.end.is_some() {
            return;
        }
        if self.ping.is_missed(now, is_reading) {
            return self.broken("the broker has not answered a ping in time: it hangs, or the network is cut");
        }
        if self.ping.is_due(now) {
            self.ping.sent(now);
            self.send(Outgoing::Pingreq);
        }
    }

    /// When [`Self::tick`] has something to do.
    pub(crate) fn next_tick(&self) -> Instant {
        self.ping.next()
    }

    /// The next messages: at most so many, and none after the one that reaches so many bytes.
    pub(crate) fn take(&mut self, events: usize, bytes: usize) -> VecDeque<Arrival> {
        self.inbox.take(events, bytes)
    }

    /// Everything up to this position is durable.
    pub(crate) fn confirm(&mut self, upto: u64) {
        if self.end.is_some() {
            return;
        }
        let mark = self.ping.sent_so_far();
        while let Some(ack) = self.acks.next(upto) {
            self.ping.prove();
            match ack.is_exactly_once {
                false => {
                    self.ledger.lock().acknowledged(ack.packet_id, mark);
                    self.send(Outgoing::Puback(ack.packet_id));
                }
                true => {
                    self.ledger.lock().recorded(ack.packet_id);
                    self.send(Outgoing::Pubrec(ack.packet_id));
                }
            }
        }
    }

    /// Subscribes, in as few packets as brokers take. See [`Self::subscribed`].
    pub(crate) fn subscribe(&mut self, subscriptions: Vec<Subscription>) {
        for (packet_id, entries) in self.subscribing.begin(subscriptions) {
            self.send(Outgoing::Subscribe {
                packet_id,
                entries: &entries,
            });
        }
    }

    /// Gives these up.
    pub(crate) fn unsubscribe(&mut self, filters: &[String]) {
        for filters in filters.chunks(crate::limits::SUBSCRIBE_FILTERS_MAX) {
            let packet_id = self.subscribing.begin_removal();
            self.send(Outgoing::Unsubscribe { packet_id, filters });
        }
    }

    /// What became of the subscriptions, once all are answered.
    pub(crate) fn subscribed(&self) -> Option<&[Granted]> {
        self.subscribing.answered()
    }

    /// Says goodbye behind everything that is to be sent.
    pub(crate) fn close(&mut self) {
        if self.end.is_none() && !self.is_closing {
            self.send(Outgoing::Disconnect);
            self.is_closing = true;
        }
    }

    /// Everything was sent of a connection that is being closed.
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// Over by our own wish.
    pub(crate) fn closed(&mut self) {
        self.end_with(End::Closed);
    }

    /// Why it is over, if it is.
    pub(crate) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    fn end_with(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    fn send(&mut self, packet: Outgoing<'_>) {
        match packet.bytes(self.options.version) {
            Ok(bytes) => self.output.extend_from_slice(&bytes),
            Err(error) => self.broken(format!("{packet:?} cannot be sent: {error}")),
        }
    }

    fn read_packets(&mut self, now: Instant) {
        while self.end.is_none() {
            let read = match self.framer.next() {
                Ok(None) => return,
                Ok(Some(framed)) => Incoming::read(self.options.version, &framed),
                Err(error) => Err(error),
            };
            match read {
                Ok(packet) => self.handle(packet, now),
                Err(error) => self.broken(error.to_string()),
            }
        }
    }

    fn handle(&mut self, packet: Incoming, now: Instant) {
        match packet {
            Incoming::Publish(message) => self.arrived(Arrived::Message(message)),
            Incoming::Unfit(unfit) => self.arrived(Arrived::Unfit(unfit)),
            Incoming::Pubrel(packet_id) => {
                let is_known = self.ledger.lock().released(packet_id);
                self.send(Outgoing::Pubcomp { packet_id, is_known });
            }
            Incoming::Suback { packet_id, codes } => {
                if !self.subscribing.answer(packet_id, &codes) {
                    self.broken("the broker answered a SUBSCRIBE that was not sent");
                }
            }
            Incoming::Unsuback { packet_id } => self.subscribing.removed(packet_id),
            Incoming::Pingresp => {
                let answered = self.ping.answered(now);
                self.ledger.lock().proven(answered);
            }
            Incoming::Disconnect {
                code: reason::SESSION_TAKEN_OVER,
                ..
            } => self.end_with(End::TakenOver),
            Incoming::Disconnect { code, reason } => {
                let said = reason.map(|reason| format!(", {reason}")).unwrap_or_default();
                self.broken(format!(
                    "the broker ended the connection ({}{said})",
                    reason::words(code)
                ));
            }
            Incoming::Connack(_) => self.broken("the broker sent a second CONNACK"),
        }
    }

    fn arrived(&mut self, what: Arrived) {
        let position = self.inbox.push(what);
        if let Some((packet_id, is_exactly_once)) = self.inbox.last_ack() {
            self.acks.push(position, packet_id, is_exactly_once);
        }
        if self.acks.len() > self.options.receive_maximum && !self.has_overshot && self.options.version == Version::V5 {
            self.has_overshot = true;
            tracing::warn!(
                receive_maximum = self.options.receive_maximum,
                "the broker sends more than the receive maximum lets it (mosquitto before 2.0.13 does); it is borne with"
            );
        }
    }
}

#[cfg(test)]
mod tests;
