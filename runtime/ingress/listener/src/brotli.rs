//! Brotli, from a body that is there as a whole.
//!
//! The library's own reader takes streams with windows of up to 1 GiB, which HTTP does not have, and ignores what follows a
//! stream.

use std::io::{Error, ErrorKind, Read, Result};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

/// Decompresses a stream whose window is at most 16 MiB (RFC 7932).
pub(crate) struct BrotliDecoder<'a> {
    sent: &'a [u8],
    read: usize,
    written: usize,
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
}

impl<'a> BrotliDecoder<'a> {
    pub(crate) fn new(sent: &'a [u8]) -> Self {
        let [a, b, c] = [(); 3].map(|()| StandardAlloc::default());
        Self {
            sent,
            read: 0,
            written: 0,
            state: BrotliState::new_strict(a, b, c),
        }
    }
}

impl Read for BrotliDecoder<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let (mut left, mut room, mut written) = (self.sent.len() - self.read, out.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut self.read,
            self.sent,
            &mut room,
            &mut written,
            out,
            &mut self.written,
            &mut self.state,
        );
        let invalid = |why: &str| Err(Error::new(ErrorKind::InvalidData, why.to_owned()));
        match result {
            BrotliResult::ResultSuccess if left > 0 => invalid(&format!("{left} bytes follow its end")),
            BrotliResult::ResultSuccess | BrotliResult::NeedsMoreOutput => Ok(written),
            BrotliResult::NeedsMoreInput => invalid("it is cut off"),
            BrotliResult::ResultFailure => invalid("its data is corrupt"),
        }
    }
}
