//! One Delta table.

use danube_wasm_settings::{
    Section, Table as Reader,
    kinds::{Choice, Flag, Integer, Name},
};

use super::{FieldMapping, PartitionBy, UnknownFields, columns, names::TableNames, storage::TableUrlKind};
use crate::{limits::WINDOW_ROWS_DEFAULT, storage::TableUrl};

/// A Delta table, and how documents become its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What mappings and components choose it by.
    pub name: String,
    /// Where it is.
    pub url: TableUrl,
    /// Whether it is made if it is not there.
    pub create: bool,
    /// Which field goes to which column; if empty, each to the column of its name.
    pub field_mappings: Vec<FieldMapping>,
    /// What its partitions are made by, if the file says.
    pub partition: Vec<PartitionBy>,
    /// What becomes of fields without a column, if the file says.
    pub unknown: Option<UnknownFields>,
    /// Whether columns of the file that the table does not have are added to it.
    pub evolve: bool,
    /// Whether rows are changes of documents.
    pub changes: bool,
    /// Most bytes of documents in a file.
    pub file_bytes_max: usize,
    /// A checkpoint is written after so many commits.
    pub checkpoint_commits: u64,
    /// Rows that are known when they come again.
    pub window_rows: usize,
    /// Whether a mapping adds `_danube_metadata`.
    pub has_metadata: bool,
}

impl Table {
    /// What becomes of fields without a column.
    pub(crate) fn unknown_fields(&self) -> UnknownFields {
        let usual = match self.field_mappings.is_empty() {
            true => UnknownFields::Refuse,
            false => UnknownFields::Drop,
        };
        self.unknown.clone().unwrap_or(usual)
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        format!("table `{}` at {}", self.name, self.url)
    }
}

impl Section for Table {
    const ABOUT: &'static str =
        "A Delta table that rows are appended to. Several writers may share one, also other programs.";

    fn read(t: &mut Reader<'_>) -> Option<Self> {
        let name = t
            .field("name", Name("table"), "What mappings and components choose it by.")
            .example("\"orders\"")
            .required();
        let url = t
            .field(
                "url",
                TableUrlKind,
                "Where it is: a folder of its own in a bucket, a container, or on this machine. Options of the store are in `storage`.",
            )
            .example("\"s3://lake/orders\"")
            .required();
        if let (Some(name), Some(url)) = (&name, &url) {
            TableNames::declare(t, name, url);
        }
        let create = t
            .field(
                "create",
                Flag,
                "Make the table if it is not there, with the columns of `field_mappings`.",
            )
            .or(false);
        let (field_mappings, partition, unknown) = columns::read(t, create);
        let (evolve, changes) = form(t);
        let (file_bytes_max, checkpoint_commits, window_rows) = sizes(t);
        Some(Self {
            name: name?,
            url: url?,
            create,
            field_mappings,
            partition,
            unknown,
            evolve,
            changes,
            file_bytes_max,
            checkpoint_commits,
            window_rows,
            has_metadata: false,
        })
    }
}

fn form(t: &mut Reader<'_>) -> (bool, bool) {
    let evolve = t
        .field(
            "evolve",
            Choice::of(&[("never", false), ("add-nullable", true)]),
            "Whether columns of `field_mappings` that the table does not have are added to it. They may be null, and be it for the \
             rows before. Types are never changed.",
        )
        .or(false);
    let changes = t
        .field(
            "changes",
            Flag,
            "Whether rows are changes of documents: upserts and deletes are rows, too. The table has three more columns: `_id` string, \
             `_op` string (`insert`, `upsert`, `delete`) and `_order` long; of the rows of an `_id`, the one of the highest `_order` \
             is what the document is now. Without, only inserts are accepted.",
        )
        .or(false);
    (evolve, changes)
}

fn sizes(t: &mut Reader<'_>) -> (usize, u64, usize) {
    let file_bytes_max = t
        .field(
            "target_file_bytes",
            Integer(1 << 20..=1 << 30),
            "Most bytes of documents in a data file. A commit with more has several. Files are compressed with zstd, to about a fifth.",
        )
        .or(128 << 20);
    let checkpoint_commits = t
        .field(
            "checkpoint_commits",
            Integer(1..=10_000),
            "Write a checkpoint of the table's log after so many commits, of whatever writers.",
        )
        .or(50);
    let window_rows = t
        .field(
            "window_rows",
            Integer(1_000..=100_000_000),
            "Rows that are known when they come again, after a crash or a lost answer: a message that comes again later than that is \
             doubled. Each is 16 bytes in the table's folder `_danube_wasm`, and about 50 in memory.",
        )
        .or(WINDOW_ROWS_DEFAULT);
    (file_bytes_max, checkpoint_commits, window_rows)
}
