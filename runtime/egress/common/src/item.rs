//! The interface of a target's writes.

use danube_wasm_model::door::Write;

/// A target's form of a write, which may contain its parsed document.
pub trait Item: Clone {
    /// Returns its index in the batch.
    fn place(&self) -> usize;
    /// Returns the write.
    fn write(&self) -> &Write;
}
