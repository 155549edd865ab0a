//! How to reach NATS, and what topics are made with.

use std::{fmt, path::PathBuf, time::Duration};

/// How to reach NATS, and what topics are made with. [`NatsOptions::new`] has defaults for everything but the servers.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// URLs of some servers, `nats://host:4222` or `tls://host:4222`. Others of the cluster are found by themselves.
    pub servers: Vec<String>,
    /// How this client authenticates.
    pub auth: Auth,
    /// Certificates; without them the system's authorities are trusted and none is presented.
    pub tls: Option<Tls>,
    /// HTTP monitoring addresses of all servers, `http://host:8222`: they say whether a server syncs always.
    pub monitoring: Vec<String>,
    /// Copies of each stream. One asks for [`NatsOptions::accept_loss`]. Default 3.
    pub replicas: u32,
    /// One copy is accepted: what is confirmed is gone with that machine's disk.
    pub accept_loss: bool,
    /// How names of streams, subjects and buckets begin. Default `dw`.
    pub prefix: String,
    /// Servers must have these tags to hold streams.
    pub placement_tags: Vec<String>,
    /// How long a repeated message is known to be one. Default 10 minutes.
    pub duplicate_window: Duration,
    /// After how long without a sign of life a message is given to another consumer. Default 15 s.
    pub ack_wait: Duration,
    /// Bytes of a topic; a full one refuses records. Servers reserve all of them. Default 4 GiB.
    pub topic_bytes_max: u64,
    /// How long a record is tried, through any number of lost connections. Default 15 s: a leader's crash stops a
    /// stream for up to 9 s.
    pub publish_timeout: Duration,
    /// How long a call or an acknowledgement is tried. Default 15 s.
    pub request_timeout: Duration,
    /// How long a connection may take. Default 5 s.
    pub connect_timeout: Duration,
    /// After this time without a message, with some to be read and room for them, a consumer is asked anew, then its leader is
    /// replaced. Default 30 s.
    pub standstill_after: Duration,
    /// What becomes of messages that every subscription has acknowledged.
    pub retention: Retention,
}

impl NatsOptions {
    /// Defaults, for these servers.
    pub fn new(servers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            servers: servers.into_iter().map(Into::into).collect(),
            auth: Auth::None,
            tls: None,
            monitoring: Vec::new(),
            replicas: 3,
            accept_loss: false,
            prefix: "dw".to_owned(),
            placement_tags: Vec::new(),
            duplicate_window: Duration::from_secs(600),
            ack_wait: Duration::from_secs(15),
            topic_bytes_max: 4 << 30,
            publish_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            standstill_after: Duration::from_secs(30),
            retention: Retention::default(),
        }
    }
}

/// How long messages are kept that every subscription of their topic has acknowledged. Others are always kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// At least this long, to be read again.
    pub keep: Duration,
    /// Except when their topic holds more than this, in bytes.
    pub keep_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(24 * 3600),
            keep_bytes: u64::MAX,
        }
    }
}

/// How this client authenticates.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Not at all, or by a client certificate.
    #[default]
    None,
    /// A token.
    Token(Secret),
    /// A user and its password.
    Password {
        /// The user.
        user: String,
        /// Its password.
        password: Secret,
    },
    /// A file of credentials, as `nsc` writes it; read again at every connection, so that it can be renewed.
    CredentialsFile(PathBuf),
    /// The text of such a file.
    Credentials(Secret),
}

/// Certificates, PEM; the files are read when the client is opened.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Authorities that servers are believed by; without it, the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate chain and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A text that is never logged.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
