//! Outputs: what became of the inputs, one of a line, as `expected.jsonl` has them.

use std::collections::HashSet;

use danube_wasm_model::{
    columns::{PayloadAt, Payloads, RejectionKind},
    door::{Failure, FailureKind, GuestError},
    event::RecordBatch,
    message::{Operation, WriteBatch},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{content, input};

/// One output: a line of `expected.jsonl`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Output {
    /// The inputs that it came from, by place. Empty for what befalls the whole call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<usize>,
    /// What it is, in the order in which it is written.
    #[serde(flatten)]
    pub members: Members,
}

/// The members of a line after `from`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members(pub Vec<(&'static str, Value)>);

impl Serialize for Members {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl Output {
    pub(crate) fn new(from: Vec<usize>) -> Self {
        Self {
            from,
            members: Members::default(),
        }
    }

    pub(crate) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.members.0.push((key, value.into()));
        self
    }

    fn with_some(self, key: &'static str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// A line of `expected.jsonl`.
    pub fn to_line(&self) -> String {
        // A map of strings and values is JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// For comparing: the order of members says nothing.
    pub fn value(&self) -> Value {
        let mut line: Map<String, Value> = Map::new();
        if !self.from.is_empty() {
            line.insert("from".to_owned(), json!(self.from));
        }
        line.extend(
            self.members
                .0
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone())),
        );
        Value::Object(line)
    }

    /// The value of a member.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.members
            .0
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// What befell a call as a whole, or an input that was found by halving.
    pub(crate) fn of_error(from: Vec<usize>, error: &GuestError) -> Self {
        let line = Self::new(from);
        match error {
            GuestError::Failure(failure) => line.with("failure", failure_value(failure)),
            GuestError::Trap { message, .. } => line.with("trap", message.lines().next().unwrap_or_default()),
            GuestError::Limit { limit, .. } => line.with("limit", *limit),
            GuestError::Budget { .. } => line.with("limit", "budget"),
            GuestError::InvalidOutput(error) => line.with("invalid_output", error.to_string()),
            GuestError::Host { message } => line.with("host", message.as_str()),
        }
    }
}

/// A failure as a line has it.
pub(crate) fn failure_value(failure: &Failure) -> Value {
    let mut value = json!({ "kind": failure_kind(failure.kind), "message": failure.message });
    if failure.code != 0 {
        value["code"] = json!(failure.code);
    }
    if let Some(wait) = failure.retry_after {
        value["retry_after_ms"] = json!(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    }
    value
}

fn failure_kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Retryable => "retryable",
        FailureKind::Fatal => "fatal",
        FailureKind::InvalidData => "invalid-data",
        FailureKind::Configuration => "configuration",
    }
}

fn rejection_kind(kind: RejectionKind) -> &'static str {
    match kind {
        RejectionKind::InvalidData => "invalid-data",
        RejectionKind::Unsupported => "unsupported",
    }
}

/// Payloads of a batch in order, taken from the inputs where they are reused.
fn payloads<'a>(column: &'a Payloads, inputs: &'a [(usize, &input::Input)]) -> Vec<&'a [u8]> {
    let bytes = |at| match at {
        PayloadAt::New(i) => column.bytes.get(i),
        PayloadAt::Input(i) => inputs[i].1.payload.as_slice(),
    };
    column.places().map(bytes).collect()
}

/// The lines of a source's records, rejections and answers.
pub(crate) fn of_records(records: &RecordBatch, inputs: &[(usize, &input::Input)]) -> Vec<Output> {
    let payloads = payloads(&records.payloads, inputs);
    let place = |i: usize| inputs[i].0;
    let lines = (0..records.len()).map(|i| {
        let (name, value) = content::shown(payloads[i]);
        let key = Some(records.keys.get(i))
            .filter(|key| !key.is_empty())
            .map(content::shown_key);
        let id = Some(records.ids.text(i)).filter(|id| !id.is_empty());
        let attributes: Vec<_> = records.attributes.get(i).collect();
        Output::new(records.origins.of(i).map(place).collect())
            .with("topic", records.topics.get(i))
            .with_some("id", id.map(Value::from))
            .with_some("key", key)
            .with_some("attributes", input::pairs(&attributes))
            .with(name, value)
    });
    let answers = records.answers.iter().map(|answer| {
        let (name, value) = content::shown(&answer.body);
        let answer_value = json!({ "status": answer.status, "content_type": answer.content_type, (name): value });
        Output::new(vec![place(answer.origin as usize)]).with("answer", answer_value)
    });
    let lines = merge(lines.collect(), answers.collect());
    without_rejected(lines, rejections(&records.rejected, place))
}

/// The lines of a sink's writes and rejections.
pub(crate) fn of_writes(writes: &WriteBatch, inputs: &[(usize, &input::Input)]) -> Vec<Output> {
    let payloads = payloads(&writes.payloads, inputs);
    let place = |i: usize| inputs[i].0;
    let lines = (0..writes.len()).map(|i| {
        let code = writes.operations.get(i).copied().unwrap_or_default();
        let operation = Operation::from_code(code).map_or_else(|| code.to_string(), |known| known.as_str().to_owned());
        let order = Some(writes.orders.get(i).copied().unwrap_or_default()).filter(|order| *order != 0);
        let id = Some(writes.ids.text(i)).filter(|id| !id.is_empty());
        let line = Output::new(writes.origins.of(i).map(place).collect())
            .with("write", operation)
            .with("target", writes.targets.get(i))
            .with_some("id", id.map(Value::from))
            .with_some("order", order.map(Value::from));
        match payloads[i] {
            // What a delete carries is ignored.
            _ if code == Operation::Delete.code() => line,
            bytes => {
                let (name, value) = content::shown(bytes);
                line.with(name, value)
            }
        }
    });
    without_rejected(lines.collect(), rejections(&writes.rejected, place))
}

/// The host drops what comes of an input that is rejected.
fn without_rejected(mut lines: Vec<Output>, rejected: Vec<Output>) -> Vec<Output> {
    let is_rejected: HashSet<_> = rejected.iter().flat_map(|line| line.from.iter().copied()).collect();
    lines.retain(|line| !line.from.iter().any(|place| is_rejected.contains(place)));
    merge(lines, rejected)
}

fn rejections(rejected: &[danube_wasm_model::columns::Rejection], place: impl Fn(usize) -> usize) -> Vec<Output> {
    let lines = rejected.iter().map(|rejection| {
        Output::new(vec![place(rejection.origin as usize)])
            .with("rejected", rejection_kind(rejection.kind))
            .with("message", rejection.message.as_str())
    });
    lines.collect()
}

/// Puts `more` among `lines`, each behind the last line of its input and of those before it. The order of each stays.
fn merge(lines: Vec<Output>, more: Vec<Output>) -> Vec<Output> {
    let first = |line: &Output| line.from.first().copied().unwrap_or_default();
    let mut merged: Vec<Output> = Vec::with_capacity(lines.len() + more.len());
    let mut more = more.into_iter().peekable();
    for line in lines {
        while let Some(before) = more.next_if(|other| first(other) < first(&line)) {
            merged.push(before);
        }
        merged.push(line);
    }
    merged.extend(more);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejections_stand_where_their_inputs_stand() {
        let line = |from: usize, what: &'static str| Output::new(vec![from]).with(what, true);
        let merged = merge(
            vec![line(1, "record"), line(1, "record"), line(3, "record")],
            vec![line(0, "rejected"), line(2, "rejected"), line(4, "rejected")],
        );
        let places: Vec<_> = merged.iter().map(|line| line.from[0]).collect();
        assert_eq!(places, [0, 1, 1, 2, 3, 4]);
    }

    #[test]
    fn a_line_begins_with_its_inputs() {
        let line = Output::new(vec![0, 2])
            .with("topic", "/a/b")
            .with("payload", json!({"n": 1}));
        assert_eq!(line.to_line(), r#"{"from":[0,2],"topic":"/a/b","payload":{"n":1}}"#);
    }
}
