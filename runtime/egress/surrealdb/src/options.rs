//! Options of an egress.

use std::{fmt, time::Duration};

use danube_wasm_model::Targets;

use crate::{DatetimeField, url::SurrealUrl};

/// Options of an egress. Fields are public because every combination of valid values is valid.
#[derive(Debug, Clone)]
pub struct SurrealOptions {
    /// The database's address.
    pub url: SurrealUrl,
    /// Namespace; created if it does not exist and the user may create it.
    pub namespace: String,
    /// Database in the namespace; created likewise.
    pub database: String,
    /// Who to sign in as. An embedded database needs no credentials.
    pub credentials: Option<Credentials>,
    /// Longest wait for a connection, sign-in included.
    pub connect_timeout: Duration,
    /// Longest wait for one statement.
    pub request_timeout: Duration,
    /// Fields that are stored as datetimes. A value that is not a time in the field's form refuses the document. All
    /// other text stays text, unless the schema of its message gives it a type.
    pub datetime_fields: Vec<DatetimeField>,
    /// The tables that the sink may write to: [`Egress::targets`](danube_wasm_model::door::Egress::targets).
    pub tables: Targets,
}

impl SurrealOptions {
    /// The default of Danube Connect's SurrealDB sink.
    pub const CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
    /// The default of Danube Connect's SurrealDB sink.
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

/// Who to sign in as. `Debug` leaves the secret out.
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
    /// A token (JWT) of a system user. A record user's token is refused: SurrealDB silently drops writes that a record
    /// user may not do.
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
