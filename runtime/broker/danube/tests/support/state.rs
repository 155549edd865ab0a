//! What the broker knows, and what it was told to do wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use danube_wasm_proto::api::{MsgId, StreamMessage};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tonic::{Status, metadata::MetadataMap};

/// A call that arrived.
#[derive(Debug, Clone)]
pub struct Call {
    /// Name of the method.
    pub method: &'static str,
    /// The topic, the subject, or nothing.
    pub about: String,
    pub metadata: MetadataMap,
}

impl Call {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What to do with a call.
pub enum Act {
    Pass,
    Fail(Status),
    /// Do it, after a while.
    Late(Duration),
    /// Never answer.
    Hang,
}

type Script = Box<dyn FnMut(&Call) -> Act + Send>;

#[derive(Default)]
pub struct Topic {
    pub reliable: bool,
    pub subject: Option<String>,
    pub log: Vec<StreamMessage>,
    pub producers: BTreeMap<String, u64>,
    pub subscriptions: BTreeMap<String, Subscription>,
    /// Messages being published now, by key.
    busy: Vec<String>,
    /// A key was being published twice at once.
    pub overlapped: bool,
    pub overlap_max: usize,
}

#[derive(Default)]
pub struct Subscription {
    pub consumers: BTreeMap<String, u64>,
    /// Next offset to deliver.
    next: usize,
    delivered: BTreeSet<u64>,
    pub acked: BTreeSet<u64>,
    /// Acknowledgements in the order in which they were taken.
    pub acks: Vec<u64>,
    pub nacked: Vec<(u64, u64)>,
    stream: Option<mpsc::UnboundedSender<Result<StreamMessage, Status>>>,
    streaming: u64,
    /// What is not given.
    pub skips: BTreeSet<u64>,
    /// Nothing new is given.
    pub stands_still: bool,
    /// Most given and not acknowledged; 0 for any number.
    pub window: usize,
}

#[derive(Default)]
struct Inner {
    url: String,
    topics: BTreeMap<String, Topic>,
    calls: Vec<Call>,
    script: Option<Script>,
    /// Topics served elsewhere: connect URL, broker URL, whether through a proxy.
    moved: BTreeMap<String, (String, String, bool)>,
    /// Listed beside the true partitions.
    pub foreign: Vec<String>,
    unwanted: BTreeSet<u64>,
    pub schemas: Vec<(String, String, String)>,
    /// Whether it says that it is danube-wasm's own.
    own: bool,
}

/// See the module.
pub struct State {
    inner: Mutex<Inner>,
    ids: AtomicU64,
}

impl State {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::default(),
            ids: AtomicU64::new(1),
        })
    }

    pub fn set_url(&self, url: &str) {
        self.inner.lock().url = url.to_owned();
    }

    pub fn url(&self) -> String {
        self.inner.lock().url.clone()
    }

    /// Says what to do with each call from now on.
    pub fn script(&self, script: impl FnMut(&Call) -> Act + Send + 'static) {
        self.inner.lock().script = Some(Box::new(script));
    }

    pub fn behave(&self) {
        self.inner.lock().script = None;
    }

    /// It is danube-wasm's own broker from now on, and says so.
    pub fn be_own(&self) {
        self.inner.lock().own = true;
    }

    pub fn is_own(&self) -> bool {
        self.inner.lock().own
    }

    pub fn moved(&self, topic: &str, connect_url: &str, broker_url: &str, proxy: bool) {
        let place = (connect_url.to_owned(), broker_url.to_owned(), proxy);
        self.inner.lock().moved.insert(topic.to_owned(), place);
    }

    pub fn place(&self, topic: &str) -> Option<(String, String, bool)> {
        self.inner.lock().moved.get(topic).cloned()
    }

    pub fn list_foreign(&self, topics: &[&str]) {
        self.inner.lock().foreign = topics.iter().map(|t| (*t).to_owned()).collect();
    }

    /// Notes a call and says what to do with it.
    pub fn arrives(&self, call: Call) -> Act {
        let mut inner = self.inner.lock();
        let act = match &mut inner.script {
            Some(script) => script(&call),
            None => Act::Pass,
        };
        inner.calls.push(call);
        act
    }

    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.inner
            .lock()
            .calls
            .iter()
            .filter(|call| call.method == method)
            .cloned()
            .collect()
    }

    pub fn with<T>(&self, topic: &str, look: impl FnOnce(&mut Topic) -> T) -> Option<T> {
        self.inner.lock().topics.get_mut(topic).map(look)
    }

    pub fn log(&self, topic: &str) -> Vec<StreamMessage> {
        self.with(topic, |topic| topic.log.clone()).unwrap_or_default()
    }

    pub fn acked(&self, topic: &str) -> Vec<u64> {
        self.of_subscription(topic, |s| s.acked.iter().copied().collect())
    }

    pub fn acks(&self, topic: &str) -> Vec<u64> {
        self.of_subscription(topic, |s| s.acks.clone())
    }

    /// Changes what is given of a topic's subscription.
    pub fn deliver(&self, topic: &str, change: impl FnOnce(&mut Subscription)) {
        self.with(topic, |topic| {
            let Topic { log, subscriptions, .. } = topic;
            let subscription = subscriptions.get_mut("sub").expect("a subscription");
            change(subscription);
            subscription.catch_up("sub", log, log.len() as u64);
        });
    }

    /// Gives what it skipped after all.
    pub fn give(&self, topic: &str, offset: u64) {
        self.with(topic, |topic| {
            let Topic { log, subscriptions, .. } = topic;
            if let Some(subscription) = subscriptions.get_mut("sub") {
                subscription.send("sub", log, offset);
            }
        });
    }

    fn of_subscription<T: Default>(&self, topic: &str, look: impl FnOnce(&Subscription) -> T) -> T {
        let look = |topic: &mut Topic| topic.subscriptions.get("sub").map(look);
        self.with(topic, look).flatten().unwrap_or_default()
    }

    /// Forgets every id and ends every stream, as a restart does.
    pub fn forget(&self) {
        let mut inner = self.inner.lock();
        for topic in inner.topics.values_mut() {
            topic.producers.clear();
            for subscription in topic.subscriptions.values_mut() {
                subscription.consumers.clear();
                if let Some(stream) = subscription.stream.take() {
                    let _ = stream.send(Err(Status::unavailable("the broker goes")));
                }
            }
        }
    }

    /// Ends every stream without a word.
    pub fn hang_up(&self) {
        let mut inner = self.inner.lock();
        for subscription in inner
            .topics
            .values_mut()
            .flat_map(|topic| topic.subscriptions.values_mut())
        {
            subscription.stream = None;
        }
    }

    /// Consumers are not wanted any more, says the health check.
    pub fn let_consumers_go(&self) {
        let mut inner = self.inner.lock();
        let ids: Vec<u64> = inner
            .topics
            .values()
            .flat_map(|topic| topic.subscriptions.values())
            .flat_map(|subscription| subscription.consumers.values().copied())
            .collect();
        inner.unwanted.extend(ids);
    }

    /// Whether a consumer is still wanted: said once, as its successor may have the same id.
    pub fn is_wanted(&self, id: u64) -> bool {
        !self.inner.lock().unwanted.remove(&id)
    }

    pub fn knows_producer(&self, id: u64) -> bool {
        let inner = self.inner.lock();
        inner
            .topics
            .values()
            .any(|topic| topic.producers.values().any(|known| *known == id))
    }

    /// Delivers what is not acknowledged again.
    pub fn redeliver(&self, topic: &str) {
        let mut inner = self.inner.lock();
        let Some(topic) = inner.topics.get_mut(topic) else {
            return;
        };
        let Topic { log, subscriptions, .. } = topic;
        for (name, subscription) in subscriptions {
            let again: Vec<u64> = subscription
                .delivered
                .difference(&subscription.acked)
                .copied()
                .collect();
            for offset in again {
                subscription.send(name, log, offset);
            }
        }
    }

    /// The log ends here: what came after is lost, as by a crash, and its offsets are used again.
    pub fn truncate(&self, topic: &str, len: usize) {
        self.with(topic, |topic| {
            topic.log.truncate(len);
            for subscription in topic.subscriptions.values_mut() {
                subscription.next = subscription.next.min(len);
                subscription.delivered.retain(|offset| (*offset as usize) < len);
                subscription.acked.retain(|offset| (*offset as usize) < len);
            }
        });
    }

    pub fn partitions(&self, topic: &str) -> Vec<String> {
        let inner = self.inner.lock();
        if inner.topics.contains_key(topic) {
            return vec![topic.to_owned()];
        }
        let mut found: Vec<String> = inner
            .topics
            .keys()
            .filter(|name| name.starts_with(topic))
            .cloned()
            .collect();
        found.extend(inner.foreign.iter().cloned());
        found
    }

    pub fn create_producer(
        &self,
        topic: &str,
        name: &str,
        reliable: bool,
        subject: Option<String>,
    ) -> Result<u64, Status> {
        if !topic.starts_with("/default/") {
            return Err(Status::unavailable(
                "Unable to find the namespace nowhere, the topic can be created only for an exisiting namespace",
            ));
        }
        let mut inner = self.inner.lock();
        let topic = inner.topics.entry(topic.to_owned()).or_insert_with(|| Topic {
            reliable,
            subject: subject.clone(),
            ..Topic::default()
        });
        if topic.reliable != reliable {
            return Err(Status::failed_precondition(
                "Producer requested dispatch strategy does not match topic strategy",
            ));
        }
        if subject.is_some() && subject != topic.subject {
            return Err(Status::failed_precondition(
                "Topic 't' uses schema subject 'a', cannot use 'b'.",
            ));
        }
        let id = *topic
            .producers
            .entry(name.to_owned())
            .or_insert_with(|| self.ids.fetch_add(1, Ordering::Relaxed));
        Ok(id)
    }

    /// Begins to publish: marks the key as busy.
    pub fn begin(&self, message: &StreamMessage) {
        let name = message
            .msg_id
            .as_ref()
            .map(|id| id.topic_name.clone())
            .unwrap_or_default();
        let key = message.routing_key.clone();
        self.with(&name, |topic| {
            if let Some(key) = key {
                topic.overlapped |= topic.busy.contains(&key);
                topic.busy.push(key);
            } else {
                topic.busy.push(String::new());
            }
            topic.overlap_max = topic.overlap_max.max(topic.busy.len());
        });
    }

    pub fn end(&self, message: &StreamMessage) {
        let name = message
            .msg_id
            .as_ref()
            .map(|id| id.topic_name.clone())
            .unwrap_or_default();
        let key = message.routing_key.clone().unwrap_or_default();
        self.with(&name, |topic| {
            if let Some(at) = topic.busy.iter().position(|busy| *busy == key) {
                topic.busy.remove(at);
            }
        });
    }

    pub fn store(&self, mut message: StreamMessage) -> Result<(), Status> {
        let id = message.msg_id.clone().unwrap_or_default();
        let stored = self.with(&id.topic_name, |topic| {
            if !topic.producers.values().any(|known| *known == id.producer_id) {
                return Err(Status::not_found(format!(
                    "The producer with id {} does not exist",
                    id.producer_id
                )));
            }
            let offset = if topic.reliable { topic.log.len() as u64 } else { 0 };
            message.msg_id = Some(MsgId {
                topic_offset: offset,
                ..id.clone()
            });
            topic.log.push(message);
            let at = topic.log.len() as u64 - 1;
            let Topic { log, subscriptions, .. } = topic;
            for (name, subscription) in subscriptions {
                subscription.catch_up(name, log, at + 1);
            }
            Ok(())
        });
        stored.unwrap_or_else(|| Err(Status::not_found("no such topic")))
    }

    pub fn subscribe(&self, topic: &str, subscription: &str, consumer: &str, exclusive: bool) -> Result<u64, Status> {
        let subscribed = self.with(topic, |topic| {
            let end = topic.log.len();
            let subscription = topic
                .subscriptions
                .entry(subscription.to_owned())
                .or_insert_with(|| Subscription {
                    next: end,
                    ..Subscription::default()
                });
            if exclusive && subscription.consumers.keys().any(|other| other != consumer) {
                return Err(Status::permission_denied(
                    "Not able to subscribe to the topic t due to Not allowed to add the Consumer: x, the Exclusive \
                     subscription can't be shared with other consumers",
                ));
            }
            // A takeover.
            subscription.stream = None;
            let id = subscription.consumers.entry(consumer.to_owned());
            Ok(*id.or_insert_with(|| self.ids.fetch_add(1, Ordering::Relaxed)))
        });
        subscribed.unwrap_or_else(|| Err(Status::not_found(format!("Unable to find the topic: {topic}"))))
    }

    pub fn attach(&self, id: u64) -> Result<mpsc::UnboundedReceiver<Result<StreamMessage, Status>>, Status> {
        let mut inner = self.inner.lock();
        for topic in inner.topics.values_mut() {
            let Topic { log, subscriptions, .. } = topic;
            for (name, subscription) in subscriptions {
                if !subscription.consumers.values().any(|known| *known == id) {
                    continue;
                }
                let (stream, messages) = mpsc::unbounded_channel();
                subscription.stream = Some(stream);
                subscription.streaming = id;
                // What was delivered before and not acknowledged comes first.
                let again: Vec<u64> = subscription
                    .delivered
                    .difference(&subscription.acked)
                    .copied()
                    .collect();
                for offset in again {
                    subscription.send(name, log, offset);
                }
                let end = log.len() as u64;
                subscription.catch_up(name, log, end);
                return Ok(messages);
            }
        }
        Err(Status::not_found(format!(
            "The consumer with the id {id} does not exist"
        )))
    }

    pub fn ack(&self, id: &MsgId, subscription: &str, nack: Option<u64>) -> Result<(), Status> {
        let done = self.with(&id.topic_name, |topic| {
            let Topic { log, subscriptions, .. } = topic;
            let name = subscription;
            let Some(subscription) = subscriptions.get_mut(name) else {
                return Err(Status::internal("Error acknowledging message: Subscription not found"));
            };
            match nack {
                Some(delay) => subscription.nacked.push((id.topic_offset, delay)),
                None => {
                    subscription.acked.insert(id.topic_offset);
                    subscription.acks.push(id.topic_offset);
                }
            }
            subscription.catch_up(name, log, log.len() as u64);
            Ok(())
        });
        done.unwrap_or_else(|| {
            Err(Status::internal(
                "Error acknowledging message: Topic not found in registry",
            ))
        })
    }

    pub fn schemas<T>(&self, look: impl FnOnce(&mut Vec<(String, String, String)>) -> T) -> T {
        look(&mut self.inner.lock().schemas)
    }
}

impl Subscription {
    /// Whether a client reads the stream.
    pub fn is_streaming(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| !stream.is_closed())
    }

    fn catch_up(&mut self, name: &str, log: &[StreamMessage], end: u64) {
        let has_room = |s: &Self| s.window == 0 || s.delivered.len() - s.acked.len() < s.window;
        while self.stream.is_some() && !self.stands_still && has_room(self) && (self.next as u64) < end {
            if !self.skips.contains(&(self.next as u64)) {
                self.send(name, log, self.next as u64);
            }
            self.next += 1;
        }
    }

    fn send(&mut self, name: &str, log: &[StreamMessage], at: u64) {
        let (Some(stream), Some(message)) = (&self.stream, log.get(at as usize)) else {
            return;
        };
        let mut message = message.clone();
        message.subscription_name = name.to_owned();
        self.delivered.insert(at);
        let _ = stream.send(Ok(message));
    }
}
