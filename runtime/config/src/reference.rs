//! The reference page, generated from the declarations that read the file.

use crate::{connect, part::Part};
use danube_wasm_connector::Registry;
use danube_wasm_settings::{Reading, Session, Table, TableManual, write_table};

const INTRODUCTION: &str = "\
# Configuration

One file describes one pipeline: `danube-wasm run pipeline.toml`. `danube-wasm check pipeline.toml` reads it and says
everything that is wrong with it, without starting anything. A key that is not listed here is refused.

* Paths start from the directory of the file.
* `${NAME}` in a string is replaced by the environment variable, which must be set; `${NAME:-text}` gives `text` when it
  is unset or empty; `$${` stands for `${` itself. Numbers and booleans can be given so too: `port = \"${PORT}\"`.
* A secret is `\"${NAME}\"` or `{ file = \"path\" }`; a newline at the end of the file is not part of it. Secrets are
  never shown, and components never see them.
* Other spellings are accepted with a warning.

Several files can be named together, and are one pipeline: `danube-wasm run a.toml b.toml`. Each may have connectors and
schemas; a setting of the pipeline as a whole stands in one of them. Files of Danube Connect can be among them: what they
may hold is [below](#files-of-danube-connect).

This page is generated from the declarations in `runtime/config` and in the folders of the connectors.
";

const CONNECT_INTRODUCTION: &str = "
# Files of Danube Connect

A file with one of Danube Connect's tables and without `[[sources]]` and `[[sinks]]` is read as Danube Connect read it,
in the spellings of its versions 0.2 and 0.3 and of its announcement, with its defaults and its environment variables.
`danube-wasm migrate FILE…` writes such files as one pipeline file. What becomes of each key is said here; what it means, above.

* `${NAME}` stands for itself in these files.
* Keys that have no effect here, or had none in Danube Connect, are named when the file is read.
* Data is kept where `DANUBE_WASM_DATA_DIR` says; without it, in `data` beside the first file.
* Metrics and health are served to everyone who can reach the machine, on port 9090 or `metrics_port`.
";

/// Returns the reference page of the file, in Markdown.
pub fn reference_markdown(registry: &Registry) -> String {
    let mut page = INTRODUCTION.to_owned();
    // Writing to a string does not fail.
    let _ = tables(registry)
        .iter()
        .try_for_each(|table| write_table(&mut page, table));
    page.push_str(CONNECT_INTRODUCTION);
    let _ = connect::write_page(&mut page);
    page
}

/// Returns the tables that a file may have, with these kinds of connectors.
pub fn tables(registry: &Registry) -> Vec<TableManual> {
    let shared = Reading::describing();
    *shared.facts::<Registry>() = registry.clone();
    let session = Session::new(&shared, 0);
    Table::read::<Part>(session, None, session.root(), String::new(), false);
    shared.manual().map(|tables| tables.take()).unwrap_or_default()
}
