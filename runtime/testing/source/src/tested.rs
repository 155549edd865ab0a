use std::{collections::BTreeMap, path::Path, sync::Arc};

use danube_wasm_config::Loader;
use danube_wasm_connector::{Builtin, Finding, ProbeContext, Registry, SourceConfig, SourceConnector, States};
use danube_wasm_model::{ConnectorId, TopicName};

/// The kind of source that a suite tests, and the name and topic that it has in all tests of it.
#[derive(Debug, Clone, Copy)]
pub struct TestedSource {
    kind: &'static str,
    name: &'static str,
    topic: &'static str,
    registry: fn(builtin: &'static str) -> Registry,
}

impl TestedSource {
    /// A source of this kind.
    pub const fn of<S: SourceConnector>(name: &'static str, topic: &'static str) -> Self {
        Self {
            kind: S::KIND,
            name,
            topic,
            registry: |builtin| {
                Registry::default().with_source::<S>(Builtin {
                    name: builtin,
                    component: b"",
                })
            },
        }
    }

    /// Who it is.
    ///
    /// # Panics
    ///
    /// If the name is none.
    pub fn id(&self) -> ConnectorId {
        ConnectorId::try_new("test", self.name).expect("a name")
    }

    /// Where its records go.
    ///
    /// # Panics
    ///
    /// If the topic is none.
    pub fn topic(&self) -> TopicName {
        self.topic.parse().expect("a topic")
    }

    /// Its table, as a pipeline file has it.
    ///
    /// # Panics
    ///
    /// If it is wrong.
    pub fn config(&self, table: &str) -> SourceConfig {
        self.read(table).unwrap_or_else(|found| panic!("{found}"))
    }

    /// What is wrong with a table; empty if nothing is.
    pub fn errors(&self, table: &str) -> String {
        self.read(table).err().unwrap_or_default()
    }

    fn read(&self, table: &str) -> Result<SourceConfig, String> {
        let text = format!(
            "[[sources]]\nname = \"{}\"\ncomponent = \"builtin:forward\"\n[sources.{}]\n{table}",
            self.name, self.kind
        );
        self.load("forward", Path::new("pipeline.toml"), text, &BTreeMap::new())
    }

    /// The first source of an example, which runs `builtin:record-source`, with these variables in the environment.
    ///
    /// # Panics
    ///
    /// If it cannot be read.
    pub fn example(&self, file: &Path, variables: &[(&str, &str)]) -> SourceConfig {
        let variables = variables.iter();
        let environment = variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let text = std::fs::read_to_string(file).expect("the example");
        let loaded = self.load("record-source", file, text, &environment);
        loaded.unwrap_or_else(|found| panic!("{found}"))
    }

    fn load(
        &self,
        builtin: &'static str,
        file: &Path,
        text: String,
        environment: &BTreeMap<String, String>,
    ) -> Result<SourceConfig, String> {
        let registry = (self.registry)(builtin);
        let loaded = Loader::new(&registry, environment).load_text(file, text);
        let loaded = loaded.map_err(|found| found.to_string())?;
        Ok(loaded.pipeline.sources[0].connector.clone())
    }

    /// What `check --connect` finds.
    pub async fn probe(&self, table: &str) -> Vec<Finding> {
        let context = ProbeContext {
            id: self.id(),
            shared: Arc::new(States::default()),
            is_builtin: true,
            is_running: false,
        };
        self.config(table).probe(context).await
    }
}
