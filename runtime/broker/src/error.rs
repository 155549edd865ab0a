//! Why a broker did not do something, sorted by what the caller does next.

use danube_wasm_codes::Code;

/// What the caller does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Out of reach, or its session was lost and is being rebuilt: back off and try again.
    Unavailable,
    /// Its disk is full or failing: back off and try again; it recovers by itself when the disk does.
    Storage,
    /// The record is over the broker's limit: it will never be accepted.
    TooLarge,
    /// No such topic, subscription or schema.
    NotFound,
    /// What is there differs from what was asked for: partitions, subscription type, an exclusive consumer.
    Conflict,
    /// Not allowed.
    Denied,
    /// What is stored cannot be read: it is damaged, or of a newer format.
    Incompatible,
    /// Closed by this process.
    Closed,
}

impl ErrorKind {
    /// The code of its page; nothing where this process has closed it itself.
    pub fn code(self) -> Option<Code> {
        Some(match self {
            Self::Unavailable => Code::BrokerUnavailable,
            Self::Storage => Code::BrokerStorage,
            Self::TooLarge => Code::RecordTooLarge,
            Self::NotFound => Code::NoSuchTopic,
            Self::Conflict => Code::BrokerConflict,
            Self::Denied => Code::BrokerDenied,
            Self::Incompatible => Code::BrokerIncompatible,
            Self::Closed => return None,
        })
    }

    /// Closed metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Storage => "storage",
            Self::TooLarge => "too_large",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
            Self::Incompatible => "incompatible",
            Self::Closed => "closed",
        }
    }
}

/// A broker's refusal.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct BrokerError {
    /// What the caller does next.
    pub kind: ErrorKind,
    /// What happened, where, and what to do.
    pub message: String,
}

impl BrokerError {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::Storage)
    }
}
