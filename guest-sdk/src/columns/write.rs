//! Columns that go back to the host. Those that may be left out stay empty until a value has something to say, and are
//! filled up with empty values then.

use crate::{
    bindings::types::{Attributes, Blobs, Labels, Origins, Payloads},
    payload::Payload,
};

pub(crate) const NO_BLOBS: Blobs = Blobs {
    ends: Vec::new(),
    bytes: Vec::new(),
};

pub(crate) const NO_LABELS: Labels = Labels {
    names: Vec::new(),
    index: Vec::new(),
};

pub(crate) const NO_ATTRIBUTES: Attributes = Attributes {
    ends: Vec::new(),
    names: NO_BLOBS,
    values: NO_BLOBS,
};

const NO_PAYLOADS: Payloads = Payloads {
    reuse: Vec::new(),
    bytes: NO_BLOBS,
};

const NO_ORIGINS: Origins = Origins {
    ends: Vec::new(),
    index: Vec::new(),
};

/// A place or a length as it crosses. The host's batches are far below 4 GiB.
pub(crate) fn u32_of(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Appends a value.
pub(crate) fn push_blob(column: &mut Blobs, value: &[u8]) {
    column.bytes.extend_from_slice(value);
    column.ends.push(u32_of(column.bytes.len()));
}

/// Appends a value. Batches have few names and long runs of one, so the last one is looked at first.
pub(crate) fn push_label(column: &mut Labels, value: &str) {
    let last = column.index.last().copied();
    let at = last
        .filter(|at| column.names[*at as usize] == value)
        .or_else(|| column.names.iter().position(|name| name == value).map(u32_of));
    column.index.push(at.unwrap_or_else(|| {
        column.names.push(value.to_owned());
        u32_of(column.names.len() - 1)
    }));
}

/// Appends a set.
pub(crate) fn push_pairs<'a>(column: &mut Attributes, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, value) in pairs {
        push_blob(&mut column.names, name.as_bytes());
        push_blob(&mut column.values, value.as_bytes());
    }
    column.ends.push(u32_of(column.names.ends.len()));
}

/// Byte strings that most batches do not have.
#[derive(Debug)]
pub(crate) struct OptionalBlobs(Blobs);

impl OptionalBlobs {
    pub(crate) const EMPTY: Self = Self(NO_BLOBS);

    /// Sets the value at `place`, the next one or one further on; those between are empty.
    pub(crate) fn set(&mut self, place: usize, value: &[u8]) {
        self.fill(place);
        push_blob(&mut self.0, value);
    }

    /// The column for a batch of `n`.
    pub(crate) fn finish(mut self, n: usize) -> Blobs {
        if !self.0.ends.is_empty() {
            self.fill(n);
        }
        self.0
    }

    fn fill(&mut self, n: usize) {
        self.0.ends.resize(n, u32_of(self.0.bytes.len()));
    }
}

/// Attributes that most batches do not have.
#[derive(Debug)]
pub(crate) struct OptionalPairs(Attributes);

impl OptionalPairs {
    pub(crate) const EMPTY: Self = Self(NO_ATTRIBUTES);

    /// Sets the value at `place`, the next one or one further on; those between are empty.
    pub(crate) fn set<'a>(&mut self, place: usize, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.fill(place);
        push_pairs(&mut self.0, pairs);
    }

    /// The column for a batch of `n`.
    pub(crate) fn finish(mut self, n: usize) -> Attributes {
        if !self.0.ends.is_empty() {
            self.fill(n);
        }
        self.0
    }

    fn fill(&mut self, n: usize) {
        self.0.ends.resize(n, u32_of(self.0.names.ends.len()));
    }
}

/// Numbers that are 0 in most batches.
#[derive(Debug)]
pub(crate) struct OptionalNumbers<N>(Vec<N>);

impl<N: Copy + Default> OptionalNumbers<N> {
    pub(crate) const EMPTY: Self = Self(Vec::new());

    /// Sets the value at `place`, the next one or one further on; those between are 0.
    pub(crate) fn set(&mut self, place: usize, value: N) {
        self.0.resize(place, N::default());
        self.0.push(value);
    }

    /// The column for a batch of `n`.
    pub(crate) fn finish(mut self, n: usize) -> Vec<N> {
        if !self.0.is_empty() {
            self.0.resize(n, N::default());
        }
        self.0
    }
}

/// Payloads, new ones and inputs' own.
#[derive(Debug)]
pub(crate) struct PayloadColumn(Payloads);

impl PayloadColumn {
    pub(crate) const EMPTY: Self = Self(NO_PAYLOADS);

    /// Appends a payload.
    pub(crate) fn push(&mut self, payload: &Payload<'_>) {
        match payload {
            Payload::New(bytes) => {
                if !self.0.reuse.is_empty() {
                    self.0.reuse.push(0);
                }
                push_blob(&mut self.0.bytes, bytes);
            }
            Payload::Input(at, _) => {
                if self.0.reuse.is_empty() {
                    self.0.reuse.resize(self.0.bytes.ends.len(), 0);
                }
                self.0.reuse.push(at + 1);
            }
        }
    }

    /// The column.
    pub(crate) fn finish(self) -> Payloads {
        self.0
    }
}

/// Where each output came from. Costs nothing while output i comes from input i.
#[derive(Debug)]
pub(crate) enum OriginColumn {
    /// So many outputs, each from the input of its place.
    Identity(u32),
    /// Spelled out.
    Listed(Origins),
}

impl OriginColumn {
    pub(crate) const EMPTY: Self = Self::Identity(0);

    /// Appends an output of these inputs.
    pub(crate) fn push(&mut self, inputs: impl IntoIterator<Item = u32>) {
        let mut inputs = inputs.into_iter();
        let first = inputs.next();
        let second = inputs.next();
        if let Self::Identity(n) = self
            && first == Some(*n)
            && second.is_none()
        {
            *n += 1;
            return;
        }
        let origins = self.listed();
        origins.index.extend(first.into_iter().chain(second).chain(inputs));
        origins.ends.push(u32_of(origins.index.len()));
    }

    /// The column for an answer to `inputs` inputs.
    pub(crate) fn finish(mut self, inputs: usize) -> Origins {
        match &self {
            Self::Identity(n) if *n == 0 || *n as usize == inputs => NO_ORIGINS,
            _ => std::mem::replace(self.listed(), NO_ORIGINS),
        }
    }

    fn listed(&mut self) -> &mut Origins {
        if let Self::Identity(n) = *self {
            *self = Self::Listed(Origins {
                ends: (1..=n).collect(),
                index: (0..n).collect(),
            });
        }
        match self {
            Self::Listed(origins) => origins,
            Self::Identity(_) => unreachable!("listed above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::columns::read;

    #[test]
    fn values_come_back_as_they_went_in() {
        let mut blobs = NO_BLOBS;
        for value in [&b"a"[..], b"", b"ccc"] {
            push_blob(&mut blobs, value);
        }
        assert_eq!(
            [0, 1, 2, 3].map(|i| read::blob(&blobs, i)),
            [&b"a"[..], b"", b"ccc", b""]
        );

        let mut labels = NO_LABELS;
        for value in ["a", "b", "b", "a"] {
            push_label(&mut labels, value);
        }
        assert_eq!(labels.names, ["a", "b"]);
        assert_eq!(
            [0, 1, 2, 3, 4].map(|i| read::label(&labels, i)),
            ["a", "b", "b", "a", ""]
        );

        let mut sets = NO_ATTRIBUTES;
        push_pairs(&mut sets, [("k", "v")]);
        push_pairs(&mut sets, []);
        push_pairs(&mut sets, [("ä", "1"), ("b", "2")]);
        assert_eq!(read::pairs(&sets, 2).collect::<Vec<_>>(), [("ä", "1"), ("b", "2")]);
        assert_eq!(read::pairs(&sets, 1).count() + read::pairs(&sets, 3).count(), 0);
        assert_eq!(read::pair(&sets, 2, "b"), Some("2"));
        assert_eq!(read::pair(&sets, 0, "b"), None);
    }

    #[test]
    fn a_column_with_nothing_to_say_stays_empty() {
        assert!(OptionalBlobs::EMPTY.finish(9).ends.is_empty());
        assert!(OptionalPairs::EMPTY.finish(9).ends.is_empty());
        assert!(OptionalNumbers::<u64>::EMPTY.finish(9).is_empty());
    }

    #[test]
    fn a_late_value_fills_up_those_before_and_after_it() {
        let mut blobs = OptionalBlobs::EMPTY;
        blobs.set(2, b"x");
        assert_eq!(blobs.finish(4).ends, [0, 0, 1, 1]);

        let mut sets = OptionalPairs::EMPTY;
        sets.set(1, [("a", "b"), ("c", "d")]);
        assert_eq!(sets.finish(3).ends, [0, 2, 2]);

        let mut numbers = OptionalNumbers::EMPTY;
        numbers.set(1, 7u8);
        assert_eq!(numbers.finish(3), [0, 7, 0]);
    }

    #[test]
    fn payloads_mix_new_and_reused() {
        let new = |bytes: &'static [u8]| Payload::New(Cow::Borrowed(bytes));
        let mut payloads = PayloadColumn::EMPTY;
        payloads.push(&new(b"a"));
        assert!(payloads.0.reuse.is_empty());
        payloads.push(&Payload::input(4));
        payloads.push(&new(b"b"));
        let payloads = payloads.finish();
        assert_eq!(payloads.reuse, [0, 5, 0]);
        assert_eq!(payloads.bytes.bytes, b"ab");
    }

    #[test]
    fn one_output_an_input_needs_no_origins() {
        let mut origins = OriginColumn::EMPTY;
        (0..3).for_each(|i| origins.push([i]));
        let origins = origins.finish(3);
        assert!(origins.ends.is_empty() && origins.index.is_empty());
    }

    #[test]
    fn an_input_without_output_at_the_end_spells_origins_out() {
        let mut origins = OriginColumn::EMPTY;
        (0..2).for_each(|i| origins.push([i]));
        let origins = origins.finish(3);
        assert_eq!((origins.ends, origins.index), (vec![1, 2], vec![0, 1]));
    }

    #[test]
    fn outputs_of_many_inputs_and_many_outputs_of_one() {
        let mut origins = OriginColumn::EMPTY;
        origins.push([0]);
        origins.push([1, 2, 3]);
        origins.push([3]);
        let origins = origins.finish(4);
        assert_eq!((origins.ends, origins.index), (vec![1, 4, 5], vec![0, 1, 2, 3, 3]));
    }

    #[test]
    fn as_many_outputs_as_inputs_is_not_yet_one_each() {
        let mut origins = OriginColumn::EMPTY;
        origins.push([1]);
        origins.push([1]);
        assert_eq!(origins.finish(2).index, [1, 1]);
    }
}
