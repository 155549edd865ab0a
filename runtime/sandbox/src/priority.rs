//! What loading a component may take from the records that are being moved.

/// A thread that others outdo tenfold where a processor is wanted whole.
const NICENESS: i32 = 10;

/// The calling thread stands back behind those that move records, for good. Loading can wait; if it may not stand back, it is
/// in their way a little.
pub(crate) fn stand_back() {
    let _ = rustix::process::setpriority_process(None, NICENESS);
}
