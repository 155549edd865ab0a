//! Names of a database's tables.

use danube_wasm_settings::{Kind, ValueRef, kinds::Text};

/// Longest name of a table, in bytes. It is part of every key of the table.
const TABLE_BYTES_MAX: usize = 128;

/// What the names of the runtime's own tables begin with.
const OWN_TABLES: &str = "_danube_wasm_";

/// The name of a table that a sink may write to. It is never part of a query's text, so it may hold any printable
/// character.
pub(super) struct TableName;

impl Kind for TableName {
    type Value = String;

    fn what(&self) -> String {
        "a table's name".to_owned()
    }

    fn show(&self, value: &String) -> String {
        Text.show(value)
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<String> {
        let table = Text.read(input)?;
        let name = input.name();
        if table.len() > TABLE_BYTES_MAX {
            input.refuse(format!("`{name}` is longer than {TABLE_BYTES_MAX} bytes"))
        } else if table.starts_with(OWN_TABLES) {
            input.refuse_with(
                format!("`{name}` is a table of the runtime's own: their names begin with `{OWN_TABLES}`"),
                "choose another name",
            )
        } else {
            Some(table)
        }
    }
}
