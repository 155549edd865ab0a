//! Tests through the public API: a text in a directory becomes a pipeline or diagnostics.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its directory has failed")]

mod accepted;
mod buffers;
mod connect;
mod connect_mistakes;
mod danube;
mod examples;
mod left_out;
mod migrated;
mod mistakes;
mod mutations;
mod reload;
mod rules;
mod secrets;
mod several;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use danube_wasm_config::{Diagnostics, Environment, Loaded, Loader, Sink, Source};
use danube_wasm_egress_surrealdb::{SurrealDb, SurrealDbSink};
use danube_wasm_host::connectors::registry;
use danube_wasm_ingress_http::{Webhook, WebhookSource};
use tempfile::TempDir;

/// A directory with a pipeline file and the files that it names.
struct Workspace {
    dir: TempDir,
    env: BTreeMap<String, String>,
}

impl Workspace {
    /// Contains `schemas/payment.json`; the environment has only the machine's name.
    fn new() -> Self {
        let workspace = Self {
            dir: tempfile::tempdir().unwrap(),
            env: BTreeMap::from([("HOSTNAME".to_owned(), "desk".to_owned())]),
        };
        workspace.with_file("schemas/payment.json", r#"{ "type": "object" }"#)
    }

    fn with_file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn loader(&self) -> Loader<'_> {
        loader(&self.env)
    }

    fn load(&self, text: &str) -> Result<Loaded, Diagnostics> {
        let file = self.path("pipeline.toml");
        std::fs::write(&file, text).unwrap();
        self.loader().load(&file)
    }

    /// Loads several files in the directory, each given by name and text.
    fn load_files(&self, files: &[(&str, &str)]) -> Result<Loaded, Diagnostics> {
        let paths: Vec<_> = files.iter().map(|(name, _)| self.path(name)).collect();
        for (path, (_, text)) in paths.iter().zip(files) {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        self.loader().load_all(&paths)
    }

    /// Returns the errors of several files, each with its file's name.
    fn refuse_files(&self, files: &[(&str, &str)]) -> Vec<String> {
        let found = self.load_files(files).expect_err("the files are wrong");
        found.iter().map(|d| self.shown_with_file(d)).collect()
    }

    fn shown_with_file(&self, d: &danube_wasm_config::Diagnostic) -> String {
        let name = Path::new(&d.file).file_name().unwrap_or_default().to_string_lossy();
        format!("{name}:{}", self.shown(d))
    }

    /// Loads a file that must be valid.
    fn accept(&self, text: &str) -> Loaded {
        self.load(text).unwrap_or_else(|found| panic!("{found}\n{text}"))
    }

    /// Returns the errors of a file as `line:column key: message | help`, without this directory's path.
    fn refuse(&self, text: &str) -> Vec<String> {
        let found = self.load(text).expect_err("the file is wrong");
        found.iter().map(|d| self.shown(d)).collect()
    }

    /// Returns the warnings of a file that must be valid.
    fn warnings(&self, text: &str) -> Vec<String> {
        self.accept(text).warnings.iter().map(|d| self.shown(d)).collect()
    }

    fn shown(&self, d: &danube_wasm_config::Diagnostic) -> String {
        let text = format!("{}:{} {}: {} | {}", d.line, d.column, d.key, d.message, d.help);
        text.replace(&format!("{}/", self.dir.path().display()), "")
    }
}

/// Returns a loader with the connectors of this program.
fn loader(env: &dyn Environment) -> Loader<'_> {
    Loader::new(registry(), env)
}

/// Access to the configuration of a source of webhooks.
trait AsWebhook {
    fn webhook(&self) -> &Webhook;
}

impl AsWebhook for Source {
    fn webhook(&self) -> &Webhook {
        self.connector
            .downcast::<WebhookSource>()
            .expect("a source of webhooks")
    }
}

/// Access to the configuration of a sink to SurrealDB.
trait AsSurrealDb {
    fn surrealdb(&self) -> &SurrealDb;
}

impl AsSurrealDb for Sink {
    fn surrealdb(&self) -> &SurrealDb {
        self.connector.downcast::<SurrealDbSink>().expect("a sink of SurrealDB")
    }
}

/// Returns a source that publishes to `/stripe/payments`, with these lines added to its endpoint.
fn source(endpoint: &str) -> String {
    format!(
        "[[sources]]\nname = \"webhook\"\ncomponent = \"builtin:webhook-source\"\n[sources.webhook]\nport = 0\n\
         [[sources.webhook.endpoints]]\npath = \"/a\"\ndanube_topic = \"/stripe/payments\"\n{endpoint}\n"
    )
}

/// Returns a sink of `/stripe/payments`, with these lines added to its mapping.
fn sink(mapping: &str) -> String {
    format!(
        "[[sinks]]\nname = \"db\"\ncomponent = \"builtin:surrealdb-sink\"\n[sinks.surrealdb]\nurl = \"mem://\"\n\
         namespace = \"n\"\ndatabase = \"d\"\n[[sinks.surrealdb.topic_mappings]]\ntopic = \"/stripe/payments\"\n\
         subscription = \"s\"\ntable = \"t\"\n{mapping}\n"
    )
}

/// Asserts that there is exactly one diagnostic, which contains all of these texts.
#[track_caller]
fn assert_one(found: &[String], says: &[&str]) {
    let [one] = found else {
        panic!("expected one finding about {says:?}, found {found:#?}")
    };
    for part in says {
        assert!(one.contains(part), "expected {part:?} in {one:?}");
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
