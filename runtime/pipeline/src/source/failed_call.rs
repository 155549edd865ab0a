//! What a failed call of the component means for its events.

use std::time::Duration;

use danube_wasm_model::{
    clock,
    door::{Failure, FailureKind, GuestError, Outcome},
};

use super::{
    RETRY_AFTER,
    retries::Retries,
    shared::{Pending, Shared, sleep_while_live},
    unavailable,
};
use crate::{
    backoff::ASKED_WAIT_MAX,
    bisect::{Segment, Segments},
    status::Cause,
};

/// What a failed call means for its events.
pub(super) enum FailedCall {
    /// It may pass later.
    Later(Outcome),
    Stop(String),
    Halve,
}

impl FailedCall {
    /// Senders still have their events and try again. What was `pulled` is with nobody else: a component that has asked
    /// for long enough for its events to be tried again is given them one by one, until it is known which it cannot take.
    pub(super) fn of(error: &GuestError, pulled: bool) -> Self {
        match error {
            GuestError::Host { message } => Self::Later(unavailable(message.clone())),
            GuestError::Failure(failure) => match failure.kind {
                FailureKind::Retryable if pulled => Self::Halve,
                FailureKind::Retryable => Self::Later(Outcome::Unavailable {
                    message: failure.message.clone(),
                    retry_after: failure.retry_after.unwrap_or(RETRY_AFTER).min(ASKED_WAIT_MAX),
                }),
                FailureKind::Fatal | FailureKind::Configuration => Self::Stop(error.to_string()),
                FailureKind::InvalidData => Self::Halve,
            },
            _ => Self::Halve,
        }
    }
}

/// What cannot be done now: senders come back, what was pulled is tried again here.
pub(super) async fn postpone(
    shared: &Shared,
    segments: &mut Segments<Pending>,
    segment: Segment<Pending>,
    wait: Duration,
    outcome: Outcome,
) {
    match segment.items.first() {
        Some(first) if first.finalizer().is_some() => {
            if let Outcome::Unavailable { message, .. } = outcome
                && shared.status.reason_of(Cause::Component).is_none()
            {
                shared.status.degrade(Cause::Component, message);
            }
            sleep_while_live(Some(first), wait).await;
            segments.put_back(segment);
        }
        _ => segment.items.into_iter().for_each(|p| p.answer(outcome.clone())),
    }
}

/// How long to wait before the component is called again with the same events, if it asks for that and may still.
pub(super) fn retry_wait(shared: &Shared, failure: &Failure, retries: &mut Retries) -> Option<Duration> {
    if failure.kind != FailureKind::Retryable {
        return None;
    }
    let (connector, tries) = (shared.guest.id(), retries.count());
    let wait = retries.next(failure);
    match wait {
        Some(wait) => {
            let wait_ms = clock::millis(wait);
            tracing::warn!(%connector, error = %failure, tries, wait_ms, "the component cannot take events now; it is called again with them");
        }
        None => {
            tracing::warn!(%connector, error = %failure, tries, "the component still cannot take events; it is not called again with them as they are");
        }
    }
    wait
}
