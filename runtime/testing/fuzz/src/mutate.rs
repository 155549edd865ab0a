//! Mutations of an input, reproducible from a seed.

/// xorshift64*.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The generator of run number `run` with this seed.
    pub fn new(seed: u64, run: u64) -> Self {
        let mixed = (seed ^ run.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mut rng = Self((mixed ^ (mixed >> 31)).max(1));
        rng.next();
        rng
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `n`; 0 if that is 0.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 32) as u8
    }
}

/// Bytes that often cause bugs.
const EDGE_BYTES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b'"', b'/'];
/// Longest piece that is copied, repeated or removed, in bytes.
const PIECE_BYTES_MAX: usize = 32;

/// Changes `input` in a few places; `other` is an input to take pieces from.
pub fn mutate(input: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=rng.below(4) {
        mutate_once(&mut bytes, other, rng);
    }
    bytes
}

fn mutate_once(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let at = rng.below(bytes.len());
    let end = (at + 1 + rng.below(PIECE_BYTES_MAX)).min(bytes.len());
    let value = match rng.below(2) {
        0 => EDGE_BYTES[rng.below(EDGE_BYTES.len())],
        _ => rng.byte(),
    };
    match rng.below(8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
        1 if at < bytes.len() => bytes[at] = value,
        2 => drop(bytes.drain(at..end)),
        3 => bytes.insert(at, value),
        4 => drop(bytes.splice(at..at, [value; 9])),
        5 => {
            let piece = bytes[at..end].to_vec();
            let to = rng.below(bytes.len());
            drop(bytes.splice(to..to, piece));
        }
        6 => {
            let from = rng.below(other.len());
            let piece = &other[from..(from + PIECE_BYTES_MAX).min(other.len())];
            drop(bytes.splice(at..end, piece.iter().copied()));
        }
        _ => bytes.truncate(at),
    }
}
