//! Columns: n values as a few flat lists, the shape in which batches cross the sandbox (`wit/types.wit`).
//!
//! What a component returns is hostile until its `check` has passed: offsets may descend, indexes may point nowhere,
//! text may not be UTF-8. Every check is linear in the column's size and allocates nothing that the column did not.

use std::collections::HashMap;

/// A column that breaks a rule of the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}`: {reason}")]
pub struct ColumnError {
    /// The column, as the WIT names it.
    pub column: &'static str,
    /// The rule and the value that broke it.
    pub reason: String,
}

impl ColumnError {
    /// An error in `column`.
    pub fn new(column: &'static str, reason: String) -> Self {
        Self { column, reason }
    }
}

/// n byte strings laid end to end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blobs {
    /// Where each value ends.
    pub ends: Vec<u32>,
    /// All values.
    pub bytes: Vec<u8>,
}

impl Blobs {
    /// Appends a value. A column holds at most 4 GiB; batches are capped far below.
    pub fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Value `i`; empty if there is no such value.
    pub fn get(&self, i: usize) -> &[u8] {
        let start = if i == 0 {
            0
        } else {
            self.ends.get(i - 1).copied().unwrap_or(0) as usize
        };
        let end = self.ends.get(i).copied().unwrap_or(0) as usize;
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Value `i` as text; empty if it is not UTF-8.
    pub fn text(&self, i: usize) -> &str {
        std::str::from_utf8(self.get(i)).unwrap_or_default()
    }

    /// All values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|i| self.get(i))
    }

    /// That `ends` rises to the length of `bytes`.
    pub fn check(&self, column: &'static str) -> Result<(), ColumnError> {
        check_ends(column, &self.ends, self.bytes.len())
    }

    /// That there are `n` values, or none.
    pub fn check_optional(&self, column: &'static str, n: usize) -> Result<(), ColumnError> {
        self.check(column)?;
        check_count(column, self.len(), n)
    }

    /// That there are `n` values or none, each UTF-8 without control characters and at most `bytes_max` long.
    pub fn check_optional_text(&self, column: &'static str, n: usize, bytes_max: usize) -> Result<(), ColumnError> {
        self.check_optional(column, n)?;
        for (i, value) in self.iter().enumerate() {
            let text =
                std::str::from_utf8(value).map_err(|_| ColumnError::new(column, format!("value {i} is not UTF-8")))?;
            if value.len() > bytes_max {
                return Err(ColumnError::new(
                    column,
                    format!("value {i} has {} bytes, over {bytes_max}", value.len()),
                ));
            }
            if text.chars().any(char::is_control) {
                return Err(ColumnError::new(column, format!("value {i} has a control character")));
            }
        }
        Ok(())
    }
}

impl<'a> FromIterator<&'a [u8]> for Blobs {
    fn from_iter<T: IntoIterator<Item = &'a [u8]>>(values: T) -> Self {
        let mut blobs = Self::default();
        values.into_iter().for_each(|value| blobs.push(value));
        blobs
    }
}

/// n strings that repeat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// The distinct strings.
    pub names: Vec<String>,
    /// For each value, its place in `names`.
    pub index: Vec<u32>,
}

impl Labels {
    /// Appends a value. Looks it up among the names from the back: batches have few, and runs of one.
    pub fn push(&mut self, value: &str) {
        let at = self.names.iter().rposition(|name| name == value).unwrap_or_else(|| {
            self.names.push(value.to_owned());
            self.names.len() - 1
        });
        self.index.push(u32::try_from(at).unwrap_or(u32::MAX));
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Value `i`; empty if there is no such value.
    pub fn get(&self, i: usize) -> &str {
        let name = self.index.get(i).and_then(|at| self.names.get(*at as usize));
        name.map_or("", String::as_str)
    }

    /// All values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|i| self.get(i))
    }

    /// That every index is in range.
    pub fn check(&self, column: &'static str) -> Result<(), ColumnError> {
        match self.index.iter().find(|at| **at as usize >= self.names.len()) {
            Some(at) => Err(ColumnError::new(
                column,
                format!("index {at} is not below the number of names, {}", self.names.len()),
            )),
            None => Ok(()),
        }
    }

    /// That there are `n` values, or none.
    pub fn check_optional(&self, column: &'static str, n: usize) -> Result<(), ColumnError> {
        self.check(column)?;
        check_count(column, self.len(), n)
    }
}

/// n sets of name-value pairs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Where each set ends, in pairs.
    pub ends: Vec<u32>,
    /// Name of each pair.
    pub names: Blobs,
    /// Value of each pair.
    pub values: Blobs,
}

impl Attributes {
    /// Appends a set.
    pub fn push<'a>(&mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in pairs {
            self.names.push(name.as_bytes());
            self.values.push(value.as_bytes());
        }
        self.ends.push(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
    }

    /// Number of sets.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The pairs of set `i`; none if there is no such set.
    pub fn get(&self, i: usize) -> impl Iterator<Item = (&str, &str)> {
        range(&self.ends, i).map(|pair| (self.names.text(pair), self.values.text(pair)))
    }

    /// That there are `n` sets or none, and that names and values are UTF-8 and as many.
    pub fn check_optional(&self, column: &'static str, n: usize) -> Result<(), ColumnError> {
        check_ends(column, &self.ends, self.names.len())?;
        check_count(column, self.len(), n)?;
        self.names.check(column)?;
        self.values.check(column)?;
        if self.names.len() != self.values.len() {
            return Err(ColumnError::new(
                column,
                format!("{} names and {} values", self.names.len(), self.values.len()),
            ));
        }
        for blobs in [&self.names, &self.values] {
            // One pass over all bytes, then that no value begins inside a character.
            let text =
                std::str::from_utf8(&blobs.bytes).map_err(|_| ColumnError::new(column, "not UTF-8".to_owned()))?;
            if let Some(end) = blobs.ends.iter().find(|end| !text.is_char_boundary(**end as usize)) {
                return Err(ColumnError::new(column, format!("offset {end} is inside a character")));
            }
        }
        Ok(())
    }
}

/// Which inputs each output came from; empty when output i came from input i.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins {
    /// Where the inputs of each output end, in places of `index`.
    pub ends: Vec<u32>,
    /// Inputs by place.
    pub index: Vec<u32>,
}

impl Origins {
    /// Appends an output that came from these inputs.
    pub fn push(&mut self, inputs: &[u32]) {
        self.index.extend_from_slice(inputs);
        self.ends.push(u32::try_from(self.index.len()).unwrap_or(u32::MAX));
    }

    /// The inputs of output `i`.
    pub fn of(&self, i: usize) -> impl ExactSizeIterator<Item = usize> + '_ {
        let identity = self.ends.is_empty();
        let places = if identity { i..i + 1 } else { range(&self.ends, i) };
        places.map(move |place| {
            if identity {
                place
            } else {
                self.index.get(place).copied().unwrap_or(0) as usize
            }
        })
    }

    /// That each of `outputs` has at least one origin below `inputs`.
    pub fn check(&self, column: &'static str, outputs: usize, inputs: usize) -> Result<(), ColumnError> {
        if self.ends.is_empty() && self.index.is_empty() {
            if outputs != inputs && outputs != 0 {
                return Err(ColumnError::new(
                    column,
                    format!("is empty, but there are {outputs} outputs of {inputs} inputs"),
                ));
            }
            return Ok(());
        }
        check_ends(column, &self.ends, self.index.len())?;
        if self.ends.len() != outputs {
            return Err(ColumnError::new(
                column,
                format!("{} values for {outputs} outputs", self.ends.len()),
            ));
        }
        let mut before = 0;
        for (i, end) in self.ends.iter().enumerate() {
            if *end == before {
                return Err(ColumnError::new(column, format!("output {i} has no origin")));
            }
            before = *end;
        }
        match self.index.iter().find(|origin| **origin as usize >= inputs) {
            Some(origin) => Err(ColumnError::new(
                column,
                format!("input {origin} of {inputs} was not given"),
            )),
            None => Ok(()),
        }
    }
}

/// n payloads, each new or an input's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payloads {
    /// For each payload, 0 or one more than the input whose bytes it is. Empty when all are new.
    pub reuse: Vec<u32>,
    /// The new ones.
    pub bytes: Blobs,
}

/// Where the bytes of one payload are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadAt {
    /// Value of `bytes`.
    New(usize),
    /// Payload of an input.
    Input(usize),
}

impl Payloads {
    /// Appends a payload of its own.
    pub fn push(&mut self, value: &[u8]) {
        if !self.reuse.is_empty() {
            self.reuse.push(0);
        }
        self.bytes.push(value);
    }

    /// Appends an input's payload as it was.
    pub fn push_input(&mut self, input: u32) {
        if self.reuse.is_empty() {
            self.reuse = vec![0; self.bytes.len()];
        }
        self.reuse.push(input.saturating_add(1));
    }

    /// Where each payload is, in order.
    pub fn places(&self) -> impl Iterator<Item = PayloadAt> + '_ {
        let all_new = self.reuse.is_empty();
        let n = if all_new { self.bytes.len() } else { self.reuse.len() };
        let mut new = 0;
        (0..n).map(move |i| match self.reuse.get(i) {
            Some(k) if !all_new && *k > 0 => PayloadAt::Input(*k as usize - 1),
            _ => {
                new += 1;
                PayloadAt::New(new - 1)
            }
        })
    }

    /// That there are `outputs` payloads, that inputs are below `inputs`, and that every new one is used once.
    pub fn check(&self, column: &'static str, outputs: usize, inputs: usize) -> Result<(), ColumnError> {
        self.bytes.check(column)?;
        if self.reuse.is_empty() {
            return if self.bytes.len() == outputs {
                Ok(())
            } else {
                Err(ColumnError::new(
                    column,
                    format!("{} values for {outputs} outputs", self.bytes.len()),
                ))
            };
        }
        if self.reuse.len() != outputs {
            return Err(ColumnError::new(
                column,
                format!("`reuse` has {} values for {outputs} outputs", self.reuse.len()),
            ));
        }
        if let Some(k) = self.reuse.iter().find(|k| **k as usize > inputs) {
            return Err(ColumnError::new(
                column,
                format!("`reuse` names input {} of {inputs}", *k - 1),
            ));
        }
        let new = self.reuse.iter().filter(|k| **k == 0).count();
        if new != self.bytes.len() {
            return Err(ColumnError::new(
                column,
                format!("`reuse` takes {new} of {} new values", self.bytes.len()),
            ));
        }
        Ok(())
    }
}

/// Why a component refuses an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionKind {
    /// The data is invalid.
    InvalidData,
    /// The component has no use for this kind of data.
    Unsupported,
}

impl RejectionKind {
    /// From the number that crossed the sandbox; unknown ones mean invalid data.
    pub fn from_code(code: u32) -> Self {
        if code == 1 {
            Self::Unsupported
        } else {
            Self::InvalidData
        }
    }

    /// Closed metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidData => "invalid_data",
            Self::Unsupported => "unsupported",
        }
    }
}

/// An input that the component refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The input by place.
    pub origin: u32,
    /// Why.
    pub kind: RejectionKind,
    /// For whoever sent the data.
    pub message: String,
}

impl Rejection {
    /// Longest message kept, in bytes.
    pub const MESSAGE_BYTES_MAX: usize = 1 << 10;

    pub(crate) fn check_all(rejected: &[Self], inputs: usize) -> Result<(), ColumnError> {
        match rejected.iter().find(|r| r.origin as usize >= inputs) {
            Some(r) => Err(ColumnError::new(
                "rejected",
                format!("input {} of {inputs} was not given", r.origin),
            )),
            None => Ok(()),
        }
    }
}

/// Groups equal texts: how often each has been seen, for ordinals.
#[derive(Debug, Default)]
pub struct Ordinals<K>(HashMap<K, u32>);

impl<K: std::hash::Hash + Eq> Ordinals<K> {
    /// How many times `key` was asked for before.
    pub fn next(&mut self, key: K) -> u32 {
        let count = self.0.entry(key).or_insert(0);
        *count += 1;
        *count - 1
    }
}

fn range(ends: &[u32], i: usize) -> std::ops::Range<usize> {
    let start = if i == 0 {
        0
    } else {
        ends.get(i - 1).copied().unwrap_or(0) as usize
    };
    let end = ends.get(i).copied().unwrap_or(0) as usize;
    start..end.max(start)
}

fn check_ends(column: &'static str, ends: &[u32], len: usize) -> Result<(), ColumnError> {
    if let Some(i) = ends.windows(2).position(|pair| pair[1] < pair[0]) {
        return Err(ColumnError::new(
            column,
            format!(
                "end {} of value {} is below the one before it, {}",
                ends[i + 1],
                i + 1,
                ends[i]
            ),
        ));
    }
    let last = ends.last().copied().unwrap_or(0) as usize;
    if last != len {
        return Err(ColumnError::new(
            column,
            format!("the last end is {last}, the length is {len}"),
        ));
    }
    Ok(())
}

fn check_count(column: &'static str, len: usize, n: usize) -> Result<(), ColumnError> {
    if len == 0 || len == n {
        Ok(())
    } else {
        Err(ColumnError::new(column, format!("{len} values for {n} outputs")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went_in() {
        let mut blobs = Blobs::default();
        for value in [&b"a"[..], b"", b"ccc"] {
            blobs.push(value);
        }
        assert_eq!(blobs.iter().collect::<Vec<_>>(), [&b"a"[..], b"", b"ccc"]);
        blobs.check("x").expect("valid");

        let mut labels = Labels::default();
        for value in ["a", "b", "a"] {
            labels.push(value);
        }
        assert_eq!(
            (labels.names.len(), labels.iter().collect::<Vec<_>>()),
            (2, vec!["a", "b", "a"])
        );

        let mut sets = Attributes::default();
        sets.push([("k", "v")]);
        sets.push([]);
        sets.push([("ä", "1"), ("b", "2")]);
        sets.check_optional("x", 3).expect("valid");
        assert_eq!(sets.get(2).collect::<Vec<_>>(), [("ä", "1"), ("b", "2")]);
        assert_eq!(sets.get(1).count(), 0);
    }

    #[test]
    fn a_column_that_lies_is_refused() {
        let bad = [
            Blobs {
                ends: vec![2, 1],
                bytes: vec![0; 1],
            },
            Blobs {
                ends: vec![u32::MAX],
                bytes: vec![0; 1],
            },
            Blobs {
                ends: vec![],
                bytes: vec![0; 1],
            },
            Blobs {
                ends: vec![1],
                bytes: vec![0; 2],
            },
        ];
        for blobs in bad {
            assert!(blobs.check("x").is_err(), "{blobs:?}");
        }
        assert!(
            Labels {
                names: vec!["a".into()],
                index: vec![1]
            }
            .check("x")
            .is_err()
        );
        assert!(
            Origins {
                ends: vec![1],
                index: vec![7]
            }
            .check("x", 1, 7)
            .is_err()
        );
        assert!(
            Origins {
                ends: vec![0],
                index: vec![]
            }
            .check("x", 1, 1)
            .is_err()
        );
        assert!(Origins::default().check("x", 2, 1).is_err());
        let split = Attributes {
            ends: vec![2],
            names: Blobs {
                ends: vec![1, 2],
                bytes: "ä".into(),
            },
            values: Blobs {
                ends: vec![0, 0],
                bytes: vec![],
            },
        };
        assert!(split.check_optional("x", 1).is_err());
        assert!(
            Payloads {
                reuse: vec![3],
                bytes: Blobs::default()
            }
            .check("x", 1, 2)
            .is_err()
        );
        assert!(
            Payloads {
                reuse: vec![0, 0],
                bytes: Blobs {
                    ends: vec![0],
                    bytes: vec![]
                }
            }
            .check("x", 2, 2)
            .is_err()
        );
    }

    #[test]
    fn payloads_mix_new_and_reused() {
        let mut payloads = Payloads::default();
        payloads.push(b"a");
        payloads.push_input(4);
        payloads.push(b"b");
        payloads.check("x", 3, 5).expect("valid");
        assert_eq!(
            payloads.places().collect::<Vec<_>>(),
            [PayloadAt::New(0), PayloadAt::Input(4), PayloadAt::New(1)]
        );
    }

    #[test]
    fn origins_are_identity_when_empty() {
        assert_eq!(Origins::default().of(3).collect::<Vec<_>>(), [3]);
        let mut origins = Origins::default();
        origins.push(&[0, 1]);
        origins.push(&[1]);
        origins.check("x", 2, 2).expect("valid");
        assert_eq!(origins.of(0).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(origins.of(1).collect::<Vec<_>>(), [1]);
    }
}
