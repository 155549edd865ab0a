//! Events of one request, whose sender waits for all of them.
//!
//! ```text
//! offer_all → places for all or none → lanes → each event: ready to be published, or settled → [all are] → publish as one → answer
//! ```
//!
//! A lane calls the component with the events of one request at a time and with no others, so that no record is made of events of
//! two senders. What it made is not published before the fate of every event of the request that can fail without the broker
//! is known: then the broker is given all of it at once, or nothing.
//!
//! A request that the component was called with is brought to its end, however often the component crashes on its events: were
//! the rest of it refused by the circuit that they have opened, the same events would open it again whenever their sender comes back.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use danube_wasm_model::door::{OnRefusal, Outcome};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::{
    publish::{ReadyGroup, publish_together},
    shared::Shared,
    unavailable,
};
use crate::mutants::{self, Mutant};

/// One event of a request. Dropped without an outcome, the connector has stopped before it was settled.
pub(super) struct Member {
    request: u64,
    place: usize,
    reports: mpsc::UnboundedSender<Report>,
    progress: Arc<Progress>,
    settled: bool,
}

/// What has been begun with a request, and so is brought to its end.
#[derive(Default)]
struct Progress {
    /// The component is called with its events.
    admitted: AtomicBool,
    /// There was room for a dead letter of it.
    keeps_dead_letters: AtomicBool,
}

enum Report {
    /// These records are made of some events of the request, which are settled once it is known what becomes of them.
    Ready(Vec<ReadyGroup>),
    /// The fate of the event at this place is known.
    Settled(usize, Outcome),
}

impl Member {
    /// Which request it is of.
    pub(super) fn request(&self) -> u64 {
        self.request
    }

    /// Its place in the request.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// The component is called with an event of the request.
    pub(super) fn admit(&self) {
        self.progress.admitted.store(true, Ordering::Relaxed);
    }

    /// Whether the component has been called with an event of the request.
    pub(super) fn is_admitted(&self) -> bool {
        self.progress.admitted.load(Ordering::Relaxed) && !mutants::is(Mutant::PauseAmidRequest)
    }

    /// A dead letter of an event of the request is allowed.
    pub(super) fn allow_dead_letters(&self) {
        self.progress.keeps_dead_letters.store(true, Ordering::Relaxed);
    }

    /// Whether another event of the request has a dead letter. Then this one may, too, although that is more than is allowed within
    /// a time: otherwise a request with more of them than that would be sent again for ever.
    pub(super) fn may_have_dead_letters(&self) -> bool {
        self.progress.keeps_dead_letters.load(Ordering::Relaxed)
    }

    /// Hands over what was made of this event and of others of its request.
    pub(super) fn ready(&self) -> impl FnOnce(Vec<ReadyGroup>) + use<> {
        let reports = self.reports.clone();
        // Nobody takes it once the connector has stopped.
        move |groups| drop(reports.send(Report::Ready(groups)))
    }

    pub(super) fn settle(mut self, outcome: Outcome) {
        self.report(outcome);
    }

    fn report(&mut self, outcome: Outcome) {
        self.settled = true;
        let _ = self.reports.send(Report::Settled(self.place, outcome));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if !self.settled {
            self.report(unavailable("the connector has stopped".to_owned()));
        }
    }
}

/// A request under way.
pub(super) struct Request {
    on_refusal: OnRefusal,
    reports: mpsc::UnboundedReceiver<Report>,
    outcomes: Vec<Option<Outcome>>,
    ready: Vec<ReadyGroup>,
    answer: oneshot::Sender<Vec<Outcome>>,
    _places: OwnedSemaphorePermit,
}

impl Request {
    /// A request of so many events that holds these places until it is answered, with a member for each event.
    pub(super) fn new(
        events: usize,
        on_refusal: OnRefusal,
        places: OwnedSemaphorePermit,
    ) -> (Self, Vec<Member>, oneshot::Receiver<Vec<Outcome>>) {
        static REQUESTS: AtomicU64 = AtomicU64::new(0);
        let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
        let (sender, reports) = mpsc::unbounded_channel();
        let (answer, answered) = oneshot::channel();
        let progress = Arc::<Progress>::default();
        let member = |place| Member {
            request: number,
            place,
            reports: sender.clone(),
            progress: progress.clone(),
            settled: false,
        };
        let members = (0..events).map(member).collect();
        let request = Self {
            on_refusal,
            reports,
            outcomes: vec![None; events],
            ready: Vec::new(),
            answer,
            _places: places,
        };
        (request, members, answered)
    }

    /// Publishes its records when all are made, and answers its sender.
    pub(super) async fn run(mut self, shared: Arc<Shared>) {
        loop {
            self.wait(|request| request.settled() + request.waiting() == request.outcomes.len())
                .await;
            let mut ready = std::mem::take(&mut self.ready);
            ready.sort_by_key(|(group, _)| group.place());
            match self.obstacle() {
                Some(outcome) => {
                    withhold(&shared, ready, &outcome);
                    break;
                }
                None if ready.is_empty() => break,
                // What is left is looked at again: others of the request are refused now.
                None => self.ready = publish_together(&shared, ready, self.on_refusal).await,
            }
        }
        self.wait(|request| request.settled() == request.outcomes.len()).await;
        shared.count_in_flight();
        let _ = self.answer.send(one_answer(self.outcomes));
    }

    /// Reads reports until it is as asked. Each event is settled at some time, at the latest when its lane has ended.
    async fn wait(&mut self, until: impl Fn(&Self) -> bool) {
        while !until(self) {
            match self.reports.recv().await {
                Some(Report::Ready(groups)) => self.ready.extend(groups),
                Some(Report::Settled(place, outcome)) => self.outcomes[place] = Some(outcome),
                None => return,
            }
        }
    }

    fn settled(&self) -> usize {
        self.outcomes.iter().flatten().count()
    }

    /// Events that wait for the broker.
    fn waiting(&self) -> usize {
        self.ready.iter().map(|(group, _)| group.members.len()).sum()
    }

    /// Why nothing is published, and what its other events are told.
    fn obstacle(&self) -> Option<Outcome> {
        let mut settled = self.outcomes.iter().flatten();
        let not_now = settled
            .clone()
            .find(|outcome| matches!(outcome, Outcome::Unavailable { .. }));
        let refused = |outcome: &&Outcome| matches!(outcome, Outcome::Invalid { .. } | Outcome::Failed { .. });
        match self.on_refusal {
            OnRefusal::KeepOthers => not_now.cloned(),
            OnRefusal::RefuseAll => not_now.cloned().or_else(|| {
                let _ = settled.find(refused)?;
                Some(unavailable("another event of its request is refused".to_owned()))
            }),
        }
    }
}

fn withhold(shared: &Arc<Shared>, ready: Vec<ReadyGroup>, outcome: &Outcome) {
    if mutants::is(Mutant::PartOfRequest) {
        let first = ready.iter().take(1).map(|(_, records)| records.clone());
        drop(shared.publisher.publish(first.collect()));
    }
    ready.into_iter().for_each(|(group, _)| group.withhold(shared, outcome));
}

/// Nobody may be told that an event is taken while another one of its request has to be sent again: the whole request will be.
fn one_answer(outcomes: Vec<Option<Outcome>>) -> Vec<Outcome> {
    let stopped = || unavailable("the connector has stopped".to_owned());
    let mut outcomes: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_or_else(stopped))
        .collect();
    let not_now = outcomes
        .iter()
        .find(|outcome| matches!(outcome, Outcome::Unavailable { .. }));
    if let Some(not_now) = not_now.cloned() {
        let taken = outcomes
            .iter_mut()
            .filter(|outcome| matches!(outcome, Outcome::Accepted { .. }));
        taken.for_each(|outcome| *outcome = not_now.clone());
    }
    outcomes
}
