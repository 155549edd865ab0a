//! How NATS is spoken to, and what topics are made with there.

use std::time::Duration;

use danube_wasm_settings::{
    Reading, Secret, SecretSource, Section, Span, Table,
    kinds::{Flag, Integer, List, Millis, Parsed, SecretSourceKind, SecretText, Secs, Text},
    values::HttpUrl,
};

use super::{danube::DanubeTls, instance::Instance, service_url::ServiceUrl};

/// How NATS is spoken to, and what topics are made with there. Not used with other brokers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Nats {
    /// The slot of this process among several processes with the same file.
    pub instance: Instance,
    /// User and password.
    pub user: Option<(String, Secret)>,
    /// A token.
    pub token: Option<Secret>,
    /// A file of credentials, as `nsc` writes it.
    pub credentials: Option<SecretSource>,
    /// Certificates; without them the system's authorities are trusted and none is presented.
    pub tls: Option<DanubeTls>,
    /// Monitoring addresses of all servers.
    pub monitoring: Vec<String>,
    /// Copies of each topic.
    pub replicas: u32,
    /// One copy is accepted.
    pub accept_loss: bool,
    /// How names of streams and subjects begin.
    pub prefix: String,
    /// Tags of servers that may hold topics.
    pub placement_tags: Vec<String>,
    /// How long a repeated message is known to be one.
    pub duplicate_window: Duration,
    /// After how long without a sign of life a message is given to another consumer.
    pub ack_wait: Duration,
    /// Bytes of a topic.
    pub topic_bytes_max: u64,
    /// Longest time that a record waits for the broker.
    pub publish_timeout: Duration,
}

/// The table, and the places of keys that must match the URL.
#[derive(Debug, Clone)]
pub(crate) struct NatsTable {
    pub(crate) nats: Nats,
    secrets: Option<Span>,
    replicas: Option<Span>,
}

impl PartialEq for NatsTable {
    fn eq(&self, other: &Self) -> bool {
        self.nats == other.nats
    }
}

impl NatsTable {
    /// Checks the table against the broker's URL. `span` is that of the table, `url_span` that of the URL.
    pub(crate) fn check(&self, shared: &Reading<'_>, url: &ServiceUrl, span: Option<&Span>, url_span: Option<&Span>) {
        let servers = url.nats_servers();
        if servers.is_empty() {
            if let Some(span) = span {
                let message = "`nats` has no effect: the broker is not NATS";
                shared.warning(
                    span,
                    message,
                    "remove the table, or write `broker_url = \"nats://HOST:4222\"`",
                );
            }
            return;
        }
        let place = self.replicas.as_ref().or(url_span);
        if let (Some(place), true) = (place, self.nats.replicas < 3 && !self.nats.accept_loss) {
            shared.error(
                place,
                format!(
                    "`replicas` is {}: what is confirmed is gone with the disk of one machine",
                    self.nats.replicas
                ),
                "run three servers and write `replicas = 3`, or accept that with `accept_loss = true`",
            );
        }
        let open = servers
            .iter()
            .find(|server| !server.tls() && !server.host().is_loopback());
        if let (Some(span), Some(server)) = (&self.secrets, open) {
            let message = format!("credentials would be sent to {server} in plain text");
            shared.error(span, message, "write `tls://` in `broker_url`");
        }
    }
}

impl Section for NatsTable {
    const ABOUT: &'static str = "How NATS JetStream is spoken to, and what topics are made with there. Of no effect with \
        other brokers. See [brokers.md](brokers.md).";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let instance = Instance::read(t, false);
        let user = t
            .field("user", Text, "User of an account. Needs `password`.")
            .example("\"pipeline\"")
            .optional();
        let password = t
            .field("password", SecretText, "Password of `user`.")
            .example("\"${NATS_PASSWORD}\"")
            .optional();
        for (one, other) in [("user", "password"), ("password", "user")] {
            if t.given(one) && !t.given(other) {
                let message = format!("`{one}` needs `{other}`");
                t.session().error(&t.span(one), message, format!("add `{other}`"));
            }
        }
        let token = t
            .field("token", SecretText, "A token, instead of a user.")
            .example("\"${NATS_TOKEN}\"")
            .optional();
        let credentials = t
            .field(
                "credentials",
                SecretSourceKind,
                "Credentials as `nsc generate creds` writes them. A file is read again at every connection. Needs a \
                 program that was built with `--features nats-credentials`.",
            )
            .example("{ file = \"secrets/nats.creds\" }")
            .optional();
        let tls = t.group("tls").optional::<DanubeTls>();
        let monitoring = t
            .field(
                "monitoring",
                List {
                    kind: Parsed::<HttpUrl>::new("an address of monitoring"),
                    len: 1..=64,
                },
                "HTTP monitoring addresses of all servers. They alone say whether a server syncs each write to its disk; \
                 without them nothing counts as durable.",
            )
            .example("[\"http://n1:8222\", \"http://n2:8222\", \"http://n3:8222\"]")
            .optional();
        let replicas = t
            .field(
                "replicas",
                Integer(1..=5),
                "Copies of each topic: 3 or 5; 1 asks for `accept_loss`.",
            )
            .or(3);
        let secrets = ["password", "token", "credentials"]
            .into_iter()
            .find(|key| t.given(key));
        let secrets = secrets.map(|key| t.span(key));
        let replicas_span = t.given("replicas").then(|| t.span("replicas"));
        let storage = storage(t);
        Some(Self {
            nats: Nats {
                instance,
                user: user.zip(password),
                token,
                credentials,
                tls,
                monitoring: monitoring
                    .unwrap_or_default()
                    .iter()
                    .map(|url| url.as_str().to_owned())
                    .collect(),
                replicas,
                accept_loss: storage.accept_loss,
                prefix: storage.prefix,
                placement_tags: storage.placement_tags,
                duplicate_window: storage.duplicate_window,
                ack_wait: storage.ack_wait,
                topic_bytes_max: storage.topic_bytes_max,
                publish_timeout: storage.publish_timeout,
            },
            secrets,
            replicas: replicas_span,
        })
    }
}

/// What topics are made with, and times.
struct Storage {
    accept_loss: bool,
    prefix: String,
    placement_tags: Vec<String>,
    duplicate_window: Duration,
    ack_wait: Duration,
    topic_bytes_max: u64,
    publish_timeout: Duration,
}

/// Reads [`Storage`].
fn storage(t: &mut Table<'_>) -> Storage {
    let accept_loss = t
        .field(
            "accept_loss",
            Flag,
            "Accept fewer than three copies: what is confirmed is gone with one disk.",
        )
        .or(false);
    let prefix = t
        .field(
            "prefix",
            Text,
            "How names of streams, subjects and buckets begin: letters, digits, `_`, `-`.",
        )
        .or("dw".to_owned());
    let placement_tags = t
        .field(
            "placement_tags",
            List {
                kind: Text,
                len: 1..=16,
            },
            "Only servers with these tags hold topics.",
        )
        .example("[\"sync:always\"]")
        .optional();
    let duplicate_window = t
        .field(
            "duplicate_window_secs",
            Secs(60..=86_400),
            "How long servers know the ids of messages, to recognise one that is sent again. It costs memory.",
        )
        .or(Duration::from_secs(600));
    let ack_wait = t
        .field(
            "ack_wait_secs",
            Secs(5..=3_600),
            "After how long without a sign of life a message is given to another consumer. Processes that work on a \
             message give such signs.",
        )
        .or(Duration::from_secs(15));
    let topic_bytes_max = t
        .field(
            "topic_bytes_max",
            Integer(1 << 20..=i64::MAX as u64),
            "Bytes that a topic may hold, when it is created. A full one refuses records: senders are told to come again. \
             Servers reserve them all: the topics of a pipeline, those of dead letters included, must fit in their storage.",
        )
        .or(4 << 30);
    let publish_timeout = t
        .field(
            "publish_timeout_ms",
            Millis(100..=600_000),
            "How long a record without a `buffer` may wait for the broker. When a server crashes that leads a topic, the \
             others need 4 to 9 seconds.",
        )
        .or(Duration::from_secs(15));
    Storage {
        accept_loss,
        prefix,
        placement_tags: placement_tags.unwrap_or_default(),
        duplicate_window,
        ack_wait,
        topic_bytes_max,
        publish_timeout,
    }
}
