//! Settings of the server's that a file may give to inserts.

use danube_wasm_settings::{Table, kinds::FreeTable};
use serde_json::Value;

/// Settings that the sink's promises depend on.
const TAKEN: &[&str] = &[
    "async_insert",
    "async_insert_deduplicate",
    "database",
    "date_time_input_format",
    "default_format",
    "distributed_foreground_insert",
    "input_format_binary_read_json_as_string",
    "input_format_null_as_default",
    "input_format_skip_unknown_fields",
    "input_format_with_names_use_header",
    "input_format_with_types_use_header",
    "insert_deduplication_token",
    "password",
    "query",
    "user",
    "wait_end_of_query",
    "wait_for_async_insert",
];

/// The key `settings`.
pub(super) fn read(t: &mut Table<'_>) -> Vec<(String, String)> {
    let free = t
        .field(
            "settings",
            FreeTable,
            "Settings of every insert, beside those of the sink's own: the server's documentation has their names.",
        )
        .example("{ insert_quorum = \"auto\" }")
        .optional()
        .unwrap_or_default();
    let mut settings = Vec::new();
    for (name, value) in free.values {
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let text = match value {
            Value::String(text) => Some(text),
            Value::Bool(value) => Some(u8::from(value).to_string()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let wrong = match (&text, TAKEN.contains(&name.as_str())) {
            (_, true) => "the sink sets it, and what it promises depends on it",
            _ if !is_name || name.starts_with("param_") => "it is no setting's name",
            (None, _) => "its value is no text, number or boolean",
            (Some(text), _) => {
                settings.push((name, text.clone()));
                continue;
            }
        };
        t.session().error(
            &t.span("settings"),
            format!("`settings` cannot have `{name}`: {wrong}"),
            "remove it",
        );
    }
    settings
}
