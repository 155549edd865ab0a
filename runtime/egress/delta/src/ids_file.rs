//! Files with the ids of committed rows, beside the table.
//!
//! ```text
//! TABLE/_danube_wasm/CONNECTOR/CONSUMER-00000000000000000042-HASH.ids
//! ```
//!
//! A file is 16 bytes for each row. It counts if the table's log has the commit that it was written for: number 42 of this consumer,
//! with a file of this hash. Readers and clean-up of tables pass over folders with `_` in front.

use sha2::{Digest as _, Sha256};

use crate::row::RowId;

/// The folder of all of them, in the table's.
const FOLDER: &str = "_danube_wasm";

/// Whose commits they are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    connector: String,
    consumer: String,
}

/// The name of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdsName {
    /// Of the consumer, as in file names.
    pub(crate) consumer: String,
    /// Which of its commits.
    pub(crate) number: i64,
    /// Of what is in it.
    pub(crate) hash: String,
}

impl Identity {
    pub(crate) fn new(connector: &str, consumer: &str) -> Self {
        Self {
            connector: escaped(connector),
            consumer: escaped(consumer),
        }
    }

    /// The folder of the connector's files.
    pub(crate) fn folder(&self) -> String {
        format!("{FOLDER}/{}", self.connector)
    }

    /// As in file names.
    pub(crate) fn consumer(&self) -> &str {
        &self.consumer
    }

    /// The application whose transactions its commits are.
    pub(crate) fn application(&self) -> String {
        self.application_of(&self.consumer)
    }

    /// The application of another consumer of this connector.
    pub(crate) fn application_of(&self, consumer: &str) -> String {
        format!("danube-wasm/{}/{consumer}", self.connector)
    }

    /// Where a file is.
    pub(crate) fn path(&self, name: &IdsName) -> String {
        format!("{}/{name}", self.folder())
    }
}

/// Only what stays as it is in paths of every store.
fn escaped(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(byte).to_string(),
        other => format!("_{other:02x}"),
    };
    name.bytes().map(byte).collect()
}

impl IdsName {
    /// Of a consumer's commit with this file.
    pub(crate) fn of(identity: &Identity, number: i64, bytes: &[u8]) -> Self {
        Self {
            consumer: identity.consumer.clone(),
            number,
            hash: hex::encode(&Sha256::digest(bytes)[..16]),
        }
    }

    /// Reads a name. Others are not ours.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".ids")?.rsplitn(3, '-');
        let (hash, number, consumer) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            consumer: consumer.to_owned(),
            number: number.parse().ok()?,
            hash: hash.to_owned(),
        })
    }
}

impl std::fmt::Display for IdsName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{:020}-{}.ids", self.consumer, self.number, self.hash)
    }
}

/// What is in a file.
pub(crate) fn encode(ids: &[RowId]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.0).collect()
}

/// `None` if it is no such file.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<RowId>> {
    let (ids, []) = bytes.as_chunks::<{ RowId::BYTES }>() else {
        return None;
    };
    Some(ids.iter().copied().map(RowId).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_as_it_is_written() {
        let identity = Identity::new("my_lake", "host/a-b");
        let name = IdsName::of(&identity, 42, b"ids");
        assert_eq!(IdsName::parse(&name.to_string()), Some(name.clone()));
        assert_eq!(identity.folder(), "_danube_wasm/my_5flake");
        assert!(
            identity
                .path(&name)
                .starts_with("_danube_wasm/my_5flake/host_2fa-b-00000000000000000042-")
        );
        for other in ["x.ids", "a-b-c.ids", "a-1-c.parquet", ""] {
            assert_eq!(IdsName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn ids_are_read_as_they_were_written() {
        let ids = [RowId([1; 16]), RowId([255; 16])];
        assert_eq!(decode(&encode(&ids)).as_deref(), Some(&ids[..]));
        assert_eq!(decode(&[0; 17]), None);
        assert_eq!(decode(&[]), Some(Vec::new()));
    }
}
