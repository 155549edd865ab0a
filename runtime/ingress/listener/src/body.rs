//! Request bodies: read up to a size limit and a deadline, decompressed up to a ratio.

use std::{
    error::Error as _,
    io::{self, Read},
};

use bytes::{Bytes, BytesMut};
use flate2::{
    bufread::{DeflateDecoder, ZlibDecoder},
    read::MultiGzDecoder,
};
use http::{HeaderMap, header::CONTENT_ENCODING};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::{
    brotli::BrotliDecoder,
    limits::{BODY_BYTES_AHEAD_MAX, GZIP_RATIO_FREE_BYTES, INLINE_DECODE_BYTES_MAX, ZSTD_WINDOW_BYTES_MAX},
    memory::MemoryReservation,
    refusal::Refusal,
};

/// The content encoding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
    /// DEFLATE, in zlib's format or, as some senders do it, without.
    Deflate,
    /// Zstandard.
    Zstd,
    /// Brotli.
    Brotli,
}

/// The encodings, for `Accept-Encoding`.
pub(crate) const ENCODINGS: &str = "gzip, deflate, zstd, br, identity";

impl Encoding {
    /// Accepts one coding at most: a body compressed twice is a decompression bomb.
    pub fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self::Identity),
            (Some(coding), None) => Self::named(coding.as_bytes()).ok_or(Refusal::Encoding),
            (Some(_), Some(_)) => Err(Refusal::Encoding),
        }
    }

    /// The coding of this name, as HTTP and gRPC call it.
    pub fn named(name: &[u8]) -> Option<Self> {
        let name = name.trim_ascii().to_ascii_lowercase();
        match &name[..] {
            b"" | b"identity" => Some(Self::Identity),
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            b"deflate" => Some(Self::Deflate),
            b"zstd" => Some(Self::Zstd),
            b"br" => Some(Self::Brotli),
            _ => None,
        }
    }
}

/// Reads the whole body. A body that announces more than `bytes_max` is refused before any of it is read and without `100
/// Continue`.
pub(crate) async fn read(
    body: &mut Incoming,
    bytes_max: usize,
    reserved: &mut MemoryReservation<'_>,
    deadline: Instant,
) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(Refusal::TooLarge(bytes_max));
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    timeout_at(deadline, collect(body, bytes_max, reserved))
        .await
        .unwrap_or(Err(Refusal::TooSlow))
}

async fn collect(
    body: &mut Incoming,
    bytes_max: usize,
    reserved: &mut MemoryReservation<'_>,
) -> Result<Bytes, Refusal> {
    let Some(first) = next(body, 0, bytes_max, reserved).await? else {
        return Ok(Bytes::new());
    };
    if body.is_end_stream() {
        // Most bodies arrive in one piece: not copied.
        return Ok(first);
    }
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut whole = BytesMut::with_capacity(first.len() + announced.min(BODY_BYTES_AHEAD_MAX));
    whole.extend_from_slice(&first);
    while let Some(piece) = next(body, whole.len(), bytes_max, reserved).await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// Reads the next piece of a body of which `before` bytes were read.
async fn next(
    body: &mut Incoming,
    before: usize,
    bytes_max: usize,
    reserved: &mut MemoryReservation<'_>,
) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        // Trailers are ignored.
        let Ok(piece) = frame.map_err(|error| broken(&error))?.into_data() else {
            continue;
        };
        if piece.len() > bytes_max - before {
            return Err(Refusal::TooLarge(bytes_max));
        }
        reserved.grow(piece.len())?;
        return Ok(Some(piece));
    }
    Ok(None)
}

/// Why a body ended early: a framing error, or a disconnect.
fn broken(error: &hyper::Error) -> Refusal {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause.map(io::Error::kind) {
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
            Refusal::BadRequest("the body is not framed as its headers say".to_owned())
        }
        _ => Refusal::ClientGone,
    }
}

/// How a body is decompressed.
#[derive(Debug, Clone, Copy)]
pub struct Decompression {
    /// How it was compressed.
    pub encoding: Encoding,
    /// How long it may become, in bytes.
    pub bytes_max: usize,
    /// How many bytes it may become for each one sent, above [`GZIP_RATIO_FREE_BYTES`].
    pub ratio_max: usize,
}

impl Decompression {
    /// How many bytes this many sent ones may become.
    pub fn decoded_bytes_max(&self, sent: usize) -> usize {
        match self.encoding {
            Encoding::Identity => sent,
            _ => self.bytes_max.min(self.bytes_max_by_ratio(sent)),
        }
    }

    fn bytes_max_by_ratio(&self, sent: usize) -> usize {
        sent.saturating_mul(self.ratio_max).max(GZIP_RATIO_FREE_BYTES)
    }

    /// Decompresses. Stops at [`Self::decoded_bytes_max`].
    pub fn run(&self, sent: Bytes) -> Result<Bytes, Refusal> {
        match self.encoding {
            Encoding::Identity => Ok(sent),
            Encoding::Gzip => self.inflate("gzip", MultiGzDecoder::new(&*sent), sent.len()),
            Encoding::Deflate if is_zlib(&sent) => {
                let mut decoder = ZlibDecoder::new(&*sent);
                let decoded = self.inflate("deflate", &mut decoder, sent.len())?;
                whole("deflate", decoder.get_ref(), decoded)
            }
            Encoding::Deflate => {
                let mut decoder = DeflateDecoder::new(&*sent);
                let decoded = self.inflate("deflate", &mut decoder, sent.len())?;
                whole("deflate", decoder.get_ref(), decoded)
            }
            Encoding::Zstd => self.inflate("zstd", zstd(&sent)?, sent.len()),
            Encoding::Brotli => self.inflate("brotli", BrotliDecoder::new(&sent), sent.len()),
        }
    }

    /// Reads a decoder to its end, or up to as much as it may give.
    fn inflate(&self, name: &str, decoder: impl Read, sent: usize) -> Result<Bytes, Refusal> {
        let max = self.decoded_bytes_max(sent);
        let mut decoded = Vec::with_capacity(max.min(sent.saturating_mul(4)));
        // Reads one byte more than allowed, to tell a body at the limit from one past it.
        let read = decoder.take(max as u64 + 1).read_to_end(&mut decoded);
        match read {
            Ok(n) if n > max && self.bytes_max_by_ratio(sent) < self.bytes_max => {
                Err(Refusal::TooDense(self.ratio_max))
            }
            Ok(n) if n > max => Err(Refusal::TooCompressed(max)),
            Ok(_) => Ok(Bytes::from(decoded)),
            Err(error) => Err(Refusal::BadRequest(format!("the body is not {name}: {error}"))),
        }
    }

    /// Decompresses, and lets `read` have what comes of it. Large bodies are decompressed and read off the I/O threads, so that
    /// other connections do not wait.
    pub async fn decode<T: Send + 'static>(
        self,
        sent: Bytes,
        reserved: &mut MemoryReservation<'_>,
        read: impl FnOnce(Bytes) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let bytes_max = self.decoded_bytes_max(sent.len());
        let more = match self.encoding {
            Encoding::Identity => 0,
            _ => bytes_max,
        };
        // The most that it can become while it is decompressed, its real size afterwards.
        reserved.grow(more)?;
        let run = move || {
            let decoded = self.run(sent)?;
            Ok((decoded.len(), read(decoded)?))
        };
        let (len, value) = if bytes_max <= INLINE_DECODE_BYTES_MAX {
            run()?
        } else {
            let task = tokio::task::spawn_blocking(run);
            task.await.unwrap_or(Err(Refusal::Overloaded))?
        };
        reserved.shrink(more.saturating_sub(len));
        Ok(value)
    }
}

/// Refuses what a decoder has left over.
fn whole(name: &str, rest: &[u8], decoded: Bytes) -> Result<Bytes, Refusal> {
    match rest.len() {
        0 => Ok(decoded),
        more => Err(Refusal::BadRequest(format!(
            "the body is not {name}: {more} bytes follow its end"
        ))),
    }
}

/// Whether DEFLATE is in zlib's format: RFC 1950, section 2.2.
fn is_zlib(sent: &[u8]) -> bool {
    matches!(sent, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

/// A decoder that remembers no more than [`ZSTD_WINDOW_BYTES_MAX`].
fn zstd(sent: &[u8]) -> Result<impl Read, Refusal> {
    let broken = |error| Refusal::BadRequest(format!("the body cannot be decompressed: {error}"));
    let mut decoder = zstd::Decoder::with_buffer(sent).map_err(broken)?;
    decoder.window_log_max(ZSTD_WINDOW_BYTES_MAX.ilog2()).map_err(broken)?;
    Ok(decoder)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    use super::*;
    use crate::limits::GZIP_RATIO_MAX;

    const CODINGS: [Encoding; 4] = [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd, Encoding::Brotli];

    fn decode(encoding: Encoding, sent: &[u8], bytes_max: usize) -> Result<Bytes, Refusal> {
        let decompression = Decompression {
            encoding,
            bytes_max,
            ratio_max: GZIP_RATIO_MAX,
        };
        decompression.run(Bytes::copy_from_slice(sent))
    }

    fn encode(encoding: Encoding, plain: &[u8]) -> Vec<u8> {
        match encoding {
            Encoding::Identity => plain.to_vec(),
            Encoding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Encoding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Encoding::Zstd => zstd::encode_all(plain, 0).unwrap(),
            Encoding::Brotli => {
                let mut sent = Vec::new();
                let mut encoder = ::brotli::CompressorWriter::new(&mut sent, 4096, 9, 22);
                encoder.write_all(plain).unwrap();
                drop(encoder);
                sent
            }
        }
    }

    #[test]
    fn each_coding_is_read_and_capped_in_size() {
        let plain = vec![b'a'; 1000];
        for coding in CODINGS {
            let sent = encode(coding, &plain);
            assert_eq!(decode(coding, &sent, 1000).unwrap(), plain, "{coding:?}");
            assert_eq!(
                decode(coding, &sent, 999),
                Err(Refusal::TooCompressed(999)),
                "{coding:?}"
            );
        }
    }

    #[test]
    fn each_coding_is_capped_in_ratio_above_the_free_size() {
        // Zeros compress about 1,000 to 1 and more.
        for coding in CODINGS {
            let sent = encode(coding, &[0; GZIP_RATIO_FREE_BYTES]);
            let decoded = decode(coding, &sent, usize::MAX).unwrap();
            assert_eq!(decoded.len(), GZIP_RATIO_FREE_BYTES, "{coding:?}");
            let sent = encode(coding, &vec![0; GZIP_RATIO_FREE_BYTES + 1]);
            let refused = Err(Refusal::TooDense(GZIP_RATIO_MAX));
            assert_eq!(decode(coding, &sent, usize::MAX), refused, "{coding:?}");
        }
    }

    #[test]
    fn what_is_cut_off_or_garbage_is_refused() {
        for coding in CODINGS {
            let whole = encode(coding, b"{\"is\":\"cut off\"}");
            for wrong in [&b""[..], b"{\"is\":\"plain\"}", &whole[..whole.len() - 1]] {
                let refused = decode(coding, wrong, 100);
                assert!(
                    matches!(refused, Err(Refusal::BadRequest(_))),
                    "{coding:?} {wrong:?} {refused:?}"
                );
            }
        }
    }

    #[test]
    fn deflate_is_read_with_and_without_the_format_of_zlib() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(b"{\"raw\":true}").unwrap();
        let raw = encoder.finish().unwrap();
        assert_eq!(decode(Encoding::Deflate, &raw, 100).unwrap(), "{\"raw\":true}");
    }

    #[test]
    fn members_are_joined_and_what_is_behind_them_is_refused() {
        let gzip = |plain: &[u8]| encode(Encoding::Gzip, plain);
        let two = [gzip(b"ab"), gzip(b"cd")].concat();
        assert_eq!(decode(Encoding::Gzip, &two, 10).unwrap(), "abcd");
        for coding in CODINGS {
            let tail = [encode(coding, b"a"), b"tail".to_vec()].concat();
            let refused = decode(coding, &tail, 100);
            assert!(matches!(refused, Err(Refusal::BadRequest(_))), "{coding:?} {refused:?}");
        }
    }

    #[test]
    fn zstd_is_capped_like_gzip_and_garbage_is_refused() {
        let unzstd = |sent: &[u8], bytes_max| {
            let decompression = Decompression {
                encoding: Encoding::Zstd,
                bytes_max,
                ratio_max: usize::MAX,
            };
            decompression.run(Bytes::copy_from_slice(sent))
        };
        let sent = zstd::encode_all(&[b'a'; 1000][..], 0).unwrap();
        assert_eq!(unzstd(&sent, 1000).unwrap(), vec![b'a'; 1000]);
        assert_eq!(unzstd(&sent, 999), Err(Refusal::TooCompressed(999)));
        for wrong in [&b"plain"[..], &sent[..sent.len() - 1]] {
            assert!(matches!(unzstd(wrong, 1000), Err(Refusal::BadRequest(_))), "{wrong:?}");
        }
    }

    #[test]
    fn more_than_one_coding_is_refused() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, http::HeaderValue::from_static(value));
            }
            Encoding::of(&headers)
        };
        assert_eq!(of(&[]), Ok(Encoding::Identity));
        assert_eq!(of(&["identity"]), Ok(Encoding::Identity));
        for (name, coding) in [
            ("GZip", Encoding::Gzip),
            ("deflate", Encoding::Deflate),
            ("zstd", Encoding::Zstd),
            ("br", Encoding::Brotli),
        ] {
            assert_eq!(of(&[name]), Ok(coding));
        }
        for wrong in [&["compress"][..], &["gzip, gzip"], &["gzip", "gzip"], &["zstd, br"]] {
            assert_eq!(of(wrong), Err(Refusal::Encoding));
        }
    }
}
