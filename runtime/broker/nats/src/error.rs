//! What the answers of JetStream mean.

use danube_wasm_broker::{BrokerError, ErrorKind};
use serde::Deserialize;

/// An error of the API.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ApiError {
    #[serde(default)]
    pub(crate) code: u32,
    #[serde(default)]
    pub(crate) err_code: u32,
    #[serde(default)]
    pub(crate) description: String,
}

pub(crate) const STREAM_NOT_FOUND: u32 = 10059;
pub(crate) const CONSUMER_NOT_FOUND: u32 = 10014;
pub(crate) const NO_MESSAGE: u32 = 10037;
pub(crate) const WRONG_LAST_SEQUENCE: u32 = 10071;
pub(crate) const STREAM_NAME_IN_USE: u32 = 10058;
pub(crate) const SUBJECTS_OVERLAP: u32 = 10065;
/// A message of a batch has an id that was stored before: its batch was committed.
pub(crate) const DUPLICATE_IN_BATCH: u32 = 10201;

impl ApiError {
    /// What the caller does next.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self.err_code {
            STREAM_NOT_FOUND | CONSUMER_NOT_FOUND | NO_MESSAGE => ErrorKind::NotFound,
            STREAM_NAME_IN_USE | SUBJECTS_OVERLAP | WRONG_LAST_SEQUENCE | 10148 | 10013 => ErrorKind::Conflict,
            10054 | 10097 => ErrorKind::TooLarge,
            10077 if self.description.contains("size") => ErrorKind::TooLarge,
            // Space, streams or consumers of the account, the server or the stream.
            10002 | 10023 | 10026 | 10027 | 10028 | 10047 | 10077 | 10110 => ErrorKind::Storage,
            10035 | 10039 | 10076 | 10052 => ErrorKind::Denied,
            // Elections, peers that are away, streams that are being made.
            _ if self.code == 503 || self.code == 408 || self.code == 429 => ErrorKind::Unavailable,
            _ if self.code == 404 => ErrorKind::NotFound,
            _ if (400..500).contains(&self.code) => ErrorKind::Conflict,
            _ => ErrorKind::Unavailable,
        }
    }

    /// With what was to be done, and the cure where there is one.
    pub(crate) fn explain(&self, doing: &str) -> BrokerError {
        let cure = match self.err_code {
            10076 => ": switch JetStream on in the servers (`jetstream {}`)",
            10035 | 10039 => ": give this account JetStream, or use the credentials of one that has it",
            10047 | 10028 | 10002 | 10023 => ": raise the storage that the account or server may use, or delete topics",
            10026 => ": raise the number of consumers that the account may have",
            10027 => ": raise the number of streams that the account may have",
            SUBJECTS_OVERLAP => {
                ": another stream takes these subjects; set another `prefix`, or have that stream's subjects changed"
            }
            10077 => ": the topic is full; let its subscriptions catch up, or raise `topic_bytes_max`",
            10005 => ": fewer servers have room for it than `replicas` says, or lack the `placement_tags`",
            _ => "",
        };
        let Self {
            description, err_code, ..
        } = self;
        BrokerError::new(self.kind(), format!("{doing}: {description} ({err_code}){cure}"))
    }
}

pub(crate) fn unavailable(message: impl Into<String>) -> BrokerError {
    BrokerError::new(ErrorKind::Unavailable, message)
}

pub(crate) fn denied(message: impl Into<String>) -> BrokerError {
    BrokerError::new(ErrorKind::Denied, message)
}

pub(crate) fn conflict(message: impl Into<String>) -> BrokerError {
    BrokerError::new(ErrorKind::Conflict, message)
}

pub(crate) fn not_found(message: impl Into<String>) -> BrokerError {
    BrokerError::new(ErrorKind::NotFound, message)
}
