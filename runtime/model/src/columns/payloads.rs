//! n payloads, each new or an input's own.

use super::{Blobs, ColumnError};

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
