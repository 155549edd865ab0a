//! A write on its way.

use danube_wasm_model::door::Write;

/// A write as a target knows it: perhaps with its document read already.
pub trait Item: Clone {
    /// Its place in the batch.
    fn place(&self) -> usize;
    /// The write.
    fn write(&self) -> &Write;
}
