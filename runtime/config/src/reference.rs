//! The reference page, written from the declarations that read the file.

use std::sync::LazyLock;

use crate::{connect, part::Part};
use danube_wasm_settings::{Reading, Session, Table, TableManual, write_table};

static TABLES: LazyLock<Vec<TableManual>> = LazyLock::new(describe);

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

This page is generated from the declarations in `runtime/config`.
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

/// The reference page of the file, in Markdown.
pub fn reference_markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    // Writing to a string does not fail.
    let _ = TABLES.iter().try_for_each(|table| write_table(&mut page, table));
    page.push_str(CONNECT_INTRODUCTION);
    let _ = connect::write_page(&mut page);
    page
}

/// The tables that a file may hold.
pub(crate) fn tables() -> &'static [TableManual] {
    &TABLES
}

fn describe() -> Vec<TableManual> {
    let shared = Reading::describing();
    let session = Session::new(&shared, 0, &[]);
    Table::read::<Part>(session, None, session.root(), String::new(), false);
    shared.manual().map(|tables| tables.take()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use danube_wasm_settings::Presence;

    use super::*;

    #[test]
    fn every_key_says_what_it_does_and_shows_a_value() {
        for table in TABLES.iter() {
            assert!(!table.about.is_empty(), "{}", table.header());
            for field in &table.fields {
                let name = format!("{} of {}", field.key, table.header());
                assert!(field.about.ends_with('.'), "{name} has no sentence");
                let default = matches!(&field.presence, Presence::Default(words) if !words.is_empty());
                assert!(default || !field.example.is_empty(), "{name} has no example");
            }
        }
    }

    #[test]
    fn every_key_is_spelled_once_in_its_table() {
        for table in TABLES.iter() {
            for (i, field) in table.fields.iter().enumerate() {
                for name in std::iter::once(&field.key).chain(field.aliases) {
                    let other = table.fields[..i].iter().find(|other| other.answers_to(name));
                    let variants = other.is_some_and(|other| other.when.is_some() && other.when != field.when);
                    assert!(other.is_none() || variants, "{name} of {}", table.header());
                }
            }
        }
    }
}
