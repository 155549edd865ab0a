//! Addresses of databases.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
};

/// The address of a SurrealDB, embedded or remote.
///
/// | written | means |
/// |---|---|
/// | `surrealkv://data/payments` | embedded, in a directory; a relative one is below the pipeline file's directory |
/// | `mem://` | embedded, in memory, gone at exit |
/// | `ws://host:8000`, `wss://…` | a server, over WebSocket |
/// | `http://host:8000`, `https://…` | a server, over HTTP |
/// | `host:8000` | the same as `ws://host:8000`, as Danube Connect writes it |
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SurrealUrl(Kind);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    Memory,
    SurrealKv(PathBuf),
    Remote(String),
}

/// The text is not the address of a SurrealDB.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{url}` is not an address of a SurrealDB: {reason}. Write `surrealkv://directory`, `mem://`, `ws://host:port`, \
     `wss://host:port`, `http://host:port`, `https://host:port` or `host:port`"
)]
pub struct InvalidUrl {
    url: String,
    reason: String,
}

impl SurrealUrl {
    /// Parses an address; relative directories are below `base_dir`.
    pub fn parse(text: &str, base_dir: &Path) -> Result<Self, InvalidUrl> {
        let fail = |reason: &str| InvalidUrl {
            url: without_password(text),
            reason: reason.to_owned(),
        };
        match text.split_once("://") {
            Some(("mem", "")) => Ok(Self(Kind::Memory)),
            Some(("mem", _)) => Err(fail("a database in memory has no path")),
            Some(("surrealkv", path)) => directory(path, base_dir).map(Self).map_err(fail),
            Some((scheme @ ("ws" | "wss" | "http" | "https"), rest)) => server(scheme, rest).map(Self).map_err(fail),
            Some(_) => Err(fail("its scheme is not supported")),
            None if text
                .rsplit_once(':')
                .is_some_and(|(_, port)| port.parse::<u16>().is_ok()) =>
            {
                server("ws", text).map(Self).map_err(fail)
            }
            None => Err(fail("it has no scheme")),
        }
    }

    /// Whether the database runs in this process.
    pub fn is_embedded(&self) -> bool {
        !matches!(self.0, Kind::Remote(_))
    }

    /// The directory of an embedded database on disk.
    pub fn directory(&self) -> Option<&Path> {
        match &self.0 {
            Kind::SurrealKv(path) => Some(path),
            Kind::Memory | Kind::Remote(_) => None,
        }
    }

    /// The address for the `surrealdb` crate. `sync=every` makes an acknowledged write durable (see the crate's
    /// documentation), so it is always set, whatever `SURREAL_DATASTORE_SYNC` says.
    pub(crate) fn endpoint(&self) -> String {
        match &self.0 {
            Kind::Memory => "mem://".to_owned(),
            Kind::SurrealKv(path) => format!("surrealkv://{}?sync=every", path.display()),
            Kind::Remote(url) => url.clone(),
        }
    }
}

impl fmt::Display for SurrealUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Memory => f.write_str("mem://"),
            Kind::SurrealKv(path) => write!(f, "surrealkv://{}", path.display()),
            Kind::Remote(url) => f.write_str(url),
        }
    }
}

/// Returns an absolute path without `.` and `..`, so that two spellings of one directory are one database.
fn directory(path: &str, base_dir: &Path) -> Result<Kind, &'static str> {
    if path.is_empty() {
        return Err("it names no directory");
    }
    if path.contains('?') {
        return Err("options after `?` are not supported: every write is synced");
    }
    let absolute = std::path::absolute(base_dir.join(path)).map_err(|_| "its directory cannot be resolved")?;
    let mut clean = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    match clean.to_str() {
        Some(text) if !text.contains('?') => Ok(Kind::SurrealKv(clean)),
        Some(_) => Err("its directory's path contains `?`, which SurrealDB cannot open"),
        None => Err("its directory's path is not UTF-8"),
    }
}

fn server(scheme: &str, rest: &str) -> Result<Kind, &'static str> {
    let uri: http::Uri = format!("{scheme}://{rest}").parse().map_err(|_| "it is malformed")?;
    let authority = uri.authority().ok_or("it names no host")?;
    if authority.as_str().contains('@') {
        return Err("name and password do not belong in it: set `username` and `password`");
    }
    if authority.host().is_empty() {
        return Err("it names no host");
    }
    if authority.as_str() != authority.host() && authority.port_u16().is_none() {
        return Err("its port is not a number up to 65535");
    }
    if !matches!(uri.path(), "" | "/" | "/rpc") || uri.query().is_some() {
        return Err("it has a path or query");
    }
    Ok(Kind::Remote(format!("{scheme}://{authority}")))
}

/// Returns the text for an error message, without a password.
fn without_password(text: &str) -> String {
    let shown = match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => format!("{}…{}", &text[..scheme + 3], &text[at..]),
        (None, Some(at)) => format!("…{}", &text[at..]),
        _ => text.to_owned(),
    };
    shown.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SurrealUrl, InvalidUrl> {
        SurrealUrl::parse(text, Path::new("/etc/pipelines"))
    }

    #[test]
    fn directories_are_relative_to_the_pipeline_file() {
        for (text, path) in [
            ("surrealkv://data", "/etc/pipelines/data"),
            ("surrealkv://./data/../db/", "/etc/pipelines/db"),
            ("surrealkv:///var/lib/db", "/var/lib/db"),
        ] {
            let url = parse(text).expect("valid");
            assert_eq!(url.directory(), Some(Path::new(path)), "{text}");
            assert_eq!(url.endpoint(), format!("surrealkv://{path}?sync=every"));
            assert!(url.is_embedded());
        }
    }

    #[test]
    fn server_addresses_may_omit_the_scheme() {
        for (text, endpoint) in [
            ("localhost:8000", "ws://localhost:8000"),
            ("[::1]:8000", "ws://[::1]:8000"),
            ("ws://db:8000/rpc", "ws://db:8000"),
            ("wss://db.example.com/", "wss://db.example.com"),
            ("http://db:80", "http://db:80"),
            ("https://db", "https://db"),
        ] {
            let url = parse(text).expect(text);
            assert_eq!(url.endpoint(), endpoint);
            assert_eq!(url.to_string(), endpoint);
            assert!(!url.is_embedded());
        }
        assert_eq!(parse("mem://").expect("valid").endpoint(), "mem://");
    }

    #[test]
    fn other_addresses_are_refused_with_the_valid_forms() {
        for text in [
            "",
            "localhost",
            "db:port",
            "mem://x",
            "surrealkv://",
            "surrealkv://a?sync=never",
            "rocksdb://a",
            "ws://",
            "ws://host:8000/database",
            "http://h?x=1",
            "ws://h:99999999",
            "a b:80",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains("`ws://host:port`"), "{error}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        for text in [
            "ws://root:hunter2@db:8000",
            "root:hunter2@db:8000",
            "ftp://root:hunter2@db",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
