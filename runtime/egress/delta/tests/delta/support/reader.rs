//! Tables as other programs read them.

use std::process::Command;

use danube_wasm_testkit::servers;
use serde_json::Value;

/// A table as another program reads it.
#[derive(Debug)]
pub(crate) struct Read {
    /// Rows, with what JSON has no type for as text.
    pub(crate) rows: Vec<Value>,
    /// Its newest version.
    pub(crate) version: u64,
    /// Its data files, from its folder.
    pub(crate) files: Vec<String>,
}

impl Read {
    /// The values of a column, in order.
    pub(crate) fn sorted(&self, column: &str) -> Vec<Value> {
        let mut values: Vec<_> = self.rows.iter().map(|row| row[column].clone()).collect();
        values.sort_by_key(|value| (value.as_i64(), value.to_string()));
        values
    }

    /// The whole numbers of column `n`, in order.
    pub(crate) fn numbers(&self) -> Vec<i64> {
        self.sorted("n").iter().filter_map(Value::as_i64).collect()
    }
}

/// Whether the readers are installed. Prints that a test is skipped if not.
pub(crate) fn is_installed() -> bool {
    servers::python("deltalake").is_some()
}

/// A table as `deltalake` reads it.
pub(crate) fn read(url: &str) -> Read {
    read_with(url, &[] as &[(&str, &str)])
}

/// The same, with options of its store.
pub(crate) fn read_with(url: &str, options: &[(&str, impl AsRef<str>)]) -> Read {
    let options: serde_json::Map<_, _> = options
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_ref().into()))
        .collect();
    let found = python("reader.py", &[url, &Value::Object(options).to_string()]);
    let texts = |of: &Value| {
        of.as_array()
            .expect("a list")
            .iter()
            .map(|text| text.as_str().expect("a text").to_owned())
            .collect()
    };
    Read {
        rows: found["rows"].as_array().expect("rows").clone(),
        version: found["version"].as_u64().expect("a version"),
        files: texts(&found["files"]),
    }
}

/// What ClickHouse's engine answers to a query.
pub(crate) fn clickhouse(query: &str) -> Value {
    python("clickhouse.py", &[query])
}

/// What a script of ours prints, as JSON.
pub(crate) fn python(script: &str, arguments: &[&str]) -> Value {
    let mut command: Command = servers::python("deltalake").expect("it was there");
    let script = format!("{}/tests/servers/{script}", env!("CARGO_MANIFEST_DIR"));
    let output = command.arg(script).args(arguments).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
