//! Bytes: unsigned varints (LEB128) and length-prefixed strings. Reading checks everything and never panics.

use bytes::Bytes;

/// Appends a number.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length and the bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Stored bytes that this version does not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) &'static str);

/// Reads front to back; slices share the input's memory.
pub(super) struct Reader(Bytes);

impl Reader {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, n: usize) -> Result<Bytes, Malformed> {
        if n > self.0.len() {
            return Err(Malformed("it ends early"));
        }
        Ok(self.0.split_to(n))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.take(1)?.first().copied().ok_or(Malformed("it ends early"))
    }

    pub(super) fn u64_le(&mut self) -> Result<u64, Malformed> {
        let bytes = self.take(8)?;
        let array = <[u8; 8]>::try_from(bytes.as_ref()).map_err(|_| Malformed("it ends early"))?;
        Ok(u64::from_le_bytes(array))
    }

    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed("a number is too long"))
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let len = usize::try_from(self.varint()?).map_err(|_| Malformed("a length is too large"))?;
        self.take(len)
    }

    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.bytes()?.into()).map_err(|_| Malformed("a text is not UTF-8"))
    }

    pub(super) fn rest(self) -> Bytes {
        self.0
    }

    pub(super) fn remaining(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(Reader::new(out.into()).varint(), Ok(value));
        }
    }

    #[test]
    fn numbers_that_overflow_are_refused() {
        assert!(Reader::new(Bytes::from(vec![0xff; 12])).varint().is_err());
        let mut beyond = vec![0xff; 9];
        beyond.push(2);
        assert!(Reader::new(beyond.into()).varint().is_err());
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert!(Reader::new(Bytes::from_static(&[200, 1, 7])).bytes().is_err());
    }
}
