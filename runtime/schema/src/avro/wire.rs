//! The numbers and lengths that Avro's binary form is made of.

use crate::varint;

/// Reads bytes from front to back.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The next bytes. What is not there is not allocated either.
    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], &'static str> {
        let taken = self.rest().get(..n).ok_or("the bytes end too early")?;
        self.at += n;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let taken = self.rest().first_chunk::<N>().ok_or("the bytes end too early")?;
        self.at += N;
        Ok(*taken)
    }

    pub(super) fn long(&mut self) -> Result<i64, &'static str> {
        let mut rest = self.rest();
        let zigzag = varint::read(&mut rest)?;
        self.at = self.bytes.len() - rest.len();
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    /// A length in bytes, and those bytes.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], &'static str> {
        let length = usize::try_from(self.long()?).map_err(|_| "a length is negative")?;
        self.take(length)
    }
}

pub(super) fn put_long(out: &mut Vec<u8>, n: i64) {
    varint::write(out, ((n << 1) ^ (n >> 63)).cast_unsigned());
}

pub(super) fn put_length(out: &mut Vec<u8>, n: usize) {
    // A length in memory is below 2^63.
    put_long(out, n as i64);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}
