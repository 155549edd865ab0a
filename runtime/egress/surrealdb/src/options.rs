//! How to reach a database and what to ask of it.

use std::{fmt, time::Duration};

use danube_wasm_model::Targets;

use crate::{DatetimeField, url::SurrealUrl};

/// Where the documents go. Fields are public: there is no combination of them that is wrong in itself.
#[derive(Debug, Clone)]
pub struct SurrealOptions {
    /// The database's address.
    pub url: SurrealUrl,
    /// Namespace; created if it is not there and the user may.
    pub namespace: String,
    /// Database in the namespace; likewise.
    pub database: String,
    /// Who to sign in as. An embedded database is opened by its owner and needs none.
    pub credentials: Option<Credentials>,
    /// Longest wait for a connection, sign-in included.
    pub connect_timeout: Duration,
    /// Longest wait for one statement.
    pub request_timeout: Duration,
    /// Fields that are stored as datetimes. One that is no moment of its form refuses the document. Every other text stays
    /// text, but for what the schema of its message says.
    pub datetime_fields: Vec<DatetimeField>,
    /// The tables that the sink may write to: [`Egress::targets`](danube_wasm_model::door::Egress::targets).
    pub tables: Targets,
}

impl SurrealOptions {
    /// Waits as long as Danube Connect's SurrealDB sink says it does.
    pub const CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
    /// Likewise.
    pub const REQUEST_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

    /// Default timeouts, no credentials, no datetime fields, no tables.
    pub fn new(url: SurrealUrl, namespace: impl Into<String>, database: impl Into<String>) -> Self {
        Self {
            url,
            namespace: namespace.into(),
            database: database.into(),
            credentials: None,
            connect_timeout: Self::CONNECT_TIMEOUT_DEFAULT,
            request_timeout: Self::REQUEST_TIMEOUT_DEFAULT,
            datetime_fields: Vec::new(),
            tables: Targets::default(),
        }
    }
}

/// Who to sign in as. Printed without its secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user of the whole server.
    Root {
        /// Name.
        username: String,
        /// Password.
        password: String,
    },
    /// A user of the options' namespace.
    Namespace {
        /// Name.
        username: String,
        /// Password.
        password: String,
    },
    /// A user of the options' database.
    Database {
        /// Name.
        username: String,
        /// Password.
        password: String,
    },
    /// A token (JWT) of a system user. A record user's is refused: SurrealDB drops what a record user may not write
    /// without saying so.
    Token(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root { username, .. } => write!(f, "Root({username:?})"),
            Self::Namespace { username, .. } => write!(f, "Namespace({username:?})"),
            Self::Database { username, .. } => write!(f, "Database({username:?})"),
            Self::Token(_) => f.write_str("Token"),
        }
    }
}
