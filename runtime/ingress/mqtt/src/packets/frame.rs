//! Bytes to packets. One that is too large is passed over as it comes, but for its head.

use std::sync::Arc;

use bytes::{Buf, BytesMut};

use super::Malformed;
use crate::limits::HEAD_BYTES_MAX;

/// A packet: the first byte, and what is behind the length.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) body: Arc<[u8]>,
}

/// What comes out of the bytes.
#[derive(Debug, Clone)]
pub(crate) enum Framed {
    Whole(Frame),
    /// Larger than it may be: its size, and the beginning of its body.
    TooLarge {
        head: Frame,
        size: usize,
    },
}

/// Cuts a stream of bytes into packets.
#[derive(Debug)]
pub(crate) struct Framer {
    buffer: BytesMut,
    packet_bytes_max: usize,
    passing: Option<Passing>,
}

/// A packet of which the rest is passed over.
#[derive(Debug)]
struct Passing {
    first: u8,
    head: Vec<u8>,
    left: usize,
    size: usize,
}

impl Framer {
    pub(crate) fn new(packet_bytes_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            packet_bytes_max,
            passing: None,
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next packet, if all of it is there.
    pub(crate) fn next(&mut self) -> Result<Option<Framed>, Malformed> {
        if self.passing.is_some() {
            return Ok(self.pass());
        }
        let Some((header, length)) = header(&self.buffer)? else {
            return Ok(None);
        };
        let first = self.buffer[0];
        if header + length > self.packet_bytes_max {
            self.buffer.advance(header);
            self.passing = Some(Passing {
                first,
                head: Vec::new(),
                left: length,
                size: header + length,
            });
            return Ok(self.pass());
        }
        if self.buffer.len() < header + length {
            return Ok(None);
        }
        let body = Arc::from(&self.buffer[header..header + length]);
        self.buffer.advance(header + length);
        Ok(Some(Framed::Whole(Frame { first, body })))
    }

    /// Passes over what is there of a packet that is too large.
    fn pass(&mut self) -> Option<Framed> {
        let passing = self.passing.as_mut()?;
        let here = passing.left.min(self.buffer.len());
        let kept = here.min(HEAD_BYTES_MAX.saturating_sub(passing.head.len()));
        passing.head.extend_from_slice(&self.buffer[..kept]);
        self.buffer.advance(here);
        passing.left -= here;
        if passing.left > 0 {
            return None;
        }
        let Passing { first, head, size, .. } = self.passing.take()?;
        let head = Frame {
            first,
            body: head.into(),
        };
        Some(Framed::TooLarge { head, size })
    }
}

/// Length of the fixed header, and of what is behind it; none while it is not all there.
fn header(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let mut length = 0;
    for at in 1..=4 {
        let Some(byte) = bytes.get(at) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            return Ok(Some((at + 1, length)));
        }
    }
    Err(Malformed("a length of more than four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(framed: Option<Framed>) -> (u8, Vec<u8>) {
        match framed {
            Some(Framed::Whole(frame)) => (frame.first, frame.body.to_vec()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn packets_come_out_whole_however_they_are_cut() {
        let bytes = [&[0xd0, 0][..], &[0x30, 3, 1, 2, 3], &[0x40, 2, 0, 7]].concat();
        for step in 1..bytes.len() {
            let mut framer = Framer::new(100);
            let mut found = Vec::new();
            for chunk in bytes.chunks(step) {
                framer.feed(chunk);
                while let Some(framed) = framer.next().expect("well formed") {
                    found.push(whole(Some(framed)));
                }
            }
            assert_eq!(
                found,
                [(0xd0, vec![]), (0x30, vec![1, 2, 3]), (0x40, vec![0, 7])],
                "{step}"
            );
        }
    }

    #[test]
    fn a_packet_at_the_limit_is_whole_and_one_past_it_is_passed_over_without_being_held() {
        let packet = |length: usize| [&[0x30, u8::try_from(length).expect("small")][..], &vec![9; length]].concat();
        let mut framer = Framer::new(100);
        framer.feed(&packet(98));
        assert_eq!(whole(framer.next().expect("well formed")).1.len(), 98);
        framer.feed(&packet(99));
        framer.feed(&[0xd0, 0]);
        assert!(matches!(framer.next(), Ok(Some(Framed::TooLarge { size: 101, .. }))));
        assert_eq!(whole(framer.next().expect("well formed")), (0xd0, vec![]));
        // A large one never fills the buffer.
        framer.feed(&[0x30, 0xff, 0xff, 0xff, 0x7f]);
        for _ in 0..100 {
            framer.feed(&[0; 4096]);
            assert!(matches!(framer.next(), Ok(None)) && framer.buffer.is_empty());
        }
        assert_eq!(framer.passing.expect("under way").head.len(), HEAD_BYTES_MAX);
    }

    #[test]
    fn a_length_without_an_end_is_malformed() {
        let mut framer = Framer::new(100);
        framer.feed(&[0x30, 0xff, 0xff, 0xff, 0xff]);
        framer.next().expect_err("five bytes");
    }
}
