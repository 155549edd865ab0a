//! What connectors have noted beside their upstreams: in the log, or in a log of their own beside another broker.

use std::collections::BTreeSet;

use danube_wasm_broker::{Result, embedded::EmbeddedBroker};

/// Copies every note. One that is there stays: it is of an interrupted copy, or newer. Returns how many were written.
pub async fn copy_notes(from: &EmbeddedBroker, to: &EmbeddedBroker) -> Result<usize> {
    let there = to.all_notebooks().await?;
    let there: BTreeSet<_> = there.into_iter().map(|(owner, key, _)| (owner, key)).collect();
    let mut written = 0;
    for (owner, key, value) in from.all_notebooks().await? {
        if !there.contains(&(owner.clone(), key.clone())) {
            to.put_note(&owner, key, value).await?;
            written += 1;
        }
    }
    Ok(written)
}
