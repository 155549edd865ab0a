//! Which route a table or a message belongs to.

use std::{collections::HashMap, sync::Arc};

use crate::config::Postgres;

/// The endpoints of a source.
#[derive(Debug)]
pub(crate) struct Routes {
    tables: HashMap<String, Arc<str>>,
    prefixes: HashMap<String, Arc<str>>,
}

impl Routes {
    pub(crate) fn new(config: &Postgres) -> Self {
        let endpoint = |name: &String| Arc::from(name.as_str());
        let tables = config.tables.iter().map(|route| {
            let name = &route.route.endpoint;
            (name.clone(), endpoint(name))
        });
        let prefixes = config
            .messages
            .iter()
            .map(|route| (route.prefix.clone(), endpoint(&route.route.endpoint)));
        Self {
            tables: tables.collect(),
            prefixes: prefixes.collect(),
        }
    }

    /// Of a table.
    pub(crate) fn table(&self, schema: &str, table: &str) -> Option<Arc<str>> {
        self.tables.get(&format!("{schema}.{table}")).cloned()
    }

    /// Of messages with this prefix.
    pub(crate) fn prefix(&self, prefix: &str) -> Option<Arc<str>> {
        self.prefixes.get(prefix).cloned()
    }
}
