//! One transaction of the writer: the tables, and the changes to memory that follow once it is durable.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use redb::{ReadableTable, Table, WriteTransaction};

use super::{
    catalog::Partitions,
    cursor::Cursor,
    fault::Fault,
    limits::NUMBER_MAX,
    options::EmbeddedOptions,
    tables::{CURSORS, HEADS, Head, MESSAGES, META},
    topic::{Subscription, Topic},
};

/// A transaction being written.
pub(super) struct Batch<'t> {
    pub(super) transaction: &'t WriteTransaction,
    pub(super) messages: Table<'t, (u64, u64), &'static [u8]>,
    pub(super) partitions: &'t Partitions,
    /// Partitions of deleted topics that still have messages.
    pub(super) pending_deletes: &'t BTreeSet<u64>,
    pub(super) options: &'t EmbeddedOptions,
    /// Whether no call waits for it.
    pub(super) is_idle: bool,
    pub(super) staged: StagedChanges,
}

/// The changes of a transaction, applied to memory after it is durable.
#[derive(Default)]
pub(super) struct StagedChanges {
    /// Partitions that changed.
    pub(super) heads: HashMap<u64, Head>,
    /// Cursors that changed, by subscription and index of the partition in its topic.
    pub(super) cursors: HashMap<(u64, usize), StagedCursor>,
    /// Topics with a new subscription: their messages are not trimmed in this transaction.
    pub(super) new_subscriptions: HashSet<u64>,
    /// Messages that were dropped by age or size before every subscription had them, by partition.
    pub(super) dropped: HashMap<u64, u64>,
    /// Partitions whose topic was deleted.
    pub(super) pending_deletes: BTreeSet<u64>,
    /// Partitions of deleted topics whose messages were all removed.
    pub(super) emptied: Vec<u64>,
    /// Subscriptions that were deleted.
    pub(super) deleted_subscriptions: HashSet<u64>,
    /// Retention stopped at its limit: there is more to trim.
    pub(super) more_to_trim: bool,
    /// Whether there is anything to commit.
    pub(super) changed: bool,
}

/// A cursor with new acknowledgements, or moved.
pub(super) struct StagedCursor {
    pub(super) topic: Arc<Topic>,
    pub(super) subscription: Arc<Subscription>,
    pub(super) cursor: Cursor,
    pub(super) offsets: Vec<u64>,
    /// An operator moved it: delivered messages count as not delivered.
    pub(super) sought: bool,
}

impl<'t> Batch<'t> {
    pub(super) fn new(
        transaction: &'t WriteTransaction,
        partitions: &'t Partitions,
        pending_deletes: &'t BTreeSet<u64>,
        options: &'t EmbeddedOptions,
        is_idle: bool,
    ) -> Result<Self, Fault> {
        let messages = transaction.open_table(MESSAGES)?;
        Ok(Self {
            transaction,
            messages,
            partitions,
            pending_deletes,
            options,
            is_idle,
            staged: StagedChanges::default(),
        })
    }

    /// Writes cursors and heads, after everything was applied and trimmed.
    pub(super) fn finish(self) -> Result<(bool, StagedChanges), Fault> {
        let mut heads = self.transaction.open_table(HEADS)?;
        for (partition, head) in &self.staged.heads {
            heads.insert(partition, head.row())?;
        }
        let mut cursors = self.transaction.open_table(CURSORS)?;
        for ((subscription, index), acked) in &self.staged.cursors {
            cursors.insert((*subscription, *index as u32), acked.cursor.encode().as_slice())?;
        }
        let changed = self.staged.changed || !self.staged.heads.is_empty() || !self.staged.cursors.is_empty();
        Ok((changed, self.staged))
    }

    /// The head of a partition, with the changes of this transaction.
    pub(super) fn head(&self, partition: u64) -> Head {
        let before = || {
            self.partitions
                .get(&partition)
                .map(|state| state.head)
                .unwrap_or_default()
        };
        self.staged.heads.get(&partition).copied().unwrap_or_else(before)
    }

    /// Whether a partition exists, with the changes of this transaction.
    pub(super) fn exists(&self, partition: u64) -> bool {
        self.partitions.contains_key(&partition) && !self.staged.pending_deletes.contains(&partition)
    }
}

/// Takes `n` numbers of a kind and returns the first.
pub(super) fn next_number(transaction: &WriteTransaction, kind: &str, n: u64) -> Result<u64, Fault> {
    let mut meta = transaction.open_table(META)?;
    let next = meta.get(kind)?.map_or(1, |row| row.value());
    if next > NUMBER_MAX {
        return Err(Fault::Damaged(format!("`{kind}` is said to be {next}")));
    }
    meta.insert(kind, next + n)?;
    Ok(next)
}
