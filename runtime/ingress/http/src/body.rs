//! Request bodies: read up to a size limit and a deadline, decompressed up to a ratio.
//!
//! Memory is charged as it is used, over all requests of a listener. An announced length costs the sender nothing, so it must
//! not reserve memory either.

use std::{
    error::Error as _,
    io::{self, Read},
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header::CONTENT_ENCODING};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::{
    answer::Refusal,
    limits::{BODY_BYTES_AHEAD_MAX, GZIP_RATIO_FREE_BYTES, GZIP_RATIO_MAX},
};

/// The memory that a listener's bodies use, and its limit, in bytes.
pub(crate) struct MemoryBudget {
    used: AtomicUsize,
    max: usize,
}

/// Bytes reserved from a [`MemoryBudget`], released when dropped.
pub(crate) struct MemoryReservation<'a> {
    budget: &'a MemoryBudget,
    bytes: usize,
}

impl MemoryBudget {
    pub(crate) fn new(max: usize) -> Self {
        let used = AtomicUsize::new(0);
        Self { used, max }
    }

    pub(crate) fn reservation(&self) -> MemoryReservation<'_> {
        MemoryReservation { budget: self, bytes: 0 }
    }
}

impl MemoryReservation<'_> {
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let used = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if used.saturating_add(bytes) > self.budget.max {
            return Err(Refusal::Overloaded);
        }
        Ok(())
    }

    fn shrink(&mut self, bytes: usize) {
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes -= bytes;
    }
}

impl Drop for MemoryReservation<'_> {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

/// The content encoding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    /// Accepts one coding at most: a body compressed twice is a decompression bomb.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let (first, second) = (values.next(), values.next());
        match (first.map(|value| value.as_bytes().trim_ascii()), second) {
            (None, _) => Ok(Self::Identity),
            (Some(coding), None) if coding.is_empty() || coding.eq_ignore_ascii_case(b"identity") => Ok(Self::Identity),
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") => {
                Ok(Self::Gzip)
            }
            _ => Err(Refusal::Encoding),
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

/// How many bytes `sent` compressed bytes may decompress to.
pub(crate) fn decoded_bytes_max(sent: usize, bytes_max: usize) -> usize {
    bytes_max.min(sent.saturating_mul(GZIP_RATIO_MAX).max(GZIP_RATIO_FREE_BYTES))
}

/// Decompresses `sent`. Stops at [`decoded_bytes_max`].
pub(crate) fn gunzip(sent: &[u8], bytes_max: usize) -> Result<Bytes, Refusal> {
    let max = decoded_bytes_max(sent.len(), bytes_max);
    let mut decoded = Vec::with_capacity(max.min(sent.len().saturating_mul(4)));
    // Reads one byte more than allowed, to tell a body at the limit from one past it.
    let read = MultiGzDecoder::new(sent).take(max as u64 + 1).read_to_end(&mut decoded);
    match read {
        Ok(n) if n > max => Err(Refusal::TooCompressed),
        Ok(_) => Ok(Bytes::from(decoded)),
        Err(error) => Err(Refusal::BadRequest(format!("the body is not gzip: {error}"))),
    }
}

/// The part of a reservation for a decompressed body: the maximum while it is decompressed, its real size afterwards.
pub(crate) struct DecodeReservation(usize);

impl DecodeReservation {
    pub(crate) fn reserve(
        reserved: &mut MemoryReservation<'_>,
        sent: usize,
        bytes_max: usize,
    ) -> Result<Self, Refusal> {
        let max = decoded_bytes_max(sent, bytes_max);
        reserved.grow(max)?;
        Ok(Self(max))
    }

    pub(crate) fn shrink_to(self, reserved: &mut MemoryReservation<'_>, decoded: usize) {
        reserved.shrink(self.0.saturating_sub(decoded));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_capped_in_size() {
        let plain = vec![b'a'; 1000];
        assert_eq!(gunzip(&gzip(&plain), 1000).unwrap(), plain);
        assert_eq!(gunzip(&gzip(&plain), 999), Err(Refusal::TooCompressed));
    }

    #[test]
    fn gzip_is_capped_in_ratio_above_the_free_size() {
        // Zeros compress about 1,000 to 1.
        assert_eq!(
            gunzip(&gzip(&[0; GZIP_RATIO_FREE_BYTES]), usize::MAX).unwrap().len(),
            GZIP_RATIO_FREE_BYTES
        );
        assert_eq!(
            gunzip(&gzip(&vec![0; GZIP_RATIO_FREE_BYTES + 1]), usize::MAX),
            Err(Refusal::TooCompressed)
        );
    }

    #[test]
    fn members_are_joined_and_garbage_is_refused() {
        let two = [gzip(b"ab"), gzip(b"cd")].concat();
        assert_eq!(gunzip(&two, 10).unwrap(), "abcd");
        for wrong in [
            &b""[..],
            b"plain",
            &gzip(b"cut off")[..15],
            &[gzip(b"a"), b"tail".to_vec()].concat(),
        ] {
            assert!(matches!(gunzip(wrong, 100), Err(Refusal::BadRequest(_))));
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
        assert_eq!(of(&["GZip"]), Ok(Encoding::Gzip));
        for wrong in [&["br"][..], &["gzip, gzip"], &["gzip", "gzip"], &["deflate"]] {
            assert_eq!(of(wrong), Err(Refusal::Encoding));
        }
    }

    #[test]
    fn a_dropped_reservation_is_released() {
        let budget = MemoryBudget::new(10);
        let mut first = budget.reservation();
        first.grow(10).unwrap();
        assert_eq!(budget.reservation().grow(1), Err(Refusal::Overloaded));
        drop(first);
        budget.reservation().grow(10).expect("all of it is free again");
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
