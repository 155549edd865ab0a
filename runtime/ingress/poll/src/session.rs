//! A session: fetches when it is time, and delivers pages.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_model::{
    door::{FailureKind, GuestError},
    poller::{Fetch, Fetched, PollerGuest},
    upstream::{Confirmer, Connect, Delivery, Notebook, Position, Room, StreamId, Upstream, UpstreamError},
};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    config::ENDPOINT,
    confirmer::{STATE, StateKeeper},
    event::events,
    pages::Pages,
};

/// A session has one ownership of its one stream.
const EPOCH: u64 = 1;

/// Begins sessions, each with the state that is durable.
pub(crate) struct Sessions {
    pub(crate) interval: Duration,
    pub(crate) poller: Arc<dyn PollerGuest>,
    pub(crate) notebook: Arc<dyn Notebook>,
}

#[async_trait]
impl Connect for Sessions {
    async fn connect(&self) -> Result<Box<dyn Upstream>, UpstreamError> {
        let notes = self.notebook.scan(STATE).await?.into_iter();
        let state = notes.filter_map(|(key, value)| Some((key.strip_prefix(STATE)?.to_owned(), value)));
        Ok(Box::new(Session {
            interval: self.interval,
            poller: Arc::clone(&self.poller),
            notebook: Arc::clone(&self.notebook),
            pages: Arc::new(Mutex::new(Pages::new(Arc::new(state.collect())))),
            due: Instant::now(),
            fetching: None,
            fetched: VecDeque::new(),
        }))
    }
}

/// See the module.
struct Session {
    interval: Duration,
    poller: Arc<dyn PollerGuest>,
    notebook: Arc<dyn Notebook>,
    pages: Arc<Mutex<Pages>>,
    /// When to fetch next.
    due: Instant,
    /// The fetch that runs: a `receive` that is cancelled does not cancel it.
    fetching: Option<AbortOnDropHandle<Result<Fetched, GuestError>>>,
    /// What was fetched and not delivered yet.
    fetched: VecDeque<Delivery>,
}

#[async_trait]
impl Upstream for Session {
    async fn receive(&mut self, room: Room) -> Result<Delivery, UpstreamError> {
        loop {
            let waits_for_room = matches!(self.fetched.front(), Some(Delivery::Events { .. })) && room.events == 0;
            if !waits_for_room && let Some(delivery) = self.fetched.pop_front() {
                return Ok(delivery);
            }
            if room.events == 0 && self.fetching.is_none() || waits_for_room {
                std::future::pending::<()>().await;
            }
            let fetched = self.fetch(room).await;
            self.take(fetched)?;
        }
    }

    fn confirmer(&self) -> Arc<dyn Confirmer> {
        Arc::new(StateKeeper {
            pages: Arc::clone(&self.pages),
            notebook: Arc::clone(&self.notebook),
        })
    }

    async fn close(self: Box<Self>, _: std::time::Instant) {}
}

impl Session {
    /// Waits for the fetch that runs, or for its time and for one that begins then.
    async fn fetch(&mut self, room: Room) -> Result<Fetched, GuestError> {
        if self.fetching.is_none() {
            sleep_until(self.due).await;
            let (poller, state) = (Arc::clone(&self.poller), self.pages.lock().state());
            let fetch = async move { poller.fetch(Fetch { room, state }).await };
            self.fetching = Some(AbortOnDropHandle::new(tokio::spawn(fetch)));
        }
        let ended = match &mut self.fetching {
            Some(fetching) => fetching.await,
            None => return Ok(Fetched::default()),
        };
        self.fetching = None;
        ended.unwrap_or_else(|error| {
            Err(GuestError::Host {
                message: format!("a task of the host ended early: {error}"),
            })
        })
    }

    /// Stages what was fetched. A failure leaves the state as it was; when to try again is the driver's to say.
    fn take(&mut self, fetched: Result<Fetched, GuestError>) -> Result<(), UpstreamError> {
        let Fetched { page, changes } = fetched.map_err(upstream_error)?;
        self.due = Instant::now() + page.again_after.unwrap_or(self.interval);
        if page.is_empty() && changes.is_empty() {
            return Ok(());
        }
        let number = self.pages.lock().stage(changes);
        let stream = StreamId::new(ENDPOINT);
        if !page.is_empty() {
            let before = Position::from(number - 1);
            self.fetched.push_back(Delivery::Events {
                stream: stream.clone(),
                epoch: EPOCH,
                events: events(&page).into_iter().map(|event| (event, before)).collect(),
            });
        }
        self.fetched.push_back(Delivery::Passed {
            stream,
            epoch: EPOCH,
            position: Position::from(number),
        });
        Ok(())
    }
}

/// What the driver does about a fetch that failed.
fn upstream_error(error: GuestError) -> UpstreamError {
    let message = format!("the component did not fetch: {error}");
    match error {
        GuestError::Failure(failure) if matches!(failure.kind, FailureKind::Fatal | FailureKind::Configuration) => {
            UpstreamError::Configuration { message }
        }
        GuestError::Failure(failure) => UpstreamError::Transient {
            message,
            retry_after: failure.retry_after,
        },
        _ => UpstreamError::Transient {
            message,
            retry_after: None,
        },
    }
}
