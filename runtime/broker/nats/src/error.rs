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
/// The same, where the newest is not stored yet, but on its way.
const WRONG_LAST_SEQUENCE_ON_ITS_WAY: u32 = 10164;
/// A message with this id is on its way: an earlier try of the same. What becomes of it is known soon.
const DUPLICATE_ON_ITS_WAY: u32 = 10158;
/// Fewer servers than copies, or with too little room or other tags; those that are away do not count.
const TOO_FEW_SERVERS: u32 = 10005;
/// More copies than servers, on one that is alone.
const NOT_A_CLUSTER: u32 = 10074;
/// JetStream is off, or is not up yet.
const NO_JETSTREAM: [u32; 2] = [10039, 10076];
pub(crate) const STREAM_NAME_IN_USE: u32 = 10058;
/// There is a consumer of this name.
pub(crate) const CONSUMER_EXISTS: [u32; 3] = [10013, 10105, 10148];
pub(crate) const SUBJECTS_OVERLAP: u32 = 10065;
/// Some of a batch went to a leader that is not one any more: nothing of this try is stored.
pub(crate) const BATCH_INCOMPLETE: u32 = 10176;
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
            10035 | 10039 | 10076 | 10052 | 10113 | 10120..=10122 | NOT_A_CLUSTER => ErrorKind::Denied,
            // Elections, peers that are away, streams that are being made.
            BATCH_INCOMPLETE | DUPLICATE_ON_ITS_WAY | WRONG_LAST_SEQUENCE_ON_ITS_WAY | TOO_FEW_SERVERS => {
                ErrorKind::Unavailable
            }
            _ if self.code == 503 || self.code == 408 || self.code == 429 => ErrorKind::Unavailable,
            _ if self.code == 404 => ErrorKind::NotFound,
            _ if (400..500).contains(&self.code) => ErrorKind::Conflict,
            _ => ErrorKind::Unavailable,
        }
    }

    /// Whether a server that has just started may say so, although it is not so.
    pub(crate) fn may_pass(&self) -> bool {
        NO_JETSTREAM.contains(&self.err_code)
    }

    /// With what was to be done, and the cure where there is one.
    pub(crate) fn explain(&self, doing: &str) -> BrokerError {
        let cure = match self.err_code {
            10076 => ": switch JetStream on in the servers (`jetstream {}`)",
            10035 | 10039 => ": give this account JetStream, or use the credentials of one that has it",
            10047 | 10028 | 10002 | 10023 => {
                ": each topic reserves `nats.topic_bytes_max`; lower that, raise the storage that the account or server \
                 may use (`max_file_store`), or delete topics"
            }
            10113 | 10122 => {
                ": the account limits the bytes of a stream; lower `topic_bytes_max`, or raise `max_bytes` of the account"
            }
            10121 => ": raise `max_ack_pending` of the account to 65536",
            10120 => ": the account has no limit for this number of copies; give it one, or change `replicas`",
            NOT_A_CLUSTER => {
                ": this server is alone; make a cluster of three, or accept one copy with `replicas = 1` and `accept_loss = true`"
            }
            10026 => ": raise the number of consumers that the account may have",
            10027 => ": raise the number of streams that the account may have",
            SUBJECTS_OVERLAP => {
                ": another stream takes these subjects; set another `prefix`, or have that stream's subjects changed"
            }
            10077 => ": the topic is full; let its subscriptions catch up, or raise `topic_bytes_max`",
            TOO_FEW_SERVERS => ": fewer servers have room for it than `replicas` says, or lack the `placement_tags`",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: u32, err_code: u32) -> ErrorKind {
        let error = ApiError {
            code,
            err_code,
            ..ApiError::default()
        };
        error.kind()
    }

    #[test]
    fn what_passes_by_itself_is_tried_again() {
        for (code, err_code) in [
            (409, DUPLICATE_ON_ITS_WAY),
            (400, WRONG_LAST_SEQUENCE_ON_ITS_WAY),
            (400, BATCH_INCOMPLETE),
            (400, TOO_FEW_SERVERS),
            (503, 10008),
            (500, 10009),
            (500, 10118),
            (429, 10167),
            (429, 10210),
        ] {
            assert_eq!(kind(code, err_code), ErrorKind::Unavailable, "{err_code}");
        }
    }

    #[test]
    fn what_somebody_must_change_is_not() {
        assert_eq!(kind(500, NOT_A_CLUSTER), ErrorKind::Denied);
        assert_eq!(kind(400, 10122), ErrorKind::Denied);
        assert_eq!(kind(400, SUBJECTS_OVERLAP), ErrorKind::Conflict);
        assert_eq!(kind(400, WRONG_LAST_SEQUENCE), ErrorKind::Conflict);
    }
}
