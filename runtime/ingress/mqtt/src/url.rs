//! Where an MQTT broker is.

use std::{fmt, str::FromStr};

use danube_wasm_settings::values::Host;

use crate::limits::PATH_BYTES_MAX;

/// Path of the brokers' WebSocket listeners, where the URL has none: that of HiveMQ and EMQX; Mosquitto takes any.
const USUAL_PATH: &str = "/mqtt";

/// `mqtt://HOST:PORT`, `mqtts://HOST:PORT`, `ws://HOST:PORT/PATH` or `wss://HOST:PORT/PATH`, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttUrl {
    tls: bool,
    host: Host,
    port: u16,
    path: Option<String>,
}

/// Why a text is no URL of an MQTT broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidUrl(&'static str);

const INVALID: InvalidUrl = InvalidUrl(
    "an MQTT broker's URL is `mqtt://HOST:PORT`, `mqtts://HOST:PORT` for TLS, or `ws://HOST:PORT/PATH` and \
     `wss://HOST:PORT/PATH` over WebSocket",
);

/// The port of the scheme.
const fn usual_port(tls: bool, is_websocket: bool) -> u16 {
    match (is_websocket, tls) {
        (false, false) => 1883,
        (false, true) => 8883,
        (true, false) => 80,
        (true, true) => 443,
    }
}

impl MqttUrl {
    /// Whether the connection is encrypted: `mqtts`, `wss`.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The host.
    pub fn host(&self) -> &str {
        self.host.as_str()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path that is asked for over WebSocket, with its first slash; none of `mqtt` and `mqtts`.
    pub fn websocket_path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// What the URL begins with.
    pub fn scheme(&self) -> &'static str {
        match (&self.path, self.tls) {
            (None, false) => "mqtt",
            (None, true) => "mqtts",
            (Some(_), false) => "ws",
            (Some(_), true) => "wss",
        }
    }

    /// The scheme of the same transport with TLS.
    pub(crate) fn scheme_with_tls(&self) -> &'static str {
        if self.path.is_some() { "wss" } else { "mqtts" }
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

impl FromStr for MqttUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let (tls, is_websocket, rest) = match text.split_once("://") {
            Some(("mqtt" | "tcp", rest)) => (false, false, rest),
            Some(("mqtts" | "ssl", rest)) => (true, false, rest),
            Some(("ws", rest)) => (false, true, rest),
            Some(("wss", rest)) => (true, true, rest),
            _ => return Err(INVALID),
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(InvalidUrl(
                "a URL must not hold credentials: write them as `username` and `password`",
            ));
        }
        let path = match (is_websocket, path) {
            (false, "" | "/") => None,
            (false, _) => return Err(InvalidUrl("only `ws` and `wss` URLs have a path: remove it")),
            (true, "") => Some(USUAL_PATH.to_owned()),
            (true, path) => Some(valid_path(path)?.to_owned()),
        };
        let (host, port) = Host::parse_with_port(authority, usual_port(tls, is_websocket)).ok_or(INVALID)?;
        Ok(Self { tls, host, port, path })
    }
}

/// A query is refused: what stands there is often a secret, and URLs are logged.
fn valid_path(path: &str) -> Result<&str, InvalidUrl> {
    let is_fit = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'<' | b'>' | b'\\' | b'`');
    match path.len() <= PATH_BYTES_MAX && path.bytes().all(is_fit) {
        true => Ok(path),
        false => Err(InvalidUrl(
            "the path of a `ws` or `wss` URL has at most 1024 bytes, no query and no fragment; write other characters as `%XX`",
        )),
    }
}

impl fmt::Display for MqttUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_deref().unwrap_or_default();
        write!(f, "{}://{}{path}", self.scheme(), self.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_and_paths() {
        for (text, expected) in [
            ("mqtt://broker", "mqtt://broker:1883"),
            ("mqtts://b.example", "mqtts://b.example:8883"),
            ("mqtt://127.0.0.1:1/", "mqtt://127.0.0.1:1"),
            ("mqtts://[::1]:9", "mqtts://[::1]:9"),
            ("tcp://b", "mqtt://b:1883"),
            ("ws://b", "ws://b:80/mqtt"),
            ("wss://b.example", "wss://b.example:443/mqtt"),
            ("ws://b:8083/", "ws://b:8083/"),
            ("wss://[::1]:9/a/b%20c", "wss://[::1]:9/a/b%20c"),
        ] {
            let url: MqttUrl = text.parse().expect("valid");
            assert_eq!(url.to_string(), expected);
        }
    }

    #[test]
    fn what_is_none() {
        let long = format!("ws://b/{}", "p".repeat(PATH_BYTES_MAX));
        for text in [
            "",
            "b:1883",
            "http://b",
            "mqtt://",
            "mqtt://b:0",
            "mqtt://b:x",
            "mqtt://b/x",
            "mqtt://u:p@b",
            "mqtt://::1:1",
            "ws://",
            "ws://u:p@b/mqtt",
            "ws://b/mqtt?token=secret",
            "ws://b?token=secret",
            "wss://b/mqtt#here",
            "ws://b/a b",
            "ws://b/a\r\nx: y",
            &long,
        ] {
            assert!(text.parse::<MqttUrl>().is_err(), "{text}");
        }
        assert!(long[..long.len() - 1].parse::<MqttUrl>().is_ok(), "at the limit");
    }
}
