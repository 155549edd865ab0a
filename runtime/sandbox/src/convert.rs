//! Between the model's columns and the generated ones: borrowed on the way in, moved on the way out.

use std::time::Duration;

use danube_wasm_model::{
    SubscriptionType,
    columns::{Attributes, Blobs, Labels, Origins, Payloads, Rejection, RejectionKind},
    door::{Failure, FailureKind},
};

use crate::bindings::danube::connector::types as wit;

pub(crate) fn blobs(from: &Blobs) -> wit::BlobsParam<'_> {
    wit::BlobsParam {
        ends: &from.ends,
        bytes: &from.bytes,
    }
}

pub(crate) fn attributes(from: &Attributes) -> wit::AttributesParam<'_> {
    wit::AttributesParam {
        ends: &from.ends,
        names: blobs(&from.names),
        values: blobs(&from.values),
    }
}

/// The names of a labels column, borrowed: the generated type wants them so.
pub(crate) fn names(from: &Labels) -> Vec<&str> {
    from.names.iter().map(String::as_str).collect()
}

pub(crate) fn labels<'a>(from: &'a Labels, names: &'a [&'a str]) -> wit::LabelsParam<'a> {
    wit::LabelsParam {
        names,
        index: &from.index,
    }
}

impl From<wit::BlobsResult> for Blobs {
    fn from(from: wit::BlobsResult) -> Self {
        Self {
            ends: from.ends,
            bytes: from.bytes,
        }
    }
}

impl From<wit::LabelsResult> for Labels {
    fn from(from: wit::LabelsResult) -> Self {
        Self {
            names: from.names,
            index: from.index,
        }
    }
}

impl From<wit::AttributesResult> for Attributes {
    fn from(from: wit::AttributesResult) -> Self {
        Self {
            ends: from.ends,
            names: from.names.into(),
            values: from.values.into(),
        }
    }
}

impl From<wit::Origins> for Origins {
    fn from(from: wit::Origins) -> Self {
        Self {
            ends: from.ends,
            index: from.index,
        }
    }
}

impl From<wit::Payloads> for Payloads {
    fn from(from: wit::Payloads) -> Self {
        Self {
            reuse: from.reuse,
            bytes: from.bytes.into(),
        }
    }
}

impl From<wit::Rejection> for Rejection {
    fn from(from: wit::Rejection) -> Self {
        Self {
            origin: from.origin,
            kind: RejectionKind::from_code(from.kind),
            // Cut when it has been masked, by the lane.
            message: from.message,
        }
    }
}

impl From<wit::Failure> for Failure {
    fn from(from: wit::Failure) -> Self {
        Self {
            kind: match from.kind {
                wit::FailureKind::Retryable => FailureKind::Retryable,
                wit::FailureKind::Fatal => FailureKind::Fatal,
                wit::FailureKind::InvalidData => FailureKind::InvalidData,
                wit::FailureKind::Configuration => FailureKind::Configuration,
            },
            code: from.code,
            // Cut when it has been masked, by the lane.
            message: from.message,
            retry_after: from.retry_after_ms.map(|ms| Duration::from_millis(ms.into())),
        }
    }
}

impl From<wit::SubscriptionType> for SubscriptionType {
    fn from(from: wit::SubscriptionType) -> Self {
        match from {
            wit::SubscriptionType::Exclusive => Self::Exclusive,
            wit::SubscriptionType::Shared => Self::Shared,
            wit::SubscriptionType::Failover => Self::Failover,
            wit::SubscriptionType::KeyShared => Self::KeyShared,
        }
    }
}
