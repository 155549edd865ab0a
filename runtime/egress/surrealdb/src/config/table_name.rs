//! Names of a database's tables.

use danube_wasm_settings::{Kind, ValueRef, kinds::Text};

/// Longest name of a table, in bytes. The name is part of every key of the table.
const TABLE_BYTES_MAX: usize = 128;

/// Prefix of the names of the runtime's own tables.
const RESERVED_PREFIX: &str = "_danube_wasm_";

/// Reads the name of a table that a sink may write to. Names are bound as values and never become part of a statement's
/// text, so any printable character is allowed.
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
        } else if table.starts_with(RESERVED_PREFIX) {
            input.refuse_with(
                format!("`{name}` is a table of the runtime's own: their names begin with `{RESERVED_PREFIX}`"),
                "choose another name",
            )
        } else {
            Some(table)
        }
    }
}
