//! What a call was given besides its input: with both, it can be made again and comes out the same.
//!
//! A component knows only what the host gives it: settings, limits, the time, random bytes, and which log levels are
//! kept, and what came of requests that it was granted. Other calls into the host return nothing. So a recording is small. It is exact for the first call of an
//! instance; every call that rejects a single input is one. State that an instance kept from earlier calls is not in
//! it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{exchange::Exchange, host::LogLevel, limits::GuestLimits};

/// A call, without its input. Kept in dead letters as JSON: fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Whether a source or a sink was called.
    pub role: String,
    /// The settings, JSON text, in which `${NAME}` stands for what came from the environment. `None` if nobody said what
    /// may be kept of them, or if they are longer than [`Recording::SETTINGS_BYTES_MAX`].
    pub settings: Option<String>,
    /// Limits that were not the default, by name.
    pub limits: BTreeMap<String, u64>,
    /// The topics that it was granted.
    pub topics: Vec<String>,
    /// The log levels that were enabled; a component can ask for them.
    pub log_levels: Vec<LogLevel>,
    /// Inputs of the call.
    pub inputs: usize,
    /// Calls that the instance had answered before.
    pub calls_before: u64,
    /// What the instance read from clocks and random generators while it started.
    pub start: AmbientReads,
    /// The same during the call.
    pub call: AmbientReads,
}

/// What an instance read from clocks and random generators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmbientReads {
    /// The wall clock, in milliseconds since 1970-01-01 UTC.
    pub wall: Readings,
    /// The monotonic clock, in milliseconds.
    pub monotonic: Readings,
    /// What its random bytes were made from.
    pub seed: Seed,
    /// The requests that it made, in their order, and what came of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<Exchange>,
}

/// The readings of one clock, run-length encoded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Readings {
    /// The first reading, in milliseconds.
    pub first_ms: u64,
    /// For each change: how many readings were made of the value before, and the difference to the next one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<(u32, i64)>,
    /// How many readings were made of the last value.
    #[serde(default)]
    pub last: u32,
    /// Whether there were more than [`Readings::STEPS_MAX`] changes. Readings after those were not kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// The seed of a ChaCha20 generator, as 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Seed(pub [u8; 32]);

impl Recording {
    /// Longest settings kept, in bytes: they share the broker's message limit with the input.
    pub const SETTINGS_BYTES_MAX: usize = 16 << 10;

    /// Whether replaying this call gives the same result: it was the instance's first, with one input, and no clock was
    /// cut and no answer of a request is missing.
    pub fn is_exact(&self) -> bool {
        let reads = [&self.start, &self.call];
        let cut = reads
            .map(|reads| reads.wall.cut || reads.monotonic.cut || reads.http.iter().any(|one| one.outcome.is_none()));
        self.calls_before == 0 && self.inputs == 1 && cut == [false, false]
    }

    /// The limits of the call.
    pub fn limits(&self) -> GuestLimits {
        GuestLimits::from_changes(&self.limits)
    }

    /// One line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Readings {
    /// Most changes kept of one clock in one call: a quarter of a second in which it does nothing but read the clock.
    pub const STEPS_MAX: usize = 256;

    /// A clock that was not read.
    pub(crate) fn unread(now_ms: u64) -> Self {
        Self {
            first_ms: now_ms,
            ..Self::default()
        }
    }

    /// Whether the clock was read.
    pub(crate) fn is_read(&self) -> bool {
        self.last > 0 || !self.steps.is_empty()
    }
}

impl From<Seed> for String {
    fn from(seed: Seed) -> Self {
        hex::encode(seed.0)
    }
}

impl TryFrom<String> for Seed {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut seed = [0; 32];
        hex::decode_to_slice(text, &mut seed)?;
        Ok(Self(seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording() -> Recording {
        let reads = AmbientReads {
            wall: Readings::unread(1_700_000_000_123),
            monotonic: Readings {
                first_ms: 5,
                steps: vec![(3, 1), (1, -2)],
                last: 7,
                cut: false,
            },
            seed: Seed([0xab; 32]),
            http: Vec::new(),
        };
        Recording {
            role: "sink".to_owned(),
            settings: Some("{}".to_owned()),
            limits: [("memory_bytes_max".to_owned(), 1 << 20)].into(),
            topics: vec!["/a/b".to_owned()],
            log_levels: vec![LogLevel::Warn, LogLevel::Error],
            inputs: 1,
            calls_before: 0,
            start: reads.clone(),
            call: reads,
        }
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let kept = recording().to_json();
        assert_eq!(
            serde_json::from_str::<Recording>(&kept).expect("a recording"),
            recording()
        );
        assert!(serde_json::from_str::<Recording>(&kept.replace("abab", "xyxy")).is_err());
    }

    #[test]
    fn a_call_is_exact_if_it_was_the_first_with_one_input_and_nothing_was_cut() {
        assert!(recording().is_exact());
        let changes: [fn(&mut Recording); 4] = [
            |r| r.inputs = 2,
            |r| r.calls_before = 1,
            |r| r.start.wall.cut = true,
            |r| r.call.monotonic.cut = true,
        ];
        for change in changes {
            let mut changed = recording();
            change(&mut changed);
            assert!(!changed.is_exact(), "{changed:?}");
        }
    }

    #[test]
    fn limits_come_back_as_they_were() {
        assert_eq!(recording().limits().memory_bytes_max, 1 << 20);
        assert_eq!(recording().limits().changes(), recording().limits);
    }
}
