//! One lane of a pull source: its streams are called round robin.

use std::sync::Arc;

use danube_wasm_model::upstream::StreamId;
use tokio::sync::mpsc;

use super::{Chains, queues::Queues};
use crate::{
    failpoints::{self, FailPoint},
    source::{
        lane::{Output, call},
        shared::{Pending, Shared},
    },
};

/// Runs until nobody sends events any more and all are settled, or everything ends.
pub(super) async fn run(shared: Arc<Shared>, lane: usize, mut events: mpsc::UnboundedReceiver<Vec<Pending>>) {
    let Some(pull) = shared.pull() else { return };
    let (settled, mut news) = mpsc::unbounded_channel();
    let mut output = Output {
        chains: Chains::reporting_to(settled),
        ..Output::default()
    };
    let mut queues = Queues::default();
    let mut open = true;
    while open || !queues.is_empty() {
        tokio::select! {
            biased;
            () = pull.stop.cancelled() => break,
            Some(stream) = news.recv() => queues.settled(stream),
            more = events.recv(), if open => match more {
                Some(more) => queues.push(more),
                None => open = false,
            },
        }
        absorb(&mut queues, &mut events, &mut news);
        while let Some(batch) = queues.next(&shared.limits) {
            shared.instruments.batch(batch.len());
            failpoints::reach(FailPoint::SourceTaken);
            call(&shared, lane, batch, &mut output).await;
            output.chains.added().for_each(|stream| queues.ahead(&stream));
            while output.answering.try_join_next().is_some() {}
            absorb(&mut queues, &mut events, &mut news);
            shared.count_in_flight();
        }
    }
    while output.answering.join_next().await.is_some() {}
}

/// Takes what is there, without waiting.
fn absorb(
    queues: &mut Queues,
    events: &mut mpsc::UnboundedReceiver<Vec<Pending>>,
    settled: &mut mpsc::UnboundedReceiver<StreamId>,
) {
    while let Ok(more) = events.try_recv() {
        queues.push(more);
    }
    while let Ok(stream) = settled.try_recv() {
        queues.settled(stream);
    }
}
