//! Addresses to listen on: the keys `host` and `port` of every table that listens.

use std::{fmt, io, net::SocketAddr};

use crate::{
    Table,
    kinds::{Integer, Parsed},
    values::Host,
};

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Host.
    pub host: Host,
    /// Port; 0 for any free one.
    pub port: u16,
    /// Place in the file, for messages.
    pub line: SourceLine,
}

/// A file and a line of it. All are equal, so that a table that moves inside its file does not count as changed.
#[derive(Debug, Clone, Default)]
pub struct SourceLine(Option<(String, usize)>);

impl SourceLine {
    /// The given line of a file.
    pub(crate) fn new(file: &str, line: usize) -> Self {
        Self(Some((file.to_owned(), line)))
    }
}

impl PartialEq for SourceLine {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for SourceLine {}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some((file, line)) => write!(f, "{file}:{line}"),
            None => f.write_str("the file"),
        }
    }
}

impl Listen {
    /// Reads `host` and `port`.
    pub fn read(table: &mut Table<'_>, default_port: u16) -> Self {
        let host = table
            .field(
                "host",
                Parsed::new("a host"),
                "IP address or name to listen on; `0.0.0.0` for all of this machine.",
            )
            .or(Host::loopback());
        let port = table
            .field(
                "port",
                Integer(0..=u16::MAX),
                "Port to listen on; 0 takes any free one.",
            )
            .or(default_port);
        let line = table.session().source_line(&table.span("port"));
        Self { host, port, line }
    }
}

impl Listen {
    /// Resolves the address: the first one that the system's resolver returns.
    pub async fn resolve(&self) -> io::Result<SocketAddr> {
        let mut found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        found.next().ok_or_else(|| io::Error::other("the name has no address"))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host.with_port(self.port))
    }
}
