//! Ids of points: numbers of 64 bits or UUIDs, and nothing else.

use qdrant_client::qdrant::{PointId, point_id::PointIdOptions};
use sha1::{Digest as _, Sha1};
use uuid::Uuid;

use crate::config::IdForm;

/// Of this sink's own, so that nobody else's UUIDs are the same. Never changes: points are found by it.
const NAMESPACE: Uuid = Uuid::from_u128(0x8d3f_5c0e_51a7_4c3b_9a55_c1f0_6f2b_7d94);

/// An id of a point, to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum PointKey {
    Number(u64),
    Uuid(Uuid),
}

impl PointKey {
    /// Of a document's id.
    pub(crate) fn of(id: &str, form: IdForm) -> Self {
        match form {
            IdForm::Uuid => Self::Uuid(uuid_of(id)),
            IdForm::Native => native(id).unwrap_or_else(|| Self::Uuid(uuid_of(id))),
            IdForm::DanubeConnect => Self::Number(id.parse().unwrap_or_else(|_| hash_of(id))),
        }
    }
}

/// An id that is one already, in its only form.
fn native(id: &str) -> Option<PointKey> {
    if let Ok(number) = id.parse::<u64>() {
        return (number.to_string() == id).then_some(PointKey::Number(number));
    }
    let uuid = Uuid::try_parse(id).ok()?;
    (uuid.hyphenated().to_string() == id).then_some(PointKey::Uuid(uuid))
}

/// Version 5 (RFC 9562, section 5.5).
fn uuid_of(id: &str) -> Uuid {
    let hash = Sha1::new()
        .chain_update(NAMESPACE.as_bytes())
        .chain_update(id)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}

/// The first eight bytes of SHA-256.
fn hash_of(id: &str) -> u64 {
    // Of another version of the trait than that of `sha1`.
    let hash = <sha2::Sha256 as sha2::Digest>::digest(id);
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(bytes)
}

impl From<PointKey> for PointId {
    fn from(key: PointKey) -> Self {
        let options = match key {
            PointKey::Number(number) => PointIdOptions::Num(number),
            PointKey::Uuid(uuid) => PointIdOptions::Uuid(uuid.hyphenated().to_string()),
        };
        Self {
            point_id_options: Some(options),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(id: &str, form: IdForm) -> String {
        match PointKey::of(id, form) {
            PointKey::Number(number) => number.to_string(),
            PointKey::Uuid(uuid) => uuid.to_string(),
        }
    }

    /// The same in every version: points are found by it.
    #[test]
    fn the_uuid_of_an_id_never_changes() {
        assert_eq!(shown("a", IdForm::Uuid), "3c208e2d-6444-5f1b-a5c7-bab5ab444740");
        assert_eq!(shown("7", IdForm::Uuid), "f0a847c4-7045-5cb2-a0d7-8eaa9c4d3e71");
    }

    #[test]
    fn native_ids_are_taken_as_they_are_in_their_only_form() {
        for id in ["0", "7", "18446744073709551615", "67e55044-10b1-426f-9247-bb680e5fe0c8"] {
            assert_eq!(shown(id, IdForm::Native), id);
        }
        for id in [
            "07",
            "+7",
            "18446744073709551616",
            "67E55044-10B1-426F-9247-BB680E5FE0C8",
            "67e5504410b1426f9247bb680e5fe0c8",
        ] {
            assert_eq!(shown(id, IdForm::Native), shown(id, IdForm::Uuid), "{id}");
        }
    }

    #[test]
    fn points_of_danube_connect_are_met() {
        assert_eq!(shown("42", IdForm::DanubeConnect), "42");
        // The first 8 bytes of SHA-256("article-1").
        assert_eq!(shown("article-1", IdForm::DanubeConnect), "4740691000100999504");
    }
}
