//! Tells the upstream what is done.

use std::sync::Arc;

use danube_wasm_model::{
    clock,
    upstream::{Confirmer, StreamId, UpstreamError},
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    frontier::{Due, Frontier},
    session::Session,
};
use crate::{
    failpoints::{self, FailPoint},
    status::Cause,
};

/// Confirms what is due, for as long as the session lives; each stream by itself, so that none waits for another.
pub(super) async fn confirm(session: Arc<Session>, confirmer: Arc<dyn Confirmer>, cause: Cause) {
    let mut under_way = FuturesUnordered::new();
    loop {
        // Before looking, so that no change is missed.
        let changed = session.changed.notified();
        let due = session.take_due().into_iter();
        under_way.extend(due.map(|due| confirm_one(&session, &*confirmer, due, cause)));
        tokio::select! {
            biased;
            _ = under_way.next(), if !under_way.is_empty() => {}
            () = changed => {}
        }
    }
}

/// Confirms up to one position, as often as it takes.
async fn confirm_one(session: &Session, confirmer: &dyn Confirmer, due: Due, cause: Cause) {
    let shared = &session.shared;
    let (id, stream) = (shared.guest.id(), &due.stream);
    let mut backoff = shared.waits.start();
    let lost = |frontier: &Frontier| !frontier.is_live(stream, due.epoch);
    while !session.look(lost) {
        let taken = confirmer.confirm(stream, due.epoch, due.upto).await;
        if let Err(error) = &taken {
            shared.instruments.confirm_failed(error);
        }
        match taken {
            Ok(()) => {
                failpoints::reach(FailPoint::SourceConfirmed);
                shared.status.recover(cause);
                return session.change(|frontier| frontier.confirmed(&due));
            }
            Err(UpstreamError::Transient { message, retry_after }) => {
                let wait = backoff.next(retry_after);
                tracing::warn!(connector = %id, %stream, error = %message, wait_ms = clock::millis(wait), "the upstream was not told what is done; it is told again");
                shared.status.degrade(cause, message);
                let _ = timeout(wait, session.until(lost)).await;
            }
            Err(UpstreamError::Disconnected { message }) => {
                tracing::warn!(connector = %id, %stream, error = %message, "the session is over; what is not confirmed comes again");
                return session.over.cancel();
            }
            Err(error @ (UpstreamError::Configuration { .. } | UpstreamError::Gap { .. })) => {
                return shared.fail(error.to_string());
            }
        }
    }
    // It is no matter any more whether that could be confirmed.
    shared.status.recover(cause);
}

/// Confirms what becomes done of these until the deadline, then lets them go.
pub(super) async fn release(
    session: Arc<Session>,
    confirmer: Arc<dyn Confirmer>,
    streams: Vec<(StreamId, u64)>,
    deadline: Instant,
) {
    let settled = |frontier: &Frontier| {
        streams
            .iter()
            .all(|(stream, epoch)| frontier.is_settled(stream, *epoch))
    };
    let in_time = timeout_at(deadline, session.until(settled)).await.is_ok();
    session.change(|frontier| {
        let each = streams.iter();
        each.for_each(|(stream, epoch)| frontier.end_epoch(stream, *epoch));
    });
    if !in_time {
        tracing::warn!(connector = %session.shared.guest.id(), streams = streams.len(), "streams are let go before all that was read of them is done; the rest comes again at another reader");
    }
    let names: Vec<_> = streams.into_iter().map(|(stream, _)| stream).collect();
    confirmer.release(&names).await;
}
