//! Events with one fate whose records are on their way to the broker.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{BrokerError, ErrorKind, Published, Result as BrokerResult};
use danube_wasm_model::{
    OnInvalid,
    door::{Outcome, Reply},
};

use super::{
    publish::ReadyGroup,
    pull::Finalizer,
    refuse::Refusal,
    request::Member,
    shared::{Answer, Pending, Shared},
    unavailable,
};
use crate::status::Cause;

/// The events of a group, each with the component's answer to it, waiting for the commit.
pub(super) struct PendingGroup {
    pub(super) members: Vec<(Pending, Option<Reply>)>,
    /// How many records were made of them.
    records: u32,
}

impl PendingGroup {
    pub(super) fn new(members: Vec<(Pending, Option<Reply>)>, records: usize) -> Self {
        let records = u32::try_from(records).unwrap_or(u32::MAX);
        Self { members, records }
    }

    /// Where it is handed to, if it is of a request of several events.
    pub(super) fn request(&self) -> Option<impl FnOnce(Vec<ReadyGroup>) + use<>> {
        let (first, _) = self.members.first()?;
        first.member().map(Member::ready)
    }

    /// The place of its first event in its request.
    pub(super) fn place(&self) -> usize {
        let members = self.members.iter();
        members
            .filter_map(|(pending, _)| pending.member())
            .map(Member::place)
            .min()
            .unwrap_or_default()
    }

    /// Whether its events become dead letters if the broker does not take it for its size.
    pub(super) fn becomes_dead_letters(&self, shared: &Shared) -> bool {
        let mut members = self.members.iter();
        members.all(|(pending, _)| shared.on_invalid(pending) == OnInvalid::DeadLetter)
    }

    /// The endpoint of each of its events.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(pending, _)| &*pending.event.endpoint)
    }

    /// The finalizers of its events, of a pull source; their answers, if the component gave any, are for nobody.
    pub(super) fn into_finalizers(self) -> impl Iterator<Item = Finalizer> {
        self.members
            .into_iter()
            .filter_map(|(pending, _)| match pending.answer {
                Answer::Upstream(finalizer) => Some(finalizer),
                Answer::Sender { .. } | Answer::Member(_) => None,
            })
    }

    /// Answers the events, but for those whose records will never be taken: these are refused.
    pub(super) fn finish(self, shared: &Arc<Shared>, result: BrokerResult<Published>) -> Vec<(Pending, Refusal)> {
        match result {
            Ok(published) => {
                shared.status.recover(Cause::Broker);
                self.accept(shared, published.durable);
            }
            Err(error) if error.kind == ErrorKind::TooLarge => return self.too_large(shared, &error),
            Err(error) => {
                tracing::warn!(connector = %shared.guest.id(), kind = error.kind.as_str(), %error, "records were not published; their senders are told to try again");
                shared.status.degrade(Cause::Broker, error.message.clone());
                self.answer_all(shared, error.kind, &unavailable(error.message.clone()));
            }
        }
        Vec::new()
    }

    /// The broker will never take these.
    pub(super) fn too_large(self, shared: &Shared, error: &BrokerError) -> Vec<(Pending, Refusal)> {
        let refused = self.members.into_iter().map(|(pending, _)| {
            shared.instruments.failed(&pending.event.endpoint, error.kind.as_str());
            (pending, Refusal::new(error.message.clone()))
        });
        refused.collect()
    }

    /// Nothing was published.
    pub(super) fn refuse(self, shared: &Arc<Shared>, error: &BrokerError, retry_after: Duration) {
        let outcome = Outcome::Unavailable {
            message: error.message.clone(),
            retry_after,
        };
        self.answer_all(shared, error.kind, &outcome);
    }

    /// Nothing is published, because of another event of its request.
    pub(super) fn withhold(self, shared: &Arc<Shared>, outcome: &Outcome) {
        self.answer_all(shared, ErrorKind::Unavailable, outcome);
    }

    fn answer_all(self, shared: &Arc<Shared>, kind: ErrorKind, outcome: &Outcome) {
        for (pending, _) in self.members {
            shared.instruments.failed(&pending.event.endpoint, kind.as_str());
            pending.answer(outcome.clone());
        }
    }

    pub(super) fn accept(self, shared: &Shared, durable: bool) {
        shared.instruments.processed(self.endpoints());
        for (mut pending, reply) in self.members {
            let id = std::mem::take(&mut pending.event.id);
            pending.answer(Outcome::Accepted {
                id,
                records: self.records,
                durable,
                answer: reply,
            });
        }
    }
}
