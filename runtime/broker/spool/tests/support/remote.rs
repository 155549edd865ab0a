//! A broker that can go wrong: a real log, and in front of it what Danube does and what networks do.
//!
//! As Danube does, it acknowledges records that are only in its memory: [`Remote::flush`] writes them to the log, and
//! [`Remote::lose_session`] forgets those that were not.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_broker::{
    Acker, Broker, BrokerError, Consumer, ConsumerOptions, ErrorKind, Lag, Message, MessageId, Outgoing, Published,
    Publisher, Registry, Result, TopicSpec,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::TopicName;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::registry::RemoteRegistry;

/// See the module.
#[derive(Clone)]
pub(crate) struct Remote(Arc<Inner>);

pub(crate) struct Inner {
    log: Arc<EmbeddedBroker>,
    _directory: tempfile::TempDir,
    /// What was accepted and not forgotten, in order, and whether it is in the log.
    accepted: Mutex<Vec<(Outgoing, bool)>>,
    sessions: watch::Sender<u64>,
    /// Calls that are not answered now.
    hanging: Mutex<usize>,
    /// What goes wrong now.
    faults: watch::Sender<Faults>,
    /// What was given to consumers, and how to give it back.
    given: Mutex<Vec<(Arc<dyn Acker>, MessageId)>>,
    /// What consumers did.
    calls: Mutex<Calls>,
    /// Topics as they were asked for.
    topics: Mutex<Vec<(TopicName, TopicSpec)>>,
}

/// How many messages were given to consumers, acknowledged and given back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) given: usize,
    pub(crate) acks: usize,
    pub(crate) nacks: usize,
}

/// What goes wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// Nothing is in reach.
    pub(crate) down: bool,
    /// Nothing is answered.
    pub(crate) hang: bool,
    /// Everything takes so long.
    pub(crate) slow: Duration,
    /// Records are written, and the answer is an error.
    pub(crate) answer_lost: bool,
    /// Acknowledgements are answered, and forgotten.
    pub(crate) acks_forgotten: bool,
    /// Nobody can say whether a session is still there.
    pub(crate) checks_fail: bool,
    /// Acknowledgements fail.
    pub(crate) acks_fail: bool,
    /// Records with these payloads are refused so.
    pub(crate) refused: Vec<(String, ErrorKind)>,
    /// Topics that are refused so.
    pub(crate) refused_topics: Vec<(TopicName, ErrorKind)>,
}

impl std::ops::Deref for Remote {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Remote {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let log = EmbeddedBroker::open(directory.path(), EmbeddedOptions::default()).expect("opens");
        Self(Arc::new(Inner {
            log,
            _directory: directory,
            accepted: Mutex::default(),
            sessions: watch::channel(0).0,
            hanging: Mutex::default(),
            faults: watch::channel(Faults::default()).0,
            given: Mutex::default(),
            calls: Mutex::default(),
            topics: Mutex::default(),
        }))
    }

    pub(crate) fn fail(&self, change: impl FnOnce(&mut Faults)) {
        self.faults.send_modify(change);
    }

    pub(crate) fn heal(&self) {
        self.faults.send_modify(|faults| *faults = Faults::default());
    }

    /// Writes what was accepted to the log.
    pub(crate) async fn flush(&self) {
        let publisher = self.log.publisher("remote").await.expect("publisher");
        for result in publisher.publish(self.unwritten()).await {
            result.expect("written");
        }
    }

    fn unwritten(&self) -> Vec<Vec<Outgoing>> {
        let mut accepted = self.accepted.lock();
        let new = accepted.iter_mut().filter(|(_, written)| !written);
        new.map(|(record, written)| {
            *written = true;
            vec![record.clone()]
        })
        .collect()
    }

    /// The broker starts again: what it had not written is gone.
    pub(crate) fn lose_session(&self) {
        self.accepted.lock().retain(|(_, written)| *written);
        self.sessions.send_modify(|sessions| *sessions += 1);
    }

    /// Payloads of what it accepted and did not forget, in order, again where it came again.
    pub(crate) fn accepted(&self) -> Vec<String> {
        let text = |record: Outgoing| String::from_utf8(record.payload.to_vec()).expect("text");
        self.records().into_iter().map(text).collect()
    }

    /// The same, each once, where it came first.
    pub(crate) fn distinct(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.accepted()
            .into_iter()
            .filter(|text| seen.insert(text.clone()))
            .collect()
    }

    pub(crate) fn records(&self) -> Vec<Outgoing> {
        self.accepted.lock().iter().map(|(record, _)| record.clone()).collect()
    }

    pub(crate) fn topics(&self) -> Vec<(TopicName, TopicSpec)> {
        self.topics.lock().clone()
    }

    /// Messages of a subscription that are not acknowledged.
    pub(crate) async fn unacknowledged(&self) -> u64 {
        self.log.lag().await.expect("lag").iter().map(|lag| lag.messages).sum()
    }

    /// Delivers every unacknowledged message again, as after the acknowledgement timeout.
    pub(crate) async fn redeliver(&self) {
        let given = std::mem::take(&mut *self.given.lock());
        for (acker, id) in given {
            acker.nack(&[id], Duration::ZERO).await.expect("gives back");
        }
    }

    /// What consumers did so far.
    pub(crate) fn calls(&self) -> Calls {
        *self.calls.lock()
    }

    /// Whether a call waits for its answer.
    pub(crate) fn is_hanging(&self) -> bool {
        *self.hanging.lock() > 0
    }

    /// A broker whose records are on its disk at once.
    pub(crate) fn log(&self) -> &EmbeddedBroker {
        &self.log
    }

    /// Waits as long as it is slow or hangs, then says whether it is in reach.
    pub(super) async fn reach(&self) -> Result<()> {
        let slow = self.faults.borrow().slow;
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        let mut faults = self.faults.subscribe();
        *self.hanging.lock() += 1;
        let _ = faults.wait_for(|faults| !faults.hang).await;
        *self.hanging.lock() -= 1;
        if self.faults.borrow().down {
            Err(unavailable())
        } else {
            Ok(())
        }
    }

    fn check_topic(&self, topic: &TopicName) -> Result<()> {
        let faults = self.faults.borrow();
        let refused = faults.refused_topics.iter().find(|(refused, _)| refused == topic);
        refused.map_or(Ok(()), |(_, kind)| {
            Err(BrokerError::new(*kind, "this topic is refused"))
        })
    }

    fn accept(&self, record: Outgoing) -> Result<Published> {
        let faults = self.faults.borrow();
        let payload = &record.payload[..];
        if let Some((_, kind)) = faults.refused.iter().find(|(text, _)| text.as_bytes() == payload) {
            return Err(BrokerError::new(*kind, "this record is refused"));
        }
        self.accepted.lock().push((record, false));
        if faults.answer_lost {
            Err(unavailable())
        } else {
            Ok(Published { durable: true })
        }
    }
}

fn unavailable() -> BrokerError {
    BrokerError::new(ErrorKind::Unavailable, "the broker is not in reach")
}

#[async_trait]
impl Broker for Remote {
    async fn create_topic(&self, topic: &TopicName, spec: TopicSpec) -> Result<()> {
        self.reach().await?;
        self.check_topic(topic)?;
        self.topics.lock().push((topic.clone(), spec.clone()));
        self.log.create_topic(topic, spec).await
    }

    async fn publisher(&self, producer: &str) -> Result<Arc<dyn Publisher>> {
        self.reach().await?;
        Ok(Arc::new(RemotePublisher {
            remote: self.clone(),
            _producer: producer.to_owned(),
        }))
    }

    async fn subscribe(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>> {
        self.reach().await?;
        self.check_topic(&options.topic)?;
        let inner = self.log.subscribe(options).await?;
        Ok(Box::new(RemoteConsumer {
            remote: self.clone(),
            inner,
        }))
    }

    fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(RemoteRegistry(self.clone()))
    }

    async fn lag(&self) -> Result<Vec<Lag>> {
        self.reach().await?;
        self.log.lag().await
    }

    async fn ready(&self) -> Result<()> {
        self.reach().await
    }

    fn sessions(&self) -> watch::Receiver<u64> {
        self.sessions.subscribe()
    }

    async fn check_sessions(&self) -> Result<()> {
        self.reach().await?;
        if self.faults.borrow().checks_fail {
            Err(unavailable())
        } else {
            Ok(())
        }
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

struct RemotePublisher {
    remote: Remote,
    _producer: String,
}

impl Publisher for RemotePublisher {
    fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>> {
        let remote = self.remote.clone();
        // What is handed over belongs to the session of now.
        let session = *remote.sessions.borrow();
        // Handed over, whether anybody waits for the answer or not.
        let answer = tokio::spawn(async move {
            let mut results = Vec::new();
            for record in groups.into_iter().flatten() {
                let reached = remote.reach().await.and_then(|()| remote.check_topic(&record.topic));
                let same = *remote.sessions.borrow() == session;
                let reached = reached.and_then(|()| if same { Ok(()) } else { Err(unavailable()) });
                results.push(reached.and_then(|()| remote.accept(record)));
            }
            results
        });
        Box::pin(async move { answer.await.expect("it does not panic") })
    }
}

struct RemoteConsumer {
    remote: Remote,
    inner: Box<dyn Consumer>,
}

#[async_trait]
impl Consumer for RemoteConsumer {
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>> {
        self.remote.reach().await?;
        let messages = self.inner.receive(max).await?;
        self.remote.calls.lock().given += messages.len();
        let acker = self.inner.acker();
        let ids = messages.iter().map(|message| (acker.clone(), message.message_id));
        self.remote.given.lock().extend(ids);
        Ok(messages)
    }

    fn acker(&self) -> Arc<dyn Acker> {
        Arc::new(RemoteAcker {
            remote: self.remote.clone(),
            inner: self.inner.acker(),
        })
    }
}

struct RemoteAcker {
    remote: Remote,
    inner: Arc<dyn Acker>,
}

#[async_trait]
impl Acker for RemoteAcker {
    async fn ack(&self, messages: &[MessageId]) -> Result<()> {
        self.remote.reach().await?;
        self.remote.calls.lock().acks += messages.len();
        let faults = self.remote.faults.borrow().clone();
        match faults {
            Faults { acks_fail: true, .. } => Err(unavailable()),
            Faults {
                acks_forgotten: true, ..
            } => Ok(()),
            _ => self.inner.ack(messages).await,
        }
    }

    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()> {
        self.remote.reach().await?;
        self.remote.calls.lock().nacks += messages.len();
        self.inner.nack(messages, delay).await
    }
}
