//! What each stream publishes: one call's records after the other.

use std::{collections::HashMap, sync::Arc};

use danube_wasm_model::upstream::StreamId;
use tokio::{
    sync::{
        mpsc,
        oneshot::{self, error::TryRecvError},
    },
    task::JoinSet,
};

use super::publish::{Batch, first_event};
use crate::source::{
    publish::ReadyGroup,
    shared::{Pending, Shared},
};

/// Of how many streams the last call is remembered before those that are settled are forgotten.
const TAILS_MAX: usize = 256;

/// The batches of one lane that are on their way to the broker: of each stream one after the other.
#[derive(Default)]
pub(crate) struct Chains {
    /// What the next call of each stream waits for.
    tails: HashMap<StreamId, oneshot::Receiver<()>>,
    /// Streams of which a call was added, since the lane has looked.
    added: Vec<StreamId>,
    settled: Option<mpsc::UnboundedSender<StreamId>>,
}

/// Tells the lane when this is dropped.
struct Settled(StreamId, Option<mpsc::UnboundedSender<StreamId>>);

impl Drop for Settled {
    fn drop(&mut self) {
        if let Some(lane) = &self.1 {
            let _ = lane.send(self.0.clone());
        }
    }
}

impl Chains {
    /// Tells this lane of each call that is settled.
    pub(super) fn reporting_to(settled: mpsc::UnboundedSender<StreamId>) -> Self {
        Self {
            settled: Some(settled),
            ..Self::default()
        }
    }

    /// Streams of which a call was added since this was asked last, one for each.
    pub(super) fn added(&mut self) -> impl Iterator<Item = StreamId> {
        self.added.drain(..)
    }

    /// These go to the broker after all that was added for their stream before.
    pub(crate) fn push(&mut self, shared: &Arc<Shared>, groups: Vec<ReadyGroup>, answering: &mut JoinSet<()>) {
        let finalizer = first_event(&groups).and_then(Pending::finalizer);
        let Some(stream) = finalizer.map(|finalizer| finalizer.stream().clone()) else {
            return;
        };
        let (published, tail) = oneshot::channel();
        if self.tails.len() >= TAILS_MAX {
            let is_open = |tail: &mut oneshot::Receiver<()>| tail.try_recv() == Err(TryRecvError::Empty);
            self.tails.retain(|_, tail| is_open(tail));
        }
        let before = self.tails.insert(stream.clone(), tail);
        self.added.push(stream.clone());
        let settled = Settled(stream, self.settled.clone());
        let guard = shared.guard();
        let shared = shared.clone();
        answering.spawn(guard.run("what publishes", async move {
            if let Some(before) = before {
                // Never sent: the other end is dropped when the batch before is published.
                let _ = before.await;
            }
            Batch::new(groups, published).publish(&shared).await;
            shared.count_in_flight();
            drop(settled);
        }));
    }
}
