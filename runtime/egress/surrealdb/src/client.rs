//! One client type for a store on disk, a database in memory and a server.

use surrealdb::{
    IndexedResults, Surreal,
    engine::{any::Any, local::Db},
    types::Object,
};

/// A connection, or a session on one: each clone is a session of its own.
#[derive(Clone)]
pub(crate) enum Client {
    /// A store on disk, opened by us (`embedded.rs`).
    Disk(Surreal<Db>),
    /// A database in memory or a server, opened by the `surrealdb` crate.
    Any(Surreal<Any>),
}

impl Client {
    pub(crate) async fn query(&self, text: String, variables: Object) -> surrealdb::Result<IndexedResults> {
        match self {
            Self::Disk(client) => client.query(text).bind(variables).await,
            Self::Any(client) => client.query(text).bind(variables).await,
        }
    }

    /// Selects the namespace and database for the statements that follow.
    pub(crate) async fn select(&self, namespace: &str, database: &str) -> surrealdb::Result<()> {
        match self {
            Self::Disk(client) => client.use_ns(namespace).use_db(database).await.map(drop),
            Self::Any(client) => client.use_ns(namespace).use_db(database).await.map(drop),
        }
    }
}
