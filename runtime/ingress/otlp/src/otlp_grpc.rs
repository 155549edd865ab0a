//! The form of requests and answers over gRPC.

use bytes::{BufMut as _, Bytes, BytesMut};
use danube_wasm_ingress_listener::{Answer, AnswerBody, Encoding, ObservedStatus, Refusal};
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE, request::Parts};

use crate::problem::Problem;

/// Bytes before a message: whether it is compressed, and its length.
pub(crate) const PREFIX_BYTES: usize = 5;

const MEDIA_TYPE: &str = "application/grpc";
static GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
static GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Whether a request is one of gRPC, of any encoding of messages.
pub(crate) fn is_grpc(head: &Parts) -> bool {
    let value = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = value.and_then(|value| value.strip_prefix(MEDIA_TYPE.as_bytes()));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// Whether its messages are protobuf.
pub(crate) fn is_protobuf(head: &Parts) -> bool {
    let value = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = value.and_then(|value| value.strip_prefix(MEDIA_TYPE.as_bytes()));
    rest.is_some_and(|rest| {
        let rest = rest.strip_prefix(b"+proto").unwrap_or(rest);
        matches!(rest.first(), None | Some(b';'))
    })
}

/// The one message of a request, and how it is compressed.
pub(crate) fn message(head: &Parts, mut body: Bytes, bytes_max: usize) -> Result<(Encoding, Bytes), Refusal> {
    let refused = |why: &str| Refusal::BadRequest(why.to_owned());
    let prefix = body
        .get(..PREFIX_BYTES)
        .and_then(|prefix| <[u8; PREFIX_BYTES]>::try_from(prefix).ok());
    let Some([flag, length @ ..]) = prefix else {
        return Err(refused("the request has no message"));
    };
    let message = body.split_off(PREFIX_BYTES);
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > bytes_max {
        return Err(Refusal::TooLarge(bytes_max));
    }
    if length != message.len() {
        return Err(refused(
            "the request must be one message of the length that its prefix says",
        ));
    }
    let encoding = match flag {
        0 => Encoding::Identity,
        1 => encoding(&head.headers)?,
        _ => return Err(refused("the first byte of a message's prefix must be 0 or 1")),
    };
    Ok((encoding, message))
}

/// The encoding of a message that is compressed.
fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let name = headers.get(&GRPC_ENCODING).map_or(&b""[..], HeaderValue::as_bytes);
    match Encoding::named(name).ok_or(Refusal::Encoding)? {
        Encoding::Identity => Err(Refusal::BadRequest(
            "the message is compressed, but header grpc-encoding does not say how".to_owned(),
        )),
        encoding => Ok(encoding),
    }
}

/// The answer to an export that succeeded, at least in part.
pub(crate) fn success(message: &impl prost::Message) -> Answer {
    let length = message.encoded_len();
    let mut data = BytesMut::with_capacity(PREFIX_BYTES + length);
    data.put_u8(0);
    data.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // The buffer grows as needed: encoding into it cannot fail.
    let _ = message.encode(&mut data);
    let trailers = HeaderMap::from_iter([(GRPC_STATUS.clone(), HeaderValue::from_static("0"))]);
    let mut answer = Answer::new(AnswerBody::new(data.freeze()).with_trailers(trailers));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(&GRPC_ACCEPT_ENCODING, accepted());
    answer
}

/// The answer to an export that failed: a status without a message.
pub(crate) fn failure(problem: &Problem) -> Answer {
    let mut answer: Answer = problem.to_status().into_http();
    answer.headers_mut().insert(&GRPC_ACCEPT_ENCODING, accepted());
    answer.extensions_mut().insert(ObservedStatus(problem.status));
    answer
}

fn accepted() -> HeaderValue {
    HeaderValue::from_static("gzip,zstd,identity")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = http::Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn grpc_is_told_by_its_media_type() {
        let of = |value| head(&[("content-type", value)]);
        for (value, grpc, protobuf) in [
            ("application/grpc", true, true),
            ("application/grpc+proto", true, true),
            ("application/grpc;charset=utf-8", true, true),
            ("application/grpc+json", true, false),
            ("application/grpc-web", false, false),
            ("application/json", false, false),
        ] {
            assert_eq!(
                (is_grpc(&of(value)), is_protobuf(&of(value))),
                (grpc, protobuf),
                "{value}"
            );
        }
    }

    #[test]
    fn a_request_is_one_message_of_the_length_that_it_says() {
        let read = |bytes: &'static [u8]| message(&head(&[("grpc-encoding", "zstd")]), Bytes::from_static(bytes), 3);
        assert_eq!(
            read(b"\0\0\0\0\x03abc"),
            Ok((Encoding::Identity, Bytes::from_static(b"abc")))
        );
        assert_eq!(read(b"\x01\0\0\0\0"), Ok((Encoding::Zstd, Bytes::new())));
        assert_eq!(read(b"\0\0\0\0\x04abcd"), Err(Refusal::TooLarge(3)));
        for wrong in [
            &b""[..],
            b"\0\0\0\0",
            b"\0\0\0\0\x02abc",
            b"\0\0\0\0\x02a",
            b"\x02\0\0\0\0",
        ] {
            assert!(matches!(read(wrong), Err(Refusal::BadRequest(_))), "{wrong:?}");
        }
    }

    #[test]
    fn a_compressed_message_says_how() {
        let read =
            |headers: &[(&'static str, &'static str)]| message(&head(headers), Bytes::from_static(b"\x01\0\0\0\0"), 3);
        assert_eq!(read(&[("grpc-encoding", "gzip")]), Ok((Encoding::Gzip, Bytes::new())));
        assert_eq!(read(&[("grpc-encoding", "snappy")]), Err(Refusal::Encoding));
        assert!(matches!(
            read(&[("grpc-encoding", "identity")]),
            Err(Refusal::BadRequest(_))
        ));
        assert!(matches!(read(&[]), Err(Refusal::BadRequest(_))));
    }
}
