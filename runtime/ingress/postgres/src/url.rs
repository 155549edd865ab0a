//! Where a database is.

use std::{fmt, str::FromStr};

use danube_wasm_settings::values::Host;

/// The port of PostgreSQL.
const PORT: u16 = 5432;

/// `postgres://HOST:PORT/DATABASE`, without credentials and options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    host: Host,
    port: u16,
    database: String,
}

/// Why a text is no URL of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidUrl(&'static str);

impl PostgresUrl {
    /// The host.
    pub fn host(&self) -> &str {
        self.host.as_str()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Whether only this machine can be meant.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host.is_loopback()
    }

    /// Host and port, for messages and claims.
    pub fn address(&self) -> String {
        self.host.with_port(self.port)
    }
}

impl FromStr for PostgresUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let invalid = InvalidUrl("a database's URL is `postgres://HOST:PORT/DATABASE`");
        let rest = match text.split_once("://") {
            Some(("postgres" | "postgresql", rest)) => rest,
            _ => return Err(invalid),
        };
        if rest.contains('@') {
            return Err(InvalidUrl(
                "a URL must not hold credentials: write them as `user` and `password`",
            ));
        }
        if rest.contains('?') {
            return Err(InvalidUrl(
                "a database's URL ends with the database: options are keys of their own, such as `sslmode`",
            ));
        }
        let (authority, database) = rest.split_once('/').ok_or(invalid)?;
        let (host, port) = Host::parse_with_port(authority, PORT).ok_or(invalid)?;
        let is_name = !database.is_empty() && !database.contains(['/', '%', '\0']);
        let database = is_name.then(|| database.to_owned()).ok_or(invalid)?;
        Ok(Self { host, port, database })
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}/{}", self.address(), self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_and_databases() {
        for (text, expected) in [
            ("postgres://db/shop", "postgres://db:5432/shop"),
            ("postgresql://db.example:1/a-b", "postgres://db.example:1/a-b"),
            ("postgres://[::1]:9/x", "postgres://[::1]:9/x"),
        ] {
            let url: PostgresUrl = text.parse().expect("valid");
            assert_eq!(url.to_string(), expected);
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "db:5432/x",
            "postgres://db",
            "postgres://db/",
            "postgres://db:0/x",
            "postgres://db:x/x",
            "postgres:///x",
            "postgres://u:p@db/x",
            "postgres://db/x?sslmode=require",
            "postgres://::1/x",
        ] {
            assert!(text.parse::<PostgresUrl>().is_err(), "{text}");
        }
    }
}
