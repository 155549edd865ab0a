//! The repeated call and its result.

use std::{collections::HashMap, sync::Arc};

use danube_wasm_broker::{Message, MessageId, Outgoing};
use danube_wasm_model::{
    RecordId, Targets, TopicName,
    door::{GuestError, Reply, SinkGuest, SourceGuest, Violation, Write},
    event::Event,
};
use danube_wasm_pipeline::{
    dead_letter::Reason,
    sink::rehearsal::{self as sink, Part},
    source::rehearsal as source,
};
use danube_wasm_schema::Validator;

use crate::{
    Failure,
    dead_letters::{Raw, RecordedInput},
};

/// The result of the call.
#[derive(Debug)]
pub(super) enum CallResult {
    /// A sink's writes.
    Writes(Vec<Write>),
    /// A source's records, and what its sender would be answered.
    Records(Vec<Outgoing>, Option<Reply>),
    /// A failure, without effect.
    Failed(Failed),
}

/// Why the call failed, in the terms of a dead letter.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) backtrace: Vec<String>,
    pub(super) violations: Vec<Violation>,
    /// The function that failed, if it is not the one that processes inputs.
    pub(super) stage: Option<&'static str>,
}

impl CallResult {
    /// The input does not reach a component.
    pub(super) fn unreached(why: String) -> Self {
        Self::Failed(Failed::new(Reason::Undecodable, why))
    }

    /// The call failed.
    pub(super) fn failed(error: &GuestError, stage: Option<&'static str>) -> Self {
        let reason = match error {
            GuestError::Failure(_) => Reason::Refused,
            _ => Reason::Crashed,
        };
        let backtrace = match error {
            GuestError::Trap { backtrace, .. } => backtrace.clone(),
            _ => Vec::new(),
        };
        Self::Failed(Failed {
            backtrace,
            stage,
            ..Failed::new(reason, error.to_string())
        })
    }

    /// Calls a sink with a message.
    pub(super) async fn of_sink(
        guest: &dyn SinkGuest,
        lane: usize,
        input: &RecordedInput,
        targets: Option<&Targets>,
    ) -> Result<Self, Failure> {
        let part = part(input).map_err(Failure::usage)?;
        match sink::rehearse(guest, lane, part, targets).await {
            Ok(sink::Rehearsed::Writes(writes)) => Ok(Self::Writes(writes)),
            Ok(sink::Rehearsed::Refused(why)) => Ok(Self::Failed(Failed::new(Reason::Refused, why))),
            Err(GuestError::Host { message }) => Err(Failure::internal(message)),
            Err(error) => Ok(Self::failed(&error, None)),
        }
    }

    /// Calls a source with an event.
    pub(super) async fn of_source(
        guest: &dyn SourceGuest,
        lane: usize,
        input: &RecordedInput,
        validators: &HashMap<TopicName, Arc<Validator>>,
    ) -> Result<Self, Failure> {
        let event = event(input).map_err(Failure::usage)?;
        match source::rehearse(guest, lane, &event, validators).await {
            Ok(source::Rehearsed::Records(records, reply)) => Ok(Self::Records(records, reply)),
            Ok(source::Rehearsed::Refused(why, violations)) => Ok(Self::Failed(Failed {
                violations,
                ..Failed::new(Reason::Refused, why)
            })),
            // Senders get the component's own message.
            Err(GuestError::Failure(failure)) => Ok(Self::Failed(Failed::new(Reason::Refused, failure.message))),
            Err(GuestError::Host { message }) => Err(Failure::internal(message)),
            Err(error) => Ok(Self::failed(&error, None)),
        }
    }
}

impl Failed {
    fn new(reason: Reason, message: String) -> Self {
        Self {
            reason,
            message,
            backtrace: Vec::new(),
            violations: Vec::new(),
            stage: None,
        }
    }
}

fn part(input: &RecordedInput) -> Result<Part, String> {
    let RecordedInput::Message {
        topic,
        id,
        key,
        payload,
        publish_time_ms,
        producer,
        schema,
        attributes,
    } = input
    else {
        return Err("it is an event, which no sink is given".to_owned());
    };
    let payload = payload.bytes()?;
    Ok(Part {
        message: Message {
            message_id: MessageId {
                partition: 0,
                offset: 0,
            },
            topic: topic.parse().map_err(|error| format!("{error}"))?,
            key: bytes(key.as_ref())?,
            payload: payload.clone().into(),
            attributes: attributes.clone(),
            id: RecordId::from_broker(id.clone()),
            publish_time_ms: *publish_time_ms,
            producer: producer.as_str().into(),
            // The payload is decoded already.
            schema: None,
            redeliveries: 0,
        },
        payload: payload.into(),
        schema: schema.as_str().into(),
    })
}

fn event(input: &RecordedInput) -> Result<Event, String> {
    let RecordedInput::Event {
        endpoint,
        id,
        key,
        payload,
        content_type,
        received_ms,
        attributes,
        headers,
    } = input
    else {
        return Err("it is a message, which no source is given".to_owned());
    };
    Ok(Event {
        endpoint: endpoint.as_str().into(),
        id: id.clone(),
        payload: payload.bytes()?.into(),
        content_type: content_type.clone(),
        key: bytes(key.as_ref())?,
        received_ms: *received_ms,
        attributes: attributes.clone(),
        headers: headers.clone(),
        traceparent: None,
        refusal: None,
    })
}

fn bytes<B: From<Vec<u8>>>(raw: Option<&Raw>) -> Result<Option<B>, String> {
    raw.map(|raw| raw.bytes().map(B::from)).transpose()
}
