//! One input of a component and what came of it, copied out of the columns of a call.

use std::sync::Arc;

use danube_wasm_model::{
    ConnectorId,
    clock::now_ms,
    columns::{Attributes, Blobs, Origins, PayloadAt, Payloads, Rejection},
    door::GuestError,
    event::{EventBatch, RecordBatch},
    message::{MessageBatch, Operation, WriteBatch},
};

use danube_wasm_sandbox::Secrets;

use super::{OUTPUTS_MAX, PAYLOAD_BYTES_MAX};

/// See the module.
pub(crate) struct Sample {
    pub(super) connector: ConnectorId,
    pub(super) direction: &'static str,
    pub(super) time_ms: u64,
    pub(super) before: Side,
    pub(super) after: Vec<Side>,
    /// Outputs that are left out of `after`.
    pub(super) more: usize,
    /// Why the component refused it, or could not be called.
    pub(super) error: Option<String>,
    pub(super) secrets: Arc<Secrets>,
}

/// A record as it came or as it went.
#[derive(Default, PartialEq)]
pub(super) struct Side {
    /// `endpoint`, `topic` or `target`, and which.
    pub(super) place: (&'static str, String),
    pub(super) payload: Vec<u8>,
    /// Bytes of the payload that are left out.
    pub(super) cut: usize,
    pub(super) id: String,
    pub(super) key: Vec<u8>,
    pub(super) operation: Option<&'static str>,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
}

impl Side {
    fn new(place: &'static str, name: &str, payload: &[u8]) -> Self {
        let kept = &payload[..payload.len().min(PAYLOAD_BYTES_MAX)];
        Self {
            place: (place, name.to_owned()),
            payload: kept.to_vec(),
            cut: payload.len() - kept.len(),
            ..Self::default()
        }
    }
}

impl Sample {
    /// Whether the same came of the same input.
    pub(crate) fn is_same_outcome(&self, other: &Self) -> bool {
        self.error == other.error && self.more == other.more && self.after == other.after
    }
}

/// Whose call it was.
pub(crate) struct Call<'a> {
    pub(crate) connector: &'a ConnectorId,
    pub(crate) secrets: &'a Arc<Secrets>,
}

impl Call<'_> {
    /// The event at this place, and the records made of it.
    pub(crate) fn of_source(&self, i: usize, events: &EventBatch, made: Result<&RecordBatch, &GuestError>) -> Sample {
        let mut before = Side::new("endpoint", events.endpoints.get(i), events.payloads.get(i));
        before.id = id(&events.ids, i);
        before.key = bytes(&events.keys, i);
        before.attributes = pairs(&events.attributes, i);
        before.headers = pairs(&events.headers, i);
        let Ok(records) = made else {
            return self.failed("source", before, made.err());
        };
        let side = |at: usize, payload: &[u8]| {
            let mut side = Side::new("topic", records.topics.get(at), payload);
            side.id = id(&records.ids, at);
            side.key = bytes(&records.keys, at);
            side.attributes = pairs(&records.attributes, at);
            side
        };
        let outputs = outputs(i, &records.payloads, &records.origins, &events.payloads, side);
        self.done("source", before, outputs, refusal(&records.rejected, i))
    }

    /// The message at this place, and the writes made of it.
    pub(crate) fn of_sink(&self, i: usize, messages: &MessageBatch, made: Result<&WriteBatch, &GuestError>) -> Sample {
        let mut before = Side::new("topic", messages.topics.get(i), messages.payloads.get(i));
        before.id = id(&messages.ids, i);
        before.key = bytes(&messages.keys, i);
        before.attributes = pairs(&messages.attributes, i);
        let Ok(writes) = made else {
            return self.failed("sink", before, made.err());
        };
        let side = |at: usize, payload: &[u8]| {
            let mut side = Side::new("target", writes.targets.get(at), payload);
            side.id = id(&writes.ids, at);
            let code = writes.operations.get(at).copied().unwrap_or_default();
            side.operation = Operation::from_code(code).map(Operation::as_str);
            side
        };
        let outputs = outputs(i, &writes.payloads, &writes.origins, &messages.payloads, side);
        self.done("sink", before, outputs, refusal(&writes.rejected, i))
    }

    fn failed(&self, direction: &'static str, before: Side, error: Option<&GuestError>) -> Sample {
        self.done(direction, before, (Vec::new(), 0), error.map(ToString::to_string))
    }

    fn done(
        &self,
        direction: &'static str,
        before: Side,
        (after, more): (Vec<Side>, usize),
        error: Option<String>,
    ) -> Sample {
        Sample {
            connector: self.connector.clone(),
            direction,
            time_ms: now_ms(),
            before,
            after,
            more,
            error,
            secrets: self.secrets.clone(),
        }
    }
}

/// The outputs of the input at this place, and how many more there are than a sample has.
fn outputs(
    input: usize,
    payloads: &Payloads,
    origins: &Origins,
    inputs: &Blobs,
    side: impl Fn(usize, &[u8]) -> Side,
) -> (Vec<Side>, usize) {
    let (mut sides, mut more) = (Vec::new(), 0);
    for (at, place) in payloads.places().enumerate() {
        if !origins.of(at).any(|origin| origin == input) {
            continue;
        }
        if sides.len() == OUTPUTS_MAX {
            more += 1;
            continue;
        }
        sides.push(side(
            at,
            match place {
                PayloadAt::Input(k) => inputs.get(k),
                PayloadAt::New(k) => payloads.bytes.get(k),
            },
        ));
    }
    (sides, more)
}

fn refusal(rejected: &[Rejection], input: usize) -> Option<String> {
    let found = rejected.iter().find(|rejection| rejection.origin as usize == input);
    found.map(|rejection| {
        format!(
            "refused by the component ({}): {}",
            rejection.kind.as_str(),
            rejection.message
        )
    })
}

fn id(ids: &Blobs, i: usize) -> String {
    match ids.is_empty() {
        true => String::new(),
        false => ids.text(i).to_owned(),
    }
}

fn bytes(blobs: &Blobs, i: usize) -> Vec<u8> {
    match blobs.is_empty() {
        true => Vec::new(),
        false => blobs.get(i).to_vec(),
    }
}

fn pairs(attributes: &Attributes, i: usize) -> Vec<(String, String)> {
    match attributes.is_empty() {
        true => Vec::new(),
        false => attributes.get(i).map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
    }
}

#[cfg(test)]
impl Sample {
    pub(super) fn of_text(connector: &ConnectorId, text: &str) -> Self {
        let secrets = Arc::new(Secrets::default());
        let call = Call {
            connector,
            secrets: &secrets,
        };
        call.done(
            "source",
            Side::new("endpoint", "/in", text.as_bytes()),
            (Vec::new(), 0),
            None,
        )
    }
}
