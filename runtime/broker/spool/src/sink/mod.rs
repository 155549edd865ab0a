//! Consuming, with spilling to disk when the target does not process messages in time.
//!
//! ```text
//! broker → pump → [hand] → caller                       as long as acknowledgements come in time
//! broker → pump → log (durable: acknowledged) → pump → [hand] → caller     from then on, until the log is empty
//! ```
//!
//! * When a message is not acknowledged within `hold_max`, the relay task writes **all** messages in flight to the log
//!   and acknowledges them at the broker; the caller's own acknowledgement then applies to the copy. The caller does
//!   not notice, because the message ids that it gets are those of `InFlight`.
//! * When the caller negatively acknowledges a message, the relay task does the same at once. The broker is not told,
//!   because it counts that: Danube gives up on a message, or on its whole partition, after the fifth time. The caller
//!   gets the message again from here, after its delay.
//! * While the log has messages, new ones from the broker are appended to it, so that order is kept and the broker's
//!   window is never full. When the log is empty, messages pass through again without a write.
//! * A message that the broker delivers again, because an acknowledgement was lost, is recognised by its content
//!   (`dedup.rs`) and acknowledged again.
//! * A message that the caller gives back makes the pump do the same at once. It is not given back to the broker, which
//!   counts that: Danube gives up on a message, or on its whole partition, after the fifth time. The caller has it again
//!   after its delay, from here.
//! * As long as the log holds anything, what the broker delivers goes behind it, so that order is kept and the broker's
//!   window is never full. When the log is empty, messages pass through again, and cost no write.
//! * A message that the broker delivers again, because an acknowledgement was lost, is told by its content (`known.rs`)
//!   and acknowledged again.

mod acker;
mod consumer;
mod dedup;
mod entry;
mod in_flight;
#[cfg(test)]
mod in_flight_tests;
mod pending_acks;
mod relay;
mod retry_timer;
mod shared;
mod spilled;
mod stored_copy;

pub(crate) use consumer::consume;
pub(crate) use shared::Subscription;
