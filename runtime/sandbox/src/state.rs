//! What an instance's store holds: its surface, its limiter, its budget.

use crate::{budget::Budget, capability::Capabilities, limiter::Limiter, profile::Sampler};

/// The host's side of one instance.
pub(crate) struct GuestState {
    pub(crate) capabilities: Capabilities,
    pub(crate) limiter: Limiter,
    pub(crate) budget: Budget,
    /// Only where somebody measures.
    pub(crate) sampler: Option<Sampler>,
}
