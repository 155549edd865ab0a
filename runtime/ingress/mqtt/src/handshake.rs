//! From an address to a connection that the broker has accepted.

use std::io;

use danube_wasm_egress_dial::Dialer;
use danube_wasm_settings::{SecretSource, read_text};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    config::Mqtt,
    dial::dial,
    limits::READ_BYTES,
    link::Socket,
    packets::{Connack, Framer, Incoming, Introduction, Version, connect},
    refusal::{ConnectError, refused},
};

/// What the first byte of an answer to CONNECT begins with.
const CONNACK: u8 = 2;
/// Longest password in a file, in bytes.
const PASSWORD_BYTES_MAX: usize = 64 << 10;

/// A connection that the broker has accepted.
pub(crate) struct Accepted {
    pub(crate) socket: Box<dyn Socket>,
    /// With what came behind the answer.
    pub(crate) framer: Framer,
    pub(crate) answer: Connack,
    pub(crate) version: Version,
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accepted")
            .field("answer", &self.answer)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// How a client introduces itself.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub(crate) client_id: String,
    pub(crate) clean_start: bool,
    pub(crate) session_expiry_secs: u32,
}

impl Who {
    /// The source itself.
    pub(crate) fn source(config: &Mqtt) -> Self {
        Self {
            client_id: config.client_id.clone(),
            clean_start: config.clean_start,
            session_expiry_secs: u32::try_from(config.session_expiry.as_secs()).unwrap_or(u32::MAX),
        }
    }
}

/// Connects, introduces this client, and reads the broker's answer.
pub(crate) async fn connect_to(
    config: &Mqtt,
    dialer: &Dialer,
    who: &Who,
    version: Version,
) -> Result<Accepted, ConnectError> {
    let address = config.url.address();
    let mut socket = dial(config, dialer).await?;
    let introduction = introduction(config, who).await?;
    let bytes = connect(version, &introduction)
        .map_err(|error| ConnectError::permanent(format!("this client cannot introduce itself: {error}")))?;
    let mut framer = Framer::new(config.max_packet_bytes);
    let answered = timeout(
        config.connect_timeout,
        introduce(&mut *socket, &mut framer, &bytes, version),
    )
    .await;
    let ms = config.connect_timeout.as_millis();
    let answer = answered
        .map_err(|_| {
            ConnectError::transient(format!(
                "{address} has not answered within {ms} ms: check that this is an MQTT port{}",
                other_port(config, version)
            ))
        })?
        .map_err(|why| {
            ConnectError::transient(format!(
                "{address} {why}: check that this is an MQTT port{}",
                other_port(config, version)
            ))
        })?;
    match answer.code {
        0 => Ok(Accepted {
            socket,
            framer,
            answer,
            version,
        }),
        _ => Err(refused(config, version, &answer)),
    }
}

/// What else may be the matter. Brokers that do not know version 5 should refuse it, and some say nothing.
fn other_port(config: &Mqtt, version: Version) -> &'static str {
    // Over WebSocket the port is right: something has taken the upgrade.
    match (config.url.tls() || config.url.websocket_path().is_some(), version) {
        (true, Version::V3) => "",
        (true, Version::V5) => "; for a broker that only knows 3.1.1 write `protocol = \"3.1.1\"`",
        (false, Version::V3) => " without TLS; for one with TLS write `mqtts`, over WebSocket write `ws://`",
        (false, Version::V5) => {
            " without TLS; for one with TLS write `mqtts`, over WebSocket write `ws://`, and for a broker that only knows 3.1.1 \
             `protocol = \"3.1.1\"`"
        }
    }
}

async fn introduction(config: &Mqtt, who: &Who) -> Result<Introduction, ConnectError> {
    let password = match &config.password {
        None => None,
        Some(SecretSource::Text(secret)) => Some(secret.expose().as_bytes().to_vec()),
        Some(SecretSource::File(path)) => {
            let path = path.clone();
            let shown = path.display().to_string();
            let read = tokio::task::spawn_blocking(move || read_text(&path, PASSWORD_BYTES_MAX)).await;
            let text = read.unwrap_or_else(|error| Err(error.to_string()));
            let text = text
                .map_err(|why| ConnectError::transient(format!("the password's file {shown} cannot be read: {why}")))?;
            Some(text.trim_end_matches(['\r', '\n']).as_bytes().to_vec())
        }
    };
    Ok(Introduction {
        client_id: who.client_id.clone(),
        credentials: config.username.clone().map(|user| (user, password)),
        clean_start: who.clean_start,
        session_expiry_secs: who.session_expiry_secs,
        receive_maximum: config.receive_maximum,
        packet_bytes_max: u32::try_from(config.max_packet_bytes).unwrap_or(u32::MAX),
        keep_alive_secs: config.keep_alive_secs,
    })
}

async fn introduce(
    socket: &mut dyn Socket,
    framer: &mut Framer,
    bytes: &[u8],
    version: Version,
) -> Result<Connack, String> {
    let broke = |error: io::Error| format!("broke the connection ({error}) instead of answering");
    socket.write_all(bytes).await.map_err(broke)?;
    socket.flush().await.map_err(broke)?;
    let mut buffer = vec![0; READ_BYTES];
    let mut is_first = true;
    loop {
        let read = socket.read(&mut buffer).await.map_err(broke)?;
        if read == 0 {
            return Err("closed the connection instead of answering".to_owned());
        }
        if is_first && buffer[0] >> 4 != CONNACK {
            return Err("answered with something that is not MQTT".to_owned());
        }
        is_first = false;
        framer.feed(&buffer[..read]);
        let next = framer
            .next()
            .map_err(|_| "answered with something that is not MQTT".to_owned())?;
        let Some(framed) = next else { continue };
        return match Incoming::read(version, &framed) {
            Ok(Incoming::Connack(answer)) => Ok(answer),
            _ => Err("answered with something that is not MQTT".to_owned()),
        };
    }
}
