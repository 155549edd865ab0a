//! The acknowledged offsets of a subscription in one partition: everything below the floor, and ranges above it.
//!
//! Stored as version byte 1, then varints: the floor, the number of ranges, and for each the gap to the one before and
//! its length, both at least 1.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::codec::{Malformed, Reader, put_varint};

const VERSION: u8 = 1;

/// Acknowledged offsets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    floor: u64,
    /// Start to end (exclusive); apart from each other and from the floor.
    ranges: BTreeMap<u64, u64>,
}

impl Cursor {
    /// Everything below `floor` is acknowledged.
    pub(super) fn at(floor: u64) -> Self {
        Self {
            floor,
            ranges: BTreeMap::new(),
        }
    }

    /// The first offset that is not acknowledged.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// The first offset above all that are acknowledged.
    pub(super) fn end(&self) -> u64 {
        self.ranges.last_key_value().map_or(self.floor, |(_, end)| *end)
    }

    /// Number of acknowledged offsets above the floor.
    pub(super) fn above_floor(&self) -> u64 {
        self.ranges.iter().map(|(start, end)| end - start).sum()
    }

    /// Number of acknowledged offsets from `start` up to, not including, `end`.
    pub(super) fn acknowledged_in(&self, start: u64, end: u64) -> u64 {
        let below_floor = self.floor.min(end).saturating_sub(start);
        let ranges = self
            .ranges
            .iter()
            .map(|(from, to)| (*to).min(end).saturating_sub((*from).max(start)));
        below_floor + ranges.sum::<u64>()
    }

    /// Whether `offset` is acknowledged.
    pub(super) fn contains(&self, offset: u64) -> bool {
        offset < self.floor
            || self
                .ranges
                .range(..=offset)
                .next_back()
                .is_some_and(|(_, end)| offset < *end)
    }

    /// The first offset from `from` on that is not acknowledged.
    pub(super) fn next_unacknowledged(&self, from: u64) -> u64 {
        let from = from.max(self.floor);
        match self.ranges.range(..=from).next_back() {
            Some((_, end)) => from.max(*end),
            None => from,
        }
    }

    /// The first acknowledged offset above `from`, which is not acknowledged itself.
    pub(super) fn next_acknowledged(&self, from: u64) -> Option<u64> {
        self.ranges.range(from..).next().map(|(start, _)| *start)
    }

    /// Acknowledges one offset.
    pub(super) fn ack(&mut self, offset: u64) {
        if self.contains(offset) {
            return;
        }
        let mut end = offset + 1;
        if let Some(next_end) = self.ranges.remove(&end) {
            end = next_end;
        }
        if offset == self.floor {
            self.floor = end;
            return;
        }
        match self.ranges.range_mut(..offset).next_back() {
            Some((_, before)) if *before == offset => *before = end,
            _ => {
                self.ranges.insert(offset, end);
            }
        }
    }

    /// Acknowledges everything below `floor`.
    pub(super) fn advance_floor(&mut self, floor: u64) {
        if floor <= self.floor {
            return;
        }
        self.floor = self.next_unacknowledged(floor);
        self.ranges = self.ranges.split_off(&self.floor);
    }

    /// The stored form.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(12 + 4 * self.ranges.len());
        out.push(VERSION);
        put_varint(&mut out, self.floor);
        put_varint(&mut out, self.ranges.len() as u64);
        let mut before = self.floor;
        for (start, end) in &self.ranges {
            put_varint(&mut out, start - before);
            put_varint(&mut out, end - start);
            before = *end;
        }
        out
    }

    /// From the stored form.
    pub(super) fn decode(stored: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(Bytes::copy_from_slice(stored));
        if reader.byte()? != VERSION {
            return Err(Malformed("its version is unknown"));
        }
        let mut cursor = Self::at(reader.varint()?);
        let mut before = cursor.floor;
        for _ in 0..reader.varint()? {
            let start = advance(before, reader.varint()?)?;
            let end = advance(start, reader.varint()?)?;
            cursor.ranges.insert(start, end);
            before = end;
        }
        Ok(cursor)
    }
}

fn advance(from: u64, by: u64) -> Result<u64, Malformed> {
    match from.checked_add(by) {
        Some(to) if by > 0 => Ok(to),
        _ => Err(Malformed("its ranges do not rise")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;

    /// Against the obvious model: a set of acknowledged offsets.
    #[test]
    fn agrees_with_a_set_whatever_the_order() {
        for seed in 0..200 {
            let mut rng = StdRng::seed_from_u64(seed);
            let start = rng.random_range(0..5);
            let (mut cursor, mut model) = (Cursor::at(start), (0..start).collect::<BTreeSet<u64>>());
            for _ in 0..40 {
                if rng.random_bool(0.05) {
                    let floor = rng.random_range(0..40);
                    cursor.advance_floor(floor);
                    model.extend(0..floor);
                } else {
                    let offset = rng.random_range(0..40);
                    cursor.ack(offset);
                    model.insert(offset);
                }
                let floor = (0..).find(|o| !model.contains(o)).expect("some offset is open");
                assert_eq!(cursor.floor(), floor, "seed {seed}");
                assert_eq!(cursor.above_floor(), model.range(floor..).count() as u64, "seed {seed}");
                let (from, to) = (rng.random_range(0..42), rng.random_range(0..42));
                let in_model = (from..to).filter(|o| model.contains(o)).count() as u64;
                assert_eq!(cursor.acknowledged_in(from, to), in_model, "seed {seed} {from}..{to}");
                for o in 0..42 {
                    assert_eq!(cursor.contains(o), model.contains(&o), "seed {seed} offset {o}");
                    let open = (o..).find(|o| !model.contains(o)).expect("some offset is open");
                    assert_eq!(cursor.next_unacknowledged(o), open, "seed {seed} offset {o}");
                    assert_eq!(
                        cursor.next_acknowledged(open),
                        model.range(open..).next().copied(),
                        "seed {seed} offset {o}"
                    );
                }
                assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor.clone()), "seed {seed}");
            }
        }
    }

    #[test]
    fn damaged_cursors_are_errors() {
        let mut cursor = Cursor::at(5);
        cursor.ack(9);
        let stored = cursor.encode();
        for len in 0..stored.len() {
            assert!(Cursor::decode(&stored[..len]).is_err(), "cut at {len}");
        }
        assert!(Cursor::decode(&[1, 5, 1, 0, 1]).is_err(), "no gap");
        assert!(Cursor::decode(&[2, 5, 0]).is_err(), "another version");
    }
}
