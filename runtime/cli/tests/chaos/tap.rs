//! What a broker was asked and has answered, read off the wire: gRPC calls in HTTP/2 frames.

use std::collections::{BTreeMap, BTreeSet};

use crate::oracle::{Id, ids_in};

/// Both directions of one connection, from its first byte.
#[derive(Default)]
pub struct Tapped {
    pub there: Vec<u8>,
    pub back: Vec<u8>,
}

/// The client's preface: `PRI * HTTP/2.0 …`.
const PREFACE_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 9;
const DATA: u8 = 0;

impl Tapped {
    /// Events in the bodies of the calls that were answered with a message. A gRPC error has none.
    pub fn answered(&self) -> BTreeSet<Id> {
        let asked = bodies(self.there.get(PREFACE_BYTES..).unwrap_or_default());
        let answers = bodies(&self.back);
        let answered = asked.iter().filter(|(stream, _)| answers.contains_key(stream));
        answered.flat_map(|(_, body)| ids_in(body)).collect()
    }

    /// Events in bodies that came back.
    pub fn delivered(&self) -> BTreeSet<Id> {
        bodies(&self.back).values().flat_map(|body| ids_in(body)).collect()
    }
}

/// The bytes of each stream that has any. The last frame may be cut short.
fn bodies(mut bytes: &[u8]) -> BTreeMap<u32, Vec<u8>> {
    let mut streams: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>() {
        let [a, b, c, kind, _flags, stream @ ..] = *header;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let Some((payload, next)) = rest.split_at_checked(length) else {
            break;
        };
        if kind == DATA && !payload.is_empty() {
            streams.entry(u32::from_be_bytes(stream)).or_default().extend(payload);
        }
        bytes = next;
    }
    streams
}

/// What the tap must tell apart, or it attributes nothing.
///
/// # Panics
/// It does not.
pub fn canary() {
    let frame = |stream: u8, payload: &[u8]| {
        let mut frame = vec![0, 0, payload.len() as u8, DATA, 0, 0, 0, 0, stream];
        frame.extend(payload);
        frame
    };
    let (first, second) = (br#"{"amount":"#, br#"7,"currency"#);
    let tapped = Tapped {
        there: [
            vec![b' '; PREFACE_BYTES],
            frame(1, first),
            frame(3, br#"{"amount":8}"#),
            frame(1, second),
        ]
        .concat(),
        back: frame(1, b"\0\0\0\0\0"),
    };
    assert_eq!(tapped.answered(), BTreeSet::from([7]), "the tap misreads calls");
    let back = Tapped {
        there: Vec::new(),
        back: frame(1, br#"{"amount":9}"#),
    };
    assert_eq!(back.delivered(), BTreeSet::from([9]), "the tap misreads deliveries");
}
