//! The tables, and the rows that need a name. [`super`] says what each is for.

use redb::TableDefinition;

use super::{fault::Fault, limits::NUMBER_MAX};

/// Format of the tables below. Raise it with every change that an older version would misread.
pub(super) const FORMAT: u64 = 1;

/// `format`, the next free number of each kind, and the newest publish time of deleted topics.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Topic → requested number of partitions (0: without), number of the first partition.
pub(super) const TOPICS: TableDefinition<'_, &str, (u32, u64)> = TableDefinition::new("topics");
/// Partition → its [`Head`] as first, next, bytes, last publish time.
pub(super) const HEADS: TableDefinition<'_, u64, (u64, u64, u64, u64)> = TableDefinition::new("heads");
/// Partition, offset → a record (`record.rs`).
pub(super) const MESSAGES: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("messages");
/// Topic, subscription → its number and its type's code.
pub(super) const SUBSCRIPTIONS: TableDefinition<'_, (&str, &str), (u64, u8)> = TableDefinition::new("subscriptions");
/// Subscription, index of the partition in its topic → a cursor (`cursor.rs`).
pub(super) const CURSORS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("cursors");
/// Schema subject → its number and newest version.
pub(super) const SUBJECTS: TableDefinition<'_, &str, (u64, u32)> = TableDefinition::new("subjects");
/// Subject, version → name of the subject, type, text.
pub(super) const SCHEMAS: TableDefinition<'_, (u64, u32), (&str, &str, &str)> = TableDefinition::new("schemas");

/// Partitions of deleted topics, whose messages are removed in small batches. The stored name dates from the first logs
/// of this format.
pub(super) const PENDING_DELETES: TableDefinition<'_, u64, ()> = TableDefinition::new("doomed");
/// Kind, name → text (`notes.rs`).
pub(super) const NOTES: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("notes");

/// Connector, key → value (`notebook.rs`).
pub(super) const NOTEBOOKS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("notebooks");

/// Keys of [`META`].
pub(super) const META_FORMAT: &str = "format";
pub(super) const META_NEXT_PARTITION: &str = "next-partition";
pub(super) const META_NEXT_SUBSCRIPTION: &str = "next-subscription";
pub(super) const META_NEXT_SUBJECT: &str = "next-subject";
/// Newest publish time of all deleted topics. Missing before the first deletion.
pub(super) const META_DELETED_MS: &str = "deleted-ms";

/// What a partition holds: offsets from `first` up to, not including, `next`. It has its own row because offsets must
/// keep rising when every message has been trimmed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) first: u64,
    pub(super) next: u64,
    /// Size of the stored records.
    pub(super) bytes: u64,
    /// Newest publish time: the next is never before it.
    pub(super) last_time_ms: u64,
}

impl Head {
    pub(super) fn row(self) -> (u64, u64, u64, u64) {
        (self.first, self.next, self.bytes, self.last_time_ms)
    }

    /// The head of a partition; an error if the row makes no sense.
    pub(super) fn from_row(partition: u64, row: (u64, u64, u64, u64)) -> Result<Self, Fault> {
        let (first, next, bytes, last_time_ms) = row;
        if first > next || next.max(bytes) > NUMBER_MAX {
            return Err(Fault::Damaged(format!(
                "partition {partition} is said to hold messages {first} to {next} in {bytes} bytes"
            )));
        }
        Ok(Self {
            first,
            next,
            bytes,
            last_time_ms,
        })
    }
}
