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

/// Orders as 8 bytes each, the lowest first.
pub(crate) fn order_bytes(orders: &[u64]) -> Blobs {
    let mut bytes = Blobs::default();
    for order in orders {
        bytes.push(&order.to_le_bytes());
    }
    bytes
}

/// Payloads as strings, for components that want `texts`: those that are UTF-8 as names of labels, the others as bytes.
pub(crate) struct Texts<'a> {
    names: Vec<&'a str>,
    index: Vec<u32>,
    /// The payloads that are not UTF-8; zero bytes in place of the others.
    pub(crate) rest: Blobs,
}

impl<'a> Texts<'a> {
    /// Name of the extra column.
    pub(crate) const COLUMN: &'static str = "texts";

    pub(crate) fn of(payloads: &'a Blobs) -> Self {
        let mut texts = Self {
            names: Vec::with_capacity(payloads.len()),
            index: (0..).take(payloads.len()).collect(),
            rest: Blobs::default(),
        };
        for payload in payloads.iter() {
            let text = str::from_utf8(payload);
            texts.names.push(text.unwrap_or_default());
            texts.rest.push(if text.is_ok() { b"" } else { payload });
        }
        texts
    }

    pub(crate) fn column(&self) -> wit::NamedColumnParam<'_> {
        wit::NamedColumnParam {
            name: Self::COLUMN,
            values: wit::ColumnParam::Labels(wit::LabelsParam {
                names: &self.names,
                index: &self.index,
            }),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_keep_64_bits_as_bytes() {
        let bytes = order_bytes(&[1, u64::MAX - 1]);
        let orders: Vec<_> = bytes
            .iter()
            .map(|b| u64::from_le_bytes(b.try_into().expect("8 bytes")))
            .collect();
        assert_eq!(orders, [1, u64::MAX - 1]);
    }

    #[test]
    fn a_payload_is_given_once_as_text_or_as_bytes() {
        let mut payloads = Blobs::default();
        for payload in [&b"{}"[..], b"\xff\xfe", b"", "é".as_bytes(), b"{}"] {
            payloads.push(payload);
        }
        let texts = Texts::of(&payloads);
        assert_eq!(texts.names, ["{}", "", "", "é", "{}"]);
        assert_eq!(texts.index, [0, 1, 2, 3, 4]);
        let rest: Vec<_> = texts.rest.iter().collect();
        assert_eq!(rest, [&b""[..], b"\xff\xfe", b"", b"", b""]);
        assert_eq!(Texts::of(&Blobs::default()).rest.len(), 0);
    }
}
