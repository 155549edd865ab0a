//! Where an MQTT broker is.

use std::{fmt, str::FromStr};

use danube_wasm_settings::values::Host;

/// `mqtt://HOST:PORT` or `mqtts://HOST:PORT`, without credentials and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttUrl {
    tls: bool,
    host: Host,
    port: u16,
}

/// Why a text is no URL of an MQTT broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidUrl(&'static str);

/// The port of the scheme.
const fn usual_port(tls: bool) -> u16 {
    if tls { 8883 } else { 1883 }
}

impl MqttUrl {
    /// Whether the connection is encrypted: `mqtts`.
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
        let invalid = InvalidUrl("an MQTT broker's URL is `mqtt://HOST:PORT`, or `mqtts://HOST:PORT` for TLS");
        let (tls, rest) = match text.split_once("://") {
            Some(("mqtt" | "tcp", rest)) => (false, rest),
            Some(("mqtts" | "ssl", rest)) => (true, rest),
            Some(("ws" | "wss", _)) => {
                return Err(InvalidUrl(
                    "MQTT over WebSocket is not spoken: name the broker's `mqtt` or `mqtts` port",
                ));
            }
            _ => return Err(invalid),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(InvalidUrl(
                "a URL must not hold credentials: write them as `username` and `password`",
            ));
        }
        let (host, port) = Host::parse_with_port(rest, usual_port(tls)).ok_or(invalid)?;
        Ok(Self { tls, host, port })
    }
}

impl fmt::Display for MqttUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}", self.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (text, expected) in [
            ("mqtt://broker", "mqtt://broker:1883"),
            ("mqtts://b.example", "mqtts://b.example:8883"),
            ("mqtt://127.0.0.1:1/", "mqtt://127.0.0.1:1"),
            ("mqtts://[::1]:9", "mqtts://[::1]:9"),
            ("tcp://b", "mqtt://b:1883"),
        ] {
            let url: MqttUrl = text.parse().expect("valid");
            assert_eq!(url.to_string(), expected);
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "b:1883",
            "http://b",
            "mqtt://",
            "mqtt://b:0",
            "mqtt://b:x",
            "mqtt://b/x",
            "mqtt://u:p@b",
            "ws://b",
            "mqtt://::1:1",
        ] {
            assert!(text.parse::<MqttUrl>().is_err(), "{text}");
        }
    }
}
