//! Consuming by way of the disk, when the target does not take messages in time.
//!
//! ```text
//! broker → pump → [hand] → caller                       as long as acknowledgements come in time
//! broker → pump → log (durable: acknowledged) → pump → [hand] → caller     from then on, until the log is empty
//! ```
//!
//! * A message that the caller has not acknowledged after `hold_max` makes the pump write **all** that is in hand to the
//!   log and acknowledge it at the broker; the caller's own acknowledgement then concerns the copy. The caller notices
//!   nothing, because the ids that it is given are the hand's.
//! * A message that the caller gives back makes the pump do the same at once. It is not given back to the broker, which
//!   counts that: Danube gives up on a message, or on its whole partition, after the fifth time. The caller has it again
//!   after its delay, from here.
//! * As long as the log holds anything, what the broker delivers goes behind it, so that order is kept and the broker's
//!   window is never full. When the log is empty, messages pass through again, and cost no write.
//! * A message that the broker delivers again, because an acknowledgement was lost, is told by its content (`known.rs`)
//!   and acknowledged again.

mod acker;
mod consumer;
mod copies;
mod entry;
mod hand;
#[cfg(test)]
mod hand_tests;
mod held;
mod known;
mod pace;
mod pump;
mod receipts;

pub(crate) use consumer::{Subscription, consume};
