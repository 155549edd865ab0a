//! Makes sessions and reads from them.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_model::{
    clock,
    upstream::{Connect, DriveEnd, PullDriver, StreamId, Upstream, UpstreamError},
};
use futures_util::FutureExt;
use parking_lot::RwLock;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout_at},
};

use super::{in_flight::InFlight, measure::Sessions, reader::Reader};
use crate::{
    backoff::Backoff,
    lane_of_key, panics,
    pause::PauseSwitch,
    source::shared::{Pending, Shared},
    status::{Cause, Status},
};

/// Longest time that a session may take to close when nobody says until when.
const CLOSE_MAX: Duration = Duration::from_secs(5);
/// A session that has lasted so long did not end because of how it began.
const SESSION_GOOD: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) measured: Arc<Sessions>,
    pub(super) pause: PauseSwitch,
    lanes: RwLock<Vec<mpsc::UnboundedSender<Vec<Pending>>>>,
    independent_keys: bool,
    /// Until when everything must have ended, once it is to.
    stop: watch::Sender<Option<Instant>>,
    drives: watch::Sender<Drives>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Drives {
    begun: usize,
    running: usize,
}

/// Why a session is over.
pub(super) enum SessionEnd {
    /// Told to stop.
    Stopped,
    /// A new one is needed.
    Disconnected(String),
    /// There will be no more.
    Failed,
}

impl Driver {
    pub(super) fn new(
        shared: Arc<Shared>,
        in_flight: Arc<InFlight>,
        lanes: Vec<mpsc::UnboundedSender<Vec<Pending>>>,
        independent_keys: bool,
        pause: PauseSwitch,
    ) -> Self {
        Self {
            pause,
            measured: Sessions::new(shared.clone()),
            shared,
            in_flight,
            lanes: RwLock::new(lanes),
            independent_keys,
            stop: watch::Sender::new(None),
            drives: watch::Sender::default(),
        }
    }

    /// Nothing more is read.
    pub(super) fn stop(&self, deadline: Instant) {
        self.stop.send_replace(Some(deadline));
    }

    /// When every session is closed, or the deadline is over.
    pub(super) async fn ended(&self, deadline: Instant) {
        let mut drives = self.drives.subscribe();
        let ended = drives.wait_for(|drives| drives.running == 0);
        let _ = timeout_at(deadline, ended).await;
    }

    pub(super) fn close_lanes(&self) {
        self.lanes.write().clear();
    }

    /// Runs this until the source is to stop or has ended.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, SessionEnd> {
        let mut stop = self.stop.subscribe();
        tokio::select! {
            biased;
            () = self.failed_or_dropped() => Err(SessionEnd::Failed),
            _ = stop.wait_for(Option::is_some) => Err(SessionEnd::Stopped),
            done = work => Ok(done),
        }
    }

    /// Events of one stream, or where these are independent of one key, stay on one lane.
    pub(super) fn enqueue(&self, stream: &StreamId, events: Vec<Pending>) {
        let lanes = self.lanes.read();
        let lane_of = |key: &[u8]| lane_of_key(key, lanes.len().max(1));
        let of_stream = lane_of(stream.as_str().as_bytes());
        let mut of_lanes: Vec<Vec<Pending>> = lanes.iter().map(|_| Vec::new()).collect();
        for pending in events {
            let key = pending.event.key.as_deref().filter(|_| self.independent_keys);
            if let Some(of_lane) = of_lanes.get_mut(key.map_or(of_stream, lane_of)) {
                of_lane.push(pending);
            }
        }
        for (lane, events) in lanes.iter().zip(of_lanes).filter(|(_, events)| !events.is_empty()) {
            // A lane that has ended has ended the source, too.
            let _ = lane.send(events);
        }
    }

    async fn failed_or_dropped(&self) {
        match self.shared.pull() {
            Some(pull) => pull.stop.cancelled().await,
            None => std::future::pending().await,
        }
    }

    fn deadline(&self) -> Instant {
        self.stop.borrow().unwrap_or_else(|| Instant::now() + CLOSE_MAX)
    }

    /// Session after session.
    async fn sessions(&self, upstreams: &dyn Connect, drive: usize) -> SessionEnd {
        let mut backoff = self.shared.waits.start();
        let mut said = String::new();
        loop {
            let (why, asked) = match self.unless_stopped(upstreams.connect()).await {
                Err(end) => return end,
                Ok(Ok(upstream)) => {
                    said.clear();
                    let begun = Instant::now();
                    match self.session(upstream, drive).await {
                        SessionEnd::Disconnected(why) => {
                            if begun.elapsed() >= SESSION_GOOD {
                                backoff = self.shared.waits.start();
                            }
                            (why, None)
                        }
                        end => return end,
                    }
                }
                Ok(Err(UpstreamError::Transient { message, retry_after })) => (message, retry_after),
                Ok(Err(UpstreamError::Disconnected { message })) => (message, None),
                Ok(Err(error)) => return self.failed(&error),
            };
            let wait = backoff.next(asked);
            self.say(&mut said, &why, &backoff, wait);
            self.shared.status.degrade(Cause::Upstream(drive), why);
            if let Err(end) = self.unless_stopped(sleep(wait)).await {
                return end;
            }
            self.shared.instruments.reconnected();
        }
    }

    /// Says why there is no session: loudly once, until there has been one or the reason is another.
    fn say(&self, said: &mut String, why: &str, backoff: &Backoff, wait: Duration) {
        let (connector, tries, wait_ms) = (self.shared.guest.id(), backoff.tries(), clock::millis(wait));
        if said == why {
            tracing::debug!(%connector, error = why, tries, wait_ms, "there is still no session with the upstream");
            return;
        }
        why.clone_into(said);
        tracing::warn!(%connector, error = why, tries, wait_ms, "there is no session with the upstream; a new one is made, and tried for until there is one");
    }

    /// Only somebody else can help.
    pub(super) fn failed(&self, error: &UpstreamError) -> SessionEnd {
        self.shared.fail(match error {
            UpstreamError::Gap { message } => format!("the upstream has lost what was not read: {message}"),
            error => error.to_string(),
        });
        SessionEnd::Failed
    }

    /// Reads until the session is over, and closes it.
    async fn session(&self, mut upstream: Box<dyn Upstream>, drive: usize) -> SessionEnd {
        let mut reader = Reader::new(self, upstream.confirmer(), drive);
        let end = reader.read(&mut *upstream).await;
        if matches!(end, SessionEnd::Stopped) {
            tokio::select! {
                biased;
                () = self.failed_or_dropped() => {}
                _ = timeout_at(self.deadline(), reader.settled()) => {}
            }
        }
        reader.end().await;
        let deadline = self.deadline();
        let _ = timeout_at(deadline, upstream.close(deadline.into_std())).await;
        end
    }
}

#[async_trait]
impl PullDriver for Driver {
    async fn drive(&self, upstreams: Arc<dyn Connect>) -> DriveEnd {
        let mut number = 0;
        self.drives.send_modify(|drives| {
            number = drives.begun;
            drives.begun += 1;
            drives.running += 1;
        });
        let _running = Running(&self.drives);
        let driving = AssertUnwindSafe(self.sessions(&*upstreams, number)).catch_unwind();
        match driving.await {
            Ok(SessionEnd::Stopped) => DriveEnd::Stopped,
            Ok(SessionEnd::Failed | SessionEnd::Disconnected(_)) => self.end(),
            Err(panic) => {
                let what = panics::message(&*panic);
                self.shared
                    .guard()
                    .crashed(format!("what reads from the upstream panicked: {what}"));
                self.end()
            }
        }
    }
}

impl Driver {
    fn end(&self) -> DriveEnd {
        match self.shared.status.get() {
            Status::Failed(message) | Status::Crashed(message) => DriveEnd::Failed { message },
            _ => DriveEnd::Stopped,
        }
    }
}

/// A drive is running as long as this is there.
struct Running<'a>(&'a watch::Sender<Drives>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|drives| drives.running -= 1);
    }
}
