//! Clients that hide nothing: one of HTTP/1.1 and one of gRPC.

use std::io::Write as _;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, Request};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::Code;

use super::receiver::Receiver;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    None,
    Gzip,
    Zstd,
}

impl Coding {
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    pub(crate) fn compress(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::None => body.to_vec(),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(body).expect("memory");
                encoder.finish().expect("memory")
            }
            Self::Zstd => zstd::encode_all(body, 1).expect("memory"),
        }
    }
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// Posts a body over HTTP/1.1.
pub(crate) async fn post(receiver: &Receiver, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut tcp = TcpStream::connect(receiver.address()).await.expect("a connection");
    tcp.write_all((head + "\r\n").as_bytes()).await.expect("a head");
    // A body that is refused unread is not read.
    let _ = tcp.write_all(body).await;
    let mut read = Vec::new();
    tcp.read_to_end(&mut read).await.expect("an answer");
    parse(&read)
}

fn parse(read: &[u8]) -> Answer {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = std::str::from_utf8(&read[..end]).expect("text");
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").expect("a header");
        headers.append(
            name.parse::<http::HeaderName>().expect("a name"),
            value.parse().expect("a value"),
        );
    }
    Answer {
        status: head[9..12].parse().expect("a status"),
        headers,
        body: Bytes::copy_from_slice(&read[end + 4..]),
    }
}

/// Posts a body as protobuf or JSON.
pub(crate) async fn export(receiver: &Receiver, path: &str, media_type: &str, coding: Coding, body: &[u8]) -> Answer {
    let headers = [("content-type", media_type), ("content-encoding", coding.name())];
    post(receiver, path, &headers, &coding.compress(body)).await
}

/// An answer over gRPC.
#[derive(Debug)]
pub(crate) struct GrpcAnswer {
    pub(crate) http_status: u16,
    pub(crate) status: tonic::Status,
    pub(crate) message: Option<Bytes>,
}

impl GrpcAnswer {
    pub(crate) fn code(&self) -> Code {
        self.status.code()
    }

    /// When to come again, as `RetryInfo` says.
    pub(crate) fn retry_info(&self) -> Option<std::time::Duration> {
        use tonic_types::StatusExt as _;
        self.status.get_details_retry_info()?.retry_delay
    }
}

/// A message in its frame.
pub(crate) fn frame(coding: Coding, message: &[u8]) -> Bytes {
    let sent = coding.compress(message);
    let mut framed = BytesMut::new();
    framed.put_u8(u8::from(coding != Coding::None));
    framed.put_u32(u32::try_from(sent.len()).expect("a length"));
    framed.extend_from_slice(&sent);
    framed.freeze()
}

/// Calls a method of gRPC.
pub(crate) async fn call(receiver: &Receiver, path: &str, headers: &[(&str, &str)], body: Bytes) -> GrpcAnswer {
    let tcp = TcpStream::connect(receiver.address()).await.expect("a connection");
    let (client, connection) = h2::client::handshake(tcp).await.expect("HTTP/2");
    let driving = tokio::spawn(connection);
    let mut request = Request::post(format!("http://test{path}"));
    for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")]
        .iter()
        .chain(headers)
    {
        request = request.header(*name, *value);
    }
    let mut client = client.ready().await.expect("ready");
    let request = request.body(()).expect("a request");
    let (answer, mut stream) = client.send_request(request, false).expect("sent");
    send(&mut stream, body).await;
    let (head, mut body) = answer.await.expect("an answer").into_parts();
    let mut read = BytesMut::new();
    while let Some(piece) = body.data().await {
        let piece = piece.expect("data");
        let _ = body.flow_control().release_capacity(piece.len());
        read.extend_from_slice(&piece);
    }
    let trailers = body.trailers().await.ok().flatten();
    driving.abort();
    let status = trailers.as_ref().and_then(tonic::Status::from_header_map);
    GrpcAnswer {
        http_status: head.status.as_u16(),
        status: status
            .or_else(|| tonic::Status::from_header_map(&head.headers))
            .unwrap_or_else(|| panic!("no status: {:?} {trailers:?}", head.headers)),
        message: (read.len() >= 5).then(|| read.split_off(5).freeze()),
    }
}

/// Sends a body as far as it is read.
async fn send(stream: &mut h2::SendStream<Bytes>, mut body: Bytes) {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let Some(Ok(room)) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await else {
            return;
        };
        if stream.send_data(body.split_to(room.min(body.len())), false).is_err() {
            return;
        }
    }
    let _ = stream.send_data(Bytes::new(), true);
}

/// Calls a method of gRPC with a message that is compressed like this.
pub(crate) async fn call_with(receiver: &Receiver, path: &str, coding: Coding, message: &[u8]) -> GrpcAnswer {
    let headers = [("grpc-encoding", coding.name())];
    call(receiver, path, &headers, frame(coding, message)).await
}
