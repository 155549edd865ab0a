//! Which items of the last answer have been fetched: an API gives the last page, or the item at its cursor, again and again.

use std::collections::BTreeSet;

/// Items of an answer that are remembered; eight bytes each, and a value of `state` has 64 KiB.
pub(crate) const ITEMS_MAX: usize = 8_000;

/// Ids of items, as 64 bits of a hash: of 8,000 items two are alike once in 10^12 answers.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeSet<u64>);

impl Seen {
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let (hashes, _) = bytes.as_chunks::<8>();
        Self(hashes.iter().map(|hash| u64::from_le_bytes(*hash)).collect())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| hash.to_le_bytes()).collect()
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.contains(&hash(id))
    }

    pub(crate) fn add(&mut self, id: &str) {
        self.0.insert(hash(id));
    }
}

/// FNV-1a, finished by a multiplication that mixes the high bits: the same for ever, because it is kept.
fn hash(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_known_after_it_was_kept() {
        let mut seen = Seen::default();
        ["a", "b", ""].iter().for_each(|id| seen.add(id));
        let again = Seen::from_bytes(&seen.to_bytes());
        assert!(again.has("a") && again.has("b") && again.has("") && !again.has("c"));
    }
}
