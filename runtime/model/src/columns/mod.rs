//! Columns: n values as a few flat lists, the shape in which batches cross the sandbox (`wit/types.wit`).
//!
//! What a component returns is hostile until its `check` has passed: offsets may descend, indexes may point nowhere,
//! text may not be UTF-8. Every check is linear in the column's size and allocates nothing that the column did not.

mod attributes;
mod blobs;
mod ends;
mod labels;
mod ordinals;
mod origins;
mod payloads;
mod rejection;

pub use attributes::Attributes;
pub use blobs::Blobs;
pub use labels::Labels;
pub use ordinals::Ordinals;
pub use origins::Origins;
pub use payloads::{PayloadAt, Payloads};
pub use rejection::{Rejection, RejectionKind};

/// A column that breaks a rule of the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}`: {reason}")]
pub struct ColumnError {
    /// The column, as the WIT names it.
    pub column: &'static str,
    /// The rule and the value that broke it.
    pub reason: String,
}

impl ColumnError {
    /// An error in `column`.
    pub fn new(column: &'static str, reason: String) -> Self {
        Self { column, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went_in() {
        let mut blobs = Blobs::default();
        for value in [&b"a"[..], b"", b"ccc"] {
            blobs.push(value);
        }
        assert_eq!(blobs.iter().collect::<Vec<_>>(), [&b"a"[..], b"", b"ccc"]);
        blobs.check("x").expect("valid");

        let mut labels = Labels::default();
        for value in ["a", "b", "a"] {
            labels.push(value);
        }
        assert_eq!(
            (labels.names.len(), labels.iter().collect::<Vec<_>>()),
            (2, vec!["a", "b", "a"])
        );

        let mut sets = Attributes::default();
        sets.push([("k", "v")]);
        sets.push([]);
        sets.push([("ä", "1"), ("b", "2")]);
        sets.check_optional("x", 3).expect("valid");
        assert_eq!(sets.get(2).collect::<Vec<_>>(), [("ä", "1"), ("b", "2")]);
        assert_eq!(sets.get(1).count(), 0);
    }

    #[test]
    fn a_column_that_lies_is_refused() {
        let bad = [
            Blobs {
                ends: vec![2, 1],
                bytes: vec![0; 1],
            },
            Blobs {
                ends: vec![u32::MAX],
                bytes: vec![0; 1],
            },
            Blobs {
                ends: vec![],
                bytes: vec![0; 1],
            },
            Blobs {
                ends: vec![1],
                bytes: vec![0; 2],
            },
        ];
        for blobs in bad {
            assert!(blobs.check("x").is_err(), "{blobs:?}");
        }
        assert!(
            Labels {
                names: vec!["a".into()],
                index: vec![1]
            }
            .check("x")
            .is_err()
        );
        assert!(
            Origins {
                ends: vec![1],
                index: vec![7]
            }
            .check("x", 1, 7)
            .is_err()
        );
        assert!(
            Origins {
                ends: vec![0],
                index: vec![]
            }
            .check("x", 1, 1)
            .is_err()
        );
        assert!(Origins::default().check("x", 2, 1).is_err());
        let split = Attributes {
            ends: vec![2],
            names: Blobs {
                ends: vec![1, 2],
                bytes: "ä".into(),
            },
            values: Blobs {
                ends: vec![0, 0],
                bytes: vec![],
            },
        };
        assert!(split.check_optional("x", 1).is_err());
        assert!(
            Payloads {
                reuse: vec![3],
                bytes: Blobs::default()
            }
            .check("x", 1, 2)
            .is_err()
        );
        assert!(
            Payloads {
                reuse: vec![0, 0],
                bytes: Blobs {
                    ends: vec![0],
                    bytes: vec![]
                }
            }
            .check("x", 2, 2)
            .is_err()
        );
    }

    #[test]
    fn payloads_mix_new_and_reused() {
        let mut payloads = Payloads::default();
        payloads.push(b"a");
        payloads.push_input(4);
        payloads.push(b"b");
        payloads.check("x", 3, 5).expect("valid");
        assert_eq!(
            payloads.places().collect::<Vec<_>>(),
            [PayloadAt::New(0), PayloadAt::Input(4), PayloadAt::New(1)]
        );
    }

    #[test]
    fn origins_are_identity_when_empty() {
        assert_eq!(Origins::default().of(3).collect::<Vec<_>>(), [3]);
        let mut origins = Origins::default();
        origins.push(&[0, 1]);
        origins.push(&[1]);
        origins.check("x", 2, 2).expect("valid");
        assert_eq!(origins.of(0).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(origins.of(1).collect::<Vec<_>>(), [1]);
    }
}
