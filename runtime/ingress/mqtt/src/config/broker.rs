//! The MQTT broker that a source reads from, and how.

use std::time::Duration;

use danube_wasm_connector::NameClaim;
use danube_wasm_egress_dial::config::TlsPaths;
use danube_wasm_settings::{
    Field, SecretSource, Section, Table,
    kinds::{Choice, Credential, Flag, Integer, Millis, Parsed, SecretSourceKind, Secs},
};

use super::{RouteConfig, kinds::ClientId};
use crate::url::MqttUrl;

/// The MQTT broker that a source reads from, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Mqtt {
    /// Where it is.
    pub url: MqttUrl,
    /// The client's name, under which the broker keeps its session.
    pub client_id: String,
    /// Which version is spoken.
    pub protocol: ProtocolChoice,
    /// Whether the session before is thrown away at each connection.
    pub clean_start: bool,
    /// How long the broker keeps the session while nobody is connected.
    pub session_expiry: Duration,
    /// Unacknowledged messages at a time.
    pub receive_maximum: u16,
    /// How often something must be heard.
    pub keep_alive_secs: u16,
    /// Largest packet in bytes.
    pub max_packet_bytes: usize,
    /// How long connection, TLS and introduction may take together.
    pub connect_timeout: Duration,
    /// User.
    pub username: Option<String>,
    /// Password of the user.
    pub password: Option<SecretSource>,
    /// Whom to trust and who we are, for `mqtts` and `wss`.
    pub tls: Option<TlsPaths>,
    /// What is subscribed to, and where it goes; at least one.
    pub routes: Vec<RouteConfig>,
}

/// Which version of the protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolChoice {
    /// 5, and 3.1.1 with a broker that refuses that.
    Auto,
    /// 5
    V5,
    /// 3.1.1
    V3,
}

/// How long the broker keeps the session, where the file does not say: over a night and a morning.
const SESSION_EXPIRY: Duration = Duration::from_secs(86_400);
/// Largest packet, where the file does not say, in bytes.
const PACKET_BYTES: usize = 1 << 20;
/// What a packet may be set to at most, in bytes: the longest payload that every topic takes, and the topic with it.
const PACKET_BYTES_MAX: usize = 8 << 20;

impl Section for Mqtt {
    const ABOUT: &'static str = "The MQTT broker that a source reads from. A message is acknowledged when its records are durable; the \
        broker keeps the session, and what was not acknowledged, while this side is away.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let url = t
            .field(
                "url",
                Parsed::<MqttUrl>::new("the URL of an MQTT broker"),
                "Where the broker is: `mqtt://HOST:PORT`, or `mqtts://HOST:PORT` for TLS; over WebSocket `ws://HOST:PORT/PATH` or \
                 `wss://HOST:PORT/PATH`, without a path `/mqtt`. Without a port 1883, 8883, 80 or 443.",
            )
            .example("\"mqtts://broker.example:8883\"")
            .required();
        let client_id = t
            .field(
                "client_id",
                ClientId,
                "The name under which the broker keeps the session. The same at each start, or what waited is not found again; \
                 and of each process that runs at a time another, or they take the session from each other.",
            )
            .example("\"danube-plant-7\"")
            .required();
        let session = session(t);
        let max_packet_bytes = t
            .field(
                "max_packet_bytes",
                Integer(256..=PACKET_BYTES_MAX),
                "Largest packet in bytes: a message with its topic and properties. A broker of version 5 is told, and drops what is \
                 larger; of what comes all the same, and is acknowledged, `on_invalid` of its route decides.",
            )
            .aliases(&["max_packet_size"])
            .or(PACKET_BYTES);
        let connect_timeout = t
            .field(
                "connect_timeout_ms",
                Millis(100..=600_000),
                "How long connection, TLS and the broker's answer may take together.",
            )
            .or(Duration::from_secs(10));
        let username = t
            .field("username", Credential, "User.")
            .example("\"danube\"")
            .optional();
        let password = password(t).optional();
        let tls = t.group("tls").optional::<TlsPaths>();
        let routes = t
            .group("routes")
            .aliases(&["topic_mappings"])
            .each_of_some::<RouteConfig>();
        moved(t);
        check(t, url.as_ref(), &session, &routes);
        if let (Some(url), Some(client_id)) = (&url, &client_id) {
            let what = format!("MQTT client id `{client_id}` at {}", url.address());
            NameClaim::leave(t, "client_id", what);
        }
        Some(Self {
            url: url?,
            client_id: client_id?,
            protocol: session.protocol,
            clean_start: session.clean_start,
            session_expiry: session.expiry,
            receive_maximum: session.receive_maximum,
            keep_alive_secs: session.keep_alive_secs,
            max_packet_bytes,
            connect_timeout,
            username,
            password,
            tls,
            routes,
        })
    }
}

/// The keys about the session.
struct SessionKeys {
    protocol: ProtocolChoice,
    clean_start: bool,
    expiry: Duration,
    receive_maximum: u16,
    keep_alive_secs: u16,
}

fn session(t: &mut Table<'_>) -> SessionKeys {
    let protocol = t
        .field(
            "protocol",
            Choice::of(&[("auto", ProtocolChoice::Auto), ("5", ProtocolChoice::V5), ("3.1.1", ProtocolChoice::V3)]),
            "The version that is spoken. `auto` speaks 5, and 3.1.1 with a broker that refuses 5; there, user properties, \
             expiry of the session and flow control are not to be had.",
        )
        .or(ProtocolChoice::Auto);
    let clean_start = t
        .field(
            "clean_start",
            Flag,
            "Throw the session before away at each connection: what came while this side was away is lost. For tests.",
        )
        .aliases(&["clean_session"])
        .or(false);
    let expiry = t
        .field(
            "session_expiry_secs",
            Secs(0..=u64::from(u32::MAX)),
            "How long the broker keeps the session, and what waits in it, while this side is away; 4294967295 for ever. The broker \
             may keep it for less. Version 5 only: with 3.1.1 the broker's own configuration decides.",
        )
        .or(SESSION_EXPIRY);
    let receive_maximum = t
        .field(
            "receive_maximum",
            Integer(1..=u16::MAX),
            "How many messages the broker may send before they are acknowledged. Version 5 only: with 3.1.1 the broker's own \
             configuration decides.",
        )
        .or(100);
    let keep_alive_secs = t
        .field(
            "keep_alive_secs",
            Integer(1..=u16::MAX),
            "A broker that answers nothing for so long is given up, and connected to anew. The broker takes this side for gone after one \
             and a half times as long without a sign of it.",
        )
        .or(60);
    SessionKeys {
        protocol,
        clean_start,
        expiry,
        receive_maximum,
        keep_alive_secs,
    }
}

fn password<'t, 's>(t: &'t mut Table<'s>) -> Field<'t, 's, SecretSourceKind> {
    t.field(
        "password",
        SecretSourceKind,
        "Password of the user. One in a file is read anew for each connection, and a login that is refused with it is tried again.",
    )
    .example("\"${MQTT_PASSWORD}\"")
}

/// Keys of Danube Connect.
fn moved(t: &mut Table<'_>) {
    t.moved("broker_host", "write `url = \"mqtt://HOST:PORT\"`");
    t.moved("broker_port", "write `url = \"mqtt://HOST:PORT\"`");
    t.moved("use_tls", "write `url = \"mqtts://HOST:PORT\"`");
    t.moved("connection_timeout_secs", "write `connect_timeout_ms`, in milliseconds");
    t.moved(
        "include_metadata",
        "it is a key of the component: write it in the source's `config`",
    );
    t.moved("tcp_nodelay", "remove it: it is always so");
}

fn check(t: &Table<'_>, url: Option<&MqttUrl>, session: &SessionKeys, routes: &[RouteConfig]) {
    let session_of = t.session();
    if t.given("password") && !t.given("username") {
        session_of.error(&t.span("password"), "`password` needs `username`", "add `username`");
    }
    match url {
        Some(url) if !url.tls() && t.given("tls") => {
            session_of.error(
                &t.span("tls"),
                format!("`tls` is for `mqtts` and `wss` URLs, and `url` says `{}`", url.scheme()),
                format!("write `url = \"{}://…\"`, or remove `tls`", url.scheme_with_tls()),
            );
        }
        Some(url) if !url.tls() && t.given("password") && !url.is_loopback() => {
            let message = "the password goes over the network in the clear";
            session_of.warning(
                &t.span("password"),
                message,
                format!("write `url = \"{}://…\"`", url.scheme_with_tls()),
            );
        }
        _ => {}
    }
    let keeps = routes.iter().any(|route| route.qos > 0);
    if keeps && session.clean_start {
        let message = "with `clean_start` nothing that comes while this side is away is delivered, whatever `qos` says";
        session_of.warning(&t.span("clean_start"), message, "remove `clean_start`");
    }
    if keeps && session.expiry.is_zero() && session.protocol != ProtocolChoice::V3 {
        let message = "with `session_expiry_secs = 0` the broker forgets the session, and what waits in it, as soon as the connection ends";
        session_of.warning(
            &t.span("session_expiry_secs"),
            message,
            "give it the longest time that this side may be away",
        );
    }
    for (at, route) in routes.iter().enumerate() {
        if let Some(earlier) = routes[..at].iter().find(|earlier| earlier.filter == route.filter) {
            let message = format!("two routes have the filter `{}`", earlier.filter);
            session_of.error(&t.span("routes"), message, "keep one of them");
        } else if let Some(earlier) = routes[..at]
            .iter()
            .find(|earlier| earlier.filter.overlaps(&route.filter))
        {
            let message = format!(
                "`{}` and `{}` are for some topics both: the first in the file takes their messages",
                earlier.filter, route.filter
            );
            session_of.warning(
                &t.span("routes"),
                message,
                "give them filters that have no topic in common, unless that is meant",
            );
        }
    }
}
