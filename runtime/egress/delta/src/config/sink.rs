//! Delta tables, and what is appended to them.

use danube_wasm_egress_dial::config::Guard;
use danube_wasm_settings::{Secret, Section};

use super::{Table, TopicMapping, names::TableNames, storage};
use crate::storage::check_option;

/// Delta tables, and what is appended to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// Options of the stores that the tables are in.
    pub storage: Vec<(String, Secret)>,
    /// Which addresses may be dialed.
    pub guard: Guard,
    /// At least one, each with a name of its own.
    pub tables: Vec<Table>,
    /// What is consumed and where it goes; at least one.
    pub topic_mappings: Vec<TopicMapping>,
}

impl Delta {
    /// The options that a table's store has.
    pub(crate) fn options_of(&self, table: &Table) -> Vec<(String, Secret)> {
        let suits = |(name, _): &&(String, Secret)| check_option(table.url.kind(), name).is_ok();
        self.storage.iter().filter(suits).cloned().collect()
    }
}

impl Section for Delta {
    const ABOUT: &'static str = "Delta Lake tables that a sink appends documents to: in S3 and what is compatible with it, in Azure \
        storage, in folders of this machine, and (built, not tested) in Google Cloud Storage. Each message is a row, once; a \
        document that does not fit the table's columns is refused by field, value and column.";

    fn read(t: &mut danube_wasm_settings::Table<'_>) -> Option<Self> {
        let storage = storage::read(t);
        let guard = Guard::read(t);
        let mut tables = t.group("tables").each_of_some::<Table>();
        let topic_mappings = t
            .group("topic_mappings")
            .aliases(&["routes"])
            .each_of_some::<TopicMapping>();
        TableNames::compare(t);
        storage::check(t, &storage, &tables);
        for table in &mut tables {
            let mut writing = topic_mappings
                .iter()
                .filter(|mapping| mapping.targets().any(|name| name == table.name));
            table.has_metadata = writing.any(|mapping| mapping.include_danube_metadata);
        }
        Some(Self {
            storage,
            guard: guard?,
            tables,
            topic_mappings,
        })
    }
}
