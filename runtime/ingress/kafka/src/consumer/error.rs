//! What librdkafka says, sorted by what is done about it.

use danube_wasm_model::upstream::UpstreamError;
use rdkafka::{error::KafkaError, types::RDKafkaErrorCode as Code};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsumerError {
    pub(crate) kind: ErrorKind,
    /// What happened, and what to do where somebody can do something.
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// No broker is there, or none answers.
    Unreachable,
    /// The topic is not there.
    NoTopic,
    /// Passes by itself.
    Transient,
    /// Only somebody else can help.
    Configuration,
    /// The same, before anything could be asked: no broker lets us in, or we do not trust it.
    NotAdmitted,
    /// Another process has our name.
    Fenced,
    /// The partition has records that cannot be read, and were passed over.
    Unreadable,
    /// We were thrown out because nobody polled.
    NotPolled,
}

impl ConsumerError {
    /// What librdkafka says, with its own words about it.
    pub(crate) fn of(error: &KafkaError, said: Option<String>) -> Self {
        let code = error.rdkafka_error_code();
        let kind = code.map_or(ErrorKind::Configuration, kind);
        let said = said.filter(|said| !said.is_empty());
        let said = said.unwrap_or_else(|| code.map_or_else(|| error.to_string(), |code| code.to_string()));
        let message = match code.and_then(cure) {
            Some(cure) => format!("{}: {cure}", said.trim_end_matches('.')),
            None => said,
        };
        Self { kind, message }
    }

    /// A source that has read before goes on trying: brokers that restart may refuse at first.
    pub(crate) fn into_upstream(self, address: &str, has_read: bool) -> UpstreamError {
        let message = format!("Kafka at {address}: {}", self.message);
        match self.kind {
            ErrorKind::Unreadable => UpstreamError::Gap { message },
            ErrorKind::Fenced => UpstreamError::Configuration { message },
            ErrorKind::Configuration | ErrorKind::NotAdmitted if !has_read => UpstreamError::Configuration { message },
            _ => UpstreamError::Transient {
                message,
                retry_after: None,
            },
        }
    }
}

fn kind(code: Code) -> ErrorKind {
    match code {
        Code::AllBrokersDown
        | Code::BrokerTransportFailure
        | Code::Resolve
        | Code::OperationTimedOut
        | Code::NetworkException => ErrorKind::Unreachable,
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => ErrorKind::NoTopic,
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism | Code::SSL => {
            ErrorKind::NotAdmitted
        }
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::InvalidGroupId
        | Code::InconsistentGroupProtocol
        | Code::InvalidSessionTimeout
        | Code::GroupMaxSizeReached
        | Code::InvalidTopic
        | Code::UnsupportedVersion
        | Code::UnsupportedFeature => ErrorKind::Configuration,
        Code::FencedInstanceId => ErrorKind::Fenced,
        Code::BadMessage | Code::BadCompression | Code::NotImplemented | Code::InvalidMessage => ErrorKind::Unreadable,
        Code::PollExceeded => ErrorKind::NotPolled,
        _ => ErrorKind::Transient,
    }
}

/// What to do about it.
fn cure(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::Authentication | Code::SaslAuthenticationFailed => "correct `sasl`, or let this user in at the cluster",
        Code::UnsupportedSASLMechanism => "write a `mechanism` in `sasl` that the broker's listener has",
        Code::SSL => "correct `tls`, or name a listener of the brokers that has TLS",
        Code::TopicAuthorizationFailed => "allow this user READ and DESCRIBE on the topic",
        Code::GroupAuthorizationFailed => "allow this user READ on the group",
        Code::UnknownTopicOrPartition | Code::UnknownTopic => "make the topic, or correct `topic` in `routes`",
        Code::InconsistentGroupProtocol => {
            "others in this group share partitions in another way: give this source a `group` of its own, or end them first"
        }
        Code::InvalidSessionTimeout => "write a `session_timeout_ms` within the broker's limits",
        Code::GroupMaxSizeReached => "raise the broker's `group.max.size`, or end other members",
        Code::UnsupportedVersion | Code::UnsupportedFeature => {
            "write `group_protocol = \"classic\"`, or update the brokers"
        }
        Code::FencedInstanceId => {
            "another process has taken this `instance` over: give each process of the group one of its own"
        }
        Code::BadMessage | Code::BadCompression | Code::NotImplemented | Code::InvalidMessage => {
            "the records there cannot be read. To go on behind them, set the group's offset there while the source is stopped"
        }
        _ => return None,
    })
}
