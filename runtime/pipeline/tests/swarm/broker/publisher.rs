//! Publishing: calls are committed in the order in which they were made. An answer can be out of order, late, wrong or
//! missing.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use danube_wasm_broker::{BrokerError, ErrorKind, Outgoing, Published, Publisher, Result};
use danube_wasm_model::clock::order_ms;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::{Server, Session, Wire};
use crate::{faults::Fault, oracle::order_of, test_event::RECORD_BYTES_MAX, world::topic};

/// The groups of one call.
pub(super) struct Call {
    groups: Vec<Vec<Outgoing>>,
    wire: Arc<Wire>,
    reply: oneshot::Sender<Vec<Result<Published>>>,
}

impl Publisher for Session {
    fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>> {
        let n = groups.len();
        let server = &self.server;
        for record in groups.iter().flatten().filter(|record| record.topic == topic()) {
            let ms = order_ms(order_of(record));
            server.handed_over_ms.fetch_max(ms, Ordering::Relaxed);
            server
                .world
                .oracle
                .handed_over(record, self.process(), server.world.wall_ms());
        }
        let (reply, answer) = oneshot::channel();
        let wire = self.wire.clone();
        let _ = self.server.calls.send(Call { groups, wire, reply });
        Box::pin(async move { answer.await.unwrap_or_else(|_| all(n, "the broker is gone")) })
    }

    fn check_size(&self, record: &Outgoing) -> Result<()> {
        match record.payload.len() > RECORD_BYTES_MAX {
            true => Err(BrokerError::new(ErrorKind::TooLarge, "the record is over the limit")),
            false => Ok(()),
        }
    }
}

fn all(n: usize, why: &str) -> Vec<Result<Published>> {
    (0..n)
        .map(|_| Err(BrokerError::new(ErrorKind::Unavailable, why)))
        .collect()
}

/// The server's only committing task. It ends with the last session.
pub(super) async fn serve(server: Arc<Server>, mut calls: mpsc::UnboundedReceiver<Call>) {
    while let Some(Call { groups, wire, reply }) = calls.recv().await {
        server.world.pause(Fault::BrokerSlow, &server.rng).await;
        if wire.loses(&server.rng) {
            server
                .world
                .note(format_args!("broker: a publish of {} was never sent", groups.len()));
            continue;
        }
        let (answer, late) = commit(&server, &groups, wire.process);
        let server = server.clone();
        tokio::spawn(async move {
            if !late.is_zero() {
                tokio::time::sleep(late).await;
            }
            for (group, result) in groups.iter().zip(&answer) {
                let letters = group.iter().filter(|record| record.topic != topic());
                letters
                    .filter(|_| result.is_ok())
                    .for_each(|letter| server.world.oracle.letter_confirmed(letter));
            }
            // A crashed client does not wait.
            let _ = reply.send(answer);
        });
    }
}

/// Returns the answer and its delay.
fn commit(server: &Server, groups: &[Vec<Outgoing>], process: u64) -> (Vec<Result<Published>>, Duration) {
    let rng = &server.rng;
    let usual = Duration::from_millis(rng.between(0..=server.world.scenario.latency_ms_max));
    if server.strikes(Fault::BrokerDown) {
        return (all(groups.len(), "connection refused"), usual);
    }
    let results: Vec<_> = groups
        .iter()
        .map(|group| commit_group(server, group, process))
        .collect();
    let failed = results.iter().filter(|result| result.is_err()).count();
    server
        .world
        .note(format_args!("broker: {} groups, {failed} failed", groups.len()));
    if server.strikes(Fault::PublishReplyLost) {
        server.world.note(format_args!("broker: the answer is lost"));
        return (all(groups.len(), "no answer in time"), usual + rng.millis(0..=5_000));
    }
    (results, usual)
}

fn commit_group(server: &Server, group: &[Outgoing], process: u64) -> Result<Published> {
    let refuse = |kind, why: &str| Err(BrokerError::new(kind, why));
    if server.strikes(Fault::BrokerStorage) {
        return refuse(ErrorKind::Storage, "no space left on device");
    }
    if server.strikes(Fault::GroupFails) {
        return refuse(ErrorKind::Unavailable, "the partition has moved");
    }
    if group.iter().any(|record| record.payload.len() > RECORD_BYTES_MAX) {
        return refuse(ErrorKind::TooLarge, "the record is over the limit");
    }
    server.append(group, process);
    Ok(Published { durable: true })
}
