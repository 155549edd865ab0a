//! What sinks have in common, whatever their target.
//!
//! ```text
//! writes of a batch → chains by document → cut into statements → bisect(attempt) → refused and unchanged
//! ```
//!
//! * [`Chain`]: the writes of one document, of which only those are done that no other one supersedes.
//! * [`rounds`]: those writes in rounds, none of which names a document twice; [`cut`]: statements of a limited size.
//! * [`Claims`]: batches that name a document in common are written one after the other.
//! * [`bisect`]: of an attempt that fails because of a record, the record is found and the rest is written.
//! * [`BatchToken`]: a name for a batch that is the same when it is written again.
//!
//! A target says what one of its writes is ([`Item`]), does statements ([`bisect::Attempt`]), and tells its own faults from
//! records that it refuses ([`bisect::Fault`]).

pub mod bisect;
mod chain;
mod claims;
mod cut;
mod item;
mod rounds;
#[cfg(test)]
mod test_write;
mod token;

pub use chain::Chain;
pub use claims::{Claim, Claims};
pub use cut::{StatementLimits, cut};
pub use item::Item;
pub use rounds::{Rounds, rounds};
pub use token::BatchToken;
