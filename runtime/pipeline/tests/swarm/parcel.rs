//! What travels. The payload of an event is a function of its number and of what is to happen to it, and whatever is made
//! of it carries it whole: so the oracle can tell from any record, letter or row which event it is of, and whether a byte
//! has changed.

use super::dice::mix;

/// What the source component does with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtSource {
    /// One record, as it came.
    Plain,
    /// Three records.
    Fan,
    /// No record.
    Drop,
    /// No record, and an answer of its own.
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
    /// One record together with its like in the call.
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
    /// One write together with its like in the call.
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
    /// Nothing can come of it until somebody mends the component or the target.
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
pub struct Parcel {
    pub number: u64,
    pub at_source: AtSource,
    pub at_sink: AtSink,
}

/// Longest record that the simulated broker takes, in bytes.
pub const RECORD_BYTES_MAX: usize = 16 << 10;

impl Parcel {
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

    /// From the payload, which is what [`Parcel::payload`] gives, to the last byte.
    pub fn parse(payload: &str) -> Option<Self> {
        let mut parts = payload.split('.');
        let number = parts.next()?.parse().ok()?;
        let at_source = *AT_SOURCE.get(parts.next()?.parse::<usize>().ok()?)?;
        let at_sink = *AT_SINK.get(parts.next()?.parse::<usize>().ok()?)?;
        let parcel = Self {
            number,
            at_source,
            at_sink,
        };
        (parcel.payload() == payload).then_some(parcel)
    }

    /// The payloads of its records; `None` where they depend on what it travels with.
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
pub fn events_of(record: &str) -> Option<(Vec<Parcel>, u32)> {
    if let Some(merged) = record.strip_prefix("M+") {
        let parcels: Option<Vec<_>> = merged.split('+').map(Parcel::parse).collect();
        return Some((parcels?, 0));
    }
    let (payload, ordinal) = match record.split_once("/r") {
        Some((payload, ordinal)) => (payload, ordinal.parse().ok()?),
        None => (record, 0),
    };
    let parcel = Parcel::parse(payload)?;
    let made = parcel.records()?.get(ordinal as usize)? == record;
    made.then(|| (vec![parcel], ordinal))
}

/// What is to happen to a record. Of the records of one event, the first.
pub fn at_sink(record: &str) -> Option<AtSink> {
    match events_of(record)? {
        (parcels, 0) if !record.starts_with("M+") => parcels.first().map(|parcel| parcel.at_sink),
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

/// Rows that keep the newest record of their events.
const STATES: u64 = 3;

/// The row that keeps the newest of this record and its like; `None` where it is none of them.
pub fn state_of(record: &str) -> Option<String> {
    let parcel = Parcel::parse(record)?;
    (parcel.at_sink == AtSink::Plain).then(|| parcel.state())
}

impl Parcel {
    /// The row that its record would be the newest of.
    pub fn state(&self) -> String {
        format!("state{}", self.number % STATES)
    }
}
