//! The engine of a table.

use crate::server::EngineInfo;

/// The engine of a table, as far as it decides what becomes of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Engine {
    /// Its name.
    pub(crate) name: String,
    /// Whether rows with equal sorting keys become one.
    pub(crate) is_replacing: bool,
    /// The column of which the highest value remains.
    pub(crate) version: Option<String>,
    /// The column that says that a row stands for a delete.
    pub(crate) is_deleted: Option<String>,
    /// Whether the server remembers tokens of inserts.
    pub(crate) remembers_tokens: bool,
}

impl Engine {
    pub(crate) fn of(info: &EngineInfo) -> Self {
        let (name, full) = (&info.engine, &info.engine_full);
        let is_replacing = name.ends_with("ReplacingMergeTree");
        let mut columns = if is_replacing { columns(full) } else { Vec::new() }.into_iter();
        let is_replicated = name.starts_with("Replicated") || name.starts_with("Shared");
        Self {
            name: name.clone(),
            is_replacing,
            version: columns.next(),
            is_deleted: columns.next(),
            remembers_tokens: is_replicated || window(full) > 0,
        }
    }

    /// Why no row can be written to it, if that is so.
    pub(crate) fn unwritable(&self) -> Option<String> {
        let what = match self.name.as_str() {
            "View" => "it is a view: write to the table that it shows",
            "MaterializedView" => {
                "it is a materialized view: write to the table that it reads, or to the one that it fills"
            }
            "Dictionary" => "it is a dictionary, which is filled by its source",
            _ => return None,
        };
        Some(what.to_owned())
    }
}

/// The names among the arguments of the engine. Paths and replicas, which come before them, are texts.
fn columns(full: &str) -> Vec<String> {
    let Some((_, rest)) = full.split_once('(') else {
        return Vec::new();
    };
    // Without parentheses, the next one is of another clause.
    if full.split_once('(').is_some_and(|(name, _)| name.contains(' ')) {
        return Vec::new();
    }
    let (mut columns, mut column, mut quote) = (Vec::new(), String::new(), None);
    for char in rest.chars() {
        match (quote, char) {
            (Some(open), _) if open == char => quote = None,
            (Some('`'), _) => column.push(char),
            (Some(_), _) => {}
            (None, '\'' | '`') => quote = Some(char),
            (None, ',' | ')') => {
                columns.extend(Some(std::mem::take(&mut column)).filter(|column| !column.is_empty()));
                if char == ')' {
                    break;
                }
            }
            (None, ' ') => {}
            (None, _) => column.push(char),
        }
    }
    columns
}

/// How many inserts a table that is not replicated remembers.
fn window(full: &str) -> u64 {
    let after = full.split_once("non_replicated_deduplication_window = ");
    let digits = after.and_then(|(_, rest)| rest.split(|char: char| !char.is_ascii_digit()).next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(full: &str) -> Engine {
        let name = full.split(['(', ' ']).next().unwrap_or_default();
        Engine::of(&EngineInfo {
            engine: name.to_owned(),
            engine_full: full.to_owned(),
            sorting_key: String::new(),
            partition_key: String::new(),
        })
    }

    #[test]
    fn version_and_deletes_are_arguments_of_a_replacing_engine() {
        let columns = |full: &str| {
            let engine = engine(full);
            (engine.version, engine.is_deleted)
        };
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(
            columns("ReplacingMergeTree ORDER BY (id, x) SETTINGS index_granularity = 8192"),
            (None, None)
        );
        assert_eq!(columns("ReplacingMergeTree(ver) ORDER BY id"), (some("ver"), None));
        assert_eq!(
            columns("ReplacingMergeTree(`a b`, gone) ORDER BY id"),
            (some("a b"), some("gone"))
        );
        assert_eq!(
            columns("ReplicatedReplacingMergeTree('/clickhouse/{shard}/t(1)', '{replica}', ver, gone) ORDER BY id"),
            (some("ver"), some("gone"))
        );
        assert_eq!(columns("SummingMergeTree(x) ORDER BY id"), (None, None));
    }

    #[test]
    fn tokens_are_remembered_by_replicas_or_by_a_setting() {
        assert!(engine("ReplicatedMergeTree('/p', 'r') ORDER BY id").remembers_tokens);
        assert!(engine("MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100").remembers_tokens);
        assert!(!engine("MergeTree ORDER BY id").remembers_tokens);
    }
}
