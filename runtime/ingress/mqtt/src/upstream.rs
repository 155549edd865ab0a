//! One connection as the driver reads it.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use async_trait::async_trait;
use danube_wasm_model::{
    event::Event,
    upstream::{Confirmer, Delivery, Position, Room, StreamId, Upstream, UpstreamError},
};
use parking_lot::Mutex;
use tokio::time::timeout_at;

use crate::{
    client::Shared,
    event,
    event_id::mint,
    link::{Link, SocketTask},
    packets::{Digest, Message, Qos, Unfit},
    routes::{Route, Routed},
    session::{Arrival, Arrived, End, Ledger, Recognised},
};

/// See the module.
pub(crate) struct MqttUpstream {
    shared: Arc<Shared>,
    link: Arc<Link>,
    task: SocketTask,
    ledger: Arc<Mutex<Ledger>>,
    epoch: u64,
    /// Taken from the session, and not looked at yet.
    arrivals: VecDeque<Arrival>,
    /// To be delivered once what must be remembered of them is durable.
    staged: VecDeque<(u64, Staged)>,
    has_warned: AtomicBool,
}

/// What has arrived, as it is delivered.
enum Staged {
    Event(Box<Event>),
    /// It is acknowledged in its turn and no more.
    Passed,
}

/// What woke a reader that waits.
enum Woken {
    Over(End),
    Arrivals(VecDeque<Arrival>),
    /// Notes can go.
    Changes,
}

impl MqttUpstream {
    pub(crate) fn new(
        shared: Arc<Shared>,
        link: Arc<Link>,
        task: SocketTask,
        ledger: Arc<Mutex<Ledger>>,
        epoch: u64,
    ) -> Self {
        Self {
            shared,
            link,
            task,
            ledger,
            epoch,
            arrivals: VecDeque::new(),
            staged: VecDeque::new(),
            has_warned: AtomicBool::new(false),
        }
    }

    /// Waits for messages, if there is room for any.
    async fn wait(&mut self, room: Room) -> Result<(), UpstreamError> {
        let takes = room.events > 0 && self.staged.is_empty();
        let ledger = self.ledger.clone();
        let woken = self.link.until(|session| {
            if let Some(end) = session.end() {
                return Some(Woken::Over(end.clone()));
            }
            let arrivals = if takes {
                session.take(room.events, room.bytes.max(1))
            } else {
                VecDeque::new()
            };
            if !arrivals.is_empty() {
                return Some(Woken::Arrivals(arrivals));
            }
            ledger.lock().changes().map(|_| Woken::Changes)
        });
        match woken.await {
            Woken::Over(end) => Err(self.over(&end)),
            Woken::Arrivals(arrivals) => {
                self.arrivals = arrivals;
                Ok(())
            }
            Woken::Changes => Ok(()),
        }
    }

    fn over(&self, end: &End) -> UpstreamError {
        let config = &self.shared.config;
        let message = match end {
            End::TakenOver => format!(
                "another client with the id `{}` has taken the session at {} over: give each process that runs at a time a `client_id` of its own",
                config.client_id,
                config.url.address()
            ),
            End::Unacceptable(why) => {
                return UpstreamError::Configuration {
                    message: format!("MQTT broker {}: {why}", config.url),
                };
            }
            end => format!("MQTT broker {}: {end}", config.url),
        };
        UpstreamError::Disconnected { message }
    }

    /// Finds out what each of the arrivals is, and makes durable what must be remembered. May be cancelled and called again.
    async fn prepare(&mut self) -> Result<(), UpstreamError> {
        while let Some(Arrival { position, what }) = self.arrivals.front() {
            let staged = match what {
                Arrived::Message(message) => self.event(message).await?,
                Arrived::Unfit(unfit) => self.unfit(*position, unfit).await?,
            };
            self.staged.push_back((*position, staged));
            self.arrivals.pop_front();
        }
        let changes = self.ledger.lock().changes();
        if let Some(changes) = changes {
            self.shared.notes.write(&changes).await?;
            self.ledger.lock().written(&changes);
        }
        Ok(())
    }

    async fn event(&self, message: &Message) -> Result<Staged, UpstreamError> {
        match self.shared.routes.find(message) {
            Routed::To(route) => {
                let id = self.identify(message, || message.digest(), route).await?;
                let event = id.map(|id| event::event(message.clone(), id, route, self.shared.wants));
                Ok(event.map_or(Staged::Passed, |event| Staged::Event(Box::new(event))))
            }
            Routed::Double => Ok(Staged::Passed),
            Routed::Unwanted => {
                self.unwanted(message);
                Ok(Staged::Passed)
            }
        }
    }

    fn unwanted(&self, message: &Message) {
        let reason = if message.retain { "retained" } else { "unrouted" };
        self.shared.counters.left_out(reason);
        if !message.retain && !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(connector = %self.shared.connector, topic = message.topic, "messages of a topic that no route is for are acknowledged and left out: the broker still has an older subscription of this client");
        }
    }

    /// The id of a message's event; none if it is durable already.
    async fn identify(
        &self,
        message: &Message,
        digest: impl FnOnce() -> Digest + Send,
        route: &Route,
    ) -> Result<Option<String>, UpstreamError> {
        let own = route.config.event_id.find(message);
        if message.qos == Qos::AtMostOnce {
            return own.map_or_else(minted, Ok).map(Some);
        }
        if own.is_some() && message.qos == Qos::AtLeastOnce {
            return Ok(own);
        }
        let digest = digest();
        let mut recognised = self.ledger.lock().recognise(message, &digest);
        if recognised == Recognised::Unknown && own.is_none() {
            let note = self.shared.notes.of_packet(message.packet_id).await?;
            let mut ledger = self.ledger.lock();
            if ledger.recall(message.packet_id, note) {
                recognised = ledger.recognise(message, &digest);
            }
        }
        match (recognised, own) {
            (Recognised::Recorded, _) => Ok(None),
            (_, Some(own)) => {
                self.ledger.lock().enter(message.packet_id, digest, own.clone(), false);
                Ok(Some(own))
            }
            (Recognised::Same(id), None) => {
                self.shared.counters.recognised();
                Ok(Some(id))
            }
            (Recognised::New | Recognised::Unknown, None) => {
                let id = minted()?;
                self.ledger.lock().enter(message.packet_id, digest, id.clone(), true);
                Ok(Some(id))
            }
        }
    }

    /// Of a message that cannot be taken, what is known. Its route says what becomes of it; it is acknowledged, or it would come
    /// again for ever.
    async fn unfit(&self, position: u64, unfit: &Unfit) -> Result<Staged, UpstreamError> {
        let Unfit {
            message,
            digest,
            size,
            why,
        } = unfit;
        let route = match self.shared.routes.find(message) {
            Routed::To(route) => route,
            Routed::Double => return Ok(Staged::Passed),
            Routed::Unwanted => {
                self.unwanted(message);
                return Ok(Staged::Passed);
            }
        };
        let Some(id) = self.identify(message, || *digest, route).await? else {
            return Ok(Staged::Passed);
        };
        self.shared.counters.left_out("unfit");
        let topic = &message.topic;
        let error = format!(
            "a message of {size} bytes of topic `{topic}`, number {position} of its connection, cannot be taken: {why}"
        );
        let event = event::unfit(message.clone(), id, route, *size, position, error);
        Ok(Staged::Event(Box::new(event)))
    }

    /// The next of what is staged: a run of events, or of what is passed over.
    fn deliver(&mut self, room: Room) -> Option<Delivery> {
        let (stream, epoch) = (self.shared.stream.clone(), self.epoch);
        let is_passed = |(_, staged): &mut (u64, Staged)| matches!(staged, Staged::Passed);
        let mut passed = None;
        while let Some((position, _)) = self.staged.pop_front_if(is_passed) {
            passed = Some(Position::from(position));
        }
        if let Some(position) = passed {
            return Some(Delivery::Passed {
                stream,
                epoch,
                position,
            });
        }
        if room.events == 0 {
            return None;
        }
        let mut events = Vec::new();
        while let Some((position, staged)) = self.staged.pop_front() {
            match staged {
                Staged::Event(event) => events.push((*event, Position::from(position))),
                next => {
                    self.staged.push_front((position, next));
                    break;
                }
            }
        }
        (!events.is_empty()).then_some(Delivery::Events { stream, epoch, events })
    }
}

fn minted() -> Result<String, UpstreamError> {
    mint().map_err(|error| UpstreamError::Transient {
        message: format!("no random number for an event's id: {error}"),
        retry_after: None,
    })
}

#[async_trait]
impl Upstream for MqttUpstream {
    async fn receive(&mut self, room: Room) -> Result<Delivery, UpstreamError> {
        loop {
            self.prepare().await?;
            if let Some(delivery) = self.deliver(room) {
                return Ok(delivery);
            }
            self.wait(room).await?;
        }
    }

    fn confirmer(&self) -> Arc<dyn Confirmer> {
        Arc::new(MqttConfirmer {
            link: self.link.clone(),
            epoch: self.epoch,
        })
    }

    /// Behind the acknowledgements that are to be sent. The broker keeps the session.
    async fn close(mut self: Box<Self>, deadline: Instant) {
        self.link.change(crate::session::Session::close);
        let _ = timeout_at(deadline.into(), self.task.ended()).await;
    }
}

/// Acknowledges on the connection that delivered.
struct MqttConfirmer {
    link: Arc<Link>,
    epoch: u64,
}

#[async_trait]
impl Confirmer for MqttConfirmer {
    async fn confirm(&self, _: &StreamId, epoch: u64, upto: Position) -> Result<(), UpstreamError> {
        if epoch == self.epoch {
            let upto = u64::try_from(upto.get()).unwrap_or(u64::MAX);
            self.link.change(|session| session.confirm(upto));
        }
        Ok(())
    }
}
