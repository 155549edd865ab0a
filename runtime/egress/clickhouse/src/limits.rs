//! Every limit of the sink, each with its unit last in its name and its reason.

use std::time::Duration;

/// Of an answer: the description of a table with hundreds of columns, or a page of ids.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Of an answer that only says what is wrong: enough for the server's sentence. Its stack traces follow behind.
pub const ERROR_BYTES_MAX: usize = 16 << 10;

/// Of the server's own words in a message for people, in characters.
pub const SAID_CHARS_MAX: usize = 400;

/// Longest wait that an answer may ask for (`Retry-After`). More is a mistake.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// How long a connection may be idle before it is not used again. The server closes it after 10 s or later, a balancer in front
/// of it sooner; a request that meets the end of a connection has an unknown outcome.
pub const IDLE_CONNECTION_MAX: Duration = Duration::from_secs(4);

/// Most rows of an insert. The server makes one block, which is stored as a whole, of up to 1,048,449.
pub const INSERT_ROWS_MAX: usize = 500_000;

/// Most bytes of an insert's documents, unless a single one is larger.
pub const INSERT_BYTES_MAX: usize = 64 << 20;

/// Rows from which an insert is a part of its own. The server collects smaller ones (`async_insert`) and answers when they are
/// stored.
pub const OWN_PART_ROWS_MIN: usize = 1_000;

/// Partitions of an insert, where the server does not say: its own default.
pub const PARTITIONS_MAX_DEFAULT: usize = 100;

/// Ids that a table is asked for at a time.
pub const LOOKUP_IDS_MAX: usize = 2_000;

/// Bytes of the rows whose ids a table is asked for at a time.
pub const LOOKUP_BYTES_MAX: usize = 128 << 10;

/// Rows that are sent again, all together, while the server names one bad row after the other. Then they are halved, which makes
/// more and smaller parts.
pub const SENT_AGAIN_ROWS_MAX: usize = 200_000;
