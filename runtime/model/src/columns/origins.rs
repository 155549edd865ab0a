//! Which inputs each output came from.

use super::{
    ColumnError,
    ends::{check_ends, range},
};

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

    /// Whether output i came from input i, for each.
    pub fn is_identity(&self) -> bool {
        self.ends.is_empty()
    }

    /// The inputs of output `i`.
    pub fn of(&self, i: usize) -> impl ExactSizeIterator<Item = usize> + '_ {
        let identity = self.is_identity();
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
