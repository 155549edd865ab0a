//! The test's events. The payload is a function of the event's number and of how it is to be processed. Records,
//! letters and rows contain it unchanged: the oracle finds the event of each, and notices a changed byte.

use danube_wasm_model::event::EventRefusal;

use super::rng::mix;

/// What the source component does with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtSource {
    /// One record, as it came.
    Plain,
    /// Three records.
    Fan,
    /// No record.
    Drop,
    /// No record, and an answer from the component.
    Answered,
    /// Refuses it, as data.
    Reject,
    /// Fails with invalid data whenever it is in a call.
    Invalid,
    /// Traps whenever it is in a call.
    Trap,
    /// Returns columns that break the contract whenever it is in a call.
    Malformed,
    /// One record that is over the broker's limit.
    TooLarge,
    /// Traps in the first call that it is in.
    Flaky,
    /// Asks for another try in the first calls that it is in.
    Later,
    /// One record together with the other `Merge` events of the call.
    Merge,
}

/// What the sink component, or the target, does with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtSink {
    /// One write, as it came.
    Plain,
    /// Three writes.
    Fan,
    /// No write.
    Drop,
    /// Refuses it, as data.
    Reject,
    /// One write with an operation that no host knows.
    UnknownOp,
    /// Fails with invalid data whenever it is in a call.
    Invalid,
    /// Traps whenever it is in a call.
    Trap,
    /// Goes over a limit whenever it is in a call.
    Limit,
    /// Asks for another try whenever it is in a call.
    Never,
    /// Traps in the first call that it is in.
    Flaky,
    /// Asks for another try in the first calls that it is in.
    Later,
    /// One write together with the other `Merge` records of the call.
    Merge,
    /// As `Merge`, but refused as data at the same time.
    MergeRejected,
    /// One write that the target refuses.
    TargetRefuses,
}

/// All of them.
pub const AT_SOURCE: [AtSource; 12] = {
    use AtSource::*;
    [
        Plain, Fan, Drop, Answered, Reject, Invalid, Trap, Malformed, TooLarge, Flaky, Later, Merge,
    ]
};

/// All of them.
pub const AT_SINK: [AtSink; 14] = {
    use AtSink::*;
    [
        Plain,
        Fan,
        Drop,
        Reject,
        UnknownOp,
        Invalid,
        Trap,
        Limit,
        Never,
        Flaky,
        Later,
        Merge,
        MergeRejected,
        TargetRefuses,
    ]
};

impl AtSink {
    /// Cannot be written until the component or the target is repaired.
    pub fn is_poison(self) -> bool {
        use AtSink::*;
        matches!(
            self,
            Reject | UnknownOp | Invalid | Trap | Limit | Never | MergeRejected | TargetRefuses
        )
    }
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestEvent {
    pub number: u64,
    pub at_source: AtSource,
    pub at_sink: AtSink,
}

/// Longest record that the simulated broker takes, in bytes.
pub const RECORD_BYTES_MAX: usize = 16 << 10;

impl TestEvent {
    pub fn plain(number: u64) -> Self {
        Self {
            number,
            at_source: AtSource::Plain,
            at_sink: AtSink::Plain,
        }
    }

    pub fn id(&self) -> String {
        format!("e{}", self.number)
    }

    /// Every other event that is refused as data is refused by what it comes through, before the component sees it.
    pub fn refusal(&self) -> Option<Box<EventRefusal>> {
        let is_unreadable = self.at_source == AtSource::Reject && mix(self.number).is_multiple_of(2);
        is_unreadable.then(|| {
            Box::new(EventRefusal {
                error: "it cannot be read".to_owned(),
                has_payload: true,
            })
        })
    }

    pub fn payload(&self) -> String {
        let Self {
            number,
            at_source,
            at_sink,
        } = *self;
        let copies = match at_source {
            AtSource::TooLarge => RECORD_BYTES_MAX / 16 + 1,
            _ => (mix(number) % 5) as usize,
        };
        let filler = format!("{:016x}", mix(number)).repeat(copies);
        format!("{number}.{}.{}.{filler}", at_source as u8, at_sink as u8)
    }

    /// Parses a payload; `None` unless it is exactly what [`TestEvent::payload`] returns.
    pub fn parse(payload: &str) -> Option<Self> {
        let mut parts = payload.split('.');
        let number = parts.next()?.parse().ok()?;
        let at_source = *AT_SOURCE.get(parts.next()?.parse::<usize>().ok()?)?;
        let at_sink = *AT_SINK.get(parts.next()?.parse::<usize>().ok()?)?;
        let test_event = Self {
            number,
            at_source,
            at_sink,
        };
        (test_event.payload() == payload).then_some(test_event)
    }

    /// The payloads of its records; `None` if they depend on the other events of the call.
    pub fn records(&self) -> Option<Vec<String>> {
        match self.at_source {
            AtSource::Plain | AtSource::Flaky | AtSource::Later => Some(vec![self.payload()]),
            AtSource::Fan => Some((0..3).map(|i| format!("{}/r{i}", self.payload())).collect()),
            AtSource::Merge => None,
            _ => Some(Vec::new()),
        }
    }
}

/// The payload of a record that was made of several events.
pub fn merge_events(payloads: &[&str]) -> String {
    format!("M+{}", payloads.join("+"))
}

/// The events that a record was made of, and its ordinal; `None` if no event makes such a record.
pub fn events_of(record: &str) -> Option<(Vec<TestEvent>, u32)> {
    if let Some(merged) = record.strip_prefix("M+") {
        let test_events: Option<Vec<_>> = merged.split('+').map(TestEvent::parse).collect();
        return Some((test_events?, 0));
    }
    let (payload, ordinal) = match record.split_once("/r") {
        Some((payload, ordinal)) => (payload, ordinal.parse().ok()?),
        None => (record, 0),
    };
    let test_event = TestEvent::parse(payload)?;
    let made = test_event.records()?.get(ordinal as usize)? == record;
    made.then(|| (vec![test_event], ordinal))
}

/// How a record is to be processed: the event's kind for its first record, `Plain` for all others.
pub fn at_sink(record: &str) -> Option<AtSink> {
    match events_of(record)? {
        (test_events, 0) if !record.starts_with("M+") => test_events.first().map(|test_event| test_event.at_sink),
        _ => Some(AtSink::Plain),
    }
}

/// The bodies that three writes of one record have.
pub fn fan_rows(record: &str) -> [String; 3] {
    [0, 1, 2].map(|i| format!("{record}/w{i}"))
}

/// The body of a row that was made of several records.
pub fn merge_rows(records: &[&str]) -> String {
    format!("W&{}", records.join("&"))
}

/// The records that a row was made of.
pub fn records_of(body: &str) -> Vec<&str> {
    match body.strip_prefix("W&") {
        Some(merged) => merged.split('&').collect(),
        None => vec![body.split_once("/w").map_or(body, |(record, _)| record)],
    }
}

/// Number of rows in `state`.
const STATES: u64 = 3;

/// The row of `state` that this record belongs to; `None` if it belongs to none.
pub fn state_of(record: &str) -> Option<String> {
    let test_event = TestEvent::parse(record)?;
    (test_event.at_sink == AtSink::Plain).then(|| test_event.state())
}

impl TestEvent {
    /// The row of `state` that its record belongs to.
    pub fn state(&self) -> String {
        format!("state{}", self.number % STATES)
    }
}
