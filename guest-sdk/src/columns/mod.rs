//! Columns: n values as a few flat lists. [`read`] looks into those that the host sent, [`write`] makes those that go
//! back. Nobody outside this crate sees either.

pub(crate) mod read;
pub(crate) mod write;
