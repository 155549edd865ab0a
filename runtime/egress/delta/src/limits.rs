//! Every limit of the sink, each with its unit last in its name and its reason.

use std::time::Duration;

/// Deepest nesting of a value. Readers recurse.
pub const NESTING_MAX: usize = 32;

/// Ids of rows that are remembered for each table, where the file does not say: 16 MB of files, and three times that of memory.
pub const WINDOW_ROWS_DEFAULT: usize = 1_000_000;

/// Ids in a file that is rewritten with the next commit's instead of being left alone: so small commits do not leave as many files.
pub const IDS_FILE_ROWS: usize = 4_096;

/// How old a file of ids is that is removed though another process wrote it, where nobody needs it: no commit is on its way so long.
pub const ORPHAN_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Times that a commit is tried again because another writer was first.
pub const CONFLICTS_MAX: u32 = 15;

/// Waits between these tries, the first and the longest; each is up to this long.
pub const CONFLICT_WAIT: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// Partitions in one commit: each has a file of its own. More is a column that does not suit as a partition's.
pub const PARTITIONS_MAX: usize = 100;

/// Bytes of documents in one commit. What waits beyond goes into the next one.
pub const COMMIT_BYTES_MAX: usize = 256 << 20;

/// How long an ending sink waits for a checkpoint that it has begun. Without it readers read some more commits.
pub const CHECKPOINT_ENDS_WITHIN: Duration = Duration::from_secs(10);

/// How long one request to a store is tried again before its batch waits and is written again.
pub const STORE_RETRY: Duration = Duration::from_secs(20);

/// Longest wait for a store's answer.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(30);

/// Tables of a sink.
pub const TABLES_MAX: usize = 256;

/// Columns of a table.
pub const COLUMNS_MAX: usize = 2_000;
