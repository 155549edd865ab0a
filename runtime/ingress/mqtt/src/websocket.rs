//! MQTT over WebSocket: a socket of bytes over binary frames, however the other side cuts them ([MQTT-6.0.0-2]).

use std::{future::ready, io};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::{
    client_async_with_config,
    tungstenite::{
        ClientRequestBuilder, Error, Message,
        error::{CapacityError, ProtocolError, SubProtocolError},
        http::{StatusCode, Uri},
        protocol::WebSocketConfig,
    },
};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use crate::{limits::WEBSOCKET_BYTES_MAX, link::Socket, url::MqttUrl};

/// The subprotocol of both versions ([MQTT-6.0.0-3]).
const SUBPROTOCOL: &str = "mqtt";

/// A frame that is larger than any that is taken. It would be sent again on each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the broker sent {size} bytes in one WebSocket message, of which {WEBSOCKET_BYTES_MAX} are taken: limit its messages there, \
     or name its `mqtt` or `mqtts` port in `url`, over which a message of any size is passed over"
)]
pub(crate) struct FrameTooLarge {
    size: usize,
}

/// Asks for the upgrade, and gives what carries MQTT. The error completes a sentence about the server, and has a cure.
pub(crate) async fn upgrade(url: &MqttUrl, path: &str, socket: Box<dyn Socket>) -> Result<Box<dyn Socket>, String> {
    let uri: Uri = url
        .to_string()
        .parse()
        .map_err(|error| format!("cannot be asked for the path `{path}` ({error}): correct `url`"))?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
    let config = WebSocketConfig::default()
        .max_message_size(Some(WEBSOCKET_BYTES_MAX))
        .max_frame_size(Some(WEBSOCKET_BYTES_MAX));
    let (socket, _) = client_async_with_config(request, socket, Some(config))
        .await
        .map_err(|error| refusal(&error, url, path))?;
    let (sink, stream) = socket.split();
    let reader = StreamReader::new(stream.filter_map(|message| ready(received(message).transpose())));
    let sink = sink
        .sink_map_err(broken)
        .with(|bytes: Bytes| ready(Ok::<_, io::Error>(Message::Binary(bytes))));
    Ok(Box::new(tokio::io::join(
        reader,
        SinkWriter::new(CopyToBytes::new(sink)),
    )))
}

/// The bytes of a message, if it carries any. Pings are answered by the library.
fn received(message: Result<Message, Error>) -> io::Result<Option<Bytes>> {
    match message.map_err(broken)? {
        Message::Binary(bytes) => Ok(Some(bytes)),
        Message::Text(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the broker sent text over WebSocket, where MQTT is binary",
        )),
        Message::Close(Some(close)) if !close.reason.is_empty() => Err(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            format!("the broker closed the WebSocket ({}, \"{}\")", close.code, close.reason),
        )),
        Message::Close(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
    }
}

fn broken(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::ConnectionAborted.into(),
        Error::Capacity(CapacityError::MessageTooLong { size, .. }) => io::Error::other(FrameTooLarge { size }),
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

/// Why there is no WebSocket.
fn refusal(error: &Error, url: &MqttUrl, path: &str) -> String {
    let plain = if url.tls() { "mqtts" } else { "mqtt" };
    let other_port = format!("check that this is its WebSocket port; for its MQTT port write `{plain}://`");
    match error {
        Error::Http(response) => {
            let status = response.status();
            let cure = match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    "what stands before the broker wants a login of its own: let this client pass there"
                }
                status if status.is_redirection() => {
                    "redirects are not followed: name the place that it leads to in `url`"
                }
                status if status.is_server_error() => "the broker behind it is away, or this is not its port",
                _ => {
                    "name port and path of the broker's WebSocket listener in `url`; the path is `/mqtt` with most brokers"
                }
            };
            format!("answers the WebSocket request for `{path}` with HTTP status {status}: {cure}")
        }
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(
            SubProtocolError::NoSubProtocol | SubProtocolError::InvalidSubProtocol,
        )) => format!(
            "opens a WebSocket at `{path}`, and refuses its subprotocol `{SUBPROTOCOL}`: name port and path of the broker's own \
             WebSocket listener in `url`, and allow `{SUBPROTOCOL}` there"
        ),
        Error::Protocol(
            ProtocolError::MissingUpgradeWebSocketHeader
            | ProtocolError::MissingConnectionUpgradeHeader
            | ProtocolError::SecWebSocketAcceptKeyMismatch,
        ) => format!(
            "does not complete the WebSocket handshake at `{path}` ({error}): check that it is a WebSocket server, and \
             that proxies before it pass `Upgrade` on"
        ),
        Error::Protocol(ProtocolError::HandshakeIncomplete) | Error::Io(_) | Error::ConnectionClosed => format!(
            "broke the connection instead of answering the WebSocket request for `{path}` ({error}): {other_port}"
        ),
        error => {
            format!("answers the WebSocket request for `{path}` with something that is no HTTP ({error}): {other_port}")
        }
    }
}
