//! The call that publishes a message; the part that is the same in all sends is encoded once.
//!
//! Each send of a message has its own request number and the ids of its session. The generated stub would clone and
//! encode the whole message each time: with attributes and names, as much work as the rest of the call. In protobuf the
//! fields of a message may be encoded separately and concatenated, in any order.

use bytes::{BufMut, Bytes};
use danube_wasm_proto::api::{MessageResponse, MsgId, StreamMessage};
use http::uri::PathAndQuery;
use prost::Message as _;
use tonic::{
    Request, Response, Status,
    client::Grpc,
    codec::{BufferSettings, Codec, EncodeBuf, Encoder},
};
use tonic_prost::ProstDecoder;

use crate::wire::Channel;

const PATH: &str = "/danube.ProducerService/SendMessage";

/// gRPC's own bytes before each message.
const HEADER_BYTES: usize = 5;

/// An answer is a number.
const ANSWER_BYTES: usize = 64;

/// One send of a message.
#[derive(Debug, Clone)]
pub(super) struct Publish {
    pub(super) request_id: u64,
    /// The session's fields: see [`in_session`].
    pub(super) session: Bytes,
    /// All other fields of the [`StreamMessage`].
    pub(super) record: Bytes,
}

impl Publish {
    fn number(&self) -> StreamMessage {
        StreamMessage {
            request_id: self.request_id,
            ..StreamMessage::default()
        }
    }

    fn bytes(&self) -> usize {
        self.number().encoded_len() + self.session.len() + self.record.len()
    }
}

/// The fields that a session adds to each of its messages.
pub(super) fn in_session(msg_id: MsgId) -> Bytes {
    let part = StreamMessage {
        msg_id: Some(msg_id),
        ..StreamMessage::default()
    };
    part.encode_to_vec().into()
}

/// Makes the call.
pub(super) async fn publish(channel: Channel, request: Request<Publish>) -> Result<Response<MessageResponse>, Status> {
    let codec = PublishCodec {
        bytes: request.get_ref().bytes(),
    };
    let mut grpc = Grpc::new(channel);
    grpc.ready().await?;
    grpc.unary(request, PathAndQuery::from_static(PATH), codec).await
}

#[derive(Clone, Copy)]
struct PublishCodec {
    /// Size of the message that it encodes.
    bytes: usize,
}

impl Codec for PublishCodec {
    type Encode = Publish;
    type Decode = MessageResponse;
    type Encoder = Self;
    type Decoder = ProstDecoder<MessageResponse>;

    fn encoder(&mut self) -> Self::Encoder {
        *self
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::new(ANSWER_BYTES, ANSWER_BYTES))
    }
}

impl Encoder for PublishCodec {
    type Item = Publish;
    type Error = Status;

    fn encode(&mut self, publish: Publish, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let failed = |error| Status::internal(format!("no room to encode a message: {error}"));
        publish.number().encode(to).map_err(failed)?;
        to.put(publish.session);
        to.put(publish.record);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        // The exact size, so that the buffer neither grows nor keeps unused memory while it waits.
        let bytes = self.bytes + HEADER_BYTES;
        BufferSettings::new(bytes, bytes)
    }
}
