//! A WebSocket server before a broker's MQTT port, which cuts the stream of bytes as no broker's own does.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

/// What becomes of the broker's bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// Messages of at most so many.
    Messages(usize),
    /// Messages of three frames of so many, with a ping between, and one that is empty behind.
    Frames(usize),
    /// As they come, and behind the answer to SUBSCRIBE the beginning of a frame of so many.
    Giant(u64),
    /// As they come, and behind the answer to SUBSCRIBE a message of text.
    Text,
}

/// See the module. Ends when it is dropped.
pub(crate) struct Bridge {
    pub(crate) port: u16,
    _accepting: JoinSet<()>,
}

impl Bridge {
    pub(crate) async fn to(broker: u16, cut: Cut) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(async move {
                    let near = accept_hdr_async(near, choose).await.expect("a WebSocket");
                    let far = TcpStream::connect(("127.0.0.1", broker)).await.expect("the broker");
                    // Either side may end it.
                    let _ = pass(near, far, cut).await;
                });
            }
        });
        Self {
            port,
            _accepting: accepting,
        }
    }
}

#[allow(clippy::result_large_err, reason = "the library's own type")]
fn choose(
    request: &Request,
    mut response: Response,
) -> Result<Response, tokio_tungstenite::tungstenite::handshake::server::ErrorResponse> {
    assert_eq!(request.headers()["sec-websocket-protocol"], "mqtt");
    assert_eq!(request.uri().path(), "/behind/a/proxy");
    let chosen = "mqtt".parse().expect("a header");
    response.headers_mut().insert("sec-websocket-protocol", chosen);
    Ok(response)
}

type Error = Box<dyn std::error::Error + Send + Sync>;

async fn pass(mut near: WebSocketStream<TcpStream>, mut far: TcpStream, cut: Cut) -> Result<(), Error> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let most = match cut {
            Cut::Messages(most) => most,
            Cut::Frames(frame) => 3 * frame,
            Cut::Giant(_) | Cut::Text => buffer.len(),
        };
        tokio::select! {
            message = near.next() => match message.ok_or("it is over")?? {
                Message::Binary(bytes) => far.write_all(&bytes).await?,
                Message::Ping(_) | Message::Pong(_) => {}
                other => return Err(format!("a client that sends {other:?}").into()),
            },
            length = far.read(&mut buffer[..most]) => match length? {
                0 => return near.close(None).await.map_err(Error::from),
                length => send(&mut near, &buffer[..length], cut).await?,
            },
        }
    }
}

async fn send(near: &mut WebSocketStream<TcpStream>, bytes: &[u8], cut: Cut) -> Result<(), Error> {
    let Cut::Frames(each) = cut else {
        near.send(Message::Binary(bytes.to_vec().into())).await?;
        let is_suback = bytes[0] == 0x90;
        match cut {
            Cut::Giant(length) if is_suback => {
                let header = [&[0x82, 127][..], &length.to_be_bytes()].concat();
                near.get_mut().write_all(&header).await?;
            }
            Cut::Text if is_suback => near.send(Message::text("what?")).await?,
            _ => {}
        }
        return Ok(());
    };
    let frames: Vec<_> = bytes.chunks(each).collect();
    for (at, bytes) in frames.iter().enumerate() {
        let kind = if at == 0 { Data::Binary } else { Data::Continue };
        let frame = Frame::message(bytes.to_vec(), OpCode::Data(kind), at + 1 == frames.len());
        near.send(Message::Frame(frame)).await?;
        near.send(Message::Ping(bytes::Bytes::from_static(b"?"))).await?;
    }
    near.send(Message::Binary(bytes::Bytes::new())).await?;
    Ok(())
}
